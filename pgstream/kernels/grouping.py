"""Grouping by 128-bit key: group numbers, weighted sums and extremes per group.

Keys come as two uint64 halves. Tables are open-addressed with linear probing, sized to a power of two and doubled at
half load, so that few groups stay in cache however many rows there are.
"""

import numpy as np

from pgstream.kernels.compiler import njit, types

U64 = types.Array(types.uint64, 1, "C", readonly=True)
I64 = types.Array(types.int64, 1, "C", readonly=True)
BOOL = types.Array(types.boolean, 1, "C", readonly=True)
OUT = types.int64[::1]

HI, LO, GROUP, WIDTH = 0, 1, 2, 4
"""A slot of a hash table: both halves of the key and the group's number from 1 (0: free), on one cache line."""


@njit(nogil=True, cache=True)
def _rehashed(table, size):  # type: ignore[no-untyped-def]
    """The entries of `table` in one of `size` slots."""
    grown = np.zeros((size, WIDTH), np.uint64)
    mask = np.uint64(size - 1)
    for slot in range(len(table)):
        if table[slot, GROUP] == 0:
            continue
        at = table[slot, LO] & mask
        while grown[at, GROUP] != 0:
            at = (at + np.uint64(1)) & mask
        grown[at, HI] = table[slot, HI]
        grown[at, LO] = table[slot, LO]
        grown[at, GROUP] = table[slot, GROUP]
    return grown


@njit(types.Tuple((OUT, OUT))(U64, U64), nogil=True, cache=True)
def group_ids(hi, lo):  # type: ignore[no-untyped-def]
    """The group number of each row, and each group's first row; groups are numbered in order of appearance."""
    n = len(hi)
    ids = np.empty(n, np.int64)
    first = np.empty(n, np.int64)
    size = 64 if n <= 32 else 1024
    table = np.zeros((size, WIDTH), np.uint64)
    mask = np.uint64(size - 1)
    count = 0
    for i in range(n):
        if i and hi[i] == hi[i - 1] and lo[i] == lo[i - 1]:
            ids[i] = ids[i - 1]
            continue
        at = lo[i] & mask
        group = table[at, GROUP]
        while group != 0 and (table[at, LO] != lo[i] or table[at, HI] != hi[i]):
            at = (at + np.uint64(1)) & mask
            group = table[at, GROUP]
        if group == 0:
            first[count] = i
            count += 1
            table[at, HI] = hi[i]
            table[at, LO] = lo[i]
            table[at, GROUP] = count
            ids[i] = count - 1
            if count * 2 > size:
                size *= 4
                table = _rehashed(table, size)
                mask = np.uint64(size - 1)
        else:
            ids[i] = np.int64(group) - 1
    return ids, first[:count].copy()


@njit(OUT(I64, I64, I64, types.int64), nogil=True, cache=True)
def weighted_sums(values, weights, ids, count):  # type: ignore[no-untyped-def]
    """The sum of value times weight over each group; int64, which wraps."""
    sums = np.zeros(count, np.int64)
    for i in range(len(ids)):
        sums[ids[i]] += values[i] * weights[i]
    return sums


@njit(OUT(I64, I64, types.int64), nogil=True, cache=True)
def group_sums(weights, ids, count):  # type: ignore[no-untyped-def]
    """The sum of the weights of each group."""
    sums = np.zeros(count, np.int64)
    for i in range(len(ids)):
        sums[ids[i]] += weights[i]
    return sums


@njit(OUT(I64, BOOL, I64, types.int64, types.boolean), nogil=True, cache=True)
def group_extremes(ranks, present, ids, count, descending):  # type: ignore[no-untyped-def]
    """The row with the least rank (the greatest with `descending`) among each group's present rows; -1: none."""
    best = np.full(count, -1, np.int64)
    for i in range(len(ids)):
        if not present[i]:
            continue
        group = ids[i]
        other = best[group]
        if other < 0 or (ranks[i] > ranks[other] if descending else ranks[i] < ranks[other]):
            best[group] = i
    return best


