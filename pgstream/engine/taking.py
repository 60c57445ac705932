"""Taking in: the source batches of one turn as ticks, and what of them is refused.

A row on which a view's expression fails is refused by its source, as a table would refuse its INSERT: no view gets
it, the errors relation does, and every replay passes over the places that are listed there. So a view made later
sees what the others saw. See `docs/decisions/0006-a-source-refuses-rows.md`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

import pyarrow as pa

from pgstream.catalog.objects import Source
from pgstream.circuit.circuit import Node
from pgstream.connectors import Batch, Limits, read
from pgstream.connectors.source import Rejected, Rows
from pgstream.connectors.source import Source as Reader
from pgstream.delta import Column, Delta
from pgstream.engine.defining import ERROR_COLUMNS
from pgstream.engine.head import Head
from pgstream.engine.replay import errors_table
from pgstream.engine.steps import Deltas
from pgstream.errors import SqlError
from pgstream.types.definition import Settings

Outputs = Mapping[Node, Delta]


class Inlets(Protocol):
    """Who knows how the sources are read."""

    def opened(self, source: Source) -> Reader:
        """Another reader of `source`."""

    def needed(self, oid: int) -> frozenset[int]:
        """The columns with which a source is being read."""


class Part(NamedTuple):
    """Some of the rows of a source's batch, of which `first` is the number of the first."""

    oid: int
    first: int
    rows: Delta

    def halves(self) -> "tuple[list[Part], list[Part]]":
        middle = len(self.rows) // 2
        rest = Part(self.oid, self.first + middle, self.rows.slice(middle, len(self.rows) - middle))
        return [Part(self.oid, self.first, self.rows.slice(0, middle))], [rest]


@dataclass(slots=True)
class Taking:
    """Takes batches into `head`, which is replaced; `ticks` are the ticks that this took."""

    head: Head
    step: Callable[[Head, Deltas], tuple[Head, Outputs]]
    inlets: Inlets
    settings: Settings
    ticks: list[tuple[Deltas, Outputs]] = field(default_factory=list)

    def take(self, batches: Mapping[int, Batch], now_us: int) -> None:
        """Raises what is not a row's fault; what was meant to become of `head` is then to be dropped."""
        failed: dict[int, list[tuple[int, SqlError]]] = {}
        parts = [Part(oid, 0, batch.rows.delta) for oid, batch in batches.items() if batch.rows.count]
        if parts:
            self._tick_or_split(parts, failed)
        errors = {}
        for oid, batch in batches.items():
            rejected = [*batch.rows.rejected, *self._refused(oid, batch, failed.get(oid, ()))]
            if rejected:
                errors[errors_table(self.head, oid).oid] = rejected_rows(rejected, now_us)
        if errors:
            self._tick(errors)
        self.head = replace(self.head, offsets={**self.head.offsets, **{o: b.next for o, b in batches.items()}})

    def _tick(self, deltas: Deltas) -> None:
        self.head, outputs = self.step(self.head, deltas)
        self.ticks.append((deltas, outputs))

    def _tick_or_split(self, parts: list[Part], failed: dict[int, list[tuple[int, SqlError]]]) -> None:
        """Steps these rows; those that make an expression fail are `failed`, the others are not held up."""
        try:
            self._tick({part.oid: part.rows for part in parts})
        except SqlError as error:
            if len(parts) > 1:
                middle = len(parts) // 2
                halves = parts[:middle], parts[middle:]
            elif len(parts[0].rows) > 1:
                halves = parts[0].halves()
            else:
                failed.setdefault(parts[0].oid, []).append((parts[0].first, error))
                return
            for half in halves:
                self._tick_or_split(half, failed)

    def _refused(self, oid: int, batch: Batch, failed: Sequence[tuple[int, SqlError]]) -> Iterator[Rejected]:
        """The records of a batch's failed rows, which are found by reading the batch again."""
        if not failed:
            return
        source = self.head.catalog.objects[oid]
        assert isinstance(source, Source)
        reader = self.inlets.opened(source)
        span = _Span(reader, self.head.offsets[oid], batch.next, self.inlets.needed(oid))
        try:
            for row, error in failed:
                record = span.record(row)
                text = record.rejected[0].raw if record.rejected else _shown(source, record.columns, self.settings)
                yield Rejected(text, f"{error.sqlstate}: {error.message}", record.place)
        finally:
            reader.close()


@dataclass(slots=True)
class _Span:
    """A batch read again from `offset` on, up to the record of the row that is asked for next."""

    reader: Reader
    offset: bytes
    until: bytes
    needed: frozenset[int]
    row: int = 0

    def record(self, row: int) -> Rows:
        """The record, with all of its columns, that gave row number `row`; rows are asked for in ascending order."""
        while True:
            batch = read(self.reader, self.offset, Limits(rows=max(1, row - self.row)), self.needed, self.until)
            assert batch.next != self.offset, "a source gives the same rows however often it is read"
            before, self.offset = self.offset, batch.next
            self.row += batch.rows.count
            if self.row > row:
                every = frozenset(range(len(self.reader.fields)))
                return read(self.reader, before, Limits(rows=1), every, self.until).rows


def rejected_rows(rejected: Iterable[Rejected], now_us: int) -> Delta:
    """Rows of an errors relation."""
    records = list(rejected)
    columns = (
        [one.raw for one in records],
        [one.message for one in records],
        [one.place for one in records],
        [now_us] * len(records),
    )
    return Delta.of(
        [pa.array(values, column.type.storage) for values, column in zip(columns, ERROR_COLUMNS, strict=True)]
    )


def _shown(source: Source, row: Sequence[Column], settings: Settings) -> bytes:
    """A single row's values as text."""
    shown = {
        column.name: _text(column.type.definition.format(value, settings))
        for column, value in zip(source.columns, row, strict=True)
    }
    return ", ".join(f"{name}={text}" for name, text in shown.items()).encode()


def _text(column: Column) -> str:
    value = column[0].as_py()
    return "NULL" if value is None else str(value)
