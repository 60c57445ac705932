"""Spines: arrangements as persistent values.

A spine is a set of layers (`layer.py`) whose sum is the arrangement. Inserting gives a new spine that shares all
runs it can, so a fork costs nothing and a failed tick is undone by forgetting it.

Layers are classed by size, each class `fan` times the one below (tiered merging, as in O'Neil et al., "The
Log-Structured Merge-Tree", Acta Informatica 1996). When a class holds `fan` layers they are merged, a chunk at a
time: an insert of n rows pays each merge in progress `fuel` * n rows of credit, and a merge advances by a chunk when
its credit covers one. So an insert does at most O((fuel * n + chunk) * log N) work whatever the spine's size, each row
is merged O(log N / log fan) times in all, and there are O(fan * log N) layers. Where few read, the fan is wider.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pgstream.delta import Column, Delta, Indices, Weights, concat
from pgstream.kernels import finding, gathering, merging, probing
from pgstream.kernels import spans as spans_of
from pgstream.kernels.arrow_views import every
from pgstream.late import selected
from pgstream.storage.gather import SMALL_ROWS
from pgstream.storage.identity import Hash, Seed, is_word, key_hash, secret_of
from pgstream.storage.layer import EMPTY, Layer, columns_of, gather_columns, gather_few, merge_chunk, merge_runs
from pgstream.storage.pace import Pace, Traffic
from pgstream.storage.run import ArrangementSpec, Run, build_run
from pgstream.types.definition import SqlType

FEW_KEYS = 256
"""So few keys are looked up by one call, which has room for the most spans that there may be."""


class Matches(NamedTuple):
    """What a probe found: row i of `delta` belongs to the asked key number `query[i]`; `query` ascends."""

    query: Indices
    delta: Delta


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge in progress: what is left of its inputs, and its output so far."""

    inputs: tuple[Layer, ...]
    output: Layer
    credit: int

    @property
    def remaining(self) -> int:
        return sum(layer.count for layer in self.inputs)


