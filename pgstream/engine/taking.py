"""Taking in: the source batches of one turn as ticks, and what of them is refused.

A row on which a view's expression fails is refused by its source, as a table would refuse its INSERT: no view gets
it, the errors relation does, and every replay passes over the places that are listed there. So a view made later
sees what the others saw. See `docs/decisions/0006-a-source-refuses-rows.md`. Rows behind the watermark go the same way,
into the relation of late rows, where a view waits for windows to close.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import Source, Table
from pgstream.circuit.circuit import Node
from pgstream.circuit.operator import Clock
from pgstream.connectors import Batch, Limits, read
from pgstream.connectors.source import Rejected, Rows
from pgstream.connectors.source import Source as Reader
from pgstream.delta import Column, Delta
from pgstream.engine.head import Head
from pgstream.engine.leftovers import ERROR_COLUMNS
from pgstream.engine.replay import errors_table, late_table
from pgstream.engine.steps import Deltas
from pgstream.engine.widened import failing, generated, without
from pgstream.errors import SqlError
from pgstream.types.definition import Settings

Outputs = Mapping[Node, Delta]
Failed = dict[int, list[tuple[int, SqlError]]]
"""By source, the numbers of rows on which an expression fails, and how."""


class Tick(NamedTuple):
    """A tick that was: what it was given, what came of it, and how far the times had come."""

    deltas: Deltas
    outputs: Outputs
    clock: Clock


class Inlets(Protocol):
    """Who knows how the sources are read."""

    def opened(self, catalog: Catalog, source: Source) -> Reader:
        """Another reader of `source`."""

    def needed(self, oid: int) -> frozenset[int]:
        """The columns with which a source is being read."""


class Part(NamedTuple):
    """Some of the rows of a source's batch, in order, of which `first` is the number of the first among those that are
    taken. `numbers` has the numbers in the batch of those, where others are left out."""

    oid: int
    first: int
    rows: Delta
    numbers: NDArray[np.int64] | None = None

    @property
    def number(self) -> int:
        """The number in the batch of the first of these rows."""
        return self.first if self.numbers is None else int(self.numbers[self.first])

    def halves(self) -> "tuple[list[Part], list[Part]]":
        middle = len(self.rows) // 2
        rest = self.rows.slice(middle, len(self.rows) - middle)
        return [self._replace(rows=self.rows.slice(0, middle))], [self._replace(first=self.first + middle, rows=rest)]


@dataclass(slots=True)
class Taking:
    """Takes batches into `head`, which is replaced; `ticks` are the ticks that this took.

    `behind` tells which rows of a source come too late for its watermark; None: none do, or nobody minds.
    """

    head: Head
    step: Callable[[Head, Deltas], tuple[Head, Outputs]]
    inlets: Inlets
    settings: Settings
    behind: Callable[[Head, int, Delta], NDArray[np.bool_] | None]
    ticks: list[Tick] = field(default_factory=list)
    come: dict[int, Delta] = field(default_factory=dict)
    """The rows of each batch as they were taken, late ones among them."""

    def take(self, batches: Mapping[int, Batch], now_us: int) -> None:
        """Raises what is not a row's fault; what was meant to become of `head` is then to be dropped."""
        failed: Failed = {}
        late: dict[int, NDArray[np.int64]] = {}
        parts = [
            part
            for oid, batch in batches.items()
            if (part := self._taken(oid, batch, late, failed, now_us)) is not None
        ]
        if parts:
            self._tick_or_split(parts, failed)
        listed: dict[int, Delta] = {}
        for oid, batch in batches.items():
            rejected = [*batch.rows.rejected, *self._refused(oid, batch, failed.get(oid, ()))]
            if oid in late:
                listed |= self._late(oid, batch, late[oid], rejected, now_us)
            if rejected:
                listed[errors_table(self.head, oid).oid] = rejected_rows(rejected, now_us)
        if listed:
            self._tick(listed)
        self.head = replace(self.head, offsets={**self.head.offsets, **{o: b.next for o, b in batches.items()}})

    def _taken(
        self, oid: int, batch: Batch, late: dict[int, NDArray[np.int64]], failed: Failed, now_us: int
    ) -> Part | None:
        """The rows of a batch that are not too late; the numbers of those that are go into `late`, and those of rows
        whose generated columns cannot be computed into `failed`."""
        rows, numbers = self._generated(oid, batch.rows.delta, failed, now_us)
        self.come[oid] = rows
        behind = self.behind(self.head, oid, rows) if len(rows) else None
        if behind is None:
            return Part(oid, 0, rows, numbers) if len(rows) else None
        places = np.arange(len(rows)) if numbers is None else numbers
        late[oid] = places[behind]
        return None if behind.all() else Part(oid, 0, rows.filter(~behind), places[~behind])

    def _generated(self, oid: int, rows: Delta, failed: Failed, now_us: int) -> tuple[Delta, NDArray[np.int64] | None]:
        """The rows with their generated columns; their numbers, where some are left out."""
        catalog, source = self.head.catalog, self._source(oid)
        try:
            return generated(catalog, source, rows, now_us), None
        except SqlError:
            failed[oid] = failing(catalog, source, rows, now_us)
        left, numbers = without(rows, [row for row, _ in failed[oid]])
        return generated(catalog, source, left, now_us), numbers

    def _tick(self, deltas: Deltas) -> None:
        self.head, outputs = self.step(self.head, deltas)
        self.ticks.append(Tick(deltas, outputs, self.head.clock))

    def _tick_or_split(self, parts: list[Part], failed: Failed) -> None:
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
                failed.setdefault(parts[0].oid, []).append((parts[0].number, error))
                return
            for half in halves:
                self._tick_or_split(half, failed)

    def _refused(self, oid: int, batch: Batch, failed: Sequence[tuple[int, SqlError]]) -> Iterator[Rejected]:
        """The records of a batch's failed rows, which are found by reading the batch again."""
        source, failed = self._source(oid), sorted(failed, key=itemgetter(0))
        records = self._records(source, batch, [row for row, _ in failed])
        for (_, error), record in zip(failed, records, strict=True):
            text = record.rejected[0].raw if record.rejected else _shown(source, record.columns, self.settings)
            yield Rejected(text, f"{error.sqlstate}: {error.message}", record.place)

    def _late(
        self, oid: int, batch: Batch, rows: NDArray[np.int64], rejected: list[Rejected], now_us: int
    ) -> dict[int, Delta]:
        """What the relation of late rows gets; records that turn out to be bad are `rejected`."""
        source, table = self._source(oid), late_table(self.head, oid)
        assert table is not None
        found = list(self._records(source, batch, rows.tolist()))
        rejected += [record.rejected[0] for record in found if record.rejected]
        whole = [self._filled(source, record, now_us) for record in found if not record.rejected]
        watermark_us = max(us for series, us in self.head.clock.watermarks.items() if oid in series)
        return {table.oid: late_rows(table, whole, watermark_us, now_us)} if whole else {}

    def _filled(self, source: Source, record: Rows, now_us: int) -> Rows:
        return replace(record, columns=tuple(generated(self.head.catalog, source, record.delta, now_us).columns))

    def _source(self, oid: int) -> Source:
        source = self.head.catalog.objects[oid]
        assert isinstance(source, Source)
        return source

    def _records(self, source: Source, batch: Batch, rows: Sequence[int]) -> Iterator[Rows]:
        """The records of some rows of a batch, in ascending order, with all of their columns."""
        if not rows:
            return
        reader = self.inlets.opened(self.head.catalog, source)
        span = _Span(reader, self.head.offsets[source.oid], batch.next, self.inlets.needed(source.oid))
        try:
            for row in rows:
                yield span.record(row)
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
        [None] * len(records),
    )
    return Delta.of(
        [pa.array(values, column.type.storage) for values, column in zip(columns, ERROR_COLUMNS, strict=True)]
    )


def late_rows(table: Table, records: Sequence[Rows], watermark_us: int, now_us: int) -> Delta:
    """Rows of a relation of late rows."""
    types = [column.type.storage for column in table.columns]
    count, width = len(records), len(types) - 3
    rows = [pa.concat_arrays([record.columns[i] for record in records]) for i in range(width)]
    places = pa.array([record.place for record in records], types[width])
    known = watermark_us, now_us
    moments = [pa.array([us] * count, pa.int64()).cast(type) for us, type in zip(known, types[-2:], strict=True)]
    return Delta.of([*rows, places, *moments])


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
