"""bigint: 64-bit signed integers. Python form: int."""

import pyarrow as pa

from pgstream.types.definition import TypeDefinition, declare
from pgstream.types.integer import integer_codecs

INT8 = declare(
    TypeDefinition(
        name="int8",
        sql_name="bigint",
        oid=20,
        array_oid=1016,
        category="N",
        length=8,
        by_value=True,
        align="d",
        aliases=(),
        samples=("0", "1", "-1", "9223372036854775807", "-9223372036854775808", "123456789012345678"),
        **integer_codecs(pa.int64(), ">i8", -(2**63), 2**63 - 1, "bigint"),
    )
)
