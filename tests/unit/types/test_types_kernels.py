"""Fast forms, sliced columns and round trips over generated values."""

import json
import math
import os
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgstream.errors import FeatureNotSupported
from pgstream.types import BY_NAME, Interval, SqlType, array_of, column_of, parse_text, values_of
from pgstream.types.numeric import pack, unpack

settings.register_profile("types", deadline=None, max_examples=50)
settings.load_profile("types")
SAMPLED = sorted(definition.name for definition in BY_NAME.values() if definition.samples)
NUMERIC = BY_NAME["numeric"]
FAST = st.decimals(-(10**9), 10**9, places=4) | st.integers(-(10**17), 10**17).map(Decimal)


@pytest.mark.parametrize("name", SAMPLED)
def test_slices_and_nulls_are_read_like_whole_columns(name: str) -> None:
    definition = BY_NAME[name]
    texts = [None, *definition.samples, None, *definition.samples]
    whole = definition.parse(pa.array(texts, pa.string()), -1)
    shown = definition.format(whole, {}).to_pylist()
    for start, length in ((0, len(texts)), (1, 3), (2, len(texts) - 3), (len(texts), 0)):
        part = whole.slice(start, length)
        assert definition.format(part, {}).to_pylist() == shown[start : start + length]
        assert definition.format(definition.parse(pa.array(texts).slice(start, length), -1), {}).equals(
            definition.format(part, {})
        )
        again = definition.receive(definition.send(part), -1)
        assert definition.format(again, {}).to_pylist() == shown[start : start + length]
        if definition.order_key is not None:
            assert definition.order_key(part.drop_null()).to_pylist() == [
                key
                for text, key in zip(texts[start : start + length], keys_of(definition, part), strict=True)
                if text is not None
            ]
        if definition.equality_key is not None:
            assert len(definition.equality_key(part)) == length


def keys_of(definition, part: pa.Array) -> list:
    """The order key of each value alone; None for NULL."""
    return [definition.order_key(part.slice(i, 1))[0].as_py() if part[i].is_valid else None for i in range(len(part))]


@pytest.mark.parametrize("name", SAMPLED)
def test_python_forms_come_back(name: str) -> None:
    type = SqlType(name)
    column = type.definition.parse(pa.array([*type.definition.samples, None]), -1)
    values = values_of(type, column)
    assert values[-1] is None
    assert type.definition.format(column_of(type, values), {}).equals(type.definition.format(column, {}))
    singles = [type.definition.to_python(scalar) if scalar.is_valid else None for scalar in column]
    assert repr(singles) == repr(values)


@given(st.lists(FAST | st.none(), max_size=20))
def test_numeric_fast_form(values: list) -> None:
    column = pa.array([None if value is None else NUMERIC.from_python(value) for value in values], pa.string())
    fast = unpack(column)
    assert fast.ok.all()
    for value, unscaled, scale in zip(values, fast.unscaled, fast.scale, strict=True):
        assert value is None or Decimal(int(unscaled)).scaleb(-int(scale)) == value
    assert pack(fast.unscaled, fast.scale, column).equals(column)


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False)), st.integers(1, 30), st.integers(0, 18))
def test_numeric_typmod_rounds_as_decimal_does(values: list, precision: int, scale: int) -> None:
    fitting = [v for v in values if v.adjusted() < precision - scale - 1 and v.as_tuple().exponent > -300]
    column = pa.array([NUMERIC.from_python(value) for value in fitting], pa.string())
    typmod = NUMERIC.typmod_in((precision, scale))
    for value, text in zip(fitting, NUMERIC.apply_typmod(column, typmod, False).to_pylist(), strict=True):
        assert Decimal(text) == value.quantize(Decimal(1).scaleb(-scale), "ROUND_HALF_UP")
        assert len(text.partition(".")[2]) == scale


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_integers_round_trip(values: list[int]) -> None:
    int8 = BY_NAME["int8"]
    column = pa.array(values, pa.int64())
    text = int8.format(column, {})
    assert text.to_pylist() == [str(value) for value in values]
    assert int8.parse(text, -1).equals(column)


@given(st.lists(st.floats(allow_nan=False)))
def test_floats_round_trip(values: list[float]) -> None:
    float8 = BY_NAME["float8"]
    back = float8.parse(float8.format(pa.array(values, pa.float64()), {}), -1).to_pylist()
    assert [(v, math.copysign(1, v)) for v in back] == [(v, math.copysign(1, v)) for v in values]


