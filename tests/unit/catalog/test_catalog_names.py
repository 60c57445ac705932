"""reg* names: what the search path finds is bare, everything is quoted where it must be, and reads back."""

import pytest

from pgstream.catalog.names import Names
from pgstream.errors import SqlError
from tests.unit.catalog.test_catalog_system import CATALOG, ORDERS, RECENT, TOTALS

NAMES = Names(CATALOG, ("public",), "ann", "postgres")
ELSEWHERE = Names(CATALOG, ("sales",), "ann", "postgres")

TEXTS = [
    ("regclass", ORDERS.oid, "orders"),
    ("regclass", TOTALS.oid, '"Totals"'),
    ("regclass", RECENT.oid, "sales.recent"),
    ("regclass", 1259, "pg_class"),
    ("regtype", 23, "integer"),
    ("regtype", 1009, "text[]"),
    ("regtype", 1184, "timestamp with time zone"),
    ("regtype", 869, "inet"),
    ("regtype", 1041, "inet[]"),
    ("regtype", 1266, "time with time zone"),
    ("regtype", 18, '"char"'),
    ("regtype", 1042, "character"),
    ("regtype", ORDERS.oid + 1, "orders"),
    ("regtype", ORDERS.oid + 2, "orders[]"),
    ("regtype", RECENT.oid + 1, "sales.recent"),
    ("regproc", 42, "int4in"),
    ("regprocedure", 89, "version()"),
    ("regnamespace", 16400, "sales"),
    ("regrole", 10, "postgres"),
    ("regrole", 11, "ann"),
    ("regcollation", 950, '"C"'),
]


@pytest.mark.parametrize(("kind", "oid", "text"), TEXTS)
def test_names_are_printed_and_read_back(kind: str, oid: int, text: str) -> None:
    assert NAMES.text(kind, oid) == text
    assert NAMES.oid(kind, text) == oid


def test_names_depend_on_the_search_path() -> None:
    assert ELSEWHERE.text("regclass", RECENT.oid) == "recent"
    assert ELSEWHERE.text("regclass", ORDERS.oid) == "public.orders"


@pytest.mark.parametrize("kind", ["regclass", "regtype", "regproc", "regnamespace", "regrole"])
def test_what_is_not_there_has_no_name(kind: str) -> None:
    assert NAMES.text(kind, 99_999) is None
    assert NAMES.oid(kind, "99999") == 99_999
    assert NAMES.oid(kind, "-") == 0


SPELLINGS = [
    ("pg_catalog.int4", 23),
    ("int", 23),
    ("_int4", 1007),
    ("int4[]", 1007),
    ("numeric(12,2)", 1700),
    ("timestamp(3) with time zone", 1184),
    ("char", 1042),
    ("CHARACTER VARYING(3)[]", 1015),
    ("_orders", ORDERS.oid + 2),
    ('"Totals"', TOTALS.oid + 1),
]


@pytest.mark.parametrize(("text", "oid"), SPELLINGS)
def test_types_by_many_names(text: str, oid: int) -> None:
    assert NAMES.oid("regtype", text) == oid


ERRORS = [
    ("regclass", "nope", "42P01", 'relation "nope" does not exist'),
    ("regclass", "x.nope", "3F000", 'schema "x" does not exist'),
    ("regclass", "a.b.c", "0A000", 'cross-database references are not implemented: "a.b.c"'),
    ("regclass", "a.b.c.d", "42601", "improper relation name (too many dotted names): a.b.c.d"),
    ("regclass", "", "42602", "invalid name syntax"),
    ("regtype", "nope[]", "42704", 'type "nope[]" does not exist'),
    ("regproc", "nope", "42883", 'function "nope" does not exist'),
    ("regproc", "sum", "42725", 'more than one function named "sum"'),
    ("regprocedure", "sum", "42601", "expected a left parenthesis"),
    ("regrole", "nope", "42704", 'role "nope" does not exist'),
    ("regnamespace", "nope", "3F000", 'schema "nope" does not exist'),
    ("regcollation", "C", "42704", 'collation "c" for encoding "UTF8" does not exist'),
]


@pytest.mark.parametrize(("kind", "text", "sqlstate", "message"), ERRORS)
def test_errors_are_postgresqls(kind: str, text: str, sqlstate: str, message: str) -> None:
    with pytest.raises(SqlError) as caught:
        NAMES.oid(kind, text)
    assert (caught.value.sqlstate, caught.value.message) == (sqlstate, message)
