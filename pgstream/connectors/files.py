"""Bytes of files, plain or compressed, at any position of what they hold uncompressed."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa

from pgstream.errors import IoError
from pgstream.formats.format import Chunk
from pgstream.kernels.bytes import PADDING

COMPRESSIONS = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bz2", ".lz4": "lz4"}


def compression_of(path: Path, named: str | None) -> str | None:
    """How a file is compressed: as named, or as its suffix says; None for a plain file."""
    if named in (None, "auto"):
        return COMPRESSIONS.get(path.suffix.lower())
    return None if named == "none" else named


def io_error(path: Path, error: OSError) -> IoError:
    """The SQL error for a file that cannot be read or written, in PostgreSQL's words."""
    return IoError(
        f'could not open file "{path}" for reading: {os.strerror(error.errno or 0) if error.errno else error}'
    )


class PlainFile:
    """An uncompressed file. Its size may grow while it is open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise io_error(path, error) from None

    def read(self, at: int, count: int) -> tuple[Chunk, bool]:
        """Up to `count` bytes from position `at` on, and whether the file ends there now."""
        size = os.fstat(self._descriptor).st_size
        if size < at:
            raise IoError(f'file "{self.path}" is shorter than what was read of it: {size} < {at} bytes')
        chunk = Chunk.room(min(count, size - at))
        wanted = min(count, size - at)
        filled = 0
        while filled < wanted:
            read = os.preadv(self._descriptor, [chunk.memory[filled:wanted].data], at + filled)
            if read == 0:
                break
            filled += read
        return sealed(chunk, filled), at + filled >= size

    def close(self) -> None:
        os.close(self._descriptor)


class CompressedFile:
    """A compressed file, read forward; going back starts over. It is taken to be complete."""

    def __init__(self, path: Path, compression: str) -> None:
        self.path = path
        self._compression = compression
        self._ahead = b""
        self._open()

    def _open(self) -> None:
        try:
            self._stream = pa.CompressedInputStream(pa.OSFile(str(self.path), "rb"), self._compression)
        except OSError as error:
            raise io_error(self.path, error) from None
        self._at = 0
        self._ahead = b""

    def read(self, at: int, count: int) -> tuple[Chunk, bool]:
        """Up to `count` bytes from position `at` of the content on, and whether the content ends there."""
        try:
            self._seek(at)
            chunk = Chunk.room(count)
            filled = min(len(self._ahead), count)
            chunk.memory[:filled] = np.frombuffer(self._ahead, np.uint8)[:filled]
            while filled < count:
                more = self._stream.read(count - filled)
                if not more:
                    break
                chunk.memory[filled : filled + len(more)] = np.frombuffer(more, np.uint8)
                filled += len(more)
            self._ahead = chunk.part(0, filled) + self._ahead[filled:]
        except OSError as error:
            raise IoError(f'could not read file "{self.path}": {error}') from None
        return sealed(chunk, filled), filled < count

    def _seek(self, at: int) -> None:
        if at < self._at:
            self._stream.close()
            self._open()
        kept = min(at - self._at, len(self._ahead))
        self._ahead = self._ahead[kept:]
        self._at += kept
        while self._at < at:
            skipped = len(self._stream.read(min(at - self._at, 1 << 20)))
            if skipped == 0:
                raise IoError(f'file "{self.path}" is shorter than what was read of it: {self._at} < {at} bytes')
            self._at += skipped

    def close(self) -> None:
        self._stream.close()


def sealed(chunk: Chunk, size: int) -> Chunk:
    """`chunk` holding `size` bytes, with zeros behind them."""
    chunk.memory[size : size + PADDING] = 0
    return Chunk(chunk.memory, size)


def open_file(path: Path, compression: str | None) -> PlainFile | CompressedFile:
    """The file at `path`. Raises IoError."""
    return PlainFile(path) if compression is None else CompressedFile(path, compression)
