"""Memory by address: what a kernel reads when its rows lie in many buffers.

A spine keeps its rows in many runs, each with its own Arrow buffers; a kernel that walks all of them is handed int64
addresses instead of arrays. The caller keeps the buffers alive for as long as the kernel runs. Every function here is
plain Python, so that kernels run with the JIT off; `pointer_types` tells Numba what to compile in their place.
"""

import ctypes
from typing import Any

WORD = (1 << 64) - 1


def load8(address: Any) -> Any:
    """The unsigned byte at `address`."""
    return ctypes.c_uint8.from_address(int(address)).value


def load16(address: Any) -> Any:
    """The unsigned 2-byte word at `address`, which need not be aligned."""
    return ctypes.c_uint16.from_address(int(address)).value


def load32(address: Any) -> Any:
    """The unsigned 4-byte word at `address`, which need not be aligned."""
    return ctypes.c_uint32.from_address(int(address)).value


def load64(address: Any) -> Any:
    """The unsigned 8-byte word at `address`, which need not be aligned."""
    return ctypes.c_uint64.from_address(int(address)).value


def loadi32(address: Any) -> Any:
    """The int32 at `address` as an int64: an Arrow offset."""
    return ctypes.c_int32.from_address(int(address)).value


def loadi64(address: Any) -> Any:
    """The int64 at `address`: a weight."""
    return ctypes.c_int64.from_address(int(address)).value


def copy_bytes(target: Any, source: Any, count: Any) -> None:
    """Copies `count` bytes between places that do not overlap."""
    ctypes.memmove(int(target), int(source), int(count))


def compare_bytes(left: Any, right: Any, count: Any) -> Any:
    """Negative, zero or positive as memcmp's."""
    one, two = ctypes.string_at(int(left), int(count)), ctypes.string_at(int(right), int(count))
    return (one > two) - (one < two)


def prefetch(address: Any) -> None:
    """Asks for the cache line at `address`, which will be read soon."""


def fold_multiply(left: Any, right: Any) -> Any:
    """The two halves of the 128-bit product of two 64-bit words, xor-ed together."""
    product = int(left) * int(right)
    return (product & WORD) ^ (product >> 64)


def add_words(left: Any, right: Any) -> Any:
    """The sum modulo 2^64."""
    return (int(left) + int(right)) & WORD


def multiply_words(left: Any, right: Any) -> Any:
    """The product modulo 2^64."""
    return (int(left) * int(right)) & WORD
