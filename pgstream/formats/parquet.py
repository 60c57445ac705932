"""Parquet: files of row groups, whose rows are numbered from the file's start."""

import io
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from pgstream.delta import Column
from pgstream.errors import InvalidTableDefinition, IoError
from pgstream.formats.encoding import texts_of
from pgstream.formats.format import Decoded, Field, FileFormat, Reject
from pgstream.formats.nested import is_nested, maps_read, valid_mask
from pgstream.formats.objects import read_objects
from pgstream.formats.options import option
from pgstream.formats.sheet import null_column
from pgstream.formats.texts import first_errors, read_texts
from pgstream.types.array import elements_of, with_elements
from pgstream.types.buffers import valid_rows
from pgstream.types.composite import composite_column, fields_of
from pgstream.types.definition import SqlType, array_of
from pgstream.types.described import struct_type
from pgstream.types.domain import below, is_domain
from pgstream.types.map import entries_of, is_map, keys_and_values, map_type

PLAIN_TYPES = {
    pa.bool_(): "bool",
    pa.int8(): "int2",
    pa.int16(): "int2",
    pa.int32(): "int4",
    pa.int64(): "int8",
    pa.uint8(): "int2",
    pa.uint16(): "int4",
    pa.uint32(): "int8",
    pa.uint64(): "numeric",
    pa.float16(): "float4",
    pa.float32(): "float4",
    pa.float64(): "float8",
    pa.string(): "text",
    pa.large_string(): "text",
    pa.binary(): "bytea",
    pa.large_binary(): "bytea",
    pa.date32(): "date",
    pa.date64(): "date",
}


@dataclass(frozen=True, kw_only=True)
class ParquetOptions:
    """WITH options of `format = 'parquet'`."""

    compression: str = option(
        "parquet.compression",
        default="zstd",
        choices=("none", "snappy", "gzip", "zstd", "lz4"),
        doc="How a sink packs.",
    )
    row_group_rows: int = option("parquet.row_group_size", default=1 << 20, minimum=1, doc="Rows a group, in a sink.")


def sql_type(storage: pa.DataType) -> SqlType | None:
    """The SQL type that values of an Arrow type are; None where there is none."""
    if pa.types.is_dictionary(storage):
        return sql_type(storage.value_type)
    if pa.types.is_timestamp(storage):
        return SqlType("timestamptz" if storage.tz else "timestamp")
    if pa.types.is_time(storage):
        return SqlType("time")
    if pa.types.is_decimal(storage):
        return SqlType("numeric")
    if pa.types.is_struct(storage):
        fields = [(item.name, sql_type(item.type)) for item in storage]
        return struct_type((name, type) for name, type in fields if type is not None)
    if pa.types.is_map(storage):
        key, item = sql_type(storage.key_type), sql_type(storage.item_type)
        return None if key is None or item is None else map_type(key, item)
    if pa.types.is_list(storage) or pa.types.is_large_list(storage):
        element = sql_type(storage.value_type)
        return None if element is None or element.element is not None else array_of(element)
    name = PLAIN_TYPES.get(storage)
    return None if name is None else SqlType(name)


def infer(path: Path) -> tuple[Field, ...]:
    """The columns of a file that have a SQL type."""
    schema = open_parquet(path).schema_arrow
    fields = [(item.name, sql_type(item.type)) for item in schema]
    return tuple(Field(name, type) for name, type in fields if type is not None)


def open_parquet(path: Path) -> Any:
    """The file at `path`. Raises IoError."""
    try:
        return parquet.ParquetFile(path, memory_map=True)
    except (OSError, pa.ArrowInvalid) as error:
        raise IoError(f'could not read file "{path}": {error}') from None


