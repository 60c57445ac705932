"""smallint: 16-bit signed integers. Python form: int."""

import pyarrow as pa

from pgstream.types.definition import TypeDefinition, declare
from pgstream.types.integer import integer_codecs

INT2 = declare(
    TypeDefinition(
        name="int2",
        sql_name="smallint",
        oid=21,
        array_oid=1005,
        category="N",
        length=2,
        by_value=True,
        align="s",
        aliases=(),
        samples=("0", "1", "-1", "32767", "-32768"),
        **integer_codecs(pa.int16(), ">i2", -(2**15), 2**15 - 1, "smallint"),
    )
)
