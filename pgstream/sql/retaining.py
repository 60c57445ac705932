"""Retentions: what a kept query forgets, and when.

By event time (`retention`), every row that is read lives until the watermark is so far past it; one that belongs to a
window lives as long as the window does, so that no window is ever seen in part. By the clock (`state_ttl`), what
nothing has touched for so long is forgotten, at the first relation on each way that remembers anything. The query is
then that over what is left, however it goes on.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from pgstream.errors import ObjectNotInPrerequisiteState
from pgstream.plan import relations as rel
from pgstream.plan.expressions import Expr, Ref
from pgstream.plan.relations import Relation
from pgstream.plan.rewrite import ColIds, children, subplans, transform, with_children
from pgstream.sql.lower_keys import take_apart
from pgstream.sql.window_closing import EventTime, Windowed, WindowWalk, carried, is_time, trimmed, tumbled
from pgstream.types.definition import SqlType

AS_TOLD = 0
"""The first of a series that goes as far as rows have told, and no further where a source has ended."""


EventType = Callable[[int], SqlType]
"""The type of a relation's event time, by its OID."""


def retained(plan: Relation, event_time: EventTime, event_type: EventType, kept_us: int) -> Relation:
    """`plan`, an optimised one, over the rows that the watermark is not `kept_us` past. Raises
    ObjectNotInPrerequisiteState where it has no event time."""
    walk = _Retaining(event_time, event_type=event_type, ids=ColIds.above(plan))
    found = walk.wait(walk.visit(plan))
    series = told_series(walk.oids)
    made = transform(
        found.plan,
        lambda part: replace(part, series=series, open=True, kept_us=kept_us) if isinstance(part, rel.Close) else part,
    )
    return trimmed(made, plan.columns)


def told_series(oids: Iterable[int]) -> tuple[int, ...]:
    """The series by which rows of these relations are forgotten."""
    chosen = tuple(sorted(oids))
    if not chosen:
        raise ObjectNotInPrerequisiteState(
            "a retention needs a source or table that declares a watermark",
            hint="state_ttl forgets what nothing has touched for a while, by the clock.",
        )
    return (AS_TOLD, *chosen)


@dataclass(slots=True, kw_only=True)
class _Retaining(WindowWalk):
    """As for windows that close, but that above what waits anything may be, and an event time is read that the query
    does not ask for."""

    event_type: EventType
    ids: ColIds

    def visit(self, plan: Relation) -> Windowed:
        match plan:
            case (
                rel.Scan() | rel.Project() | rel.Filter() | rel.TableCall() | rel.Sessions() | rel.Group() | rel.Sort()
            ):
                return WindowWalk.visit(self, plan)
        return self._above(plan)

    def wait(self, found: Windowed) -> Windowed:
        if found.closed or found.end is not None:
            return WindowWalk.wait(self, found)
        return replace(found, closed=True)

    def _scan(self, scan: rel.Scan) -> Windowed:
        position = self.event_time(scan.oid)
        if position is not None and position not in scan.positions:
            col = self.ids.fresh("ts", self.event_type(scan.oid))
            scan = replace(scan, columns=(*scan.columns, col), positions=(*scan.positions, position))
        return WindowWalk._scan(self, scan)

    def _above(self, plan: Relation) -> Windowed:
        """A relation over rows that wait below it."""
        inputs = children(plan)
        below = tuple(trimmed(self.wait(self.visit(input)).plan, input.columns) for input in inputs)
        return Windowed(with_children(plan, below), frozenset(), frozenset(), None, True)

    def _sessions(self, sessions: rel.Sessions) -> Windowed:
        below = self.visit(sessions.input)
        whole = not below.closed and is_time(sessions.time, below)
        return WindowWalk._sessions(self, sessions) if whole else self._above(sessions)

    def _group(self, group: rel.Group) -> Windowed:
        below = self.visit(group.input)
        if not below.closed and below.end is not None:
            below = tumbled(below, [expr for _, expr in group.keys])
            assert below.end is not None
            bounds = frozenset(col.id for col, expr in group.keys if below.bounded(expr))
            end, more = carried(below.end, below.start, group.keys)
            if bounds and not more:
                made = rel.Close(replace(group, input=below.plan), end, below.end, ())
                return Windowed(made, frozenset(), bounds, end, True)
        return self._above(group)


def faded(plan: Relation, idle_us: int, endless: Callable[[int], bool]) -> Relation:
    """`plan`, an optimised one, without what nothing has touched for `idle_us`. `endless` tells of relations whose rows
    nobody deletes."""
    fading = _Fading(idle_us, endless)
    made, done = fading.visit(plan)
    return made if done else fading.fade(made, [Ref(col) for col in made.columns])


@dataclass(frozen=True, slots=True)
class _Fading:
    """The walk over one plan, from the scans up; a part is done where something in it forgets."""

    idle_us: int
    endless: Callable[[int], bool]

    def fade(self, plan: Relation, key: Sequence[Expr]) -> Relation:
        return rel.Fade(plan, tuple(key), self.idle_us)

    def visit(self, plan: Relation) -> tuple[Relation, bool]:
        parts = [self.visit(child) for child in children(plan)]
        done = [made for _, made in parts]
        below = tuple(made for made, _ in parts)
        match plan:
            case rel.Scan() | rel.Values():
                return plan, False
            case rel.Project() | rel.Filter() | rel.TableCall() | rel.Temporal() | rel.Sort():
                return with_children(plan, below), done[0]
            case rel.Group(_, keys) if not done[0] and keys:
                return self.fade(with_children(plan, below), [Ref(col) for col, _ in keys]), True
        whole = [self._whole(child) for child in children(plan)]
        kept = [over or (alone and not all(whole)) for over, alone in zip(done, whole, strict=True)]
        sides = zip(below, kept, self._keys(plan), strict=True)
        made = tuple(side if stays else self.fade(side, key) for side, stays, key in sides)
        return with_children(plan, made), True

    def _keys(self, plan: Relation) -> list[list[Expr]]:
        """By what the rows of each input are remembered together."""
        whole: list[list[Expr]] = [[Ref(col) for col in child.columns] for child in children(plan)]
        match plan:
            case rel.TopN(_, partition) if partition:
                return [list(partition)]
            case rel.Sessions(_, partition) if partition:
                return [list(partition)]
            case rel.Window(_, calls) if len({call.partition for _, call in calls}) == 1 and calls[0][1].partition:
                return [list(calls[0][1].partition)]
            case rel.Join(_, left, right, condition):
                keys = take_apart(condition, (col.id for col in left.columns), (col.id for col in right.columns)).keys
                return [[pair[0] for pair in keys] or whole[0], [pair[1] for pair in keys] or whole[1]]
        return whole

    def _whole(self, plan: Relation) -> bool:
        """Whether nothing that `plan` reads grows by itself. Beside what does, it is looked up and stays."""
        return not any(isinstance(part, rel.Scan) and self.endless(part.oid) for part in subplans(plan))
