"""character varying(n): strings of at most n characters."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.errors import StringDataRightTruncation
from pgstream.kernels.text import character_counts
from pgstream.types.buffers import strings
from pgstream.types.definition import TypeDefinition, declare
from pgstream.types.string import STRING_CODECS, length_typmod, receive_text


def apply_typmod(column: Column, typmod: int, explicit: bool) -> Column:
    """At most n characters: surplus spaces are cut, anything else raises unless `explicit`."""
    if typmod < 4:
        return column
    limit = typmod - 4
    too_long = character_counts(*strings(column)) > limit
    if not too_long.any():
        return column
    if not explicit:
        surplus = pc.utf8_slice_codeunits(column.filter(pa.array(too_long)), limit)
        if not np.all(pc.equal(pc.utf8_length(pc.ascii_rtrim(surplus, " ")), 0).to_numpy(zero_copy_only=False)):
            raise StringDataRightTruncation(f"value too long for type character varying({limit})")
    return pc.utf8_slice_codeunits(column, 0, limit)


VARCHAR = declare(
    TypeDefinition(
        name="varchar",
        sql_name="character varying",
        oid=1043,
        array_oid=1015,
        category="S",
        length=-1,
        toast="x",
        collation=100,
        apply_typmod=apply_typmod,
        typmod_in=lambda numbers: length_typmod("varchar", numbers),
        typmod_out=lambda typmod: f"({typmod - 4})",
        samples=("", "a", "ab ", "日本"),
        **{
            **STRING_CODECS,
            "parse": lambda text, typmod: apply_typmod(text, typmod, False),
            "receive": lambda content, typmod: apply_typmod(receive_text(content, typmod), typmod, False),
        },
    )
)
