"""Who a row is: seeded 128-bit hashes of its representation, or of its key.

Two rows are one row exactly when their hashes are equal; the payload is never compared. With a secret seed the
chance that 10^9 distinct rows hold any collision is about 10^-21.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.kernels import batches, hashing
from pgstream.kernels.arrow_views import (
    BITS,
    FIXED,
    LIST,
    STRINGS,
    STRUCT,
    Leaves,
    address,
    every,
    leaf,
    leaves,
)
from pgstream.types.definition import SqlType

Words = NDArray[np.uint64]
Seed = tuple[int, int]


class Hash(NamedTuple):
    """128-bit hashes of n rows, as two columns of words; `hi` sorts first."""

    hi: Words
    lo: Words

    def take(self, indices: NDArray[np.int64] | slice) -> "Hash":
        """The hashes at `indices`."""
        return Hash(self.hi[indices], self.lo[indices])

    @property
    def rows(self) -> int:
        return len(self.hi)


def row_hash(columns: Sequence[Column], seed: Seed, count: int | None = None) -> Hash:
    """The identity of each row: of its exact representation, NULLs included.

    `count` is the number of rows, needed where there are no columns.
    """
    rows = len(columns[0]) if count is None else count
    places = leaves(columns)
    return hash_leaves(columns, places, every(len(places)), seed, rows)


def hash_leaves(columns: Sequence[Column], places: Leaves, positions: NDArray[np.int64], seed: Seed, rows: int) -> Hash:
    """The hash of each row over the columns at `positions`, of which `places` are the leaves."""
    lanes = Hash(np.empty(rows, np.uint64), np.empty(rows, np.uint64))
    if not batches.hash_columns(places, positions, secret_of(seed), *lanes):
        return _nested_hash([columns[position] for position in positions], seed, rows)
    return lanes


def _nested_hash(columns: Sequence[Column], seed: Seed, rows: int) -> Hash:
    secret = secret_of(seed)
    lanes = Hash(np.full(rows, secret[0]), np.full(rows, secret[1]))
    for column in columns:
        _absorb(column, secret, lanes)
    hashing.finish(*lanes)
    return lanes


def key_hash(columns: Sequence[Column], types: Sequence[SqlType], seed: Seed, count: int | None = None) -> Hash:
    """The identity of each row's key: equal where SQL's = holds in every column, or both are NULL.

    Equal to `row_hash` where no type has an `equality_key`.
    """
    return row_hash([equality_column(c, t) for c, t in zip(columns, types, strict=True)], seed, count)


def equality_column(column: Column, sql_type: SqlType) -> Column:
    """`column` with one representative for what SQL calls equal."""
    normalise = sql_type.definition.equality_key
    return column if normalise is None else normalise(column)


def is_word(storage: pa.DataType, sql_type: SqlType) -> bool:
    """Whether a column of these types is absorbed as signed integers that are their own equality key."""
    return bool(pa.types.is_signed_integer(storage)) and sql_type.definition.equality_key is None


@lru_cache(maxsize=64)
def secret_of(seed: Seed) -> Words:
    """Eight secret words from the seed (SplitMix64); the factors are odd."""
    state, words = (seed[0] ^ (seed[1] * 0x9E3779B97F4A7C15)) & hashing.WORD, []
    for index in range(8):
        state = (state + 0x9E3779B97F4A7C15) & hashing.WORD
        words.append(hashing.mix(np.uint64(state)) ^ hashing.mix(np.uint64((seed[1] + index) & hashing.WORD)))
    secret = np.array(words, np.uint64)
    secret[4:] |= np.uint64(1)
    secret.flags.writeable = True
    return secret


def _absorb(column: Column, secret: Words, lanes: Hash) -> None:
    assert len(column) == lanes.rows, (len(column), lanes.rows)
    if not lanes.rows:
        return
    place = leaf(column)
    kind, width = place.kind, place.width
    nulls = (place.bits, place.offset, secret, *lanes)
    if kind == FIXED and width <= 8:
        assert width in (1, 2, 4, 8), width
        hashing.absorb_words(place.values, width, *nulls)
    elif kind == STRINGS:
        hashing.absorb_strings(place.values, place.content, *nulls)
    elif kind == BITS:
        hashing.absorb_bits(place.values, *nulls)
    elif kind == FIXED:
        hashing.absorb_fixed(place.values, width, *nulls)
    elif kind == LIST:
        first, last = column.offsets[0].as_py(), column.offsets[len(column)].as_py()
        inner = row_hash([column.values.slice(first, last - first)], _inner_seed(secret))
        hashing.absorb_lists(place.values, *inner, *nulls)
    elif kind == STRUCT:
        inner = row_hash(column.flatten(), _inner_seed(secret), len(column))
        hashing.absorb_lists(0, *inner, *nulls)
    else:
        all_null = np.zeros((lanes.rows + 7) // 8, np.uint8)
        hashing.absorb_bits(address(all_null), address(all_null), 0, secret, *lanes)


def _inner_seed(secret: Words) -> Seed:
    return int(secret[2]), int(secret[3])
