"""CREATE SOURCE and CREATE SINK."""

from dataclasses import replace
from typing import Any

from pgstream.catalog.objects import TableColumn, Watermark
from pgstream.connectors import CONNECTORS
from pgstream.errors import FeatureNotSupported, InvalidTableDefinition
from pgstream.plan.relations import Relation
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.commands import Command, bind_node, binds_statement
from pgstream.sql.bind.creation import creation_schema, existing
from pgstream.sql.bind.definitions import Definition, define
from pgstream.sql.bind.dispatch import bind_from_item, bind_query
from pgstream.sql.bind.maintainable import check_maintainable
from pgstream.sql.bind.names import Level
from pgstream.sql.bind.outside import both, given_options
from pgstream.sql.bind.query import visible
from pgstream.sql.bind.settled import settled_query
from pgstream.sql.bind.statements import CreateSink, CreateSource, CreateTable
from pgstream.sql.bind.watermarks import bind_watermark, watermark_of_options, with_limits, without_event_time
from pgstream.sql.parse import Parsed
from pgstream.sql.streaming import CreateSinkStmt, CreateSourceStmt, CreateTableStmt

Node = Any


@binds_statement(CreateSourceStmt)
def bind_create_source(binding: Binding, node: CreateSourceStmt, parsed: Parsed) -> Command:
    """CREATE SOURCE; CREATE TABLE with a connector, which is a sink if its type option says so."""
    given, formats = given_options(binding, node.options), given_options(binding, node.format.options)
    options, named = without_event_time(given.options), both(given.named, formats.named)
    schema = creation_schema(binding, node.relation)
    name = node.relation.relname
    there = existing(binding, schema, name, node.if_not_exists)
    made = define(binding, name, node.elements, outside=True)
    tag = "CREATE TABLE" if node.is_table else "CREATE SOURCE"
    columns, positions = made.columns(), tuple((option.name, option.position) for option in node.options)
    if node.is_table and _is_sink(dict(options)):
        for clause in node.watermarks:
            raise InvalidTableDefinition("a sink has no watermark", position=clause.position)
        if node.format.format == "UPSERT" and made.primary_key and "primary_key" not in dict(options):
            options = (*options, ("primary_key", ",".join(made.primary_key)))
        sink = CreateSink(
            schema.oid, name, columns, options, node.format.format, node.format.encode, formats.options,
            None, "", binding.search_path, frozenset(), node.if_not_exists, there, positions, named=named,
        )  # fmt: skip
        return Command(sink, tag)
    options = (*options, *((f"metadata.{column}", part) for column, part in node.metadata))
    source = CreateSource(
        schema.oid, name, columns, options, node.format.format, node.format.encode, formats.options,
        _primary_key(made), node.if_not_exists, there, positions, _watermark(binding, node, columns), named,
    )  # fmt: skip
    return Command(source, tag)


def _is_sink(options: dict[str, str]) -> bool:
    """Whether a table with a connector is written to: so it says, or nothing else can be done with that connector."""
    connector = CONNECTORS.get(options.get("connector", "").lower())
    only = connector is not None and connector.source is None
    return options.get("type", "sink" if only else "source") == "sink"


def _watermark(binding: Binding, node: CreateSourceStmt, columns: tuple[TableColumn, ...]) -> Watermark | None:
    declared = bind_watermark(binding, node.relation.relname, columns, node.watermarks)
    named = watermark_of_options(columns, node.options)
    if declared is not None and named is not None:
        raise InvalidTableDefinition(
            f'multiple watermarks for table "{node.relation.relname}" are not allowed',
            position=node.watermarks[0].position,
        )
    return with_limits(declared or named, node.options)


@binds_statement(CreateTableStmt)
def bind_create_marked_table(binding: Binding, node: CreateTableStmt, parsed: Parsed) -> Command:
    """CREATE TABLE with a watermark, or of a table that only grows."""
    command = bind_node(binding, node.table, parsed)
    made = command.statement
    assert isinstance(made, CreateTable)
    watermark = bind_watermark(binding, made.name, made.columns, node.watermarks)
    if node.on_conflict and not made.primary_key:
        raise InvalidTableDefinition("ON CONFLICT of a table needs a primary key", position=node.conflict_position)
    if node.append_only and node.on_conflict not in ("", "ignore"):
        raise InvalidTableDefinition("an append-only table overwrites nothing", position=node.conflict_position)
    marked = replace(made, watermark=watermark, append_only=node.append_only, taken_key=node.on_conflict)
    return replace(command, statement=marked)


def _primary_key(made: Definition) -> tuple[int, ...]:
    return made.positions(made.primary_key, None) if made.primary_key else ()


@binds_statement(CreateSinkStmt)
def bind_create_sink(binding: Binding, node: CreateSinkStmt, parsed: Parsed) -> Command:
    """CREATE SINK, fed by a relation, a query, or INSERT INTO later."""
    binding.takes_parameters = False
    given, formats = given_options(binding, node.options), given_options(binding, node.format.options)
    schema = creation_schema(binding, node.relation)
    there = existing(binding, schema, node.relation.relname, node.if_not_exists)
    plan, query = _feed(binding, node)
    check_maintainable(binding, "sinks", plan)
    if plan is None:
        columns = define(binding, node.relation.relname, node.elements).columns()
    else:
        if node.elements:
            raise FeatureNotSupported(
                "a sink with a query takes its columns from it", position=node.elements[0].location
            )
        columns = tuple(TableColumn(col.name, col.type) for col in plan.columns)
    made = CreateSink(
        schema.oid, node.relation.relname, columns, given.options, node.format.format, node.format.encode,
        formats.options, plan, query, binding.search_path, frozenset(binding.depends),
        node.if_not_exists, there, tuple((option.name, option.position) for option in node.options),
        named=both(given.named, formats.named),
    )  # fmt: skip
    return Command(made, "CREATE SINK")


def _feed(binding: Binding, node: CreateSinkStmt) -> tuple[Relation | None, str]:
    """The plan and the text of the query that feeds a sink."""
    if node.query is not None:
        return visible(bind_query(binding, node.query)), settled_query(binding, node.query_text)
    if node.source is None:
        return None, ""
    plan = bind_from_item(Level(binding), node.source).plan
    names = [part for part in (node.source.schemaname, node.source.relname) if part is not None]
    shown = ".".join('"' + part.replace('"', '""') + '"' for part in names)
    return plan, f"SELECT * FROM {shown}"
