"""Files whose rows are numbered, such as Parquet."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pgstream.connectors.places import Places
from pgstream.connectors.record_files import Piece
from pgstream.connectors.source import Limits, Rejected, Rows
from pgstream.errors import FeatureNotSupported
from pgstream.formats.format import Field, FileFormat, RowReader

OPEN_FILES_MAX = 4


class RowFiles:
    """The files of one source, opened as needed. `plan` is called by one thread, fetches by any."""

    def __init__(self, form: FileFormat, options: Any, fields: Sequence[Field], passed_over: Places) -> None:
        self._form = form
        self._options = options
        self._fields = tuple(fields)
        self._passed_over = passed_over
        self._open: dict[Path, RowReader] = {}

    def plan(
        self, path: Path, position: int, bound: int | None, limits: Limits, needed: frozenset[int], growing: bool
    ) -> Piece | None:
        """Rows from `position` on, up to `bound`. A file of rows never grows."""
        reader = self._reader(path)
        last = reader.rows if bound is None else bound
        end = min(last, position + limits.rows)
        passed = self._passed_over.next(str(path), position)
        skipped = 1 if passed == position < end else 0
        if passed is not None:
            end = min(end, passed + skipped)
        done = bound is None and end == reader.rows
        return Piece(end, done, lambda: self._read(path, reader, position, end - position - skipped, needed))

    def _read(self, path: Path, reader: RowReader, first: int, count: int, needed: frozenset[int]) -> Rows:
        decoded = reader.read(first, count, needed)
        rejected = tuple(Rejected(r.raw, r.message, f"{path}:{r.start}") for r in decoded.rejects)
        return Rows(decoded.columns, decoded.count, rejected, f"{path}:{first}", decoded.deletes)

    def amended(self, place: str, raw: bytes, needed: frozenset[int]) -> Rows:
        raise FeatureNotSupported(f'a corrected record of format "{self._form.name}" cannot be read')

    def _reader(self, path: Path) -> RowReader:
        reader = self._open.pop(path, None) or self._form.reader(path, self._fields, self._options)
        self._open[path] = reader
        if len(self._open) > OPEN_FILES_MAX:
            self._open.pop(next(iter(self._open)))
        return reader

    def close(self) -> None:
        self._open.clear()
