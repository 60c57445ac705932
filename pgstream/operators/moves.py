"""Moves: the rows that come and go where groups change."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column, Delta
from pgstream.kernels.arrow_views import LIST, STRUCT, Leaf, Leaves, leaves
from pgstream.kernels.batches import mark_alike
from pgstream.kernels.grouping import moved_rows
from pgstream.storage.gather import pick_columns
from pgstream.storage.run import Moved

Ints = NDArray[np.int64]
_KIND = Leaf._fields.index("kind")


@dataclass(frozen=True, slots=True)
class Moves:
    """How groups moved: where each one's old row is (-1: it had none), and which are there now.

    There are `before` old rows.
    """

    old_of: Ints
    alive: NDArray[np.bool_]
    before: int

    def rows(self, columns: Sequence[Column], places: Leaves, same: int) -> tuple[Moved, Ints]:
        """The rows that go and the rows that come, of the groups that do not look the same; and the group of each.

        `columns` have the old rows, then one for each group; the first `same` never change.
        """
        count = len(self.old_of)
        now = np.arange(self.before, self.before + count)
        alike = self.alive & (self.old_of >= 0)
        flat = []
        for position, kind in enumerate(places[same:, _KIND].tolist(), same):
            if kind in (LIST, STRUCT):
                _mark_nested(columns[position], self.old_of, now, alike)
            else:
                flat.append(position)
        mark_alike(places, np.array(flat, np.int64), self.old_of, now, alike)
        picks, weights, groups = moved_rows(self.old_of, self.alive, alike, self.before)
        return (picks, weights), groups

    def change(self, columns: Sequence[Column], same: int) -> Delta:
        """Those rows themselves."""
        places = leaves(columns)
        (picks, weights), _ = self.rows(columns, places, same)
        return Delta(pick_columns(columns, picks, places), weights)


def _mark_nested(column: Column, left: Ints, right: Ints, alike: NDArray[np.bool_]) -> None:
    """Clears `alike` where rows `left` and `right` of the column differ."""
    rows = np.flatnonzero(alike)
    pairs = zip(*(column.take(pa.array(side[rows])).to_pylist() for side in (left, right)), strict=True)
    alike[rows] = [a == b for a, b in pairs]
