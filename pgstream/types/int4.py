"""integer: 32-bit signed integers. Python form: int."""

import pyarrow as pa

from pgstream.types.definition import TypeDefinition, declare
from pgstream.types.integer import integer_codecs

INT4 = declare(
    TypeDefinition(
        name="int4",
        sql_name="integer",
        oid=23,
        array_oid=1007,
        category="N",
        length=4,
        by_value=True,
        align="i",
        aliases=("int",),
        samples=("0", "1", "-1", "2147483647", "-2147483648", "1000000"),
        **integer_codecs(pa.int32(), ">i4", -(2**31), 2**31 - 1, "integer"),
    )
)
