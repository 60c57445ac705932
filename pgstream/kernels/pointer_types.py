"""What Numba compiles in the place of the functions of `pointers`. Imported with Numba, when something is compiled."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from pgstream.kernels.pointers import (
    add_words,
    compare_bytes,
    copy_bytes,
    fold_multiply,
    load8,
    load16,
    load32,
    load64,
    loadi32,
    loadi64,
    multiply_words,
    prefetch,
)


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
