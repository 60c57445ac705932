"""Log lines on stderr: a level, a message, and key=value pairs.

2026-01-02T03:04:05.678Z level=info msg="listening" address=127.0.0.1:7432
"""

import sys
import threading
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

from pgstream.world import World

LEVELS = ("debug", "info", "warning", "error")


class Log:
    """Writes lines of at least `level` to `stream`; any thread may."""

    def __init__(self, world: World, stream: TextIO | None = None, level: str = "info") -> None:
        self._world = world
        self._stream = sys.stderr if stream is None else stream
        self._least = LEVELS.index(level)
        self._lock = threading.Lock()

    def debug(self, message: str, **pairs: Any) -> None:
        self._line("debug", message, pairs)

    def info(self, message: str, **pairs: Any) -> None:
        self._line("info", message, pairs)

    def warning(self, message: str, **pairs: Any) -> None:
        self._line("warning", message, pairs)

    def error(self, message: str, **pairs: Any) -> None:
        self._line("error", message, pairs)

    def failure(self, message: str, error: BaseException, **pairs: Any) -> None:
        """An error that is a bug of ours, with its traceback in one line."""
        trace = "".join(traceback.format_exception(error)).strip()
        self._line("error", message, {**pairs, "error": repr(error), "trace": trace})

    def _line(self, level: str, message: str, pairs: dict[str, Any]) -> None:
        if LEVELS.index(level) < self._least:
            return
        at = datetime.fromtimestamp(self._world.now_us() / 1e6, UTC)
        stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        words = [f"{key}={quoted(value)}" for key, value in {"level": level, "msg": message, **pairs}.items()]
        with self._lock:
            print(stamp, *words, file=self._stream, flush=True)


def quoted(value: Any) -> str:
    """A value that stays one word of one line."""
    text = str(value)
    if text and not any(character in text for character in ' "=\n\r\t\\'):
        return text
    escaped = (
        text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    )
    return f'"{escaped}"'
