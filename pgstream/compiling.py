"""Compilation of the kernels: once after an installation, told to whoever waits for it.

The modules are compiled by as many processes as there are processors; a last one links every kernel for a trial and
joins them to the file that starts read. Where the trial fails, starts are slower: Numba loads what it kept.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pgstream.kernels import cache
from pgstream.kernels.compiler import without_jit
from pgstream.kernels.native import write

TOLD_EVERY_S = 5.0
"""What takes longer than this is told, and told again so often."""


def stale_modules() -> list[str]:
    """The kernel modules that are not compiled as they are now, the largest first."""
    if (cache.folder() / cache.COMPLETE).exists():
        return []
    pieces = {source: cache.piece(source.stem) for source in _sources()}
    stale = [source for source, piece in pieces.items() if not piece.exists() and not cache.borrow(piece)]
    stale.sort(key=lambda source: source.stat().st_size, reverse=True)
    return [source.stem for source in stale]


def _sources() -> list[Path]:
    return [path for path in cache.sources() if b"\n@njit(" in path.read_bytes()]


def compile_kernels(tell: Callable[[str], None]) -> None:
    """Compiles what is not compiled yet. `tell` is given a line now and then where that takes long.

    Raises CalledProcessError if a kernel does not compile.
    """
    refused = cache.refused()
    if refused is not None:
        tell(f"{refused} cannot be written; compiled kernels are kept in {cache.folder()}")
    if without_jit() or (cache.folder() / cache.COMPLETE).exists():
        return
    _compile(stale_modules(), tell)
    _join(tell)
    cache.remove_old()


def _compile(waiting: list[str], tell: Callable[[str], None]) -> None:
    total = len(waiting)
    running: list[subprocess.Popen[bytes]] = []
    started = told = time.monotonic()
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            running.append(subprocess.Popen(_command("keep_module", waiting.pop(0))))
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


def _join(tell: Callable[[str], None]) -> None:
    """In a process of its own, which a kernel that cannot be linked may take down."""
    trial = subprocess.run(_command("join_modules", [source.stem for source in _sources()]), check=False)
    if trial.returncode:
        tell("kernels cannot be linked without Numba on this machine: each start will take longer")
        write(cache.folder() / cache.COMPLETE, {})


def _command(function: str, argument: object) -> list[str]:
    return [sys.executable, "-c", f"from pgstream.kernels.keeping import {function}; {function}({argument!r})"]
