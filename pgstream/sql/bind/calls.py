"""Function calls: scalar functions, aggregates, window functions and set-returning functions."""

from typing import Any

from pgstream.catalog.objects import SqlFunction
from pgstream.errors import (
    DatatypeMismatch,
    FeatureNotSupported,
    GroupingError,
    UndefinedFunction,
    WrongObjectType,
)
from pgstream.functions.registry import AGGREGATES, Aggregate, Function, WindowFunction
from pgstream.plan.expressions import AggCall, Call, Expr, Ref, SortKey
from pgstream.plan.relations import Relation
from pgstream.plan.rewrite import subexpressions
from pgstream.sql.bind.choosing import choose_function, function_name
from pgstream.sql.bind.coercion import coerce_or_fail, coerce_to_bool
from pgstream.sql.bind.dispatch import bind_expression, binds
from pgstream.sql.bind.event_time import event_time
from pgstream.sql.bind.group_windows import (
    bind_group_window,
    bind_window_bound,
    is_group_window,
    is_row_time,
    is_window_bound,
)
from pgstream.sql.bind.inlining import inlined_rows, inlined_value
from pgstream.sql.bind.maps import map_call
from pgstream.sql.bind.names import Level, SetCall
from pgstream.sql.bind.operators import coerce_argument, note_volatility
from pgstream.sql.bind.ordering import sort_key
from pgstream.sql.bind.overloads import Candidate, concrete
from pgstream.sql.bind.spellings import respelled
from pgstream.sql.bind.user_calls import all_arguments
from pgstream.sql.bind.windows import bind_window_call
from pgstream.sql.bind.within_group import (
    check_hypothetical,
    check_within_group,
    hypothetical,
    is_hypothetical,
)
from pgstream.sql.parse import ast
from pgstream.types.definition import BY_NAME, SqlType

ORDER_SENSITIVE = frozenset(
    ("array_agg", "string_agg", "json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg", "first", "last")
)
"""Aggregates whose result shows the order of their rows."""

COUNTS_DISTINCT = frozenset(("approx_distinct", "approx_count_distinct"))
"""Aggregates that are count(DISTINCT …), since exact is good enough."""

Node = Any


@binds(ast.FuncCall)
def bind_call(level: Level, node: Node) -> Expr:
    """A call, by what its name and argument types resolve to."""
    if node.func_variadic:
        raise FeatureNotSupported("VARIADIC arguments are not supported yet", position=node.location)
    if is_group_window(node):
        return bind_group_window(level, node)
    if is_window_bound(node):
        return bind_window_bound(level, node)
    if is_row_time(node):
        return event_time(level, "row_time", node.location)
    spelled = respelled(level, node)
    if spelled is not None:
        return bind_expression(level, spelled)
    name = function_name(level, node)
    args = _arguments(level, node, name in AGGREGATES and (node.over is None or node.agg_within_group))
    if node.agg_within_group:
        return _within_group(level, node, name, args)
    check_hypothetical(node, name)
    of_map = map_call(level.binding, name, args, node.location)
    if of_map is not None:
        return of_map
    candidate = choose_function(level, node, name, args)
    if candidate is None:
        return coerce_or_fail(level.binding, args[0], SqlType(name), "e", node.location)
    declared = candidate.declared
    _check_decorations(node, declared, name)
    coerced, result = _coerced(level, node, candidate, args)
    if node.over is not None:
        return bind_window_call(level, node, declared, coerced, result)
    if isinstance(declared, Aggregate):
        return _aggregate(level, node, declared, coerced, result)
    if isinstance(declared, SqlFunction):
        return _inlined(level, node, candidate, coerced)
    assert isinstance(declared, Function)
    note_volatility(level.binding, declared, node.location)
    if declared.returns_set:
        return _set_call(level, node, declared, coerced, result)
    return Call(declared, coerced, result)


def _inlined(level: Level, node: Node, candidate: Candidate, given: tuple[Expr, ...]) -> Expr:
    """What a SQL function's body says, where an expression stands."""
    function: SqlFunction = candidate.declared
    if function.returns_set or function.columns:
        raise FeatureNotSupported(
            f"function {function.name} returns rows, which is only supported in FROM", position=node.location
        )
    return inlined_value(level, function, all_arguments(level.binding, candidate, given), node.location)


def called_rows(level: Level, node: Node) -> Relation | None:
    """The rows of a call in FROM of a user's function that returns them; None for any other call."""
    name = function_name(level, node)
    if not user_functions(level, node, name):
        return None
    args = _arguments(level, node, False)
    candidate = choose_function(level, node, name, args)
    if candidate is None or not isinstance(candidate.declared, SqlFunction):
        return None
    function = candidate.declared
    if not (function.returns_set or function.columns):
        return None
    _check_decorations(node, function, name)
    given = _coerced(level, node, candidate, args)[0]
    return inlined_rows(level, function, all_arguments(level.binding, candidate, given), node.location)


