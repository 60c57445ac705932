"""System relations: rows fit their columns, OIDs are unique, and what refers to something finds it."""

from typing import Any

import pytest

from pgstream.catalog.catalog import Catalog
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
    View,
)
from pgstream.catalog.parameters import defaults, parameters
from pgstream.catalog.system import SystemRelation, relations_by_name
from pgstream.functions.registry import EvalContext
from pgstream.types.definition import BY_NAME, SqlType

SALES = Schema(16400, "sales")
ORDERS = Table(
    16410,
    PUBLIC,
    "orders",
    (
        TableColumn("id", SqlType("int8"), True),
        TableColumn("note", SqlType("varchar", 24), False, "'x'::character varying"),
        TableColumn("tags", SqlType("_text")),
    ),
    PrimaryKey(16414, 16413, "orders_pkey", (0,)),
)
ORDERS_KEY = Index(16413, PUBLIC, "orders_pkey", 16410, (IndexColumn(0),), True, True)
BY_NOTE = Index(16420, PUBLIC, "by_note", 16410, (IndexColumn(1, True, True), IndexColumn(0)))
RECENT = View(16430, 16400, "recent", ORDERS.columns[:1], "SELECT id FROM orders", ("public",), frozenset({16410}))
TOTALS = MaterializedView(
    16440, PUBLIC, "Totals", (TableColumn("n", SqlType("int8")),), "SELECT 1", ("public",), frozenset({16410})
)
BIDS = Source(16450, PUBLIC, "bids", (TableColumn("a", SqlType("numeric", 786438)),), (("connector", "x"),))
CATALOG = Catalog.of(
    1,
    16500,
    [*Catalog.new().objects.values(), SALES, ORDERS, ORDERS_KEY, BY_NOTE, RECENT, TOTALS, BIDS],
)
CONTEXT = EvalContext(defaults(), 1_700_000_000_000_000, CATALOG)


