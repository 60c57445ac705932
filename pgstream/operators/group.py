"""Group: GROUP BY and its aggregates, maintained by group."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pgstream.circuit.operator import Arranged, Operator, TickContext
from pgstream.delta import Column, Delta
from pgstream.functions.registry import Linear
from pgstream.functions.vector import column_of, numbers
from pgstream.kernels.grouping import group_ids, group_sums, weighted_sums
from pgstream.operators.aggregation import (
    Aggregation,
    Touched,
    arranged_values,
    batch_values,
    grown_extremes,
    passing,
)
from pgstream.operators.arrange import keys_at
from pgstream.storage.identity import Hash, key_hash
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType

Ints = NDArray[np.int64]
INT8 = SqlType("int8")


@dataclass(frozen=True, slots=True)
class Accumulator:
    """Additive states that several aggregates may share: `count` weighted sums of what `linear` contributes."""

    linear: Linear
    source: int
    args: tuple[int, ...]
    filter: int | None

    def sums(self, delta: Delta, ids: Ints, groups: int) -> list[Ints]:
        """The change of each state of each group."""
        weights = delta.weights
        kept = passing(delta, self.filter)
        if kept is not None:
            weights = weights * kept
        if not self.args and self.linear.states == 1:
            return [group_sums(weights, ids, groups)]
        parts = self.linear.contribute(*([delta.columns[i] for i in self.args] or [len(delta)]))
        return [weighted_sums(part, weights, ids, groups) for part in parts]


def accumulators(aggregations: Sequence[Aggregation]) -> dict[Any, Accumulator]:
    """Each distinct set of additive states: avg and sum of one column share theirs."""
    found: dict[Any, Accumulator] = {}
    for aggregation in aggregations:
        if isinstance(linear := aggregation.aggregate.maintained, Linear):
            item = Accumulator(linear, aggregation.source, aggregation.args, aggregation.filter)
            found.setdefault(_shared(aggregation), item)
    return found


@dataclass(frozen=True, slots=True)
class Sums:
    """The additive part of some groups: the number of rows (None where nobody counts) and the states in order."""

    rows: Ints | None
    states: tuple[Ints, ...]

    def at(self, picks: Ints) -> "Sums":
        return Sums(None if self.rows is None else self.rows[picks], tuple(state[picks] for state in self.states))

    def columns(self) -> tuple[Column, ...]:
        every = self.states if self.rows is None else (self.rows, *self.states)
        return tuple(column_of(state, pa.int64()) for state in every)


@dataclass(frozen=True, slots=True)
class Group(Operator):
    """One row per group: the keys, then the aggregates.

    `columns` are the inputs' column types; every input has the `keys` key columns first. Input 0 holds the rows
    themselves; further inputs hold what an aggregate needs beside them (distinct values, or an arrangement ordered
    by an argument). A group's row of state is: keys, the number of rows, the additive states, the results of
    aggregates that are not additive. It is replaced as a whole, so that one probe gives the keys' first spelling, the
    sums, and the row to retract.

    An input that only grows (`growing`) needs no number of rows, so a group whose results stay is not written.
    `whole` is a group without keys, which is there even over nothing. With `summed` the input has behind its keys what
    `PartialSums` made of the rows.
    """

    columns: tuple[tuple[SqlType, ...], ...]
    keys: int
    aggregations: tuple[Aggregation, ...]
    growing: bool = False
    whole: bool = False
    summed: bool = False

    lean = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.columns[0][: self.keys] + tuple(aggregation.type for aggregation in self.aggregations)

    @property
    def starts(self) -> bool:  # type: ignore[override]
        return self.whole

    @property
    def accumulators(self) -> dict[Any, Accumulator]:
        return accumulators(self.aggregations)

    @property
    def arrangements(self) -> tuple[ArrangementSpec, ...]:
        states = sum(item.linear.states for item in self.accumulators.values()) + (not self.growing)
        results = tuple(a.type for a in self.aggregations if not a.is_linear)
        types = self.columns[0][: self.keys] + (INT8,) * states + results
        return (ArrangementSpec(types, tuple(range(self.keys)), ()),)

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        touched = self._touched(tick, inputs)
        if not touched.count:
            return self.idle(state)
        found = state[0].probe(touched.keys, consolidate=True)
        old = found.delta
        old_of = np.full(touched.count, -1, np.int64)
        old_of[found.query] = np.arange(len(old))
        had = self._stored_sums(old)
        sums = self._advanced(had, old_of, touched, inputs)
        alive = np.ones(touched.count, np.bool_)
        if sums.rows is not None and not self.whole:
            assert (sums.rows >= 0).all(), "a group lost more rows than it had"
            alive = sums.rows > 0
        results = self._stored_results(old)
        values = self._values(tick, inputs, touched, results, old_of)
        picks = np.where(old_of >= 0, old_of, len(old) + np.arange(touched.count))
        keys = tuple(
            pa.concat_arrays([was, now]).take(pa.array(picks))
            for was, now in zip(old.columns[: self.keys], touched.columns, strict=True)
        )
        change = _Change(old_of, alive)
        written = change.between(old.columns, (*keys, *sums.columns(), *values), len(old), self.keys)
        state[0] = state[0].insert(written)
        before = (*old.columns[: self.keys], *self._results(had, results))
        after = (*keys, *self._results(sums, values))
        return change.between(before, after, len(old), self.keys)

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        touched = self._touched(tick, inputs)
        nothing = np.full(touched.count, -1, np.int64)
        empty = Sums(None if self.growing else np.empty(0, np.int64), (np.empty(0, np.int64),) * self._states)
        sums = self._advanced(empty, nothing, touched, inputs)
        values = [
            batch_values(a, inputs[a.source], touched.ids[a.source], touched.count, self.columns[a.source], tick)
            for a in self._others
        ]
        rows = Delta((*touched.columns, *self._results(sums, values)), np.ones(touched.count, np.int64))
        return rows if sums.rows is None or self.whole else rows.filter(sums.rows > 0)

    @property
    def _others(self) -> list[Aggregation]:
        return [aggregation for aggregation in self.aggregations if not aggregation.is_linear]

    @property
    def _states(self) -> int:
        return sum(item.linear.states for item in self.accumulators.values())

    def _touched(self, tick: TickContext, inputs: Sequence[Delta]) -> Touched:
        """The groups of the rows that came or went; a group without keys is always touched."""
        read = {a.source for a in self.aggregations if a.is_linear or not _is_arranged(inputs[a.source])}
        sources = sorted({0} | read)
        positions = range(self.keys)
        hashes = [keys_at(inputs[source], positions, self.columns[source], tick) for source in sources]
        if self.whole:
            ids = {source: np.zeros(len(inputs[source]), np.int64) for source in sources}
            return Touched(key_hash([], [], tick.seed, 1), ids, ())
        every = Hash(np.concatenate([h.hi for h in hashes]), np.concatenate([h.lo for h in hashes]))
        numbers_of, first = group_ids(every.hi, every.lo)
        assert not len(first) or first[-1] < len(inputs[0]), "an input names a group that the rows do not"
        parts = np.split(numbers_of, np.cumsum([len(h.hi) for h in hashes])[:-1])
        columns = tuple(column.take(pa.array(first)) for column in inputs[0].columns[: self.keys])
        return Touched(every.take(first), dict(zip(sources, parts, strict=True)), columns)

    def _stored_sums(self, old: Delta) -> Sums:
        counted = not self.growing
        found = [numbers(column) for column in old.columns[self.keys : self.keys + counted + self._states]]
        return Sums(found[0], tuple(found[1:])) if counted else Sums(None, tuple(found))

    def _stored_results(self, old: Delta) -> list[Column]:
        return list(old.columns[len(old.columns) - len(self._others) :])

    def _advanced(self, had: Sums, old_of: Ints, touched: Touched, inputs: Sequence[Delta]) -> Sums:
        """The sums of every touched group after the tick."""
        change = self._moved(touched, inputs)
        rows = None if had.rows is None or change.rows is None else _added(had.rows, old_of, change.rows)
        states = (_added(was, old_of, moved) for was, moved in zip(had.states, change.states, strict=True))
        return Sums(rows, tuple(states))

    def _moved(self, touched: Touched, inputs: Sequence[Delta]) -> Sums:
        """What the tick adds to the sums of every touched group."""
        weights, ids = inputs[0].weights, touched.ids[0]
        if self.summed:
            given = [numbers(column) for column in inputs[0].columns[self.keys :]]
            sums = [weighted_sums(part, weights, ids, touched.count) for part in given]
            return Sums(None, tuple(sums)) if self.growing else Sums(sums[0], tuple(sums[1:]))
        rows = None if self.growing else group_sums(weights, ids, touched.count)
        states: list[Ints] = []
        for item in self.accumulators.values():
            states += item.sums(inputs[item.source], touched.ids[item.source], touched.count)
        return Sums(rows, tuple(states))

    def _values(
        self, tick: TickContext, inputs: Sequence[Delta], touched: Touched, old: Sequence[Column], old_of: Ints
    ) -> list[Column]:
        """What is not additive, for every touched group after the tick."""
        found = []
        for index, aggregation in enumerate(self._others):
            delta = inputs[aggregation.source]
            if _is_arranged(delta):
                found.append(arranged_values(aggregation, delta, touched, tick))
            else:
                type = self.columns[aggregation.source][aggregation.args[0]]
                found.append(grown_extremes(aggregation, delta, touched, old[index], old_of, type))
        return found

    def _results(self, sums: Sums, values: Sequence[Column]) -> list[Column]:
        """The aggregates' columns, in order, from additive states and from values."""
        starts: dict[Any, int] = {}
        at = 0
        for key, item in self.accumulators.items():
            starts[key] = at
            at += item.linear.states
        waiting = iter(values)
        found = []
        for aggregation in self.aggregations:
            linear = aggregation.aggregate.maintained
            if isinstance(linear, Linear):
                start = starts[_shared(aggregation)]
                found.append(linear.finish(*sums.states[start : start + linear.states]))
            else:
                found.append(next(waiting))
        return found


