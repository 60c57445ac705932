"""Casts among the string types, and from bool and pg_node_tree to them."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.errors import NumericValueOutOfRange
from pgstream.functions.registry import ASSIGNMENT, EXPLICIT, IMPLICIT, binary_cast, cast
from pgstream.types.bpchar import without_padding
from pgstream.types.char import of_byte, to_byte
from pgstream.types.char import parse as first_bytes
from pgstream.types.lift import over_distinct
from pgstream.types.name import parse as clip_names

binary_cast("text -> bpchar", IMPLICIT)
binary_cast("text -> varchar", IMPLICIT)
binary_cast("varchar -> text", IMPLICIT)
binary_cast("varchar -> bpchar", IMPLICIT)
binary_cast("pg_node_tree -> text", IMPLICIT)


def unchanged(column: Column) -> Column:
    """The same text."""
    return column


for _target, _context in (("text", IMPLICIT), ("bpchar", ASSIGNMENT), ("varchar", ASSIGNMENT)):
    cast(f"name -> {_target}", _context, nullsafe=True)(unchanged)
    cast(f"char -> {_target}", _context, nullsafe=True)(unchanged)

for _target in ("text", "varchar"):
    cast(f"bpchar -> {_target}", IMPLICIT, nullsafe=True)(without_padding)


def to_name(column: Column) -> Column:
    """The text, cut to 63 bytes."""
    return clip_names(column, -1)


def to_char(column: Column) -> Column:
    """The text's first byte."""
    return first_bytes(column, -1)


for _source in ("text", "varchar"):
    cast(f"{_source} -> name", IMPLICIT, nullsafe=True)(to_name)
    cast(f"{_source} -> char", ASSIGNMENT, nullsafe=True)(to_char)
cast("bpchar -> name", IMPLICIT, nullsafe=True)(lambda column: to_name(without_padding(column)))
cast("bpchar -> char", ASSIGNMENT, nullsafe=True)(to_char)


def bool_to_text(column: Column) -> Column:
    """`true` or `false`."""
    return pc.cast(column, pa.string())


for _target in ("text", "varchar", "bpchar"):
    cast(f"bool -> {_target}", ASSIGNMENT, nullsafe=True)(bool_to_text)


@cast("char -> int4", EXPLICIT, nullsafe=True)
def char_to_int4(column: Column) -> Column:
    """The byte as a signed number."""
    return over_distinct(column, pa.int32(), lambda text: (to_byte(text) ^ 128) - 128)


@cast("int4 -> char", EXPLICIT)
def int4_to_char(column: Column) -> Column:
    """The byte with that signed number."""
    values = column.to_numpy()
    if ((values < -128) | (values > 127)).any():
        raise NumericValueOutOfRange('"char" out of range')
    return pa.array([of_byte(int(value)) for value in values.astype(np.uint8)], pa.string())
