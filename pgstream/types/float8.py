"""double precision: 64-bit IEEE 754 floats, printed with the fewest digits that read back the same."""

import numpy as np
import pyarrow as pa

from pgstream.types.definition import TypeDefinition, declare
from pgstream.types.float import float_codecs

FLOAT8 = declare(
    TypeDefinition(
        name="float8",
        sql_name="double precision",
        oid=701,
        array_oid=1022,
        category="N",
        length=8,
        preferred=True,
        by_value=True,
        align="d",
        aliases=("float",),
        samples=(
            *(
                "0",
                "-0",
                "1",
                "-1.5",
                "0.1",
                "1e20",
                "1e-5",
                "0.0001",
                "123456",
                "1234567",
                "100000",
                "1000000",
                "1e15",
            ),
            *("NaN", "Infinity", "-Infinity", "1.7976931348623157e308", "5e-324", "3.14159265358979"),
        ),
        **float_codecs(pa.float64(), np.float64, ">f8", 15, "double precision"),
    )
)
