"""JOIN with ON, USING, NATURAL, and the names a join makes visible."""

from typing import Any, Literal

from pgstream.errors import AmbiguousColumn, DuplicateColumn, FeatureNotSupported, UndefinedColumn
from pgstream.plan.expressions import Coalesce, Expr
from pgstream.plan.relations import Apply, Join, Relation, TableCall
from pgstream.sql.bind.coercion import coerce_to_bool, common_typmod, to_common
from pgstream.sql.bind.dispatch import bind_expression, bind_from_item, binds_from
from pgstream.sql.bind.from_clause import FromItem, is_lateral
from pgstream.sql.bind.names import Level, NameItem, check_alias_conflicts
from pgstream.sql.bind.operators import apply_operator, conjunction
from pgstream.sql.bind.query import ONE_ROW
from pgstream.sql.bind.timed_joins import Sides, timed_join
from pgstream.sql.parse import ast, enums
from pgstream.sql.streaming.timed_joins import Timing

Node = Any
Kind = Literal["inner", "left", "right", "full"]
Columns = list[tuple[str, Expr]]

_KINDS: dict[Any, Kind] = {
    enums.JoinType.JOIN_INNER: "inner",
    enums.JoinType.JOIN_LEFT: "left",
    enums.JoinType.JOIN_RIGHT: "right",
    enums.JoinType.JOIN_FULL: "full",
}


@binds_from(ast.JoinExpr)
def bind_join(level: Level, node: Node) -> FromItem:
    """One JOIN."""
    kind = _KINDS[node.jointype]
    outer_items = level.items
    left = bind_from_item(level, node.larg)
    for name in left.names:
        name.lateral_only, name.lateral_ok = True, kind in ("inner", "left")
    level.items = outer_items + left.names
    try:
        right = bind_from_item(level, node.rarg)
    finally:
        level.items = outer_items
    check_alias_conflicts(left.names, right.names)
    for name in (right.names if kind in ("left", "full") else []) + (left.names if kind in ("right", "full") else []):
        name.nullable = True
    for name in left.names + right.names:
        name.lateral_only, name.lateral_ok = False, True
    level.own |= {col.id for item in (left, right) for col in item.plan.columns}
    condition, columns, merged = _condition(level, node, kind, left, right)
    if isinstance(node.rtindex, Timing):
        sides = Sides(level, node.rtindex, kind, left, right)
        plan = timed_join(sides, condition, lambda match: _on(level, match, left, right))
    else:
        plan = joined(kind, left.plan, right.plan, condition)
    return FromItem(plan, _names(node, left, right, columns, merged))


def joined(kind: Kind, left: Relation, right: Relation, condition: Expr | None) -> Relation:
    """The join of two plans; dependent where the right one refers to the left one."""
    if not is_lateral(left, right):
        return Join(kind, left, right, condition)
    assert kind in ("inner", "left")
    if isinstance(right, TableCall) and right.input is ONE_ROW and condition is None:
        return TableCall(left, right.function, right.args, right.outputs, right.ordinality, kind == "left")
    if kind == "inner":
        return Apply("inner", left, right, condition)
    return Apply("left", left, right, condition)


def _condition(
    level: Level, node: Node, kind: Kind, left: FromItem, right: FromItem
) -> tuple[Expr | None, Columns, Columns]:
    """The join condition, all columns of the join as * gives them, and those that USING merged."""
    lefts, rights = _visible_columns(left.names), _visible_columns(right.names)
    using = None
    if node.isNatural:
        right_names = {name for name, _ in rights}
        using = [name for name, _ in lefts if name in right_names]
    elif node.usingClause:
        using = [part.sval for part in node.usingClause]
    if using is not None:
        timing = node.rtindex
        nearest = isinstance(timing, Timing) and timing.asof and timing.match is None
        return _using(level, using, kind, lefts, rights, ">=" if nearest else "=")
    condition = None
    if node.quals is not None and not _is_true(node.quals):
        condition = _on(level, node.quals, left, right)
    return condition, lefts + rights, []


def _is_true(node: Node) -> bool:
    return isinstance(node, ast.A_Const) and isinstance(node.val, ast.Boolean) and bool(node.val.boolval)


def _on(level: Level, quals: Node, left: FromItem, right: FromItem) -> Expr:
    """ON sees the two sides of its join, and the queries around."""
    items, clause = level.items, level.clause
    level.items, level.clause = left.names + right.names, "JOIN/ON"
    try:
        return coerce_to_bool(level.binding, bind_expression(level, quals), "JOIN/ON")
    finally:
        level.items, level.clause = items, clause


def _visible_columns(names: list[NameItem]) -> Columns:
    return [column for name in names if name.columns_visible for column in name.columns]


def _using(
    level: Level, using: list[str], kind: Kind, lefts: Columns, rights: Columns, last: str
) -> tuple[Expr | None, Columns, Columns]:
    """As `_condition`, for the columns `using`, the last of which compare by the operator `last`."""
    binding = level.binding
    merged: Columns = []
    equals = []
    for i, name in enumerate(using):
        if name in using[:i]:
            raise DuplicateColumn(f'column name "{name}" appears more than once in USING clause')
        pair = (_only(lefts, name, "left"), _only(rights, name, "right"))
        (one, other), type = to_common(binding, pair, "JOIN/USING")
        equals.append(apply_operator(binding, last if i == len(using) - 1 else "=", list(pair), None))
        if kind == "full":
            merged.append((name, Coalesce((one, other), common_typmod((one, other), type))))
        else:
            merged.append((name, other if kind == "right" else one))
    rest = [column for column in lefts if column[0] not in using]
    rest += [column for column in rights if column[0] not in using]
    return (conjunction(equals) if equals else None), merged + rest, merged


def _only(columns: Columns, name: str, side: str) -> Expr:
    found = [expr for own, expr in columns if own == name]
    if not found:
        raise UndefinedColumn(f'column "{name}" specified in USING clause does not exist in {side} table')
    if len(found) > 1:
        raise AmbiguousColumn(f'common column name "{name}" appears more than once in {side} table')
    return found[0]


def _names(node: Node, left: FromItem, right: FromItem, columns: Columns, merged: Columns) -> list[NameItem]:
    if node.alias is not None:
        given = [part.sval for part in node.alias.colnames or ()]
        names = given + [name for name, _ in columns[len(given) :]]
        renamed = [(name, expr) for name, (_, expr) in zip(names, columns, strict=True)]
        return [NameItem(node.alias.aliasname, renamed)]
    inner = left.names + right.names
    for name in inner:
        name.columns_visible = False
    made = [*inner, NameItem("", columns, relation_visible=False)]
    if node.join_using_alias is not None:
        if node.join_using_alias.colnames:
            raise FeatureNotSupported("column list of a JOIN USING alias is not supported yet")
        made.append(NameItem(node.join_using_alias.aliasname, merged, columns_visible=False))
    return made
