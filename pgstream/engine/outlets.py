"""Outlets: changes on their way out to sinks, in step with the commits."""

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import Feed, Sink
from pgstream.connectors import Changes, Cursor, create_sink
from pgstream.connectors import Sink as Writer
from pgstream.delta import Delta
from pgstream.engine.head import Head
from pgstream.errors import DiskFull, IoError, SqlError
from pgstream.formats.format import Field
from pgstream.world import World


class Outlets:
    """The open sinks of one database. `cursors` are those of the last commit, by sink OID."""

    def __init__(self, world: World, cursors: Mapping[int, Cursor]) -> None:
        self._world = world
        self._cursors = dict(cursors)
        self._writers: dict[int, Writer] = {}

    def open(self, sink: Sink) -> Writer:
        """The writer of `sink`, opened at the last commit's cursor."""
        writer = self._writers.get(sink.oid)
        if writer is None:
            fields = tuple(Field(column.name, column.type) for column in sink.columns)
            writer = self._writers[sink.oid] = create_sink(
                dict(sink.options), fields, self._cursors.get(sink.oid), world=self._world, created_us=sink.created_us
            )
        return writer

    def prepare(self, head: Head) -> dict[int, Cursor]:
        """Writes what the head has to send. The cursors belong into the commit."""
        gathered: dict[int, list[tuple[int, Delta]]] = {}
        for oid, parts in head.outgoing.items():
            thing = head.catalog.objects.get(oid)
            if isinstance(thing, Sink | Feed):
                gathered.setdefault(thing.sink_oid if isinstance(thing, Feed) else oid, []).extend(parts)
        cursors = {}
        for oid, ticks in gathered.items():
            sink = head.catalog.objects[oid]
            assert isinstance(sink, Sink)
            ticks.sort(key=lambda tick: tick[0])
            with _writing(sink):
                cursors[oid] = self.open(sink).prepare(Changes(ticks))
        return cursors

    def publish(self, cursors: Mapping[int, Cursor]) -> None:
        """Shows what a commit made durable. Where that fails, it is done when the writer is opened again."""
        self._cursors.update(cursors)
        for oid, cursor in cursors.items():
            try:
                self._writers[oid].publish(cursor)
            except (OSError, SqlError):
                self._writers.pop(oid).close()

    def resume(self, catalog: Catalog) -> None:
        """Shows what the last commit made durable, and a crash kept from being shown. Failing sinks wait."""
        for oid in self._cursors:
            sink = catalog.objects.get(oid)
            if isinstance(sink, Sink):
                with suppress(SqlError):
                    self.open(sink)

    def reopen(self) -> None:
        """Closes all writers: opened again, at the last commit's cursors, they undo what was prepared beyond."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def keep(self, catalog: Catalog) -> None:
        """Closes the writers of sinks that are gone."""
        for oid in [oid for oid in self._writers if oid not in catalog.objects]:
            self._writers.pop(oid).close()
            self._cursors.pop(oid, None)


@contextmanager
def _writing(sink: Sink) -> Iterator[None]:
    """Turns what the operating system says about a sink's files into the SqlError a client can act on."""
    try:
        yield
    except OSError as error:
        kind = DiskFull if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else IoError
        raise kind(f'could not write to sink "{sink.name}": {error.strerror}') from error
