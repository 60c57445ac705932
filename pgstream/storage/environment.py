"""The files under a store: an LMDB environment, a log, and the lock that keeps other processes out of its directory."""

import fcntl
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, cast

import lmdb

from pgstream.errors import DiskFull, IoError, ObjectInUse, SqlError
from pgstream.storage.wal import LogFile

LOCK_NAME = "pgstream.lock"
LOG_NAME = "pgstream.log"
LITTLE_BYTES = 1 << 20


class Transaction(Protocol):
    """What a store asks of an LMDB transaction; leaving its `with` block commits, an exception aborts."""

    def get(self, key: bytes, default: Any = None, db: Any = None) -> Any: ...
    def put(self, key: bytes, value: Any, *, db: Any) -> bool: ...
    def delete(self, key: bytes, *, db: Any) -> bool: ...
    def cursor(self, db: Any) -> Any: ...


class Environment(Protocol):
    """What a store asks of its files: the seam at which tests let it die between two writes."""

    def open_db(self, key: bytes) -> Any: ...
    def open_log(self) -> LogFile: ...
    def begin(self, *, write: bool = False, buffers: bool = False) -> AbstractContextManager[Transaction]: ...
    def info(self) -> dict[str, int]: ...
    def stat(self) -> dict[str, int]: ...
    def close(self) -> None: ...


OpenEnvironment = Callable[[Path, int, bool], Environment]


class Files:
    """LMDB at `path`, mapped sparsely (`map_bytes` is address space, not memory or disk), and a log beside it."""

    def __init__(self, path: Path, map_bytes: int, sync: bool) -> None:
        self._path, self._sync = path, sync
        self._lmdb: Any = lmdb.open(str(path), map_size=map_bytes, max_dbs=4, sync=sync, max_readers=512, mode=0o600)

    def open_db(self, key: bytes) -> Any:
        return self._lmdb.open_db(key)

    def open_log(self) -> LogFile:
        return DurableFile(self._path / LOG_NAME, self._sync)

    def begin(self, *, write: bool = False, buffers: bool = False) -> AbstractContextManager[Transaction]:
        return cast(AbstractContextManager[Transaction], self._lmdb.begin(write=write, buffers=buffers))

    def info(self) -> dict[str, int]:
        return cast(dict[str, int], self._lmdb.info())

    def stat(self) -> dict[str, int]:
        return cast(dict[str, int], self._lmdb.stat())

    def close(self) -> None:
        self._lmdb.close()


class DurableFile:
    """A file each write to which is on the disk when it returns, unless `sync` is false. Raises OSError."""

    def __init__(self, path: Path, sync: bool) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | (os.O_DSYNC if sync else 0)
        self._file = os.open(path, flags, 0o600)
        if sync:
            directory = os.open(path.parent, os.O_RDONLY)
            os.fsync(directory)
            os.close(directory)

    def read(self) -> bytes:
        """All of it; also what a process that died had written and not waited for is on the disk then."""
        os.fsync(self._file)
        return os.pread(self._file, os.fstat(self._file).st_size, 0)

    def write(self, at: int, part: bytes) -> None:
        while part:
            done = os.pwrite(self._file, part, at)
            at, part = at + done, part[done:]

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            os.close(self._file)


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
