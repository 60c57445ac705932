"""WITHIN GROUP: ordered-set aggregates, and hypothetical-set ones as counts of the rows before a hypothetical row.

rank        1 + count(*) FILTER (WHERE the row sorts before)
dense_rank  1 + the number of different rows that sort before
percent_rank, cume_dist   such a rank, over count(*)
"""

from collections.abc import Callable
from typing import Any

from pgstream.errors import FeatureNotSupported, UndefinedFunction, WrongObjectType
from pgstream.functions.ordered_sets import PEER_GROUPS
from pgstream.functions.registry import AGGREGATES, Aggregate, WindowFunction
from pgstream.plan.expressions import AggCall, Case, CastExpr, Const, Expr, IsBool, IsNull, Not, SortKey
from pgstream.sql.bind.binding import INT8
from pgstream.sql.bind.coercion import common_type, to_common_type
from pgstream.sql.bind.names import Level
from pgstream.sql.bind.operators import apply_operator, conjunction, disjunction, distinct
from pgstream.sql.bind.overloads import Candidate
from pgstream.types.definition import SqlType

Node = Any
FLOAT8 = SqlType("float8")
Add = Callable[[AggCall], Expr]
"""Puts an aggregate below the query; its column."""


def is_hypothetical(name: str) -> bool:
    """Whether a row's rank is asked for under this name."""
    return any(declared.kind == "h" for declared in AGGREGATES.get(name, ()))


def preferred(node: Node, candidates: list[Candidate]) -> list[Candidate]:
    """What may be meant of what is there in several ways: WITHIN GROUP tells which, and ORDER BY without OVER."""
    window = not (node.agg_order and node.over is None) and not node.agg_within_group
    if any(isinstance(each.declared, WindowFunction) for each in candidates):
        candidates = [each for each in candidates if isinstance(each.declared, WindowFunction) == window]
    kind = "o" if node.agg_within_group else "n"
    found = [each for each in candidates if isinstance(each.declared, Aggregate) and each.declared.kind == kind]
    return found if found and all(isinstance(each.declared, Aggregate) for each in candidates) else candidates


def check_hypothetical(node: Node, name: str) -> None:
    """Refuses the rank of a hypothetical row without WITHIN GROUP; without arguments it is a window function."""
    if node.args and is_hypothetical(name):
        raise WrongObjectType(f"WITHIN GROUP is required for ordered-set aggregate {name}", position=node.location)


def check_within_group(node: Node, declared: Any, name: str) -> None:
    """Refuses WITHIN GROUP where it does not belong, and its absence where it does."""
    ordered = isinstance(declared, Aggregate) and declared.kind == "o"
    position = node.location
    if node.agg_within_group and not isinstance(declared, Aggregate):
        raise WrongObjectType(f"WITHIN GROUP specified, but {name} is not an aggregate function", position=position)
    if node.agg_within_group and not ordered:
        raise WrongObjectType(
            f"{name} is not an ordered-set aggregate, so it cannot have WITHIN GROUP", position=position
        )
    if ordered and not node.agg_within_group:
        raise WrongObjectType(f"WITHIN GROUP is required for ordered-set aggregate {name}", position=position)
    if ordered and node.over is not None:
        raise FeatureNotSupported(f"OVER is not supported for ordered-set aggregate {name}", position=position)


def hypothetical(
    level: Level, node: Node, name: str, args: list[Expr], order: tuple[SortKey, ...], condition: Expr | None, add: Add
) -> tuple[Expr, tuple[Expr, ...]]:
    """The rank of a hypothetical row of `args` among rows in `order`; and the arguments as they were coerced."""
    if len(args) != len(order):
        types = ", ".join(str(expr.type.bare()) for expr in (*args, *(key.expr for key in order)))
        raise UndefinedFunction(
            f"function {name}({types}) does not exist",
            hint=f"To use the hypothetical-set aggregate {name}, the number of hypothetical direct arguments "
            f"(here {len(args)}) must match the number of ordering columns (here {len(order)}).",
            position=node.location,
        )
    if node.over is not None:
        raise FeatureNotSupported(f"OVER is not supported for ordered-set aggregate {name}", position=node.location)
    pairs = [_matched(level, key, arg) for key, arg in zip(order, args, strict=True)]
    made = _Hypothetical(level, pairs, [] if condition is None else [condition], add)
    return made.result(name), tuple(arg for _, arg in pairs)


def _matched(level: Level, key: SortKey, arg: Expr) -> tuple[SortKey, Expr]:
    """An ordering column and its direct argument, of one type."""
    type = common_type(level.binding, [key.expr, arg], "WITHIN GROUP")
    left, right = (to_common_type(level.binding, expr, type, "WITHIN GROUP") for expr in (key.expr, arg))
    return SortKey(left, key.descending, key.nulls_first), right


class _Hypothetical:
    """The aggregates that one hypothetical row's rank is made of."""

    def __init__(self, level: Level, pairs: list[tuple[SortKey, Expr]], conditions: list[Expr], add: Add) -> None:
        self._binding = level.binding
        self._pairs = pairs
        self._conditions = conditions
        self._add = add

    def result(self, name: str) -> Expr:
        before = self._before()
        if name == "dense_rank":
            columns = tuple(key.expr for key, _ in self._pairs)
            groups = self._add(AggCall(PEER_GROUPS, columns, INT8, True, self._filter(before)))
            return self._plus_one(groups)
        if name == "rank":
            return self._plus_one(self._count(before))
        rows = self._count(None)
        if name == "cume_dist":
            peers = conjunction([Not(self._differs(key, arg)) for key, arg in self._pairs])
            until = self._plus_one(self._count(disjunction([before, peers])))
            return self._ratio(until, self._plus_one(rows))
        share = self._ratio(self._count(before), rows)
        return Case(((self._operator("=", rows, Const(0, INT8)), Const(0.0, FLOAT8)),), share, FLOAT8)

    def _count(self, predicate: Expr | None) -> Expr:
        count = next(each for each in AGGREGATES["count"] if not each.arguments)
        return self._add(AggCall(count, (), INT8, False, self._filter(predicate)))

    def _filter(self, predicate: Expr | None) -> Expr | None:
        parts = [*self._conditions, *([] if predicate is None else [predicate])]
        return conjunction(parts) if parts else None

    def _before(self) -> Expr:
        """Whether a row sorts before the hypothetical one: less in one column, and equal in those before it."""
        found = []
        for number, (key, arg) in enumerate(self._pairs):
            equal: list[Expr] = [Not(self._differs(other, value)) for other, value in self._pairs[:number]]
            found.append(conjunction([*equal, self._less(key, arg)]))
        return disjunction(found)

    def _less(self, key: SortKey, arg: Expr) -> Expr:
        """Never NULL."""
        compared = IsBool(self._operator(">" if key.descending else "<", key.expr, arg), True)
        first, second = (key.expr, arg) if key.nulls_first else (arg, key.expr)
        return disjunction([compared, conjunction([IsNull(first), Not(IsNull(second))])])

    def _differs(self, key: SortKey, arg: Expr) -> Expr:
        return distinct(self._binding, key.expr, arg, None)

    def _operator(self, name: str, left: Expr, right: Expr) -> Expr:
        return apply_operator(self._binding, name, [left, right], None)

    def _plus_one(self, count: Expr) -> Expr:
        return self._operator("+", count, Const(1, INT8))

    def _ratio(self, part: Expr, whole: Expr) -> Expr:
        return self._operator("/", CastExpr(part, FLOAT8, True), CastExpr(whole, FLOAT8, True))
