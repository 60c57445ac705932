"""Memory by address: what a kernel reads when its rows lie in many buffers.

A spine keeps its rows in many runs, each with its own Arrow buffers; a kernel that walks all of them is handed int64
addresses instead of arrays. The caller keeps the buffers alive for as long as the kernel runs. Every function here is
also plain Python, so that kernels run with the JIT off.
"""

import ctypes
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

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


def _unary_load(python: Callable[[int], int], bits: int, result: Any, extend: str | None) -> None:
    @intrinsic
    def load(typing_context: Any, address: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            word = ir.IntType(bits)
            value = builder.load(builder.inttoptr(arguments[0], word.as_pointer()), align=1, typ=word)
            return value if extend is None else getattr(builder, extend)(value, ir.IntType(64))

        return result(types.int64), build

    @overload(python)
    def typing(address: Any) -> Any:
        def implementation(address: Any) -> Any:
            return load(types.int64(address))

        return implementation


_unary_load(load8, 8, types.uint64, "zext")
_unary_load(load16, 16, types.uint64, "zext")
_unary_load(load32, 32, types.uint64, "zext")
_unary_load(load64, 64, types.uint64, None)
_unary_load(loadi32, 32, types.int64, "sext")
_unary_load(loadi64, 64, types.int64, None)

_memcpy = types.ExternalFunction("memcpy", types.voidptr(types.int64, types.int64, types.int64))
_memcmp = types.ExternalFunction("memcmp", types.int32(types.int64, types.int64, types.int64))


@intrinsic
def _fold(typing_context: Any, left: Any, right: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide, word = ir.IntType(128), ir.IntType(64)
        product = builder.mul(builder.zext(arguments[0], wide), builder.zext(arguments[1], wide))
        high = builder.trunc(builder.lshr(product, wide(64)), word)
        return builder.xor(builder.trunc(product, word), high)

    return types.uint64(types.uint64, types.uint64), build


@intrinsic
def _prefetch(typing_context: Any, address: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, word, word, word])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [builder.inttoptr(arguments[0], pointer), word(0), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(types.int64), build


@overload(prefetch)
def _prefetch_line(address: Any) -> Any:
    def implementation(address: Any) -> None:
        _prefetch(types.int64(address))

    return implementation


@overload(copy_bytes)
def _copy_bytes(target: Any, source: Any, count: Any) -> Any:
    def implementation(target: Any, source: Any, count: Any) -> None:
        _memcpy(target, source, count)

    return implementation


@overload(compare_bytes)
def _compare_bytes(left: Any, right: Any, count: Any) -> Any:
    def implementation(left: Any, right: Any, count: Any) -> Any:
        return _memcmp(left, right, count)

    return implementation


@overload(fold_multiply)
def _fold_multiply(left: Any, right: Any) -> Any:
    def implementation(left: Any, right: Any) -> Any:
        return _fold(types.uint64(left), types.uint64(right))

    return implementation


@overload(add_words)
def _add_words(left: Any, right: Any) -> Any:
    def implementation(left: Any, right: Any) -> Any:
        return types.uint64(left) + types.uint64(right)

    return implementation


@overload(multiply_words)
def _multiply_words(left: Any, right: Any) -> Any:
    def implementation(left: Any, right: Any) -> Any:
        return types.uint64(left) * types.uint64(right)

    return implementation
