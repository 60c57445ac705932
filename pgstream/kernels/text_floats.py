"""Floats as PostgreSQL prints them, from the shortest digits Arrow finds."""

import numpy as np

from pgstream.kernels.compiler import int64, njit, types
from pgstream.kernels.text import bytes_in, bytes_out, flags_in, offsets_in, offsets_out


@njit(int64(bytes_out, int64, bytes_out, int64, int64, int64), nogil=True, cache=True)
def lay_out(texts, to, digits, size, exponent, fixed_digits):  # type: ignore[no-untyped-def]
    """Writes digits d.ddd * 10**exponent at `to`; gives the end."""
    if size == 0:
        texts[to] = 48
        return to + 1
    if exponent < -4 or exponent >= fixed_digits:
        texts[to] = digits[0]
        to += 1
        if size > 1:
            texts[to] = 46
            to += 1
            for i in range(1, size):
                texts[to] = digits[i]
                to += 1
        texts[to] = 101
        texts[to + 1] = 45 if exponent < 0 else 43
        to += 2
        power = abs(exponent)
        if power >= 100:
            texts[to] = 48 + power // 100
            to += 1
        texts[to] = 48 + power // 10 % 10
        texts[to + 1] = 48 + power % 10
        return to + 2
    if exponent < 0:
        texts[to] = 48
        texts[to + 1] = 46
        to += 2
        for _ in range(-exponent - 1):
            texts[to] = 48
            to += 1
    for i in range(max(size, exponent + 1)):
        if exponent >= 0 and i == exponent + 1:
            texts[to] = 46
            to += 1
        texts[to] = digits[i] if i < size else 48
        to += 1
    return to


@njit(types.Tuple((offsets_out, bytes_out))(offsets_in, bytes_in, flags_in, int64), nogil=True, cache=True)
def format_floats(offsets, content, valid, fixed_digits):  # type: ignore[no-untyped-def]
    """The same floats laid out as PostgreSQL does: an exponent below 1e-4 and from 10**fixed_digits on."""
    count = len(valid)
    ends = np.zeros(count + 1, np.int32)
    texts = np.empty(count * 26, np.uint8)
    digits = np.empty(32, np.uint8)
    to = 0
    for row in range(count):
        if valid[row]:
            at = offsets[row]
            end = offsets[row + 1]
            if content[at] == 45:
                texts[to] = 45
                to += 1
                at += 1
            if content[at] > 57:
                word = b"NaN" if content[at] == 110 else b"Infinity"
                for i in range(len(word)):
                    texts[to] = word[i]
                    to += 1
                ends[row + 1] = to
                continue
            size = 0
            exponent = -1
            pointed = False
            while at < end and content[at] != 101:
                code = content[at]
                if code == 46:
                    pointed = True
                else:
                    if code != 48 or size > 0:
                        digits[size] = code
                        size += 1
                        if not pointed:
                            exponent += 1
                    elif pointed:
                        exponent -= 1
                at += 1
            if at < end:
                at += 1
                sign = 1
                if content[at] == 45 or content[at] == 43:
                    sign = -1 if content[at] == 45 else 1
                    at += 1
                stated = 0
                while at < end:
                    stated = stated * 10 + int(content[at]) - 48
                    at += 1
                exponent += sign * stated
            while size > 0 and digits[size - 1] == 48:
                size -= 1
            to = lay_out(texts, to, digits, size, exponent, fixed_digits)
        ends[row + 1] = to
    return ends, texts[:to]
