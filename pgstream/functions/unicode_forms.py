"""Unicode: normal forms, escapes, and identifiers taken apart."""

import re
import unicodedata
from typing import Literal, cast

from pgstream.errors import InvalidParameterValue, SyntaxError42601
from pgstream.functions.registry import function

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
_DECOMPOSED = "U&'\\0061\\0308bc'"


def _form(name: str) -> Form:
    if name.upper() not in ("NFC", "NFD", "NFKC", "NFKD"):
        raise InvalidParameterValue(f"invalid normalization form: {name}")
    return cast(Form, name.upper())


@function(
    "normalize(text, text) -> text",
    rowwise=True,
    defaults=1,
    examples={
        f"octet_length(normalize({_DECOMPOSED}, NFC))": "4",
        f"octet_length(normalize({_DECOMPOSED}))": "4",
        "normalize(U&'\\FB01', NFKC)": "fi",
    },
)
def normalize(text: str, form: str = "NFC") -> str:
    """The text in a Unicode normal form: NFC, NFD, NFKC or NFKD."""
    return unicodedata.normalize(_form(form), text)


@function(
    "is_normalized(text, text) -> bool",
    rowwise=True,
    defaults=1,
    examples={
        f"{_DECOMPOSED} IS NORMALIZED": "f",
        f"{_DECOMPOSED} IS NFD NORMALIZED": "t",
        "is_normalized('a', 'x')": "ERROR: 22023 invalid normalization form: x",
    },
)
def is_normalized(text: str, form: str = "NFC") -> bool:
    """Whether the text is in a Unicode normal form."""
    return unicodedata.is_normalized(_form(form), text)


_ESCAPE = re.compile(r"\\(?:(\\)|u?([0-9A-Fa-f]{4})|\+([0-9A-Fa-f]{6})|U([0-9A-Fa-f]{8})|())")


@function(
    "unistr(text) -> text",
    rowwise=True,
    examples={
        "unistr('d\\0061t\\+000061 \\\\ \\u0061 \\U00000062')": "data \\ a b",
        "ascii(unistr('\\d83d\\de00'))": "128512",
        "unistr('\\d83dx')": "ERROR: 42601 invalid Unicode surrogate pair",
        "unistr('\\xyz')": "ERROR: 42601 invalid Unicode escape",
        "unistr('\\+110000')": "ERROR: 22023 invalid Unicode code point: 110000",
    },
)
def unistr(text: str) -> str:
    """The text with the escapes \\XXXX, \\+XXXXXX, \\uXXXX and \\UXXXXXXXX replaced by the characters they are of."""
    made, last, high = [], 0, 0
    for found in _ESCAPE.finditer(text):
        if high and found.start() > last:
            raise SyntaxError42601("invalid Unicode surrogate pair")
        made.append(text[last : found.start()])
        last = found.end()
        letter, high = _unescaped(found, high)
        made.append(letter)
    if high:
        raise SyntaxError42601("invalid Unicode surrogate pair")
    return "".join(made) + text[last:]


def _unescaped(found: re.Match[str], high: int) -> tuple[str, int]:
    """The character of an escape, and the first half of a surrogate pair whose second half is to follow (0: none)."""
    if found[5] is not None:
        hint = "Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX."
        raise SyntaxError42601("invalid Unicode escape", hint=hint)
    code = ord("\\") if found[1] else int(found[2] or found[3] or found[4], 16)
    if code == 0 or code > 0x10FFFF:
        raise InvalidParameterValue(f"invalid Unicode code point: {code:04X}")
    low = 0xDC00 <= code < 0xE000
    if bool(high) != low:
        raise SyntaxError42601("invalid Unicode surrogate pair")
    if 0xD800 <= code < 0xDC00:
        return "", code
    return chr(0x10000 + ((high - 0xD800) << 10) + code - 0xDC00 if low else code), 0


_SPACES = " \t\n\r\f\v"
_PART = re.compile(r'"((?:[^"]|"")*)"|([A-Za-z_\x80-\U0010ffff][\w$\x80-\U0010ffff]*)', re.ASCII)


@function(
    "parse_ident(text, bool) -> _text",
    rowwise=True,
    oid=1268,
    defaults=1,
    examples={
        "parse_ident('\"SomeSchema\".someTable')": "{SomeSchema,sometable}",
        'parse_ident(\' a . "B""c" \')': '{a,"B\\"c"}',
        "parse_ident('foo.bar[1]', false)": "{foo,bar}",
        "parse_ident('foo.bar[1]')": 'ERROR: 22023 string is not a valid identifier: "foo.bar[1]"',
        "parse_ident('\"a')": 'ERROR: 22023 string is not a valid identifier: ""a"',
    },
)
def parse_ident(text: str, strict: bool = True) -> list[str]:
    """The parts of a qualified identifier, those without quotes in lower case."""
    parts, rest, after_dot = [], text.lstrip(_SPACES), False
    while True:
        found = _PART.match(rest)
        if found is None or found[1] == "":
            raise _not_identifier(text, _detail(rest, after_dot))
        parts.append(_lowered(found[2]) if found[1] is None else found[1].replace('""', '"'))
        rest = rest[found.end() :].lstrip(_SPACES)
        if not rest.startswith("."):
            break
        rest, after_dot = rest[1:].lstrip(_SPACES), True
    if rest and strict:
        raise _not_identifier(text, None)
    return parts


def _lowered(name: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in name)


def _detail(rest: str, after_dot: bool) -> str | None:
    if rest.startswith('""'):
        return "Quoted identifier must not be empty."
    if rest.startswith('"'):
        return "String has unclosed double quotes."
    if rest.startswith("."):
        return 'No valid identifier before ".".'
    return 'No valid identifier after ".".' if after_dot else None


def _not_identifier(text: str, detail: str | None) -> InvalidParameterValue:
    return InvalidParameterValue(f'string is not a valid identifier: "{text}"', detail=detail)
