"""The write-ahead log: small commits, appended to a file between two transactions of the store.

A transaction of LMDB writes several pages and waits for the disk twice. A commit of a few entries of metadata is one
record here instead, behind the last one, in space that was made before, so that the disk has nothing to do but to take
it. The store's next transaction writes down what the log holds and gives it another generation, which begins at the
start of the file again: of what is read there at open, a record of another generation, or one that the disk has in
part, ends the log.

A record: its generation (uint64), the size of what follows (uint32), and a BLAKE2b of 8 bytes over all the rest, with
the database's seed as key, so that no value that a client stores is ever taken for a record. Then for each entry the
sizes of key and value (uint32 each), and both.
"""

import hashlib
import struct
from collections.abc import Iterator, Mapping
from typing import Protocol

BYTES_MAX = 8 << 20
"""How long the log may become. A commit for which there is no room is a transaction."""

GROWTH_BYTES = 1 << 20
"""How much space is made at once."""

_HEAD = struct.Struct("<QI8s")
_SIZES = struct.Struct("<II")


class LogFile(Protocol):
    """The file of a log; what it has read or written is durable. The seam at which tests let it die."""

    def read(self) -> bytes: ...
    def write(self, at: int, part: bytes) -> None: ...


class WriteAheadLog:
    """The records of one generation in `file`."""

    def __init__(self, file: LogFile, generation: int, key: bytes) -> None:
        self.generation = generation
        self._file = file
        self._key = key
        self._end = 0
        self._size = 0
        self._broken = False

    def replayed(self) -> dict[bytes, bytes]:
        """The entries that the log holds; more are appended behind them."""
        content = self._file.read()
        self._size = len(content)
        found: dict[bytes, bytes] = {}
        while (record := self._record_at(content, self._end)) is not None:
            found.update(_entries(record))
            self._end += _HEAD.size + len(record)
        return found

    def _record_at(self, content: bytes, at: int) -> bytes | None:
        if at + _HEAD.size > len(content):
            return None
        generation, size, check = _HEAD.unpack_from(content, at)
        record = content[at + _HEAD.size : at + _HEAD.size + size]
        return record if generation == self.generation and check == self._check(record) else None

    def append(self, entries: Mapping[bytes, bytes]) -> bool:
        """Makes `entries` durable; False where there is no room, or where the disk fails: a transaction has to do it.

        After a failure nobody knows what the disk has, so the log is not used again in this generation.
        """
        record = b"".join(part for key, value in entries.items() for part in (_sizes(key, value), key, value))
        end = self._end + _HEAD.size + len(record)
        if self._broken or end > BYTES_MAX:
            return False
        try:
            if end > self._size:
                self._grow(end)
            head = _HEAD.pack(self.generation, len(record), self._check(record))
            self._file.write(self._end, head + record)
        except OSError:
            self._broken = True
            return False
        self._end = end
        return True

    @property
    def begun(self) -> bool:
        """Whether this generation may have a record."""
        return self._end > 0 or self._broken

    def _grow(self, end: int) -> None:
        size = self._size + -(-(end - self._size) // GROWTH_BYTES) * GROWTH_BYTES
        self._file.write(self._size, bytes(size - self._size))
        self._size = size

    def restart(self) -> None:
        """A transaction with the next generation is durable: what the log holds counts no more."""
        self.generation += 1
        self._end = 0
        self._broken = False

    def _check(self, record: bytes) -> bytes:
        check = hashlib.blake2b(struct.pack("<QI", self.generation, len(record)), digest_size=8, key=self._key)
        check.update(record)
        return check.digest()


def _entries(record: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(record):
        key_size, value_size = _SIZES.unpack_from(record, at)
        key_end = at + _SIZES.size + key_size
        at, begin = key_end + value_size, at + _SIZES.size
        yield record[begin:key_end], record[key_end:at]


def _sizes(key: bytes, value: bytes) -> bytes:
    return _SIZES.pack(len(key), len(value))
