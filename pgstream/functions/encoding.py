"""Quoting, format(), digests, and bytes as text."""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.errors import (
    InvalidParameterValue,
    NullValueNotAllowed,
    SubstringError,
)
from pgstream.functions.keywords import needs_quotes
from pgstream.functions.registry import STABLE, BoundCall, function
from pgstream.functions.text import as_text
from pgstream.functions.text_parts import printed


@function(
    "quote_ident(text) -> text",
    rowwise=True,
    examples={
        "quote_ident('foo bar')": '"foo bar"',
        "quote_ident('foo')": "foo",
        "quote_ident('select')": '"select"',
        "quote_ident('a\"b')": '"a""b"',
    },
)
def quote_ident(name: str) -> str:
    """`name` as an identifier in SQL, in quotes where it needs them."""
    if re.fullmatch(r"[a-z_][a-z0-9_]*", name) and not needs_quotes(name):
        return name
    return '"' + name.replace('"', '""') + '"'


@function(
    "quote_literal(text) -> text",
    rowwise=True,
    examples={"quote_literal('O''Reilly')": "'O''Reilly'", "quote_literal('a\\b')": "E'a\\\\b'"},
)
def quote_literal(text: str) -> str:
    """`text` as a string constant in SQL."""
    quoted = text.replace("'", "''")
    return "E'" + quoted.replace("\\", "\\\\") + "'" if "\\" in text else f"'{quoted}'"


@function(
    "quote_literal(anyelement) -> text", bound=True, volatility=STABLE, examples={"quote_literal(42.5)": "'42.5'"}
)
def quote_any(call: BoundCall, value: Column) -> Column:
    """The value's text as a string constant in SQL."""
    return pa.array(
        [None if text is None else quote_literal(text) for text in as_text(call, 0, value).to_pylist()], pa.string()
    )


@function(
    "quote_nullable(text) -> text",
    rowwise=True,
    strict=False,
    examples={"quote_nullable(NULL)": "NULL", "quote_nullable('a')": "'a'"},
)
def quote_nullable(text: str | None) -> str:
    """`text` as a string constant in SQL, or the word NULL."""
    return "NULL" if text is None else quote_literal(text)


@function(
    "quote_nullable(anyelement) -> text",
    bound=True,
    strict=False,
    volatility=STABLE,
    examples={"quote_nullable(42.5)": "'42.5'"},
)
def quote_nullable_any(call: BoundCall, value: Column) -> Column:
    """The value's text as a string constant in SQL, or the word NULL."""
    return pa.array([quote_nullable(text) for text in as_text(call, 0, value).to_pylist()], pa.string())


_PLACE = re.compile(r"%(?:(%)|(?:(\d+)\$)?(-*)(?:(\d+)|\*(?:(\d+)\$)?(?<=[*$]))?(.?))", re.DOTALL)


@function(
    "format(text, VARIADIC any) -> text",
    strict=False,
    bound=True,
    volatility=STABLE,
    examples={
        "format('Hello %s, %1$s', 'World')": "Hello World, World",
        "format('INSERT INTO %I VALUES (%L)', 'Foo bar', 'O''Reilly')": "INSERT INTO \"Foo bar\" VALUES ('O''Reilly')",
        "format('|%10s|%-10s|', 'foo', 'bar')": "|       foo|bar       |",
        "format('%s%%', NULL)": "%",
        "format('%L', NULL)": "NULL",
        "format('%s')": "ERROR: 22023 too few arguments for format()",
        "format('%y', 1)": 'ERROR: 22023 unrecognized format() type specifier "y"',
        "format('|%*s|', 5, 'a')": "|    a|",
    },
)
def format_(call: BoundCall, template: Column, *args: Column) -> Column:
    """`template` with %s (text), %I (identifier) and %L (literal) replaced by the arguments."""
    texts = [printed(call, position + 1, arg).to_pylist() for position, arg in enumerate(args)]
    rows = zip(template.to_pylist(), *texts, strict=True)
    return pa.array([None if row[0] is None else _formatted(row[0], row[1:]) for row in rows], pa.string())


function(
    "format(text) -> text",
    rowwise=True,
    doc="`template` with %% replaced by %.",
    examples={"format('a%%b')": "a%b", "format(NULL)": "NULL"},
)(lambda template: _formatted(template, ()))


def _formatted(template: str, args: tuple[str | None, ...]) -> str:
    following = 0

    def argument(position: str | None) -> str | None:
        nonlocal following
        if position is not None and int(position) == 0:
            raise InvalidParameterValue("format specifies argument 0, but arguments are numbered from 1")
        index = int(position) - 1 if position is not None else following
        following = index + 1
        if index >= len(args):
            raise InvalidParameterValue("too few arguments for format()")
        return args[index]

    def replace(found: re.Match[str]) -> str:
        percent, position, minus, width, star, kind = found.groups()
        if percent:
            return "%"
        size = width
        if width is None and "*" in found[0]:
            size = argument(star) or "0"
        if not kind:
            raise InvalidParameterValue("unterminated format() type specifier", hint='For a single "%" use "%%".')
        if kind not in "sIL":
            raise InvalidParameterValue(
                f'unrecognized format() type specifier "{kind}"', hint='For a single "%" use "%%".'
            )
        text = _converted(kind, argument(position))
        cells = int(size or 0)
        return text.ljust(abs(cells)) if minus or cells < 0 else text.rjust(cells)

    return _PLACE.sub(replace, template)


