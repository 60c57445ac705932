"""TopN: of each partition the rows from an offset on, up to a limit, in an order."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pgstream.circuit.operator import Operator, TickContext, arranged
from pgstream.delta import Delta, Indices, concat
from pgstream.errors import InvalidRowCountInLimitClause, InvalidRowCountInOffsetClause
from pgstream.kernels.grouping import cut_copies, group_firsts, group_ids
from pgstream.operators.arrange import consolidated, keys_at, touched_keys
from pgstream.operators.map import computed
from pgstream.operators.ordering import sort_codes
from pgstream.plan.expressions import Expr
from pgstream.plan.relations import Whole
from pgstream.storage.identity import Hash, Seed, key_hash, row_hash
from pgstream.storage.run import ArrangementSpec, Run, build_run
from pgstream.storage.spine import Matches, Spine
from pgstream.types.definition import SqlType


@dataclass(frozen=True, slots=True)
class Cut:
    """OFFSET and LIMIT: expressions without references; NULL is as if absent. `whole` is as in a plan's TopN."""

    limit: Expr | None
    offset: Expr | None
    whole: Whole = "rows"

    def bounds(self, tick: TickContext) -> tuple[int, int | None]:
        """(offset, limit); a limit of None: no end."""
        offset = _count(self.offset, tick)
        if offset is not None and offset < 0:
            raise InvalidRowCountInOffsetClause("OFFSET must not be negative")
        limit = _count(self.limit, tick)
        if limit is not None and limit < 0:
            raise InvalidRowCountInLimitClause("LIMIT must not be negative")
        return offset or 0, limit


def _count(expr: Expr | None, tick: TickContext) -> int | None:
    return None if expr is None else computed(expr, {}, 1, tick)[0].as_py()


def _cut(spine: Spine, keys: Hash, offset: int, limit: int, whole: Whole) -> Delta:
    """The copies in [offset, offset + limit) of each key's, in order; with those that `whole` adds."""
    if not (limit and keys.rows):
        return spine.head(keys, 0).delta
    found = spine.head(keys, offset + limit) if whole == "rows" else _with_ties(spine, keys, offset + limit, whole)
    if not offset:
        return found.delta
    kept = cut_copies(found.query, found.delta.weights, offset, -1)
    return Delta(found.delta.columns, kept).filter(kept != 0)


def _with_ties(spine: Spine, keys: Hash, limit: int, whole: Whole) -> Matches:
    """The first rows of each key up to the last of rank `limit`. More are read until it is seen to be the last."""
    found: list[Matches] = []
    waiting, copies = np.arange(keys.rows), min(limit, COPIES_MAX) + 1
    while len(waiting):
        query, rows = spine.head(keys.take(waiting), copies)
        ranked = _ranks(query, rows, spine.spec, whole, spine.seed)
        inside = ranked <= limit
        full = np.bincount(query, rows.weights, len(waiting)) >= copies
        open_end = full & (np.bincount(query[~inside], minlength=len(waiting)) == 0)
        done = inside & ~open_end[query]
        found.append(Matches(waiting[query[done]], rows.filter(done)))
        waiting, copies = waiting[open_end], copies * 4
    return Matches(np.concatenate([each.query for each in found]), concat([each.delta for each in found]))


COPIES_MAX = 1 << 40
"""More than any arrangement holds."""


def _ranks(query: Indices, rows: Delta, spec: ArrangementSpec, whole: Whole, seed: Seed) -> Indices:
    """The rank of each row among those of its query, from 1; or of its group of ties among these."""
    opens = np.concatenate([[True], query[1:] != query[:-1]])[: len(query)]
    positions = [item.position for item in spec.order]
    values = key_hash([rows.columns[i] for i in positions], [spec.types[i] for i in positions], seed, len(rows))
    differs = (values.hi[1:] != values.hi[:-1]) | (values.lo[1:] != values.lo[:-1])
    first = opens.copy()
    first[1:] |= differs
    before = np.cumsum(first) if whole == "groups" else np.cumsum(rows.weights) - rows.weights + 1
    leader = np.maximum.accumulate(np.where(first, np.arange(len(query)), 0))
    start = np.maximum.accumulate(np.where(opens, np.arange(len(query)), 0))
    return np.asarray(before[leader] - before[start] + 1, np.int64)


def _without_first(delta: Delta, before: Spine, after: Spine, keys: Hash, offset: int) -> Delta:
    """The change of all but each key's first `offset` rows."""
    heads = [after.head(keys, offset).delta.negate(), before.head(keys, offset).delta] if offset else []
    return concat([Delta(delta.columns, delta.weights), *heads])


