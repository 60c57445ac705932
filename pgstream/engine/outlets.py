"""Outlets: changes on their way out to sinks, in step with the commits.

A sink that fails is nobody else's failure. It is left alone for a while, and what it should have been given goes into
the store with the commit (`debts.py`); once it works again it is given that first.
"""

import errno
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import inf

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import Feed, Sink
from pgstream.catalog.session_facts import SinkFacts
from pgstream.connectors import Changes, Cursor, create_sink
from pgstream.connectors import Sink as Writer
from pgstream.engine.commit import Place
from pgstream.engine.debts import Debt, Ticks, debt_key, pack_parcel, parcel_key, unpack_parcel
from pgstream.engine.flows import Flow
from pgstream.engine.head import Head
from pgstream.engine.outside import Settings, settings_of
from pgstream.errors import DiskFull, IoError, SqlError
from pgstream.formats.format import Field
from pgstream.formats.options import read_bool
from pgstream.world import World

PARCELS_BYTES_MAX = 32 << 20
"""How much of its debt a sink is given in one commit."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What one commit does for sinks, by their OIDs: the cursors that it makes durable, what becomes of their debts
    (None: paid), and what it writes about those. `gone` are no more."""

    cursors: dict[int, Cursor] = field(default_factory=dict)
    rows: dict[int, int] = field(default_factory=dict)
    debts: dict[int, Debt | None] = field(default_factory=dict)
    meta: dict[bytes, bytes | None] = field(default_factory=dict)
    gone: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Outlets:
    """The sinks of one database. `cursors` and `debts` are those of the last commit; `fetch` reads the store.

    `paused` is called where a sink fails in a way in which it did not before, `resumed` once it has been given
    everything.
    """

    world: World
    place: Place
    fetch: Callable[[bytes], bytes | None]
    cursors: dict[int, Cursor]
    debts: dict[int, Debt]
    paused: Callable[[Sink, SqlError], None] = lambda sink, error: None
    resumed: Callable[[Sink], None] = lambda sink: None
    flows: dict[int, Flow] = field(default_factory=dict)
    _writers: dict[int, tuple[Settings, Writer]] = field(default_factory=dict)
    _tried: dict[int, object] = field(default_factory=dict)
    """With what a sink failed the last time."""

    def open(self, catalog: Catalog, sink: Sink) -> Writer:
        """The writer of `sink`, opened at the last commit's cursor; another one where its options have changed."""
        settings = settings_of(catalog, sink)
        opened = self._writers.get(sink.oid)
        if opened is not None and opened[0] == settings:
            return opened[1]
        self._close(sink.oid)
        fields = tuple(Field(column.name, column.type) for column in sink.columns)
        with settings.concealing():
            writer = create_sink(
                settings.options, fields, self.cursors.get(sink.oid), world=self.world, created_us=sink.created_us
            )
        self._writers[sink.oid] = settings, writer
        return writer

    @property
    def due(self) -> bool:
        """Whether it is time to try a sink again that failed: a commit does."""
        return bool(self.debts) and min(debt.until for debt in self.debts.values()) <= self.world.monotonic()

    def prepare(self, head: Head) -> Sent:
        """Writes what the head has to send. What is returned belongs into the commit, and then to `publish`."""
        sent, outgoing = Sent(), _gathered(head)
        for oid in {*outgoing, *self.debts}:
            sink = head.catalog.objects.get(oid)
            if isinstance(sink, Sink):
                self._give(head.catalog, sink, outgoing.get(oid, []), sent)
        for oid in {*self._writers, *self.cursors, *self.debts}:
            if oid not in head.catalog.objects:
                sent.gone.append(oid)
                sent.meta.update(self._paid(oid, self.debts.get(oid)))
        return sent

    def _give(self, catalog: Catalog, sink: Sink, ticks: Ticks, sent: Sent) -> None:
        """Writes what `sink` is owed, and then the `ticks`; where it rests or fails, it is owed these too."""
        debt = self.debts.get(sink.oid)
        if is_paused(sink):
            self._owe(sink.oid, replace(debt or Debt("", "", self.world.now_us()), until=inf), ticks, sent)
            return
        if (
            debt is not None
            and debt.until > self.world.monotonic()
            and self._tried.get(sink.oid) == _asked(catalog, sink)
        ):
            self._owe(sink.oid, debt, ticks, sent)
            return
        try:
            owed, count = self._owed(sink.oid, debt)
            last = debt is None or count == len(debt.parcels)
            changes = [*owed, *ticks] if last else owed
            writer = self.open(catalog, sink)
            if changes and writer.append_only and takes_insertions(sink):
                changes = [(tick, delta.filter(delta.weights > 0)) for tick, delta in changes]
            if changes:
                sent.cursors[sink.oid] = writer.prepare(Changes(changes))
                sent.rows[sink.oid] = sum(len(delta) for _, delta in changes)
        except (OSError, SqlError) as error:
            debt = self._failed(sink, error)
            self._tried[sink.oid] = _asked(catalog, sink)
            self._close(sink.oid)
            self._owe(sink.oid, debt, ticks, sent)
            return
        if debt is not None:
            sent.meta.update(self._paid(sink.oid, replace(debt, next=debt.first + count)))
            sent.debts[sink.oid] = None
            if not last:
                self._owe(sink.oid, replace(debt, first=debt.first + count), ticks, sent)

    def _owed(self, oid: int, debt: Debt | None) -> tuple[Ticks, int]:
        """What is in the first parcels that wait for a sink, and how many they are."""
        ticks: Ticks = []
        count = size = 0
        for number in () if debt is None else debt.parcels:
            packed = self.fetch(parcel_key(self.place, oid, number))
            assert packed is not None, "a parcel waits until its sink has been given it"
            size += len(packed)
            if count and size > PARCELS_BYTES_MAX:
                break
            ticks += unpack_parcel(packed)
            count += 1
        return ticks, count

    def _owe(self, oid: int, debt: Debt, ticks: Ticks, sent: Sent) -> None:
        """Has the commit keep `ticks` for a sink."""
        if ticks:
            sent.meta[parcel_key(self.place, oid, debt.next)] = pack_parcel(ticks)
            debt = replace(debt, next=debt.next + 1)
        sent.debts[oid] = debt
        if debt.parcels:
            sent.meta[debt_key(self.place, oid)] = debt.pack()

    def _paid(self, oid: int, debt: Debt | None) -> Mapping[bytes, None]:
        """What the store need not keep of a debt that is paid."""
        if debt is None:
            return {}
        return dict.fromkeys([debt_key(self.place, oid), *(parcel_key(self.place, oid, n) for n in debt.parcels)])

    def _failed(self, sink: Sink, error: OSError | SqlError) -> Debt:
        """The debt of a sink after one more failure."""
        told, debt = _sql_error(sink, error), self.debts.get(sink.oid)
        if sink.oid in self._writers:
            self._writers[sink.oid][0].conceal(told)
        if debt is None or (debt.sqlstate, debt.error) != (told.sqlstate, told.message):
            self.paused(sink, told)
        self.flows.setdefault(sink.oid, Flow()).failed(told, self.world.now_us())
        fresh = debt or Debt(told.sqlstate, told.message, self.world.now_us())
        return fresh.failed(told, self.world.monotonic())

    def publish(self, sent: Sent, catalog: Catalog) -> None:
        """Shows what a commit made durable. Where that fails, it is done when the writer is opened again."""
        self.cursors |= sent.cursors
        for oid, debt in sent.debts.items():
            if debt is not None:
                self.debts[oid] = debt
            elif (paid := self.debts.pop(oid, None)) is not None and paid.sqlstate:
                self.resumed(_sink(catalog, oid))
        for oid, cursor in sent.cursors.items():
            try:
                self._writers[oid][1].publish(cursor)
                flow = self.flows.setdefault(oid, Flow())
                flow.came(sent.rows.get(oid, 0), 0, self.world.monotonic())
            except (OSError, SqlError) as error:
                self.debts[oid] = self._failed(_sink(catalog, oid), error)
                self._close(oid)
        for oid in sent.gone:
            self._close(oid)
            self.cursors.pop(oid, None)
            self.debts.pop(oid, None)
            self.flows.pop(oid, None)

    def facts(self, sink: Sink) -> SinkFacts:
        """How a sink fares. Any thread may ask."""
        debt, flow = self.debts.get(sink.oid), self.flows.get(sink.oid) or Flow()
        state = "paused" if is_paused(sink) else "running" if debt is None else debt.state
        failed = debt is not None and bool(debt.sqlstate)
        return SinkFacts(
            oid=sink.oid,
            state=state,
            sqlstate=debt.sqlstate if debt is not None and failed else None,
            error=debt.error if debt is not None and failed else None,
            since_us=debt.since_us if debt is not None and failed else None,
            failures=0 if debt is None else debt.failures,
            waiting=0 if debt is None else len(debt.parcels),
            rows=flow.rows,
            rate=flow.rate(self.world.monotonic()),
            mishaps=flow.mishaps,
        )

    def resume(self, catalog: Catalog) -> None:
        """Shows what the last commit made durable, and a crash kept from being shown. Failing sinks wait."""
        for oid in self.cursors:
            sink = catalog.objects.get(oid)
            if isinstance(sink, Sink) and oid not in self.debts:
                try:
                    self.open(catalog, sink)
                except (OSError, SqlError) as error:
                    self.debts[oid] = self._failed(sink, error)

    def reopen(self) -> None:
        """Closes all writers: opened again, at the last commit's cursors, they undo what was prepared beyond."""
        for oid in list(self._writers):
            self._close(oid)

    def _close(self, oid: int) -> None:
        opened = self._writers.pop(oid, None)
        if opened is not None:
            with suppress(OSError):
                opened[1].close()


