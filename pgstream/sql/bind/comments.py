"""COMMENT ON."""

from typing import Any

from pgstream.catalog.objects import ForeignKey, Index, MaterializedView, Schema, Sequence, Sink, Source, Table, View
from pgstream.errors import UndefinedColumn, UndefinedObject, UndefinedTable, WrongObjectType
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.commands import Command, binds_statement
from pgstream.sql.bind.routines import found_function
from pgstream.sql.bind.statements import CommentOn, Nothing
from pgstream.sql.parse import Parsed, ast, enums

Node = Any
Kind = enums.ObjectType

PG_CLASS, PG_PROC, PG_NAMESPACE, PG_CONSTRAINT = 1259, 1255, 2615, 2606

_RELATIONS: dict[Any, tuple[Any, str]] = {
    Kind.OBJECT_TABLE: (Table | Source | Sink, "a table"),
    Kind.OBJECT_VIEW: (View, "a view"),
    Kind.OBJECT_MATVIEW: (MaterializedView, "a materialized view"),
    Kind.OBJECT_INDEX: (Index, "an index"),
    Kind.OBJECT_SEQUENCE: (Sequence, "a sequence"),
}


@binds_statement(ast.CommentStmt)
def bind_comment(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """COMMENT ON a relation, column, constraint, function or schema; on anything else it is not kept."""
    made = _comment(binding, node)
    return Command(Nothing() if made is None else made, "COMMENT")


def _comment(binding: Binding, node: Node) -> CommentOn | None:
    text = node.comment or None
    if node.objtype in _RELATIONS:
        wanted, article = _RELATIONS[node.objtype]
        found = _relation(binding, [part.sval for part in node.object])
        if not isinstance(found, wanted):
            raise WrongObjectType(f'"{found.name}" is not {article}')
        return CommentOn(found.oid, found.oid, PG_CLASS, text)
    match node.objtype:
        case Kind.OBJECT_COLUMN:
            *path, name = [part.sval for part in node.object]
            found = _relation(binding, path)
            if all(column.name != name for column in getattr(found, "columns", ())):
                raise UndefinedColumn(f'column "{name}" of relation "{found.name}" does not exist')
            return CommentOn(found.oid, found.oid, PG_CLASS, text, name)
        case Kind.OBJECT_TABCONSTRAINT:
            *path, name = [part.sval for part in node.object]
            table = _relation(binding, path)
            return CommentOn(_constraint(binding, table, name), table.oid, PG_CONSTRAINT, text)
        case Kind.OBJECT_FUNCTION:
            function = found_function(binding, node.object, False, [])
            assert function is not None
            return CommentOn(function.oid, function.oid, PG_PROC, text)
        case Kind.OBJECT_SCHEMA:
            schema: Schema = binding.catalog.schema(node.object.sval)
            return CommentOn(schema.oid, schema.oid, PG_NAMESPACE, text)
    return None


def _relation(binding: Binding, path: list[str]) -> Any:
    schema = path[-2] if len(path) > 1 else None
    if schema is not None and schema not in binding.catalog.schema_oids:
        binding.catalog.schema(schema)
    found = binding.catalog.lookup(schema, path[-1], binding.search_path)
    if found is None or found.oid not in binding.catalog.objects:
        raise UndefinedTable(f'relation "{".".join(path)}" does not exist')
    return found


def _constraint(binding: Binding, table: Any, name: str) -> int:
    """The OID of a constraint of a table."""
    for part in binding.catalog.belonging(table.oid):
        if isinstance(part, ForeignKey) and part.label == name:
            return part.oid
        if isinstance(part, Index) and part.name == name and (part.primary or part.constraint_oid):
            return table.primary_key.oid if part.primary else part.constraint_oid
    for check in getattr(table, "checks", ()):
        if check.name == name:
            return int(check.oid)
    raise UndefinedObject(f'constraint "{name}" for table "{table.name}" does not exist')
