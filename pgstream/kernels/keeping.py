"""Compiles kernels and keeps their machine code: what the processes do that a first start waits for."""

import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from pgstream.kernels import cache, native
from pgstream.kernels.compiler import Kernel
from pgstream.kernels.native import Kept, Machine


def keep_module(module: str) -> None:
    """Compiles the kernels of a module of this package and writes them to a file of their own."""
    full_name = f"{cache.PACKAGE}.{module}"
    kept = {name: machine for name, kernel in _kernels(full_name) if (machine := _machine(kernel)) is not None}
    native.write(cache.piece(module), {full_name: kept})


def join_modules(modules: list[str]) -> None:
    """Makes one file of those of all modules, after every kernel in them was linked."""
    joined: Kept = {}
    for module in modules:
        joined |= native.read(cache.piece(module))
        importlib.import_module(f"{cache.PACKAGE}.{module}")
    linker = native.Linker()
    for module, kernels in joined.items():
        for name, machine in kernels.items():
            linker.link(module, name, machine)
    native.write(cache.folder() / cache.COMPLETE, joined)


def _kernels(module: str) -> Iterator[tuple[str, Kernel]]:
    """Those that Python may call: kernels without a signature are only parts of others."""
    for name, value in list(vars(importlib.import_module(module)).items()):
        if isinstance(value, Kernel) and value.function.__module__ == module and value.signature is not None:
            yield name, value


def _machine(kernel: Kernel) -> Machine | None:
    """What Numba made of a kernel, None if another start could not use it."""
    (_, form, (code, _)), about, environment, signature, *_, to_run, others = _stored(kernel.dispatcher)
    environments = {one.env_name: one.consts for one in (environment, *others)}
    constants = [constant for found in environments.values() for constant in found]
    if form != "object" or to_run or not all(isinstance(constant, np.dtype) for constant in constants):
        return None
    names = {symbol: tuple(constant.str for constant in found) for symbol, found in environments.items()}
    arguments = tuple(_array(argument) for argument in signature.args)
    return Machine(code, about.llvm_cpython_wrapper_name, environment.env_name, names, arguments)


def _array(kind: Any) -> tuple[str, int, bool] | None:
    """What is to be checked of an argument; None if it is a number, which Python converts."""
    return (str(kind.dtype), kind.ndim, kind.mutable) if hasattr(kind, "mutable") and hasattr(kind, "ndim") else None


def _stored(dispatcher: Any) -> tuple[Any, ...]:
    """What Numba's cache holds of a function: what a library that came from there no longer has."""
    stats = dispatcher.stats
    (signature,) = {*stats.cache_hits, *stats.cache_misses}
    stored = dispatcher._cache
    reduced: tuple[Any, ...] = stored._cache_file.load(stored._index_key(signature, dispatcher.targetctx.codegen()))
    return reduced