def user_functions(level: Level, node: Node, name: str) -> bool:
    """Whether there are user functions of the called name where the call looks for them."""
    path = (node.funcname[-2].sval,) if len(node.funcname) > 1 else level.binding.search_path
    return any(level.binding.catalog.functions(schema, name) for schema in path)


def _within_group(level: Level, node: Node, name: str, args: list[Expr]) -> Expr:
    """A call WITHIN GROUP (ORDER BY …)."""
    order, condition = _aggregate_clauses(level, node)
    ranked = [*args, *(key.expr for key in order)]

    def add(call: AggCall) -> Expr:
        return _added(_owner(level, node, tuple(ranked)), call)

    if is_hypothetical(name):
        made, direct = hypothetical(level, node, name, args, order, condition, add)
        _owner(level, node, tuple(ranked)).direct += direct
        return made
    candidate = choose_function(level, node, name, ranked)
    declared = None if candidate is None else candidate.declared
    check_within_group(node, declared, name)
    assert candidate is not None
    assert isinstance(declared, Aggregate)
    coerced, result = _coerced(level, node, candidate, ranked)
    owner = _owner(level, node, coerced)
    owner.direct += coerced[: declared.direct]
    keys = tuple(
        SortKey(expr, key.descending, key.nulls_first)
        for expr, key in zip(coerced[declared.direct :], order, strict=True)
    )
    return _added(owner, AggCall(declared, coerced, result, False, condition, keys))


def prepare_call(level: Level, node: Node) -> tuple[Any, tuple[Expr, ...], tuple[str, ...]]:
    """What a call in FROM resolves to: the declaration, the coerced arguments and their declared types."""
    name = function_name(level, node)
    args = _arguments(level, node, False)
    candidate = choose_function(level, node, name, args)
    if candidate is None:
        raise FeatureNotSupported(
            f"casts in the form of a call ({name}) are not supported here", position=node.location
        )
    _check_decorations(node, candidate.declared, name)
    note_volatility_of(level, node, candidate.declared)
    return candidate.declared, _coerced(level, node, candidate, args)[0], candidate.arguments


def note_volatility_of(level: Level, node: Node, declared: Any) -> None:
    if isinstance(declared, Function):
        note_volatility(level.binding, declared, node.location)


def _coerced(level: Level, node: Node, candidate: Candidate, args: list[Expr]) -> tuple[tuple[Expr, ...], SqlType]:
    """The arguments as the declaration takes them, and the result's type."""
    types = [arg.type.name for arg in args]
    arguments, result = concrete(candidate.arguments, candidate.declared.result, types, node.location)
    made = tuple(coerce_argument(level.binding, arg, want) for arg, want in zip(args, arguments, strict=True))
    return made, SqlType(result)


def _arguments(level: Level, node: Node, is_aggregate: bool) -> list[Expr]:
    if not is_aggregate:
        args = (arg.arg if isinstance(arg, ast.NamedArgExpr) else arg for arg in node.args or ())
        return [bind_expression(level, arg) for arg in args]
    outer = level.in_aggregate
    level.in_aggregate = ".".join(part.sval for part in node.funcname)
    try:
        return [bind_expression(level, arg) for arg in node.args or ()]
    finally:
        level.in_aggregate = outer


def _check_decorations(node: Node, declared: Any, name: str) -> None:
    """Refuses DISTINCT, ORDER BY, FILTER, OVER and * where the function takes none."""
    position = node.location
    check_within_group(node, declared, name)
    if isinstance(declared, Aggregate):
        if not node.args and not node.agg_star:
            raise WrongObjectType(
                f"{name}(*) must be used to call a parameterless aggregate function", position=position
            )
        return
    if isinstance(declared, WindowFunction) and node.over is None:
        raise WrongObjectType(f"window function {name} requires an OVER clause", position=position)
    kind = "is not an aggregate function"
    for present, word in ((node.agg_star, "(*)"), (node.agg_distinct, "DISTINCT"), (node.agg_order, "ORDER BY")):
        if present and word == "(*)":
            raise WrongObjectType(f"{name}(*) specified, but {name} {kind}", position=position)
        if present:
            raise WrongObjectType(f"{word} specified, but {name} {kind}", position=position)
    if node.agg_filter is not None and not isinstance(declared, WindowFunction):
        raise WrongObjectType(f"FILTER specified, but {name} {kind}", position=position)
    if isinstance(declared, Function | SqlFunction) and node.over is not None:
        raise WrongObjectType(
            f"OVER specified, but {name} is not a window function nor an aggregate function", position=position
        )
    if node.agg_filter is not None:
        raise FeatureNotSupported("FILTER is not implemented for non-aggregate window functions", position=position)


_NO_AGGREGATES = {
    "JOIN/ON": "aggregate functions are not allowed in JOIN conditions",
    "function in FROM": "aggregate functions are not allowed in functions in FROM",
    "DEFAULT": "aggregate functions are not allowed in DEFAULT expressions",
}
AGGREGATES_ALLOWED = frozenset(
    {"SELECT", "HAVING", "ORDER BY", "DISTINCT ON", "QUALIFY", "window PARTITION BY", "window ORDER BY"}
)


