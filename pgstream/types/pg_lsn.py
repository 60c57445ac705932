"""pg_lsn: a place in a write-ahead log. Python form: int, the byte's number; stored as 8 big-endian bytes."""

import re

import pyarrow as pa

from pgstream.errors import InvalidTextRepresentation
from pgstream.types.definition import TypeDefinition, declare
from pgstream.types.integer import plain_value
from pgstream.types.one_value import of_width, same_value, value_codecs

SPELLED = re.compile(r"([0-9a-fA-F]{1,8})/([0-9a-fA-F]{1,8})", re.ASCII)


def place_of(text: str) -> bytes:
    """The place that `text` spells: two hexadecimal halves."""
    found = SPELLED.fullmatch(text)
    if found is None:
        raise InvalidTextRepresentation(f'invalid input syntax for type pg_lsn: "{text}"')
    return bytes.fromhex(found[1].zfill(8) + found[2].zfill(8))


def place_text(place: bytes) -> str:
    """Output: `16/B374D848`."""
    return f"{int.from_bytes(place[:4]):X}/{int.from_bytes(place[4:]):X}"


def to_python(plain: object) -> int | None:
    """The number of the byte."""
    content = plain_value(plain)
    return None if content is None else int.from_bytes(content)


PG_LSN = declare(
    TypeDefinition(
        name="pg_lsn",
        sql_name="pg_lsn",
        oid=3220,
        array_oid=3221,
        category="U",
        length=8,
        by_value=True,
        align="d",
        samples=("0/0", "16/B374D848", "0/1", "FFFFFFFF/FFFFFFFF", "1/0"),
        **{
            **value_codecs(
                pa.binary(8),
                place_of,
                place_text,
                lambda content: of_width(content, 8),
                same_value,
                same_value,
            ),
            "to_python": to_python,
            "from_python": lambda value: None if value is None else value.to_bytes(8),
        },
    )
)
