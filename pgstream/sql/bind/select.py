"""SELECT: the plan of one query, clause by clause in the order PostgreSQL analyses them."""

from typing import Any

from pgstream.errors import (
    FeatureNotSupported,
    InvalidColumnReference,
    InvalidRowCountInLimitClause,
    InvalidRowCountInOffsetClause,
)
from pgstream.plan.expressions import Const, Expr, Ref, SortKey
from pgstream.plan.relations import Distinct, Filter, Project, Relation, Sort, TopN
from pgstream.plan.rewrite import used
from pgstream.sql.bind.binding import INT8, Binding
from pgstream.sql.bind.coercion import coerce_to_bool, coerce_to_type, decided
from pgstream.sql.bind.ctes import bind_with
from pgstream.sql.bind.dispatch import bind_expression, binds_query
from pgstream.sql.bind.from_clause import bind_from
from pgstream.sql.bind.group_windows import grouping_parts, with_sessions, with_times
from pgstream.sql.bind.grouping import Grouping
from pgstream.sql.bind.grouping_sets import GroupingSets
from pgstream.sql.bind.locking import check_locking
from pgstream.sql.bind.names import Level, NameItem
from pgstream.sql.bind.ordering import check_comparable
from pgstream.sql.bind.output_clauses import Grouped, Ordered, bind_distinct_on, bind_group_by, bind_order_by
from pgstream.sql.bind.query import BoundQuery
from pgstream.sql.bind.session_frames import over_windows
from pgstream.sql.bind.set_calls import applied
from pgstream.sql.bind.setops import bind_set_operation
from pgstream.sql.bind.shared_names import share_with_where
from pgstream.sql.bind.targets import Target, bind_targets
from pgstream.sql.bind.values import bind_values
from pgstream.sql.bind.windows import check_windows, define_windows
from pgstream.sql.parse import ast, enums

Node = Any


@binds_query(ast.SelectStmt)
def bind_select(
    binding: Binding, node: Node, parent: Level | None, *, ordered: bool = False, keep_unknown: bool = False
) -> BoundQuery:
    """A query of any form. `ordered` keeps its ORDER BY as a Sort at the root; `keep_unknown` leaves literals of
    unknown type to whoever takes the columns (INSERT, UNION)."""
    if node.intoClause is not None:
        raise FeatureNotSupported("SELECT INTO is not supported yet", position=node.intoClause.rel.location)
    level = Level(binding, parent)
    bind_with(level, node.withClause)
    if node.op != enums.SetOperation.SETOP_NONE:
        query, targets = bind_set_operation(level, node)
    elif node.valuesLists:
        query, targets = bind_values(level, node, keep_unknown and not node.sortClause)
    else:
        return _plain(level, node, ordered, keep_unknown)
    level.items = [NameItem("", [(target.name, target.expr) for target in targets])]
    order = bind_order_by(level, node.sortClause or (), targets, output_only=True)
    refs = {id(target): Ref(col) for target, col in zip(targets, query.columns, strict=True)}
    keys = tuple(SortKey(refs[id(key.target)], key.descending, key.nulls_first) for key in order)
    plan = _limited(level, node, query.plan, keys)
    return BoundQuery(Sort(plan, keys) if ordered and keys else plan, query.columns)


def _plain(level: Level, node: Node, ordered: bool, keep_unknown: bool) -> BoundQuery:
    """SELECT … FROM …"""
    binding = level.binding
    plan = level.rows = bind_from(level, node.fromClause or ())
    define_windows(level, node.windowClause or ())
    targets = bind_targets(level, node.targetList or ())
    share_with_where(level)
    where = _condition(level, node.whereClause, "WHERE")
    having = _condition(level, node.havingClause, "HAVING")
    qualified = _qualify(level, node, targets)
    if not keep_unknown or node.distinctClause or node.sortClause:
        for target in targets:
            target.expr = decided(binding, target.expr)
    order = bind_order_by(level, node.sortClause or (), targets)
    groups = bind_group_by(level, node.groupClause or (), targets, bool(node.groupDistinct))
    distinct = bind_distinct_on(level, node.distinctClause, targets, order)
    check_windows(level)
    check_locking(level, node.lockingClause or ())
    if where is not None:
        plan = Filter(plan, where)
    plan = with_times(level, plan)
    plan, qualified = _grouped(level, node, plan, targets, groups, (having, qualified))
    plan = over_windows(level, plan)
    if qualified is not None:
        plan = Filter(plan, qualified)
    plan = applied(level, plan)
    return _output(level, node, plan, targets, order, distinct, ordered)


def _condition(level: Level, node: Node, clause: str) -> Expr | None:
    if node is None:
        return None
    outer, level.clause = level.clause, clause
    try:
        return coerce_to_bool(level.binding, bind_expression(level, node), clause)
    finally:
        level.clause = outer


def _qualify(level: Level, node: Node, targets: list[Target]) -> Expr | None:
    """The condition of QUALIFY, which sees output columns where nothing in FROM has their name."""
    if node.rarg is None:
        return None
    level.aliases = {target.name: target.expr for target in reversed(targets)}
    try:
        return _condition(level, node.rarg.targetList[0].val, "QUALIFY")
    finally:
        level.aliases = {}


