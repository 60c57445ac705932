"""Layers: one long sorted sequence of rows, kept as runs side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.kernels import building, merging
from pgstream.kernels.arrow_views import every
from pgstream.late import Gather
from pgstream.storage.gather import SMALL_ROWS, Picked, gather, gather_small
from pgstream.storage.identity import Hash
from pgstream.storage.run import NO_HASH, NO_WORDS, ArrangementSpec, Rows, Run, fitted, run_of_words


@dataclass(frozen=True, slots=True)
class Layer:
    """Runs in ascending order, no identity in two of them; the first `start` rows of the first run are gone.

    A merge that goes on over many inserts takes rows off the fronts of its input layers and appends runs to its
    output layer, so that at any moment each row is in exactly one layer. `count` rows are left.
    """

    runs: tuple[Run, ...]
    start: int
    count: int

    @staticmethod
    def of(run: Run, rows_max: int) -> "Layer":
        """The layer of one run, cut into equal parts so that none has many more than `rows_max` rows.

        A small part behind large ones would keep the memory of the whole run, as it stays unmapped.
        """
        if run.count < 2 * rows_max:
            return Layer((run,), 0, run.count)
        parts = run.count // rows_max
        bounds = [run.count * part // parts for part in range(parts + 1)]
        runs = [run.slice(start, stop - start) for start, stop in pairwise(bounds)]
        return Layer(tuple(runs), 0, run.count)

    def drop(self, runs: int, start: int) -> "Layer":
        """This layer without its first `runs` runs, and without the rows of the next one before `start`."""
        gone = sum(run.count for run in self.runs[:runs]) + start - self.start
        return Layer(self.runs[runs:], start, self.count - gone)

    def append(self, run: Run | None) -> "Layer":
        """This layer with a run behind it."""
        return self if run is None else Layer((*self.runs, run), self.start, self.count + run.count)

    def replace(self, swap: Callable[[Run], Run]) -> "Layer":
        """This layer with equal runs in the place of its own."""
        return Layer(tuple(swap(run) for run in self.runs), self.start, self.count)


EMPTY = Layer((), 0, 0)


def merge_chunk(spec: ArrangementSpec, layers: Sequence[Layer], budget: int) -> tuple[Run | None, tuple[Layer, ...]]:
    """Takes about `budget` rows off the fronts: merged into a run (None: all cancelled), and what is left."""
    heads = [0] * len(layers)
    cursors = np.array([layer.start for layer in layers], np.int64)
    budget = min(budget, sum(layer.count for layer in layers))
    picks, sums = np.empty(budget + len(layers), np.int64), np.empty(budget + len(layers), np.int64)
    sources: list[Run] = []
    position = 0
    while budget > 0:
        table, more, current = _heads(layers, heads)
        before = position
        position, budget = merging.merge_sources(table, cursors, more, picks, sums, position, budget)
        picks[before:position] += _renumber(picks[before:position], current, sources)
        for i, layer in enumerate(layers):
            if heads[i] < len(layer.runs) and cursors[i] == layer.runs[heads[i]].count:
                heads[i], cursors[i] = heads[i] + 1, 0
    left = tuple(layer.drop(heads[i], int(cursors[i])) for i, layer in enumerate(layers))
    return pick_rows(spec, sources, fitted(picks, position), fitted(sums, position)), left


def merge_runs(spec: ArrangementSpec, runs: Sequence[Run]) -> Run | None:
    """The sum of whole runs of a few rows; None where all cancel."""
    table = _table(runs)
    picks, words, shift = building.merge_rows(table, spec.identified)
    if not len(picks):
        return None
    order = _picked_order(runs, picks) if spec.order else None
    whole = range(len(spec.types))
    few = gather_few(spec, table[:, merging.LEAVES].copy(), picks, whole) if len(picks) <= SMALL_ROWS else None
    return run_of_words(
        spec, len(picks), words, shift, few or Picked(gather_columns(spec, runs, picks, whole), None), order
    )


def _table(runs: Sequence[Run]) -> NDArray[np.int64]:
    words = bytearray().join([run.probed[0] for run in runs])
    return np.frombuffer(words, np.int64).reshape(-1, merging.TABLE_WIDTH)


def _picked_order(sources: Sequence[Run], picks: NDArray[np.int64]) -> pa.Array:
    """The order keys of the picked rows."""
    arrays = [run.rows.order for run in sources]
    return gather(pa.binary(), np.array([_order_leaf(run) for run in sources]), picks, lambda: arrays)


def _heads(layers: Sequence[Layer], heads: list[int]) -> tuple[NDArray[np.int64], NDArray[np.uint8], list[Run | None]]:
    """The kernel's view of the run that each layer is at."""
    table = np.zeros((len(layers), merging.TABLE_WIDTH), np.int64)
    more = np.zeros(len(layers), np.uint8)
    current: list[Run | None] = []
    for i, layer in enumerate(layers):
        run = layer.runs[heads[i]] if heads[i] < len(layer.runs) else None
        if run is not None:
            table[i] = run.row_table
            more[i] = heads[i] + 1 < len(layer.runs)
        current.append(run)
    return table, more, current


