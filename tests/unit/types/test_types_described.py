"""Types that their name describes: rows, arrays of them, rows within rows, and enums."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgstream.errors import DatatypeMismatch, InvalidTextRepresentation, SqlError
from pgstream.types import BY_NAME, FLOAT8, INT4, TEXT, TIMESTAMP, array_of, column_of, enum_type, values_of
from pgstream.types.definition import SqlType
from pgstream.types.described import described_oids, record_type, respelled, row_type, struct_type, structs_in
from pgstream.types.enum import labels_of, rank_between, ranks

MOOD = enum_type(20001, "public", "mood", [(5, "sad", "000001"), (7, "meh", "0000018"), (6, "happy", "000002")])
SPOT = row_type(20011, "public", "spot", [("x", INT4), ("y", SqlType("numeric", (6 << 16 | 2) + 4))])
DEEP = row_type(20021, "other", "Deep One", [("s", SPOT), ("l", array_of(SPOT)), ("m", MOOD), ("t", TIMESTAMP)])

TEXTS = [
    '("(1,2.50)","{""(3,)"",NULL}",happy,"2024-01-01 10:00:00")',
    "(,,,)",
    None,
    '("(,)",{},sad,infinity)',
]


def test_what_types_are_called() -> None:
    assert [str(type) for type in (MOOD, SPOT, DEEP, array_of(DEEP))] == [
        "mood",
        "spot",
        'other."Deep One"',
        'other."Deep One"[]',
    ]
    assert str(struct_type([("a", INT4), ("B", array_of(SPOT))])) == 'struct<a integer, "B" spot[]>'
    assert str(record_type([("f1", INT4)])) == "record"


def test_descriptions_are_not_listed() -> None:
    assert DEEP.definition.oid == 20021
    assert DEEP.name not in list(BY_NAME)
    with pytest.raises(KeyError):
        BY_NAME["nothing"]


def test_rows_round_trip_in_every_form() -> None:
    definition = DEEP.definition
    assert definition.parse_at is not None
    column = definition.parse_at(pa.array(TEXTS), -1, {}, 0)
    assert definition.format(column, {}).to_pylist() == TEXTS
    assert definition.receive(definition.send(column), -1).equals(column)
    assert column_of(DEEP, values_of(DEEP, column)).equals(column)
    part = column.slice(1, 3)
    assert definition.format(part, {}).to_pylist() == TEXTS[1:]
    assert values_of(DEEP, part)[2] == ((None, None), [], "sad", 2**63 - 1)


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("1,2)", "Missing left parenthesis."),
        ("(1)", "Too few columns."),
        ('("1', "Unexpected end of input."),
        ("(1,2,3)", "Too many columns."),
        ("(1,2) 3", "Junk after right parenthesis."),
    ],
)
def test_malformed_rows_are_told_as_postgres_tells_them(text: str, detail: str) -> None:
    with pytest.raises(InvalidTextRepresentation, match="malformed record literal") as caught:
        SPOT.definition.parse(pa.array([text]), -1)
    assert caught.value.detail == detail


def test_binary_rows_of_other_shapes_are_refused() -> None:
    other = row_type(20031, "public", "o", [("x", INT4), ("y", TEXT)])
    sent = other.definition.send(other.definition.parse(pa.array(["(1,2)"]), -1))
    with pytest.raises(DatatypeMismatch, match=r"instead of expected 1700 \(numeric\) in record column 2"):
        SPOT.definition.receive(sent, -1)
    short = record_type([("f1", INT4)]).definition
    with pytest.raises(DatatypeMismatch, match="wrong number of columns: 1, expected 2"):
        SPOT.definition.receive(short.send(short.parse(pa.array(["(1)"]), -1)), -1)


FIELDS = st.tuples(st.none() | st.integers(-5, 5), st.none() | st.sampled_from(["", "a", "ab", "b"]))


@given(st.lists(FIELDS, min_size=2, max_size=20))
def test_order_keys_sort_as_rows_compare(rows: list[tuple[int | None, str | None]]) -> None:
    type = record_type([("f1", INT4), ("f2", TEXT)])
    assert type.definition.order_key is not None
    keys = type.definition.order_key(column_of(type, rows)).to_pylist()

    def rank(row: tuple[int | None, str | None]) -> list[tuple[bool, int | str]]:
        return [(field is None, 0 if field is None else field) for field in row]

    assert sorted(range(len(rows)), key=lambda at: keys[at]) == sorted(range(len(rows)), key=lambda at: rank(rows[at]))


def test_equal_rows_have_one_representative() -> None:
    type = record_type([("f1", FLOAT8)])
    assert type.definition.equality_key is not None
    zero, negative = type.definition.equality_key(column_of(type, [(0.0,), (-0.0,)])).to_pylist()
    assert str(zero) == str(negative)
    assert record_type([("f1", INT4)]).definition.equality_key is None


def test_labels_are_kept_by_number_and_ordered_by_rank() -> None:
    column = MOOD.definition.parse(pa.array(["happy", None, "sad", "meh"]), -1)
    assert column.to_pylist() == [6, None, 5, 7]
    assert MOOD.definition.format(column, {}).to_pylist() == ["happy", None, "sad", "meh"]
    assert MOOD.definition.order_key is not None
    keys = MOOD.definition.order_key(column.drop_null()).to_pylist()
    assert sorted(keys) == [keys[1], keys[2], keys[0]]
    assert labels_of(MOOD) == ["sad", "meh", "happy"]
    with pytest.raises(InvalidTextRepresentation, match='invalid input value for enum mood: "no"'):
        MOOD.definition.parse(pa.array(["no"]), -1)


@given(st.lists(st.integers(0, 30), max_size=60), st.integers(0, 5))
def test_there_is_a_rank_between_any_two(places: list[int], count: int) -> None:
    known = ranks(count)
    for place in places:
        at = min(place, len(known))
        known.insert(at, rank_between(known[at - 1] if at else "", known[at] if at < len(known) else ""))
    assert known == sorted(set(known))


def test_an_altered_type_is_altered_wherever_it_is_mentioned() -> None:
    now = row_type(20011, "public", "place", [("x", INT4), ("z", TEXT)])
    made = respelled(array_of(DEEP), lambda oid: now if oid == 20011 else None)
    assert made.element is not None
    assert [str(type) for _, type in made.element.definition.attributes or ()][:2] == ["place", "place[]"]
    assert described_oids(made) == {20001, 20011, 20021}
    assert respelled(INT4, lambda oid: now) == INT4


def test_structs_are_found_within_types() -> None:
    inner = struct_type([("a", INT4)])
    outer = row_type(20041, "public", "o", [("l", array_of(struct_type([("i", inner)])))])
    assert [str(type) for type in structs_in(outer)] == ["struct<i struct<a integer>>", "struct<a integer>"]
    assert inner.oid == struct_type([("a", INT4)]).oid != struct_type([("b", INT4)]).oid


def test_modifiers_of_fields_hold() -> None:
    type = row_type(20051, "public", "v", [("v", SqlType("varchar", 7))])
    with pytest.raises(SqlError, match="value too long for type character varying"):
        type.definition.parse(pa.array(["(toolong)"]), -1)
