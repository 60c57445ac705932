"""Intake: sources on their way into ticks.

A source is read ahead by threads of its own, from the head's offset on, as soon as a view or sink depends on it. Each
turn of the engine takes what batches are ready, at most one per source, as one tick. A batch that makes an
expression fail is split until the rows that do so stand alone; those go to the source's errors relation.

A source that cannot be read (a file is gone) is left alone for a while and then opened again where it stood.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import inf

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import Source
from pgstream.catalog.session_facts import PartitionFacts, SourceFacts
from pgstream.connectors import Batch
from pgstream.connectors.prefetch import Prefetch
from pgstream.connectors.source import Lagging, Partitioned, Streams
from pgstream.connectors.source import Source as Reader
from pgstream.engine.flows import Flow
from pgstream.engine.head import Head
from pgstream.engine.lookups import looked_up
from pgstream.engine.outside import Settings, settings_of
from pgstream.engine.pacing import Pacing
from pgstream.engine.replay import open_source
from pgstream.engine.roots import Roots
from pgstream.engine.watermarks import Reading
from pgstream.errors import SqlError
from pgstream.world import World

RETRY_S = 5.0
"""How long a source that failed is left alone."""

LISTING_S = 0.5
"""How often a source that gives nothing is asked for its streams."""


@dataclass(slots=True)
class Inlet:
    """One source being read: by whom, and which of its columns."""

    source: Source
    reader: Reader
    prefetch: Prefetch
    needed: frozenset[int]
    pacing: Pacing
    settings: Settings
    _seen: tuple[bytes, float, Streams] | None = None

    def streams(self, offset: bytes, now_s: float) -> Streams | None:
        """The streams of a source that knows them; looked for now and then."""
        if not isinstance(self.reader, Partitioned):
            return None
        if self._seen is None or self._seen[0] != offset or now_s - self._seen[1] >= LISTING_S:
            self._seen = offset, now_s, self.reader.streams(offset)
        return self._seen[2]

    def fits(self, catalog: Catalog, source: Source) -> bool:
        """Whether it reads the source as it is declared now."""
        if not Pacing.of(source).same(self.pacing):
            return False
        try:
            return self.settings == settings_of(catalog, source)
        except SqlError:
            return False

    def close(self) -> None:
        self.prefetch.close()
        self.reader.close()


class Intake:
    """The sources that the head's views need. Touched only on the engine thread."""

    def __init__(self, world: World, ready: Callable[[], None], failed: Callable[[Source, Exception], None]) -> None:
        self._world = world
        self._ready = ready
        self._failed = failed
        self._pool = ThreadPoolExecutor(2, "fetch")
        self._inlets: dict[int, Inlet] = {}
        self._resting: dict[int, float] = {}
        self._flows: dict[int, Flow] = {}
        self._after: Mapping[int, frozenset[int]] = {}
        """Sources whose rows are looked up as they come in what is read of others, which are read first."""
        self._read_up: set[int] = set()
        """Those that were once read up to where they were then."""
        self.marking: Callable[[int], frozenset[int]] = lambda _: frozenset()
        """The columns that a source's watermark is made of."""

    def follow(self, head: Head, others: Iterable[Roots] = ()) -> Head:
        """Opens and closes inlets to fit the head's roots; a source read for the first time gets its offset.

        `others` need their columns of the sources that the head reads. Raises SqlError where a source that was never
        read cannot be opened; one that was is tried again later.
        """
        wanted = {
            oid: self.marking(oid).union(*(_positions(roots, oid) for roots in (head.roots, *others)))
            for oid in sorted(head.catalog.source_oids)
            if oid in head.roots.live.inputs
        }
        for oid, inlet in list(self._inlets.items()):
            source = head.catalog.objects.get(oid)
            same = isinstance(source, Source) and inlet.fits(head.catalog, source)
            if wanted.get(oid) != inlet.needed or not same:
                inlet.close()
                del self._inlets[oid]
        self._after = looked_up(head.roots, head.catalog.source_oids) if head.roots.live.dated else {}
        self._read_up &= set(wanted)
        self._resting = {oid: until for oid, until in self._resting.items() if oid in wanted}
        for oid, needed in wanted.items():
            if oid not in self._inlets and oid not in self._resting:
                head = self._open(head, oid, needed)
        return head

    def rested(self) -> bool:
        """Whether a source that failed may be tried again: `follow` does."""
        now = self._world.monotonic()
        ready = [oid for oid, until in self._resting.items() if until <= now]
        for oid in ready:
            del self._resting[oid]
        return bool(ready)

    def rest(self, oids: Iterable[int]) -> None:
        """Leaves sources alone for a while; what was read ahead of them is forgotten."""
        chosen = list(oids)
        self.restart(chosen)
        self._resting |= dict.fromkeys(chosen, self._world.monotonic() + RETRY_S)

    def _open(self, head: Head, oid: int, needed: frozenset[int]) -> Head:
        source = head.catalog.objects[oid]
        assert isinstance(source, Source)
        try:
            reader, settings = open_source(head.catalog, source, self._world), settings_of(head.catalog, source)
        except SqlError as error:
            if oid not in head.offsets:
                raise
            self._told_failure(source, error)
            self.rest([oid])
            return head
        if oid not in head.offsets:
            head = head.with_offset(oid, reader.start())
        pacing = Pacing.of(source)
        prefetch = Prefetch(reader, head.offsets[oid], needed, self._pool, limits=pacing.limits, ready=self._ready)
        self._inlets[oid] = Inlet(source, reader, prefetch, needed, pacing, settings)
        return head

    def batches(self) -> dict[int, Batch]:
        """What is ready, at most one batch per source. Raises nothing: a source that fails rests."""
        found: dict[int, Batch] = {}
        now_s = self._world.monotonic()
        for oid, inlet in list(self._inlets.items()):
            if not inlet.pacing.allows(now_s) or self._held(oid):
                continue
            try:
                batch = inlet.prefetch.take()
            except Exception as error:
                if isinstance(error, SqlError):
                    inlet.settings.conceal(error)
                self._told_failure(inlet.source, error)
                self.rest([oid])
                continue
            if batch is not None:
                found[oid] = batch
                flow = self._flows.setdefault(oid, Flow())
                flow.came(batch.rows.count, len(batch.rows.rejected), now_s)
                inlet.pacing.took(batch.rows.count)
        return found

    def _held(self, oid: int) -> bool:
        """Whether rows of a source would come before what they are looked up in has been read for the first time."""
        for first in self._after.get(oid, ()):
            inlet = self._inlets.get(first)
            if inlet is not None and inlet.prefetch.caught_up:
                self._read_up.add(first)
        return not self._after.get(oid, frozenset()) <= self._read_up

    def _told_failure(self, source: Source, error: Exception) -> None:
        if self._flows.setdefault(source.oid, Flow()).failed(error, self._world.now_us()):
            self._failed(source, error)

    def facts(self, source: Source, offset: bytes | None) -> SourceFacts:
        """How a source fares that is read up to `offset`. Any thread may ask."""
        inlet, flow = self._inlets.get(source.oid), self._flows.get(source.oid) or Flow()
        state, behind = "unread", None
        partitions: tuple[PartitionFacts, ...] = ()
        if source.oid in self._resting:
            state = "failing"
        elif inlet is not None:
            state = "ended" if inlet.prefetch.exhausted else "paused" if inlet.pacing.paused else "running"
            if offset is not None and isinstance(inlet.reader, Lagging):
                partitions = tuple(PartitionFacts(*lag) for lag in inlet.reader.lags(offset))
                known = [one.end - one.at for one in partitions if one.end is not None]
                behind = sum(known) if partitions and len(known) == len(partitions) else None
        failing = state == "failing"
        return SourceFacts(
            source.oid, state, flow.sqlstate if failing else None, flow.error if failing else None,
            flow.failing_since_us if failing else None, None if offset is None else offset.decode(), flow.rows,
            flow.rate(self._world.monotonic()), flow.rejected, behind,
            flow.mishaps, partitions,
        )  # fmt: skip

    @property
    def wait_s(self) -> float:
        """How long until a source that is held back may be asked again; for ever where none is."""
        return min((wait for one in self._inlets.values() if (wait := one.pacing.wait_s) > 0.0), default=inf)

    def exhausted(self, oid: int) -> bool:
        """Whether a source has given everything it ever will."""
        inlet = self._inlets.get(oid)
        return inlet is not None and inlet.prefetch.exhausted

    def readings(self, head: Head, oids: Collection[int]) -> dict[int, Reading]:
        """How some of the sources are read."""
        found, now_s = {}, self._world.monotonic()
        for oid, inlet in list(self._inlets.items()):
            if oid in oids:
                found[oid] = Reading(inlet.streams(head.offsets[oid], now_s), inlet.prefetch.exhausted)
        return found

    def opened(self, catalog: Catalog, source: Source) -> Reader:
        """Another reader of `source`."""
        return open_source(catalog, source, self._world)

    def needed(self, oid: int) -> frozenset[int]:
        """The columns with which a source is being read."""
        return self._inlets[oid].needed

    def restart(self, oids: Iterable[int]) -> None:
        """Forgets what was read ahead, as after a commit that failed; `follow` opens again at the head's offsets."""
        for oid in list(oids):
            inlet = self._inlets.pop(oid, None)
            if inlet is not None:
                inlet.close()

    @property
    def sources(self) -> list[int]:
        return list(self._inlets)

    def close(self) -> None:
        self.restart(self.sources)
        self._pool.shutdown(cancel_futures=True)


def _positions(roots: Roots, oid: int) -> frozenset[int]:
    """The columns of a source that these roots read."""
    nodes = roots.live.inputs.get(oid, ())
    return frozenset(position for node in nodes for position in node.operator.positions)  # type: ignore[attr-defined]
