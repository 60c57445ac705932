"""DataRow messages assembled column-wise, against a loop over values."""

import struct

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pgstream.plan.expressions import Col
from pgstream.session import encode
from pgstream.types.definition import SqlType

TEXT = SqlType("text")


def row_of(values: list[bytes | None]) -> bytes:
    """A DataRow, put together by hand."""
    cells = [b"\xff\xff\xff\xff" if v is None else struct.pack("!i", len(v)) + v for v in values]
    body = struct.pack("!h", len(cells)) + b"".join(cells)
    return b"D" + struct.pack("!i", len(body) + 4) + body


values = st.none() | st.text(max_size=30)


@given(st.lists(st.tuples(values, values), max_size=40), st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_rows_are_framed_as_one_by_one(rows: list[tuple[str | None, str | None]], skip: int) -> None:
    columns = [pa.array([row[i] for row in rows], pa.string()).slice(skip) for i in range(2)]
    kept = rows[skip:]
    cols = (Col(0, "a", TEXT), Col(1, "b", TEXT))
    expected = b"".join(row_of([None if v is None else v.encode() for v in row]) for row in kept)
    assert encode.rows_framed(cols, columns, len(kept), (0, 0), {}) == expected
    parts = [encode.string_parts(column) for column in columns]
    assert encode.framed(parts, len(kept)).tobytes() == expected


def test_no_columns() -> None:
    assert encode.rows_framed((), (), 3, (), {}) == row_of([]) * 3
    assert encode.framed([], 20).tobytes() == row_of([]) * 20


def test_large_values() -> None:
    column = pa.array(["x" * 100_000] * 9, pa.string())
    framed = encode.rows_framed((Col(0, "a", TEXT),), (column,), 9, (0,), {})
    assert framed == row_of([b"x" * 100_000]) * 9
    assert np.frombuffer(framed, np.uint8).size == 9 * (100_000 + 11)