@dataclass(frozen=True, slots=True)
class TopN(Operator):
    """Reads the heads of the touched partitions from the arrangement before and after the tick.

    Rows that tie are cut by row identity. `spec` keys by partition and orders within it.
    """

    spec: ArrangementSpec
    cut: Cut

    lean = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.spec.types

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        delta = arranged(inputs[0])
        keys = touched_keys(delta.keys)
        offset, limit = self.cut.bounds(tick)
        if limit is None:
            return consolidated(_without_first(delta, delta.before, delta.after, keys, offset), tick)
        new = _cut(delta.after, keys, offset, limit, self.cut.whole)
        return consolidated(concat([new, _cut(delta.before, keys, offset, limit, self.cut.whole).negate()]), tick)

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        delta = inputs[0]
        offset, limit = self.cut.bounds(tick)
        if limit is None and not offset:
            return delta
        if limit is not None and not self.spec.key and self.cut.whole != "groups":
            delta = self._foremost(delta, offset + limit, tick)
        elif limit == 1 and not offset and self.cut.whole == "rows":
            return GrowingFirst(self.spec).once(tick, [delta])
        keys = touched_keys(keys_at(delta, self.spec.key, self.types, tick))
        empty = Spine.empty(self.spec, tick.seed)
        spine = empty.insert(delta)
        if limit is None:
            return consolidated(_without_first(delta, empty, spine, keys, offset), tick)
        return _cut(spine, keys, offset, limit, self.cut.whole)

    def _foremost(self, delta: Delta, count: int, tick: TickContext) -> Delta:
        """Among others, the first `count` rows: those that the first column of the order does not rule out."""
        delta = delta.filter(delta.weights > 0)
        if not 0 < count < len(delta):
            return delta if count else delta.slice(0, 0)
        if self.spec.order:
            item = self.spec.order[0]
            codes = sort_codes(delta.columns[item.position], self.types[item.position], item)[0]
            return delta.filter(codes <= np.partition(codes, count - 1)[count - 1])
        words = row_hash(delta.columns, tick.seed, len(delta)).hi
        return delta.filter(words <= np.partition(words, count - 1)[count - 1])


@dataclass(frozen=True, slots=True)
class GrowingTopN(Operator):
    """TopN of an input that only grows: keeps no row that cannot come back into the result."""

    spec: ArrangementSpec
    cut: Cut

    lean = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.spec.types

    @property
    def arrangements(self) -> tuple[ArrangementSpec, ...]:
        return (self.spec,)

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        offset, limit = self.cut.bounds(tick)
        assert limit is not None, "without a limit nothing can be forgotten"
        fresh = build_run(inputs[0], self.spec, tick.seed)
        if fresh is None:
            return self.idle(state)
        keys = touched_keys(fresh.rows.key)
        before = state[0]
        old = before.probe(keys, consolidate=True).delta
        candidates = Spine.empty(self.spec, tick.seed).insert_run(fresh).insert(old)
        kept = _cut(candidates, keys, 0, offset + limit, self.cut.whole)
        change = consolidated(concat([kept, old.negate()]), tick)
        if not len(change):
            return change
        state[0] = after = before.insert(change)
        if not offset:
            return change
        new = _cut(after, keys, offset, limit, self.cut.whole)
        return consolidated(concat([new, _cut(before, keys, offset, limit, self.cut.whole).negate()]), tick)

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        return TopN(self.spec, self.cut).once(tick, inputs)


@dataclass(frozen=True, slots=True)
class GrowingFirst(Operator):
    """The first row of each partition of an input that only grows: what GrowingTopN is with a limit of 1.

    The rows of a tick compete before any state is asked, and the state needs no order within a key.
    """

    spec: ArrangementSpec

    lean = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.spec.types

    @property
    def arrangements(self) -> tuple[ArrangementSpec, ...]:
        return (ArrangementSpec(self.spec.types, self.spec.key),)

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        stored, before = self.arrangements[0], state[0]
        fresh = build_run(*self._foremost(inputs[0], tick))
        if fresh is None:
            return self.idle(state)
        new = fresh.delta()
        query, old = before.probe(fresh.rows.key, consolidate=True, late=True)
        change: Run | None = fresh
        if len(old):
            best = self._firsts([old, new], np.concatenate([query, np.arange(len(new))]), len(new), tick)
            won = best >= len(old)
            moved = concat([new.filter(won), old.filter(won[query]).negate()])
            change = build_run(moved, stored, tick.seed)
        if change is None:
            return self.idle(state)
        state[0] = before.insert_run(change)
        return change.delta()

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        return self._foremost(inputs[0], tick)[0]

    def _foremost(self, delta: Delta, tick: TickContext) -> tuple[Delta, ArrangementSpec, Seed, Hash]:
        """The first row of each partition of `delta`, and what else `build_run` takes."""
        delta = delta.filter(delta.weights > 0)
        keys = keys_at(delta, self.spec.key, self.types, tick)
        ids, first = group_ids(keys.hi, keys.lo)
        if len(first) < len(delta):
            first = self._firsts([delta], ids, len(first), tick)
        rows = Delta(delta.take(first).columns, np.ones(len(first), np.int64))
        return rows, self.arrangements[0], tick.seed, keys.take(first)

    def _firsts(self, parts: Sequence[Delta], ids: Indices, groups: int, tick: TickContext) -> Indices:
        """The row of each group that comes first, of the rows of all parts. Only of rows that tie the whole is read."""
        codes: list[Indices] = []
        for item in self.spec.order:
            column = pa.concat_arrays([part.columns[item.position] for part in parts])
            codes += sort_codes(column, self.types[item.position], item)
        levels = np.array(codes, np.int64).reshape(len(codes), len(ids))
        same = np.zeros(len(ids), np.uint64)
        best: Indices = group_firsts(levels, same, same, ids, groups)
        tied = np.flatnonzero((levels == levels[:, best[ids]]).all(axis=0))
        tied = tied[np.bincount(ids[tied], minlength=groups)[ids[tied]] > 1]
        if not len(tied):
            return best
        starts = np.cumsum([0, *(len(part) for part in parts[:-1])])
        pieces = np.split(tied, np.searchsorted(tied, starts[1:]))
        rows = concat([part.take(piece - at) for part, piece, at in zip(parts, pieces, starts, strict=True)])
        ties = row_hash(rows.columns, tick.seed, len(rows))
        again: Indices = group_firsts(np.ascontiguousarray(levels[:, tied]), ties.hi, ties.lo, ids[tied], groups)
        return np.where(again >= 0, tied[again], best)