def _grouped(
    level: Level,
    node: Node,
    plan: Relation,
    targets: list[Target],
    groups: Grouped,
    conditions: tuple[Expr | None, Expr | None],
) -> tuple[Relation, Expr | None]:
    """`plan` under GROUP BY, aggregates and HAVING, and the condition of QUALIFY; that, the targets and window calls
    are rewritten to what groups give."""
    having, qualified = conditions
    if not (having is not None or level.aggregates or node.groupClause or level.groupings):
        return with_sessions(level, plan, ()), qualified
    grouping = _keyed(level, groups)
    plan = applied(level, plan, {id for _, key in grouping.keys for id in used(key)})
    plan = with_sessions(level, plan, [key for _, key in grouping.keys])
    for target in targets:
        target.expr = grouping.rewritten(target.expr)
    if having is not None:
        having = grouping.rewritten(having)
    if qualified is not None:
        qualified = grouping.rewritten(qualified)
    grouping.check_direct(level.direct)
    level.windows = {grouping.window(call): col for call, col in level.windows.items()}
    for call in level.set_calls:
        call.args = tuple(grouping.rewritten(arg) for arg in call.args)
    plan = grouping.plan(plan)
    return (plan if having is None else Filter(plan, having)), qualified


def _keyed(level: Level, groups: Grouped) -> Grouping:
    """The keys of a grouped query. With grouping sets, what is selected and grouped by is its own key."""
    grouping = Grouping(level) if groups.sets is None else GroupingSets(level)
    members: list[set[int]] = []
    for group in groups.targets:
        check_comparable(level.binding, group.expr)
        parts = grouping_parts(group.expr)
        members.append({grouping.add(part, name or group.name) for name, part in parts})
        if groups.sets is not None and len(parts) == 1:
            group.expr = Ref(grouping.keys[min(members[-1])][0])
    if isinstance(grouping, GroupingSets):
        grouping.sets = [set().union(*(members[number] for number in each)) for each in groups.sets or ()]
    return grouping


def _output(
    level: Level,
    node: Node,
    plan: Relation,
    targets: list[Target],
    order: list[Ordered],
    distinct: list[Target] | None,
    ordered: bool,
) -> BoundQuery:
    """The projection, DISTINCT, LIMIT and ORDER BY over the finished rows."""
    binding = level.binding
    kept = _kept(targets, order, distinct)
    cols = {id(target): _output_col(binding, target) for target in kept}
    plan = Project(plan, tuple((cols[id(target)], target.expr) for target in kept))
    keys = tuple(SortKey(Ref(cols[id(key.target)]), key.descending, key.nulls_first) for key in order)
    columns = tuple(cols[id(target)] for target in targets if not target.junk)
    if distinct is not None and not distinct:
        plan = _distinct(binding, plan, targets, order)
    elif distinct is not None:
        partition = tuple(Ref(cols[id(target)]) for target in distinct)
        plan = TopN(plan, partition, keys, Const(1, INT8))
    plan = _limited(level, node, plan, keys)
    return BoundQuery(Sort(plan, keys) if ordered and keys else plan, columns)


def _kept(targets: list[Target], order: list[Ordered], distinct: list[Target] | None) -> list[Target]:
    """The visible targets, and the junk ones that something orders or partitions by."""
    needed = {id(key.target) for key in order} | {id(target) for target in distinct or ()}
    return [target for target in targets if not target.junk or id(target) in needed]


def _output_col(binding: Binding, target: Target) -> Any:
    expr = target.expr
    if isinstance(expr, Ref):
        return binding.col(target.name, expr.type, expr.col.table_oid, expr.col.attnum)
    return binding.col(target.name, expr.type)


def _distinct(binding: Binding, plan: Relation, targets: list[Target], order: list[Ordered]) -> Relation:
    for key in order:
        if key.target.junk:
            raise InvalidColumnReference(
                "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
                position=binding.position(key.target.expr),
            )
    for target in targets:
        if not target.junk:
            check_comparable(binding, target.expr)
    return Distinct(plan)


def _limited(level: Level, node: Node, plan: Relation, keys: tuple[SortKey, ...]) -> Relation:
    """`plan` under LIMIT and OFFSET."""
    ties = node.limitOption == enums.LimitOption.LIMIT_OPTION_WITH_TIES
    offset = _row_count(level, node.limitOffset, "OFFSET")
    limit = _row_count(level, node.limitCount, "LIMIT")
    if ties and limit is None:
        raise InvalidRowCountInLimitClause("row count cannot be null in FETCH FIRST ... WITH TIES clause")
    if limit is None and offset is None:
        return plan
    return TopN(plan, (), keys, limit, offset, "peers" if ties else "rows")


def _row_count(level: Level, node: Node, construct: str) -> Expr | None:
    if node is None:
        return None
    outer, level.clause = level.clause, construct
    try:
        bound = bind_expression(level, node)
    finally:
        level.clause = outer
    if isinstance(bound, Const) and bound.value is None:
        return None
    made = coerce_to_type(level.binding, bound, INT8, construct)
    if not used(bound).keys().isdisjoint(level.own):
        raise InvalidColumnReference(
            f"argument of {construct} must not contain variables", position=level.binding.position(bound)
        )
    if isinstance(bound, Const) and bound.type.name in ("int4", "int8"):
        _check_not_negative(bound.value, construct)
        return Const(bound.value, INT8)
    return made


def _check_not_negative(count: int, construct: str) -> None:
    if count < 0 and construct == "LIMIT":
        raise InvalidRowCountInLimitClause("LIMIT must not be negative")
    if count < 0:
        raise InvalidRowCountInOffsetClause("OFFSET must not be negative")
