"""Frames: the rows a window call sees from each row, and aggregates over them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.circuit.operator import TickContext
from pgstream.delta import Column, Delta
from pgstream.errors import InvalidPrecedingOrFollowingSize, NullValueNotAllowed
from pgstream.functions.frames import Frames, Stretch
from pgstream.functions.maintained import Extreme, Fold, Foremost, Linear
from pgstream.functions.range_offsets import check_offset
from pgstream.functions.registry import Aggregate, BoundCall, WindowFunction
from pgstream.functions.vector import booleans, valid
from pgstream.kernels.windowing import frame_extremes, search_ranks, step_groups
from pgstream.operators.aggregation import taken
from pgstream.operators.map import computed
from pgstream.operators.ordering import ranks
from pgstream.plan.expressions import Expr
from pgstream.storage.run import ArrangementSpec
from pgstream.types.definition import SqlType

Ints = NDArray[np.int64]
Exclusion = Literal["none", "row", "group", "ties"]
BoundKind = Literal["unbounded", "preceding", "current", "following"]


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a frame. `offset` has no references; of RANGE, `value` is the position of the column that holds the
    order value minus or plus the offset."""

    kind: BoundKind
    offset: Expr | None = None
    value: int | None = None


@dataclass(frozen=True, slots=True)
class FrameSpec:
    mode: Literal["rows", "range", "groups"]
    start: Bound
    end: Bound
    exclude: Exclusion = "none"


@dataclass(frozen=True, slots=True)
class WindowItem:
    """One window call over positions of the input."""

    function: WindowFunction | Aggregate
    type: SqlType
    args: tuple[int, ...]
    frame: FrameSpec
    filter: int | None = None


@dataclass(frozen=True, slots=True)
class Framed:
    """For each row the extent of its partition, and of its peers: the first row, and the row after the last."""

    first: Ints
    end: Ints
    peers_first: Ints
    peers_end: Ints


def frames(spec: FrameSpec, framed: Framed, rows: Delta, arrangement: ArrangementSpec, tick: TickContext) -> Frames:
    """The frame of each row."""
    starts = _bound(spec, framed, rows, arrangement, tick, after=False)
    ends = _bound(spec, framed, rows, arrangement, tick, after=True)
    whole = Frames((Stretch.of(starts, ends),))
    if spec.exclude == "none":
        return whole
    if spec.exclude == "row":
        here = np.arange(len(rows))
        return whole.excluding(here, here + 1, but_self=False)
    return whole.excluding(framed.peers_first, framed.peers_end, but_self=spec.exclude == "ties")


def _bound(
    spec: FrameSpec, framed: Framed, rows: Delta, arrangement: ArrangementSpec, tick: TickContext, *, after: bool
) -> Ints:
    bound = spec.end if after else spec.start
    if bound.kind == "unbounded":
        return framed.end if after else framed.first
    if bound.kind == "current":
        if spec.mode == "rows":
            return np.arange(len(rows)) + after
        return framed.peers_end if after else framed.peers_first
    if spec.mode == "range":
        assert bound.offset is not None
        column = arrangement.types[arrangement.order[0].position]
        check_offset(computed(bound.offset, {}, 1, tick), column, "ending" if after else "starting")
        return _by_value(bound, framed, rows, arrangement, after=after)
    distance = _distance(bound, tick, after=after)
    if spec.mode == "groups":
        step = np.array([distance + after], np.int64)
        found: Ints = step_groups(framed.first, framed.peers_first, step)
        return found
    return np.clip(np.arange(len(rows)) + distance + after, framed.first, framed.end)


def _distance(bound: Bound, tick: TickContext, *, after: bool) -> int:
    """Rows or groups from the current one; negative: before it."""
    assert bound.offset is not None
    offset = computed(bound.offset, {}, 1, tick)[0].as_py()
    end = "ending" if after else "starting"
    if offset is None:
        raise NullValueNotAllowed(f"frame {end} offset must not be null")
    if offset < 0:
        raise InvalidPrecedingOrFollowingSize(f"frame {end} offset must not be negative")
    distance = min(int(offset), 1 << 40)
    return -distance if bound.kind == "preceding" else distance


