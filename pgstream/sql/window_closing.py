"""EMIT ON WINDOW CLOSE: where the rows of an optimised plan wait until their window has closed.

Going up from the scans, every relation is known by its event times and by the columns that only depend on the window.
The first relation on each way that combines rows (groups, sessions, joins, …) gives them when their window closes; all
above it sees each window at once and whole, and keeps nothing (`lower_close.py`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from pgstream.errors import FeatureNotSupported
from pgstream.functions.registry import functions_named
from pgstream.plan import relations as rel
from pgstream.plan.expressions import Call, Col, Expr, Ref
from pgstream.plan.relations import Relation
from pgstream.plan.rewrite import map_expr, subexpressions, subplans, substitute, transform, used
from pgstream.sql.optimize.predicates import comparison, conjuncts
from pgstream.types.definition import SqlType

EventTime = Callable[[int], int | None]
"""The position of a relation's event time, by its OID; None where it declares no watermark."""

_START = Col(-1, "start", SqlType("timestamp"))
"""What stands for the start of a window where it is looked for in expressions."""

_CLAUSE = "EMIT ON WINDOW CLOSE"


@dataclass(frozen=True, slots=True)
class Windowed:
    """A relation on its way up.

    times   the ids of columns that are event times
    bounds  the ids of columns that only depend on the window of the row
    end     when the row's window closes, over the relation's columns; None where it is in no window yet
    closed  rows are given when that has come
    start   the start of a window that no column has, though it is about to be computed
    """

    plan: Relation
    times: frozenset[int]
    bounds: frozenset[int]
    end: Expr | None
    closed: bool = False
    start: Expr | None = None

    def bounded(self, expr: Expr) -> bool:
        """Whether `expr` is a function of the window alone."""
        if self.start is not None:
            expr = map_expr(expr, lambda part: Ref(_START) if part == self.start else part)
        read = used(expr)
        return bool(read) and read.keys() <= {*self.bounds, _START.id}


def closed_windows(plan: Relation, event_time: EventTime) -> tuple[Relation, tuple[Col, ...]]:
    """`plan`, an optimised one, giving each row when its window closes, and those of its columns that only depend on
    the window. Raises FeatureNotSupported."""
    closing = WindowWalk(event_time)
    found = closing.wait(closing.visit(plan))
    series = tuple(sorted(closing.oids))
    made = transform(found.plan, lambda part: replace(part, series=series) if isinstance(part, rel.Close) else part)
    return trimmed(made, plan.columns), tuple(col for col in plan.columns if col.id in found.bounds)


def series_of(plan: Relation) -> tuple[int, ...]:
    """The OIDs of what the rows of `plan`, one of `closed_windows`, wait for."""
    return tuple({oid: None for part in subplans(plan) if isinstance(part, rel.Close) for oid in part.series})


def finished_windows(plan: Relation, event_time: EventTime) -> Relation:
    """`plan`, the optimised one of a SELECT, over the rows of the windows that have closed: what it does with those in
    the end, its order and limit, it does with all of them. Raises FeatureNotSupported."""
    match plan:
        case rel.Sort(input) | rel.TopN(input, ()):
            return replace(plan, input=finished_windows(input, event_time))
        case rel.Project(rel.Sort() | rel.TopN(_, ()) as input):
            return replace(plan, input=finished_windows(input, event_time))
    return closed_windows(plan, event_time)[0]