@given(st.lists(st.floats(width=32, allow_nan=False)))
def test_short_floats_round_trip(values: list[float]) -> None:
    float4 = BY_NAME["float4"]
    column = pa.array(values, pa.float32())
    assert float4.parse(float4.format(column, {}), -1).equals(column)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])
@given(values=st.lists(st.integers(-210_866_803_200_000_000 + 10**15, 9 * 10**18)))
def test_instants_round_trip(zone: str, values: list[int]) -> None:
    type = SqlType("timestamptz")
    column = column_of(type, values)
    text = type.definition.format(column, {"timezone": zone})
    assert parse_text(type, text, {"timezone": zone}, 0).equals(column)


@given(st.lists(st.tuples(*[st.integers(-(2**31), 2**31 - 1)] * 2, st.integers(-(2**60), 2**60))))
def test_intervals_round_trip(parts: list) -> None:
    type = SqlType("interval")
    column = column_of(type, [Interval(*part) for part in parts])
    assert type.definition.parse(type.definition.format(column, {}), -1).equals(column)


@given(st.lists(st.none() | st.lists(st.none() | st.text(st.characters(exclude_characters="\0", codec="utf-8")))))
def test_text_arrays_round_trip(values: list) -> None:
    type = array_of(SqlType("text"))
    column = column_of(type, values)
    assert type.definition.parse(type.definition.format(column, {}), -1).to_pylist() == values
    assert type.definition.receive(type.definition.send(column), -1).to_pylist() == values


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_characters="\0", codec="utf-8")),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_characters="\0", codec="utf-8")), inner)
    ),
)


@settings(max_examples=15)
@given(st.lists(json_values, max_size=5))
def test_jsonb_keeps_values(values: list) -> None:
    jsonb = BY_NAME["jsonb"]
    column = jsonb.parse(pa.array([json.dumps(value) for value in values], pa.string()), -1)
    assert [json.loads(text) for text in column.to_pylist()] == values
    assert jsonb.parse(column, -1).equals(column)


def test_relative_times_need_a_session() -> None:
    now_us = 1_704_450_030_500_000  # 2024-01-05 10:20:30.5 UTC
    zone = {"timezone": "Pacific/Auckland"}
    words = pa.array(["now", "today", "tomorrow 12:00", "yesterday"])
    column = parse_text(SqlType("timestamptz"), words, zone, now_us)
    assert SqlType("timestamptz").definition.format(column, zone).to_pylist() == [
        "2024-01-05 23:20:30.5+13",
        "2024-01-05 00:00:00+13",
        "2024-01-06 12:00:00+13",
        "2024-01-04 00:00:00+13",
    ]
    with pytest.raises(FeatureNotSupported):
        SqlType("date").definition.parse(words, -1)


def test_registered_names_print_where_settings_know_them() -> None:
    class Names(dict):
        def name_of(self, type_name: str, oid: int) -> str | None:
            return {("regclass", 1259): "pg_class"}.get((type_name, oid))

    column = pa.array([1259, 0, 7, None], pa.int64())
    assert BY_NAME["regclass"].format(column, Names()).to_pylist() == ["pg_class", "-", "7", None]
    assert BY_NAME["regclass"].format(column, {}).to_pylist() == ["1259", "-", "7", None]


def test_intervals_are_16_bytes_numpy_can_read() -> None:
    column = column_of(SqlType("interval"), [Interval(1, -2, 3)])
    record = np.frombuffer(column.buffers()[1], [("us", "<i8"), ("days", "<i4"), ("months", "<i4")])[0]
    assert tuple(record) == (3, -2, 1)


def test_kernels_without_jit_give_the_same() -> None:
    program = """
import pyarrow as pa
from pgstream.types import BY_NAME
for name in "int4 int8 numeric float8 timestamp timestamptz date time text bytea varchar".split():
    d = BY_NAME[name]
    c = d.parse(pa.array([*d.samples, None]), -1)
    print(name, d.format(c, {}).to_pylist(), d.send(c).to_pylist(), d.order_key(c.drop_null()).to_pylist(),
          None if d.equality_key is None else d.equality_key(c).to_pylist(),
          None if name != "numeric" else d.apply_typmod(c.slice(0, 10), 0x140004, True).to_pylist())
"""
    found = []
    for disabled in ("0", "1"):
        environment = {**os.environ, "NUMBA_DISABLE_JIT": disabled, "PYTHONWARNINGS": "ignore"}
        found.append(
            subprocess.run(
                [sys.executable, "-c", program], capture_output=True, check=False, text=True, env=environment
            )
        )
    assert found[0].returncode == found[1].returncode == 0, found[1].stderr[-2000:]
    assert found[0].stdout == found[1].stdout
