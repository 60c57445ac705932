"""Compilation of the kernels: once after an installation, told to whoever waits for it.

Numba keeps what it compiled beside the package, or in NUMBA_CACHE_DIR. Importing a module compiles what its cache
lacks, so the modules are imported by as many processes as there are processors, and the server finds them done.
"""

import os
import pkgutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pgstream.kernels

TOLD_EVERY_S = 5.0
"""What takes longer than this is told, and told again so often."""


def stale_modules() -> list[str]:
    """The names of the kernel modules that are not compiled as they are now, the largest first."""
    (folder,) = pgstream.kernels.__path__
    sources = [Path(folder) / f"{module.name}.py" for module in pkgutil.iter_modules([folder])]
    stale = [source for source in sources if "njit(" in source.read_text(encoding="utf-8") and not _compiled(source)]
    stale.sort(key=lambda source: source.stat().st_size, reverse=True)
    return [f"pgstream.kernels.{source.stem}" for source in stale]


def _compiled(source: Path) -> bool:
    """Whether Numba's cache has an index of the module that is newer than its source."""
    newest = max((index.stat().st_mtime for index in _indexes(source)), default=0.0)
    return newest > source.stat().st_mtime


def _indexes(source: Path) -> Iterator[Path]:
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        yield from Path(chosen).glob(f"**/{source.stem}.*.nbi")
    else:
        yield from (source.parent / "__pycache__").glob(f"{source.stem}.*.nbi")


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
