"""CREATE and DROP of tables, views, materialized views, indexes and schemas."""

from typing import Any

from pgstream.catalog.objects import (
    Index,
    IndexColumn,
    MaterializedView,
    Schema,
    Sink,
    Source,
    Table,
    TableColumn,
    View,
)
from pgstream.catalog.system import SystemRelation
from pgstream.errors import (
    DuplicateColumn,
    DuplicateSchema,
    DuplicateTable,
    FeatureNotSupported,
    InsufficientPrivilege,
    InvalidTableDefinition,
    ReservedName,
    SqlError,
    SyntaxError42601,
    UndefinedColumn,
    WrongObjectType,
)
from pgstream.plan.expressions import Col
from pgstream.plan.terms import PLAIN, Terms
from pgstream.sql.bind import alter_table, drops, renames, sequences, streams  # noqa: F401  these register what they bind
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.commands import Command, binds_statement
from pgstream.sql.bind.creation import creation_schema, existing, query_text
from pgstream.sql.bind.definitions import bind_foreign_keys, define
from pgstream.sql.bind.dispatch import bind_query
from pgstream.sql.bind.emission import emitting
from pgstream.sql.bind.lookup import find_relation
from pgstream.sql.bind.maintainable import check_maintainable
from pgstream.sql.bind.options import grows_only, option_text
from pgstream.sql.bind.query import visible
from pgstream.sql.bind.settled import settled
from pgstream.sql.bind.statements import (
    CreateIndex,
    CreateMaterializedView,
    CreateSchema,
    CreateTable,
    CreateTableAs,
    CreateView,
    Nothing,
)
from pgstream.sql.bind.view_options import TTL_SETTING, keeping_options, with_options
from pgstream.sql.parse import Parsed, ast, enums
from pgstream.sql.streaming.clauses import UNLESS

Node = Any