def is_paused(sink: Sink) -> bool:
    """Whether its owner has paused it."""
    return dict(sink.options).get("paused", "false").lower() == "true"


def takes_insertions(sink: Sink) -> bool:
    """Whether retractions are left out where it can only take insertions."""
    return read_bool(dict(sink.options).get("force_append_only", "false"))


def _asked(catalog: Catalog, sink: Sink) -> object:
    """What has to change before it is worth a try that is not due yet."""
    try:
        return sink.options, settings_of(catalog, sink)
    except SqlError as error:
        return error.message


def _gathered(head: Head) -> dict[int, Ticks]:
    """What the head has to send, by sink: its own changes and those of its feeds, in the order of the ticks."""
    gathered: dict[int, Ticks] = {}
    for oid, parts in head.outgoing.items():
        thing = head.catalog.objects.get(oid)
        if isinstance(thing, Sink | Feed):
            gathered.setdefault(thing.sink_oid if isinstance(thing, Feed) else oid, []).extend(parts)
    for ticks in gathered.values():
        ticks.sort(key=lambda tick: tick[0])
    return gathered


def _sink(catalog: Catalog, oid: int) -> Sink:
    sink = catalog.objects[oid]
    assert isinstance(sink, Sink)
    return sink


def _sql_error(sink: Sink, error: OSError | SqlError) -> SqlError:
    """What the operating system says about a sink's files, as the SqlError a client can act on."""
    if isinstance(error, SqlError):
        return error
    kind = DiskFull if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else IoError
    return kind(f'could not write to sink "{sink.name}": {error.strerror}')
