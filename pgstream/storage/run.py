"""Runs: immutable sorted batches of rows."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column, Delta, Weights
from pgstream.kernels import building, merging, probing, sorting
from pgstream.kernels.arrow_views import Leaves, address, every, leaf, leaves
from pgstream.storage.gather import SMALL_ROWS, Picked, pick_column, pick_columns, pick_small
from pgstream.storage.identity import Hash, Seed, Words, hash_leaves, key_hash
from pgstream.storage.order import OrderColumn, order_keys, prefixes
from pgstream.types.definition import SqlType

NO_WORDS: Words = np.empty(0, np.uint64)
NO_HASH = Hash(NO_WORDS, NO_WORDS)


@dataclass(frozen=True)
class ArrangementSpec:
    """What an arrangement holds: rows of `types`, found by the columns at `key`, in each key sorted by `order`.

    An empty key is one group that holds every row. Where an arrangement is only `growing`, no row ever comes to cancel
    another, so rows are kept without their identity: equal ones stand side by side.
    """

    types: tuple[SqlType, ...]
    key: tuple[int, ...]
    order: tuple[OrderColumn, ...] = ()
    growing: bool = False

    @cached_property
    def key_is_row(self) -> bool:
        """Whether equal keys are equal rows, so that one hash serves as both."""
        plain = all(t.definition.equality_key is None for t in self.types)
        return plain and self.key == tuple(range(len(self.types)))

    @cached_property
    def identified(self) -> bool:
        """Whether each row has a hash beside that of its key."""
        return not (self.growing or self.key_is_row)

    @cached_property
    def storages(self) -> tuple[pa.DataType, ...]:
        return tuple(t.storage for t in self.types)

    @cached_property
    def plain_key(self) -> NDArray[np.int64] | None:
        """The positions of the key, where its columns are hashed as they are."""
        plain = all(self.types[position].definition.equality_key is None for position in self.key)
        return np.array(self.key, np.int64) if plain else None


_FENCES = struct.Struct("=5Q")
_TABLE_ROW = struct.Struct(f"={merging.TABLE_WIDTH}q")


class Fences(NamedTuple):
    """The first and last key of a run that is not empty."""

    first: int
    first_low: int
    last: int
    last_low: int


class Rows(NamedTuple):
    """The buffers of a run. `row is key` where the spec's key is the row, and is NO_HASH where rows have no identity;
    `order` and `prefix` are there where the spec is ordered.

    `directory` is there where it was stored with the run.
    """

    key: Hash
    row: Hash
    order: pa.Array | None
    prefix: Words
    weights: Weights
    columns: tuple[Column, ...]
    directory: NDArray[np.uint32] | None = None


class Run:
    """Rows sorted by (key hash, order key, row hash), consolidated: identities differ and no weight is zero.

    Never empty. The buffers may be read from the store at first use; count and fences are known before.
    """

    def __init__(self, count: int, fences: Fences, load: Callable[[], Rows], nbytes: int | None = None) -> None:
        self.count = count
        self.fences = fences
        self._load = load
        if nbytes is not None:
            self.nbytes = nbytes

    @staticmethod
    def of(rows: Rows, places: Leaves | None = None) -> "Run":
        """The run of `rows`, which are in order. `places` are the leaves of their columns, if the caller has them."""
        key = rows.key
        fences = Fences(int(key.hi[0]), int(key.lo[0]), int(key.hi[-1]), int(key.lo[-1]))
        run = Run(len(rows.weights), fences, lambda: rows)
        if places is not None:
            run.leaves = places
        return run

    @cached_property
    def rows(self) -> Rows:
        return self._load()

    @cached_property
    def nbytes(self) -> int:
        """Bytes of the buffers."""
        return _size(self.rows)

    @cached_property
    def row_table(self) -> NDArray[np.int64]:
        """This run's row of the table that kernels read (see `kernels/merging.py`)."""
        return np.frombuffer(bytearray(self._packed(0, 0)), np.int64)

    @cached_property
    def probed(self) -> tuple[bytes, bytes]:
        """What a probe reads of this run: its row of the table, with the directory, and its fences, as words."""
        packed = self._packed(address(self.directory), self.directory_shift)
        return packed, _FENCES.pack(*self.fences, self.fences.first)

    def _packed(self, directory: int, shift: int) -> bytes:
        rows, word = self.rows, merging.UNIDENTIFIED
        low = prefix = offsets = content = 0
        key, key_low, weights = address(rows.key.hi), address(rows.key.lo), address(rows.weights)
        if rows.row is rows.key:
            word = 0
        elif rows.row is not NO_HASH:
            word, low = address(rows.row.hi), address(rows.row.lo)
        if rows.order is not None:
            place = leaf(rows.order)
            prefix, offsets, content = address(rows.prefix), place.values, place.content
        places = address(self.leaves)
        return _TABLE_ROW.pack(
            key, key_low, word, low, prefix, offsets, content, weights, 0, self.count, directory, shift, places
        )

    @cached_property
    def directory(self) -> NDArray[np.uint32]:
        """Where in the run each part of its key range starts (see `kernels/probing.py`)."""
        stored = self.rows.directory
        return probing.build_directory(self.rows.key.hi, self.directory_shift) if stored is None else stored

    @cached_property
    def directory_shift(self) -> int:
        return int(probing.directory_shift(self.fences.first, self.fences.last, self.count))

    @cached_property
    def leaves(self) -> Leaves:
        """Where the columns' buffers lie."""
        return leaves(self.rows.columns)

    def slice(self, start: int, count: int) -> "Run":
        """`count` >= 1 rows from `start` on, sharing memory."""
        rows, cut = self.rows, slice(start, start + count)
        key = rows.key.take(cut)
        order = None if rows.order is None else rows.order.slice(start, count)
        columns = tuple(column.slice(start, count) for column in rows.columns)
        row = key if rows.row is rows.key else rows.row if rows.row is NO_HASH else rows.row.take(cut)
        return Run.of(Rows(key, row, order, rows.prefix[cut], rows.weights[cut], columns))

    def delta(self) -> Delta:
        """The rows, in run order, sharing memory."""
        return Delta(self.rows.columns, self.rows.weights)


