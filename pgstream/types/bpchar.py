"""character(n): strings padded with spaces to n characters; trailing spaces do not count in comparisons."""

import numpy as np
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.errors import StringDataRightTruncation
from pgstream.types.definition import TypeDefinition, declare
from pgstream.types.order import string_keys
from pgstream.types.string import STRING_CODECS, length_typmod, receive_text


def without_padding(column: Column) -> Column:
    """`column` without trailing spaces: equal values have equal texts."""
    return pc.ascii_rtrim(column, " ")


def apply_typmod(column: Column, typmod: int, explicit: bool) -> Column:
    """Exactly n characters: padded with spaces, or cut; cutting more than spaces raises unless `explicit`."""
    if typmod < 4:
        return column
    width = typmod - 4
    trimmed = without_padding(column)
    too_long = pc.greater(pc.utf8_length(trimmed), width).fill_null(False)
    if np.any(too_long.to_numpy(zero_copy_only=False)) and not explicit:
        raise StringDataRightTruncation(f"value too long for type character({width})")
    return pc.utf8_rpad(pc.utf8_slice_codeunits(trimmed, 0, width), width, " ")


BPCHAR = declare(
    TypeDefinition(
        name="bpchar",
        sql_name="character",
        oid=1042,
        array_oid=1014,
        category="S",
        length=-1,
        toast="x",
        collation=100,
        equality_key=without_padding,
        apply_typmod=apply_typmod,
        typmod_in=lambda numbers: length_typmod("char", numbers),
        typmod_out=lambda typmod: f"({typmod - 4})",
        samples=("", "a", "ab ", "日本"),
        **{
            **STRING_CODECS,
            "parse": lambda text, typmod: apply_typmod(text, typmod, False),
            "receive": lambda content, typmod: apply_typmod(receive_text(content, typmod), typmod, False),
            "order_key": lambda column: string_keys(without_padding(column)),
        },
    )
)