def _renumber(picks: NDArray[np.int64], current: list[Run | None], sources: list[Run]) -> NDArray[np.int64]:
    """What to add to picks that name layers, so that they name entries of `sources`, which grows as needed."""
    shift = merging.SOURCE_SHIFT
    moves = np.zeros(len(current), np.int64)
    for i, run in enumerate(current):
        if run is None:
            continue
        known = next((j for j, source in enumerate(sources) if source is run), None)
        if known is None:
            known = len(sources)
            sources.append(run)
        moves[i] = (known - i) << shift
    return moves[picks >> shift] if moves.any() else np.zeros(1, np.int64)


def pick_rows(
    spec: ArrangementSpec, sources: Sequence[Run], picks: NDArray[np.int64], weights: NDArray[np.int64]
) -> Run | None:
    """The picked rows of `sources`, which are in order, as a run."""
    if not len(picks):
        return None
    table = np.stack([run.row_table for run in sources])
    key = _words(table, merging.KEY, picks)
    row = _words(table, merging.ROW, picks) if spec.identified else key if spec.key_is_row else NO_HASH
    order, prefix = None, NO_WORDS
    if spec.order:
        order = _picked_order(sources, picks)
        prefix = _word(table[:, merging.PREFIX], picks)
    return Run.of(Rows(key, row, order, prefix, weights, gather_columns(spec, sources, picks, range(len(spec.types)))))


def gather_columns(
    spec: ArrangementSpec, sources: Sequence[Run], picks: NDArray[np.int64], positions: Sequence[int]
) -> tuple[Column, ...]:
    """The picked rows' columns at `positions`."""
    column = columns_of(spec, sources)
    return tuple(column(i, picks) for i in positions)


def gather_few(
    spec: ArrangementSpec, sources: NDArray[np.int64], picks: NDArray[np.int64], positions: Sequence[int]
) -> Picked | None:
    """As `gather_columns`, for a few rows of flat columns: `sources` are where the leaves of each source are."""
    if isinstance(positions, range) and len(positions) == len(spec.types):
        return gather_small(spec.storages, sources, every(len(spec.types)), picks)
    return gather_small([spec.storages[i] for i in positions], sources, np.array(positions, np.int64), picks)


def columns_of(spec: ArrangementSpec, sources: Sequence[Run]) -> Gather:
    """How columns of picked rows of `sources` are gathered."""
    places = np.stack([run.leaves for run in sources])

    def column(i: int, picks: NDArray[np.int64]) -> Column:
        return gather(spec.types[i].storage, places[:, i], picks, lambda: [run.rows.columns[i] for run in sources])

    return column


def _order_leaf(run: Run) -> tuple[int, int, int, int]:
    return 0, 0, int(run.row_table[merging.OFFSETS]), int(run.row_table[merging.CONTENT])


def _words(table: NDArray[np.int64], column: int, picks: NDArray[np.int64]) -> Hash:
    return Hash(_word(table[:, column], picks), _word(table[:, column + 1], picks))


def _word(values: NDArray[np.int64], picks: NDArray[np.int64]) -> NDArray[np.uint64]:
    out = np.empty(len(picks), np.uint64)
    merging.gather64(picks, np.ascontiguousarray(values), out)
    return out
