"""Sums over stretches of rows, added up row by row as PostgreSQL does it, so that they round as its do.

A stretch that begins where the one before it did, and ends no earlier, goes on from there: frames that only grow cost
their partition once.
"""

import numpy as np

from pgstream.kernels.compiler import njit, types

I64 = types.Array(types.int64, 1, "C", readonly=True)
F64 = types.Array(types.float64, 1, "C", readonly=True)
OUT = types.float64[::1]


@njit(OUT(F64, I64, I64), nogil=True, cache=True)
def fold_sums(values, starts, ends):  # type: ignore[no-untyped-def]
    """The sum of each stretch; 0 for an empty one."""
    found = np.empty(len(starts), np.float64)
    at = np.int64(0)
    total = 0.0
    for i in range(len(starts)):
        if i == 0 or starts[i] != starts[i - 1] or ends[i] < at:
            at = starts[i]
            total = 0.0
        while at < ends[i]:
            total += values[at]
            at += 1
        found[i] = total
    return found


@njit(types.Tuple((OUT, types.boolean))(F64, I64, I64), nogil=True, cache=True)
def fold_squares(values, starts, ends):  # type: ignore[no-untyped-def]
    """The sum of squared differences from the mean of each stretch, by the update of Youngs and Cramer that
    float8_accum uses; and whether finite values overflowed."""
    found = np.empty(len(starts), np.float64)
    overflow = False
    at = np.int64(0)
    count = 0.0
    total = 0.0
    squares = 0.0
    for i in range(len(starts)):
        if i == 0 or starts[i] != starts[i - 1] or ends[i] < at:
            at = starts[i]
            count = 0.0
            total = 0.0
            squares = 0.0
        while at < ends[i]:
            value = values[at]
            before = total
            count += 1.0
            total += value
            if count > 1.0:
                gap = value * count - total
                squares += gap * gap / (count * (count - 1.0))
                if np.isinf(total) or np.isinf(squares):
                    overflow = overflow or not (np.isinf(before) or np.isinf(value))
                    squares = np.nan
            elif not np.isfinite(value):
                squares = np.nan
            at += 1
        found[i] = squares
    return found, overflow


@njit(types.Tuple((types.float64[:, ::1], types.boolean))(F64, F64, I64, I64), nogil=True, cache=True)
def fold_pairs(ys, xs, starts, ends):  # type: ignore[no-untyped-def]
    """Of each stretch the row (sum of x, of its squared differences, sum of y, of its squared differences, of the
    products of differences), as float8_regr_accum makes them; and whether finite values overflowed."""
    found = np.empty((len(starts), 5), np.float64)
    state = np.zeros(5, np.float64)
    overflow = False
    at = np.int64(0)
    count = 0.0
    for i in range(len(starts)):
        if i == 0 or starts[i] != starts[i - 1] or ends[i] < at:
            at = starts[i]
            count = 0.0
            state[:] = 0.0
        while at < ends[i]:
            x = xs[at]
            y = ys[at]
            infinite_x = np.isinf(state[0]) or np.isinf(x)
            infinite_y = np.isinf(state[2]) or np.isinf(y)
            count += 1.0
            state[0] += x
            state[2] += y
            if count > 1.0:
                gap_x = x * count - state[0]
                gap_y = y * count - state[2]
                scale = 1.0 / (count * (count - 1.0))
                state[1] += gap_x * gap_x * scale
                state[3] += gap_y * gap_y * scale
                state[4] += gap_x * gap_y * scale
                overflow |= (np.isinf(state[0]) or np.isinf(state[1])) and not infinite_x
                overflow |= (np.isinf(state[2]) or np.isinf(state[3])) and not infinite_y
                overflow |= np.isinf(state[4]) and not infinite_x and not infinite_y
                for part in (1, 3, 4):
                    if np.isinf(state[part]):
                        state[part] = np.nan
            else:
                if not np.isfinite(x):
                    state[1] = state[4] = np.nan
                if not np.isfinite(y):
                    state[3] = state[4] = np.nan
            at += 1
        found[i] = state
    return found, overflow
