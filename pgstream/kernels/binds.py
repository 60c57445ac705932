"""The Binds of a pipeline, one after another, cut into their values."""

from pgstream.kernels.compiler import int64, njit, types
from pgstream.kernels.copy_text import NULL, PLAIN, bytes_in, bytes_out, ints_out

HEAD = 5
"""What a message begins with: its type and its length."""


@njit(int64(bytes_in, int64), nogil=True, cache=True, inline="always")
def int32_at(content, at):  # type: ignore[no-untyped-def]
    """Four bytes in network order, without a sign."""
    high = (int64(content[at]) << 24) | (int64(content[at + 1]) << 16)
    return high | (int64(content[at + 2]) << 8) | int64(content[at + 3])


@njit(types.boolean(bytes_in, int64, bytes_in, int64, int64), nogil=True, cache=True)
def is_same(content, at, other, start, length):  # type: ignore[no-untyped-def]
    """Whether `length` bytes of `content` are those of `other`."""
    for i in range(length):  # noqa: SIM110  numba has no all()
        if content[at + i] != other[start + i]:
            return False
    return True


@njit(
    types.UniTuple(int64, 3)(bytes_in, int64, bytes_in, bytes_in, int64, ints_out, ints_out, bytes_out),
    nogil=True,
    cache=True,
)
def cut_binds(content, at, head, following, columns, starts, stops, marks):  # type: ignore[no-untyped-def]
    """The values of the Binds from `at` on that begin with `head`, end as the first does, and are followed by
    `following`; starts and stops are counted from `at`.

    Returns how many Binds there are, where what is behind them starts, and where the end of the first one does, from
    the result formats on.
    """
    origin = at
    end = len(content)
    rows = 0
    ending = 0
    ending_length = 0
    room = len(starts) // columns
    while rows < room and at + HEAD + len(head) <= end and content[at] == 66:
        stop = at + 1 + int32_at(content, at + 1)
        value_at = at + HEAD + len(head)
        if stop < value_at or stop + len(following) > end or not is_same(content, at + HEAD, head, 0, len(head)):
            break
        for field in range(rows * columns, (rows + 1) * columns):
            length = int32_at(content, value_at) if value_at + 4 <= stop else int64(0x80000000)
            value_at += 4
            marks[field] = PLAIN
            if length == 0xFFFFFFFF:
                marks[field] = NULL
                length = 0
            if length >= 0x80000000 or value_at + length > stop:
                return rows, at, ending
            starts[field] = value_at - origin
            value_at += length
            stops[field] = value_at - origin
        if rows == 0:
            ending = value_at
            ending_length = stop - value_at
        if stop - value_at != ending_length or not is_same(content, value_at, content, ending, ending_length):
            break
        if not is_same(content, stop, following, 0, len(following)):
            break
        at = stop + len(following)
        rows += 1
    return rows, at, ending
