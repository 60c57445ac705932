"""bit varying(n): strings of at most n bits."""

import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.errors import StringDataRightTruncation
from pgstream.types.bits import BIT_CODECS, bits_typmod, first_other_length, parse_bits
from pgstream.types.definition import TypeDefinition, declare


def apply_typmod(column: Column, typmod: int, explicit: bool) -> Column:
    """At most n bits: where `explicit`, cut at the right."""
    if typmod < 1:
        return column
    if not explicit and first_other_length(column, pc.greater(pc.binary_length(column), typmod)) >= 0:
        raise StringDataRightTruncation(f"bit string too long for type bit varying({typmod})")
    return pc.utf8_slice_codeunits(column, 0, typmod)


VARBIT = declare(
    TypeDefinition(
        name="varbit",
        sql_name="bit varying",
        oid=1562,
        array_oid=1563,
        preferred=True,
        apply_typmod=apply_typmod,
        typmod_in=lambda numbers: bits_typmod("varbit", numbers),
        typmod_out=lambda typmod: f"({typmod})",
        samples=("", "0", "1", "10", "101", "x1F", "0000000011111111", "b1"),
        **{**BIT_CODECS, "parse": lambda text, typmod: apply_typmod(parse_bits(text, typmod), typmod, False)},
    )
)
