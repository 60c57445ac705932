"""Queries over the tables of these tests: bound by the real binder, run by the naive interpreter."""

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import PUBLIC, PrimaryKey, Table, TableColumn
from pgstream.functions.registry import EvalContext
from pgstream.plan.relations import Relation
from pgstream.sql.bind import BindScope
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.dispatch import bind_query
from pgstream.sql.optimize.facts import NoFacts
from pgstream.sql.parse import parse
from pgstream.testing.naive import Naive
from pgstream.types.definition import SqlType

SETUP = """
create temp table r (a int, b int, t text);
create temp table s (c int, d int, u text);
create temp table k (id int primary key, v int);
create temp table e (x int);
create temp table n (m numeric, arr int[]);
insert into r values (1, 10, 'x'), (1, 10, 'x'), (2, 20, 'y'), (2, null, 'z'), (null, 30, 'w'), (3, 5, null),
                     (4, 40, 'q');
insert into s values (1, 10, 'x'), (1, 11, 'y'), (2, null, 'x'), (null, 20, 'z'), (4, 40, null), (4, 40, 'q'),
                     (5, 1, 'x');
insert into k values (1, 100), (2, null), (3, 300), (10, 7);
insert into n values (1.0, '{1,2}'), (1.00, '{}'), (2.50, null), (null, '{2,null,3}');
"""

TABLES = {
    "r": (("a", "int4"), ("b", "int4"), ("t", "text")),
    "s": (("c", "int4"), ("d", "int4"), ("u", "text")),
    "k": (("id", "int4"), ("v", "int4")),
    "e": (("x", "int4"),),
    "n": (("m", "numeric"), ("arr", "_int4")),
}


def catalog() -> Catalog:
    """The tables of SETUP."""
    made = Catalog.new()
    for name, columns in TABLES.items():
        oid, made = made.reserve()
        key = None
        if name == "k":
            first, made = made.reserve()
            key = PrimaryKey(first, first + 1, "k_pkey", (0,))
        cols = tuple(TableColumn(column, SqlType(type), name == "k" and column == "id") for column, type in columns)
        made = made.put(Table(oid, PUBLIC, name, cols, key))
    return made


class Facts(NoFacts):
    """The primary keys of a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.keys = {
            found.oid: (found.primary_key.columns,)
            for found in catalog.relations()
            if isinstance(found, Table) and found.primary_key
        }

    def unique_keys(self, oid: int) -> tuple[tuple[int, ...], ...]:
        return self.keys.get(oid, ())


CATALOG = catalog()
FACTS = Facts(CATALOG)


def bound(query: str) -> Relation:
    """The plan of one SELECT."""
    [parsed] = parse(query)
    return bind_query(Binding(CATALOG, BindScope()), parsed.node, ordered=True).plan


def naive(rows: dict[str, list[tuple[object, ...]]]) -> Naive:
    """An interpreter over rows by table name."""
    oids = {found.name: found.oid for found in CATALOG.relations()}
    return Naive({oids[name]: given for name, given in rows.items()}, EvalContext({}, 0))
