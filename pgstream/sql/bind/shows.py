"""SHOW of objects and DESCRIBE, as queries; and the statements that change nothing."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pgstream.catalog.created import created_by
from pgstream.catalog.definitions import index_definition
from pgstream.catalog.objects import (
    Index,
    MaterializedView,
    Relation,
    Schema,
    Sink,
    Source,
    Subscription,
    Table,
    TableColumn,
    View,
)
from pgstream.catalog.system import SystemRelation
from pgstream.errors import FeatureNotSupported, InvalidSchemaName, UndefinedTable, WrongObjectType
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.commands import Command, bind_node, binds_statement
from pgstream.sql.bind.lookup import find_relation
from pgstream.sql.bind.statements import Nothing
from pgstream.sql.parse import Parsed, parse
from pgstream.sql.streaming import DescribeStmt, OutsideStmt, ShowCreateStmt, ShowCurrentStmt, ShowObjectsStmt

Node = Any

_KINDS: dict[str, tuple[type, ...]] = {
    "indexes": (Index,),
    "materialized views": (MaterializedView,),
    "objects": (Table, Source, Sink, View, MaterializedView, Index, Subscription),
    "sinks": (Sink,),
    "sources": (Source,),
    "subscriptions": (Subscription,),
    "tables": (Table,),
    "views": (View,),
}
_FLINK_TABLES = (Table, Source, Sink, View, MaterializedView)

_QUERIES = {
    "catalogs": 'SELECT current_database() AS "Name"',
    "connections": 'SELECT connectionname AS "Name" FROM pg_catalog.pgstream_connections',
    "databases": 'SELECT datname AS "Name" FROM pg_database WHERE NOT datistemplate',
    "functions": 'SELECT DISTINCT proname::text AS "Name" FROM pg_proc',
    "roles": 'SELECT rolname AS "Name" FROM pg_roles',
    "secrets": 'SELECT secretname AS "Name" FROM pg_catalog.pgstream_secrets',
    "schemas": 'SELECT nspname AS "Name" FROM pg_namespace',
    "clusters": """SELECT 'pgstream' AS "Name" """,
    "jobs": """SELECT 0 AS "Id", '' AS "Statement", '' AS "Progress" WHERE false""",
}
"""What is no object of the catalog. There is one cluster, the process, and no job that a client did not wait for."""


@binds_statement(ShowObjectsStmt)
def bind_show_objects(binding: Binding, node: ShowObjectsStmt, parsed: Parsed) -> Command:
    """SHOW TABLES and its siblings, in the order of their names."""
    match node.kind:
        case "columns":
            query = _columns(find_relation(binding, node.place))
        case "indexes" if node.place is not None:
            table = find_relation(binding, node.place)
            found = binding.catalog.indexes(table.oid)
            query = _values(
                ("Name", "On", "Definition"),
                ((each.name, table.name, index_definition(binding.catalog, each)) for each in found),
            )
        case kind if kind in _QUERIES:
            query = _QUERIES[kind]
        case kind:
            query = _values(("Name",), ((name,) for name in _names(binding, kind, node.place)))
    return _answered(binding, f"SELECT * FROM ({query}) AS shown{_matching(node)}{_ordered(node.kind)}", parsed)


def _ordered(kind: str) -> str:
    return "" if kind == "columns" else " ORDER BY 1"


def _matching(node: ShowObjectsStmt) -> str:
    if node.pattern is None:
        return ""
    operator = ("NOT " if node.negated else "") + ("ILIKE" if node.any_case else "LIKE")
    return f' WHERE "Name" {operator} {_literal(node.pattern)}'


def _names(binding: Binding, kind: str, place: Node) -> Iterator[str]:
    """The names of the objects of a kind in a schema, or in those of the search path."""
    catalog = binding.catalog
    kinds = _KINDS[kind]
    if kind == "tables" and binding.scope.settings.get("pgstream.dialect") == "flink":
        kinds = _FLINK_TABLES
    schemas = binding.search_path if place is None else (place.relname,)
    if place is not None and place.relname not in catalog.schema_oids:
        raise InvalidSchemaName(f'schema "{place.relname}" does not exist', position=place.location)
    oids = {catalog.schema_oids[name] for name in schemas if name in catalog.schema_oids}
    for thing in catalog.objects.values():
        if isinstance(thing, Schema) or not isinstance(thing, kinds) or thing.schema_oid not in oids:
            continue
        if not (isinstance(thing, Table) and thing.errors_of):
            yield thing.name


def _columns(relation: Relation | SystemRelation) -> str:
    key: tuple[int, ...] = ()
    if isinstance(relation, Source):
        key = relation.primary_key
    elif isinstance(relation, Table) and relation.primary_key is not None:
        key = relation.primary_key.columns
    rows = (
        (column.name, str(column.type), "NO" if _never_null(column) else "YES", "PRI" if at in key else None)
        for at, column in enumerate(relation.columns)
    )
    return _values(("Name", "Type", "Null", "Key"), rows)


def _never_null(column: Any) -> bool:
    return isinstance(column, TableColumn) and column.not_null


@binds_statement(DescribeStmt)
def bind_describe(binding: Binding, node: DescribeStmt, parsed: Parsed) -> Command:
    """DESCRIBE: a relation's columns."""
    return _answered(binding, _columns(find_relation(binding, node.relation)), parsed)


