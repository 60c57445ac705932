"""Values within values: what formats share about composite columns and arrays of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from pgstream.delta import Column
from pgstream.formats.texts import first_errors
from pgstream.types.array import list_column
from pgstream.types.buffers import valid_rows
from pgstream.types.composite import composite_column
from pgstream.types.definition import SqlType

Read = tuple[Column, dict[int, str]]
"""A column, and what is wrong with its bad rows, which are NULL there."""


def is_nested(type: SqlType) -> bool:
    """Whether values of `type` are rows, or arrays of rows."""
    if type.element is not None:
        return is_nested(type.element)
    return type.definition.attributes is not None


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


def valid_mask(column: Column, bad: Mapping[int, str]) -> Any:
    """Where a column is not NULL and not bad."""
    mask = valid_rows(column).copy()
    mask[list(bad)] = False
    return mask
