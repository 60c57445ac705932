"""Order as numbers: int64 ranks that compare as SQL compares the values."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.functions.vector import column_of, valid
from pgstream.storage.order import OrderColumn
from pgstream.types.definition import SqlType

Ranks = NDArray[np.int64]
_COUNTED = {1: pa.int8(), 2: pa.int16(), 4: pa.int32(), 8: pa.int64()}


def ranks(column: Column, type: SqlType) -> Ranks:
    """A number for each value: less where SQL's < holds, equal where = does; anything for NULL.

    Ranks of different columns compare only where the storage is an integer's.
    """
    storage = column.type
    if type.definition.category != "E" and (pa.types.is_integer(storage) or pa.types.is_temporal(storage)):
        plain = column.view(_COUNTED[storage.bit_width // 8])
        return np.asarray((plain.fill_null(0) if plain.null_count else plain).to_numpy(), np.int64)
    if pa.types.is_boolean(storage):
        return np.asarray(column.fill_null(False).to_numpy(zero_copy_only=False), np.int64)
    present = np.flatnonzero(valid(column))
    found = np.zeros(len(column), np.int64)
    if len(present):
        order = type.definition.order_key
        assert order is not None, type
        keys = order(column.take(column_of(present, pa.int64())))
        found[present] = pc.rank(keys, sort_keys="ascending", tiebreaker="dense").to_numpy().astype(np.int64)
    return found


def sort_codes(column: Column, type: SqlType, order: OrderColumn) -> list[Ranks]:
    """One or two rank columns that ascend in the asked order, the most significant first."""
    codes = ranks(column, type)
    if order.descending:
        codes = ~codes
    if not column.null_count:
        return [codes]
    missing = ~valid(column)
    codes = np.where(missing, 0, codes)
    return [np.where(missing, -1 if order.nulls_first else 1, 0), codes]