@binds_statement(ast.CreateStmt)
def bind_create_table(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """CREATE TABLE."""
    position = node.relation.location
    if node.relation.relpersistence == "t":
        raise FeatureNotSupported("temporary tables are not supported yet", position=position)
    for attribute, name in (("inhRelations", "INHERITS"), ("partspec", "PARTITION BY"), ("ofTypename", "OF")):
        if getattr(node, attribute, None):
            raise FeatureNotSupported(f"CREATE TABLE … {name} is not supported yet", position=position)
    schema = creation_schema(binding, node.relation)
    there = existing(binding, schema, node.relation.relname, bool(node.if_not_exists))
    made = define(binding, node.relation.relname, tuple(node.tableElts or ()), schema.oid)
    key = made.positions(made.primary_key, None) if made.primary_key else ()
    statement = CreateTable(
        schema.oid,
        node.relation.relname,
        made.columns(),
        key,
        made.primary_key_name,
        tuple(made.unique),
        bool(node.if_not_exists),
        there,
        indexes=tuple(made.indexes),
        checks=tuple(made.checks),
        foreign_keys=bind_foreign_keys(binding, made),
        sequences=tuple(made.sequences.items()),
        append_only=grows_only(node.options or ()),
    )
    return Command(statement, "CREATE TABLE")


@binds_statement(ast.ViewStmt)
def bind_create_view(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """CREATE VIEW."""
    position = node.view.location
    if node.view.relpersistence == "t":
        raise FeatureNotSupported("temporary views are not supported yet", position=position)
    if node.withCheckOption != enums.ViewCheckOption.NO_CHECK_OPTION:
        raise FeatureNotSupported("WITH CHECK OPTION is not supported yet", position=position)
    binding.takes_parameters = False
    schema = creation_schema(binding, node.view)
    columns, _ = view_columns(binding, node.query, node.aliases)
    replaces = None
    found = binding.catalog.lookup(schema.name, node.view.relname, ())
    if isinstance(found, View) and node.replace:
        replaces = found.oid
        _check_replacement(found, columns)
    elif found is not None and node.replace and not isinstance(found, Index):
        raise WrongObjectType(f'"{node.view.relname}" is not a view')
    elif found is not None and any(option.defname == UNLESS for option in node.options or ()):
        return Command(Nothing(f'relation "{node.view.relname}" already exists, skipping'), "CREATE VIEW")
    elif found is not None:
        raise DuplicateTable(f'relation "{node.view.relname}" already exists')
    query = settled(binding, query_text(parsed))
    depends = frozenset(binding.depends)
    made = CreateView(schema.oid, node.view.relname, columns, query, binding.search_path, depends, replaces)
    return Command(made, "CREATE VIEW")


def _check_replacement(old: View | MaterializedView, columns: tuple[TableColumn, ...]) -> None:
    """OR REPLACE may add columns, and nothing else."""
    if len(columns) < len(old.columns):
        raise InvalidTableDefinition("cannot drop columns from view")
    for before, after in zip(old.columns, columns, strict=False):
        if before.name != after.name:
            raise InvalidTableDefinition(
                f'cannot change name of view column "{before.name}" to "{after.name}"',
                hint="Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.",
            )
        if before.type != after.type:
            raise InvalidTableDefinition(
                f'cannot change data type of view column "{before.name}" from {before.type} to {after.type}'
            )


def view_columns(
    binding: Binding, query: Node, aliases: Any, refusal: str = "CREATE VIEW specifies more column names than columns"
) -> tuple[tuple[TableColumn, ...], Any]:
    """The columns of a view and its plan. Raises DuplicateColumn as CREATE VIEW does."""
    bound = bind_query(binding, query)
    plan = visible(bound)
    names = [part.sval for part in aliases or ()]
    if len(names) > len(plan.columns):
        raise SyntaxError42601(refusal)
    names += [col.name for col in plan.columns[len(names) :]]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise DuplicateColumn(f'column "{name}" specified more than once')
    for name, col in zip(names, plan.columns, strict=True):
        _check_storable(name, col)
    columns = tuple(TableColumn(name, col.type) for name, col in zip(names, plan.columns, strict=True))
    return columns, plan


def _check_storable(name: str, col: Col) -> None:
    if col.type.definition.pseudo:
        raise InvalidTableDefinition(f'column "{name}" has pseudo-type {col.type}')


@binds_statement(ast.CreateTableAsStmt)
def bind_create_materialized_view(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """CREATE MATERIALIZED VIEW."""
    relation = node.into.rel
    if node.objtype != enums.ObjectType.OBJECT_MATVIEW:
        return _table_as(binding, node.query, node.into, bool(node.if_not_exists))
    binding.takes_parameters = False
    schema = creation_schema(binding, relation)
    replaced = _replaced(binding, schema, relation.relname) if node.is_select_into else None
    there = replaced is None and existing(binding, schema, relation.relname, bool(node.if_not_exists))
    columns, plan = view_columns(binding, node.query, node.into.colNames, "too many column names were specified")
    if replaced is not None and (binding.catalog.dependents(replaced.oid) or binding.catalog.indexes(replaced.oid)):
        _check_replacement(replaced, columns)
    check_maintainable(binding, "materialized views", plan)
    given = ((option.defname, option_text(option), option.location) for option in node.into.options or ())
    kept = keeping_options(given, binding.scope.settings.get(TTL_SETTING, ""))
    statement = CreateMaterializedView(
        schema.oid,
        relation.relname,
        columns,
        plan,
        settled(binding, query_text(parsed)),
        binding.search_path,
        frozenset(binding.depends),
        tuple((option.defname, option_text(option)) for option in node.into.options or ()),
        bool(node.if_not_exists),
        there,
        with_options(PLAIN, kept),
        kept,
        None if replaced is None else replaced.oid,
    )
    for option in node.into.options or ():
        if option.defname == "emit_final":
            statement = _emitting_final(statement, option)
    return Command(statement, "CREATE MATERIALIZED VIEW")


def _replaced(binding: Binding, schema: Schema, name: str) -> MaterializedView | None:
    """The view that OR REPLACE replaces, if it is there. Raises WrongObjectType."""
    found = binding.catalog.lookup(schema.name, name, ())
    if found is None or isinstance(found, MaterializedView):
        return found
    raise WrongObjectType(f'"{name}" is not a materialized view')


def _emitting_final(statement: CreateMaterializedView, option: Node) -> CreateMaterializedView:
    """A view whose rows come once the watermark has passed a column: Feldera's way to say EMIT ON WINDOW CLOSE."""
    name = option_text(option)
    if all(column.name != name for column in statement.columns):
        raise UndefinedColumn(f'column "{name}" does not exist', position=option.location)
    made: CreateMaterializedView = emitting(statement, Terms(closes=True, position=option.location))
    return made


def _table_as(binding: Binding, query: Node, into: Node, if_not_exists: bool = False) -> Command:
    """CREATE TABLE … AS."""
    relation = into.rel
    if isinstance(query, ast.ExecuteStmt):
        raise FeatureNotSupported("CREATE TABLE … AS EXECUTE is not supported yet", position=relation.location)
    if relation.relpersistence == "t":
        raise FeatureNotSupported("temporary tables are not supported yet", position=relation.location)
    schema = creation_schema(binding, relation)
    there = existing(binding, schema, relation.relname, if_not_exists)
    columns, plan = view_columns(binding, query, into.colNames, "too many column names were specified")
    filled = None if into.skipData else plan
    made = CreateTableAs(CreateTable(schema.oid, relation.relname, columns), filled, there)
    return Command(made, "CREATE TABLE AS")


@binds_statement(ast.IndexStmt)
def bind_create_index(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """CREATE INDEX over plain columns."""
    found = find_relation(binding, node.relation, pointed=False)
    if isinstance(found, SystemRelation):
        raise _permission(found)
    if isinstance(found, View | Source | Sink):
        raise WrongObjectType(f'cannot create index on relation "{found.name}"')
    if node.whereClause is not None:
        raise FeatureNotSupported("partial indexes are not supported yet", position=node.relation.location)
    if node.accessMethod not in (None, "btree", "hash"):
        raise FeatureNotSupported(
            f"access method {node.accessMethod} is not supported yet", position=node.relation.location
        )
    columns = tuple(_index_column(found, element, node) for element in node.indexParams)
    binding.depends.add(found.oid)
    taken = node.idxname is not None and binding.catalog.names.get((found.schema_oid, node.idxname)) is not None
    if taken and not node.if_not_exists:
        raise DuplicateTable(f'relation "{node.idxname}" already exists')
    made = CreateIndex(found.oid, node.idxname, columns, bool(node.unique), bool(node.if_not_exists), taken)
    return Command(made, "CREATE INDEX")


def _permission(found: SystemRelation) -> SqlError:
    return InsufficientPrivilege(f'permission denied: "{found.name}" is a system catalog')


def _index_column(found: Table | MaterializedView, element: Node, node: Node) -> IndexColumn:
    if element.name is None:
        raise FeatureNotSupported("indexes over expressions are not supported yet", position=node.relation.location)
    for place, column in enumerate(found.columns):
        if column.name == element.name:
            descending = element.ordering == enums.SortByDir.SORTBY_DESC
            nulls = element.nulls_ordering
            first = descending if nulls.name.endswith("DEFAULT") else nulls.name.endswith("FIRST")
            return IndexColumn(place, descending, first)
    raise UndefinedColumn(f'column "{element.name}" does not exist')


@binds_statement(ast.CreateSchemaStmt)
def bind_create_schema(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """CREATE SCHEMA."""
    name = node.schemaname or (node.authrole and node.authrole.rolename)
    if node.schemaElts:
        raise FeatureNotSupported("CREATE SCHEMA with elements is not supported yet", position=parsed.start)
    if name.startswith("pg_"):
        raise ReservedName(
            f'unacceptable schema name "{name}"',
            detail='The prefix "pg_" is reserved for system schemas.',
        )
    there = name in binding.catalog.schema_oids
    if there and not node.if_not_exists:
        raise DuplicateSchema(f'schema "{name}" already exists')
    return Command(CreateSchema(name, bool(node.if_not_exists), there), "CREATE SCHEMA")
