"""Values within values: what formats share about composite columns and arrays of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.formats.encoding import texts_of
from pgstream.formats.texts import first_errors
from pgstream.types.array import list_column, rows_of
from pgstream.types.buffers import valid_rows
from pgstream.types.composite import composite_column
from pgstream.types.definition import SqlType
from pgstream.types.map import entries_of, identities, is_map, keys_and_values, map_column

Read = tuple[Column, dict[int, str]]
"""A column, and what is wrong with its bad rows, which are NULL there."""


def is_nested(type: SqlType) -> bool:
    """Whether values of `type` are rows or maps, or arrays of them."""
    if type.element is not None:
        return is_nested(type.element)
    return is_map(type) or type.definition.attributes is not None


def rows_read(
    records: Sequence[Any], type: SqlType, read: Callable[[Sequence[Any], SqlType], Read], expected: str
) -> Read:
    """The rows that objects are, each field by `read`; `expected` says of what is no object what should be there."""
    attributes = type.definition.attributes
    assert attributes is not None
    bad = {row: expected for row, one in enumerate(records) if not (one is None or isinstance(one, Mapping))}
    known = [one if isinstance(one, Mapping) else {} for one in records]
    parts = [read([one.get(name) for one in known], field) for name, field in attributes]
    bad |= first_errors([name for name, _ in attributes], [wrong for _, wrong in parts])
    valid = pa.array([one is not None and row not in bad for row, one in enumerate(records)], pa.bool_())
    return composite_column([field for field, _ in parts], type.storage, valid.to_numpy(zero_copy_only=False)), bad


def lists_read(
    values: Sequence[Any], element: SqlType, read: Callable[[Sequence[Any], SqlType], Read], expected: str
) -> Read:
    """The arrays that lists are, their elements by `read`."""
    bad = {row: expected for row, one in enumerate(values) if not (one is None or isinstance(one, list | tuple))}
    lists = [None if row in bad or one is None else list(one) for row, one in enumerate(values)]
    flat, wrong = read([item for one in lists if one for item in one], element)
    if wrong:
        owners = [row for row, one in enumerate(lists) if one for _ in one]
        bad = {owners[at]: message for at, message in reversed(wrong.items())} | bad
        lists = [None if row in bad else one for row, one in enumerate(lists)]
        flat = flat.filter(pa.array([owner not in bad for owner in owners], pa.bool_()))
    return list_column(lists, flat, pa.array([None if one is None else True for one in lists], pa.bool_())), bad


def maps_read(
    values: Sequence[Any], type: SqlType, read: Callable[[Sequence[Any], SqlType], Read], expected: str
) -> Read:
    """The maps that objects are, or lists of pairs, their keys and values by `read`."""
    bad = {row: expected for row, one in enumerate(values) if not (one is None or isinstance(one, Mapping | list))}
    maps = [None if row in bad or one is None else pairs_of(one) for row, one in enumerate(values)]
    owners = [row for row, one in enumerate(maps) if one for _ in one]
    parts, wrong = [], dict[int, str]()
    for at, own in enumerate(entries_of(type)):
        part, errors = read([pair[at] for one in maps if one for pair in one], own)
        parts.append(part)
        wrong |= errors
    for at in np.flatnonzero(~valid_rows(parts[0])).tolist():
        wrong.setdefault(at, "map keys must not be NULL")
    seen: dict[Any, int] = {}
    for at, key in enumerate(identities(parts[0], entries_of(type)[0])):
        if seen.setdefault((owners[at], key), at) != at:
            wrong.setdefault(at, "map keys must be unique")
    bad = {owners[at]: message for at, message in sorted(wrong.items(), reverse=True)} | bad
    kept = pa.array([owner not in bad for owner in owners], pa.bool_())
    lengths = [None if row in bad or one is None else len(one) for row, one in enumerate(maps)]
    return map_column(lengths, parts[0].filter(kept), parts[1].filter(kept), type), bad


def pairs_of(value: Any) -> list[tuple[Any, Any]]:
    """The entries of an object, or of a list of pairs."""
    return list(value.items()) if isinstance(value, Mapping) else [(key, one) for key, one in value]


def maps_written(column: Column, type: SqlType, written: Callable[[Column, SqlType], list[Any]]) -> list[Any]:
    """Maps as objects, whose keys are texts and whose values are what `written` makes of them."""
    key, value = entries_of(type)
    keys, values = keys_and_values(column)
    flat = list(zip(texts_of(keys, key).to_pylist(), written(values, value), strict=True))
    return [None if row is None else dict(row) for row in rows_of(column, flat)]


def valid_mask(column: Column, bad: Mapping[int, str]) -> Any:
    """Where a column is not NULL and not bad."""
    mask = valid_rows(column).copy()
    mask[list(bad)] = False
    return mask