_CREATED: dict[str, type] = {
    "TABLE": Table, "SOURCE": Source, "SINK": Sink, "VIEW": View, "MATERIALIZED VIEW": MaterializedView, "INDEX": Index,
}  # fmt: skip


@binds_statement(ShowCreateStmt)
def bind_show_create(binding: Binding, node: ShowCreateStmt, parsed: Parsed) -> Command:
    """SHOW CREATE: a name, and the statement that makes what is called so. What another system calls a table may be a
    source or a sink here."""
    place = node.relation
    found = binding.catalog.lookup(place.schemaname, place.relname, binding.search_path)
    if found is None:
        raise UndefinedTable(f'relation "{place.relname}" does not exist', position=place.location)
    wanted = _CREATED.get(node.kind)
    if wanted is None or not isinstance(found, Table | Source | Sink | View | MaterializedView | Index):
        raise FeatureNotSupported(f"SHOW CREATE {node.kind} is not supported yet", position=place.location)
    if not isinstance(found, wanted) and not (node.kind == "TABLE" and isinstance(found, Source | Sink)):
        raise WrongObjectType(f'"{found.name}" is not a {node.kind.lower()}', position=place.location)
    name = f"{binding.catalog.schema_name(found.schema_oid)}.{found.name}"
    made = created_by(binding.catalog, found)
    return _answered(binding, _values(("Name", "Create Sql"), ((name, made),)), parsed)


@binds_statement(ShowCurrentStmt)
def bind_show_current(binding: Binding, node: ShowCurrentStmt, parsed: Parsed) -> Command:
    """SHOW CURRENT CATALOG, DATABASE or SCHEMA."""
    called = "current_schema()" if node.kind == "schema" else "current_database()"
    return _answered(binding, f'SELECT {called} AS "Name"', parsed)


@binds_statement(OutsideStmt)
def bind_outside(binding: Binding, node: OutsideStmt, parsed: Parsed) -> Command:
    """A statement about what other systems have: it changes nothing."""
    return Command(Nothing(node.notice), node.tag)


def _values(names: Sequence[str], rows: Iterable[Sequence[str | None]]) -> str:
    """A query of texts."""
    listed = ", ".join("(" + ", ".join(_literal(value) for value in row) + ")" for row in rows)
    columns = ", ".join(f'"{name}"' for name in names)
    if not listed:
        nothing = ", ".join(f'NULL::text AS "{name}"' for name in names)
        return f"SELECT {nothing} WHERE false"
    return f"SELECT * FROM (VALUES {listed}) AS listed ({columns})"


def _literal(value: str | None) -> str:
    return "NULL::text" if value is None else "'" + value.replace("'", "''") + "'::text"


def _answered(binding: Binding, query: str, parsed: Parsed) -> Command:
    [made] = parse(query)
    return bind_node(binding, made.node, parsed)
