"""Sources with generated columns: readers that leave room for them, and what fills it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import Source
from pgstream.connectors.source import (
    Lagging,
    Limits,
    Measured,
    Offset,
    Partitioned,
    Reading,
    Replayable,
    Rows,
    Settling,
    Streams,
)
from pgstream.connectors.source import Source as Reader
from pgstream.delta import Delta
from pgstream.engine.steps import VIEW_SETTINGS
from pgstream.errors import SqlError
from pgstream.formats.format import Field
from pgstream.functions.registry import EvalContext
from pgstream.plan.evaluate import evaluate
from pgstream.plan.rewrite import used
from pgstream.sql.bind.row_expressions import row_expression


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the columns that a reader gives stand among those of a source: at `given`, in order."""

    fields: tuple[Field, ...]
    given: tuple[int, ...]
    inputs: frozenset[int]
    """The positions of the columns that others are computed from."""

    def needed(self, positions: frozenset[int]) -> frozenset[int]:
        """What the reader is to read for these columns of the source."""
        wanted = positions if positions <= set(self.given) else positions | self.inputs
        return frozenset(i for i, position in enumerate(self.given) if position in wanted)

    def widened(self, rows: Rows) -> Rows:
        """The rows with NULLs in the place of generated columns."""
        columns = [pa.nulls(rows.count, field.type.storage) for field in self.fields]
        for position, column in zip(self.given, rows.columns, strict=True):
            columns[position] = column
        return replace(rows, columns=tuple(columns))


class Widened:
    """A reader of all of a source's columns, of which those that are generated are NULL."""

    def __init__(self, reader: Any, layout: Layout) -> None:
        self._reader = reader
        self._layout = layout

    @property
    def fields(self) -> tuple[Field, ...]:
        return self._layout.fields

    def start(self) -> Offset:
        offset: Offset = self._reader.start()
        return offset

    def plan(self, offset: Offset, limits: Limits, needed: frozenset[int], until: Offset | None = None) -> Reading:
        reading: Reading = self._reader.plan(offset, limits, self._layout.needed(needed), until)
        return replace(reading, fetch=partial(_fetched, self._layout, reading.fetch))

    def close(self) -> None:
        self._reader.close()


def _fetched(layout: Layout, fetch: Callable[[], Rows]) -> Rows:
    return layout.widened(fetch())


class _Measured(Widened):
    def end(self) -> Offset:
        offset: Offset = self._reader.end()
        return offset


class _Settling(Widened):
    def settled(self) -> dict[str, str]:
        options: dict[str, str] = self._reader.settled()
        return options


class _Partitioned(Widened):
    def streams(self, offset: Offset) -> Streams:
        streams: Streams = self._reader.streams(offset)
        return streams


class _Lagging(Widened):
    def behind(self, offset: Offset) -> int | None:
        count: int | None = self._reader.behind(offset)
        return count


class _Replayable(Widened):
    def at(self, place: str) -> tuple[Offset, Offset | None]:
        found: tuple[Offset, Offset | None] = self._reader.at(place)
        return found

    def amended(self, place: str, raw: bytes, needed: frozenset[int]) -> Rows:
        return self._layout.widened(self._reader.amended(place, raw, self._layout.needed(needed)))


_ABILITIES: tuple[tuple[Any, type], ...] = (
    (Measured, _Measured),
    (Settling, _Settling),
    (Partitioned, _Partitioned),
    (Lagging, _Lagging),
    (Replayable, _Replayable),
)


def given_fields(source: Source) -> tuple[Field, ...]:
    """The columns of a source that its records give."""
    return tuple(Field(column.name, column.type) for column in source.columns if column.generated is None)


def given_key(source: Source) -> tuple[int, ...]:
    """The positions of a source's key among those columns."""
    given = [i for i, column in enumerate(source.columns) if column.generated is None]
    return tuple(given.index(position) for position in source.primary_key)


def widened(reader: Reader, catalog: Catalog, source: Source) -> Reader:
    """`reader` with room for the source's generated columns, and able to do what it can do."""
    computed = _computed(source)
    if not computed:
        return reader
    given = tuple(i for i in range(len(source.columns)) if i not in computed)
    exprs = [_expression(catalog, source, position) for position in computed]
    inputs = frozenset(id for expr in exprs for id in used(expr))
    fields = tuple(Field(column.name, column.type) for column in source.columns)
    abilities = tuple(made for ability, made in _ABILITIES if isinstance(reader, ability))
    kind: type = type("Widened", abilities or (Widened,), {})
    made: Reader = kind(reader, Layout(fields, given, inputs))
    return made


def _computed(source: Source) -> tuple[int, ...]:
    return tuple(i for i, column in enumerate(source.columns) if column.generated is not None)


def _expression(catalog: Catalog, source: Source, position: int) -> Any:
    column = source.columns[position]
    assert column.generated is not None
    return row_expression(catalog, source.columns, column.generated, column.type)


def generated(catalog: Catalog, source: Source, rows: Delta, now_us: int) -> Delta:
    """The rows, which come now, with their generated columns. Raises what their expressions raise."""
    columns = list(rows.columns)
    for position in _computed(source) if len(rows) else ():
        expr = _expression(catalog, source, position)
        columns[position] = evaluate(expr, dict(enumerate(rows.columns)), len(rows), EvalContext(VIEW_SETTINGS, now_us))
    return Delta(tuple(columns), rows.weights)


def failing(catalog: Catalog, source: Source, rows: Delta, now_us: int) -> list[tuple[int, SqlError]]:
    """The numbers of the rows whose generated columns cannot be computed, and why."""
    try:
        generated(catalog, source, rows, now_us)
    except SqlError as error:
        if len(rows) == 1:
            return [(0, error)]
        middle = len(rows) // 2
        found = failing(catalog, source, rows.slice(0, middle), now_us)
        rest = failing(catalog, source, rows.slice(middle, len(rows) - middle), now_us)
        return [*found, *((middle + row, why) for row, why in rest)]
    return []


def without(rows: Delta, gone: list[int]) -> tuple[Delta, Any]:
    """The rows but those with these numbers, and the numbers of those that are left."""
    keep = np.ones(len(rows), np.bool_)
    keep[gone] = False
    return rows.filter(keep), np.flatnonzero(keep)