@dataclass(frozen=True)
class Spine:
    """An arrangement at one moment. `settled` layers await merging, oldest first; `merges` are under way.

    `weight` is the sum of all weights. Reading is thread-safe.
    """

    spec: ArrangementSpec
    seed: Seed
    settled: tuple[Layer, ...] = ()
    merges: tuple[Merge, ...] = ()
    weight: int = 0
    pace: Pace = field(default_factory=Pace)
    traffic: Traffic = field(default_factory=Traffic, compare=False, repr=False)

    @staticmethod
    def empty(spec: ArrangementSpec, seed: Seed, pace: Pace | None = None) -> "Spine":
        """The arrangement of no rows."""
        return Spine(spec, seed, pace=pace or Pace())

    # -- writing

    def insert(self, delta: Delta, key: Hash | None = None) -> "Spine":
        """The sum of this spine and `delta`. `key` is the delta's key hash, if the caller has it already."""
        return self.insert_run(build_run(delta, self.spec, self.seed, key))

    def insert_run(self, run: Run | None) -> "Spine":
        """The sum of this spine and a run built for the same spec and seed (None: no rows)."""
        if run is None:
            return self
        sum_of_weights = int(np.add.reduce(run.rows.weights))
        weight = self.weight + sum_of_weights
        self.traffic.came += run.count
        self.traffic.gone += max(run.count - sum_of_weights, 0) // 2
        layer = Layer.of(run, _chunk_rows(self.pace, [run]))
        settled = list(self.settled)
        if run.count < self.pace.small_rows:
            small = [other for other in settled if other.count < self.pace.small_rows]
            if len(small) + 1 >= self.pace.small_layers:
                settled = [other for other in settled if other.count >= self.pace.small_rows]
                layer = _merge_whole(self.spec, (*small, layer))
        if layer.count:
            settled.append(layer)
        merges = [replace(merge, credit=merge.credit + run.count * self.pace.fuel) for merge in self.merges]
        if merges or (layer.count >= self.pace.small_rows and len(settled) >= self.pace.fan):
            settled, merges = _advance(self.spec, self.pace, self.traffic.wide, settled, merges)
        return Spine(self.spec, self.seed, tuple(settled), tuple(merges), weight, self.pace, self.traffic)

    def replace_runs(self, swap: Callable[[Run], Run]) -> "Spine":
        """The same arrangement with equal runs in the place of its own."""
        merges = tuple(
            replace(
                merge, inputs=tuple(layer.replace(swap) for layer in merge.inputs), output=merge.output.replace(swap)
            )
            for merge in self.merges
        )
        return replace(self, settled=tuple(layer.replace(swap) for layer in self.settled), merges=merges)

    # -- measures

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """All layers that hold rows; their sum is the arrangement."""
        merging = [layer for merge in self.merges for layer in (merge.output, *merge.inputs)]
        return tuple(layer for layer in (*self.settled, *merging) if layer.count)

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        return tuple(run for layer in self.layers for run in layer.runs)

    @property
    def all_runs(self) -> tuple[Run, ...]:
        """Every run a manifest has to name: those of `runs`, in any state of merging."""
        merging = [layer for merge in self.merges for layer in (merge.output, *merge.inputs)]
        return tuple(run for layer in (*self.settled, *merging) for run in layer.runs)

    @property
    def nbytes(self) -> int:
        """Bytes of all runs, on the heap or in the store."""
        return sum(run.nbytes for run in self.runs)

    @property
    def len_upper_bound(self) -> int:
        """At least the number of distinct rows."""
        return sum(layer.count for layer in self.layers)

    def total(self) -> int:
        """The sum of all weights: how many rows SQL counts."""
        return self.weight

    def __bool__(self) -> bool:
        return bool(self.layers)

    # -- reading

    def contents(self, positions: Sequence[int] | None = None) -> Delta:
        """All rows (their columns at `positions`), consolidated, in run order."""
        parts = list(self.chunks(max(self.len_upper_bound, 1), positions))
        return concat(parts) if parts else self._nothing(self._positions(positions))

    def chunks(self, rows: int, positions: Sequence[int] | None = None) -> Iterator[Delta]:
        """The contents in pieces of about `rows` rows, in run order, so that whole spines need not fit in memory."""
        chosen = self._positions(positions)
        layers = self.layers
        while layers:
            if len(layers) == 1 and layers[0].runs[0].count - layers[0].start <= rows:
                head = layers[0]
                yield head.runs[0].delta().slice(head.start, head.runs[0].count - head.start).select(chosen)
                layers = (head.drop(1, 0),)
            else:
                run, layers = merge_chunk(self.spec, layers, rows)
                if run is not None:
                    yield run.delta().select(chosen)
            layers = tuple(layer for layer in layers if layer.count)

    def probe(
        self, keys: Hash, *, consolidate: bool = False, positions: Sequence[int] | None = None, late: bool = False
    ) -> Matches:
        """The rows of each asked key, by query; keys may repeat and come in any order (ascending is fastest).

        Consolidated, the rows of a query are in run order (the spec's order) and distinct; else a row may come
        several times with weights that add up. `positions` are the columns wanted; all by default. With `late` each is
        gathered when it is first asked for.
        """
        self.traffic.asked += keys.rows
        if self.layers and keys.rows <= FEW_KEYS and not late:
            index = self.index
            query, picks, weights = finding.find_keys(index.table, index.fences, index.bounds, *keys, consolidate)
            return self.matches(query, picks, weights, positions)
        spans = self.locate(keys)
        several = consolidate and len(spans) > 1 and bool((spans[1:, 0] == spans[:-1, 0]).any())
        count = int((spans[:, 3] - spans[:, 2]).sum())
        query, picks, weights = (np.empty(count, np.int64) for _ in range(3))
        if several:
            count = spans_of.merge_spans(self.index.table, spans, -1, False, query, picks, weights)
        elif count:
            spans_of.expand(self.index.table, spans, query, picks, weights)
        if late and count:
            gather = columns_of(self.spec, self.index.runs)
            columns = selected(picks[:count], gather, self._positions(positions))
            return Matches(query[:count], Delta(columns, weights[:count]))
        return self.matches(query[:count], picks[:count], weights[:count], positions)

    def find(self, columns: Sequence[Column], types: Sequence[SqlType]) -> list[tuple[Run, int, int]]:
        """The rows of one key, given by columns of one value each, as (run, row in it, weight), in run order."""
        self.traffic.asked += 1
        if not self.layers:
            return []
        if len(columns) == 1 and columns[0].null_count == 0 and is_word(columns[0].type, types[0]):
            return self.find_word(columns[0][0].as_py())
        index, keys = self.index, key_hash(columns, types, self.seed, 1)
        return index.named(finding.find_key(index.table, index.fences, index.bounds, keys.hi, keys.lo))

    def find_word(self, word: int) -> list[tuple[Run, int, int]]:
        """As `find`, for a key of one column that `is_word`."""
        if not self.layers:
            return []
        index = self.index
        return index.named(finding.find_word(index.table, index.fences, index.bounds, secret_of(self.seed), word))

    def head(self, keys: Hash, copies: int, *, positions: Sequence[int] | None = None) -> Matches:
        """The first `copies` copies of rows of each key, in the spec's order; the last row's weight is cut to fit.

        Reads only as many rows as it gives (and those that cancel).
        """
        return self._ends(keys, copies, positions, backwards=False)

    def tail(self, keys: Hash, copies: int, *, positions: Sequence[int] | None = None) -> Matches:
        """As `head`, from the other end: the last row comes first."""
        return self._ends(keys, copies, positions, backwards=True)

    def lookup_weights(self, keys: Hash, rows: Hash) -> Weights:
        """The weight of each asked row, by its key hash and row hash; 0 where there is none."""
        assert self.spec.identified or self.spec.key_is_row, "rows that have no identity cannot be asked for"
        self.traffic.asked += keys.rows
        sums = np.zeros(keys.rows, np.int64)
        spans = self.locate(keys)
        if len(spans):
            spans_of.sum_rows(self.index.table, spans, rows.hi, rows.lo, bool(self.spec.order), sums)
        return sums

    def key_weights(self, keys: Hash) -> Weights:
        """The sum of the weights of each asked key's rows."""
        self.traffic.asked += keys.rows
        sums = np.zeros(keys.rows, np.int64)
        if self.layers and keys.rows <= FEW_KEYS:
            index = self.index
            finding.weigh_keys(index.table, index.fences, index.bounds, *keys, sums)
            return sums
        spans = self.locate(keys)
        if len(spans):
            spans_of.sum_keys(self.index.table, spans, sums)
        return sums

    # -- inside

    @cached_property
    def index(self) -> "Index":
        """What kernels read."""
        return Index.of(self.layers)

    def _positions(self, positions: Sequence[int] | None) -> Sequence[int]:
        return range(len(self.spec.types)) if positions is None else positions

    def _nothing(self, positions: Sequence[int]) -> Delta:
        return Delta.empty([self.spec.storages[position] for position in positions])

    def locate(self, keys: Hash) -> NDArray[np.int64]:
        """Spans (query, run, start, stop) of the asked keys."""
        if not self.layers or not keys.rows:
            return np.empty((0, 4), np.int64)
        index, parts, query = self.index, [], 0
        hi, lo = np.ascontiguousarray(keys.hi), np.ascontiguousarray(keys.lo)
        while query < keys.rows:
            room = np.empty((2 * (keys.rows - query) + 2 * probing.BLOCK * len(index.runs), 4), np.int64)
            query, found = probing.locate(index.table, index.fences, index.bounds, hi, lo, query, room)
            parts.append(room[:found])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _ends(self, keys: Hash, copies: int, positions: Sequence[int] | None, *, backwards: bool) -> Matches:
        self.traffic.asked += keys.rows
        if self.layers and keys.rows <= FEW_KEYS:
            index = self.index
            query, picks, weights = finding.find_ends(index.table, index.fences, index.bounds, *keys, copies, backwards)
            return self.matches(query, picks, weights, positions)
        spans = self.locate(keys)
        per_query = np.bincount(spans[:, 0], weights=spans[:, 3] - spans[:, 2]) if len(spans) else np.zeros(0)
        room = int(np.minimum(per_query, copies).sum())
        query, picks, weights = (np.empty(room, np.int64) for _ in range(3))
        count = 0
        if room:
            count = spans_of.merge_spans(self.index.table, spans, copies, backwards, query, picks, weights)
        return self.matches(query[:count], picks[:count], weights[:count], positions)

    def matches(
        self, query: Indices, picks: NDArray[np.int64], weights: Weights, positions: Sequence[int] | None
    ) -> Matches:
        chosen = self._positions(positions)
        if not len(query):
            return Matches(query, self._nothing(chosen))
        if len(picks) <= SMALL_ROWS:
            sources = np.ascontiguousarray(self.index.table[:, merging.LEAVES])
            few = gather_few(self.spec, sources, picks, chosen)
            if few is not None:
                return Matches(query, Delta(few.columns, weights))
        return Matches(query, Delta(gather_columns(self.spec, self.index.runs, picks, chosen), weights))


