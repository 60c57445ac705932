"""Columns to JSON lines."""

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.formats.encoding import joined, texts_of
from pgstream.formats.format import Field
from pgstream.types.array import rows_of
from pgstream.types.composite import fields_of
from pgstream.types.definition import SqlType
from pgstream.types.domain import below
from pgstream.types.map import entries_of, is_map, keys_and_values
from pgstream.types.window import MOMENT_TYPES, moments

BARE = frozenset(("int2", "int4", "int8", "oid", "json", "jsonb"))
"""Types whose text is JSON as it is."""

NUMBERS = frozenset(("float4", "float8", "numeric"))
"""Types whose text is a JSON number, but for NaN and the infinities, which become strings."""


class JsonEncoder:
    """Writes an object a line: numbers, booleans, JSON, arrays and windows as JSON has them, others as their text."""

    def __init__(self, fields: Sequence[Field], options: Any) -> None:
        self._fields = tuple(fields)

    def head(self) -> bytes:
        return b""

    def encode(self, columns: Sequence[Column], count: int) -> bytes:
        parts: list[Any] = []
        for i, (field, column) in enumerate(zip(self._fields, columns, strict=True)):
            parts.append(("{" if i == 0 else ",") + json.dumps(field.name, ensure_ascii=False) + ":")
            parts.append(pc.fill_null(value_texts(column, field.type), "null"))
        return joined([*parts, "}\n"] if parts else ["{}\n"], count)

    def messages(self, columns: Sequence[Column], count: int) -> list[bytes]:
        """The bytes of each record, on its own."""
        return self.encode(columns, count).splitlines() if count else []


def value_texts(column: Column, type: SqlType) -> Column:
    """Each value as JSON; NULLs stay."""
    type = below(type)
    if pa.types.is_boolean(column.type):
        return pc.if_else(column, "true", "false")
    if type.element is not None:
        return array_texts(column, type.element)
    attributes = type.definition.attributes
    if attributes is not None:
        return row_texts(column, attributes)
    if is_map(type):
        return map_texts(column, type)
    if type.name in MOMENT_TYPES:
        return window_texts(column, MOMENT_TYPES[type.name])
    text = texts_of(column, type)
    if type.name in BARE:
        return text
    if type.name in NUMBERS:
        odd = pc.match_substring_regex(text, "[NI]")
        return pc.if_else(odd, quoted(text), text) if pc.any(odd).as_py() else text
    return quoted(text)


def quoted(text: Column) -> Column:
    """`text` as JSON strings."""
    if pc.any(pc.match_substring_regex(text, r'[\x00-\x1f"\\]')).as_py():
        distinct = text.dictionary_encode()
        words = [json.dumps(word, ensure_ascii=False) for word in distinct.dictionary.to_pylist()]
        return pa.array(words, pa.string()).take(distinct.indices)
    return pc.binary_join_element_wise('"', text, '"', "")


def row_texts(column: Column, attributes: Sequence[tuple[str, SqlType]]) -> Column:
    """Each row as an object of its fields."""
    parts: list[Any] = []
    for field, (name, type) in zip(fields_of(column), attributes, strict=True):
        parts.append(("," if parts else "{") + json.dumps(name, ensure_ascii=False) + ":")
        parts.append(pc.fill_null(value_texts(field, type), "null"))
    whole = pc.binary_join_element_wise(*parts, "}", "") if parts else pa.array(["{}"] * len(column), pa.string())
    return pc.if_else(column.is_valid(), whole, pa.scalar(None, pa.string()))


def map_texts(column: Column, type: SqlType) -> Column:
    """Each map as an object, its keys in quotes."""
    (key, value), (keys, values) = entries_of(type), keys_and_values(column)
    words = pc.fill_null(value_texts(values, value), "null")
    entries = pc.binary_join_element_wise(quoted(texts_of(keys, key)), words, ":").to_pylist()
    rows = rows_of(column, entries)
    return pa.array([None if row is None else "{" + ",".join(row) + "}" for row in rows], pa.string())


def window_texts(column: Column, moment: SqlType) -> Column:
    """Each window as an object of its start and end."""
    start, end = (value_texts(moments(column, field, moment), moment) for field in ("start", "end"))
    return pc.binary_join_element_wise('{"start":', start, ',"end":', end, "}", "")


def array_texts(column: Column, element: SqlType) -> Column:
    """Each array as a JSON array."""
    words = pc.fill_null(value_texts(column.flatten(), element), "null").to_pylist()
    lengths = pc.list_value_length(column).to_pylist()
    texts: list[str | None] = []
    at = 0
    for length in lengths:
        if length is None:
            texts.append(None)
            continue
        texts.append("[" + ",".join(words[at : at + length]) + "]")
        at += length
    return pa.array(texts, pa.string())
