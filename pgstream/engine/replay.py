"""Sources read again from their start, for SELECTs and backfills."""

from collections.abc import Iterator, Sequence

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import Source, Table
from pgstream.connectors import NO_PLACES, Batch, Limits, Places, create_source, read
from pgstream.connectors.source import Measured, Offset, Rejected, Replayable, Rows
from pgstream.connectors.source import Source as Reader
from pgstream.delta import Delta, concat
from pgstream.engine.head import Head
from pgstream.engine.outside import settings_of
from pgstream.engine.widened import generated, given_fields, given_key, widened
from pgstream.errors import FeatureNotSupported, InvalidTextRepresentation
from pgstream.world import World

YIELDED_ROWS_MIN = 1 << 14
"""How many rows are gathered where rejected records cut the source into small pieces."""

ERRORS_PLACE = 2
"""The position of the place in `ERROR_COLUMNS`."""

ERRORS_RAW, ERRORS_REPLAYED_AT = 0, 4


def open_source(catalog: Catalog, source: Source, world: World, passed_over: Places = NO_PLACES) -> Reader:
    """The reader that a source's declaration describes; what is generated is NULL."""
    settings = settings_of(catalog, source)
    with settings.concealing():
        reader = create_source(
            settings.options,
            given_fields(source) or None,
            world=world,
            created_us=source.created_us,
            passed_over=passed_over,
            key=given_key(source),
        )
    return widened(reader, catalog, source)


def errors_table(head: Head, source_oid: int) -> Table:
    """The relation that holds what a source rejected."""
    for thing in head.catalog.belonging(source_oid):
        if isinstance(thing, Table) and not thing.late:
            return thing
    raise AssertionError(f"source {source_oid} has no errors relation")


def late_table(head: Head, source_oid: int) -> Table | None:
    """The relation that holds the rows of a source that came behind its watermark; None where it declares none."""
    parts = head.catalog.belonging(source_oid)
    return next((thing for thing in parts if isinstance(thing, Table) and thing.late), None)


def refused(head: Head, source: Source) -> Places:
    """Where the records stand that the head's views did not take."""
    listed = [(errors_table(head, source.oid), ERRORS_PLACE)]
    if (late := late_table(head, source.oid)) is not None:
        listed.append((late, len(source.columns)))
    places: list[str] = []
    for table, position in listed:
        spine = head.rows(table.oid)
        for part in () if spine is None else spine.chunks(1 << 18, (position,)):
            places += part.columns[0].to_pylist()
    return Places(places) if places else NO_PLACES


class Replays:
    """Reads sources again. Any thread may ask; each replay has a reader of its own."""

    def __init__(self, world: World) -> None:
        self._world = world

    def replay(self, head: Head, source: Source, positions: frozenset[int]) -> Iterator[Delta]:
        """What the source contains: everything up to the head's offset but what the head's errors relation lists; what
        there is now, where nobody reads the source yet."""
        until = head.offsets.get(source.oid)
        parts: list[Delta] = []
        for batch in _batches(open_source(head.catalog, source, self._world, refused(head, source)), positions, until):
            if batch.rows.rejected and until is not None:
                raise _unreadable(source, batch.rows.rejected[0])
            parts.append(generated(head.catalog, source, batch.rows.delta, self._world.now_us()))
            if sum(len(part) for part in parts) >= YIELDED_ROWS_MIN:
                yield concat(parts)
                parts.clear()
        parts += self._amended(head, source, positions)
        if any(len(part) for part in parts):
            yield concat(parts)

    def _amended(self, head: Head, source: Source, positions: frozenset[int]) -> Iterator[Delta]:
        """What was replayed in the place of records that the source refused."""
        spine = head.rows(errors_table(head, source.oid).oid)
        wanted = (ERRORS_RAW, ERRORS_PLACE, ERRORS_REPLAYED_AT)
        for part in () if spine is None else spine.chunks(1 << 18, wanted):
            replayed = part.filter(part.columns[2].is_valid().to_numpy(zero_copy_only=False))
            raws, places, _ = (column.to_pylist() for column in replayed.columns)
            if places:
                yield from (
                    generated(head.catalog, source, rows.delta, self._world.now_us())
                    for rows in self.records(head.catalog, source, places, positions, raws)
                )

    def records(
        self,
        catalog: Catalog,
        source: Source,
        places: Sequence[str],
        positions: frozenset[int],
        raws: Sequence[bytes] | None = None,
    ) -> list[Rows]:
        """The records at these places, read again, or as if they were `raws`."""
        reader = open_source(catalog, source, self._world)
        try:
            if not isinstance(reader, Replayable):
                raise FeatureNotSupported(f"records of source {source.name} cannot be replayed")
            if raws is not None:
                return [reader.amended(place, raw, positions) for place, raw in zip(places, raws, strict=True)]
            found = []
            for place in places:
                offset, until = reader.at(place)
                found.append(read(reader, offset, Limits(rows=1), positions, until).rows)
            return found
        finally:
            reader.close()


def _batches(reader: Reader, positions: frozenset[int], until: Offset | None) -> Iterator[Batch]:
    """Everything from the start until there is no more."""
    try:
        offset = reader.start()
        if until is None and isinstance(reader, Measured):
            until = reader.end()
        while True:
            batch = read(reader, offset, Limits(), positions, until)
            yield batch
            if batch.next == offset or batch.exhausted:
                return
            offset = batch.next
    finally:
        reader.close()


def _unreadable(source: Source, record: Rejected) -> InvalidTextRepresentation:
    return InvalidTextRepresentation(
        record.message,
        detail=f"Source {source.name} took the record at {record.place} while nothing read the column that is bad.",
        hint="A source that is created anew rejects it, once something reads that column.",
    )
