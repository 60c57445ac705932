"""Delta: a Z-set batch, the only thing that flows between operators.

A Z-set maps rows to integer weights (Budiu et al., "DBSP: Automatic Incremental View Maintenance for Rich Query
Languages", VLDB 2023, §3). A positive weight adds copies of a row, a negative weight retracts them. A delta may
name one row several times; the weights add up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.late import Column, Indices, Late

Weights: TypeAlias = NDArray[np.int64]
__all__ = ["Column", "Delta", "Indices", "Weights", "concat"]


@dataclass(frozen=True, slots=True)
class Delta:
    """`n` rows as `n`-long contiguous Arrow columns, and an int64 weight for each.

    `columns` may be empty (a relation of no columns still has rows). Weights are never zero in what an operator
    emits, but an input may hold zeros; consumers must tolerate them. Columns may be `Late`: who needs few of them
    should not walk over all.
    """

    columns: tuple[Column, ...]
    weights: Weights

    def __len__(self) -> int:
        return len(self.weights)

    def take(self, indices: Indices) -> "Delta":
        """The rows at `indices` (int64, 0-based), in that order, with their weights."""
        if isinstance(self.columns, Late):
            return Delta(self.columns.take(indices), self.weights[indices])
        picks = pa.array(indices)
        return Delta(tuple(column.take(picks) for column in self.columns), self.weights[indices])

    def filter(self, keep: NDArray[np.bool_]) -> "Delta":
        """The rows where `keep` holds."""
        if np.count_nonzero(keep) == len(keep):  # a sixth of what `all` costs where rows are few
            return self
        return self.take(np.flatnonzero(keep))

    def slice(self, start: int, length: int) -> "Delta":
        """`length` rows from `start` on, sharing memory."""
        if isinstance(self.columns, Late):
            return self.take(np.arange(start, min(start + length, len(self))))
        return Delta(tuple(c.slice(start, length) for c in self.columns), self.weights[start : start + length])

    def select(self, positions: Sequence[int]) -> "Delta":
        """The same rows with only the columns at `positions`, in that order."""
        if isinstance(self.columns, Late):
            return Delta(self.columns.select(positions), self.weights)
        return Delta(tuple(self.columns[position] for position in positions), self.weights)

    def negate(self) -> "Delta":
        """The delta that undoes this one."""
        return Delta(self.columns, -self.weights)

    @staticmethod
    def of(columns: Sequence[Column], weight: int = 1) -> "Delta":
        """Each row of `columns` (at least one) once, or `weight` times."""
        return Delta(tuple(columns), np.full(len(columns[0]), weight, np.int64))

    @staticmethod
    def empty(storages: Sequence[pa.DataType]) -> "Delta":
        """No rows, of the given Arrow types."""
        return Delta(tuple(map(_no_values, storages)), np.empty(0, np.int64))


@lru_cache(1024)
def _no_values(storage: pa.DataType) -> Column:
    return pa.array([], storage)


def concat(deltas: Sequence[Delta]) -> Delta:
    """The sum of `deltas` (at least one, of equal column types), rows in the order given, unconsolidated."""
    parts = [delta for delta in deltas if len(delta)] or [deltas[0]]
    if len(parts) == 1:
        return parts[0]
    columns = tuple(pa.concat_arrays([part.columns[i] for part in parts]) for i in range(len(parts[0].columns)))
    return Delta(columns, np.concatenate([part.weights for part in parts]))
