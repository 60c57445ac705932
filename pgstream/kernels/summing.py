"""Summing the weights of equal rows in the order they came, by a hash table."""

import numpy as np

from pgstream.kernels.compiler import njit, types

U64 = types.Array(types.uint64, 1, "C", readonly=True)
I64 = types.Array(types.int64, 1, "C", readonly=True)


@njit(types.int64(U64, U64, I64, types.int64[::1]), nogil=True, cache=True)
def sum_by_hash(hi, lo, weights, sums) -> int:  # type: ignore[no-untyped-def]
    """Puts the total weight of each identity at its first row, 0 at its other rows; returns how many are not 0."""
    count = len(hi)
    bits = 3
    while (1 << bits) < 2 * count:
        bits += 1
    shift, mask = np.uint64(64 - bits), (1 << bits) - 1
    slots = np.full(1 << bits, -1, np.int32)
    for i in range(count):
        slot = np.int64(hi[i] >> shift)
        while slots[slot] >= 0 and (hi[slots[slot]] != hi[i] or lo[slots[slot]] != lo[i]):
            slot = (slot + 1) & mask
        if slots[slot] < 0:
            slots[slot] = i
            sums[i] = weights[i]
        else:
            sums[slots[slot]] += weights[i]
            sums[i] = 0
    left = 0
    for i in range(count):
        left += sums[i] != 0
    return left


@njit(types.int64(U64, U64, types.int64[::1], types.int64[::1]), nogil=True, cache=True)
def number_by_hash(hi, lo, groups, firsts) -> int:  # type: ignore[no-untyped-def]
    """Numbers the distinct identities in order of first appearance: `groups[i]` is row i's number.

    `firsts[g]` is the first row of group g. Returns the number of groups.
    """
    count = len(hi)
    bits = 3
    while (1 << bits) < 2 * count:
        bits += 1
    shift, mask = np.uint64(64 - bits), (1 << bits) - 1
    slots = np.full(1 << bits, -1, np.int32)
    found = 0
    for i in range(count):
        slot = np.int64(hi[i] >> shift)
        while slots[slot] >= 0:
            first = firsts[slots[slot]]
            if hi[first] == hi[i] and lo[first] == lo[i]:
                break
            slot = (slot + 1) & mask
        if slots[slot] < 0:
            slots[slot] = found
            firsts[found] = i
            found += 1
        groups[i] = slots[slot]
    return found
