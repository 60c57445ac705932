"""Stretches: of the rows of a key in an ordered arrangement those between two order keys, found by bisection."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pgstream.kernels import spans as spans_of
from pgstream.kernels.arrow_views import leaf
from pgstream.storage.identity import Hash
from pgstream.storage.spine import Matches, Spine

EVERY = -1
"""As many copies as there are."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """For each asked key the rows from `start` on and before `stop`, two columns of order keys (None: no bound).

    With `after` rows of just that order key are before the bound, else behind it.
    """

    start: pa.Array | None = None
    stop: pa.Array | None = None
    after: bool = False


def rows_within(spine: Spine, keys: Hash, stretch: Stretch, copies: int = EVERY, *, backwards: bool = False) -> Matches:
    """The consolidated rows of each key in its stretch, in the order of the arrangement or `backwards`; the first
    `copies` copies of them."""
    assert spine.spec.order
    spine.traffic.asked += keys.rows
    spans = spine.locate(keys)
    for bound, stops in ((stretch.start, False), (stretch.stop, True)):
        if bound is not None and len(spans):
            place = leaf(bound)
            spans_of.cut(spine.index.table, spans, place.values, place.content, stretch.after, stops)
    spans = np.ascontiguousarray(spans[spans[:, 2] < spans[:, 3]])
    room = int((spans[:, 3] - spans[:, 2]).sum()) if copies < 0 else _room(spans, copies)
    query, picks, weights = (np.empty(room, np.int64) for _ in range(3))
    count = 0
    if room:
        count = spans_of.merge_spans(spine.index.table, spans, copies, backwards, query, picks, weights)
    return spine.matches(query[:count], picks[:count], weights[:count], None)


def _room(spans: np.ndarray, copies: int) -> int:
    """How many rows there can be, at most."""
    if not len(spans):
        return 0
    lengths = np.bincount(spans[:, 0], weights=spans[:, 3] - spans[:, 2])
    return int(np.minimum(lengths, copies).sum())
