"""Deltas in which each row is named once, and groups of equal keys."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pgstream.delta import Delta
from pgstream.kernels import summing
from pgstream.storage.identity import Hash, Seed, row_hash

ANY_SEED: Seed = (0x243F6A8885A308D3, 0x13198A2E03707344)
"""For hashes that live no longer than one call."""


def consolidate(delta: Delta, seed: Seed = ANY_SEED, rows: Hash | None = None) -> Delta:
    """`delta` with equal rows summed and those that cancel dropped, in order of first appearance.

    Equality is of the exact representation. `rows` are the row hashes, if the caller has them.
    """
    count = len(delta)
    if count < 2:
        return delta if count == 0 or delta.weights[0] != 0 else delta.slice(0, 0)
    if rows is None:
        rows = row_hash(delta.columns, seed, count)
    sums = np.empty(count, np.int64)
    weights = np.ascontiguousarray(delta.weights)
    left = summing.sum_by_hash(np.ascontiguousarray(rows.hi), np.ascontiguousarray(rows.lo), weights, sums)
    summed = Delta(delta.columns, sums)
    return summed if left == count else summed.take(np.flatnonzero(sums))


class Groups(NamedTuple):
    """Rows grouped by identity: `number[i]` is row i's group, `first[g]` the first row of group g (ascending)."""

    number: NDArray[np.int64]
    first: NDArray[np.int64]


def group(keys: Hash) -> Groups:
    """The groups of equal keys, numbered in order of first appearance."""
    numbers, firsts = np.empty(keys.rows, np.int64), np.empty(keys.rows, np.int64)
    hi, lo = np.ascontiguousarray(keys.hi), np.ascontiguousarray(keys.lo)
    found = summing.number_by_hash(hi, lo, numbers, firsts)
    return Groups(numbers, firsts[:found])
