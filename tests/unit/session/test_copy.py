"""COPY's formats in and out, against Python's own csv module and byte loops."""

import csv
import io
import struct

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgstream.errors import SqlError
from pgstream.plan.expressions import Col
from pgstream.session.copy_in import SIGNATURE, CopyReader, CopyTarget
from pgstream.session.copy_options import CopyOptions
from pgstream.session.copy_out import copy_out_end, copy_out_rows, copy_out_start
from pgstream.types import SqlType

INT4, TEXT = SqlType("int4"), SqlType("text")
CSV = CopyOptions("csv", b",", b"")
TARGET = CopyTarget("t", ("a", "b"), (INT4, TEXT))
COLS = (Col(0, "a", INT4), Col(1, "b", TEXT))


def read(content: bytes, options: CopyOptions, target: CopyTarget = TARGET, cuts: tuple[int, ...] = ()) -> list[list]:  # type: ignore[type-arg]
    reader = CopyReader(target, options)
    for start, stop in zip((0, *cuts), (*cuts, len(content)), strict=True):
        reader.feed(content[start:stop])
        reader.parse()
    columns, count = reader.finish()
    assert all(len(column) == count for column in columns)
    return [list(row) for row in zip(*(column.to_pylist() for column in columns), strict=True)]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"1\tx\n2\ty\n", [[1, "x"], [2, "y"]]),
        (b"1\tx\n2\ty", [[1, "x"], [2, "y"]]),
        (b"1\tx\r\n2\ty\r\n", [[1, "x"], [2, "y"]]),
        (b"1\tx\r2\ty\r", [[1, "x"], [2, "y"]]),
        (b"\\N\t\\N\n", [[None, None]]),
        (b"1\t\\\\N\n", [[1, "\\N"]]),
        (b"1\ta\\tb\\nc\\\\d\\x41\\101\\q\n", [[1, "a\tb\nc\\dAAq"]]),
        (b"1\ta\\\nb\n2\tc\n", [[1, "a\nb"], [2, "c"]]),
        (b"1\tx\n\\.\n2\ty\n", [[1, "x"]]),
        (b"1\t\n", [[1, ""]]),
        (b"", []),
    ],
)
def test_text(content: bytes, rows: list[list[object]]) -> None:
    assert read(content, CopyOptions()) == rows
    for cut in range(len(content)):
        assert read(content, CopyOptions(), cuts=(cut,)) == rows, cut


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"1,x\n2,y\n", [[1, "x"], [2, "y"]]),
        (b'1,"x,y"\n2,"a""b"\n', [[1, "x,y"], [2, 'a"b']]),
        (b'1,"two\nlines"\r\n'.replace(b"\r", b""), [[1, "two\nlines"]]),
        (b'1,\n2,""\n', [[1, None], [2, ""]]),
        (b'1,a"b,c"d\n', [[1, "ab,cd"]]),
        (b"1,x\n\\.\n", [[1, "x"]]),
        (b'1,"\\."\n', [[1, "\\."]]),
    ],
)
def test_csv(content: bytes, rows: list[list[object]]) -> None:
    assert read(content, CSV) == rows
    for cut in range(len(content)):
        assert read(content, CSV, cuts=(cut,)) == rows, cut


def test_csv_options() -> None:
    options = CopyOptions("csv", b";", b"nil", "on", b"'", b"\\", force_not_null=frozenset({1}))
    assert read(b"a;b\nnil;nil\n2;'it\\'s'\n", options) == [[None, "nil"], [2, "it's"]]
    assert read(b'1,"nil"\n', CopyOptions("csv", b",", b"nil", force_null=frozenset({1}))) == [[1, None]]
    assert read(b"a,b\n1,x\n", CopyOptions("csv", b",", b"", "match")) == [[1, "x"]]