def _aggregate(level: Level, node: Node, declared: Aggregate, args: tuple[Expr, ...], result: SqlType) -> Expr:
    owner = _owner(level, node, args)
    order, condition = _aggregate_clauses(level, node)
    if node.agg_distinct:
        _check_distinct(level, args, order)
    if not order and not node.agg_distinct and declared.name in ORDER_SENSITIVE:
        order = owner.input_order
    distinct = bool(node.agg_distinct)
    if declared.name in COUNTS_DISTINCT:
        declared, distinct = next(each for each in AGGREGATES["count"] if each.arguments), True
    return _added(owner, AggCall(declared, args, result, distinct, condition, order))


def _owner(level: Level, node: Node, args: tuple[Expr, ...]) -> Level:
    """The level whose rows an aggregate is over. Raises GroupingError where it may not stand there."""
    owner = level.owner(args)
    if owner.in_aggregate is not None:
        raise GroupingError("aggregate function calls cannot be nested", position=node.location)
    if owner.clause not in AGGREGATES_ALLOWED:
        default = f"aggregate functions are not allowed in {owner.clause}"
        raise GroupingError(_NO_AGGREGATES.get(owner.clause, default), position=node.location)
    for arg in args:
        _check_inside(owner, arg)
    return owner


def _added(owner: Level, call: AggCall) -> Expr:
    """The column of an aggregate of `owner`."""
    col = owner.aggregates.get(call)
    if col is None:
        col = owner.aggregates[call] = owner.binding.col(call.aggregate.name, call.type)
    return Ref(col)


def _aggregate_clauses(level: Level, node: Node) -> tuple[tuple[SortKey, ...], Expr | None]:
    """ORDER BY and FILTER of an aggregate."""
    outer, level.in_aggregate = level.in_aggregate, "aggregate"
    clause = level.clause
    try:
        order = tuple(sort_key(level, item) for item in node.agg_order or ())
        level.in_aggregate = outer
        condition = None
        if node.agg_filter is not None:
            level.clause = "FILTER"
            condition = coerce_to_bool(level.binding, bind_expression(level, node.agg_filter), "FILTER")
    finally:
        level.in_aggregate, level.clause = outer, clause
    return order, condition


def _check_inside(level: Level, arg: Expr) -> None:
    made = {col.id for col in level.aggregates.values()}
    windows = {col.id for col in level.windows.values()}
    sets = {col.id for call in level.set_calls for col in call.outputs}
    for part in subexpressions(arg):
        if not isinstance(part, Ref):
            continue
        where = level.binding.position(part)
        if part.col.id in made:
            raise GroupingError("aggregate function calls cannot be nested", position=where)
        if part.col.id in windows:
            raise GroupingError("aggregate function calls cannot contain window function calls", position=where)
        if part.col.id in sets:
            raise FeatureNotSupported(
                "aggregate function calls cannot contain set-returning function calls",
                hint="You might be able to move the set-returning function into a LATERAL FROM item.",
                position=where,
            )


def _check_distinct(level: Level, args: tuple[Expr, ...], order: tuple[SortKey, ...]) -> None:
    for key in order:
        if key.expr not in args:
            raise InvalidDistinct(
                "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list",
                position=level.binding.position(key.expr),
            )
    for arg in args:
        if arg.type.name in BY_NAME and arg.type.definition.order_key is None:
            raise UndefinedFunction(
                f"could not identify an equality operator for type {arg.type.bare()}",
                position=level.binding.position(arg),
            )


class InvalidDistinct(DatatypeMismatch):
    """42P10."""

    sqlstate = "42P10"


_NO_SETS = {
    "JOIN/ON": "set-returning functions are not allowed in JOIN conditions",
    "function in FROM": "set-returning functions must appear at top level of FROM",
    "DEFAULT": "set-returning functions are not allowed in DEFAULT expressions",
}
_SETS_ALLOWED = frozenset({"SELECT", "ORDER BY", "GROUP BY", "DISTINCT ON"})


def _set_call(level: Level, node: Node, declared: Function, args: tuple[Expr, ...], result: SqlType) -> Expr:
    """A set-returning function in a SELECT list: its column, of a TableCall that the query puts below."""
    if level.clause not in _SETS_ALLOWED:
        default = f"set-returning functions are not allowed in {level.clause}"
        raise FeatureNotSupported(_NO_SETS.get(level.clause, default), position=node.location)
    if len(declared.output_types) > 1:
        raise FeatureNotSupported(
            f"{declared.name} returns rows, which is only supported in FROM", position=node.location
        )
    for call in level.set_calls:
        if call.function is declared and call.args == args:
            return Ref(call.outputs[0])
    col = level.binding.col(declared.name, result)
    level.set_calls.append(SetCall((col,), declared, args))
    return Ref(col)
