"""Tables as targets of statements: which relations take writes, their columns, defaults and assignments."""

from typing import Any

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import DomainType, MaterializedView, Sink, Source, Table, TableColumn, View
from pgstream.catalog.system import SystemRelation
from pgstream.errors import (
    DatatypeMismatch,
    FeatureNotSupported,
    GeneratedAlways,
    InsufficientPrivilege,
    ObjectNotInPrerequisiteState,
    SqlError,
    UndefinedColumn,
    WrongObjectType,
)
from pgstream.plan.expressions import Const, Expr
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.coercion import coerce
from pgstream.sql.bind.dispatch import bind_expression
from pgstream.sql.bind.lookup import find_relation
from pgstream.sql.bind.names import Level
from pgstream.sql.default_text import DefaultText
from pgstream.sql.parse import ast, deparse, parse
from pgstream.types.definition import SqlType
from pgstream.types.domain import is_domain

Node = Any

_VERBS = {
    "insert": "insert into",
    "update": "update",
    "delete": "delete from",
    "truncate": "truncate",
}


def written_table(binding: Binding, node: Node, verb: str) -> Table:
    """The table that a statement writes. Raises what PostgreSQL raises for relations that are not tables."""
    found = find_relation(binding, node, pointed=verb != "truncate")
    if isinstance(found, Table):
        if found.append_only and verb in ("update", "delete", "truncate"):
            raise WrongObjectType(f'cannot {_VERBS[verb]} append-only table "{found.name}"')
        binding.depends.add(found.oid)
        return found
    raise _refusal(found, verb)


def _refusal(found: Any, verb: str) -> Exception:
    """Why `found` cannot be written."""
    name = found.name
    if verb == "merge" and not isinstance(found, SystemRelation):
        return FeatureNotSupported(
            f'cannot execute MERGE on relation "{name}"',
            detail=f"This operation is not supported for {_kind(found)}s.",
        )
    if isinstance(found, SystemRelation):
        return InsufficientPrivilege(f'permission denied: "{name}" is a system catalog')
    if isinstance(found, View) and verb in ("insert", "update", "delete"):
        return ObjectNotInPrerequisiteState(
            f'cannot {_VERBS[verb]} view "{name}"', detail="Views are not updatable in pgstream."
        )
    if isinstance(found, MaterializedView) and verb != "truncate":
        return WrongObjectType(f'cannot change materialized view "{name}"')
    if verb == "truncate":
        return WrongObjectType(f'"{name}" is not a table')
    return WrongObjectType(f'cannot change {_kind(found)} "{name}"')


def _kind(found: Any) -> str:
    return {Source: "source", Sink: "sink", View: "view", MaterializedView: "materialized view"}.get(
        type(found), "relation"
    )


def column_position(table: Any, name: str, position: int | None) -> int:
    """The 0-based position of a column of the target. Raises UndefinedColumn."""
    for i, column in enumerate(table.columns):
        if column.name == name:
            return i
    raise UndefinedColumn(f'column "{name}" of relation "{table.name}" does not exist', position=position)


def assigned(binding: Binding, expr: Expr, column: TableColumn, position: int | None = None) -> Expr:
    """`expr` as a value of `column`. Raises DatatypeMismatch as PostgreSQL words it."""
    made = coerce(binding, expr, column.type, "a")
    if made is None:
        raise DatatypeMismatch(
            f'column "{column.name}" is of type {column.type.bare()} but expression is of type {expr.type.bare()}',
            hint="You will need to rewrite or cast the expression.",
            position=binding.position(expr) if binding.position(expr) is not None else position,
        )
    return made


def default_of(binding: Binding, column: TableColumn) -> Expr:
    """What a column gets where no value is given."""
    if column.default is None and is_domain(column.type.name):
        text = default_of_domain(binding.catalog, column.type)
        return bound_default(binding, column, text or "NULL")
    if column.default is None:
        return Const(None, column.type)
    known = binding.defaults.get(column)
    if known is None:
        known = binding.defaults[column] = bound_default(binding, column, column.default)
    return known


def default_of_domain(catalog: Catalog, type: SqlType) -> str | None:
    """The text of what a domain says that a column gets, where the column itself says nothing."""
    declared = catalog.objects[type.oid - 1]
    assert isinstance(declared, DomainType)
    return declared.columns[0].default


def bound_default(binding: Binding, column: TableColumn, text: str) -> Expr:
    """The default expression `text`, whose positions mean nothing to the statement being bound."""
    [parsed] = parse(f"SELECT {text}")
    return assigned(binding, bind_default_node(binding, parsed.node.targetList[0].val), column)


def bind_default_node(binding: Binding, node: Node) -> Expr:
    """A DEFAULT expression, which sees no columns."""
    return bind_expression(Level(binding, clause="DEFAULT"), node)


def default_text(binding: Binding, node: Node, expr: Expr, column: TableColumn) -> str | None:
    """The text to keep of a default: as PostgreSQL prints it, if it means the same, else as it was written.

    None for DEFAULT NULL, which is no default.
    """
    if isinstance(expr, Const) and expr.value is None:
        return None
    written = deparse(node)
    if isinstance(node, ast.SQLValueFunction):
        return written
    if isinstance(expr, Const) and expr.type.name == "unknown":
        known = coerce(binding, expr, column.type.bare(), "a")
        expr = expr if known is None else known
    shown = DefaultText(binding.scope.settings)(expr)
    try:
        same = bound_default(binding, column, shown) == bound_default(binding, column, written)
    except SqlError:
        return written
    return shown if same else written


def check_default(binding: Binding, expr: Expr, column: TableColumn) -> None:
    """Raises DatatypeMismatch where a default is of no type that the column takes."""
    try:
        assigned(binding, expr, column)
    except DatatypeMismatch:
        raise DatatypeMismatch(
            f'column "{column.name}" is of type {column.type.bare()}'
            f" but default expression is of type {expr.type.bare()}",
            hint="You will need to rewrite or cast the expression.",
        ) from None


def require_given(column: TableColumn, *, updated: bool = False, overriding: bool = False) -> None:
    """Raises GeneratedAlways where a statement gives a value to a column that is computed, or numbered."""
    numbered = column.identity == "a" and not overriding
    if column.generated is None and not numbered:
        return
    message = f'cannot insert a non-DEFAULT value into column "{column.name}"'
    if updated:
        message = f'column "{column.name}" can only be updated to DEFAULT'
    if numbered:
        raise GeneratedAlways(
            message,
            detail=f'Column "{column.name}" is an identity column defined as GENERATED ALWAYS.',
            hint=None if updated else "Use OVERRIDING SYSTEM VALUE to override.",
        )
    raise GeneratedAlways(message, detail=f'Column "{column.name}" is a generated column.')


def is_default(node: Node) -> bool:
    return isinstance(node, ast.SetToDefault)