@pytest.mark.parametrize(
    ("content", "options", "sqlstate", "message", "context"),
    [
        (b"1\tx\n2\n", CopyOptions(), "22P04", 'missing data for column "b"', 'COPY t, line 2: "2"'),
        (
            b"1\tx\n2\ty\tz\n",
            CopyOptions(),
            "22P04",
            "extra data after last expected column",
            'COPY t, line 2: "2\ty\tz"',
        ),
        (
            b"1\tx\nz\ty\nq\n",
            CopyOptions(),
            "22P02",
            'invalid input syntax for type integer: "z"',
            'COPY t, line 2, column a: "z"',
        ),
        (b'1,"x\n', CSV, "22P04", "unterminated CSV quoted field", 'COPY t, line 1: "1,"x\n"'),
        (
            b"A,b\n",
            CopyOptions("csv", b",", b"", "match"),
            "22P04",
            'column name mismatch in header line field 1: got "A", expected "a"',
            'COPY t, line 1: "A,b"',
        ),
        (b"1\tx\n2\ty\r\n", CopyOptions(), "22P04", "literal carriage return found in data", 'COPY t, line 2: "2\ty"'),
        (b"1\t\xff\n", CopyOptions(), "22021", 'invalid byte sequence for encoding "UTF8": 0xff', None),
        (b"nonsense that is no copy", CopyOptions("binary"), "22P04", "COPY file signature not recognized", None),
    ],
)
def test_errors(content: bytes, options: CopyOptions, sqlstate: str, message: str, context: str | None) -> None:
    with pytest.raises(SqlError) as caught:
        read(content, options)
    assert (caught.value.sqlstate, caught.value.message, caught.value.context) == (sqlstate, message, context)


def binary_row(*fields: bytes | None) -> bytes:
    parts = [b"\xff\xff\xff\xff" if field is None else struct.pack("!i", len(field)) + field for field in fields]
    return struct.pack("!h", len(fields)) + b"".join(parts)


def test_binary() -> None:
    rows = binary_row(struct.pack("!i", -7), b"x") + binary_row(None, None)
    content = SIGNATURE + bytes(8) + rows + b"\xff\xff"
    assert read(content, CopyOptions("binary")) == [[-7, "x"], [None, None]]
    for cut in range(len(content)):
        assert read(content, CopyOptions("binary"), cuts=(cut,)) == [[-7, "x"], [None, None]], cut
    with pytest.raises(SqlError, match="row field count is 1, expected 2"):
        read(SIGNATURE + bytes(8) + binary_row(b"x"), CopyOptions("binary"))


texts = st.text(st.sampled_from("ab,\"'\\\t\n\r;N.é"), max_size=6)
rows_of_texts = st.lists(st.tuples(st.none() | st.integers(-9, 99), st.none() | texts), max_size=20)


def payload(messages: bytes) -> bytes:
    out, at = b"", 0
    while at < len(messages):
        assert messages[at : at + 1] == b"d"
        length = struct.unpack_from("!i", messages, at + 1)[0]
        out += messages[at + 5 : at + 1 + length]
        at += 1 + length
    return out


def written(rows: list[tuple[int | None, str | None]], options: CopyOptions) -> bytes:
    columns = (pa.array([row[0] for row in rows], pa.int32()), pa.array([row[1] for row in rows], pa.string()))
    body = copy_out_rows(COLS, columns, len(rows), options, {}, True) if rows else b""
    return payload(copy_out_start(COLS, options) + body + copy_out_end(options))


@given(rows_of_texts, st.sampled_from(["text", "csv", "odd csv", "binary"]))
@settings(max_examples=150, deadline=None)
def test_what_goes_out_comes_back(rows: list[tuple[int | None, str | None]], kind: str) -> None:
    options = {
        "text": CopyOptions(),
        "csv": CSV,
        "odd csv": CopyOptions("csv", b";", b"N", "on", b"'", b"\\"),
        "binary": CopyOptions("binary"),
    }[kind]
    if kind == "binary" and not rows:
        return
    assert read(written(rows, options), options) == [list(row) for row in rows]


@given(rows_of_texts)
@settings(max_examples=80, deadline=None)
def test_csv_reads_as_pythons_csv_does(rows: list[tuple[int | None, str | None]]) -> None:
    content = written(rows, CSV).decode()
    expected = [["" if value is None else str(value) for value in row] for row in rows]
    assert list(csv.reader(io.StringIO(content, newline=""))) == expected
