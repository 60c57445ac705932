"""Python objects, as readers of self-describing formats give them, to columns."""

import datetime as dt
import json
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.formats.format import Decoded, Field, Reject
from pgstream.formats.json_slow import array_text
from pgstream.formats.messages import without_rows
from pgstream.formats.nested import is_nested, lists_read, maps_read, rows_read
from pgstream.formats.sheet import null_column
from pgstream.formats.texts import first_errors, read_texts
from pgstream.types.definition import SqlType
from pgstream.types.map import is_map

EXACT = frozenset(("int2", "int4", "int8", "float8", "text", "varchar", "bytea", "timestamp", "timestamptz", "date"))
"""Types whose Arrow values are made of nothing but the objects that have them."""

ZERO_BYTE = "\0"


def rows_of(
    records: Sequence[Mapping[str, Any]], fields: Sequence[Field], needed: frozenset[int], wrong: Mapping[int, Reject]
) -> Decoded:
    """A row for each record that is not `wrong`; a field that it lacks is NULL. Rejects number the records."""
    columns: list[Column] = []
    errors: list[dict[int, str]] = []
    for c, field in enumerate(fields):
        if c not in needed:
            columns.append(null_column(field.type.storage, len(records)))
            errors.append({})
            continue
        column, bad = read_objects([record.get(field.name) for record in records], field.type)
        columns.append(column)
        errors.append(bad)
    found = first_errors([field.name for field in fields], errors)
    rejects = [Reject(row, shown(records[row]), message) for row, message in found.items() if row not in wrong]
    dropped = {*found, *wrong}
    rejects = sorted([*rejects, *wrong.values()])
    kept = tuple(without_rows(column, dropped) for column in columns)
    return Decoded(kept, len(records) - len(dropped), tuple(rejects))


def read_objects(values: Sequence[Any], type: SqlType) -> tuple[Column, dict[int, str]]:
    """`values` as values of `type`, and what is wrong with those that are none (NULL there)."""
    if is_nested(type):
        if type.element is not None:
            return lists_read(values, type.element, read_objects, "an array is expected")
        if is_map(type):
            return maps_read(values, type, read_objects, "a map is expected")
        return rows_read(values, type, read_objects, "a record is expected")
    if type.name in EXACT and type.typmod == -1 and not any(isinstance(value, bool) for value in values):
        try:
            column = pa.array(values, type.storage)
        except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, OverflowError, ValueError):
            pass
        else:
            zeros = pa.types.is_string(column.type) and pc.any(pc.match_substring(column, ZERO_BYTE)).as_py()
            if not zeros:
                return column, {}
    texts: list[str | None] = []
    bad: dict[int, str] = {}
    for row, value in enumerate(values):
        text = object_text(value, type)
        if text is not None and ZERO_BYTE in text:
            text, bad[row] = None, 'invalid byte sequence for encoding "UTF8": 0x00'
        texts.append(text)
    column, wrong = read_texts(pa.array(texts, pa.string()), type)
    return column, wrong | bad


def object_text(value: Any, type: SqlType) -> str | None:
    """What the input function of `type` is to read for `value`."""
    if value is None:
        return None
    if type.name in ("json", "jsonb") and not isinstance(value, str):  # a text for a JSON column is JSON text
        return json.dumps(value, ensure_ascii=False, default=plain)
    if isinstance(value, list | tuple) and type.element is not None:
        return array_text([_element(item, type.element) for item in value])
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=plain)
    if isinstance(value, bytes) and type.name == "bytea":
        return "\\x" + value.hex()
    told = plain(value)
    return str(told).lower() if isinstance(told, bool) else repr(told) if isinstance(told, float) else str(told)


def _element(item: Any, type: SqlType) -> Any:
    if item is None:
        return None
    if isinstance(item, list | tuple):
        return [_element(inner, type) for inner in item]
    return object_text(item, type)


def plain(value: Any) -> Any:
    """What JSON has for an object that it does not have."""
    match value:
        case bytes():
            return value.decode(errors="replace")
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case Decimal() | uuid.UUID():
            return str(value)
        case np.generic():
            return value.item()
    return value


def shown(record: Mapping[str, Any]) -> bytes:
    """A record that gives no row, as who looks for it will want to read it."""
    return json.dumps(record, ensure_ascii=False, default=lambda value: str(plain(value))).encode()
