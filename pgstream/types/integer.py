"""What the integer types share: int2, int4, int8, and the 32-bit identifiers (oid and its kin)."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import InvalidTextRepresentation, NumericValueOutOfRange
from pgstream.kernels.text import format_integers as kernel_format
from pgstream.kernels.text import parse_integers
from pgstream.types.binary import plain, receive_fixed, send_fixed
from pgstream.types.buffers import Strings, numbers, string_column, valid_rows
from pgstream.types.definition import Settings
from pgstream.types.lift import parsed
from pgstream.types.order import signed_keys

INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)[ \t\n\v\f\r]*", re.ASCII)


def integer_of(text: str, low: int, high: int, type_name: str) -> int:
    """The integer that `text` spells, as PostgreSQL's pg_strtoint reads it."""
    found = INTEGER.fullmatch(text)
    if found is None:
        raise InvalidTextRepresentation(f'invalid input syntax for type {type_name}: "{text}"')
    value = int(found[1]) if len(found[1]) < 100 else high + 1
    if not low <= value <= high:
        raise NumericValueOutOfRange(f'value "{text}" is out of range for type {type_name}')
    return value


def integer_parser(storage: pa.DataType, low: int, high: int, type_name: str) -> Callable[[Column, int], Column]:
    """The input function of an integer type."""
    dtype = np.dtype(storage.to_pandas_dtype())

    def kernel(memory: Strings) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
        values, done = parse_integers(*memory, low, high)
        return values.astype(dtype, copy=False), done

    def parse(text: Column, typmod: int) -> Column:
        return parsed(text, storage, kernel, lambda word: integer_of(word, low, high, type_name))

    return parse


def format_integers(column: Column, settings: Settings) -> Column:
    """Decimal digits."""
    wide = pc.cast(column, pa.int64())
    offsets, content = kernel_format(numbers(wide, np.int64), valid_rows(column))
    return string_column(offsets, content, column)


def integer_codecs(storage: pa.DataType, wire: str, low: int, high: int, type_name: str) -> dict[str, Any]:
    """The codec fields of a TypeDefinition for integers of numpy wire type `wire`, stored as `storage`."""
    dtype = np.dtype(storage.to_pandas_dtype())
    key_type = np.dtype(wire).newbyteorder("=")

    def receive(content: Column, typmod: int) -> Column:
        return plain(storage, receive_fixed(content, wire).astype(dtype), content)

    def order_key(column: Column) -> Column:
        values = numbers(column, dtype)
        return signed_keys(values) if key_type.kind == "i" else signed_keys(values.astype(np.int64))

    return {
        "storage": storage,
        "parse": integer_parser(storage, low, high, type_name),
        "format": format_integers,
        "receive": receive,
        "send": lambda column: send_fixed(numbers(column, dtype), wire, column),
        "order_key": order_key,
        "to_python": plain_value,
        "from_python": same,
    }


def plain_value(value: Any) -> Any:
    """The Python value itself, whether it came as an Arrow scalar or plain."""
    return value.as_py() if isinstance(value, pa.Scalar) else value


def same(value: Any) -> Any:
    """`value`: the Python form is the storage form."""
    return value
