"""Lookup: left rows joined with the right rows that are there when they come, for good."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from pgstream.circuit.operator import Arranged, Operator, Series, TickContext, arranged
from pgstream.delta import Column, Delta, Indices, concat
from pgstream.functions.vector import column_of, numbers
from pgstream.operators.arrange import consolidated, keys_at
from pgstream.operators.join import Sides, pairs
from pgstream.operators.queue import INT8, condensed, queue_spec
from pgstream.storage.identity import Hash, key_hash, row_hash
from pgstream.storage.order import OrderColumn
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType

_IDENTITY = (INT8, INT8)


@dataclass(frozen=True)
class Lookup(Operator):
    """The pairs of left rows and the right rows that match them in the tick in which they come, after its changes.
    `outer`: a left row that matches nothing then stays, with NULLs.

    A left row that goes takes along what it was joined with; where left rows are only `growing`, that is not kept. Rows
    that a backfill reads wait for its end, so that they see all of the right side.
    """

    sides: Sides
    outer: bool
    growing: bool

    lean = True
    dated = True
    awaits: Series = ()

    @cached_property
    def types(self) -> tuple[SqlType, ...]:
        return self.sides.left + self.sides.right

    @cached_property
    def memory(self) -> ArrangementSpec:
        """By the identity of a left row, for each time it came: which time that was, and a right row that it was joined
        with, and how many of those there were; 0 where it matched nothing. The weight is how many left rows came."""
        types = (*_IDENTITY, INT8, INT8, *self.sides.right)
        return ArrangementSpec(types, (0, 1), (OrderColumn(2, True),))

    @cached_property
    def arrangements(self) -> tuple[ArrangementSpec, ...]:
        """What rows were joined with, then the rows that wait for the end of a backfill."""
        return (*(() if self.growing else (self.memory,)), queue_spec(self.sides.left))

    def due_us(self, queue: Spine) -> int | None:
        return 0 if queue else None

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        rows, right = inputs[0], arranged(inputs[1])
        if tick.clock.past:
            state[-1] = state[-1].insert(
                Delta((*rows.columns, column_of(np.zeros(len(rows)), pa.int64())), rows.weights)
            )
            return self.idle(())
        if state[-1]:
            waited = state[-1].contents(range(len(self.sides.left)))
            rows, state[-1] = concat([waited, rows]), Spine.empty(state[-1].spec, state[-1].seed, state[-1].pace)
        rows = consolidated(rows, tick)
        came, went = rows.filter(rows.weights > 0), rows.filter(rows.weights < 0)
        found = [self.idle(())]
        if len(went):
            assert not self.growing, "what only grows lost a row"
            found.append(self._recalled(went, state, tick))
        if len(came):
            found.append(self._joined(came, right, state, tick))
        return concat(found)

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        rows = inputs[0]
        spine = Spine.empty(self.sides.right_spec, tick.seed).insert(inputs[1])
        found, matches = self._matches(rows, spine, tick)
        return concat([found, *([self._alone(rows, matches)] if self.outer else [])])

    def _matches(self, rows: Delta, right: Spine, tick: TickContext) -> tuple[Delta, Indices]:
        """The pairs of `rows`, and which of `rows` each is of."""
        keys = keys_at(rows, self.sides.left_key, self.sides.left, tick)
        found = pairs(self.sides, rows, keys, right, tick, consolidate=True)
        return Delta(tuple(found.rows.columns), found.rows.weights), found.probing

    def _alone(self, rows: Delta, matches: Indices) -> Delta:
        """The rows that match nothing, with NULLs."""
        alone = np.ones(len(rows), np.bool_)
        alone[matches] = False
        single = rows.filter(alone)
        return Delta((*single.columns, *self._nulls(len(single))), single.weights)

    def _nulls(self, count: int) -> tuple[Column, ...]:
        return tuple(pa.nulls(count, type.storage) for type in self.sides.right)

    def _joined(self, came: Delta, right: Arranged, state: list[Spine], tick: TickContext) -> Delta:
        """What rows that come are joined with, which is remembered."""
        found, matches = self._matches(came, right.after, tick)
        if not self.growing:
            self._remember(came, found, matches, state, tick)
        return concat([found, *([self._alone(came, matches)] if self.outer else [])])

    def _remember(self, came: Delta, found: Delta, matches: Indices, state: list[Spine], tick: TickContext) -> None:
        identity = row_hash(came.columns, tick.seed, len(came))
        columns = [column_of(words.view(np.int64), pa.int64()) for words in identity]
        before = state[0].head(self._keys(identity, tick), 1, positions=(2,))
        times = np.zeros(len(came), np.int64)
        times[before.query] = numbers(before.delta.columns[0]) + 1
        alone = np.setdiff1d(np.arange(len(came)), matches)
        rows = np.concatenate([matches, alone])
        copies = np.concatenate([found.weights // came.weights[matches], np.zeros(len(alone), np.int64)])
        rights = found.columns[len(self.sides.left) :]
        made = [
            *(column.take(pa.array(rows)) for column in columns),
            column_of(times[rows], pa.int64()),
            column_of(copies, pa.int64()),
            *(pa.concat_arrays([c, n]) for c, n in zip(rights, self._nulls(len(alone)), strict=True)),
        ]
        state[0] = state[0].insert(Delta(tuple(made), came.weights[rows]))

    def _recalled(self, went: Delta, state: list[Spine], tick: TickContext) -> Delta:
        """What rows that go were joined with, as changes; the last that came go first."""
        identity = row_hash(went.columns, tick.seed, len(went))
        query, kept = state[0].probe(self._keys(identity, tick), consolidate=True)
        gone = _gone(query, numbers(kept.columns[2]), kept.weights, -went.weights)
        picked = np.flatnonzero(gone)
        query, kept, gone = query[picked], kept.take(picked), gone[picked]
        state[0] = condensed(state[0].insert(Delta(tuple(kept.columns), -gone)))
        copies = numbers(kept.columns[3])
        columns = (*went.take(query).columns, *kept.columns[4:])
        shown = Delta(columns, -gone * np.maximum(copies, 1))
        return shown if self.outer else shown.filter(copies > 0)

    def _keys(self, identity: Hash, tick: TickContext) -> Hash:
        columns = [column_of(words.view(np.int64), pa.int64()) for words in identity]
        return key_hash(columns, _IDENTITY, tick.seed, identity.rows)


def _gone(query: Indices, times: Indices, copies: Indices, wanted: Indices) -> Indices:
    """How many copies go of each kept row: of each query as many as are `wanted`, from the latest time on. The rows of
    a query and time lie together, and have equal `copies`."""
    begins = np.ones(len(query), np.bool_)
    begins[1:] = (query[1:] != query[:-1]) | (times[1:] != times[:-1])
    first, group = np.flatnonzero(begins), np.cumsum(begins) - 1
    before = np.cumsum(copies[first]) - copies[first]
    starts = np.searchsorted(query[first], query[first])
    before -= before[starts]
    left = wanted[query[first]] - before
    gone: Indices = np.clip(left, 0, copies[first])[group]
    return gone
