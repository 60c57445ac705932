"""Group: GROUP BY and its aggregates, maintained by group."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.circuit.operator import Arranged, Operator, TickContext
from pgstream.delta import Column, Delta
from pgstream.functions.maintained import Fold, Linear
from pgstream.functions.vector import numbers
from pgstream.kernels.arrow_views import leaves, words
from pgstream.kernels.grouping import add_old, group_ids, group_sums, weighted_sums
from pgstream.operators.aggregation import (
    Aggregation,
    Touched,
    arranged_values,
    batch_values,
    folded,
    grown_extremes,
    passing,
    taken,
)
from pgstream.operators.arrange import keys_at, touched_keys
from pgstream.operators.moves import Moves
from pgstream.storage.gather import pick_columns, take_rows
from pgstream.storage.identity import Hash, key_hash
from pgstream.storage.run import ArrangementSpec, build_picked
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType

Ints = NDArray[np.int64]
INT8 = SqlType("int8")
BYTEA = SqlType("bytea")


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

    def before(self, later: "Sums") -> "Sums":
        """These, then those of `later`."""
        rows = None if self.rows is None or later.rows is None else np.concatenate([self.rows, later.rows])
        return Sums(rows, tuple(map(np.concatenate, zip(self.states, later.states, strict=True))))

    def columns(self) -> tuple[Column, ...]:
        every = self.states if self.rows is None else (self.rows, *self.states)
        return tuple(pa.Array.from_buffers(pa.int64(), len(sums), [None, pa.py_buffer(sums)], 0) for sums in every)


@dataclass(frozen=True)
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

    @cached_property
    def types(self) -> tuple[SqlType, ...]:
        return self.columns[0][: self.keys] + tuple(aggregation.type for aggregation in self.aggregations)

    @property
    def starts(self) -> bool:  # type: ignore[override]
        return self.whole

    @cached_property
    def accumulators(self) -> dict[Any, Accumulator]:
        return accumulators(self.aggregations)

    @cached_property
    def arrangements(self) -> tuple[ArrangementSpec, ...]:
        states = sum(item.linear.states for item in self.accumulators.values()) + (not self.growing)
        results = tuple(BYTEA if _is_folded(a) else a.type for a in self._others)
        types = self.columns[0][: self.keys] + (INT8,) * states + results
        return (ArrangementSpec(types, tuple(range(self.keys)), ()),)

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        touched = self._touched(tick, inputs)
        if not touched.count:
            return self.idle(state)
        before = state[0]
        query, old = before.probe(touched.keys, consolidate=True)
        old_of = np.full(touched.count, -1, np.int64)
        old_of[query] = np.arange(len(old))
        had = self._stored_sums(old)
        sums = self._advanced(had, old_of, touched, inputs)
        alive = np.ones(touched.count, np.bool_)
        if sums.rows is not None and not self.whole:
            assert sums.rows.min() >= 0, "a group lost more rows than it had"
            alive = sums.rows > 0
        results = self._stored_results(old)
        values = self._values(tick, inputs, touched, results, old_of)
        moves = Moves(old_of, alive, len(old))
        keys = self._keys(old, query, touched, inputs[0])
        every = had.before(sums)
        others = [pa.concat_arrays(pair) for pair in zip(results, values, strict=True)]
        stored = (*keys, *every.columns(), *others)
        places = leaves(stored)
        rows, groups = moves.rows(stored, places, self.keys)
        written = build_picked(stored, places, rows, before.spec, tick.seed, touched.keys.take(groups))
        state[0] = before.insert_run(written)
        return moves.change((*keys, *self._results(every, others)), self.keys)

    def _keys(self, old: Delta, query: Ints, touched: Touched, rows: Delta) -> tuple[Column, ...]:
        """The keys of the old rows, then those of all touched groups, as they were first spelt."""
        if self._spelt_alike:
            first = touched.first
            return pick_columns(rows.columns[: self.keys], np.concatenate([first[query], first]))
        now = take_rows(rows.select(range(self.keys)), touched.first)
        both = tuple(map(pa.concat_arrays, zip(old.columns[: self.keys], now.columns, strict=True)))
        spelt = len(old) + np.arange(touched.count)
        spelt[query] = np.arange(len(old))
        return pick_columns(both, np.concatenate([np.arange(len(old)), spelt]))

    def forget(self, tick: TickContext, state: list[Spine], rows: Delta) -> None:
        keys = touched_keys(keys_at(rows, range(self.keys), self.types, tick))
        state[0] = state[0].insert(state[0].probe(keys, consolidate=True).delta.negate())

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        touched = self._touched(tick, inputs)
        nothing = np.full(touched.count, -1, np.int64)
        empty = Sums(None if self.growing else np.empty(0, np.int64), (np.empty(0, np.int64),) * self._states)
        sums = self._advanced(empty, nothing, touched, inputs)
        values = [self._batch_value(a, inputs[a.source], touched, tick) for a in self._others]
        keys = take_rows(inputs[0].select(range(self.keys)), touched.first).columns if self.keys else ()
        rows = Delta((*keys, *self._results(sums, values)), np.ones(touched.count, np.int64))
        return rows if sums.rows is None or self.whole else rows.filter(sums.rows > 0)

    def _batch_value(self, aggregation: Aggregation, delta: Delta, touched: Touched, tick: TickContext) -> Column:
        ids = touched.ids[aggregation.source]
        if _is_folded(aggregation):
            return folded(aggregation, delta, ids, pa.nulls(touched.count, BYTEA.storage))
        return batch_values(aggregation, delta, ids, touched.count, self.columns[aggregation.source], tick)

    @cached_property
    def _spelt_alike(self) -> bool:
        """Whether equal keys look the same."""
        return all(type.definition.equality_key is None for type in self.columns[0][: self.keys])

    @cached_property
    def _others(self) -> list[Aggregation]:
        """What is not additive, each state once."""
        return list({_stored(each): each for each in reversed(self.aggregations) if not each.is_linear}.values())[::-1]

    @cached_property
    def _states(self) -> int:
        return sum(item.linear.states for item in self.accumulators.values())

    def _touched(self, tick: TickContext, inputs: Sequence[Delta]) -> Touched:
        """The groups of the rows that came or went; a group without keys is always touched."""
        sources = self._sources(inputs)
        hashes = [keys_at(inputs[source], range(self.keys), self.columns[source], tick) for source in sources]
        if self.whole:
            ids = {source: np.zeros(len(inputs[source]), np.int64) for source in sources}
            return Touched(key_hash([], [], tick.seed, 1), ids, np.zeros(1, np.int64))
        every = hashes[0]
        if len(hashes) > 1:
            every = Hash(np.concatenate([h.hi for h in hashes]), np.concatenate([h.lo for h in hashes]))
        numbers_of, first = group_ids(every.hi, every.lo)
        assert not len(first) or first[-1] < len(inputs[0]), "an input names a group that the rows do not"
        parts = [numbers_of]
        if len(hashes) > 1:
            parts = np.split(numbers_of, np.cumsum([len(h.hi) for h in hashes])[:-1])
        return Touched(every.take(first), dict(zip(sources, parts, strict=True)), first)

    def _sources(self, inputs: Sequence[Delta]) -> list[int]:
        """The inputs whose deltas are read: that of the rows, and those of aggregates without an arrangement."""
        if len(inputs) == 1:
            return [0]
        read = {a.source for a in self.aggregations if a.is_linear or not _is_arranged(inputs[a.source])}
        return sorted({0} | read)

    def _stored_sums(self, old: Delta) -> Sums:
        counted = not self.growing
        found = [words(column, "int64") for column in old.columns[self.keys : self.keys + counted + self._states]]
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
            if _is_folded(aggregation):
                states = taken(old[index], old_of)
                found.append(folded(aggregation, delta, touched.ids[aggregation.source], states))
            elif _is_arranged(delta):
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
        known = {_stored(each): value for each, value in zip(self._others, values, strict=True)}
        found = []
        for aggregation in self.aggregations:
            linear = aggregation.aggregate.maintained
            if isinstance(linear, Linear):
                start = starts[_shared(aggregation)]
                found.append(linear.finish(*sums.states[start : start + linear.states]))
            else:
                value = known[_stored(aggregation)]
                found.append(linear.finish(value) if isinstance(linear, Fold) else value)
        return found


def _is_folded(aggregation: Aggregation) -> bool:
    return isinstance(aggregation.aggregate.maintained, Fold)


def _stored(aggregation: Aggregation) -> Any:
    """Aggregates with equal ones are made of one stored value."""
    how = aggregation.aggregate.maintained
    if isinstance(how, Fold):
        return how.advance, aggregation.source, aggregation.args, aggregation.filter
    return aggregation


def _is_arranged(delta: Delta) -> bool:
    return isinstance(delta, Arranged)


def _shared(aggregation: Aggregation) -> Any:
    """Aggregates with equal ones read the same additive states."""
    linear = aggregation.aggregate.maintained
    assert isinstance(linear, Linear)
    return linear.contribute, aggregation.source, aggregation.args, aggregation.filter


def _added(old: Ints, old_of: Ints, change: Ints) -> Ints:
    """`change` on top of the old value of each group, 0 where it had none."""
    add_old(change, old, old_of)
    return change
