"""Maps: keys, each once and none NULL, with values. Python form: the list of pairs of the Python forms.

    ["map", [["key", type, modifier], ["value", type, modifier]]]

Stored as a list of rows in the order in which they were given; two maps are equal that have the same entries in any
order. Clients are told that a map is text.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue
from pgstream.types.array import elements_of, list_column, rows_of, with_elements
from pgstream.types.buffers import valid_rows
from pgstream.types.composite import STRUCTS, composite_column, fields_of, rows_order_key, storage_of, struct_oid
from pgstream.types.definition import MADE_OF, Settings, SqlType, TypeDefinition
from pgstream.types.described import described, listed, read_attributes
from pgstream.types.map_text import entry_texts, map_text
from pgstream.types.string import send_text
from pgstream.types.values import parse_text, plain_values

TEXT_OID = 25
Entries = tuple[tuple[str, SqlType], ...]
"""The type of keys and that of values, under their names."""


def map_type(key: SqlType, value: SqlType) -> SqlType:
    """`MAP(key, value)`."""
    return described("map", listed([("key", key), ("value", value)]))


def is_map(type: SqlType) -> bool:
    """Whether the type is that of maps."""
    return type.name.startswith('["map"')


def entries_of(type: SqlType) -> tuple[SqlType, SqlType]:
    """The types of a map's keys and values."""
    (_, key), (_, value) = type.definition.entries
    return key, value


def keys_and_values(column: Column) -> tuple[Column, Column]:
    """The keys and the values of all maps of a column, one after another."""
    key, value = fields_of(elements_of(column))
    return key, value


def lengths_of(column: Column) -> np.ndarray[Any, np.dtype[np.int64]]:
    """How many entries each map has; 0 where NULL."""
    offsets = column.offsets.to_numpy()
    return np.where(valid_rows(column), np.diff(offsets), 0).astype(np.int64)


def with_entries(column: Column, keys: Column, values: Column, type: SqlType) -> Column:
    """`column` with other keys and values, which make it one of `type`. Raises as `map_column` does."""
    made = with_elements(column, composite_column([keys, values], type.storage.value_type, None))
    require_unique(made, type)
    return made


def map_column(lengths: Sequence[int | None], keys: Column, values: Column, type: SqlType) -> Column:
    """Maps of so many entries each, None for NULL. Raises InvalidParameterValue for a key that is NULL or twice."""
    known = pa.array([None if length is None else True for length in lengths], pa.bool_())
    lists = [None if length is None else [None] * length for length in lengths]
    rows = composite_column([keys, values], type.storage.value_type, None)
    made = list_column(lists, rows, known)
    if keys.null_count:
        raise InvalidParameterValue("map keys must not be NULL")
    require_unique(made, type)
    return made


def require_unique(column: Column, type: SqlType) -> None:
    """Raises InvalidParameterValue where a key is twice in one map."""
    for row in rows_of(column, key_identities(column, type)):
        if row is not None and len(set(row)) < len(row):
            raise InvalidParameterValue("map keys must be unique")


def key_identities(column: Column, type: SqlType) -> list[Any]:
    """All keys of all maps, as values that are equal where the keys are."""
    return identities(keys_and_values(column)[0], entries_of(type)[0])


def identities(column: Column, type: SqlType) -> list[Any]:
    """Values that are equal where those of a column are."""
    normalise = type.definition.equality_key
    plain = plain_values(column if normalise is None else normalise(column))
    return [tuple(map(str, value)) if isinstance(value, list) else value for value in plain]


def _sorted(column: Column, key: SqlType) -> Column:
    """Maps whose entries stand in the order of their keys."""
    order_key = key.definition.order_key
    assert order_key is not None
    entries = elements_of(column)
    owners = np.repeat(np.arange(len(column)), np.diff(column.offsets.to_numpy()))
    ranks = order_key(fields_of(entries)[0]).to_pylist()
    places = sorted(range(len(ranks)), key=lambda at: (owners[at], ranks[at]))
    return with_elements(column, entries.take(pa.array(places, pa.int64())))