Moved: TypeAlias = tuple[NDArray[np.int64], Weights]
"""The numbers of some rows, and the weight of each."""


def build_run(delta: Delta, spec: ArrangementSpec, seed: Seed, key: Hash | None = None) -> Run | None:
    """`delta` sorted and consolidated; None where nothing is left. `key` is its key hash, if the caller has it."""
    if not len(delta):
        return None
    columns = tuple(delta.columns)
    places = leaves(columns)
    key, row = _hashes(columns, places, len(delta), spec, seed, key)
    return _sorted(Picking(columns, places, None), delta.weights, spec, key, row)


def build_picked(
    columns: tuple[Column, ...], places: Leaves, rows: Moved, spec: ArrangementSpec, seed: Seed, key: Hash
) -> Run | None:
    """As `build_run`, of some rows of a few more. `places` are the leaves, `key` is the key hash of those rows."""
    picks, weights = rows
    if not len(picks):
        return None
    row = key if spec.key_is_row else NO_HASH
    if spec.identified:
        count = len(columns[0]) if columns else int(picks.max()) + 1
        row = hash_leaves(columns, places, every(len(places)), seed, count).take(picks)
    return _sorted(Picking(columns, places, picks), weights, spec, key, row)


class Picking(NamedTuple):
    """Columns, their leaves, and the rows of them that are meant (None: all)."""

    columns: tuple[Column, ...]
    places: Leaves
    picks: NDArray[np.int64] | None

    def at(self, rows: NDArray[np.int64]) -> "Picking":
        """The meant rows at `rows`."""
        return Picking(self.columns, self.places, rows if self.picks is None else self.picks[rows])

    def gathered(self) -> tuple[Column, ...]:
        return self.columns if self.picks is None else pick_columns(self.columns, self.picks, self.places)


def _sorted(rows: Picking, weights: Weights, spec: ArrangementSpec, key: Hash, row: Hash) -> Run | None:
    """The run of `rows`, whose hashes and weights these are."""
    order, prefix = None, NO_WORDS
    if spec.order:
        order = order_keys(rows.gathered(), spec.types, spec.order)
        prefix = prefixes(order)
    place = (0, 0) if order is None else (leaf(order).values, leaf(order).content)
    second = NO_HASH if row is key else row
    if len(weights) <= SMALL_ROWS:
        alike = row is not NO_HASH
        picks, words, shift = building.build_rows(*key, prefix, *place, *second, np.ascontiguousarray(weights), alike)
        return _small_run(rows, spec, order, picks, words, shift) if len(picks) else None
    permutation = sorting.sort_rows(*key, prefix, *place, *second)
    new_key, new_row = _sorted_hashes(key, row, permutation)
    sums = weights[permutation]
    kept = _kept(new_key, new_row, sums)
    if not len(kept):
        return None
    if len(kept) < len(weights):
        permutation, sums = permutation[kept], sums[kept]
        new_key, new_row = _sorted_hashes(new_key, new_row, kept)
    if order is not None:
        order, prefix = pick_column(order, permutation), prefix[permutation]
    return Run.of(Rows(new_key, new_row, order, prefix, sums, rows.at(permutation).gathered()))


