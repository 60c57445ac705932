"""bit(n): strings of exactly n bits."""

import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.types.bits import BIT_CODECS, BitLengthMismatch, bits_typmod, first_other_length, parse_bits
from pgstream.types.definition import TypeDefinition, declare


def apply_typmod(column: Column, typmod: int, explicit: bool) -> Column:
    """Exactly n bits: where `explicit`, cut or filled with zeros at the right."""
    if typmod < 1:
        return column
    if not explicit:
        length = first_other_length(column, pc.not_equal(pc.binary_length(column), typmod))
        if length >= 0:
            raise BitLengthMismatch(f"bit string length {length} does not match type bit({typmod})")
        return column
    return pc.ascii_rpad(pc.utf8_slice_codeunits(column, 0, typmod), typmod, "0")


BIT = declare(
    TypeDefinition(
        name="bit",
        sql_name="bit",
        oid=1560,
        array_oid=1561,
        apply_typmod=apply_typmod,
        typmod_in=lambda numbers: bits_typmod("bit", numbers),
        typmod_out=lambda typmod: f"({typmod})",
        samples=("", "0", "1", "10", "101", "x1F", "0000000011111111", "b1"),
        **{**BIT_CODECS, "parse": lambda text, typmod: apply_typmod(parse_bits(text, typmod), typmod, False)},
    )
)
