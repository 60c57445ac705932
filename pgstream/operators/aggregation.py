"""Aggregations: one aggregate of a Group, and how the value of each touched group is found."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.circuit.operator import TickContext, arranged
from pgstream.delta import Column, Delta
from pgstream.functions.maintained import Extreme, Fold, Foremost, Linear, Recompute
from pgstream.functions.registry import Aggregate, BoundCall
from pgstream.functions.vector import booleans, repeated, valid
from pgstream.kernels.grouping import group_extremes, group_offsets
from pgstream.operators.map import computed
from pgstream.operators.ordering import ranks, sort_codes
from pgstream.plan.expressions import Expr
from pgstream.storage.identity import Hash, row_hash
from pgstream.storage.order import OrderColumn
from pgstream.types.definition import SqlType

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Aggregation:
    """`aggregate` over columns of the Group's input number `source`.

    A Linear reads the deltas of that input; so does an Extreme whose Group only grows. Any other reads an
    arrangement on the group's keys, which holds just the rows it wants: of an Extreme or Foremost ordered so that its
    value comes first, of a Recompute in `order`. `filter` is the position of a boolean (only where deltas are read).
    `direct` are what an ordered-set aggregate is told of a whole group: positions, or expressions without references.
    """

    aggregate: Aggregate
    type: SqlType
    source: int
    args: tuple[int, ...]
    filter: int | None = None
    order: tuple[OrderColumn, ...] = ()
    direct: tuple[int | Expr, ...] = ()

    @property
    def is_linear(self) -> bool:
        return isinstance(self.aggregate.maintained, Linear)

    def call(self, types: Sequence[SqlType], tick: TickContext) -> BoundCall:
        """What a bound kernel is told."""
        return BoundCall(tuple(types[position] for position in self.args), self.type, tick.evaluation)


@dataclass(frozen=True, slots=True)
class Touched:
    """The groups that a step concerns: the key of each, and of the inputs whose deltas are read, by input number,
    the group of each row. `first` is a row of input 0 for each group, which spells its keys."""

    keys: Hash
    ids: dict[int, Ints]
    first: Ints

    @property
    def count(self) -> int:
        return len(self.keys.hi)


def passing(delta: Delta, filter: int | None) -> NDArray[np.bool_] | None:
    """The rows that an aggregate's FILTER lets through; None: all."""
    return None if filter is None else booleans(delta.columns[filter])


def batch_extremes(aggregation: Aggregation, delta: Delta, ids: Ints, groups: int, type: SqlType) -> Ints:
    """The row of `delta` with each group's least or greatest value; -1 where a group has none."""
    maintained = aggregation.aggregate.maintained
    assert isinstance(maintained, Extreme)
    column = delta.columns[aggregation.args[0]]
    present = valid(column) & (delta.weights > 0)
    kept = passing(delta, aggregation.filter)
    if kept is not None:
        present &= kept
    best: Ints = group_extremes(ranks(column, type), present, ids, groups, maintained.descending)
    return best


def grown_extremes(
    aggregation: Aggregation, delta: Delta, touched: Touched, old: Column, old_of: Ints, type: SqlType
) -> Column:
    """Each group's extreme from the one it had (`old`, at `old_of`, -1: none) and the rows that came."""
    best = batch_extremes(aggregation, delta, touched.ids[aggregation.source], touched.count, type)
    column = delta.columns[aggregation.args[0]]
    if not len(old):
        return taken(column, best)
    both = pa.concat_arrays([old, column.take(pa.array(best[best >= 0]))])
    came = np.full(touched.count, -1, np.int64)
    came[best >= 0] = len(old) + np.arange(int((best >= 0).sum()))
    codes, present = ranks(both, type), valid(both)
    had = (old_of >= 0) & present[old_of]
    maintained = aggregation.aggregate.maintained
    assert isinstance(maintained, Extreme)
    newer = codes[came] > codes[old_of] if maintained.descending else codes[came] < codes[old_of]
    return taken(both, np.where((came >= 0) & (newer | ~had), came, np.where(had, old_of, -1)))