def _small_run(
    rows: Picking, spec: ArrangementSpec, order: pa.Array | None, picks: NDArray[np.int64], words: Words, shift: int
) -> Run:
    """The run of the rows at `picks`, which `building` put into order."""
    wanted = picks if rows.picks is None else rows.picks[picks]
    made = pick_small(rows.columns, wanted, rows.places)
    if order is not None:
        order = pick_column(order, picks)
    return run_of_words(spec, len(picks), words, shift, made or Picked(rows.at(picks).gathered(), None), order)


def run_of_words(
    spec: ArrangementSpec, count: int, words: Words, shift: int, picked: Picked, order: pa.Array | None = None
) -> Run:
    """The run of `count` rows that a kernel of `building` made, with its columns and its order keys."""
    key = Hash(words[:count], words[count : 2 * count])
    row, end = key if spec.key_is_row else NO_HASH, 3 * count
    if spec.identified:
        row, end = Hash(words[end : end + count], words[end + count : end + 2 * count]), end + 2 * count
    fences = Fences(words[0].item(), words[count].item(), words[count - 1].item(), words[2 * count - 1].item())
    directory = words[end:].view(np.uint32)[: ((fences.last - fences.first) >> shift) + 2]
    prefix = NO_WORDS if order is None else prefixes(order)
    rows = Rows(key, row, order, prefix, words[2 * count : 3 * count].view(np.int64), picked.columns, directory)
    run = Run(count, fences, lambda: rows)
    run.directory_shift = shift
    if picked.places is not None:
        run.leaves = picked.places
    return run


def _sorted_hashes(key: Hash, row: Hash, picks: NDArray[np.int64]) -> tuple[Hash, Hash]:
    """Both hashes of the picked rows; one object where they are one."""
    new_key = key.take(picks)
    return new_key, new_key if row is key else row if row is NO_HASH else row.take(picks)


def _kept(key: Hash, row: Hash, weights: Weights) -> NDArray[np.int64]:
    """Which of the sorted rows stay, after the first of equal ones was given the sum of their weights."""
    if row is NO_HASH:
        return weights.nonzero()[0]
    kept = np.empty(len(weights), np.int64)
    count = sorting.sum_equal(*key, *(NO_HASH if row is key else row), weights, kept)
    return fitted(kept, count)


def hashes(delta: Delta, spec: ArrangementSpec, seed: Seed, key: Hash | None = None) -> tuple[Hash, Hash]:
    """The key hash and row hash of each row; one object where one serves as both, NO_HASH where rows have none."""
    return _hashes(delta.columns, leaves(delta.columns), len(delta), spec, seed, key)


def _hashes(
    columns: tuple[Column, ...], places: Leaves, count: int, spec: ArrangementSpec, seed: Seed, key: Hash | None
) -> tuple[Hash, Hash]:
    if key is None and spec.plain_key is not None:
        key = hash_leaves(columns, places, spec.plain_key, seed, count)
    elif key is None:
        types = [spec.types[position] for position in spec.key]
        key = key_hash([columns[position] for position in spec.key], types, seed, count)
    if spec.key_is_row:
        return key, key
    if not spec.identified:
        return key, NO_HASH
    return key, hash_leaves(columns, places, every(len(places)), seed, count)


def fitted(array: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The first `count` entries; a copy where much would be held in vain."""
    return array if count == len(array) else array[:count] if count * 4 > len(array) * 3 else array[:count].copy()


def _size(rows: Rows) -> int:
    hashes_bytes = 16 * (len(rows.weights) + (0 if rows.row is rows.key else rows.row.rows))
    order_bytes = 0 if rows.order is None else rows.order.nbytes + rows.prefix.nbytes
    return int(hashes_bytes + order_bytes + rows.weights.nbytes + sum(column.nbytes for column in rows.columns))
