"""What the string types share: text, varchar, bpchar, name, "char" and their kin. Python form: str."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.errors import CharacterNotInRepertoire, InvalidParameterValue
from pgstream.types.definition import Settings
from pgstream.types.integer import plain_value, same
from pgstream.types.order import string_keys


def parse_text(text: Column, typmod: int) -> Column:
    """Input: the text itself."""
    return text


def format_text(column: Column, settings: Settings) -> Column:
    """Output: the text itself."""
    return column


def receive_text(content: Column, typmod: int) -> Column:
    """Binary input: UTF-8 without NUL."""
    try:
        text = content.cast(pa.string())
    except pa.ArrowInvalid:
        raise first_bad_encoding(content) from None
    if pc.any(pc.match_substring(text, "\0")).as_py():
        raise CharacterNotInRepertoire('invalid byte sequence for encoding "UTF8": 0x00')
    return text


def first_bad_encoding(content: Column) -> CharacterNotInRepertoire:
    """The error for the first value of `content` that is not UTF-8, naming its bytes as PostgreSQL does."""
    for value in content.drop_null().to_pylist():
        try:
            value.decode()
        except UnicodeDecodeError as problem:
            wrong = value[problem.start : problem.start + utf8_length(value[problem.start])]
            shown = " ".join(f"0x{byte:02x}" for byte in wrong)
            return CharacterNotInRepertoire(f'invalid byte sequence for encoding "UTF8": {shown}')
    raise AssertionError("Arrow rejected valid UTF-8")


def utf8_length(first: int) -> int:
    """How many bytes a UTF-8 character has that starts with byte `first`."""
    if first & 0xE0 == 0xC0:
        return 2
    if first & 0xF0 == 0xE0:
        return 3
    return 4 if first & 0xF8 == 0xF0 else 1


def send_text(column: Column) -> Column:
    """Binary output: UTF-8."""
    return column.cast(pa.binary())


def length_typmod(type_name: str, numbers: tuple[int, ...]) -> int:
    """The typmod of `char(n)` and `varchar(n)`: n + 4."""
    if len(numbers) != 1:
        raise InvalidParameterValue("invalid type modifier")
    if numbers[0] < 1:
        raise InvalidParameterValue(f"length for type {type_name} must be at least 1")
    if numbers[0] > 10485760:
        raise InvalidParameterValue(f"length for type {type_name} cannot exceed 10485760")
    return numbers[0] + 4


STRING_CODECS: dict[str, Any] = {
    "storage": pa.string(),
    "parse": parse_text,
    "format": format_text,
    "receive": receive_text,
    "send": send_text,
    "order_key": string_keys,
    "to_python": plain_value,
    "from_python": same,
}
"""The codec fields of a TypeDefinition whose text is its value."""