def _by_value(bound: Bound, framed: Framed, rows: Delta, arrangement: ArrangementSpec, *, after: bool) -> Ints:
    """A RANGE bound: among the rows with an order value, those up to the bound's value; a NULL sees its peers."""
    assert bound.value is not None
    order = arrangement.order[0]
    values, bounds = rows.columns[order.position], rows.columns[bound.value]
    count = len(rows)
    codes = ranks(pa.concat_arrays([values, bounds.cast(values.type)]), arrangement.types[order.position])
    if order.descending:
        codes = ~codes
    known = valid(values)
    nulls_before = np.concatenate([[0], np.cumsum(~known)])
    nulls = nulls_before[framed.end] - nulls_before[framed.first]
    low = framed.first + nulls if order.nulls_first else framed.first
    high = framed.end if order.nulls_first else framed.end - nulls
    found = search_ranks(codes[:count], codes[count:], low, high, after)
    return np.where(known, found, framed.peers_end if after else framed.peers_first)


def framed_aggregate(
    item: WindowItem, aggregate: Aggregate, call: BoundCall, rows: Delta, partition: Ints, seen: Frames
) -> Column:
    """`aggregate` over the frame of each row."""
    args = tuple(rows.columns[position] for position in item.args)
    present = np.ones(len(rows), np.bool_) if item.filter is None else booleans(rows.columns[item.filter])
    maintained = aggregate.maintained
    if isinstance(maintained, Fold):
        maintained = maintained.whole
    if isinstance(maintained, Linear):
        return _additive(maintained, args, present, seen)
    if aggregate.strict:
        present = present & valid(args[0])
    if isinstance(maintained, Extreme):
        best = _extremes(args[0], call.arguments[0], maintained.descending, present, partition, seen)
        return taken(args[0], best)
    if isinstance(maintained, Foremost):
        return _foremost(maintained, args, call, present, partition, seen)
    if not present.all():
        index = pa.array(np.flatnonzero(present))
        args = tuple(arg.take(index) for arg in args)
    seen = seen.among(present)
    if maintained.spans and len(seen.parts) == 1:
        return maintained.finish(call, args, seen.parts[0].starts, seen.parts[0].ends)

    def value(index: Ints, offsets: Ints) -> Column:
        picks = pa.array(index)
        return maintained.over_groups(call, tuple(arg.take(picks) for arg in args), offsets)

    return seen.over_each(value)


def _additive(linear: Linear, args: Sequence[Column], present: NDArray[np.bool_], seen: Frames) -> Column:
    """Sums over frames as differences of prefix sums, exact since int64 wraps."""
    states = []
    for part in linear.contribute(*(args or [len(present)])):
        prefix = np.zeros(len(part) + 1, np.int64)
        np.cumsum(part * present, out=prefix[1:])
        total = np.zeros(len(part), np.int64)
        for stretch in seen.parts:
            total += prefix[stretch.ends] - prefix[stretch.starts]
        states.append(total)
    return linear.finish(*states)


def _extremes(
    values: Column, type: SqlType, descending: bool, present: NDArray[np.bool_], partition: Ints, seen: Frames
) -> Ints:
    """The row with the least or greatest value of each frame; of its stretches, the best of theirs. -1: none."""
    codes = ranks(values, type)
    best = np.full(len(values), -1, np.int64)
    for part in seen.parts:
        found = frame_extremes(codes, present, partition, part.starts, part.ends, descending)
        better = codes[found] > codes[best] if descending else codes[found] < codes[best]
        best = np.where((found >= 0) & ((best < 0) | better), found, best)
    return best


def _foremost(
    one: Foremost, args: Sequence[Column], call: BoundCall, present: NDArray[np.bool_], partition: Ints, seen: Frames
) -> Column:
    """The value in one row of each frame."""
    if one.by is not None:
        keys = args[one.by]
        present = present & valid(keys)
        return taken(args[0], _extremes(keys, call.arguments[one.by], one.descending, present, partition, seen))
    among = seen.among(present)
    rows = among.last() if one.last else among.first()
    kept = np.flatnonzero(present)
    return taken(args[0], np.where(rows >= 0, kept[np.maximum(rows, 0)], -1) if len(kept) else rows)
