"""JSON text: PostgreSQL's checks with its messages, and the text that jsonb prints."""

import json
import re
from typing import Any

from pgstream.errors import InvalidTextRepresentation, ProgramLimitExceeded, SqlError, UntranslatableCharacter

TOKEN = re.compile(
    r'[ \t\n\r]*(?:([{}\[\]:,])|(")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null))', re.ASCII
)
RUN = re.compile(r"(?:[A-Za-z0-9_]|[^\x00-\x7f])*")
STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
STRING_PREFIX = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*')
UNICODE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)")


class Number(str):
    """A JSON number, as it was written."""

    __slots__ = ()


def refuse_constant(word: str) -> Any:
    """NaN and Infinity, which Python's reader takes, are no JSON."""
    raise ValueError(word)


DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=refuse_constant)


def json_of(text: str, unicode_matters: bool) -> Any:
    """The value of `text`, numbers as `Number`. Raises what PostgreSQL's parser raises.

    `unicode_matters`: escapes must name characters that text can hold (jsonb), not only be well formed (json).
    """
    try:
        value = DECODER.decode(text)
    except RecursionError:
        raise ProgramLimitExceeded("stack depth limit exceeded") from None
    except ValueError:
        Checker(text, unicode_matters).check()
        raise AssertionError(f"readers disagree about {text!r}") from None
    if unicode_matters and "\\u" in text:
        Checker(text, True).check()
    return value


def invalid(detail: str) -> InvalidTextRepresentation:
    """The error for text that is no JSON."""
    return InvalidTextRepresentation("invalid input syntax for type json", detail=detail)


class Checker:
    """Walks over JSON text as PostgreSQL's lexer and parser do, to find the first error and name it alike."""

    def __init__(self, text: str, unicode_matters: bool) -> None:
        self.text = text
        self.unicode_matters = unicode_matters
        self.at = 0
        self.token = ""
        self.kind = "start"

    def check(self) -> None:
        """Raises if the text is no JSON."""
        self.advance()
        self.value()
        if self.kind != "end":
            raise self.unexpected("Expected end of input")

    def unexpected(self, expectation: str) -> SqlError:
        """The error for the current token where something else should stand."""
        if self.kind == "end":
            return invalid("The input string ended unexpectedly.")
        return invalid(f'{expectation}, but found "{self.token}".')

    def advance(self) -> None:
        """Reads the next token."""
        found = TOKEN.match(self.text, self.at)
        if found is None:
            self.at = re.compile(r"[ \t\n\r]*").match(self.text, self.at).end()  # type: ignore[union-attr]
            if self.at == len(self.text):
                self.kind, self.token = "end", ""
                return
            raise self.bad_token(self.at)
        start = found.start(found.lastindex or 0)
        if found[2]:
            self.string(start)
            return
        self.at = found.end()
        if found[3] and self.runs_on(found[3]):
            raise self.bad_number(start)
        if found[4] and RUN.match(self.text, start)[0] != found[4]:  # type: ignore[index]
            raise self.bad_token(start)
        self.kind = found[1] or ("number" if found[3] else "word")
        self.token = found[0].lstrip(" \t\n\r")

    def runs_on(self, number: str) -> bool:
        """Whether what follows `number` belongs to it, and makes it wrong."""
        following = self.text[self.at : self.at + 1]
        if following == ".":
            return not re.search("[.eE]", number)
        return following.isalnum() or following == "_" or following > "\x7f"

    def bad_number(self, start: int) -> SqlError:
        """A number with something after it that belongs to no other token."""
        rest = re.compile(r"-?\d*(?:\.\d*)?(?:[eE][+-]?\d*)?(?:[A-Za-z0-9_]|[^\x00-\x7f])*").match(self.text, start)
        assert rest is not None
        return invalid(f'Token "{rest[0]}" is invalid.')

    def bad_token(self, start: int) -> SqlError:
        """Something that starts no token."""
        if self.text[start] == "-":
            return self.bad_number(start)
        run = RUN.match(self.text, start)
        assert run is not None
        return invalid(f'Token "{run[0] or self.text[start]}" is invalid.')

    def string(self, start: int) -> None:
        """A string token at `start`."""
        found = STRING.match(self.text, start)
        if found is None:
            raise self.bad_string(start)
        self.kind, self.token, self.at = "string", found[0], found.end()
        if self.unicode_matters and "\\u" in self.token:
            check_escapes(self.token)

    def bad_string(self, start: int) -> SqlError:
        """What is wrong with the string at `start`."""
        prefix = STRING_PREFIX.match(self.text, start)
        assert prefix is not None
        if self.unicode_matters:
            check_escapes(prefix[0])
        rest = self.text[prefix.end() :]
        if not rest or rest == "\\":
            return invalid(f'Token "{self.text[start:]}" is invalid.')
        if rest[0] != "\\":
            return invalid(f"Character with value 0x{ord(rest[0]):02x} must be escaped.")
        if rest[1] == "u":
            if re.fullmatch(r"\\u[0-9a-fA-F]{0,3}", rest):
                return invalid(f'Token "{self.text[start:]}" is invalid.')
            return invalid('"\\u" must be followed by four hexadecimal digits.')
        return invalid(f'Escape sequence "\\{rest[1]}" is invalid.')

    def value(self) -> None:
        """Any value."""
        if self.kind == "{":
            self.members()
        elif self.kind == "[":
            self.elements()
        elif self.kind in ("string", "number", "word"):
            self.advance()
        else:
            raise self.unexpected("Expected JSON value")

    def members(self) -> None:
        """The rest of an object."""
        self.advance()
        if self.kind == "}":
            self.advance()
            return
        if self.kind != "string":
            raise self.unexpected('Expected string or "}"')
        while True:
            if self.kind != "string":
                raise self.unexpected("Expected string")
            self.advance()
            if self.kind != ":":
                raise self.unexpected('Expected ":"')
            self.advance()
            self.value()
            if self.kind == "}":
                self.advance()
                return
            if self.kind != ",":
                raise self.unexpected('Expected "," or "}"')
            self.advance()

    def elements(self) -> None:
        """The rest of an array."""
        self.advance()
        if self.kind == "]":
            self.advance()
            return
        while True:
            self.value()
            if self.kind == "]":
                self.advance()
                return
            if self.kind != ",":
                raise self.unexpected('Expected "," or "]"')
            self.advance()


def check_escapes(token: str) -> None:
    """Raises where an escape in a string token names half a character, or NUL."""
    high = False
    expected = 0
    for found in UNICODE.finditer(token):
        if high and (found.start() != expected or found[1] is None):
            break
        code = int(found[1], 16) if found[1] else -1
        if 0xDC00 <= code <= 0xDFFF and not high:
            raise invalid("Unicode low surrogate must follow a high surrogate.")
        if high and not 0xDC00 <= code <= 0xDFFF:
            if 0xD800 <= code <= 0xDBFF:
                raise invalid("Unicode high surrogate must not follow a high surrogate.")
            break
        high = 0xD800 <= code <= 0xDBFF
        expected = found.end()
        if code == 0:
            raise UntranslatableCharacter(
                "unsupported Unicode escape sequence", detail="\\u0000 cannot be converted to text."
            )
    if high:
        raise invalid("Unicode low surrogate must follow a high surrogate.")
