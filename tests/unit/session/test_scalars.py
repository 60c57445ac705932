"""Values read and written one at a time, against the column codecs of their types."""

import decimal
import struct

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgstream.delta import Column
from pgstream.errors import SqlError
from pgstream.session import scalars
from pgstream.types.definition import BY_NAME, SqlType
from pgstream.types.values import column_of_one, plain_values
from pgstream.wire.backend import sized


def samples(name: str) -> Column:
    definition = BY_NAME[name]
    return definition.parse(pa.array(definition.samples, pa.string()), -1)


def read(name: str, code: int, value: bytes) -> Column | None:
    """What the shortcut reads; None where it leaves the value to the type."""
    found = scalars.reader(SqlType(name), code)
    assert found is not None
    try:
        return pa.array([found(value)], BY_NAME[name].storage)
    except scalars.NOT_HERE:
        return None


def read_by_type(name: str, code: int, value: bytes) -> Column | None:
    """What the type reads; None where it refuses."""
    definition = BY_NAME[name]
    try:
        if code == 1:
            return definition.receive(pa.array([value], pa.binary()), -1)
        return definition.parse(pa.array([value.decode()], pa.string()), -1)
    except (SqlError, UnicodeDecodeError):
        return None


def same(left: Column, right: Column) -> bool:
    return left.type == right.type and repr(plain_values(left)) == repr(plain_values(right))


@pytest.mark.parametrize("name", sorted(scalars._WRITE_TEXT))
def test_text_is_what_the_type_prints(name: str) -> None:
    write = scalars.writer(SqlType(name), 0)
    assert write is not None
    column = samples(name)
    printed = [sized(text.encode()) for text in BY_NAME[name].format(column, {}).to_pylist()]
    assert [write(value) for value in plain_values(column)] == printed


@pytest.mark.parametrize("name", sorted(scalars._WRITE_BINARY))
def test_binary_is_what_the_type_sends(name: str) -> None:
    write = scalars.writer(SqlType(name), 1)
    assert write is not None
    column = samples(name)
    sent = [sized(value) for value in BY_NAME[name].send(column).to_pylist()]
    assert [write(value) for value in plain_values(column)] == sent


@given(st.integers(-(10**40), 10**40) | st.integers(-(10**9), 10**9), st.integers(0, 30) | st.just(0))
def test_numerics_of_any_size_are_sent(unscaled: int, scale: int) -> None:
    text = f"{decimal.Decimal(unscaled).scaleb(-scale, decimal.Context(prec=80)):f}"
    sent = BY_NAME["numeric"].send(pa.array([text], pa.string()))
    assert [scalars._binary_numeric(text)] == [sized(value) for value in sent.to_pylist()]


@pytest.mark.parametrize("name", sorted(scalars._READ_BINARY))
def test_binary_is_read_as_the_type_receives_it(name: str) -> None:
    taken = 0
    for value in BY_NAME[name].send(samples(name)).to_pylist():
        found, expected = read(name, 1, value), read_by_type(name, 1, value)
        assert expected is not None
        if found is not None:
            taken += 1
            assert same(found, expected)
    assert taken


@pytest.mark.parametrize("name", sorted(scalars._READ_TEXT))
def test_text_is_read_as_the_type_parses_it(name: str) -> None:
    taken = 0
    for value in [*BY_NAME[name].samples, "1", "-2", "t", "0.5"]:
        found, expected = read(name, 0, value.encode()), read_by_type(name, 0, value.encode())
        if found is not None:
            taken += 1
            assert expected is not None, value
            assert same(found, expected), value
    assert taken


@given(st.sampled_from(sorted(scalars._READ_TEXT)), st.text("0123456789.-+eE_ tfaNn", max_size=25))
@settings(max_examples=500, deadline=None)
def test_any_text_is_read_alike_or_left_to_the_type(name: str, text: str) -> None:
    found = read(name, 0, text.encode())
    if found is not None:
        expected = read_by_type(name, 0, text.encode())
        assert expected is not None
        assert same(found, expected)


@given(st.sampled_from(sorted(scalars._READ_BINARY)), st.binary(max_size=24))
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_read_alike_or_left_to_the_type(name: str, value: bytes) -> None:
    found = read(name, 1, value)
    if found is not None:
        expected = read_by_type(name, 1, value)
        assert expected is not None
        assert same(found, expected)


def test_types_with_a_modifier_are_left_to_their_type() -> None:
    assert scalars.reader(SqlType("varchar", 24), 0) is None
    assert scalars.reader(SqlType("numeric", 65540), 1) is None


@pytest.mark.parametrize(
    ("value", "storage"),
    [
        *((value, storage) for value in (None, 0, -7) for storage in (pa.int16(), pa.int32(), pa.int64())),
        *((value, pa.string()) for value in (None, "", "naïve")),
        (True, pa.bool_()),
        (12, pa.timestamp("us")),
        (struct.pack("16s", b"x"), pa.binary(16)),
    ],
)
def test_the_column_of_one_value(value: object, storage: pa.DataType) -> None:
    made = column_of_one(value, storage)
    made.validate(full=True)
    assert made.equals(pa.array([value], storage))