def rows(name: str, schema: str = "pg_catalog") -> list[dict[str, Any]]:
    relation = relations_by_name()[schema, name]
    columns = [column.to_pylist() for column in relation.contents(CATALOG, CONTEXT)]
    names = [column.name for column in relation.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def oids(name: str) -> set[int]:
    return {row["oid"] for row in rows(name)}


@pytest.mark.parametrize("relation", relations_by_name().values(), ids=lambda one: f"{one.schema}.{one.name}")
def test_columns_that_are_not_null_hold_no_null(relation: SystemRelation) -> None:
    contents = relation.contents(CATALOG, CONTEXT)
    assert len({len(column) for column in contents}) == 1
    for declared, column in zip(relation.columns, contents, strict=True):
        assert column.type == declared.type.storage
        assert not (declared.not_null and column.null_count), declared.name


@pytest.mark.parametrize(
    "name",
    [name for (schema, name), relation in relations_by_name().items()
     if schema == "pg_catalog" and relation.columns[0].name == "oid"],
)  # fmt: skip
def test_oids_are_unique(name: str) -> None:
    found = [row["oid"] for row in rows(name)]
    assert len(found) == len(set(found)), [oid for oid in found if found.count(oid) > 1]
    assert 0 not in found


REFERENCES = [
    ("pg_class", "relnamespace", "pg_namespace"),
    ("pg_class", "reltype", "pg_type"),
    ("pg_class", "relam", "pg_am"),
    ("pg_attribute", "attrelid", "pg_class"),
    ("pg_attribute", "atttypid", "pg_type"),
    ("pg_attribute", "attcollation", "pg_collation"),
    ("pg_attrdef", "adrelid", "pg_class"),
    ("pg_index", "indexrelid", "pg_class"),
    ("pg_index", "indrelid", "pg_class"),
    ("pg_constraint", "conrelid", "pg_class"),
    ("pg_constraint", "conindid", "pg_class"),
    ("pg_type", "typrelid", "pg_class"),
    ("pg_type", "typelem", "pg_type"),
    ("pg_type", "typarray", "pg_type"),
    ("pg_type", "typnamespace", "pg_namespace"),
    ("pg_type", "typinput", "pg_proc"),
    ("pg_type", "typoutput", "pg_proc"),
    ("pg_type", "typreceive", "pg_proc"),
    ("pg_rewrite", "ev_class", "pg_class"),
    ("pg_proc", "prolang", "pg_language"),
    ("pg_proc", "prorettype", "pg_type"),
    ("pg_operator", "oprcode", "pg_proc"),
    ("pg_operator", "oprresult", "pg_type"),
    ("pg_cast", "castsource", "pg_type"),
    ("pg_opclass", "opcfamily", "pg_opfamily"),
    ("pg_opclass", "opcintype", "pg_type"),
    ("pg_range", "rngsubtype", "pg_type"),
    ("pg_database", "dattablespace", "pg_tablespace"),
]


@pytest.mark.parametrize(("relation", "column", "target"), REFERENCES)
def test_references_find_what_they_refer_to(relation: str, column: str, target: str) -> None:
    dangling = {row[column] for row in rows(relation)} - {0, None} - oids(target)
    assert not dangling


def test_a_primary_key_is_the_same_in_index_and_constraint() -> None:
    [constraint] = rows("pg_constraint")
    [index] = [row for row in rows("pg_index") if row["indisprimary"]]
    assert (constraint["conindid"], constraint["conrelid"]) == (index["indexrelid"], index["indrelid"])
    assert list(constraint["conkey"]) == list(index["indkey"]) == [1]


def test_index_columns_say_how_they_are_sorted() -> None:
    [index] = [row for row in rows("pg_index") if row["indexrelid"] == BY_NOTE.oid]
    assert (list(index["indkey"]), list(index["indoption"])) == ([2, 1], [3, 0])
    assert set(index["indclass"]) <= oids("pg_opclass")


def test_every_relation_has_a_row_type_and_an_array_of_it() -> None:
    types = {row["oid"]: row for row in rows("pg_type")}
    for row in rows("pg_class"):
        if row["oid"] >= 16384 and row["relkind"] != "i":
            whole = types[row["reltype"]]
            assert (whole["typrelid"], whole["typtype"]) == (row["oid"], "c")
            assert types[whole["typarray"]]["typelem"] == row["reltype"]


def test_attributes_count_up_as_pg_class_says() -> None:
    numbers: dict[int, list[int]] = {}
    for row in rows("pg_attribute"):
        numbers.setdefault(row["attrelid"], []).append(row["attnum"])
        assert (row["attidentity"], row["attgenerated"]) == ("", "")
    for row in rows("pg_class"):
        assert numbers.get(row["oid"], []) == list(range(1, row["relnatts"] + 1)), row["relname"]


def test_every_declared_type_is_in_pg_type_as_declared() -> None:
    listed = {row["typname"]: row for row in rows("pg_type")}
    for name, definition in BY_NAME.items():
        row = listed[name]
        assert (row["oid"], row["typlen"], row["typarray"]) == (definition.oid, definition.length, definition.array_oid)


def test_materialized_views_are_not_in_the_information_schema() -> None:
    tables = {row["table_name"]: row["table_type"] for row in rows("tables", "information_schema")}
    assert (tables["orders"], tables["recent"], tables["bids"]) == ("BASE TABLE", "VIEW", "BASE TABLE")
    assert "Totals" not in tables
    assert [row["matviewname"] for row in rows("pg_matviews")] == ["Totals"]


def test_keys_in_the_information_schema() -> None:
    [key] = rows("key_column_usage", "information_schema")
    assert (key["constraint_name"], key["column_name"], key["ordinal_position"]) == ("orders_pkey", "id", 1)
    kinds = {row["constraint_name"]: row["constraint_type"] for row in rows("table_constraints", "information_schema")}
    assert kinds == {"orders_pkey": "PRIMARY KEY", "2200_16410_1_not_null": "CHECK"}


def test_settings_are_in_their_own_unit() -> None:
    settings = {row["name"]: row for row in rows("pg_settings")}
    assert len(settings) == len(parameters())
    assert (settings["work_mem"]["setting"], settings["work_mem"]["unit"]) == ("4096", "kB")
    assert settings["TimeZone"]["vartype"] == "string"


def test_a_catalog_keeps_what_only_depends_on_it() -> None:
    relation = relations_by_name()["pg_catalog", "pg_attribute"]
    assert relation.contents(CATALOG, CONTEXT) is relation.contents(CATALOG, CONTEXT)
    changed = CATALOG.put(Table(16600, PUBLIC, "later", ORDERS.columns))
    assert len(relation.contents(changed, CONTEXT)[0]) == len(relation.contents(CATALOG, CONTEXT)[0]) + 3