@dataclass(slots=True)
class WindowWalk:
    """The walk over one plan; `oids` are the relations whose event times it reads."""

    event_time: EventTime
    oids: set[int] = field(default_factory=set)

    def visit(self, plan: Relation) -> Windowed:
        """`plan` as it is known from below, with what must wait waiting."""
        match plan:
            case rel.Scan():
                return self._scan(plan)
            case rel.Project():
                return self._project(plan)
            case rel.Filter():
                below = self.visit(plan.input)
                return replace(below, plan=rel.Filter(below.plan, plan.predicate))
            case rel.TableCall():
                return self._table_call(plan)
            case rel.Sessions():
                return self._sessions(plan)
            case rel.Group():
                return self._group(plan)
            case rel.Distinct(input):
                return self._within(plan, [input.columns])
            case rel.TopN(_, partition):
                return self._within(plan, [_columns(partition)])
            case rel.Window(_, calls):
                return self._within(plan, [_columns(call.partition) for _, call in calls])
            case rel.Join():
                return self._join(plan)
            case rel.SetOp():
                return self._set_operation(plan)
            case rel.Sort(input):
                return self.visit(input)
        raise _refused(f"the query has none in its {type(plan).__name__}")

    def wait(self, found: Windowed) -> Windowed:
        """`found`, given when its windows close."""
        if found.closed:
            return found
        if found.end is None:
            raise _refused("the query has none")
        return replace(found, plan=rel.Close(found.plan, found.end, found.end, ()), closed=True)

    def _scan(self, scan: rel.Scan) -> Windowed:
        position = self.event_time(scan.oid)
        if position is None:
            return Windowed(scan, frozenset(), frozenset(), None)
        self.oids.add(scan.oid)
        found = [col for col, place in zip(scan.columns, scan.positions, strict=True) if place == position]
        end = Ref(found[0]) if found else None
        return Windowed(scan, frozenset(col.id for col in found), frozenset(), end)

    def _project(self, project: rel.Project) -> Windowed:
        below = tumbled(self.visit(project.input), [expr for _, expr in project.outputs])
        outputs = list(project.outputs)
        bounds = {col.id for col, expr in outputs if below.bounded(expr)}
        times = {col.id for col, expr in outputs if isinstance(expr, Ref) and expr.col.id in below.times}
        end = below.end
        if end is not None and not below.closed:
            end, more = carried(end, below.start, outputs)
            outputs += more
            bounds |= {col.id for col, _ in more if col.id in below.bounds}
            times |= {col.id for col, _ in more if col.id in below.times}
        made = rel.Project(below.plan, tuple(outputs))
        return Windowed(made, frozenset(times), frozenset(bounds), end, below.closed)

    def _table_call(self, call: rel.TableCall) -> Windowed:
        below = self.visit(call.input)
        made = replace(below, plan=replace(call, input=below.plan))
        name = call.function.name
        if below.closed or name not in ("hop_starts", "cumulate_windows") or not is_time(call.args[0], below):
            return made
        first = call.outputs[0]
        end = _plus(Ref(first), call.args[2]) if name == "hop_starts" else Ref(call.outputs[1])
        return replace(made, bounds=frozenset(col.id for col in call.outputs), end=end)

    def _sessions(self, sessions: rel.Sessions) -> Windowed:
        below = self.visit(sessions.input)
        if below.closed or not is_time(sessions.time, below):
            raise _refused("the sessions are not over an event time")
        made = replace(sessions, input=below.plan)
        bounds = frozenset({sessions.start.id, sessions.end.id})
        close = rel.Close(made, Ref(sessions.end), _plus(sessions.time, sessions.gap), ())
        return Windowed(close, below.times, bounds, Ref(sessions.end), True)

    def _group(self, group: rel.Group) -> Windowed:
        below = self.visit(group.input)
        if not below.closed:
            below = tumbled(below, [expr for _, expr in group.keys])
        bounds = frozenset(col.id for col, expr in group.keys if below.bounded(expr))
        if not bounds:
            raise _refused("the query groups across windows")
        if below.closed:
            return Windowed(replace(group, input=below.plan), frozenset(), bounds, None, True)
        assert below.end is not None
        end, more = carried(below.end, below.start, group.keys)
        if more:
            raise _refused("the query does not group by all that the end of a window depends on")
        made = rel.Close(replace(group, input=below.plan), end, below.end, ())
        return Windowed(made, frozenset(), bounds, end, True)

    def _within(self, plan: rel.Distinct | rel.TopN | rel.Window, parts: Iterable[Iterable[Col]]) -> Windowed:
        """A relation that combines rows only within each of `parts`."""
        input = plan.input
        below = self.wait(self.visit(input))
        if not all(any(col.id in below.bounds for col in part) for part in parts):
            raise _refused("the query combines rows across windows")
        made = replace(plan, input=trimmed(below.plan, input.columns))
        return replace(below, plan=made, end=None)

    def _join(self, join: rel.Join) -> Windowed:
        left, right = (self.wait(self.visit(side)) for side in (join.left, join.right))
        compared = (comparison(part) for part in conjuncts(join.condition))
        pairs = [{*used(each[1]), *used(each[2])} for each in compared if each is not None and each[0] == "="]
        if not any(pair & left.bounds and pair & right.bounds and len(pair) == 2 for pair in pairs):
            raise _refused("the query joins across windows")
        sides = (trimmed(left.plan, join.left.columns), trimmed(right.plan, join.right.columns))
        bounds = left.bounds if join.kind in ("semi", "anti", "left") else left.bounds | right.bounds
        bounds = right.bounds if join.kind == "right" else bounds
        made = replace(join, left=sides[0], right=sides[1])
        return Windowed(made, frozenset(), bounds, None, True)

    def _set_operation(self, plan: rel.SetOp) -> Windowed:
        inputs = [self.wait(self.visit(input)) for input in plan.inputs]
        bounds = {
            col.id
            for i, col in enumerate(plan.columns)
            if all(below.plan.columns[i].id in below.bounds for below in inputs)
        }
        if not bounds and not (plan.kind == "union" and plan.all):
            raise _refused("the query combines rows across windows")
        sides = tuple(trimmed(below.plan, old.columns) for below, old in zip(inputs, plan.inputs, strict=True))
        return Windowed(replace(plan, inputs=sides), frozenset(), frozenset(bounds), None, True)


