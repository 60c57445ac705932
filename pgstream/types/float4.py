"""real: 32-bit IEEE 754 floats, printed with the fewest digits that read back the same."""

import numpy as np
import pyarrow as pa

from pgstream.types.definition import TypeDefinition, declare
from pgstream.types.float import float_codecs

FLOAT4 = declare(
    TypeDefinition(
        name="float4",
        sql_name="real",
        oid=700,
        array_oid=1021,
        category="N",
        length=4,
        preferred=False,
        by_value=True,
        align="i",
        aliases=(),
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
            *("NaN", "Infinity", "-Infinity", "3.4028235e38", "1e-45", "3.14159265358979"),
        ),
        **float_codecs(pa.float32(), np.float32, ">f4", 6, "real"),
    )
)
