"""Exact decimal quotients, printed with the scale that PostgreSQL's numeric division gives them."""

import numpy as np

from pgstream.kernels.compiler import boolean, int32, int64, njit, types, uint8

ints_in = types.Array(int64, 1, "C", readonly=True)
WIDTH = 80
"""Bytes that one printed quotient may need."""

LIMIT = 900_000_000_000_000_000
"""Operands at or above this (after alignment) are left to the caller: ten times them must fit int64."""


@njit(types.UniTuple(int64, 2)(int64, int64), nogil=True, cache=True)
def leading(magnitude, scale):  # type: ignore[no-untyped-def]
    """Weight and value of the first digit of magnitude·10^-scale in base 10000, as PostgreSQL stores numerics."""
    if magnitude == 0:
        return 0, 0
    digits = 0
    rest = magnitude
    while rest > 0:
        rest //= 10
        digits += 1
    weight = (digits - 1 - scale) // 4  # floor, for negative exponents too
    shift = scale + 4 * weight
    first = magnitude
    while shift > 0:
        first //= 10
        shift -= 1
    while shift < 0:
        first *= 10
        shift += 1
    return weight, first


@njit(int64(int64, int64, int64, int64), nogil=True, cache=True)
def quotient_scale(a, a_scale, b, b_scale):  # type: ignore[no-untyped-def]
    """select_div_scale() of numeric.c: at least 16 significant digits, and no fewer than an operand shows."""
    a_weight, a_first = leading(abs(a), a_scale)
    b_weight, b_first = leading(abs(b), b_scale)
    weight = a_weight - b_weight
    if a_first <= b_first:
        weight -= 1
    return min(max(16 - 4 * weight, a_scale, b_scale, 0), 1000)


@njit(int64(uint8[::1], int64, int64), nogil=True, cache=True)
def increment(out, first, end):  # type: ignore[no-untyped-def]
    """Adds one to the last digit of the number printed at first:end; returns where it starts now."""
    position = end - 1
    while position >= first:
        if out[position] != 46:
            if out[position] < 57:
                out[position] += 1
                return first
            out[position] = 48
        position -= 1
    out[first - 1] = 49
    return first - 1


@njit(
    int64(int64, int64, int64, boolean, uint8[::1], int64),
    nogil=True,
    cache=True,
)
def print_quotient(numerator, denominator, scale, negative, out, start):  # type: ignore[no-untyped-def]
    """Writes numerator / denominator (both positive) rounded half away from zero to `scale`; returns its end."""
    whole = numerator // denominator
    rest = numerator % denominator
    at = start + 1  # one byte for a sign or a carry
    first = at
    if whole == 0:
        out[at] = 48
        at += 1
    else:
        size = 0
        copy = whole
        while copy > 0:
            copy //= 10
            size += 1
        for position in range(at + size - 1, at - 1, -1):
            out[position] = 48 + whole % 10
            whole //= 10
        at += size
    if scale > 0:
        out[at] = 46
        at += 1
        for _ in range(scale):
            rest *= 10
            out[at] = 48 + rest // denominator
            rest %= denominator
            at += 1
    if rest >= denominator - rest:
        first = increment(out, first, at)
    nonzero = False
    for position in range(first, at):
        if out[position] > 48:
            nonzero = True
    shift = first - start
    if negative and nonzero:
        if shift == 0:
            for position in range(at, start, -1):
                out[position] = out[position - 1]
            at += 1
        out[start] = 45
        return at
    if shift:
        for position in range(first, at):
            out[position - shift] = out[position]
    return at - shift


@njit(
    types.Tuple((int32[::1], uint8[::1], boolean[::1]))(ints_in, ints_in, ints_in, ints_in),
    nogil=True,
    cache=True,
)
def divide_decimals(a, a_scale, b, b_scale):  # type: ignore[no-untyped-def]
    """Texts of (a·10^-a_scale) / (b·10^-b_scale) with b not 0; the flag is False where int64 does not suffice."""
    count = len(a)
    offsets = np.zeros(count + 1, np.int32)
    out = np.empty(count * WIDTH + 1, np.uint8)
    done = np.ones(count, np.bool_)
    at = int64(0)
    for row in range(count):
        numerator = abs(a[row])
        denominator = abs(b[row])
        gap = b_scale[row] - a_scale[row]
        fits = numerator >= 0 and denominator > 0
        for _ in range(gap):
            fits = fits and numerator < LIMIT
            numerator *= 10
        for _ in range(-gap):
            fits = fits and denominator < LIMIT // 10
            denominator *= 10
        scale = int64(0)
        if fits:
            scale = quotient_scale(a[row], a_scale[row], b[row], b_scale[row])
        if fits and denominator < LIMIT and scale < 50:
            at = print_quotient(numerator, denominator, scale, (a[row] < 0) != (b[row] < 0), out, at)
        else:
            done[row] = False
        offsets[row + 1] = at
    return offsets, out[:at].copy(), done
