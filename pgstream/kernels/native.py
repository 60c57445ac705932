"""Compiled kernels as machine code: kept in one file, and linked one by one when they are first called.

Numba's own cache needs all of Numba to load a kernel. What it compiled is an object file, though, that calls only
Python and a few functions of Numba's C libraries; LLVM links it in a quarter of a millisecond.
"""

import builtins
import ctypes
import functools
import importlib.util
import os
import pickle
import sys
from collections.abc import Callable
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import llvmlite.binding as llvm
import numpy as np

from pgstream.kernels import cache


class Machine(NamedTuple):
    """One kernel: its object file, and what Numba calls its parts.

    An environment is the constants that a function needs as Python objects: for kernels, the types of arrays they make.
    """

    code: bytes
    entry: str
    environment: str
    environments: dict[str, tuple[str, ...]]
    arguments: tuple[tuple[str, int, bool] | None, ...]
    """Of each argument that is an array: its type, its dimensions, whether it is written to."""


Kept = dict[str, dict[str, Machine]]
"""The kernels of every module by their names."""


def kernel(module: str, name: str) -> Callable[..., Any] | None:
    """A kernel, ready to be called; None if it is not kept."""
    machine = _kept().get(module, {}).get(name)
    return None if machine is None else _linker().link(module, name, machine)


def checked_kernel(module: str, name: str) -> Callable[..., Any] | None:
    """A kernel that asserts that its arguments are arrays of the right types, for tests: in use they are not looked at.

    A wrong one would be read as if it were right.
    """
    run = kernel(module, name)
    if run is None:
        return None
    expected = [
        None if wanted is None else (np.dtype(wanted[0]), *wanted[1:]) for wanted in _kept()[module][name].arguments
    ]

    def check(*arguments: Any) -> Any:
        for position, (wanted, given) in enumerate(zip(expected, arguments, strict=True)):
            if wanted is not None:
                dtype, dimensions, written = wanted
                right = isinstance(given, np.ndarray) and given.dtype == dtype and given.ndim == dimensions
                right = right and given.flags.c_contiguous and (given.flags.writeable or not written)
                assert right, f"argument {position} of {module}.{name} is no {dtype} array as it should be"
        return run(*arguments)

    return check


@functools.cache
def _kept() -> Kept:
    """Read whole, so that removing the file does not matter to a running server."""
    try:
        return read(cache.folder() / cache.COMPLETE)
    except OSError:
        return {}


def read(path: Path) -> Kept:
    """The kernels of one file."""
    content = pickle.loads(path.read_bytes())
    return {
        module: {name: Machine(*machine) for name, machine in kernels.items()} for module, kernels in content.items()
    }


def write(path: Path, kept: Kept) -> None:
    """Writes a file at once, whoever else may be writing it."""
    plain = {module: {name: tuple(machine) for name, machine in kernels.items()} for module, kernels in kept.items()}
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_bytes(pickle.dumps(plain))
    draft.replace(path)


@functools.cache
def _linker() -> "Linker":
    return Linker()


class Linker:
    """LLVM's linker, which knows the functions that kernels call."""

    def __init__(self) -> None:
        self._functions = _know_symbols()
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)

    def link(self, module: str, name: str, machine: Machine) -> Callable[..., Any]:
        """The kernel as a function of Python."""
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(machine.code))
        self._engine.finalize_object()
        environments = {}
        for symbol, constants in machine.environments.items():
            environment = environments[symbol] = self._functions.Environment({})
            environment.consts[:] = [np.dtype(constant) for constant in constants]
            place = self._engine.get_global_value_address(symbol)
            ctypes.c_void_p.from_address(place).value = id(environment)
        address = self._engine.get_function_address(machine.entry)
        own = environments[machine.environment]
        function: Callable[..., Any] = self._functions.make_function(
            sys.modules[module], name, name, address, own, tuple(environments.values())
        )
        return function


def _know_symbols() -> ModuleType:
    """Tells LLVM where the functions are that Numba's code calls; returns the library that makes Python functions."""
    libraries = {name: _library(name) for name in ("_helperlib", "_dynfunc", "core.runtime._nrt_python")}
    _unpickle_without_numba(libraries["_helperlib"].c_helpers["unpickle"])
    runtime = libraries.pop("core.runtime._nrt_python")
    for name, address in runtime.c_helpers.items():
        llvm.add_symbol(name if name.startswith("_") else f"NRT_{name}", address)
    for library in libraries.values():
        for name, address in library.c_helpers.items():
            llvm.add_symbol(f"numba_{name}", address)
    llvm.add_symbol("_Py_NoneStruct", id(None))
    for name, value in vars(builtins).items():
        if isinstance(value, type) and issubclass(value, BaseException):
            llvm.add_symbol(f"PyExc_{name}", id(value))
    return libraries["_dynfunc"]


def _unpickle_without_numba(address: int) -> None:
    """Lets the function that makes Python objects of constants, such as a result's type, use pickle alone.

    It looks for Numba's own unpickling once, and finds the same function here.
    """
    place = "numba.core.serialize"
    if "numba" in sys.modules:
        return
    stand_in = ModuleType(place)
    stand_in._numba_unpickle = _unpickled  # type: ignore[attr-defined]
    sys.modules |= {"numba": ModuleType("numba"), place: stand_in}
    try:
        unpickle = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p)(address)
        nothing = pickle.dumps(None)
        unpickle(nothing, len(nothing), bytes(20))
    finally:
        del sys.modules[place], sys.modules["numba"]


def _unpickled(address: int, content: bytes, digest: bytes) -> Any:
    key = address, digest
    if key not in _UNPICKLED:
        _UNPICKLED[key] = pickle.loads(content)
    return _UNPICKLED[key]


_UNPICKLED: dict[tuple[int, bytes], Any] = {}


def _library(name: str) -> ModuleType:
    """One of Numba's C libraries, without the packages that it is in."""
    full_name = f"numba.{name}"
    if full_name in sys.modules:
        return sys.modules[full_name]
    package = importlib.util.find_spec("numba")
    assert package is not None
    assert package.submodule_search_locations is not None
    place = Path(package.submodule_search_locations[0], *name.split("."))
    (path,) = (found for suffix in EXTENSION_SUFFIXES if (found := Path(f"{place}{suffix}")).exists())
    loader = ExtensionFileLoader(full_name, str(path))
    spec = importlib.util.spec_from_loader(full_name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    sys.modules.pop(full_name, None)  # Numba, should it be imported, imports its own
    return module
