"""The catalog: names resolve along the search path, changes leave older snapshots alone, objects read back."""

import pytest

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.codec import decode, encode
from pgstream.catalog.objects import (
    PUBLIC,
    Index,
    IndexColumn,
    MaterializedView,
    PrimaryKey,
    Schema,
    Source,
    Table,
    TableColumn,
)
from pgstream.errors import InvalidSchemaName, UndefinedTable
from pgstream.types.definition import SqlType

ORDERS = Table(
    16384,
    PUBLIC,
    "orders",
    (TableColumn("id", SqlType("int8"), True), TableColumn("note", SqlType("varchar", 24), False, "'x'::text")),
    PrimaryKey(16387, 16388, "orders_pkey", (0,)),
)
TOTALS = MaterializedView(
    16390, PUBLIC, "totals", (TableColumn("count", SqlType("int8")),), "SELECT 1", ("public",), frozenset({16384}), ()
)
BIDS = Source(
    16393, PUBLIC, "bids", (TableColumn("a", SqlType("_int4")),), (("connector", "nexmark"),), "PLAIN", "JSON"
)
BY_NOTE = Index(16396, PUBLIC, "by_note", 16384, (IndexColumn(1, True, True),))


@pytest.mark.parametrize("thing", [ORDERS, TOTALS, BIDS, BY_NOTE, Schema(16400, "sales")], ids=lambda thing: thing.name)
def test_objects_read_back_as_they_were(thing: object) -> None:
    assert decode(encode(thing)) == thing  # type: ignore[arg-type]


def test_a_change_leaves_the_older_catalog_alone() -> None:
    before = Catalog.new()
    after = before.put(ORDERS)
    assert before.lookup(None, "orders", ("public",)) is None
    assert after.lookup(None, "orders", ("public",)) == ORDERS
    assert after.version > before.version


def test_names_resolve_along_the_search_path() -> None:
    elsewhere = Table(16500, 16400, "orders", ())
    catalog = Catalog.new().put(Schema(16400, "sales")).put(ORDERS).put(elsewhere)
    assert catalog.relation(None, "orders", ("sales", "public")) == elsewhere
    assert catalog.relation(None, "orders", ("public", "sales")) == ORDERS
    assert catalog.relation("sales", "orders", ("public",)) == elsewhere


def test_an_index_is_no_relation() -> None:
    catalog = Catalog.new().put(ORDERS).put(BY_NOTE)
    with pytest.raises(UndefinedTable, match='relation "by_note" does not exist'):
        catalog.relation(None, "by_note", ("public",), position=14)


def test_unknown_schema_is_an_error() -> None:
    with pytest.raises(InvalidSchemaName, match='schema "nope" does not exist'):
        Catalog.new().schema("nope")


def test_dependents_are_readers_and_indexes() -> None:
    catalog = Catalog.new().put(ORDERS).put(TOTALS).put(BY_NOTE)
    assert catalog.dependents(ORDERS.oid) == [TOTALS, BY_NOTE]
    assert [thing.name for thing in catalog.drop([TOTALS.oid]).dependents(ORDERS.oid)] == ["by_note"]
