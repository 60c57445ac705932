"""Arenas: memory that is handed out again once nobody refers to it.

The first touch of fresh memory costs several times what copying costs, so decoders do not allocate: they take
arenas that earlier batches have dropped. An Arrow buffer over an arena holds a reference to it, which is how its
release is seen; a batch that somebody keeps simply keeps its arenas.
"""

import sys
import threading

import numpy as np
from numpy.typing import NDArray

Memory = NDArray[np.uint8]

IDLE_REFERENCES = 3
"""The list's, the loop variable's and getrefcount's own."""


def size_class(size: int) -> int:
    """`size` rounded up, by less than an eighth, so that arenas of nearly one size are interchangeable."""
    step = max(4096, 1 << max(0, size.bit_length() - 4))
    return -(-size // step) * step


class Arenas:
    """A thread-safe stock of arenas that keeps at most `bytes_max` of memory, in use or not, for reuse."""

    def __init__(self, bytes_max: int = 512 << 20) -> None:
        self.bytes_max = bytes_max
        self._lock = threading.Lock()
        self._stock: dict[int, list[Memory]] = {}
        self._bytes = 0

    def take(self, size: int) -> Memory:
        """`size` bytes of unspecified content, the caller's as long as it or a view or buffer over it lives."""
        capacity = size_class(size)
        with self._lock:
            stock = self._stock.setdefault(capacity, [])
            for arena in stock:
                if sys.getrefcount(arena) == IDLE_REFERENCES:
                    return arena[:size]
            if self._bytes + capacity > self.bytes_max:
                self._drop_idle()
            fresh = np.empty(capacity, np.uint8)
            if self._bytes + capacity <= self.bytes_max:
                stock.append(fresh)
                self._bytes += capacity
            return fresh[:size]

    def _drop_idle(self) -> None:
        for capacity, stock in self._stock.items():
            kept = []
            for arena in stock:
                if sys.getrefcount(arena) > IDLE_REFERENCES:
                    kept.append(arena)
            self._bytes -= capacity * (len(stock) - len(kept))
            stock[:] = kept


ARENAS = Arenas()
"""The process's stock: decoders of all sources share it, since they seldom work at once."""
