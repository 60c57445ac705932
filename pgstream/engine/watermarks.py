"""Watermarks: how far the event time of each source and table has come.

Each partition of a source (a file, a generator, a table as a whole) has a mark: the greatest value that the declared
expression had over its rows. The watermark of the source is the least of the marks of its partitions, but for those
that have given nothing for a while; that of several sources together is the least of theirs, but for idle ones. A row
whose event time is far ahead of the clock moves no mark: one skewed clock neither drops what others send nor holds it.
None of them ever goes back, and the watermark of what has given everything it ever will is `END_US`.

Marks and watermarks are part of the head and as durable as the offsets; who is idle follows from this process's clock.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import Source, Table
from pgstream.catalog.session_facts import NOBODY, WatermarkFacts
from pgstream.circuit.operator import BEGINNING_US, END_US, Clock, Series
from pgstream.connectors.source import Streams
from pgstream.delta import Column, Delta
from pgstream.engine.head import Head, Marks
from pgstream.functions.calendar import finite
from pgstream.functions.registry import EvalContext
from pgstream.functions.vector import numbers, valid
from pgstream.plan.evaluate import evaluate
from pgstream.plan.expressions import Call, Const, Expr, Ref
from pgstream.plan.rewrite import used
from pgstream.sql.bind.watermarks import watermark_expression
from pgstream.types.definition import Settings
from pgstream.types.interval_text import Interval
from pgstream.world import World

AS_TOLD = 0
"""The first of a series that stays where the rows have told it to be when a source ends."""

PARTITIONS_MAX = 256
"""Of how many partitions of a source marks are remembered though they are idle."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Timed:
    """A relation that declares a watermark: where its event time is, and what its rows say."""

    position: int
    expression: Expr
    idle_s: float
    ahead_us: int

    @property
    def positions(self) -> frozenset[int]:
        """The columns that its watermark is made of."""
        return frozenset({self.position, *used(self.expression)})

    def moments(self, rows: Delta) -> Ints:
        """The event time of each row; after all others where it has none."""
        return _us(rows.columns[self.position])

    def late(self, rows: Delta, least_us: int) -> NDArray[np.bool_] | None:
        """Which rows are of before `least_us`; None where none is."""
        column = rows.columns[self.position]
        if not column.null_count and numbers(column).min(initial=END_US) >= least_us:
            return None
        late = self.moments(rows) < least_us
        return late if late.any() else None

    def mark(self, rows: Delta, settings: Settings, now_us: int) -> int:
        """How far these rows say that time has come."""
        column, context = rows.columns[self.position], EvalContext(settings, now_us, None, NOBODY)
        if self.lags and not column.null_count and (rows.weights > 0).all():
            last = int(numbers(column).argmax())
            if numbers(column)[last] <= now_us + self.ahead_us:
                return int(_us(evaluate(self.expression, {self.position: column.slice(last, 1)}, 1, context))[0])
        counted = (rows.weights > 0) & (self.moments(rows) <= now_us + self.ahead_us)
        if not counted.any():
            return BEGINNING_US
        columns = {id: rows.columns[id] for id in used(self.expression)}
        said = _us(evaluate(self.expression, columns, len(rows), context))
        counted &= said != END_US
        return int(said[counted].max(initial=BEGINNING_US))

    @property
    def lags(self) -> bool:
        """Whether the expression follows its column at a distance, so that the last moment says the most."""
        match self.expression:
            case Ref():
                return True
            case Call(function, (Ref(), Const(Interval()))):
                return function.name.endswith(("_mi_interval", "_pl_interval"))
        return False


def _us(column: Column) -> Ints:
    """Moments, where infinite ones and none are after all others."""
    moments = numbers(column)
    if not column.null_count and moments.max(initial=0) < END_US and moments.min(initial=0) > BEGINNING_US:
        return np.asarray(moments)
    return np.where(valid(column) & finite(moments), moments, END_US)


