"""RETURNING."""

from typing import Any

from pgstream.errors import FeatureNotSupported
from pgstream.plan.expressions import Col, Expr, Ref
from pgstream.sql.bind.coercion import decided
from pgstream.sql.bind.names import Level, NameItem
from pgstream.sql.bind.targets import bind_targets

Node = Any


def bind_returning(level: Level, clause: Node, items: list[NameItem]) -> tuple[tuple[Col, Expr], ...]:
    """The RETURNING list, over the columns of `items`; nothing where there is no such clause."""
    if clause is None:
        return ()
    if clause.options:
        raise FeatureNotSupported("RETURNING WITH is not supported yet")
    inner = Level(level.binding, level.parent, items, "RETURNING", ctes=level.ctes)
    inner.own = {expr.col.id for item in items for _, expr in item.columns if isinstance(expr, Ref)}
    outputs = []
    for target in bind_targets(inner, clause.exprs):
        expr = decided(level.binding, target.expr)
        origin = (expr.col.table_oid, expr.col.attnum) if isinstance(expr, Ref) else (0, 0)
        outputs.append((level.binding.col(target.name, expr.type, *origin), expr))
    return tuple(outputs)
