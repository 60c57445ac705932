"""Window functions: ranks, neighbours, and the ends of frames."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import InvalidArgumentForNthValue, InvalidArgumentForNtile
from pgstream.functions.frames import Frames
from pgstream.functions.registry import BoundCall, window_function
from pgstream.functions.vector import column_of, numbers, valid

Ints = NDArray[np.int64]
Args = tuple[Column, ...]


def ends_of(starts: Ints) -> Ints:
    """For each row the index after the last of its block, given that of the block's first."""
    first = np.flatnonzero(starts == np.arange(len(starts)))
    lengths = np.diff(np.append(first, len(starts)))
    return np.repeat(first + lengths, lengths)


@window_function("row_number() -> int8", examples={"row_number() OVER (ORDER BY i)": "1"})
def row_number(call: BoundCall, args: Args, partitions: Ints, peers: Ints) -> Column:
    """The number of the row in its partition, from 1."""
    return pa.array(np.arange(len(partitions)) - partitions + 1)


@window_function("rank() -> int8", examples={"rank() OVER (ORDER BY i)": "1"})
def rank(call: BoundCall, args: Args, partitions: Ints, peers: Ints) -> Column:
    """The row number of the first peer."""
    return pa.array(peers - partitions + 1)


@window_function("dense_rank() -> int8", examples={"dense_rank() OVER (ORDER BY i)": "1"})
def dense_rank(call: BoundCall, args: Args, partitions: Ints, peers: Ints) -> Column:
    """The number of the peer group in its partition, from 1."""
    groups = np.cumsum(peers == np.arange(len(peers)))
    return pa.array((groups - groups[partitions] + 1).astype(np.int64))


@window_function("percent_rank() -> float8", examples={"percent_rank() OVER (ORDER BY i)": "0"})
def percent_rank(call: BoundCall, args: Args, partitions: Ints, peers: Ints) -> Column:
    """(rank - 1) / (rows - 1); 0 for a single row."""
    rows = ends_of(partitions) - partitions
    return pa.array((peers - partitions) / np.maximum(rows - 1, 1))


@window_function("cume_dist() -> float8", examples={"cume_dist() OVER (ORDER BY i)": "0.3333333333333333"})
def cume_dist(call: BoundCall, args: Args, partitions: Ints, peers: Ints) -> Column:
    """The share of the partition's rows that precede the row or are its peers."""
    return pa.array((ends_of(peers) - partitions) / (ends_of(partitions) - partitions))


@window_function("ntile(int4) -> int4", examples={"ntile(2) OVER (ORDER BY i)": "1"})
def ntile(call: BoundCall, args: Args, partitions: Ints, peers: Ints) -> Column:
    """The number of the row's bucket, of as many as the partition's first row asks for; sizes differ by one at most."""
    alive = valid(args[0])[partitions]
    buckets = numbers(args[0]).astype(np.int64)[partitions]
    if (alive & (buckets <= 0)).any():
        raise InvalidArgumentForNtile("argument of ntile must be greater than zero")
    buckets = np.where(alive, buckets, 1)
    rows, at = ends_of(partitions) - partitions, np.arange(len(partitions)) - partitions
    size, larger = rows // buckets, rows % buckets
    border = larger * (size + 1)
    made = np.where(at < border, at // (size + 1), larger + (at - border) // np.maximum(size, 1)) + 1
    return column_of(made, pa.int32(), ~alive)


def _neighbour(args: Args, partitions: Ints, direction: int) -> Column:
    values = args[0]
    count = len(values)
    by = numbers(args[1]).astype(np.int64) if len(args) > 1 else np.ones(count, np.int64)
    asked = valid(args[1]) if len(args) > 1 else np.ones(count, np.bool_)
    target = np.arange(count) + direction * by
    inside = (target >= partitions) & (target < ends_of(partitions))
    if len(args) < 3:
        return values.take(column_of(np.where(inside & asked, target, 0), pa.int64(), ~(inside & asked)))
    picks = np.where(inside, target, count + np.arange(count))
    return pa.concat_arrays([values, args[2]]).take(column_of(np.where(asked, picks, 0), pa.int64(), ~asked))


for _name, _direction, _results in (("lag", -1, ("NULL", "NULL", "7")), ("lead", 1, ("2", "3", "3"))):
    for _signature, _call, _result in (
        ("anyelement", "i", _results[0]),
        ("anyelement, int4", "i, 2", _results[1]),
        ("anycompatible, int4, anycompatible", "i, 2, 7", _results[2]),
    ):

        @window_function(
            f"{_name}({_signature}) -> {_signature.split(',')[0]}",
            examples={f"{_name}({_call}) OVER (ORDER BY i)": _result},
        )
        def neighbour(call: BoundCall, args: Args, partitions: Ints, peers: Ints, by: int = _direction) -> Column:
            """The value of the row that many rows before (lag) or after (lead) in the partition, or the default."""
            return _neighbour(args, partitions, by)


def _at(values: Column, rows: Ints) -> Column:
    """The values at `rows`, NULL where that is -1."""
    return values.take(column_of(np.maximum(rows, 0), pa.int64(), rows < 0))


@window_function(
    "first_value(anyelement) -> anyelement", framed=True, examples={"first_value(i) OVER (ORDER BY i)": "1"}
)
def first_value(call: BoundCall, args: Args, partitions: Ints, peers: Ints, frames: Frames) -> Column:
    """The value of the frame's first row."""
    return _at(args[0], frames.first())


@window_function("last_value(anyelement) -> anyelement", framed=True, examples={"last_value(i) OVER (ORDER BY i)": "1"})
def last_value(call: BoundCall, args: Args, partitions: Ints, peers: Ints, frames: Frames) -> Column:
    """The value of the frame's last row."""
    return _at(args[0], frames.last())


@window_function(
    "nth_value(anyelement, int4) -> anyelement", framed=True, examples={"nth_value(i, 2) OVER (ORDER BY i)": "NULL"}
)
def nth_value(call: BoundCall, args: Args, partitions: Ints, peers: Ints, frames: Frames) -> Column:
    """The value of the frame's nth row; NULL where there is none."""
    nth, asked = numbers(args[1]).astype(np.int64), valid(args[1])
    if (asked & (nth <= 0)).any():
        raise InvalidArgumentForNthValue("argument of nth_value must be greater than zero")
    return _at(args[0], frames.nth(np.where(asked, nth, 0)))
