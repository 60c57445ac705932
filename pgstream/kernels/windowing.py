"""Window frames over rows that stand partition after partition in window order."""

import numpy as np

from pgstream.kernels.compiler import njit, types

I64 = types.Array(types.int64, 1, "C", readonly=True)
BOOL = types.Array(types.boolean, 1, "C", readonly=True)
OUT = types.int64[::1]


@njit(types.Tuple((OUT, OUT))(BOOL), nogil=True, cache=True)
def extents(starts_here):  # type: ignore[no-untyped-def]
    """For each row the first row of its stretch and the row after its last; a stretch begins where the flag is set."""
    n = len(starts_here)
    first = np.empty(n, np.int64)
    end = np.empty(n, np.int64)
    at = np.int64(0)
    for i in range(n):
        if starts_here[i]:
            at = np.int64(i)
        first[i] = at
    at = np.int64(n)
    for i in range(n - 1, -1, -1):
        end[i] = at
        if starts_here[i]:
            at = np.int64(i)
    return first, end


@njit(OUT(I64, I64, I64), nogil=True, cache=True)
def step_groups(start, peers, distance):  # type: ignore[no-untyped-def]
    """The first row of the peer group that lies `distance[0]` groups from each row's own (negative: before it).

    Beyond the partition's first group that is the partition's `start`; beyond its last, the partition's end.
    """
    n = len(start)
    shift = distance[0]
    groups = np.empty(n + 1, np.int64)
    number = np.empty(n, np.int64)
    count = 0
    for i in range(n):
        if i == 0 or peers[i] != peers[i - 1] or start[i] != start[i - 1]:
            groups[count] = i
            count += 1
        number[i] = count - 1
    groups[count] = n
    found = np.empty(n, np.int64)
    end = np.int64(n)
    for i in range(n - 1, -1, -1):
        target = number[i] + shift
        if target < number[start[i]]:
            found[i] = start[i]
        elif target >= count or groups[target] >= end:
            found[i] = end
        else:
            found[i] = groups[target]
        if start[i] == i:
            end = np.int64(i)
    return found


@njit(OUT(I64, I64, I64, I64, types.boolean), nogil=True, cache=True)
def search_ranks(ranks, bounds, low, high, after):  # type: ignore[no-untyped-def]
    """For each row the first row of [low, high) whose rank is >= its bound (> with `after`); ranks ascend there."""
    found = np.empty(len(bounds), np.int64)
    for i in range(len(bounds)):
        a = low[i]
        b = high[i]
        while a < b:
            middle = (a + b) // 2
            if ranks[middle] < bounds[i] or (after and ranks[middle] == bounds[i]):
                a = middle + 1
            else:
                b = middle
        found[i] = a
    return found


@njit(OUT(I64, BOOL, I64, I64, I64, types.boolean), nogil=True, cache=True)
def frame_extremes(ranks, present, partition, starts, ends, descending):  # type: ignore[no-untyped-def]
    """The row of least rank (greatest with `descending`) among the present rows of each frame; -1: none.

    Frame bounds never go back within a partition, so one queue of candidates serves all of its rows.
    """
    n = len(ranks)
    found = np.full(n, -1, np.int64)
    queue = np.empty(n, np.int64)
    head = 0
    tail = 0
    fed = np.int64(0)
    for i in range(n):
        if i == 0 or partition[i] != partition[i - 1]:
            head = 0
            tail = 0
            fed = partition[i]
        while fed < ends[i]:
            if present[fed]:
                while tail > head and (
                    ranks[queue[tail - 1]] < ranks[fed] if descending else ranks[queue[tail - 1]] > ranks[fed]
                ):
                    tail -= 1
                queue[tail] = fed
                tail += 1
            fed += 1
        while head < tail and queue[head] < starts[i]:
            head += 1
        if head < tail and starts[i] < ends[i]:
            found[i] = queue[head]
    return found
