"""width_bucket over thresholds of any type, in an array."""

from bisect import bisect_right

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import NullValueNotAllowed
from pgstream.functions.arrays import element_of
from pgstream.functions.registry import BoundCall, function
from pgstream.functions.vector import column_of, list_bounds, ranges


@function(
    "width_bucket(anycompatible, anycompatiblearray) -> int4",
    bound=True,
    examples={
        "width_bucket(5, ARRAY[1,3,5,10])": "3",
        "width_bucket(5.5, ARRAY[6,7])": "0",
        "width_bucket('b'::text, '{a,c}')": "1",
        "width_bucket(1, '{}'::int[])": "0",
        "width_bucket(5, ARRAY[1,NULL])": "ERROR: 22004 thresholds array must not contain NULLs",
    },
)
def width_bucket(call: BoundCall, value: Column, thresholds: Column) -> Column:
    """Between which of the thresholds, which are in order, the value lies: 0 before the first."""
    starts, lengths = list_bounds(thresholds)
    elements = thresholds.values.take(column_of(ranges(starts, lengths), pa.int64()))
    if elements.null_count:
        raise NullValueNotAllowed("thresholds array must not contain NULLs")
    order_key = element_of(call, 1).definition.order_key
    assert order_key is not None, call.arguments
    keys, wanted = order_key(elements).to_pylist(), order_key(value).to_pylist()
    rows = zip(wanted, np.cumsum(lengths).tolist(), lengths.tolist(), strict=True)
    return pa.array([bisect_right(keys, own, end - size, end) - end + size for own, end, size in rows], pa.int32())
