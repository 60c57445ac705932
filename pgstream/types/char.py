""" "char": one byte, as the catalogs use it. Python form: str of length 0 or 1 (0: the zero byte)."""

import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.types.definition import TypeDefinition, declare
from pgstream.types.lift import over_distinct
from pgstream.types.string import STRING_CODECS


def first_byte(text: str) -> str:
    """What "char" keeps of `text`: one ASCII character, or a byte above 127 as PostgreSQL prints it, `\\ooo`."""
    if len(text) == 4 and text[0] == "\\" and set(text[1:]) <= set("01234567"):
        byte = int(text[1:], 8) & 255
    else:
        byte = text.encode()[0] if text else 0
    return of_byte(byte)


def of_byte(byte: int) -> str:
    """The text of the "char" with code `byte`."""
    if byte == 0:
        return ""
    return chr(byte) if byte < 128 else f"\\{byte:03o}"


def to_byte(text: str) -> int:
    """The code of a stored "char"."""
    if len(text) == 4:
        return int(text[1:], 8)
    return ord(text) if text else 0


def parse(text: Column, typmod: int) -> Column:
    """Input: the first byte of the text."""
    if not len(text) or (pc.max(pc.binary_length(text)).as_py() or 0) <= 1:
        return text
    return over_distinct(text, pa.string(), first_byte)


CHAR = declare(
    TypeDefinition(
        name="char",
        sql_name='"char"',
        oid=18,
        array_oid=1002,
        category="Z",
        length=1,
        by_value=True,
        align="c",
        samples=("", "a", "r", "\\303"),
        **{
            **STRING_CODECS,
            "parse": parse,
            "receive": lambda content, typmod: over_distinct(content, pa.string(), lambda raw: of_byte(raw[0])),
            "send": lambda column: over_distinct(column, pa.binary(), lambda text: bytes([to_byte(text)])),
            "order_key": lambda column: over_distinct(column, pa.binary(), lambda text: bytes([to_byte(text)])),
        },
    )
)
