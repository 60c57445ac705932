"""GREATEST and LEAST over columns, and the order of values that min and max share with them."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.functions.vector import column_of, valid
from pgstream.types.definition import SqlType


def extreme(columns: Sequence[Column], greatest: bool, type: SqlType) -> Column:
    """Row by row the greatest (or least) of `columns` that is not NULL; NULL where all are."""
    if type.definition.category in "ND" and (pa.types.is_integer(type.storage) or pa.types.is_temporal(type.storage)):
        pick = pc.max_element_wise if greatest else pc.min_element_wise
        return pick(*columns, skip_nulls=True)
    best = columns[0]
    for column in columns[1:]:
        better = precedes(best, column, type) if greatest else precedes(column, best, type)
        take_other = np.where(valid(best) & valid(column), better, ~valid(best))
        best = pc.if_else(column_of(take_other, pa.bool_()), column, best)
    return best


def precedes(left: Column, right: Column, type: SqlType) -> NDArray[np.bool_]:
    """Where `left` sorts before `right`, rows with a NULL being undefined."""
    order = type.definition.order_key
    assert order is not None, type
    both = np.flatnonzero(valid(left) & valid(right))
    result = np.zeros(len(left), np.bool_)
    picks = column_of(both, pa.int64())
    keys = order(left.take(picks)), order(right.take(picks))
    result[both] = pc.less(*keys).to_numpy(zero_copy_only=False)
    return result
