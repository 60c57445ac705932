"""DataRow messages assembled column-wise, against a loop over values."""

import decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgstream.plan.expressions import Col
from pgstream.session import encode
from pgstream.types.definition import BY_NAME, SqlType
from pgstream.wire.backend import data_row

TEXT = SqlType("text")

values = st.none() | st.text(max_size=30)


@given(st.lists(st.tuples(values, values), max_size=40), st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_rows_are_framed_as_one_by_one(rows: list[tuple[str | None, str | None]], skip: int) -> None:
    columns = [pa.array([row[i] for row in rows], pa.string()).slice(skip) for i in range(2)]
    kept = rows[skip:]
    cols = (Col(0, "a", TEXT), Col(1, "b", TEXT))
    expected = b"".join(data_row([None if v is None else v.encode() for v in row]) for row in kept)
    assert encode.rows_framed(cols, columns, len(kept), (0, 0), {}) == expected
    parts = [encode.string_parts(column) for column in columns]
    assert encode.framed(parts, len(kept)).tobytes() == expected


@pytest.mark.parametrize("name", sorted(encode._PLAIN_TEXT))
def test_the_shortcut_for_few_rows_prints_what_the_type_prints(name: str) -> None:
    definition = BY_NAME[name]
    column = definition.parse(pa.array([*definition.samples, None], pa.string()), -1)
    printed = [None if text is None else text.encode() for text in definition.format(column, {}).to_pylist()]
    assert encode._immediate(column, SqlType(name), 0, {}) == printed


@pytest.mark.parametrize("name", sorted(encode._PLAIN_BINARY))
def test_the_shortcut_for_few_rows_sends_what_the_type_sends(name: str) -> None:
    definition = BY_NAME[name]
    column = definition.parse(pa.array([*definition.samples, None], pa.string()), -1)
    assert encode._immediate(column, SqlType(name), 1, {}) == definition.send(column).to_pylist()


@given(st.integers(-(10**40), 10**40), st.integers(0, 30))
def test_the_shortcut_sends_numerics_of_any_size(unscaled: int, scale: int) -> None:
    text = f"{decimal.Decimal(unscaled).scaleb(-scale, decimal.Context(prec=80)):f}"
    sent = BY_NAME["numeric"].send(pa.array([text], pa.string()))
    assert [encode._binary_numeric(text)] == sent.to_pylist()


def test_no_columns() -> None:
    assert encode.rows_framed((), (), 3, (), {}) == data_row([]) * 3
    assert encode.framed([], 20).tobytes() == data_row([]) * 20


def test_large_values() -> None:
    column = pa.array(["x" * 100_000] * 9, pa.string())
    framed = encode.rows_framed((Col(0, "a", TEXT),), (column,), 9, (0,), {})
    assert framed == data_row([b"x" * 100_000]) * 9
    assert np.frombuffer(framed, np.uint8).size == 9 * (100_000 + 11)
