"""Codecs that are written for one value, as the whole-column codecs of a TypeDefinition: once per distinct value.

For types that come in small numbers or few distinct values; the busy types have codecs of whole columns.
"""

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from pgstream.errors import InvalidBinaryRepresentation, ProtocolViolation
from pgstream.types.integer import plain_value
from pgstream.types.lift import over_distinct

Stored = Any
"""The as_py() form of a stored value."""


def value_codecs(
    storage: pa.DataType,
    read: Callable[[str], Stored],
    show: Callable[[Stored], str],
    receive: Callable[[bytes], Stored],
    send: Callable[[Stored], bytes],
    order: Callable[[Stored], bytes],
) -> dict[str, Any]:
    """The codec fields of a TypeDefinition whose Python form is the stored one."""
    return {
        "storage": storage,
        "parse": lambda text, typmod: over_distinct(text, storage, read),
        "format": lambda column, settings: over_distinct(column, pa.string(), show),
        "receive": lambda content, typmod: over_distinct(content, storage, receive),
        "send": lambda column: over_distinct(column, pa.binary(), send),
        "order_key": lambda column: over_distinct(column, pa.binary(), order),
        "to_python": plain_value,
        "from_python": same_value,
    }


def same_value(value: Stored) -> Stored:
    """The value as it stands."""
    return value


def of_width(content: bytes, width: int) -> bytes:
    """`content`, which must be as long as `width`; raises what PostgreSQL raises."""
    if len(content) < width:
        raise ProtocolViolation("insufficient data left in message")
    if len(content) > width:
        raise InvalidBinaryRepresentation("incorrect binary data format")
    return content
