"""Queues: rows in the order in which their time comes, as an arrangement whose first rows are taken away.

All rows of a queue have one key and lie in order of their last column, the time. Weights count as in any arrangement,
so a row that is retracted before its time leaves the queue.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pgstream.delta import Delta
from pgstream.functions.vector import numbers
from pgstream.storage.identity import Hash, Seed, key_hash
from pgstream.storage.order import OrderColumn
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType

Ints = NDArray[np.int64]
INT8 = SqlType("int8")

FEW = 1024
"""How many rows are looked at first where nobody knows how many are due."""

GARBAGE = 4
"""How many rows may be kept for one that is there."""


def queue_spec(types: Sequence[SqlType]) -> ArrangementSpec:
    """A queue of rows of these types."""
    return ArrangementSpec((*types, INT8), (), (OrderColumn(len(types)),))


def first_us(queue: Spine) -> int | None:
    """The time of the first row."""
    if not queue:
        return None
    time = len(queue.spec.types) - 1
    found = queue.head(_only_key(queue.seed), 1, positions=(time,)).delta
    return int(numbers(found.columns[0])[0]) if len(found) else None


def taken(queue: Spine, until_us: int) -> tuple[Delta, Spine]:
    """The rows, with their times, whose time is `until_us` or earlier, and the queue without them."""
    copies = FEW
    total = queue.total()
    while True:
        found = queue.head(_only_key(queue.seed), copies).delta
        due = int(np.searchsorted(numbers(found.columns[-1]), until_us, side="right"))
        if due < len(found) or copies >= total:
            break
        copies = min(copies * 8, total)
    rows = found.slice(0, due)
    return rows, queue.insert(rows.negate()) if len(rows) else queue


def condensed(spine: Spine) -> Spine:
    """`spine` without rows that cancel each other, where most do: those of a queue all go in the end."""
    if spine.len_upper_bound <= GARBAGE * max(spine.total(), FEW):
        return spine
    return Spine.empty(spine.spec, spine.seed, spine.pace).insert(spine.contents())


def _only_key(seed: Seed) -> Hash:
    return key_hash([], [], seed, 1)