def _is_arranged(delta: Delta) -> bool:
    return isinstance(delta, Arranged)


def _shared(aggregation: Aggregation) -> Any:
    """Aggregates with equal ones read the same additive states."""
    linear = aggregation.aggregate.maintained
    assert isinstance(linear, Linear)
    return linear.contribute, aggregation.source, aggregation.args, aggregation.filter


def _added(old: Ints, old_of: Ints, change: Ints) -> Ints:
    """`change` on top of the old value of each group, 0 where it had none."""
    had = old_of >= 0
    if had.all():
        return old[old_of] + change
    change[had] += old[old_of[had]]
    return change


@dataclass(frozen=True, slots=True)
class _Change:
    """How groups moved: where each one's old row is (-1: it had none), and which are there now."""

    old_of: Ints
    alive: NDArray[np.bool_]

    def between(self, before: Sequence[Column], after: Sequence[Column], count_before: int, same: int) -> Delta:
        """The rows `before` that go and the rows `after` that come; the first `same` columns of a group never change.

        `before` has a row for each old one, `after` one for each group.
        """
        moved = ~self._kept(before[same:], after[same:])
        gone = self.old_of[moved & (self.old_of >= 0)]
        come = np.flatnonzero(moved & self.alive)
        picks = pa.array(np.concatenate([gone, count_before + come]))
        columns = tuple(pa.concat_arrays([was, now]).take(picks) for was, now in zip(before, after, strict=True))
        return Delta(columns, np.concatenate([np.full(len(gone), -1), np.ones(len(come), np.int64)]))

    def _kept(self, before: Sequence[Column], after: Sequence[Column]) -> NDArray[np.bool_]:
        """The groups that were there, still are, and look the same."""
        kept = self.alive & (self.old_of >= 0)
        for was, now in zip(before, after, strict=True):
            rows = np.flatnonzero(kept)
            if not len(rows):
                break
            kept[rows] = _identical(was.take(pa.array(self.old_of[rows])), now.take(pa.array(rows)))
        return kept


def _identical(left: Column, right: Column) -> NDArray[np.bool_]:
    """Where two columns agree; NULLs agree."""
    if pa.types.is_nested(left.type):
        return np.array([a == b for a, b in zip(left.to_pylist(), right.to_pylist(), strict=True)], np.bool_)
    equal = pc.fill_null(pc.equal(left, right), False)
    if left.null_count or right.null_count:
        equal = pc.or_(equal, pc.and_(left.is_null(), right.is_null()))
    return np.asarray(equal.to_numpy(zero_copy_only=False), np.bool_)
