"""Expressions over one row of a table, kept as text: CHECK constraints and generated columns."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import TableColumn
from pgstream.errors import FeatureNotSupported, SqlError
from pgstream.plan.expressions import Call, CastExpr, Col, Expr, Ref
from pgstream.plan.rewrite import map_expr, subexpressions
from pgstream.sql.bind.binding import BOOL, Binding, BindScope
from pgstream.sql.bind.coercion import coerce
from pgstream.sql.bind.dispatch import bind_expression
from pgstream.sql.bind.names import Level, NameItem
from pgstream.sql.default_text import DefaultText
from pgstream.sql.optimize.predicates import has_subquery
from pgstream.sql.parse import deparse, parse
from pgstream.types.definition import SqlType

Node = Any

CHECK = "check constraints"
GENERATED = "column generation expressions"
"""What PostgreSQL's messages call the places where such expressions stand."""

KNOWN_MAX = 1024

_KNOWN: dict[tuple[int, tuple[TableColumn, ...], str, SqlType], Expr] = {}


def bind_row_expression(
    binding: Binding, relation: str, columns: Sequence[TableColumn], node: Node, clause: str
) -> Expr:
    """What `node` means where it sees a row of `relation` and nothing else; the ids of its columns are positions."""
    names: list[tuple[str, Expr]] = [(each.name, Ref(Col(i, each.name, each.type))) for i, each in enumerate(columns)]
    bound = bind_expression(Level(binding, items=[NameItem(relation, names)], clause=clause), node)
    if has_subquery(bound):
        raise FeatureNotSupported(f"cannot use subquery in {clause[:-1]}", position=binding.position(bound))
    return bound


def row_text(binding: Binding, relation: str, columns: Sequence[TableColumn], node: Node, bound: Expr) -> str:
    """The text to keep of an expression: as PostgreSQL prints it, if it means the same, else as it was written."""
    written = deparse(node)
    if binding.depends:
        return f"({written})"
    shown = DefaultText(binding.scope.settings)(bound)
    try:
        again = _bound_text(binding.catalog, columns, shown, bound.type)
        before = _bound_text(binding.catalog, columns, written, bound.type)
    except SqlError:
        return f"({written})"
    return shown if _spelled_out(again) == _spelled_out(before) else f"({written})"


def _spelled_out(expr: Expr) -> Expr:
    """`expr` with every cast as if somebody had written it; those that a length bounds differ by that."""

    def spelled(part: Expr) -> Expr:
        whole = isinstance(part, CastExpr) and part.type.typmod < 0
        return replace(part, explicit=True) if whole else part  # type: ignore[arg-type]

    return map_expr(expr, spelled)


def row_expression(catalog: Catalog, columns: tuple[TableColumn, ...], text: str, type: SqlType = BOOL) -> Expr:
    """The expression `text` as a value of `type`; the ids of its columns are their positions."""
    key = catalog.version, columns, text, type
    known = _KNOWN.get(key)
    if known is None:
        if len(_KNOWN) >= KNOWN_MAX:
            _KNOWN.clear()
        known = _KNOWN[key] = _bound_text(catalog, columns, text, type)
    return known


def _bound_text(catalog: Catalog, columns: Sequence[TableColumn], text: str, type: SqlType) -> Expr:
    [parsed] = parse(f"SELECT {text}")
    path = ("public", *(name for name in catalog.schema_oids if name not in ("public", "pg_catalog")))
    binding = Binding(catalog, BindScope(path), (), parsed)
    bound = bind_row_expression(binding, "", columns, parsed.node.targetList[0].val, CHECK)
    made = coerce(binding, bound, type, "a")
    assert made is not None, text
    return made


ARRIVAL = "proctime"
"""The function that says when a row came, which a generated column may keep."""


def tells_arrival(expr: Expr) -> bool:
    """Whether `expr` depends on when the row came."""
    return any(isinstance(part, Call) and part.function.name == ARRIVAL for part in subexpressions(expr))


_MOMENTS = frozenset({"date", "time", "timetz", "timestamp", "timestamptz", "interval"})
_TEXTS = frozenset({"text", "varchar", "bpchar", "name"})


def is_volatile(expr: Expr) -> bool:
    """Whether the value of `expr` for the same row at the same time may be another one."""
    return any(
        isinstance(part, Call) and part.function.volatility == "v" and part.function.name != ARRIVAL
        for part in subexpressions(expr)
    )


def is_mutable(expr: Expr) -> bool:
    """Whether the value of `expr` for the same row may be another one tomorrow, or in another session."""
    return any(_mutable(part) for part in subexpressions(expr))


def _mutable(part: Expr) -> bool:
    if isinstance(part, Call):
        return part.function.volatility != "i" and part.function.name != ARRIVAL
    if not isinstance(part, CastExpr) or part.arg.type.name == part.type.name:
        return False
    kinds = {part.arg.type.name, part.type.name}
    if kinds & _TEXTS:
        return bool(kinds & _MOMENTS) and not (part.arg.type.name == "interval" and part.type.name in _TEXTS)
    return "timestamptz" in kinds and bool((kinds & _MOMENTS) - {"timestamptz"})
