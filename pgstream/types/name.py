"""name: identifiers of at most 63 bytes; longer input is cut, as PostgreSQL cuts it."""

import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.errors import NameTooLong
from pgstream.types.definition import TypeDefinition, declare
from pgstream.types.lift import over_distinct
from pgstream.types.string import STRING_CODECS, receive_text

LENGTH_MAX = 63


def clipped(text: str) -> str:
    """`text` cut to 63 bytes at a character boundary."""
    return text.encode()[:LENGTH_MAX].decode(errors="ignore")


def parse(text: Column, typmod: int) -> Column:
    """Input: the text, cut to 63 bytes."""
    if not len(text) or (pc.max(pc.binary_length(text)).as_py() or 0) <= LENGTH_MAX:
        return text
    return over_distinct(text, pa.string(), clipped)


def receive(content: Column, typmod: int) -> Column:
    """Binary input: too long a name is an error here."""
    if len(content) and (pc.max(pc.binary_length(content)).as_py() or 0) > LENGTH_MAX:
        raise NameTooLong("identifier too long", detail="Identifier must be less than 64 characters.")
    return receive_text(content, typmod)


NAME = declare(
    TypeDefinition(
        name="name",
        sql_name="name",
        oid=19,
        array_oid=1003,
        category="S",
        length=64,
        align="c",
        collation=950,
        samples=("", "a", "pg_class", "x" * 63, "é"),
        **{**STRING_CODECS, "parse": parse, "receive": receive},
    )
)
