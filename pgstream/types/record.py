"""Records: rows as values.

The type `record` itself says neither names nor types of fields, so each value does: it is a list of texts, of which the
first describes the others. A record within a record is its text.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.types.definition import Settings, SqlType

STORAGE = pa.list_(pa.string())
_PLAIN: Settings = {}
"""Settings for texts that nobody sees: PostgreSQL's defaults."""


class RecordField(NamedTuple):
    """One field of records of the same shape."""

    name: str
    type: SqlType
    column: Column


class Shape(NamedTuple):
    """The records of a column that have the same fields: at which rows, and the fields."""

    rows: NDArray[np.int64]
    fields: tuple[RecordField, ...]


def record_column(names: tuple[str, ...], types: tuple[SqlType, ...], columns: list[Column], count: int) -> Column:
    """`count` records of these fields."""
    shape = "\0".join(f"{name}\0{_kept(type)}" for name, type in zip(names, types, strict=True))
    texts = [pa.repeat(pa.scalar(shape), count)]
    texts += [type.definition.format(column, _PLAIN) for type, column in zip(types, columns, strict=True)]
    order = np.arange(len(texts) * count).reshape(len(texts), count).T.reshape(-1)
    offsets = np.arange(count + 1, dtype=np.int32) * len(texts)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.concat_arrays(texts).take(pa.array(order)))


def _kept(type: SqlType) -> str:
    """The type of a field, or text where the type cannot be read."""
    return "text" if type.definition.pseudo else type.name


def shapes(column: Column) -> Iterator[Shape]:
    """The records that are not NULL, by what fields they have."""
    values = column.to_pylist()
    rows_of: dict[str, list[int]] = {}
    for row, value in enumerate(values):
        if value is not None:
            rows_of.setdefault(value[0], []).append(row)
    for described, rows in rows_of.items():
        words = described.split("\0") if described else []
        fields = []
        for index, (name, type_name) in enumerate(zip(words[::2], words[1::2], strict=True), 1):
            type = SqlType(type_name)
            texts = pa.array([values[row][index] for row in rows], pa.string())
            fields.append(RecordField(name, type, type.definition.parse(texts, -1)))
        yield Shape(np.array(rows, np.int64), tuple(fields))


def fields_null(column: Column) -> list[bool]:
    """Whether each record is NULL, or all its fields are."""
    return [value is None or all(text is None for text in value[1:]) for value in column.to_pylist()]


def format_record(column: Column, settings: Settings) -> Column:
    """`(a,"b c",)`: the texts of the fields, quoted where they must be."""
    shown: list[str | None] = [None] * len(column)
    for rows, fields in shapes(column):
        texts = [field.type.definition.format(field.column, settings).to_pylist() for field in fields]
        for at, row in enumerate(rows.tolist()):
            shown[row] = f"({','.join(field_text(text[at]) for text in texts)})"
    return pa.array(shown, pa.string())


def field_text(field: str | None) -> str:
    """One field of a record's text, quoted where it must be."""
    if field is None:
        return ""
    if field and not any(c in '"\\(),' or c.isspace() for c in field):
        return field
    return '"' + field.replace("\\", "\\\\").replace('"', '""') + '"'
