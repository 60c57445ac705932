"""Sources read again from their start, for SELECTs and backfills."""

from collections.abc import Iterator

from pgstream.catalog.objects import Source
from pgstream.connectors import Limits, create_source, read
from pgstream.connectors.source import Source as Reader
from pgstream.delta import Delta
from pgstream.engine.head import Head
from pgstream.formats.format import Field
from pgstream.world import World


def open_source(source: Source, world: World) -> Reader:
    """The reader that a source's declaration describes."""
    fields = tuple(Field(column.name, column.type) for column in source.columns)
    return create_source(dict(source.options), fields, world=world, created_us=source.created_us)


class Replays:
    """Reads sources again. Any thread may ask; each replay has a reader of its own."""

    def __init__(self, world: World) -> None:
        self._world = world

    def replay(self, head: Head, source: Source, positions: frozenset[int]) -> Iterator[Delta]:
        """Everything up to the head's offset; what there is now, where nobody reads the source yet."""
        reader = open_source(source, self._world)
        try:
            offset, until = reader.start(), head.offsets.get(source.oid)
            while True:
                batch = read(reader, offset, Limits(), positions, until)
                if batch.rows.count:
                    yield Delta.of(batch.rows.columns)
                if batch.next == offset or batch.exhausted:
                    return
                offset = batch.next
        finally:
            reader.close()
