"""Maps as values: their text, their equality, and what files make of them."""

import pyarrow as pa
import pytest

from pgstream.errors import InvalidParameterValue, InvalidTextRepresentation
from pgstream.formats.avro_schema import avro_type, sql_type
from pgstream.formats.parquet import named, stored
from pgstream.formats.parquet import sql_type as parquet_type
from pgstream.storage.identity import key_hash
from pgstream.types import INT4, NUMERIC, TEXT, array_of, column_of, map_type, parse_text, values_of
from pgstream.types.map_text import entry_texts, map_text

SETTINGS = {"timezone": "UTC"}
COUNTS = map_type(TEXT, INT4)
NESTED = map_type(TEXT, map_type(INT4, array_of(NUMERIC)))


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [("a", "1"), ("b", None)],
        [("", ""), ("null", "NULL"), ("a b", " c ")],
        [("a,b", "1,2"), ("c:d", "10:20"), ('"', "\\"), ("{", "}")],
        [("k", "{a:{1,2}}"), ("l", '(1,"x")')],
    ],
)
def test_text_is_read_as_it_was_written(entries: list[tuple[str, str | None]]) -> None:
    assert entry_texts(map_text(entries)) == entries


@pytest.mark.parametrize("text", ["", "{", "a:1", "{a}", "{a:}", "{:1", "{a:1}}", "{a:1,,b:2}", "{NULL:1}", '{"a:1}'])
def test_broken_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidTextRepresentation):
        entry_texts(text)


def test_keys_are_unique() -> None:
    with pytest.raises(InvalidParameterValue, match="map keys must be unique"):
        parse_text(map_type(NUMERIC, INT4), pa.array(["{1.0:1,1.00:2}"]), SETTINGS, 0)


def test_equality_knows_no_order() -> None:
    column = parse_text(COUNTS, pa.array(["{a:1,b:2}", "{b:2,a:1}", "{a:1}", None]), SETTINGS, 0)
    hashes = key_hash([column], [COUNTS], (1, 2))
    assert hashes.hi[0] == hashes.hi[1]
    assert len(set(hashes.hi.tolist())) == 3
    order = COUNTS.definition.order_key
    assert order is not None
    keys = order(column.drop_null()).to_pylist()
    assert keys[0] == keys[1] != keys[2]


def test_slices_are_maps_too() -> None:
    column = parse_text(NESTED, pa.array(["{a:{1:{2.50}}}", None, "{b:{},c:NULL}"]), SETTINGS, 0)
    assert NESTED.definition.format(column.slice(1), SETTINGS).to_pylist() == [None, "{b:{},c:NULL}"]
    assert column_of(NESTED, values_of(NESTED, column)).equals(column)


def test_parquet_and_avro_have_maps() -> None:
    column = parse_text(COUNTS, pa.array(["{a:1,b:NULL}", None, "{}"]), SETTINGS, 0)
    there = named(column.slice(0), COUNTS)
    assert parquet_type(there.type) == COUNTS
    assert stored(there, COUNTS) == (column, {})
    assert sql_type(avro_type(COUNTS, "row")) == COUNTS
