"""The LMDB environment under a store, and the lock that keeps other processes out of its directory."""

import fcntl
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, cast

import lmdb

from pgstream.errors import DiskFull, IoError, ObjectInUse, SqlError

LOCK_NAME = "pgstream.lock"
LITTLE_BYTES = 1 << 20


class Transaction(Protocol):
    """What a store asks of an LMDB transaction; leaving its `with` block commits, an exception aborts."""

    def get(self, key: bytes, default: Any = None, db: Any = None) -> Any: ...
    def put(self, key: bytes, value: Any, *, db: Any) -> bool: ...
    def delete(self, key: bytes, *, db: Any) -> bool: ...
    def cursor(self, db: Any) -> Any: ...


class Environment(Protocol):
    """What a store asks of an LMDB environment: the seam at which tests let it die between two writes."""

    def open_db(self, key: bytes) -> Any: ...
    def begin(self, *, write: bool = False, buffers: bool = False) -> AbstractContextManager[Transaction]: ...
    def info(self) -> dict[str, int]: ...
    def stat(self) -> dict[str, int]: ...
    def close(self) -> None: ...


OpenEnvironment = Callable[[Path, int, bool], Environment]


def open_environment(path: Path, map_bytes: int, sync: bool) -> Environment:
    """LMDB at `path`, mapped sparsely: `map_bytes` is address space, not memory or disk."""
    return cast(
        Environment,
        lmdb.open(str(path), map_size=map_bytes, max_dbs=4, sync=sync, max_readers=512, mode=0o600),
    )


class DirectoryLock:
    """The right to be the only process on a directory, held until released or the process ends."""

    def __init__(self, directory: Path) -> None:
        path = directory / LOCK_NAME
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(self._file, 32).decode("ascii", "replace").strip()
            os.close(self._file)
            raise ObjectInUse(
                f'lock file "{LOCK_NAME}" already exists',
                hint=f'Is another pgstream (PID {owner}) running in data directory "{directory}"?',
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = -1


class storage_errors(AbstractContextManager[None]):  # noqa: N801  # reads as a statement
    """Turns what LMDB raises about the disk into the SqlError a client can act on."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory

    def _no_space(self, message: str) -> bool:
        """LMDB calls a write that was cut short, as on a full disk, an input/output error."""
        if "No space left" in message or "File too large" in message:
            return True
        if self._directory is None or "Input/output error" not in message:
            return False
        disk = os.statvfs(self._directory)
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
        return disk.f_bavail * disk.f_frsize < LITTLE_BYTES or limit != resource.RLIM_INFINITY

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        full = isinstance(error, lmdb.MapFullError | lmdb.DiskError | lmdb.TxnFullError)
        if full or (isinstance(error, lmdb.Error) and self._no_space(str(error))):
            raise DiskFull(
                "could not write to the database: no space left",
                detail=str(error),
                hint="Free disk space; nothing that was committed is lost.",
            ) from error
        if isinstance(error, lmdb.Error) and not isinstance(error, SqlError):
            raise IoError(f"could not access the database: {error}") from error


def keys_of(transaction: Transaction, db: Any) -> Iterator[bytes]:
    """All keys of `db`, ascending."""
    for key in transaction.cursor(db).iternext(keys=True, values=False):
        yield bytes(key)
