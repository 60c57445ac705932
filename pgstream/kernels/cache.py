"""Where compiled kernels are kept: one folder for each state of their sources.

A kernel holds what it inlines from other files, so that the folder's name is a digest over all of them, the compiler,
the interpreter and the processor. Folders are in NUMBA_CACHE_DIR, or else in the user's cache: never in the package,
where they would outlive an uninstallation and hide the package that is installed next.
"""

import contextlib
import functools
import getpass
import hashlib
import importlib.util
import os
import re
import shutil
import stat
import sys
import tempfile
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm
import numpy as np

PACKAGE = __name__.rpartition(".")[0]

FORMAT = 1
"""The format of the files, which changes with `native.Machine`."""

COMPLETE = "kernels.native"
"""The file that holds every kernel, once all are compiled."""

FOLDERS_KEPT = 4
"""Other versions and copies of the package that share the cache keep their folders as long as they are the newest."""

_DIGEST = re.compile("[0-9a-f]{24}")
_IMPORTS = re.compile(r"^from pgstream\.kernels(?: import |\.)([\w, ]+?)(?: import .*)?$", re.MULTILINE)


@functools.cache
def folder() -> Path:
    """Where this state of the kernels is kept, or will be; Numba and child processes are told by NUMBA_CACHE_DIR."""
    wanted = _wanted()
    found = wanted if (wanted / COMPLETE).exists() or _writable(wanted) else _temporary()
    os.environ["NUMBA_CACHE_DIR"] = str(found)
    return found


def refused() -> Path | None:
    """The folder that kernels should be kept in, if it cannot be written and another one is used in its place."""
    asked = _wanted()
    return None if asked == folder() else asked


def remove_old() -> None:
    """Removes what was compiled from other states of the kernels, but for the newest."""
    root = folder().parent
    for legacy in (*root.glob("kernels_*"), *root.glob("compiled-*.json")):
        _remove(legacy)
    others = [path for path in root.iterdir() if _DIGEST.fullmatch(path.name) and path != folder()]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[FOLDERS_KEPT - 1 :]:
        _remove(path)


def sources() -> list[Path]:
    """The files that kernels are written in."""
    return sorted(Path(__file__).parent.glob("*.py"))


@functools.cache
def _wanted() -> Path:
    """Found out once, because `folder` changes the environment that it is found in."""
    root = Path(os.environ.get("NUMBA_CACHE_DIR") or _user_cache())
    return root if root.name == _digest() else root / _digest()


def _user_cache() -> Path:
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111  raises nothing
    return Path(caches, "pgstream", "kernels")


def piece(module: str) -> Path:
    """The file of one module's kernels, which is the same in every folder while nothing that they inline changes."""
    parts = _closure(module, {"compiler", "pointer_types"})
    digest = _digest_of([path for path in sources() if path.stem in parts])
    return folder() / f"{module}-{digest}.native"


def borrow(path: Path) -> bool:
    """Copies a piece from another state of the kernels, if one has it."""
    for found in folder().parent.glob(f"*/{path.name}"):
        with contextlib.suppress(OSError):
            draft = path.with_name(f"{path.name}.{os.getpid()}")
            shutil.copyfile(found, draft)
            draft.replace(path)
            return True
    return False


def _closure(module: str, found: set[str]) -> set[str]:
    """A module and all that it imports of this package."""
    if module not in found:
        found.add(module)
        text = Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8")
        for names in _IMPORTS.findall(text):
            for imported in names.split(", "):
                _closure(imported, found)
    return found


@functools.cache
def _digest() -> str:
    return _digest_of(sources())


def _digest_of(paths: list[Path]) -> str:
    digest = hashlib.sha256(_made_by())
    for path in paths:
        text = path.read_bytes()
        digest.update(f"\n{path.name} {len(text)}\n".encode() + text)
    return digest.hexdigest()[:24]


@functools.cache
def _made_by() -> bytes:
    """The compiler, the interpreter and the processor, which Numba can be told not to look at."""
    found = importlib.util.find_spec("numba")
    assert found is not None
    assert found.origin is not None
    numba_version = Path(found.origin).with_name("_version.py").read_bytes()
    name, features = (os.environ.get(f"NUMBA_CPU_{what}") for what in ("NAME", "FEATURES"))
    cpu = f"{name} {features}" if name else f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"
    made_by = f"{FORMAT} {llvmlite.__version__} {np.__version__} {sys.version} {cpu}"
    return made_by.encode() + numba_version


def _writable(path: Path) -> bool:
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return True
    except OSError:
        return False


def _temporary() -> Path:
    """A folder that nobody else can have put code into."""
    path = Path(tempfile.gettempdir(), f"pgstream-kernels-{getpass.getuser()}", _digest())
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        found = path.parent.lstat()
        safe = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
        if safe and _writable(path):
            return path
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="pgstream-kernels-"))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
