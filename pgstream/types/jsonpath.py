"""jsonpath: paths of SQL/JSON, stored as the text PostgreSQL prints for them. Python form: str. No equality."""

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidBinaryRepresentation
from pgstream.types.definition import TypeDefinition, declare
from pgstream.types.jsonpath_shown import shown
from pgstream.types.jsonpath_text import path_of
from pgstream.types.lift import over_distinct
from pgstream.types.string import STRING_CODECS, receive_text


def parse(text: Column, typmod: int) -> Column:
    """Input: any path."""
    return over_distinct(text, pa.string(), lambda one: shown(path_of(one)))


def receive(content: Column, typmod: int) -> Column:
    """Binary input: a version byte and text."""
    for value in content.drop_null().to_pylist():
        if value[:1] != b"\1":
            raise InvalidBinaryRepresentation(f"unsupported jsonpath version number: {value[0] if value else 0}")
    texts = [None if value is None else value[1:] for value in content.to_pylist()]
    return parse(receive_text(pa.array(texts, pa.binary()), typmod), typmod)


def send(column: Column) -> Column:
    """Binary output: version 1 and text."""
    values = [None if text is None else b"\1" + text.encode() for text in column.to_pylist()]
    return pa.array(values, pa.binary())


JSONPATH = declare(
    TypeDefinition(
        name="jsonpath",
        sql_name="jsonpath",
        oid=4072,
        array_oid=4073,
        category="U",
        length=-1,
        toast="x",
        samples=("$", 'strict $."a"[*]?(@ > 1)', "$.**{2 to last}", "(-$ + 1)", '$"x"', "(1).abs()"),
        **{**STRING_CODECS, "parse": parse, "receive": receive, "send": send, "order_key": None},
    )
)