@dataclass(frozen=True, slots=True)
class Index:
    """What probing kernels read of a spine's runs; holding `runs` keeps the addresses valid."""

    runs: tuple[Run, ...]
    table: NDArray[np.int64]
    fences: NDArray[np.uint64]
    bounds: NDArray[np.int64]

    def named(self, found: NDArray[np.int64]) -> list[tuple[Run, int, int]]:
        """Rows (pick, weight) as (run, row in it, weight)."""
        shift, mask = gathering.SOURCE_SHIFT, gathering.ROW_MASK
        return [(self.runs[pick >> shift], pick & mask, weight) for pick, weight in found.tolist()]

    @staticmethod
    def of(layers: Sequence[Layer]) -> "Index":
        runs = tuple(run for layer in layers for run in layer.runs)
        table = np.frombuffer(bytearray().join([run.probed[0] for run in runs]), np.int64)
        table = table.reshape(-1, merging.TABLE_WIDTH)
        fences = np.frombuffer(bytearray().join([run.probed[1] for run in runs]), np.uint64)
        fences = fences.reshape(-1, probing.FENCE_WIDTH)
        if len(runs) == len(layers):
            bounds = every(len(layers) + 1)
        else:
            bounds = np.array([0, *accumulate(len(layer.runs) for layer in layers)])
        for layer, at in zip(layers, bounds.tolist(), strict=False):
            if layer.start:
                key = layer.runs[0].rows.key
                table[at, merging.START] = layer.start
                fences[at, :2] = key.hi[layer.start], key.lo[layer.start]
        return Index(runs, table, fences, bounds)


