"""Temporal filters: conditions on the clock, as in `WHERE ts > now() - interval '5 minutes'`.

A kept query sees the clock in such comparisons and nowhere else: a date or timestamp of the row on one side, now() and
constant intervals on the other. They are taken out of an optimised plan's filters, as bounds of each row's life.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from pgstream.plan import relations as rel
from pgstream.plan.expressions import Call, CastExpr, Const, Expr
from pgstream.plan.relations import Relation
from pgstream.plan.rewrite import expressions, subexpressions, subplans, transform, used
from pgstream.sql.optimize.predicates import comparison, conjunction, conjuncts, mirrored
from pgstream.types.interval_text import Interval

CLOCK = frozenset(("now", "transaction_timestamp", "mz_now"))
"""Functions that give the time of the tick."""

PROCESSING_TIME = "proctime"
"""The function that gives the time of the tick in which a row came, where rows are never changed."""

DAY_US = 86_400_000_000
_MOMENTS = ("date", "timestamp", "timestamptz")


class _Bounds(NamedTuple):
    begins: tuple[tuple[Expr, int], ...] = ()
    ends: tuple[tuple[Expr, int], ...] = ()
    calendar: tuple[tuple[Expr, tuple[str, int, int, int]], ...] = ()


class _Shift(NamedTuple):
    """What is added to the clock: microseconds, then months, then microseconds again."""

    before_us: int = 0
    months: int = 0
    after_us: int = 0

    def plus(self, sign: int, span: Interval) -> "_Shift | None":
        """As much later; None where months would be added twice, which is not the same as adding both."""
        us = sign * (span.days * DAY_US + span.us)
        if not span.months:
            return self._replace(after_us=self.after_us + us)
        return None if self.months else _Shift(self.after_us, sign * span.months, us)


def reads_clock(expr: Expr) -> bool:
    """Whether the value of `expr` changes with the clock."""
    return any(isinstance(part, Call) and part.function.name in CLOCK for part in subexpressions(expr))


def reads_processing_time(expr: Expr) -> bool:
    """Whether the value of `expr` is another one whenever it is computed, but one that a row that came can keep."""
    return any(isinstance(part, Call) and part.function.name == PROCESSING_TIME for part in subexpressions(expr))


def temporal(plan: Relation) -> Relation:
    """`plan`, an optimised one, with Temporal in the place of the conditions on the clock that can be that."""
    return transform(plan, _relation)


def outside(plan: Relation) -> bool:
    """Whether a plan of `temporal` reads the clock all the same."""
    return any(reads_clock(expr) for part in subplans(plan) for expr in expressions(part))


def _relation(relation: Relation) -> Relation:
    match relation:
        case rel.Filter(input, predicate):
            rest, bounds = _split(predicate)
            below = input if rest is None else rel.Filter(input, rest)
            return relation if bounds is None else _bounded(below, bounds)
        case rel.Join("inner", _, _, condition) if condition is not None:
            rest, bounds = _split(condition)
            return relation if bounds is None else _bounded(replace(relation, condition=rest), bounds)
    return relation


def _bounded(input: Relation, bounds: _Bounds) -> Relation:
    begins, ends, calendar = (tuple(zip(*side, strict=True)) or ((), ()) for side in bounds)
    return rel.Temporal(input, begins[0], begins[1], ends[0], ends[1], calendar[0], calendar[1])


def _split(predicate: Expr) -> tuple[Expr | None, _Bounds | None]:
    """A predicate's conditions that are not on the clock, and the bounds that the others are; None where there are
    none."""
    parts = conjuncts(predicate)
    found = {index: bounds for index, part in enumerate(parts) if (bounds := _bounds(part)) is not None}
    if not found:
        return predicate, None
    rest = conjunction(part for index, part in enumerate(parts) if index not in found)
    return rest, _Bounds(*(tuple(_joined(side)) for side in zip(*found.values(), strict=True)))


def _joined(sides: Iterable[tuple[Any, ...]]) -> Iterable[Any]:
    return (bound for side in sides for bound in side)


def _bounds(condition: Expr) -> _Bounds | None:
    """A comparison of a moment of the row with one of the clock, as bounds; None where it is something else."""
    compared = comparison(condition)
    if compared is None or not reads_clock(condition):
        return None
    name, row, clock = compared
    if reads_clock(row):
        name, row, clock = mirrored(name), clock, row
    found = _shift(clock)
    if found is None or reads_clock(row) or not used(row) or row.type.name not in _MOMENTS:
        return None
    if found.months:
        return _Bounds(calendar=((row, (name, *found)),))
    shift = found.after_us
    # now + shift < row is the same as now < row - shift, and so on.
    after, at = ((row, 1 - shift),), ((row, -shift),)
    return {
        ">": _Bounds(ends=at),
        ">=": _Bounds(ends=after),
        "<": _Bounds(begins=after),
        "<=": _Bounds(begins=at),
        "=": _Bounds(at, after),
    }[name]


def _shift(expr: Expr) -> _Shift | None:
    """How much later than now `expr` is, in a zone where every day has 24 hours; None where that is not constant."""
    match expr:
        case Call(function, ()) if function.name in CLOCK:
            return _Shift()
        case CastExpr(arg, type) if type.name in ("timestamp", "timestamptz") and type.typmod == -1:
            return _shift(arg)
        case Call(function, (Const(str() as zone), arg)) if function.name == "timezone" and zone.upper() == "UTC":
            return _shift(arg)
        case Call(function, (arg, Const(Interval() as span))) if function.name.endswith(_SHIFTS):
            shift = _shift(arg)
            return None if shift is None else shift.plus(1 if function.name.endswith("_pl_interval") else -1, span)
    return None


_SHIFTS = ("_pl_interval", "_mi_interval")
