"""bytea: byte strings. Python form: bytes."""

import re

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue, InvalidTextRepresentation
from pgstream.kernels.text import format_hex
from pgstream.types.buffers import string_column, strings
from pgstream.types.definition import Settings, TypeDefinition, declare
from pgstream.types.integer import plain_value, same
from pgstream.types.lift import over_distinct
from pgstream.types.order import string_keys

ESCAPE = re.compile(rb"\\(\\|[0-3][0-7][0-7])")


def bytes_of(text: str) -> bytes:
    """The bytes that `text` spells in the hex or the escape format."""
    if text.startswith("\\x"):
        return bytes_of_hex(text[2:])
    raw = text.encode()
    if b"\\" not in raw:
        return raw
    if b"\\" in ESCAPE.sub(b"", raw):
        raise InvalidTextRepresentation("invalid input syntax for type bytea")
    return ESCAPE.sub(lambda found: b"\\" if found[1] == b"\\" else bytes([int(found[1], 8)]), raw)


def bytes_of_hex(digits: str) -> bytes:
    """The bytes of hexadecimal `digits`, which may be separated by white space."""
    try:
        return bytes.fromhex(digits)
    except ValueError:
        packed = re.sub(r"[ \n\t\r]", "", digits)
    wrong = re.search("[^0-9a-fA-F]", packed)
    if wrong:
        raise InvalidParameterValue(f'invalid hexadecimal digit: "{wrong[0]}"')
    raise InvalidParameterValue("invalid hexadecimal data: odd number of digits")


def escaped(content: bytes) -> str:
    """The escape format."""
    return "".join("\\\\" if b == 92 else chr(b) if 32 <= b < 127 else f"\\{b:03o}" for b in content)


def format_bytes(column: Column, settings: Settings) -> Column:
    """Output: `\\x` and hexadecimal digits, or the escape format where bytea_output says so."""
    if settings.get("bytea_output") == "escape":
        return pa.array([None if v is None else escaped(v) for v in column.to_pylist()], pa.string())
    offsets, content = format_hex(*strings(column))
    return string_column(offsets, content, column)


BYTEA = declare(
    TypeDefinition(
        name="bytea",
        sql_name="bytea",
        oid=17,
        array_oid=1001,
        category="U",
        storage=pa.binary(),
        length=-1,
        parse=lambda text, typmod: over_distinct(text, pa.binary(), bytes_of),
        format=format_bytes,
        receive=lambda content, typmod: content,
        send=lambda column: column,
        order_key=string_keys,
        to_python=plain_value,
        from_python=same,
        toast="x",
        samples=("", "\\x", "\\x00", "\\x0000", "\\x0001", "\\x00ff", "\\xdeadbeef", "abc", "a\\\\b", "\\000\\377"),
    )
)
