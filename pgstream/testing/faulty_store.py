"""A store environment that dies between two writes, as a process killed there would."""

from contextlib import AbstractContextManager
from errno import ENOSPC
from pathlib import Path
from typing import Any

import lmdb

from pgstream.storage.environment import Environment, Files, OpenEnvironment, Transaction
from pgstream.storage.wal import LogFile


class Crash(BaseException):
    """The simulated death of the process. Not an Exception, so that no code recovers from it."""


class Countdown:
    """How many writes are left before the crash; None: no crash. A commit counts twice: before it, and after.

    With `full`, the disk is full then instead: the write fails, and the process lives. There is room again at the
    next write, or, where it is `lasting`, once `left` is None.
    """

    def __init__(self, writes: int | None = None) -> None:
        self.left = writes
        self.full = False
        self.lasting = False
        self.dead = False

    def tick(self, after: bool = False) -> None:
        """Passes one point at which the process may die."""
        if self.left is None:
            return
        if self.left > 0:
            self.left -= 1
        elif not self.full:
            self.dead = True
            raise Crash
        elif not after:
            self.left = 0 if self.lasting else None
            raise lmdb.MapFullError("mdb_put: MDB_MAP_FULL: Environment mapsize limit reached")


class FaultyTransaction:
    """A transaction each of whose writes may be the last thing the process does."""

    def __init__(self, inner: Any, countdown: Countdown, write: bool) -> None:
        self._inner = inner
        self._countdown = countdown
        self._write = write

    def __enter__(self) -> Transaction:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self._inner.abort()
            return
        if self._write:
            try:
                self._countdown.tick()
            except BaseException:
                self._inner.abort()
                raise
        self._inner.commit()
        if self._write:
            self._countdown.tick(after=True)

    def get(self, key: bytes, default: Any = None, db: Any = None) -> Any:
        return self._inner.get(key, default, db=db)

    def put(self, key: bytes, value: Any, *, db: Any) -> bool:
        self._countdown.tick()
        return bool(self._inner.put(key, value, db=db))

    def delete(self, key: bytes, *, db: Any) -> bool:
        self._countdown.tick()
        return bool(self._inner.delete(key, db=db))

    def cursor(self, db: Any) -> Any:
        return self._inner.cursor(db)


class FaultyLog:
    """A log each of whose writes may be the last thing the process does, and then is done in part."""

    def __init__(self, inner: LogFile, countdown: Countdown) -> None:
        self._inner = inner
        self._countdown = countdown

    def read(self) -> bytes:
        return self._inner.read()

    def write(self, at: int, part: bytes) -> None:
        try:
            self._countdown.tick()
        except BaseException as error:
            self._inner.write(at, part[: len(part) // 2])
            if isinstance(error, lmdb.Error):
                raise OSError(ENOSPC, "No space left on device") from error
            raise
        self._inner.write(at, part)
        self._countdown.tick(after=True)


class FaultyEnvironment:
    """An environment whose write transactions die when the countdown ends."""

    def __init__(self, inner: Environment, countdown: Countdown) -> None:
        self._inner = inner
        self._countdown = countdown

    def open_db(self, key: bytes) -> Any:
        return self._inner.open_db(key)

    def open_log(self) -> LogFile:
        return FaultyLog(self._inner.open_log(), self._countdown)

    def begin(self, *, write: bool = False, buffers: bool = False) -> AbstractContextManager[Transaction]:
        return FaultyTransaction(self._inner.begin(write=write, buffers=buffers), self._countdown, write)

    def info(self) -> dict[str, int]:
        return self._inner.info()

    def stat(self) -> dict[str, int]:
        return self._inner.stat()

    def close(self) -> None:
        self._inner.close()


def faulty(countdown: Countdown) -> OpenEnvironment:
    """What to give `Store.open` as `environment`."""

    def open_faulty(path: Path, map_bytes: int, sync: bool) -> Environment:
        return FaultyEnvironment(Files(path, map_bytes, sync), countdown)

    return open_faulty
