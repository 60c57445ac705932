"""Compilation of the kernels: once after an installation, told to whoever waits for it.

Numba keeps what it compiled in NUMBA_CACHE_DIR, which `kernels` chooses. Importing a module compiles what its cache
lacks, so the modules are imported by as many processes as there are processors, and the server finds them done.
"""

import contextlib
import hashlib
import json
import os
import pkgutil
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pgstream.kernels

TOLD_EVERY_S = 5.0
"""What takes longer than this is told, and told again so often."""


def stale_modules() -> list[str]:
    """The names of the kernel modules that are not compiled as they are now, the largest first."""
    done = _compiled()
    stale = [source for source in _sources() if done.get(source.stem) != _digest(source)]
    stale.sort(key=lambda source: source.stat().st_size, reverse=True)
    return [f"pgstream.kernels.{source.stem}" for source in stale]


def _sources() -> list[Path]:
    (folder,) = pgstream.kernels.__path__
    paths = [Path(folder) / f"{module.name}.py" for module in pkgutil.iter_modules([folder])]
    return [path for path in paths if b"njit(" in path.read_bytes()]


def _digest(source: Path) -> str:
    """What a compiled module was compiled from: its text, the compiler, and the interpreter."""
    made_by = f"{version('numba')} {version('numpy')} {sys.version}".encode()
    return hashlib.sha256(made_by + source.read_bytes()).hexdigest()


def _record() -> Path:
    """Where it is written down which modules of this copy of the package are compiled: beside what Numba keeps."""
    (folder,) = pgstream.kernels.__path__
    copy = hashlib.sha256(folder.encode()).hexdigest()[:16]
    return Path(os.environ["NUMBA_CACHE_DIR"]) / f"compiled-{copy}.json"


def _compiled() -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(_record().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _remember() -> None:
    """Writes down that everything is compiled. Where that cannot be written, the next start looks again."""
    with contextlib.suppress(OSError):
        _record().parent.mkdir(parents=True, exist_ok=True)
        digests = {source.stem: _digest(source) for source in _sources()}
        _record().write_text(json.dumps(digests, indent=1), encoding="utf-8")


def compile_kernels(tell: Callable[[str], None]) -> None:
    """Compiles what is not compiled yet. `tell` is given a line now and then where that takes long.

    Raises CalledProcessError if a kernel does not compile.
    """
    waiting = stale_modules()
    total = len(waiting)
    running: list[subprocess.Popen[bytes]] = []
    started = told = time.monotonic()
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            running.append(subprocess.Popen([sys.executable, "-c", f"import {waiting.pop(0)}"]))
        for process in [process for process in running if process.poll() is not None]:
            running.remove(process)
            if process.returncode:
                raise subprocess.CalledProcessError(process.returncode, process.args)
        now = time.monotonic()
        if now - told > TOLD_EVERY_S:
            told = now
            done = total - len(waiting) - len(running)
            tell(f"compiling kernels, once after an installation: {done} of {total} modules, {now - started:.0f} s")
        time.sleep(0.02)
    if total:
        _remember()
