"""Where CSV records end: at newlines outside quotes."""

from pgstream.kernels.bytes import memchr
from pgstream.kernels.compiler import njit


@njit("UniTuple(int64, 2)(int64, int64, int64, int64)", nogil=True, cache=True)
def skip_records(start, end, limit, quote):  # type: ignore[no-untyped-def]
    """The address after the last whole record among the first `limit` ones before `end`, and how many were passed.

    A newline ends a record when an even number of quotes stands before it; a doubled quote does not change that.
    """
    count = 0
    after = start
    at = start
    quotes = 0
    while count < limit:
        newline = memchr(at, 10, end - at)
        if newline == 0:
            break
        found = memchr(at, quote, newline - at)
        while found != 0:
            quotes += 1
            found = memchr(found + 1, quote, newline - found - 1)
        at = newline + 1
        if quotes & 1 == 0:
            after = at
            count += 1
    return after, count