def taken(column: Column, rows: Ints) -> Column:
    """The values at `rows`, NULL where that is -1."""
    missing = rows < 0
    return column.take(pa.array(rows, mask=missing) if missing.any() else pa.array(rows))


def folded(aggregation: Aggregation, delta: Delta, ids: Ints, states: Column) -> Column:
    """The state of each group after the rows of `delta`, from that before."""
    maintained = aggregation.aggregate.maintained
    assert isinstance(maintained, Fold)
    present = valid(delta.columns[aggregation.args[0]])
    kept = passing(delta, aggregation.filter)
    if kept is not None:
        present = present & kept
    if not present.all():
        rows = np.flatnonzero(present)
        delta, ids = delta.take(rows), ids[rows]
    return maintained.advance(states, delta.select(aggregation.args).columns, delta.weights, ids)


def arranged_values(aggregation: Aggregation, delta: Delta, touched: Touched, tick: TickContext) -> Column:
    """The aggregate of each touched group, from the arrangement after the tick."""
    source = arranged(delta)
    types = source.after.spec.types
    if isinstance(aggregation.aggregate.maintained, Extreme | Foremost):
        head = source.after.head(touched.keys, 1)
        rows = np.full(touched.count, -1, np.int64)
        rows[head.query] = np.arange(len(head.query))
        return taken(head.delta.columns[aggregation.args[0]], rows)
    found = source.after.probe(touched.keys, consolidate=True)
    return recomputed(aggregation, found.delta, found.query, touched.count, types, tick)


def recomputed(
    aggregation: Aggregation, rows: Delta, query: Ints, groups: int, types: Sequence[SqlType], tick: TickContext
) -> Column:
    """The aggregate over `rows`, which stand group after group, in order; `query` is the group of each."""
    maintained = aggregation.aggregate.maintained
    assert isinstance(maintained, Recompute)
    if (rows.weights != 1).any():
        index = np.repeat(np.arange(len(rows)), rows.weights)
        rows, query = rows.take(index), query[index]
    wanted = rows.select(aggregation.args)
    offsets = group_offsets(query, groups)
    first = np.where(np.diff(offsets) > 0, offsets[:-1], -1)
    direct = tuple(_told(item, rows, first, tick) for item in aggregation.direct)
    return maintained.over_groups(aggregation.call(types, tick), (*direct, *wanted.columns), offsets)


def _told(item: int | Expr, rows: Delta, first: Ints, tick: TickContext) -> Column:
    """A direct argument, one value a group; NULL over no rows unless it is a constant."""
    if isinstance(item, int):
        return taken(rows.columns[item], first)
    return repeated(computed(item, {}, 1, tick)[0], len(first))


def batch_values(
    aggregation: Aggregation, delta: Delta, ids: Ints, groups: int, types: Sequence[SqlType], tick: TickContext
) -> Column:
    """An aggregate that is not additive over whole inputs: all rows are in `delta`."""
    if isinstance(aggregation.aggregate.maintained, Extreme):
        best = batch_extremes(aggregation, delta, ids, groups, types[aggregation.args[0]])
        return taken(delta.columns[aggregation.args[0]], best)
    kept = np.flatnonzero(delta.weights > 0)
    rows, ids = delta.take(kept), ids[kept]
    codes: list[Ints] = [ids]
    for item in aggregation.order:
        codes += sort_codes(rows.columns[item.position], types[item.position], item)
    ties = row_hash(rows.columns, tick.seed, len(rows))
    sorted_rows = np.lexsort((ties.lo, ties.hi, *reversed(codes)))
    if isinstance(aggregation.aggregate.maintained, Foremost):
        offsets = group_offsets(ids[sorted_rows], groups)
        filled = np.flatnonzero(np.diff(offsets))
        first = np.full(groups, -1, np.int64)
        first[filled] = sorted_rows[offsets[filled]]
        return taken(rows.columns[aggregation.args[0]], first)
    return recomputed(aggregation, rows.take(sorted_rows), ids[sorted_rows], groups, types, tick)