def _refused(why: str) -> FeatureNotSupported:
    return FeatureNotSupported(
        f"{_CLAUSE} needs windows over the event time of sources and tables that declare a watermark: {why}"
    )


def trimmed(plan: Relation, columns: Sequence[Col]) -> Relation:
    """`plan` with just these columns."""
    return plan if plan.columns == tuple(columns) else rel.Project(plan, tuple((col, Ref(col)) for col in columns))


def _columns(exprs: Iterable[Expr]) -> list[Col]:
    return [expr.col for expr in exprs if isinstance(expr, Ref)]


def is_time(expr: Expr, below: Windowed) -> bool:
    return isinstance(expr, Ref) and expr.col.id in below.times


def tumbled(below: Windowed, exprs: Iterable[Expr]) -> Windowed:
    """`below` with the window whose start is computed in one of `exprs`."""
    if below.bounds or below.closed:
        return below
    for expr in exprs:
        for part in subexpressions(expr):
            if isinstance(part, Call) and part.function.name == "tumble_start" and is_time(part.args[0], below):
                return replace(below, end=_plus(part, part.args[1]), start=part)
    return below


def _plus(moment: Expr, length: Expr) -> Expr:
    """A moment and an interval added."""
    name = moment.type.bare().name
    (function,) = functions_named(f"{name}_pl_interval")
    return Call(function, (moment, length), moment.type.bare())


def carried(end: Expr, start: Expr | None, outputs: Sequence[tuple[Col, Expr]]) -> tuple[Expr, list[tuple[Col, Expr]]]:
    """`end` over the outputs of a projection, and what these must have beside."""
    known = {expr: Ref(col) for col, expr in outputs}
    if end in known:
        return known[end], []
    if start in known:
        end = map_expr(end, lambda part: known[start] if part == start else part)
    passed = {expr.col.id: Ref(col) for col, expr in outputs if isinstance(expr, Ref)}
    own = {col.id for col, _ in outputs}
    more = [(col, Ref(col)) for id, col in used(end).items() if id not in passed and id not in own]
    return substitute(end, passed), list(more)
