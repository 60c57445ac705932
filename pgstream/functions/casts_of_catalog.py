"""Casts among oid, the integers and the types that name catalog objects."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.errors import NumericValueOutOfRange
from pgstream.functions.registry import ASSIGNMENT, IMPLICIT, STABLE, BoundCall, EvalContext, binary_cast, cast
from pgstream.types.buffers import number_column, numbers, valid_rows
from pgstream.types.definition import BY_NAME

NAMES_IN: dict[str, Callable[[Column, EvalContext], Column]] = {}
"""See `functions/casts.py`."""

REGISTERED = (
    *("regproc", "regprocedure", "regoper", "regoperator", "regclass", "regcollation", "regtype", "regconfig"),
    *("regdictionary", "regrole", "regnamespace"),
)


def from_small(column: Column) -> Column:
    """int2 and int4 as oid: the same 32 bits, unsigned."""
    return number_column(pa.int64(), pc.cast(column, pa.int64()).to_numpy(zero_copy_only=False) & 0xFFFFFFFF)


def from_int8(column: Column) -> Column:
    """int8 as oid."""
    values = numbers(column, np.int64)
    if (((values < 0) | (values > 0xFFFFFFFF)) & valid_rows(column)).any():
        raise NumericValueOutOfRange("OID out of range")
    return column


def to_int4(column: Column) -> Column:
    """An oid's 32 bits, signed."""
    return number_column(pa.int32(), numbers(column, np.int64).astype(np.uint32).view(np.int32), column)


def to_int8(column: Column) -> Column:
    """An oid as a number."""
    return column


def declare_length_coercion(name: str, apply: Callable[[Column, int, bool], Column]) -> None:
    """Declares the cast of type `name` to itself that applies a modifier."""

    def kernel(column: Column, typmod: int, explicit: bool) -> Column:
        return apply(column, typmod, explicit)

    kernel.__doc__ = f"{name} with a type modifier applied."
    cast(f"{name} -> {name}", IMPLICIT, takes_typmod=True, nullsafe=True)(kernel)


for _target in ("oid", *REGISTERED):
    cast(f"int2 -> {_target}", IMPLICIT)(from_small)
    cast(f"int4 -> {_target}", IMPLICIT)(from_small)
    cast(f"int8 -> {_target}", IMPLICIT, nullsafe=True)(from_int8)
    cast(f"{_target} -> int4", ASSIGNMENT, nullsafe=True)(to_int4)
    cast(f"{_target} -> int8", ASSIGNMENT, nullsafe=True)(to_int8)

for _name in REGISTERED:
    binary_cast(f"oid -> {_name}", IMPLICIT)
    binary_cast(f"{_name} -> oid", IMPLICIT)

binary_cast("int2vector -> _int2", IMPLICIT)
binary_cast("oidvector -> _oid", IMPLICIT)

for _pair in (("regproc", "regprocedure"), ("regoper", "regoperator")):
    binary_cast(f"{_pair[0]} -> {_pair[1]}", IMPLICIT)
    binary_cast(f"{_pair[1]} -> {_pair[0]}", IMPLICIT)


@cast("text -> regclass", IMPLICIT, volatility=STABLE, bound=True)
def text_to_regclass(call: BoundCall, column: Column) -> Column:
    """The relation of that name, or number."""
    codec = NAMES_IN.get("regclass")
    return BY_NAME["regclass"].parse(column, -1) if codec is None else codec(column, call.context)


cast("varchar -> regclass", IMPLICIT, volatility=STABLE, bound=True)(text_to_regclass)
