"""The order of rows in a run: by key hash, then order key, then row hash.

The key hash is two words; the order key, where there is one, is bytes compared by memcmp, of which the first eight
are also kept as a big-endian word (`prefix`); the row hash is two words, or is absent where the key is the row.
"""

from pgstream.kernels.compiler import njit, types
from pgstream.kernels.pointers import compare_bytes, loadi32


@njit(types.int64(types.int64, types.int64, types.int64, types.int64, types.int64, types.int64), nogil=True, cache=True)
def compare_strings(offsets, content, row, other_offsets, other_content, other_row):  # type: ignore[no-untyped-def]
    """memcmp order of two rows of two Arrow binary columns; a proper prefix sorts first."""
    start = loadi32(offsets + row * 4)
    length = loadi32(offsets + row * 4 + 4) - start
    other_start = loadi32(other_offsets + other_row * 4)
    other_length = loadi32(other_offsets + other_row * 4 + 4) - other_start
    difference = compare_bytes(content + start, other_content + other_start, min(length, other_length))
    return difference if difference != 0 else length - other_length
