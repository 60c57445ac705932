"""Runs: immutable sorted batches of rows."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column, Delta, Weights
from pgstream.kernels import merging, probing, sorting
from pgstream.kernels.arrow_views import address, leaf
from pgstream.storage.gather import Addresses, leaves, pick_column
from pgstream.storage.identity import Hash, Seed, Words, key_hash, row_hash
from pgstream.storage.order import OrderColumn, order_keys, prefixes
from pgstream.types.definition import SqlType

NO_WORDS: Words = np.empty(0, np.uint64)
NO_HASH = Hash(NO_WORDS, NO_WORDS)


@dataclass(frozen=True, slots=True)
class ArrangementSpec:
    """What an arrangement holds: rows of `types`, found by the columns at `key`, in each key sorted by `order`.

    An empty key is one group that holds every row. Where an arrangement is only `growing`, no row ever comes to cancel
    another, so rows are kept without their identity: equal ones stand side by side.
    """

    types: tuple[SqlType, ...]
    key: tuple[int, ...]
    order: tuple[OrderColumn, ...] = ()
    growing: bool = False

    @property
    def key_is_row(self) -> bool:
        """Whether equal keys are equal rows, so that one hash serves as both."""
        plain = all(t.definition.equality_key is None for t in self.types)
        return plain and self.key == tuple(range(len(self.types)))

    @property
    def identified(self) -> bool:
        """Whether each row has a hash beside that of its key."""
        return not (self.growing or self.key_is_row)

    @property
    def storages(self) -> tuple[pa.DataType, ...]:
        return tuple(t.storage for t in self.types)


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
    def of(rows: Rows) -> "Run":
        """The run of `rows`, which are in order."""
        key = rows.key
        fences = Fences(int(key.hi[0]), int(key.lo[0]), int(key.hi[-1]), int(key.lo[-1]))
        return Run(len(rows.weights), fences, lambda: rows)

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
        rows = self.rows
        row = np.zeros(merging.TABLE_WIDTH, np.int64)
        row[merging.KEY], row[merging.KEY_LOW] = address(rows.key.hi), address(rows.key.lo)
        if rows.row is NO_HASH:
            row[merging.ROW] = merging.UNIDENTIFIED
        elif rows.row is not rows.key:
            row[merging.ROW], row[merging.ROW_LOW] = address(rows.row.hi), address(rows.row.lo)
        if rows.order is not None:
            place = leaf(rows.order)
            row[merging.PREFIX] = address(rows.prefix)
            row[merging.OFFSETS], row[merging.CONTENT] = place.values, place.content
        row[merging.WEIGHT] = address(rows.weights)
        row[merging.STOP] = self.count
        return row

    @cached_property
    def directory(self) -> NDArray[np.uint32]:
        """Where in the run each part of its key range starts (see `kernels/probing.py`)."""
        stored = self.rows.directory
        return probing.build_directory(self.rows.key.hi, self.directory_shift) if stored is None else stored

    @property
    def directory_shift(self) -> int:
        return int(probing.directory_shift(self.fences.first, self.fences.last, self.count))

    @cached_property
    def leaves(self) -> Addresses:
        """int64[columns, 4]: where the columns' buffers lie."""
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


def build_run(delta: Delta, spec: ArrangementSpec, seed: Seed, key: Hash | None = None) -> Run | None:
    """`delta` sorted and consolidated; None where nothing is left. `key` is its key hash, if the caller has it."""
    if not len(delta):
        return None
    key, row = hashes(delta, spec, seed, key)
    order, prefix = None, NO_WORDS
    if spec.order:
        order = order_keys(delta.columns, spec.types, spec.order)
        prefix = prefixes(order)
    place = (0, 0) if order is None else (leaf(order).values, leaf(order).content)
    permutation = sorting.sort_rows(key.hi, key.lo, prefix, *place, *(NO_HASH if row is key else row))
    new_key, new_row = _sorted_hashes(key, row, permutation)
    weights = delta.weights[permutation]
    kept = _kept(new_key, new_row, weights)
    if not len(kept):
        return None
    if len(kept) < len(delta):
        permutation, weights = permutation[kept], weights[kept]
        new_key, new_row = _sorted_hashes(new_key, new_row, kept)
    columns = tuple(pick_column(column, permutation) for column in delta.columns)
    if order is not None:
        order, prefix = pick_column(order, permutation), prefix[permutation]
    return Run.of(Rows(new_key, new_row, order, prefix, weights, columns))


def _sorted_hashes(key: Hash, row: Hash, picks: NDArray[np.int64]) -> tuple[Hash, Hash]:
    """Both hashes of the picked rows; one object where they are one."""
    new_key = key.take(picks)
    return new_key, new_key if row is key else row if row is NO_HASH else row.take(picks)


def _kept(key: Hash, row: Hash, weights: Weights) -> NDArray[np.int64]:
    """Which of the sorted rows stay, after the first of equal ones was given the sum of their weights."""
    if row is NO_HASH:
        return np.flatnonzero(weights)
    kept = np.empty(len(weights), np.int64)
    count = sorting.sum_equal(*key, *(NO_HASH if row is key else row), weights, kept)
    return fitted(kept, count)


def hashes(delta: Delta, spec: ArrangementSpec, seed: Seed, key: Hash | None = None) -> tuple[Hash, Hash]:
    """The key hash and row hash of each row; one object where one serves as both, NO_HASH where rows have none."""
    count = len(delta)
    if key is None:
        types = [spec.types[position] for position in spec.key]
        key = key_hash([delta.columns[position] for position in spec.key], types, seed, count)
    if spec.key_is_row:
        return key, key
    return key, row_hash(delta.columns, seed, count) if spec.identified else NO_HASH


def fitted(array: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The first `count` entries; a copy where much would be held in vain."""
    return array if count == len(array) else array[:count] if count * 4 > len(array) * 3 else array[:count].copy()


def _size(rows: Rows) -> int:
    hashes_bytes = 16 * (len(rows.weights) + (0 if rows.row is rows.key else rows.row.rows))
    order_bytes = 0 if rows.order is None else rows.order.nbytes + rows.prefix.nbytes
    return int(hashes_bytes + order_bytes + rows.weights.nbytes + sum(column.nbytes for column in rows.columns))
