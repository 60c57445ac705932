"""Numba as kernels see it: named when they are written, imported when one of them must be compiled.

Importing Numba and what it needs to compile takes longer than all else at a start. So `types`, `int64` and the
like are `Later`s here, which remember what is asked of them, and `njit` makes a `Kernel`, which is loaded at its first
call: from what `native` kept, or else by Numba from its own cache, or compiled.
"""

import importlib
import os
import threading
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from pgstream.kernels import cache, native

_LOCK = threading.RLock()
"""Held while a kernel is loaded: two threads may call it first."""


class Later:
    """An expression over Numba's names, evaluated when something is compiled."""

    def __init__(self, evaluate: Callable[[], Any]) -> None:
        self._evaluate: Callable[[], Any] | None = evaluate
        self._value: Any = None

    def __getattr__(self, name: str) -> "Later":
        if name.startswith("__"):
            raise AttributeError(name)
        return Later(lambda: getattr(evaluated(self), name))

    def __getitem__(self, index: Any) -> "Later":
        return Later(lambda: evaluated(self)[index])

    def __call__(self, *arguments: Any, **options: Any) -> "Later":
        return Later(lambda: evaluated(self)(*evaluated(arguments), **options))


class Kernel:
    """A compiled function over plain arrays and numbers. Its arguments are given by position."""

    def __init__(self, function: FunctionType, signature: Any, options: dict[str, Any]) -> None:
        self.function = function
        self.signature = signature
        self.options = options
        self.__doc__ = function.__doc__
        self._run: Callable[..., Any] = self._load_and_run
        self._dispatcher: Any = None

    def __call__(self, *arguments: Any) -> Any:
        return self._run(*arguments)

    def __repr__(self) -> str:
        return f"<kernel {self.function.__module__}.{self.function.__qualname__}>"

    def _load_and_run(self, *arguments: Any) -> Any:
        with _LOCK:
            if self._run == self._load_and_run:
                self._run = self._kept() or self.dispatcher
        return self._run(*arguments)

    def _kept(self) -> Callable[..., Any] | None:
        if without_jit():
            return None
        find = native.checked_kernel if wants_checks() else native.kernel
        return find(self.function.__module__, self.function.__qualname__)

    @property
    def py_func(self) -> FunctionType:
        """This kernel as plain Python, by Numba's name for it."""
        settle(self.function)
        return self.function

    @property
    def dispatcher(self) -> Any:
        """Numba's own form of this kernel, compiled: for other kernels that are compiled with it."""
        with _LOCK:
            if self._dispatcher is None:
                signature = () if self.signature is None else (evaluated(self.signature),)
                self._dispatcher = _numba().njit(*signature, **self.options)(self.py_func)
            return self._dispatcher


def njit(signature: Any = None, **options: Any) -> Callable[[Any], Any]:
    """Declares a kernel, with the options of Numba's decorator of that name."""
    return lambda function: Kernel(function, signature, options)


def wants_checks() -> bool:
    """Whether kernels look at the types of their arguments: in tests."""
    return bool(os.environ.get("PGSTREAM_KERNEL_CHECKS"))


def without_jit() -> bool:
    """Whether kernels run as plain Python, by Numba's own switch."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def evaluated(value: Any) -> Any:
    """What a `Later` stands for; anything else stands for itself."""
    if isinstance(value, tuple):
        return tuple(evaluated(item) for item in value)
    if isinstance(value, FunctionType):
        settle(value)
    if not isinstance(value, Later):
        return value
    if value._evaluate is not None:
        value._value, value._evaluate = value._evaluate(), None
    return value._value


def settle(function: FunctionType) -> None:
    """Puts Numba's own objects in the place of the names that `function` uses, as it expects them there."""
    names = set(_names(function.__code__))
    _settle(function.__globals__, names, function)
    for name in names:
        module = function.__globals__.get(name)
        if isinstance(module, ModuleType) and module.__name__.startswith(__package__ + "."):
            _settle(vars(module), names, function)


def _settle(namespace: dict[str, Any], names: set[str], function: FunctionType) -> None:
    for name in names & namespace.keys():
        value = namespace[name]
        if isinstance(value, Later):
            namespace[name] = evaluated(value)
        elif isinstance(value, Kernel) and value.function is not function:
            namespace[name] = value.dispatcher


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _numba() -> Any:
    cache.folder()  # which tells Numba where to keep what it compiles
    numba = importlib.import_module("numba")
    importlib.import_module("pgstream.kernels.pointer_types")
    return numba


def _module(name: str) -> Any:
    def evaluate() -> Any:
        _numba()
        return importlib.import_module(name)

    return Later(evaluate)


types = _module("numba.core.types")
ir = _module("llvmlite.ir")
intrinsic: Any = _module("numba.extending").intrinsic

boolean, uint8, int32, int64, void = types.boolean, types.uint8, types.int32, types.int64, types.void
