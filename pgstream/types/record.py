"""Records: rows as values. An Arrow struct whose field names say the SQL name and type of each field, since the type
`record` itself says neither."""

from typing import NamedTuple

import pyarrow as pa

from pgstream.delta import Column
from pgstream.types.definition import Settings, SqlType


class RecordField(NamedTuple):
    """One field of a column of records."""

    name: str
    type: SqlType
    column: Column


def record_column(names: tuple[str, ...], types: tuple[SqlType, ...], columns: list[Column]) -> Column:
    """Records of these fields, one for each row."""
    fields = [f"{name}\0{type.name}" for name, type in zip(names, types, strict=True)]
    return pa.StructArray.from_arrays(columns, names=fields)


def record_fields(column: Column) -> list[RecordField]:
    """The fields of a column of records, NULL where the record is."""
    found = []
    for field, content in zip(column.type, column.flatten(), strict=True):
        name, _, type_name = field.name.rpartition("\0")
        found.append(RecordField(name, SqlType(type_name), content))
    return found


def format_record(column: Column, settings: Settings) -> Column:
    """`(a,"b c",)`: the texts of the fields, quoted where they must be."""
    if not pa.types.is_struct(column.type):
        return pa.nulls(len(column), pa.string())
    texts = [field.type.definition.format(field.column, settings).to_pylist() for field in record_fields(column)]
    rows = zip(*texts, strict=True) if texts else iter([()] * len(column))
    shown = [f"({','.join(map(field_text, row))})" for row in rows]
    valid = column.is_valid().to_pylist()
    return pa.array([text if known else None for text, known in zip(shown, valid, strict=True)], pa.string())


def field_text(field: str | None) -> str:
    """One field of a record's text, quoted where it must be."""
    if field is None:
        return ""
    if field and not any(c in '"\\(),' or c.isspace() for c in field):
        return field
    return '"' + field.replace("\\", "\\\\").replace('"', '""') + '"'
