"""Nested values in records: objects and arrays of objects are rows and arrays of rows, in every format both ways."""

from pathlib import Path
from typing import Any

import pytest

from pgstream.formats.avro import AVRO, AvroFile, AvroOptions
from pgstream.formats.format import Chunk, Field
from pgstream.formats.json import JSON, JsonDecoder, JsonOptions
from pgstream.formats.objects import rows_of
from pgstream.formats.parquet import PARQUET, ParquetOptions, ParquetReader
from pgstream.formats.protobuf import plain_values
from pgstream.types import INT4, INT8, TEXT, TIMESTAMP, array_of, enum_type
from pgstream.types.described import struct_type

INNER = struct_type([("x", INT4), ("when", TIMESTAMP)])
OUTER = struct_type([("a", INT8), ("b", TEXT), ("i", INNER), ("l", array_of(INNER)), ("n", array_of(INT4))])
FIELDS = [Field("id", INT4), Field("s", OUTER), Field("ss", array_of(OUTER))]
EVERY = frozenset({0, 1, 2})

LINES = """\
{"id":1,"s":{"a":1,"b":"x \\"y\\"","i":{"x":5,"when":"2024-01-01 10:00:00"},"l":[{"x":1},null],\
"n":[1,2]},"ss":[{"a":1},{"b":"é"}]}
{"id":2,"s":null,"ss":[]}
{"id":3}
{"id":4,"s":{"b":"only"},"extra":{"s":1}}
"""
TEXTS = [
    ["1", "2", "3", "4"],
    ['(1,"x ""y""","(5,""2024-01-01 10:00:00"")","{""(1,)"",NULL}","{1,2}")', None, None, "(,only,,,)"],
    ['{"(1,,,,)","(,é,,,)"}', "{}", None, None],
]


def texts(columns: Any) -> list[list[str | None]]:
    return [field.type.definition.format(c, {}).to_pylist() for field, c in zip(FIELDS, columns, strict=True)]


def decoded(lines: str) -> Any:
    return JsonDecoder(FIELDS, JsonOptions()).decode(Chunk.of(lines.encode()), EVERY)


def test_json_objects_are_rows() -> None:
    assert texts(decoded(LINES).columns) == TEXTS


def test_json_goes_out_as_it_came() -> None:
    rows = decoded(LINES)
    out = JSON.encoder(FIELDS, JsonOptions()).encode(rows.columns, rows.count).decode()  # type: ignore[misc]
    assert out.splitlines()[3] == '{"id":4,"s":{"a":null,"b":"only","i":null,"l":null,"n":null},"ss":null}'
    assert texts(decoded(out).columns) == TEXTS


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id":1,"s":{"a":"one"}}', 'column "s": column "a": invalid input syntax for type bigint: "one"'),
        ('{"id":1,"s":7}', 'column "s": a JSON object is expected'),
        ('{"id":1,"s":{"i":[]}}', 'column "s": column "i": a JSON object is expected'),
        ('{"id":1,"ss":{"a":1}}', 'column "ss": a JSON array is expected'),
        (
            '{"id":1,"ss":[{"a":3},{"a":"z"}]}',
            'column "ss": column "a": invalid input syntax for type bigint: "z"',
        ),
    ],
)
def test_what_is_no_row_is_told_with_its_place(line: str, message: str) -> None:
    rows = decoded(LINES + line + "\n" + LINES)
    assert [reject.message for reject in rows.rejects] == [message]
    assert texts(rows.columns) == [column * 2 for column in TEXTS]


@pytest.mark.parametrize(
    ("kind", "options", "reader"), [(AVRO, AvroOptions(), AvroFile), (PARQUET, ParquetOptions(), ParquetReader)]
)
def test_files_keep_rows(kind: Any, options: Any, reader: Any, tmp_path: Path) -> None:
    rows = decoded(LINES)
    path = tmp_path / f"rows.{kind.name}"
    path.write_bytes(kind.encoder(FIELDS, options).encode(rows.columns, rows.count))
    assert list(kind.infer(path)) == FIELDS
    read = reader(path, FIELDS, options).read(0, 4, EVERY)
    assert (read.rejects, texts(read.columns)) == ((), TEXTS)


def test_parquet_finds_fields_by_name(tmp_path: Path) -> None:
    rows = decoded(LINES)
    path = tmp_path / "rows.parquet"
    path.write_bytes(PARQUET.encoder(FIELDS, ParquetOptions()).encode(rows.columns, rows.count))  # type: ignore[misc]
    wanted = [Field("s", struct_type([("gone", INT4), ("b", TEXT)]))]
    [column] = ParquetReader(path, wanted, ParquetOptions()).read(0, 4, frozenset({0})).columns
    assert wanted[0].type.definition.format(column, {}).to_pylist() == ['(,"x ""y""")', None, None, "(,only)"]


def test_labels_of_enums_are_texts_in_files(tmp_path: Path) -> None:
    mood = enum_type(20001, "public", "mood", [(5, "sad", "1"), (6, "happy", "2")])
    fields = [Field("m", mood), Field("ms", array_of(mood)), Field("r", struct_type([("m", mood)]))]
    line = '{"m":"happy","ms":["sad",null],"r":{"m":"sad"}}'
    rows = JsonDecoder(fields, JsonOptions()).decode(Chunk.of(line.encode()), EVERY)
    assert JSON.encoder(fields, JsonOptions()).encode(rows.columns, 1) == line.encode() + b"\n"  # type: ignore[misc]
    path = tmp_path / "rows.parquet"
    path.write_bytes(PARQUET.encoder(fields, ParquetOptions()).encode(rows.columns, 1))  # type: ignore[misc]
    assert [str(field.type) for field in PARQUET.infer(path)] == ["text", "text[]", "struct<m text>"]
    read = ParquetReader(path, fields, ParquetOptions()).read(0, 1, EVERY)
    assert (read.rejects, read.columns) == ((), rows.columns)


def test_objects_of_other_readers_are_rows() -> None:
    records = [{"s": {"a": 5, "l": [{"x": 1}]}}, {"s": None}, {"s": "text"}]
    rows = rows_of(records, FIELDS, EVERY, {})
    assert texts(rows.columns)[1] == ['(5,,,"{""(1,)""}",)', None]
    assert [reject.message for reject in rows.rejects] == ['column "s": a record is expected']


def test_protobuf_leaves_out_what_is_null() -> None:
    rows = decoded(LINES)
    assert plain_values(rows.columns[2], FIELDS[2]) == [[{"a": 1}, {"b": "é"}], [], None, None]