def _merge_whole(spec: ArrangementSpec, layers: Sequence[Layer]) -> Layer:
    """The sum of layers of a few rows."""
    if any(layer.start or len(layer.runs) > 1 for layer in layers):
        run, _ = merge_chunk(spec, layers, sum(layer.count for layer in layers))
    else:
        run = merge_runs(spec, [layer.runs[0] for layer in layers])
    return EMPTY.append(run)


def _advance(
    spec: ArrangementSpec, pace: Pace, wide: bool, settled: list[Layer], merges: list[Merge]
) -> tuple[list[Layer], list[Merge]]:
    """Starts the merges that are due and advances all by their credit, until nothing moves."""
    while True:
        settled, started = _start_merges(pace, wide, settled)
        going: list[Merge] = []
        finished = False
        for merge in (*merges, *started):
            merge = _spend(spec, pace, merge)
            if merge.remaining:
                going.append(merge)
                continue
            finished = True
            if merge.output.count:
                settled.append(merge.output)
        merges = going
        if not finished:
            return settled, merges


def _start_merges(pace: Pace, wide: bool, settled: list[Layer]) -> tuple[list[Layer], list[Merge]]:
    """Takes the layers of each class that has enough of them."""
    classes: dict[tuple[int, int], list[Layer]] = {}
    for layer in settled:
        classes.setdefault(pace.size_class(layer.count, wide), []).append(layer)
    large = [layers for (size, fan), layers in classes.items() if size > 0 and len(layers) >= fan]
    started = [Merge(tuple(layers), EMPTY, 0) for layers in large]
    taken = {id(layer) for merge in started for layer in merge.inputs}
    return [layer for layer in settled if id(layer) not in taken], started


def _spend(spec: ArrangementSpec, pace: Pace, merge: Merge) -> Merge:
    """Merges chunks as long as the credit covers them; what fits in a sixteenth of a chunk is free."""
    chunk = _chunk_rows(pace, [run for layer in merge.inputs for run in layer.runs])
    while merge.remaining:
        step = min(chunk, merge.remaining)
        if merge.credit < step and merge.remaining > chunk // 16:
            break
        run, left = merge_chunk(spec, merge.inputs, step)
        inputs = tuple(layer for layer in left if layer.count)
        merge = Merge(inputs, merge.output.append(run), max(merge.credit - step, 0))
    return merge


def _chunk_rows(pace: Pace, runs: Sequence[Run]) -> int:
    """Rows of a chunk: fewer where rows are wide."""
    count = sum(run.count for run in runs)
    if count < 1024:
        return pace.chunk_rows
    width = sum(run.nbytes for run in runs) / count
    return int(min(pace.chunk_rows, max(pace.chunk_bytes / max(width, 1), 1024)))