def _converted(kind: str, value: str | None) -> str:
    if kind == "I":
        if value is None:
            raise NullValueNotAllowed("null values cannot be formatted as an SQL identifier")
        return quote_ident(value)
    if kind == "L":
        return quote_nullable(value)
    return value or ""


def _digest(name: str) -> Callable[[bytes], bytes]:
    return lambda content: hashlib.new(name, content).digest()


function(
    "md5(text) -> text",
    rowwise=True,
    doc="The MD5 of the text's bytes, in hexadecimal.",
    examples={"md5('abc')": "900150983cd24fb0d6963f7d28e17f72"},
)(lambda text: hashlib.md5(text.encode()).hexdigest())
function(
    "md5(bytea) -> text",
    rowwise=True,
    doc="The MD5 of the bytes, in hexadecimal.",
    examples={"md5('abc'::bytea)": "900150983cd24fb0d6963f7d28e17f72"},
)(lambda content: hashlib.md5(content).hexdigest())
for _name in ("sha224", "sha256", "sha384", "sha512"):
    function(
        f"{_name}(bytea) -> bytea",
        rowwise=True,
        doc=f"The {_name.upper()} of the bytes.",
        examples={f"{_name}('abc'::bytea)": "\\x" + hashlib.new(_name, b"abc").hexdigest()},
    )(_digest(_name))


def _escaped(content: bytes) -> str:
    return "".join("\\\\" if byte == 92 else chr(byte) if 0 < byte < 128 else f"\\{byte:03o}" for byte in content)


def _lines(text: str) -> str:
    return "\n".join(text[at : at + 76] for at in range(0, len(text), 76))


@function(
    "encode(bytea, text) -> text",
    rowwise=True,
    examples={
        "encode('123\\000\\001', 'base64')": "MTIzAAE=",
        "encode('abc'::bytea, 'hex')": "616263",
        "encode('a\\000b'::bytea, 'escape')": "a\\000b",
        "encode('a', 'x')": 'ERROR: 22023 unrecognized encoding: "x"',
    },
)
def encode(content: bytes, format: str) -> str:
    """The bytes as text in format base64, hex or escape."""
    kind = format.lower()
    if kind == "hex":
        return content.hex()
    if kind == "base64":
        return _lines(base64.b64encode(content).decode())
    if kind == "escape":
        return _escaped(content)
    raise InvalidParameterValue(f'unrecognized encoding: "{format}"')


@function(
    "decode(text, text) -> bytea",
    rowwise=True,
    examples={
        "decode('MTIzAAE=', 'base64')": "\\x3132330001",
        "decode('616263', 'hex')": "\\x616263",
        "decode('a\\000b', 'escape')": "\\x610062",
        "decode('6', 'hex')": "ERROR: 22023 invalid hexadecimal data: odd number of digits",
        "decode('zz', 'hex')": 'ERROR: 22023 invalid hexadecimal digit: "z"',
    },
)
def decode(text: str, format: str) -> bytes:
    """The bytes that `text` spells in format base64, hex or escape."""
    kind = format.lower()
    if kind == "hex":
        return _from_hex(text)
    if kind == "base64":
        try:
            return base64.b64decode(re.sub(r"[ \t\r\n]", "", text), validate=True)
        except binascii.Error:
            raise InvalidParameterValue(
                "invalid base64 end sequence",
                hint="Input data is missing padding, is truncated, or is otherwise corrupted.",
            ) from None
    if kind == "escape":
        return re.sub(
            rb"\\([0-3][0-7]{2}|\\)", lambda m: b"\\" if m[1] == b"\\" else bytes([int(m[1], 8)]), text.encode()
        )
    raise InvalidParameterValue(f'unrecognized encoding: "{format}"')


def _from_hex(text: str) -> bytes:
    digits = re.sub(r"[ \t\r\n]", "", text)
    for digit in digits:
        if digit not in "0123456789abcdefABCDEF":
            raise InvalidParameterValue(f'invalid hexadecimal digit: "{digit}"')
    if len(digits) % 2:
        raise InvalidParameterValue("invalid hexadecimal data: odd number of digits")
    return bytes.fromhex(digits)


function(
    "byteacat(bytea, bytea) -> bytea",
    operator="||",
    nullsafe=True,
    doc="Both byte strings joined.",
    examples={"'\\x01'::bytea || '\\x02'::bytea": "\\x0102"},
)(lambda left, right: pc.binary_join_element_wise(left, right, b""))
function(
    "length(bytea) -> int4", nullsafe=True, doc="The number of bytes.", examples={"length('\\x0102'::bytea)": "2"}
)(pc.binary_length)


def _bytes_slice(content: bytes, start: int, length: int | None = None) -> bytes:
    if length is not None and length < 0:
        raise SubstringError("negative substring length not allowed")
    first = max(start - 1, 0)
    return content[first:] if length is None else content[first : max(start - 1 + length, first)]


for _name in ("substr", "substring"):
    function(
        f"{_name}(bytea, int4, int4) -> bytea",
        rowwise=True,
        doc="`length` bytes from `start` on.",
        examples={f"{_name}('\\x010203'::bytea, 2, 1)": "\\x02"},
    )(_bytes_slice)
    function(
        f"{_name}(bytea, int4) -> bytea",
        rowwise=True,
        doc="The bytes from `start` on.",
        examples={f"{_name}('\\x010203'::bytea, 2)": "\\x0203"},
    )(_bytes_slice)