@njit(OUT(I64, I64, types.int64, types.int64), nogil=True, cache=True)
def cut_copies(query, weights, offset, limit):  # type: ignore[no-untyped-def]
    """How many copies of each row lie in [offset, offset + limit) of its query's copies; limit -1: no end.

    Rows stand query after query in order; weights are positive.
    """
    kept = np.zeros(len(query), np.int64)
    seen = np.int64(0)
    for i in range(len(query)):
        if i and query[i] != query[i - 1]:
            seen = np.int64(0)
        start = max(seen, offset)
        seen += weights[i]
        end = seen if limit < 0 else min(seen, offset + limit)
        kept[i] = max(end - start, 0)
    return kept


@njit(OUT(I64, types.int64), nogil=True, cache=True)
def group_offsets(query, count):  # type: ignore[no-untyped-def]
    """Where each of `count` groups starts among rows that stand group after group; the last entry is the length."""
    offsets = np.zeros(count + 1, np.int64)
    for i in range(len(query)):
        offsets[query[i] + 1] += 1
    for group in range(count):
        offsets[group + 1] += offsets[group]
    return offsets


@njit(types.void(types.boolean[::1], I64, I64, I64), nogil=True, cache=True)
def mark_changed(changed, new, old, old_of):  # type: ignore[no-untyped-def]
    """Sets `changed[g]` where `new[g]` is not `old[old_of[g]]`; `old_of[g]` of -1 says there is no old one."""
    for g in range(len(new)):
        if old_of[g] < 0 or new[g] != old[old_of[g]]:
            changed[g] = True


@njit(types.void(OUT, I64, I64), nogil=True, cache=True)
def add_old(change, old, old_of):  # type: ignore[no-untyped-def]
    """Adds to `change[g]` what `old` has at `old_of[g]`; nothing where that is -1."""
    for g in range(len(change)):
        if old_of[g] >= 0:
            change[g] += old[old_of[g]]


@njit(types.int64[:, ::1](I64, BOOL, BOOL, types.int64), nogil=True, cache=True)
def moved_rows(old_of, alive, alike, before):  # type: ignore[no-untyped-def]
    """The rows (row, weight, group) that go, then those that come, of the groups that are not `alike`.

    A group's old row is `old_of[g]` (-1: none), its new one `before + g`.
    """
    rows = np.empty((3, 2 * len(old_of)), np.int64)
    count = 0
    for weight in (-1, 1):
        for g in range(len(old_of)):
            if alike[g] or (old_of[g] < 0 if weight < 0 else not alive[g]):
                continue
            rows[0, count] = old_of[g] if weight < 0 else before + g
            rows[1, count] = weight
            rows[2, count] = g
            count += 1
    return rows[:, :count].copy()


@njit(OUT(types.int64[:, ::1], U64, U64, I64, types.int64), nogil=True, cache=True)
def group_firsts(codes, hi, lo, ids, count):  # type: ignore[no-untyped-def]
    """The row of each group that comes first: by the rows of `codes`, the most significant first, then (hi, lo)."""
    best = np.full(count, -1, np.int64)
    levels = codes.shape[0]
    for i in range(len(ids)):
        group = ids[i]
        other = best[group]
        if other < 0:
            best[group] = i
            continue
        level = 0
        while level < levels and codes[level, i] == codes[level, other]:
            level += 1
        if level < levels:
            if codes[level, i] < codes[level, other]:
                best[group] = i
        elif hi[i] < hi[other] or (hi[i] == hi[other] and lo[i] < lo[other]):
            best[group] = i
    return best


@njit(types.Tuple((OUT, OUT))(I64, I64), nogil=True, cache=True)
def pair_up(groups, offsets):  # type: ignore[no-untyped-def]
    """Every row, by its group, with every member of the group: members of group g are offsets[g]:offsets[g + 1]."""
    total = np.int64(0)
    for i in range(len(groups)):
        total += offsets[groups[i] + 1] - offsets[groups[i]]
    rows = np.empty(total, np.int64)
    members = np.empty(total, np.int64)
    at = 0
    for i in range(len(groups)):
        for member in range(offsets[groups[i]], offsets[groups[i] + 1]):
            rows[at] = i
            members[at] = member
            at += 1
    return rows, members
