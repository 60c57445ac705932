"""RANGE frames with offsets: which offsets a column may have, and where a frame of them ends.

PostgreSQL's in_range functions: what lies beyond a type's values is at their end, and no time of day wraps around.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidPrecedingOrFollowingSize, NullValueNotAllowed
from pgstream.functions.calendar import DAY_US, spans_of
from pgstream.functions.registry import OPERATORS, Function, stable_oid
from pgstream.functions.vector import column_of, numbers
from pgstream.types.definition import SqlType

_INTEGERS = ("int8", "int4", "int2")
OFFSETS: dict[str, tuple[str, ...]] = {
    "int2": _INTEGERS,
    "int4": _INTEGERS,
    "int8": ("int8",),
    "float4": ("float8",),
    "float8": ("float8",),
    "numeric": ("numeric",),
    **dict.fromkeys(("date", "timestamp", "timestamptz", "time", "timetz", "interval"), ("interval",)),
}
"""The types of a column that is ordered by, each with the types of offsets from it."""

_ORDERED_AS = {"date": "timestamp", "float4": "float8"}
"""What the values are compared as, where that is something else."""


def ordered_as(type: SqlType) -> SqlType:
    """The type by which rows stand in a frame with offsets."""
    return SqlType(_ORDERED_AS.get(type.name, type.name))


def shift(type: SqlType, offset: SqlType, name: str) -> Function:
    """The function that puts an offset before (`name` is -) or after (+) a value."""
    known = _SHIFTS.get((type.name, name))
    if known is not None:
        return known
    wanted = (type.name, offset.name)
    return next(each.function for each in OPERATORS[name] if (each.left, each.right) == wanted)


def check_offset(offset: Column, column: SqlType, side: str) -> None:
    """Refuses an offset (a column of one value) that is NULL or negative."""
    if offset[0].as_py() is None:
        raise NullValueNotAllowed(f"frame {side} offset must not be null")
    if _is_negative(offset, column):
        raise InvalidPrecedingOrFollowingSize("invalid preceding or following size in window function")


def _is_negative(offset: Column, column: SqlType) -> bool:
    if pa.types.is_fixed_size_binary(offset.type):
        months, days, us = (int(field[0]) for field in spans_of(offset))
        return us < 0 if column.name in ("time", "timetz") else (months * 30 + days) * DAY_US + us < 0
    value = offset[0].as_py()
    return value.startswith(("-", "NaN")) if isinstance(value, str) else not value >= 0


def _integers(sign: int) -> Callable[[Column, Column], Column]:
    def shifted(values: Column, offsets: Column) -> Column:
        width = values.type.bit_width
        least, most = -(1 << (width - 1)), (1 << (width - 1)) - 1
        base, by = numbers(values).astype(np.int64), numbers(offsets).astype(np.int64)
        room = most - base if sign > 0 else base - least
        if width < 64:
            found = np.where(by > room, most if sign > 0 else least, base + sign * np.minimum(by, room))
        else:
            # The room of a 64-bit value below (or above) zero is wider than 64 bits hold, and so wide enough.
            wide = base < 0 if sign > 0 else base >= 0
            fits = wide | (by <= np.where(wide, 0, room))
            found = np.where(fits, base + sign * np.where(fits, by, 0), most if sign > 0 else least)
        return column_of(found, values.type)

    return shifted


def _floats(sign: int) -> Callable[[Column, Column], Column]:
    def shifted(values: Column, offsets: Column) -> Column:
        base, by = numbers(values).astype(np.float64), numbers(offsets)
        with np.errstate(all="ignore"):
            moved = base + sign * by
        opposed = np.isinf(base) & np.isinf(by) & (np.sign(base) != sign)
        return column_of(np.where(opposed, sign * np.inf, moved), pa.float64())

    return shifted


def _times(sign: int) -> Callable[[Column, Column], Column]:
    def shifted(values: Column, offsets: Column) -> Column:
        base, by = numbers(values).astype(np.int64), spans_of(offsets).us
        return column_of(base + sign * np.minimum(by, 1 << 60), values.type)

    return shifted


def _declare(type: str, kernel: Callable[[int], Callable[[Column, Column], Column]], offset: str) -> None:
    for name, sign in (("-", -1), ("+", 1)):
        oid = stable_oid(f"in_range {type} {name}")
        _SHIFTS[type, name] = Function("in_range", oid, (type, offset), type, kernel(sign))


_SHIFTS: dict[tuple[str, str], Function] = {}
for _type in ("int2", "int4", "int8"):
    _declare(_type, _integers, "int8")
_declare("float8", _floats, "float8")
_declare("time", _times, "interval")
