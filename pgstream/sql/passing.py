"""Passing columns: those of whose small values a relation is done, as a watermark goes on.

An event time passes: no row comes that is of before the watermark. So do the start of a row's window, a time after it,
and what a relation groups by one of these. A join need not keep what only rows could ask for that come no more.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from pgstream.plan import relations as rel
from pgstream.plan.expressions import Call, Col, Const, Expr, Ref
from pgstream.plan.relations import Relation
from pgstream.sql.optimize.predicates import comparison, conjuncts
from pgstream.types.interval_text import Interval

DAY_US = 86_400_000_000
MONTH_DAYS = (28, 31)
"""How long a month is."""

TimeOf = Callable[[int], int | None]
"""The position of the column of a stored relation that passes, by its OID; None where none does."""


class Passing(NamedTuple):
    """No change of a relation concerns rows in which the column is less than the watermark of `oids` and `low_us`."""

    oids: frozenset[int]
    low_us: int

    def later(self, us: int) -> "Passing":
        return Passing(self.oids, self.low_us + us)

    def along(self, other: "Passing") -> "Passing":
        """What holds of the changes of either."""
        return Passing(self.oids | other.oids, min(self.low_us, other.low_us))


Columns = Mapping[int, Passing]


class Length(NamedTuple):
    """How long an interval is, at least and at most."""

    least_us: int
    most_us: int

    @staticmethod
    def of(expr: Expr) -> "Length | None":
        """The length of a constant."""
        if not isinstance(expr, Const) or not isinstance(expr.value, Interval):
            return None
        months, days, us = expr.value
        month_days = sorted(months * length for length in MONTH_DAYS)
        least, most = (us + (days + more) * DAY_US for more in month_days)
        return Length(least, most)

    def negative(self) -> "Length":
        return Length(-self.most_us, -self.least_us)


class Shifted(NamedTuple):
    """A moment that is so much later than another one."""

    moment: Expr
    by: Length

    @staticmethod
    def of(expr: Expr) -> "Shifted":
        """`expr` without the constant intervals that are added to it."""
        match expr:
            case Call(function, (moment, length)) if function.name.endswith(("_pl_interval", "_mi_interval")):
                more = Length.of(length)
                if more is not None:
                    more = more.negative() if function.name.endswith("_mi_interval") else more
                    found, by = Shifted.of(moment)
                    return Shifted(found, Length(by.least_us + more.least_us, by.most_us + more.most_us))
        return Shifted(expr, Length(0, 0))


def passing_of(expr: Expr, columns: Columns) -> Passing | None:
    """As what an expression over `columns` passes."""
    moment, by = Shifted.of(expr)
    found: Passing | None = None
    match moment:
        case Ref(col):
            found = columns.get(col.id)
        case Call(function, (inner, length, *_)) if function.name == "tumble_start":
            found = _before(passing_of(inner, columns), length)
        case Call(function, (length, inner, _)) if function.name in ("date_bin", "timestamp_bin", "timestamptz_bin"):
            found = _before(passing_of(inner, columns), length)
    return None if found is None else found.later(by.least_us)


def _before(found: Passing | None, length: Expr) -> Passing | None:
    """What is before something that passes, by less than a length."""
    most = Length.of(length)
    return None if found is None or most is None else found.later(-most.most_us)


def passing_columns(plan: Relation, time_of: TimeOf) -> Columns:
    """The columns of an optimised plan that pass, by id."""
    match plan:
        case rel.Scan(oid, _, columns, positions):
            time = time_of(oid)
            own = (col for col, position in zip(columns, positions, strict=True) if position == time)
            return {col.id: Passing(frozenset((oid,)), 0) for col in own}
        case rel.Project(input, outputs):
            below = passing_columns(input, time_of)
            return _named(below, outputs)
        case rel.Filter(input) | rel.Distinct(input):
            return passing_columns(input, time_of)
        case rel.TableCall():
            return _called(plan, passing_columns(plan.input, time_of))
        case rel.Group(input, keys, _):
            return _named(passing_columns(input, time_of), keys)
        case rel.TopN(input, partition):
            return _within(passing_columns(input, time_of), [partition])
        case rel.Window(input, calls):
            return _within(passing_columns(input, time_of), [call.partition for _, call in calls])
        case rel.Join():
            return _joined(plan, time_of)
        case rel.Lookup(_, left):
            return passing_columns(left, time_of)
        case rel.SetOp(_, _, inputs, columns):
            return _together([passing_columns(input, time_of) for input in inputs], plan)
    return {}


def _named(below: Columns, outputs: Iterable[tuple[Col, Expr]]) -> Columns:
    found = ((col.id, passing_of(expr, below)) for col, expr in outputs)
    return {id: passing for id, passing in found if passing is not None}


def _called(call: rel.TableCall, below: Columns) -> Columns:
    """Windows of which a row may be in several."""
    if call.function.name not in ("hop_starts", "cumulate_windows"):
        return below
    time = passing_of(call.args[0], below)
    start = _before(time, call.args[2])
    if time is None or start is None:
        return below
    found = {call.outputs[0].id: start}
    if call.function.name == "cumulate_windows":
        found[call.outputs[1].id] = time
    return {**below, **found}


def _within(below: Columns, partitions: Iterable[Iterable[Expr]]) -> Columns:
    """What passes of rows that are combined within partitions: what these are made of."""
    parts = [{expr.col.id for expr in partition if isinstance(expr, Ref)} for partition in partitions]
    return {id: passing for id, passing in below.items() if all(id in part for part in parts)}


def _joined(join: rel.Join, time_of: TimeOf) -> Columns:
    """A column passes with what a join equates it with: a change of either side concerns just this value."""
    left, right = passing_columns(join.left, time_of), passing_columns(join.right, time_of)
    found: dict[int, Passing] = {}
    for part in conjuncts(join.condition):
        match comparison(part):
            case ("=", Ref(one), Ref(other)):
                for ours, theirs in ((one.id, other.id), (other.id, one.id)):
                    if ours in left and theirs in right:
                        found[ours] = found[theirs] = left[ours].along(right[theirs])
    kept = {
        "inner": (join.left, join.right),
        "right": (join.right,),
        "full": (),
    }.get(join.kind, (join.left,))
    ids = {col.id for side in kept for col in side.columns}
    return {id: passing for id, passing in found.items() if id in ids}


def _together(inputs: list[Columns], plan: rel.SetOp) -> Columns:
    found: dict[int, Passing] = {}
    for i, col in enumerate(plan.columns):
        parts = [columns.get(input.columns[i].id) for columns, input in zip(inputs, plan.inputs, strict=True)]
        if all(part is not None for part in parts):
            first, *others = [part for part in parts if part is not None]
            for other in others:
                first = first.along(other)
            found[col.id] = first
    return found
