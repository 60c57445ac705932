"""Sums and products of decimals in the fast form of `kernels/numeric.py`: unscaled * 10**-scale."""

import numpy as np

from pgstream.kernels.compiler import int64, njit, types
from pgstream.kernels.numeric import POWERS
from pgstream.kernels.text import flags_out, int32s_in, ints_in, ints_out

BOUND = 9.2e18
"""Below this a float64 product of two int64 proves that the int64 product did not overflow."""

SCALE_MAX = 18

scales_out = types.Array(types.int32, 1, "C")


@njit(
    types.Tuple((ints_out, scales_out, flags_out))(ints_in, int32s_in, ints_in, int32s_in, int64),
    nogil=True,
    cache=True,
)
def add_decimals(a, a_scale, b, b_scale, sign):  # type: ignore[no-untyped-def]
    """a + sign * b at the larger scale; the flag is False where int64 does not suffice. `b` of length 1 repeats."""
    count = len(a)
    step = 0 if len(b) == 1 else 1
    values = np.zeros(count, np.int64)
    scales = np.zeros(count, np.int32)
    ok = np.ones(count, np.bool_)
    for row in range(count):
        left = a[row]
        right = b[row * step] * sign
        gap = a_scale[row] - b_scale[row * step]
        scales[row] = max(a_scale[row], b_scale[row * step])
        fits = True
        if gap > 0:
            fits = gap <= SCALE_MAX and abs(float(right)) * float(POWERS[min(gap, SCALE_MAX)]) < BOUND
            right *= POWERS[min(gap, SCALE_MAX)]
        elif gap < 0:
            fits = -gap <= SCALE_MAX and abs(float(left)) * float(POWERS[min(-gap, SCALE_MAX)]) < BOUND
            left *= POWERS[min(-gap, SCALE_MAX)]
        ok[row] = fits and abs(float(left) + float(right)) < BOUND and scales[row] <= SCALE_MAX
        values[row] = left + right
    return values, scales, ok


@njit(
    types.Tuple((ints_out, scales_out, flags_out))(ints_in, int32s_in, ints_in, int32s_in),
    nogil=True,
    cache=True,
)
def multiply_decimals(a, a_scale, b, b_scale):  # type: ignore[no-untyped-def]
    """a * b; the flag is False where int64 does not suffice. `b` of length 1 repeats."""
    count = len(a)
    step = 0 if len(b) == 1 else 1
    values = np.empty(count, np.int64)
    scales = np.empty(count, np.int32)
    ok = np.empty(count, np.bool_)
    for row in range(count):
        right = b[row * step]
        values[row] = a[row] * right
        scales[row] = a_scale[row] + b_scale[row * step]
        ok[row] = abs(float(a[row]) * float(right)) < BOUND and scales[row] <= SCALE_MAX
    return values, scales, ok