def _parse(text: Column, type: SqlType, read: Callable[[SqlType, Column], Column]) -> Column:
    rows = [None if one is None else entry_texts(one) for one in text.to_pylist()]
    pairs = [pair for row in rows if row for pair in row]
    key, value = entries_of(type)
    keys = read(key, pa.array([word for word, _ in pairs], pa.string()))
    values = read(value, pa.array([word for _, word in pairs], pa.string()))
    return map_column([None if row is None else len(row) for row in rows], keys, values, type)


def _plain_read(type: SqlType, text: Column) -> Column:
    return _bounded(type, type.definition.parse(text, -1))


def _bounded(type: SqlType, column: Column) -> Column:
    bound = type.definition.apply_typmod
    return column if bound is None or type.typmod < 0 else bound(column, type.typmod, False)


def _format(column: Column, type: SqlType, settings: Settings) -> Column:
    key, value = entries_of(type)
    keys, values = keys_and_values(column)
    words = zip(
        key.definition.format(keys, settings).to_pylist(),
        value.definition.format(values, settings).to_pylist(),
        strict=True,
    )
    rows = rows_of(column, list(words))
    return pa.array([None if row is None else map_text(row) for row in rows], pa.string())


def _equality(column: Column, type: SqlType) -> Column:
    entries = elements_of(_sorted(column, entries_of(type)[0]))
    fields = []
    for field, part in zip(fields_of(entries), entries_of(type), strict=True):
        normalise = part.definition.equality_key
        fields.append(field if normalise is None else normalise(field))
    storage = pa.struct([("0", fields[0].type), ("1", fields[1].type)])
    return with_elements(column, composite_column(fields, storage, None))


def _order_key(column: Column, type: SqlType, entries: Entries) -> Column:
    """Keys: 1 and an entry's key for each, in the order of the keys, then 0 at the end."""
    ordered = _sorted(column, entries[0][1])
    marked = [b"\1" + key for key in rows_order_key(elements_of(ordered), entries).to_pylist()]
    return pa.array([b"".join(row) + b"\0" for row in rows_of(ordered, marked) if row is not None], pa.binary())


def _to_python(plain: Any, entries: Entries) -> list[Any]:
    rows = plain_values(plain.values) if isinstance(plain, pa.Scalar) else plain
    (_, key), (_, value) = entries
    return [(key.definition.to_python(k), None if v is None else value.definition.to_python(v)) for k, v in rows]


def _from_python(pairs: Any, entries: Entries) -> list[Any]:
    (_, key), (_, value) = entries
    return [
        {"0": key.definition.from_python(k), "1": None if v is None else value.definition.from_python(v)}
        for k, v in pairs
    ]


def _definition(name: str, parts: list[Any]) -> TypeDefinition:
    entries = read_attributes(parts)
    (_, key), (_, value) = entries
    oid, made = struct_oid(name), SqlType(name)
    STRUCTS[oid] = name
    orders = key.definition.order_key is not None and value.definition.order_key is not None
    identity = [(type.definition.identity or type.name, type.typmod) for _, type in entries]
    return TypeDefinition(
        name=name,
        sql_name=f"map({key},{value})",
        oid=oid,
        array_oid=oid + 1,
        told_oid=TEXT_OID,
        category="U",
        length=-1,
        align="d",
        toast="x",
        storage=pa.list_(storage_of(entries)),
        parse=lambda text, typmod: _parse(text, made, _plain_read),
        parse_at=lambda text, typmod, settings, now_us: _parse(
            text, made, lambda own, words: _bounded(own, parse_text(own.bare(), words, settings, now_us))
        ),
        format=lambda column, settings: _format(column, made, settings),
        receive=lambda content, typmod: _parse(content.cast(pa.string()), made, _plain_read),
        send=lambda column: send_text(_format(column, made, {"timezone": "UTC"})),
        order_key=(lambda column: _order_key(column, made, entries)) if orders else None,
        equality_key=(lambda column: _equality(column, made)) if key.definition.order_key is not None else None,
        to_python=lambda plain: _to_python(plain, entries),
        from_python=lambda pairs: _from_python(pairs, entries),
        entries=entries,
        identity=f"map {identity}",
    )


MADE_OF["map"] = _definition
