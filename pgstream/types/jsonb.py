"""jsonb: JSON values, stored as the text PostgreSQL prints for them. Python form: str.

Keys are sorted by length, then by bytes; the last of equal keys wins; numbers keep their scale.
"""

import json
import re
from json.encoder import encode_basestring as quoted
from typing import Any

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidBinaryRepresentation
from pgstream.types import numeric
from pgstream.types.definition import TypeDefinition, declare
from pgstream.types.json_text import DECODER, Number, json_of
from pgstream.types.lift import over_distinct
from pgstream.types.string import STRING_CODECS, receive_text

NULL, STRING, NUMBER, BOOL, ARRAY, OBJECT = range(1, 7)
"""The order of kinds, as the first byte of a key."""


PLAIN_NUMBER = re.compile(r"-?[1-9][0-9]{0,300}|0", re.ASCII)


def sorted_items(value: dict[str, Any]) -> list[tuple[str, Any]]:
    """An object's items in jsonb's order: by the key's length in bytes, then by its bytes."""
    return sorted(value.items(), key=lambda item: (len(raw := item[0].encode()), raw))


def jsonb_text(value: Any) -> str:
    """The text of a JSON value (numbers as Number, or int)."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)}: {jsonb_text(item)}" for key, item in sorted_items(value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(jsonb_text, value)) + "]"
    if isinstance(value, Number):
        return str(value) if PLAIN_NUMBER.fullmatch(value) else numeric.numeric_of(value)
    if isinstance(value, str):
        return quoted(value)
    return json.dumps(value)


def jsonb_of(text: str) -> str:
    """The stored form of the JSON in `text`."""
    return jsonb_text(json_of(text, True))


def without_scale(value: Any) -> Any:
    """`value` with one text for equal numbers."""
    if isinstance(value, dict):
        return {key: without_scale(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_scale(item) for item in value]
    if isinstance(value, Number) and "." in value:
        return Number(value.rstrip("0").rstrip("."))
    return value


def key_of(value: Any, scalar_root: bool = False) -> bytes:
    """Memcmp-ordered bytes of a JSON value in PostgreSQL's order (compareJsonbContainers)."""
    if scalar_root:
        return bytes([ARRAY, 0, 0, 0, 1, 0]) + key_of(value)
    if isinstance(value, dict):
        items = [text_key(key) + key_of(item) for key, item in sorted_items(value)]
        return bytes([OBJECT]) + len(items).to_bytes(4, "big") + b"".join(items)
    if isinstance(value, list):
        return bytes([ARRAY]) + len(value).to_bytes(4, "big") + b"\1" + b"".join(map(key_of, value))
    if isinstance(value, Number):
        return bytes([NUMBER]) + numeric.order_key(pa.array([str(value)]))[0].as_py()  # type: ignore[no-any-return]
    if isinstance(value, bool):
        return bytes([BOOL, value])
    return bytes([NULL]) if value is None else bytes([STRING]) + text_key(value)


def text_key(text: str) -> bytes:
    """A string's bytes, ended by NUL, which no jsonb string contains."""
    return text.encode() + b"\0"


def order_key(column: Column) -> Column:
    """Keys: scalars compare as arrays of one element do, but less."""

    def key(text: str) -> bytes:
        value = DECODER.decode(text)
        return key_of(value, not isinstance(value, dict | list))

    return over_distinct(column, pa.binary(), key)


def equality_key(column: Column) -> Column:
    """One text for equal values: numbers without zeros at the end."""
    return over_distinct(column, pa.string(), lambda text: jsonb_text(without_scale(DECODER.decode(text))))


def parse(text: Column, typmod: int) -> Column:
    """Input: any JSON."""
    return over_distinct(text, pa.string(), jsonb_of)


def receive(content: Column, typmod: int) -> Column:
    """Binary input: a version byte and text."""
    for value in content.drop_null().to_pylist():
        if value[:1] != b"\1":
            raise InvalidBinaryRepresentation(f"unsupported jsonb version number {value[0] if value else 0}")
    texts = [None if value is None else value[1:] for value in content.to_pylist()]
    return parse(receive_text(pa.array(texts, pa.binary()), typmod), typmod)


def send(column: Column) -> Column:
    """Binary output: version 1 and text."""
    values = [None if text is None else b"\1" + text.encode() for text in column.to_pylist()]
    return pa.array(values, pa.binary())


JSONB = declare(
    TypeDefinition(
        name="jsonb",
        sql_name="jsonb",
        oid=3802,
        array_oid=3807,
        category="U",
        length=-1,
        toast="x",
        equality_key=equality_key,
        samples=(
            *(
                "null",
                '""',
                '"a"',
                '"B"',
                "1",
                "1.0",
                "-1",
                "true",
                "false",
                "[]",
                "[1]",
                "[1,2]",
                "{}",
                '{"b":1,"aa":2,"a":[]}',
            ),
            *('{"a":1,"a":2}', "[[]]", "[null]", "1e3", "1.50", '"\\u00e9\\n\\u0001"', '[{"x":null}]', "-0"),
        ),
        **{**STRING_CODECS, "parse": parse, "receive": receive, "send": send, "order_key": order_key},
    )
)
