"""unknown: a literal whose type is not decided yet; cstring: C strings in signatures of I/O functions."""

from pgstream.types.definition import TypeDefinition, declare
from pgstream.types.string import STRING_CODECS

UNKNOWN = declare(
    TypeDefinition(
        name="unknown",
        sql_name="unknown",
        oid=705,
        array_oid=0,
        category="X",
        length=-2,
        align="c",
        pseudo=True,
        samples=("", "a"),
        **STRING_CODECS,
    )
)

CSTRING = declare(
    TypeDefinition(
        name="cstring",
        sql_name="cstring",
        oid=2275,
        array_oid=1263,
        category="P",
        length=-2,
        align="c",
        pseudo=True,
        samples=("", "a"),
        **STRING_CODECS,
    )
)
