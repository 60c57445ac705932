"""Files of records: chunks of whole records, decoded by a format."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pgstream.connectors.files import CompressedFile, PlainFile, compression_of, open_file
from pgstream.connectors.places import Places
from pgstream.connectors.source import Limits, Rejected, Rows
from pgstream.errors import FeatureNotSupported, ProgramLimitExceeded
from pgstream.formats.format import Chunk, Decoder, Field, RecordFormat

OPEN_FILES_MAX = 16
RECORD_BYTES_MAX = 1 << 30
LEAST_BYTES = 1 << 16


class Piece(NamedTuple):
    """The next rows of one file: the position after them, whether that is its final end, and how to make them."""

    position: int
    done: bool
    fetch: Callable[[], Rows]


@dataclass(slots=True)
class OpenFile:
    """A file, the decoder for its head, and the position where its records start."""

    content: PlainFile | CompressedFile
    decoder: Decoder
    body: int


class RecordFiles:
    """The files of one source, opened as needed. `plan` is called by one thread, fetches by any."""

    def __init__(
        self, form: RecordFormat, options: Any, fields: Sequence[Field], compression: str, passed_over: Places
    ) -> None:
        assert form.decoder is not None
        self._form = form
        self._options = options
        self._fields = tuple(fields)
        self._compression = compression
        self._passed_over = passed_over
        self._decoder = form.decoder(self._fields, options)
        self._open: dict[Path, OpenFile] = {}
        self._record_bytes = 256.0

    def plan(
        self, path: Path, position: int, bound: int | None, limits: Limits, needed: frozenset[int], growing: bool
    ) -> Piece | None:
        """What can be read after `position` and up to `bound`; None where there is nothing yet.

        `growing`: the end of the file is not the end of its last record.
        """
        compressed = compression_of(path, self._compression) is not None
        file = self._file(path, growing and not compressed)
        if file is None:
            return None
        start = max(position, file.body)
        passed = self._passed_over.next(str(path), start)
        if passed == start:
            limits = limits._replace(rows=1)
        elif passed is not None:
            bound = passed if bound is None else min(bound, passed)
        count = min(limits.bytes, max(LEAST_BYTES, int(limits.rows * self._record_bytes * 1.25)))
        while True:
            wanted = count if bound is None else min(count, bound - start)
            chunk, ended = file.content.read(start, wanted)
            final = (ended and not (growing and not compressed)) or (bound is not None and start + chunk.size == bound)
            cut = file.decoder.cut(chunk, limits.rows, final)
            if cut.size or ended or (bound is not None and wanted < count):
                break
            if count > RECORD_BYTES_MAX:
                raise ProgramLimitExceeded(f'a record of file "{path}" is longer than {RECORD_BYTES_MAX} bytes')
            count *= 2
        if cut.rows:
            self._record_bytes += (cut.size / cut.rows - self._record_bytes) / 8
        done = final and bound is None and cut.size == chunk.size
        if cut.size == 0 and not done:
            return None
        records = Chunk(chunk.memory, 0 if passed == start else cut.size, cut.rows)
        return Piece(start + cut.size, done, lambda: self._decode(path, file.decoder, start, records, needed))

    def _decode(self, path: Path, decoder: Decoder, start: int, records: Chunk, needed: frozenset[int]) -> Rows:
        decoded = decoder.decode(records, needed)
        rejected = tuple(Rejected(r.raw, r.message, f"{path}:{start + r.start}") for r in decoded.rejects)
        return Rows(decoded.columns, decoded.count, rejected, f"{path}:{start}", decoded.deletes)

    def amended(self, place: str, raw: bytes, needed: frozenset[int]) -> Rows:
        """The rows of one record of these bytes."""
        if self._form.messages is None or self._form.head_records(self._options):
            raise FeatureNotSupported(f'a corrected record of format "{self._form.name}" cannot be read')
        decoded = self._form.messages(self._fields, self._options).decode([raw], needed)
        rejected = tuple(Rejected(reject.raw, reject.message, place) for reject in decoded.rejects)
        return Rows(decoded.columns, decoded.count, rejected, place, decoded.deletes)

    def _file(self, path: Path, growing: bool) -> OpenFile | None:
        """The file at `path`, opened; None where its head is not complete yet."""
        file = self._open.pop(path, None)
        if file is None:
            content = open_file(path, compression_of(path, self._compression))
            file = self._with_head(content, growing)
            if file is None:
                content.close()
                return None
        self._open[path] = file
        if len(self._open) > OPEN_FILES_MAX:
            self._open.pop(next(iter(self._open))).content.close()
        return file

    def _with_head(self, content: PlainFile | CompressedFile, growing: bool) -> OpenFile | None:
        records = self._form.head_records(self._options)
        if records == 0:
            return OpenFile(content, self._decoder, 0)
        assert self._form.headed is not None
        chunk, ended = content.read(0, 1 << 20)
        cut = self._decoder.cut(chunk, records, ended and not growing)
        if cut.rows < records and (growing or not ended):
            return None
        decoder = self._form.headed(self._fields, self._options, chunk.part(0, cut.size))
        return OpenFile(content, decoder, cut.size)

    def close(self) -> None:
        for file in self._open.values():
            file.content.close()
        self._open.clear()
