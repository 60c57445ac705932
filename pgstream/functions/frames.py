"""Frames: the rows that a window call sees from each row of its partition."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column

Ints = NDArray[np.int64]
CHUNK_ROWS = 1 << 22
"""So many rows of frames are written out at once, of aggregates that look at each."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows starts[i] up to ends[i] for each row i; none where both are the same, and never less than none."""

    starts: Ints
    ends: Ints

    @staticmethod
    def of(starts: Ints, ends: Ints) -> "Stretch":
        return Stretch(starts, np.maximum(starts, ends))

    @property
    def counts(self) -> Ints:
        return self.ends - self.starts


@dataclass(frozen=True)
class Frames:
    """The frame of each row: one stretch of rows after another. There are several where EXCLUDE takes rows out."""

    parts: tuple[Stretch, ...]

    @cached_property
    def counts(self) -> Ints:
        return np.asarray(sum(part.counts for part in self.parts), np.int64)

    def nth(self, number: Ints) -> Ints:
        """The row that is the given one of each frame, from 1; -1 where there is none."""
        found = np.full(len(self.counts), -1, np.int64)
        rest = number.astype(np.int64)
        for part in self.parts:
            inside = (found < 0) & (rest >= 1) & (rest <= part.counts)
            found = np.where(inside, part.starts + rest - 1, found)
            rest = rest - part.counts
        return found

    def first(self) -> Ints:
        return self.nth(np.ones(len(self.counts), np.int64))

    def last(self) -> Ints:
        return self.nth(self.counts)

    def excluding(self, starts: Ints, ends: Ints, *, but_self: bool) -> "Frames":
        """These frames, each one stretch, without the rows starts[i]:ends[i]; with row i itself if `but_self`."""
        [part] = self.parts
        rows = np.arange(len(part.starts))
        before = Stretch.of(part.starts, np.minimum(part.ends, starts))
        after = Stretch.of(np.maximum(part.starts, ends), part.ends)
        if not but_self:
            return Frames((before, after))
        inside = (part.starts <= rows) & (rows < part.ends)
        return Frames((before, Stretch(rows, rows + inside), after))

    def among(self, present: NDArray[np.bool_]) -> "Frames":
        """These frames over the rows that are `present`, counted among themselves."""
        if present.all():
            return self
        before = np.concatenate([[0], np.cumsum(present)])
        return Frames(tuple(Stretch(before[part.starts], before[part.ends]) for part in self.parts))

    def over_each(self, value: Callable[[Ints, Ints], Column]) -> Column:
        """`value` of each frame: it is given rows, frame after frame, and the offsets between frames. Neighbours with
        one frame share its value."""
        bounds = [bound for part in self.parts for bound in (part.starts, part.ends)]
        opens = np.ones(len(self.counts), np.bool_)
        opens[1:] = np.any([bound[1:] != bound[:-1] for bound in bounds], axis=0)
        chosen = np.flatnonzero(opens)
        before = np.concatenate([[0], np.cumsum(self.counts[chosen])])
        made = []
        at = 0
        while at < len(chosen):
            end = max(int(np.searchsorted(before, before[at] + CHUNK_ROWS, "right")) - 1, at + 1)
            made.append(value(*self._rows(chosen[at:end])))
            at = end
        each = pa.concat_arrays(made)
        return each if opens.all() else each.take(pa.array(np.cumsum(opens) - 1))

    def _rows(self, chosen: Ints) -> tuple[Ints, Ints]:
        """The rows of some frames, frame after frame, and the offsets between frames."""
        starts = np.stack([part.starts[chosen] for part in self.parts], axis=1).ravel()
        counts = np.stack([part.counts[chosen] for part in self.parts], axis=1).ravel()
        offsets = np.concatenate([[0], np.cumsum(counts)])
        rows = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], counts)
        return rows, offsets[:: len(self.parts)]