def timed(thing: object) -> Timed | None:
    """What `thing`, an object of a catalog, declares of its time."""
    if not isinstance(thing, Source | Table) or thing.watermark is None:
        return None
    declared = thing.watermark
    expression = watermark_expression(thing.columns, declared)
    return Timed(declared.column, expression, declared.idle_us / 1e6, declared.ahead_us)


class Reading(NamedTuple):
    """What is known of how a source is read: its streams (None: it knows of none), and whether none will give more."""

    streams: Streams | None
    ended: bool


@dataclass(slots=True)
class Watermarks:
    """Those of one database; on the engine thread, but for `facts`."""

    world: World
    settings: Settings
    timed: dict[int, Timed] = field(default_factory=dict)
    _catalog: Catalog | None = None
    _heard: dict[tuple[int, str], float] = field(default_factory=dict)
    """When a partition last gave rows, and when a source without any was first asked."""

    def follow(self, catalog: Catalog) -> None:
        """Takes note of what this catalog declares."""
        if catalog is self._catalog:
            return
        if self._catalog is None:
            changed: Iterable[tuple[int, object]] = catalog.objects.items()
        else:
            changed = catalog.objects.changed(self._catalog.objects)
            for oid in catalog.objects.gone(self._catalog.objects):
                self.timed.pop(oid, None)
        for oid, thing in changed:
            if (found := timed(thing)) is not None:
                self.timed[oid] = found
        self._catalog = catalog

    def observed(self, head: Head, deltas: Mapping[int, Delta], places: Mapping[int, str]) -> Head:
        """`head` with what the rows of a tick say. `places` names the partition that a source's rows came from; rows of
        others, which are replayed, say nothing."""
        changed: dict[int, Mapping[str, int]] = {}
        for oid in self.timed.keys() & deltas.keys():
            partition, rows = places.get(oid, ""), deltas[oid]
            if not len(rows) or (oid not in places and isinstance(head.catalog.objects.get(oid), Source)):
                continue
            self._heard[oid, partition] = self.world.monotonic()
            known = head.marks.get(oid, {})
            mark = self.timed[oid].mark(rows, self.settings, self.world.now_us())
            if mark > known.get(partition, BEGINNING_US):
                changed[oid] = {**known, partition: mark}
        return replace(head, marks={**head.marks, **changed}) if changed else head

    def moved(self, head: Head, series: Iterable[Series], readings: Mapping[int, Reading]) -> Head:
        """`head` with every watermark where the marks allow it to be. `readings` tells of sources that are being read;
        each of `series` has a watermark of its own."""
        now_s = self.world.monotonic()
        before = head.clock.watermarks
        found = dict(before)
        idle = {oid: self._own(oid, head.marks.get(oid, {}), readings.get(oid), now_s, found) for oid in self.timed}
        for one in series:
            if one[:1] == (AS_TOLD,):
                _advance(found, one, min(self._told(oid, head.marks.get(oid, {}), found) for oid in one[1:]))
            elif len(one) > 1:
                awake = [found.get((oid,), BEGINNING_US) for oid in one if not idle.get(oid)]
                _advance(found, one, min(awake, default=BEGINNING_US))
        return head if found == before else replace(head, clock=head.clock._replace(watermarks=found))

    @staticmethod
    def _told(oid: int, marks: Mapping[str, int], found: Mapping[Series, int]) -> int:
        """How far a relation has come by its rows: where it has ended, as far as any of them said."""
        reached = found.get((oid,), BEGINNING_US)
        return max(marks.values(), default=BEGINNING_US) if reached == END_US else reached

    def _own(
        self, oid: int, marks: Mapping[str, int], reading: Reading | None, now_s: float, found: dict[Series, int]
    ) -> bool:
        """Moves the watermark of one relation; whether it is idle."""
        self._heard.setdefault((oid, ""), now_s)
        awake = self._awake(oid, marks, reading, now_s)
        if reading is not None and reading.ended:
            _advance(found, (oid,), END_US)
        else:
            _advance(found, (oid,), min(awake.values(), default=BEGINNING_US))
        return not awake and not (reading is not None and reading.ended)

    def _awake(self, oid: int, marks: Mapping[str, int], reading: Reading | None, now_s: float) -> dict[str, int]:
        """The marks of the partitions that are waited for."""
        streams = None if reading is None else reading.streams
        if streams is not None and streams.only:
            return {name: marks.get(name, BEGINNING_US) for name in streams.waiting}
        idle_s = self.timed[oid].idle_s
        names = marks.keys() | (frozenset() if streams is None else streams.waiting) or {""}
        return {
            name: marks.get(name, BEGINNING_US)
            for name in names
            if now_s - self._heard.setdefault((oid, name), now_s) < idle_s
        }

    def pruned(self, head: Head) -> Head:
        """`head` without the marks of partitions of which there are too many, and of relations that are gone."""
        gone = [oid for oid in head.marks if oid not in self.timed]
        crowded = [oid for oid, marks in head.marks.items() if len(marks) > PARTITIONS_MAX]
        lost = [one for one in head.clock.watermarks if any(oid not in self.timed for oid in one if oid)]
        if not gone and not crowded and not lost:
            return head
        marks: Marks = {oid: some for oid, some in head.marks.items() if oid not in gone}
        now_s = self.world.monotonic()
        for oid in crowded:
            kept = self._awake(oid, head.marks[oid], None, now_s)
            marks = {**marks, oid: kept or dict([max(head.marks[oid].items(), key=lambda item: item[1])])}
        watermarks = {one: us for one, us in head.clock.watermarks.items() if one not in lost}
        return replace(head, marks=marks, clock=head.clock._replace(watermarks=watermarks))

    def facts(self, head: Head, readings: Mapping[int, Reading]) -> list[WatermarkFacts]:
        """Each watermark as pgstream_watermarks shows it. What has no partitions stands as one, of its own name."""
        now_s = self.world.monotonic()
        return [self._facts(head, oid, readings.get(oid), now_s) for oid in sorted(self.timed)]

    def _facts(self, head: Head, oid: int, reading: Reading | None, now_s: float) -> WatermarkFacts:
        marks = head.marks.get(oid, {})
        awake = self._awake(oid, marks, reading, now_s)
        us = head.clock.watermarks.get((oid,), BEGINNING_US)
        holder = min(awake, key=lambda name: awake[name], default=None)
        state = "ended" if us == END_US else "moving" if awake else "idle"
        whole = head.catalog.objects[oid].name
        idle = tuple(sorted(name or whole for name in marks if name not in awake)) if state != "ended" else ()
        known = BEGINNING_US < us < END_US
        return WatermarkFacts(
            oid, state, us if known else None, whole if holder == "" else holder, len(marks), idle, _late(head, oid)
        )


def _advance(found: dict[Series, int], series: Series, us: int) -> None:
    if us > found.get(series, BEGINNING_US):
        found[series] = us


def _late(head: Head, oid: int) -> int | None:
    """How many rows lie in a relation of late rows."""
    found = [part for part in head.catalog.belonging(oid) if isinstance(part, Table) and part.late]
    if not found:
        return None
    rows = head.rows(found[0].oid)
    return 0 if rows is None else rows.total()


def reached(clock: Clock, series: Iterable[Series]) -> Clock:
    """`clock` with how far these series have come, those too for which nobody has waited yet."""
    known = clock.watermarks
    found = {one: min(known.get((oid,), BEGINNING_US) for oid in one) for one in series if one and one not in known}
    return clock._replace(watermarks={**known, **found}) if found else clock


def lateness_us(head: Head, oid: int, series: Iterable[Series]) -> int:
    """Before which moment rows of a relation are late, for those who wait for these series; `BEGINNING_US` where nobody
    does."""
    reached = (head.clock.watermarks.get(one, BEGINNING_US) for one in series if oid in one)
    return max(reached, default=BEGINNING_US)
