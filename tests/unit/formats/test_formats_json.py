"""The JSON decoder gives what json.loads and the types' input functions give, whatever path a line takes."""

import json
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import pgstream.types  # noqa: F401
from pgstream.formats.format import Chunk, Decoded, Field
from pgstream.formats.json import JsonDecoder, JsonOptions
from pgstream.formats.json_slow import read_slowly
from pgstream.types.definition import SqlType

FIELDS = tuple(
    Field(name, SqlType(type))
    for name, type in {
        "a": "int8",
        "b": "int4",
        "s": "text",
        "f": "float8",
        "o": "bool",
        "n": "numeric",
        "t": "timestamp",
        "z": "timestamptz",
        "d": "date",
        "j": "jsonb",
        "h": "int2",
        "r": "float4",
    }.items()
)
ALL = frozenset(range(len(FIELDS)))


def decode(raw: bytes, fields: tuple[Field, ...] = FIELDS, needed: frozenset[int] = ALL) -> Decoded:
    return JsonDecoder(fields, JsonOptions()).decode(Chunk.of(raw), needed)


def values_of(column: pa.Array) -> list[object]:
    """Moments as the integers they are: Python has no infinite dates."""
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    values: list[object] = column.to_pylist()
    return values


def rows_of(decoded: Decoded) -> list[tuple[object, ...]]:
    return list(zip(*(values_of(column) for column in decoded.columns), strict=True))


def oracle(raw: bytes) -> tuple[list[tuple[object, ...]], list[bytes]]:
    """Every record read slowly, alone."""
    good, bad = [], []
    for line in raw.split(b"\n"):
        record = line.rstrip(b"\r")
        if not record.strip(b" \t\r"):
            continue
        columns, errors = read_slowly([record], [f.name for f in FIELDS], [f.type for f in FIELDS], False)
        if errors:
            bad.append(record)
        else:
            good.append(tuple(values_of(column)[0] for column in columns))
    return good, bad


def check(raw: bytes) -> None:
    decoded = decode(raw)
    good, bad = oracle(raw)
    assert repr(rows_of(decoded)) == repr(good)
    assert [reject.raw for reject in decoded.rejects] == bad
    for column in decoded.columns:
        column.validate(full=True)
    for reject in decoded.rejects:
        assert raw[reject.start :].startswith(reject.raw)


numbers = st.one_of(
    st.integers(-(2**64), 2**64).map(str),
    st.integers(-99, 99).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
    st.sampled_from(["-0", "0.0", "-0.00", "1e400", "1e-400", "1E5", "007", "1.", ".5", "-", "32768", "2147483648"]),
)
moments = st.one_of(
    st.datetimes().map(lambda moment: json.dumps(str(moment))),
    st.sampled_from(
        [
            '"2023-02-29 00:00:00"', '"2024-02-29T23:59:59.999999Z"', '"2024-02-29"', '"infinity"', '"epoch"',
            '"2023-01-01 24:00:00"', '"2023-01-01 00:00:00.1234567"', '"0000-01-01"', '"2023-01-01T00:00:00+02"',
            '"2023-13-01 00:00:00"', '"2023-01-01 00:00"', '"23-1-1"', '"9999-12-31 00:00:00.5"', '"10000-01-01"',
        ]
    ),
)  # fmt: skip
values = st.one_of(
    numbers,
    moments,
    st.text().map(json.dumps),
    st.text().map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.sampled_from(["null", "true", "false", "nul", "{}", "[1, 2]", '{"x": [1, {"y": "}"}]}', '"12"', "NaN", '""']),
)
keys = st.sampled_from([*(field.name for field in FIELDS), "unknown", "ss", "\\u0061", ""])
spaces = st.sampled_from(["", "", "", " ", "\t"])


@st.composite
def objects(draw: st.DrawFn) -> bytes:
    parts = [
        f'{draw(spaces)}"{draw(keys)}"{draw(spaces)}:{draw(spaces)}{draw(values)}{draw(spaces)}'
        for _ in range(draw(st.integers(0, 8)))
    ]
    return (draw(spaces) + "{" + ",".join(parts) + "}" + draw(spaces)).encode("utf-8", "surrogatepass")


plain = st.builds(
    lambda a, b, s, f: b'{"a":%d,"b":%d,"s":%s,"f":%s}' % (a, b, s.encode(), f),
    st.integers(-(2**62), 2**62),
    st.integers(-(2**31), 2**31),
    st.text(st.characters(codec="ascii"), max_size=20).map(json.dumps),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: repr(value).encode()),
)
pieces = objects().flatmap(lambda raw: st.integers(0, len(raw)).map(lambda size: raw[:size]))
garbage = st.one_of(st.binary(max_size=30), pieces)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(plain, plain, objects(), garbage), max_size=8), st.sampled_from([b"\n", b"\r\n"]))
@example([b'{"s":"x', b'"}'], b"\n")
@example([b'{"d":"infinity"}', b'{"t":"-infinity","z":"infinity"}'], b"\n")
@example([b'{"a":1,"a":null,"s":"x","s":"yy","o":false,"o":true}'], b"\n")
@example([b'{"s":"h\xc3\xa4"}', b'{"s":"\xff"}', b'{"s":"\xed\xa0\x80"}'], b"\n")
def test_every_line_reads_as_it_reads_alone(lines: list[bytes], ending: bytes) -> None:
    check(ending.join(lines))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(values, min_size=len(FIELDS), max_size=len(FIELDS)), min_size=2, max_size=6))