class ParquetReader:
    """One file. The last row group decoded is kept, since readings cut groups."""

    def __init__(self, path: Path, fields: Sequence[Field], options: Any) -> None:
        self._file = open_parquet(path)
        self._fields = tuple(fields)
        names = self._file.schema_arrow.names
        missing = [field.name for field in fields if field.name not in names]
        if missing:
            raise InvalidTableDefinition(
                f'file "{path}" has no column "{missing[0]}"', hint=f"It has: {', '.join(names)}."
            )
        sizes = [self._file.metadata.row_group(i).num_rows for i in range(self._file.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self._lock = threading.Lock()
        self._kept: tuple[int, frozenset[int], dict[int, tuple[Column, dict[int, str]]]] | None = None

    @property
    def rows(self) -> int:
        return int(self._starts[-1])

    def read(self, first: int, count: int, needed: frozenset[int]) -> Decoded:
        pieces: dict[int, list[Column]] = {c: [] for c in needed}
        bad: dict[int, str] = {}
        at = first
        while at < first + count:
            group = int(np.searchsorted(self._starts, at, "right")) - 1
            start = int(self._starts[group])
            end = min(first + count, int(self._starts[group + 1]))
            decoded = self._group(group, needed)
            for c, (column, _) in decoded.items():
                pieces[c].append(column.slice(at - start, end - at))
            errors = first_errors([self._fields[c].name for c in decoded], [wrong for _, wrong in decoded.values()])
            bad |= {start + row - first: m for row, m in errors.items() if at <= start + row < end}
            at = end
        columns = [
            whole(pieces[c]) if pieces.get(c) else null_column(f.type.storage, count)
            for c, f in enumerate(self._fields)
        ]
        return without(columns, count, bad, first)

    def _group(self, group: int, needed: frozenset[int]) -> dict[int, tuple[Column, dict[int, str]]]:
        """The needed columns of a row group, and what is wrong with values that have no SQL form."""
        with self._lock:
            if self._kept is None or self._kept[:2] != (group, needed):
                names = [self._fields[c].name for c in sorted(needed)]
                table = self._file.read_row_group(group, columns=names, use_threads=False)
                decoded = {c: stored(table.column(self._fields[c].name), self._fields[c].type) for c in sorted(needed)}
                self._kept = (group, needed, decoded)
            return self._kept[2]


def stored(column: Any, type: SqlType) -> tuple[Column, dict[int, str]]:
    """A file's column in the storage of `type`, and the messages of values that do not fit."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if is_domain(type.name):
        values, wrong = stored(column, below(type))
        allowed, refused = read_texts(texts_of(values, below(type)), type)
        return allowed, refused | wrong
    labels = type.element is not None and type.element.definition.category == "E"
    if (is_nested(type) or labels) and pa.types.is_nested(column.type):
        return stored_within(column, type)
    if type.typmod == -1 and column.type == type.storage and type.name not in ("numeric", "json", "jsonb", "name"):
        return column, {}
    natural = sql_type(column.type)
    if type.typmod == -1 and type.storage != pa.string() and natural is not None and natural.name != "text":
        try:
            return column.cast(type.storage), {}
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            pass
    return read_texts(column.cast(pa.string()), type)


def stored_within(column: Column, type: SqlType) -> tuple[Column, dict[int, str]]:
    """As `stored`, of rows, whose fields go by name, of maps, and of arrays of them."""
    if is_map(type):
        return maps_read(column.to_pylist(), type, read_objects, "a map is expected")
    if type.element is not None:
        flat, wrong = stored(column.flatten(), type.element)
        lengths = np.cumsum(pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False))
        bad = {int(np.searchsorted(lengths, at, "right")): message for at, message in wrong.items()}
        offsets = pa.array(np.concatenate([[0], lengths]).astype(np.int32))
        whole_lists = pa.ListArray.from_arrays(offsets, flat)
        return pc.if_else(pa.array(valid_mask(column, bad)), whole_lists, pa.scalar(None, whole_lists.type)), bad
    attributes = type.definition.attributes or ()
    there = {item.name: place for place, item in enumerate(column.type)}
    given = column.flatten()
    parts = [
        stored(given[there[name]], own) if name in there else (pa.nulls(len(column), own.storage), {})
        for name, own in attributes
    ]
    bad = first_errors([name for name, _ in attributes], [wrong for _, wrong in parts])
    return composite_column([part for part, _ in parts], type.storage, valid_mask(column, bad)), bad


def named(column: Column, type: SqlType) -> Column:
    """A column as a file has it: the fields of rows by name, labels of enums as texts."""
    if is_map(type):
        parts = zip(keys_and_values(column), entries_of(type), strict=True)
        starts = column.offsets.to_numpy() - (column.offsets[0].as_py() if len(column) else 0)
        gone = np.append(~valid_rows(column), False)
        return pa.MapArray.from_arrays(pa.array(starts, pa.int32(), mask=gone), *(named(*part) for part in parts))
    if type.definition.category == "E":
        return texts_of(column, type)
    if type.element is not None and (is_nested(type) or type.element.definition.category == "E"):
        return with_elements(column, named(elements_of(column), type.element))
    attributes = type.definition.attributes
    if attributes is None:
        return column
    fields = [named(field, own) for field, (_, own) in zip(fields_of(column), attributes, strict=True)]
    storage = pa.struct([(name, field.type) for field, (name, _) in zip(fields, attributes, strict=True)])
    return composite_column(fields, storage, valid_mask(column, {}))


def whole(pieces: list[Column]) -> Column:
    """The pieces as one column."""
    return pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces)


def without(columns: Sequence[Column], count: int, bad: dict[int, str], first: int) -> Decoded:
    """The rows that are not `bad`; rejects name the row of the file."""
    if not bad:
        return Decoded(tuple(columns), count, ())
    keep = pa.array([row not in bad for row in range(count)], pa.bool_())
    rejects = tuple(
        Reject(first + row, "\t".join(str(column[row].as_py()) for column in columns).encode(), message)
        for row, message in sorted(bad.items())
    )
    return Decoded(tuple(pc.filter(column, keep) for column in columns), count - len(bad), rejects)


class ParquetEncoder:
    """Writes whole files."""

    def __init__(self, fields: Sequence[Field], options: ParquetOptions) -> None:
        self._fields = tuple(fields)
        self._options = options

    def head(self) -> bytes:
        return b""

    def encode(self, columns: Sequence[Column], count: int) -> bytes:
        parts = [named(column, field.type) for column, field in zip(columns, self._fields, strict=True)]
        table = pa.table(parts, names=[field.name for field in self._fields])
        target = io.BytesIO()
        parquet.write_table(
            table, target, compression=self._options.compression, row_group_size=self._options.row_group_rows
        )
        return target.getvalue()


PARQUET = FileFormat(
    name="parquet",
    doc="Apache Parquet files.",
    options=ParquetOptions,
    reader=ParquetReader,
    infer=infer,
    encoder=ParquetEncoder,
    suffixes=(".parquet", ".pq"),
)
