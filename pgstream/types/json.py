"""json: JSON text, kept as it was written. Python form: str. It has no equality and no order."""

from pgstream.delta import Column
from pgstream.types.definition import TypeDefinition, declare
from pgstream.types.json_text import json_of
from pgstream.types.string import STRING_CODECS, receive_text


def parse(text: Column, typmod: int) -> Column:
    """Input: checked, not changed."""
    for word in text.drop_null().to_pylist():
        json_of(word, False)
    return text


JSON = declare(
    TypeDefinition(
        name="json",
        sql_name="json",
        oid=114,
        array_oid=199,
        category="U",
        length=-1,
        toast="x",
        samples=("null", "1", "1.50", '"a"', "[]", "{}", '{"b": 1, "a":[1,2]}', " [1] ", '{"a":1,"a":2}', '"\\u00e9"'),
        **{
            **STRING_CODECS,
            "parse": parse,
            "receive": lambda content, typmod: parse(receive_text(content, typmod), typmod),
            "order_key": None,
        },
    )
)
