"""Loops over numerics, which are stored as the text PostgreSQL prints (`-12.50`, `NaN`, `Infinity`).

The fast form of a numeric is an int64 `unscaled` and an int32 `scale`: unscaled * 10**-scale, where scale is the
number of digits printed after the point. Arguments are those of `kernels/text.py`.
"""

import numpy as np

from pgstream.kernels.compiler import njit, types
from pgstream.kernels.text import (
    bytes_in,
    bytes_out,
    flags_in,
    flags_out,
    int32s_in,
    ints_in,
    ints_out,
    offsets_in,
    offsets_out,
)

POWERS = np.array([10**exponent for exponent in range(19)], np.int64)
"""10**0 … 10**18: all that an int64 holds."""


@njit(flags_out(offsets_in, bytes_in, flags_in), nogil=True, cache=True)
def canonical(offsets, content, valid):  # type: ignore[no-untyped-def]
    """Which texts are already what PostgreSQL would print for them (digits only; True where NULL)."""
    fine = np.ones(len(valid), np.bool_)
    for row in range(len(valid)):
        if not valid[row]:
            continue
        at = offsets[row]
        end = offsets[row + 1]
        negative = at < end and content[at] == 45
        if negative:
            at += 1
        start = at
        point = end
        nonzero = False
        right = end - start < 1000
        for i in range(at, end):
            code = content[i]
            if code == 46 and point == end and i > start:
                point = i
            elif code < 48 or code > 57:
                right = False
                break
            elif code != 48:
                nonzero = True
        if point == start or point == end - 1 or (content[start] == 48 and point - start > 1):
            right = False
        fine[row] = right and (nonzero or not negative)
    return fine


@njit(types.Tuple((ints_out, offsets_out, flags_out))(offsets_in, bytes_in, flags_in), nogil=True, cache=True)
def unpack(offsets, content, valid):  # type: ignore[no-untyped-def]
    """(unscaled, scale, ok): ok is False for NaN, Infinity and more than 18 digits; NULLs are an ok zero."""
    count = len(valid)
    unscaled = np.zeros(count, np.int64)
    scale = np.zeros(count, np.int32)
    ok = np.ones(count, np.bool_)
    for row in range(count):
        if not valid[row]:
            continue
        at = offsets[row]
        end = offsets[row + 1]
        negative = at < end and content[at] == 45
        if negative:
            at += 1
        value = np.int64(0)
        digits = 0
        point = -1
        while at < end and digits <= 18:
            code = np.int64(content[at])
            if code == 46:
                point = at
            elif code > 57:
                digits = 19
                break
            else:
                value = value * 10 + (code - 48)
                digits += 1
            at += 1
        if digits > 18:
            ok[row] = False
            continue
        unscaled[row] = -value if negative else value
        scale[row] = 0 if point < 0 else end - point - 1
    return unscaled, scale, ok


@njit(types.Tuple((offsets_out, bytes_out))(ints_in, int32s_in, flags_in), nogil=True, cache=True)
def pack(unscaled, scale, valid):  # type: ignore[no-untyped-def]
    """The texts of unscaled * 10**-scale (scale 0..18, |unscaled| < 2**63); empty where not valid."""
    count = len(unscaled)
    offsets = np.zeros(count + 1, np.int32)
    content = np.empty(count * 22, np.uint8)
    digits = np.empty(24, np.uint8)
    to = 0
    for row in range(count):
        if valid[row]:
            rest = abs(unscaled[row])
            if unscaled[row] < 0:
                content[to] = 45
                to += 1
            size = 0
            while rest != 0 or size <= scale[row]:
                quotient = rest // 10
                digits[size] = 48 + (rest - quotient * 10)
                size += 1
                rest = quotient
            for place in range(size - 1, -1, -1):
                content[to] = digits[place]
                to += 1
                if place == scale[row] and place > 0:
                    content[to] = 46
                    to += 1
        offsets[row + 1] = to
    return offsets, content[:to]


@njit(types.Tuple((ints_out, flags_out))(ints_in, int32s_in, int32s_in), nogil=True, cache=True)
def rescale(unscaled, scale, target):  # type: ignore[no-untyped-def]
    """`unscaled` at scale `target` (one per row), rounded half away from zero; the flag is False on overflow."""
    count = len(unscaled)
    values = np.zeros(count, np.int64)
    ok = np.ones(count, np.bool_)
    for row in range(count):
        value = unscaled[row]
        shift = target[row] - scale[row]
        if shift >= 0:
            if value != 0 and (shift > 18 or abs(value) > POWERS[18] // POWERS[shift]):
                ok[row] = False
            elif value != 0:
                values[row] = value * POWERS[shift]
        elif shift >= -18:
            unit = POWERS[-shift]
            whole = abs(value) // unit
            if abs(value) - whole * unit >= unit - unit // 2:
                whole += 1
            values[row] = -whole if value < 0 else whole
    return values, ok