def test_learned_lines_read_as_they_read_alone(rows: list[list[str]]) -> None:
    moments = ['"2023-01-01 00:00:00"', '"2023-01-01T00:00:00Z"', '"2023-01-01"']
    head = ["1", "2", '"x"', "1.5", "true", "1.50", *moments, "{}", "3", "1"]
    lines = [
        "{" + ", ".join(f'"{field.name}": {value}' for field, value in zip(FIELDS, row, strict=True)) + "}"
        for row in [head, *rows]
    ]
    check("\n".join(lines).encode("utf-8", "surrogatepass"))


@settings(max_examples=200, deadline=None)
@given(st.lists(plain, max_size=6), st.sets(st.integers(0, len(FIELDS) - 1)))
def test_projection_leaves_the_needed_columns_alone(lines: list[bytes], needed: set[int]) -> None:
    raw = b"\n".join(lines)
    every, some = decode(raw), decode(raw, needed=frozenset(needed))
    if not every.rejects:
        assert some.count == every.count
        for c in range(len(FIELDS)):
            expected = values_of(every.columns[c]) if c in needed else [None] * some.count
            assert values_of(some.columns[c]) == expected


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.decimals(-1000, 1000, places=6).map(float)))
def test_floats_are_the_nearest(value: float) -> None:
    decoded = decode(b'{"f":%s}' % repr(value).encode())
    if decoded.count:
        assert repr(decoded.columns[3][0].as_py()) == repr(value)
    else:
        assert 0 < abs(value) < 1e-300


def test_numbers_keep_their_text() -> None:
    fields = (Field("n", SqlType("numeric")), Field("s", SqlType("text")))
    decoded = decode(b'{"n":1.500,"s":1.50}\n{"n":"2.0","s":true}\n{"n":1e3,"s":1e3}', fields, frozenset((0, 1)))
    assert decoded.columns[0].to_pylist() == ["1.500", "2.0", "1000"]
    assert decoded.columns[1].to_pylist() == ["1.50", "true", "1e3"]
    assert Decimal(decoded.columns[0][0].as_py()) == Decimal("1.5")


def test_arrays_go_to_array_columns() -> None:
    fields = (Field("i", SqlType("_int4")), Field("s", SqlType("_text")))
    decoded = decode(b'{"i":[1,null,3],"s":["a","b\\"c,",null]}\n{"i":[],"s":null}', fields, frozenset((0, 1)))
    assert rows_of(decoded) == [([1, None, 3], ["a", 'b"c,', None]), ([], None)]


def test_messages_name_the_column_and_what_is_wrong() -> None:
    raw = b'{"a":1}\n{"a":1.5}\n{"a":"x"}\n[1]\n{"a":}\n{"b":99999999999}\n{"s":"\xff"}\n{"s":"\\u0000"}\n'
    messages = [reject.message for reject in decode(raw).rejects]
    assert messages == [
        'column "a": invalid input syntax for type bigint: "1.5"',
        'column "a": invalid input syntax for type bigint: "x"',
        "a JSON object is expected",
        "invalid input syntax for type json: Expecting value at character 6",
        'column "b": value "99999999999" is out of range for type integer',
        'invalid byte sequence for encoding "UTF8": 0xff',
        "unsupported Unicode escape sequence: \\u0000 cannot be converted to text.",
    ]


def test_milliseconds_become_timestamps() -> None:
    decoder = JsonDecoder((Field("t", SqlType("timestamp")),), JsonOptions(timestamp_format="unix_millis"))
    decoded = decoder.decode(Chunk.of(b'{"t":1436918400123}\n{ "t" : 1436918400123, "x":"\\n"}'), frozenset((0,)))
    assert [str(value) for value in decoded.columns[0].to_pylist()] == ["2015-07-15 00:00:00.123000"] * 2


@pytest.mark.parametrize("rows_max", [1, 2, 3])
def test_cuts_are_whole_lines(rows_max: int) -> None:
    decoder = JsonDecoder(FIELDS, JsonOptions())
    chunk = Chunk.of(b'{"a":1}\n{"a":2}\n{"a":3')
    assert decoder.cut(chunk, rows_max, False) == (8 * min(rows_max, 2), min(rows_max, 2))
    assert decoder.cut(chunk, 9, True) == (chunk.size, 3)
