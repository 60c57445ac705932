"""One client's session: its settings, transaction, statements, portals and cursors, and its output.

A session lives on the event loop's thread. It is given messages by `session/protocol.py` and writes bytes to an
`Outlet`; it knows no socket. What may take long runs elsewhere: SELECTs in `services.pool`, changes on the engine's
thread.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from concurrent.futures import Future as EngineFuture
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar
from weakref import ref

from pgstream.catalog import session_functions  # noqa: F401  declares SQL functions
from pgstream.catalog.names import NamedSettings, prints_names
from pgstream.catalog.session_facts import Activity, SessionFacts, SubscriberFacts
from pgstream.errors import InvalidCursorName, InvalidSqlStatementName, QueryCanceled, SqlError
from pgstream.functions.registry import EvalContext
from pgstream.plan.expressions import Col
from pgstream.session.arrivals import Arrivals, Arrive, Expected
from pgstream.session.channels import Channels
from pgstream.session.concealing import without_secrets
from pgstream.session.fanout import Fanouts
from pgstream.session.prepared import Cursor, Portal, Prepared
from pgstream.session.report import SessionNotice, error_report, notice_report, wanted
from pgstream.session.settings import SessionSettings
from pgstream.session.transaction import State, TransactionBlock
from pgstream.types.definition import Settings
from pgstream.wire import backend
from pgstream.wire.messages import Message
from pgstream.world import World

T = TypeVar("T")

FLUSH_BYTES = 1 << 16
"""Output is handed to the transport once this much has gathered."""

PLANS_MAX = 256
"""How many unnamed statements keep their plan."""


class Outlet(Protocol):
    """Where a session's bytes go."""

    def write(self, payload: bytes) -> None:
        """Sends `payload` when the client takes it."""

    @property
    def paused(self) -> bool:
        """Whether the client reads slower than we write."""

    async def drain(self) -> None:
        """Waits until the client has caught up. Raises ConnectionError when it is gone."""

    def close(self) -> None:
        """Ends the connection after what was written."""

    def resume_reading(self) -> None:
        """Asks for more input after a pause."""


@dataclass(frozen=True, slots=True)
class Services:
    """What all sessions of one server share."""

    world: World
    pool: Executor
    channels: dict[str, Channels]
    log: Any
    fanouts: Fanouts = field(default_factory=Fanouts)
    arrivals: Arrivals = field(default_factory=Arrivals)
    feeds: "dict[tuple[str, int], ref[Any]]" = field(default_factory=dict)
    """The feeds that somebody holds, by database and number."""

    def subscribers(self, database: str) -> list[SubscriberFacts]:
        """Who is told of changes in a database. Any thread may ask."""
        found = (held() for (name, _), held in list(self.feeds.items()) if name == database)
        return [feed.facts() for feed in found if feed is not None]


class Interrupt:
    """Whether one statement was cancelled, and why. Work that a client no longer waits for still asks it."""

    def __init__(self) -> None:
        self.reason: str | None = None

    def check(self) -> None:
        """Raises QueryCanceled."""
        if self.reason is not None:
            raise QueryCanceled(self.reason)


class Session:
    """See the module's description."""

    def __init__(
        self, database: Any, facts: SessionFacts, start: dict[str, str], services: Services, outlet: Outlet
    ) -> None:
        self.database = database
        self.services = services
        self.outlet = outlet
        self.settings = SessionSettings(start, facts.user)
        self.block = TransactionBlock(database, lambda: self.settings.current["transaction_isolation"])
        self.statements: dict[str, Prepared] = {}
        self.portals: dict[str, Portal] = {}
        self.cursors: dict[str, Cursor] = {}
        self.plans: OrderedDict[Any, Prepared] = OrderedDict()
        self.channels = services.channels.setdefault(facts.database, Channels())
        self.pending_notifications: list[tuple[str, str]] = []
        self.inbox: deque[Message] = deque()
        self.inbound_copy: Any = None
        self.closed = self.busy = False
        self._facts = replace(
            facts,
            assign=self.set_config,
            setting=self.settings.value,
            notify=self.notify,
            listening=lambda: self.channels.heard_by(self),
            check_interrupts=self.check_interrupts,
            sinks=database.sinks,
            sources=database.sources,
            watermarks=database.watermarks,
            cursors=lambda: [cursor.facts() for cursor in list(self.cursors.values())],
            subscriptions=database.subscriptions,
            subscribers=lambda: services.subscribers(facts.database),
            stalled=database.stalled,
            stored_bytes=lambda oid: int(self.block.reader().snapshot().stored_bytes(oid)),
        )
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._arrived: list[bytes] = []
        self._interrupt = Interrupt()
        self._running: asyncio.Future[Any] | None = None
        self._running_elsewhere: EngineFuture[Any] | Expected | None = None
        self._clock_us, self._query = 0, ""

    # Output ------------------------------------------------------------------------------------------------

    def write(self, payload: bytes) -> None:
        """Adds to the output, which leaves at the next flush."""
        self._out.append(payload)
        self._out_bytes += len(payload)
        if self._out_bytes >= FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        if self._out and not self.closed:
            self.outlet.write(b"".join(self._out))
        self._out.clear()
        self._out_bytes = 0

    def tell(self, notice: SessionNotice) -> None:
        """Sends a notice, if client_min_messages wants it."""
        if wanted(notice.severity, self.settings.current["client_min_messages"]):
            report = notice_report(notice.severity, notice.sqlstate, notice.message, notice.detail, notice.hint)
            self.write(backend.notice_response(report))

    def tell_error(self, error: SqlError, severity: str = "ERROR") -> None:
        self.write(backend.error_response(error_report(error, severity)))

    def ready_for_query(self) -> None:
        """Tells changed parameters, notifications that came meanwhile, and that it is the client's turn."""
        self.tell_settings()
        if self._arrived and self.block.state is State.IDLE:
            for message in self._arrived:
                self.write(message)
            self._arrived.clear()
        self.write(self.block.ready)
        self.flush()

    def tell_settings(self) -> None:
        for name, value in self.settings.changes():
            self.write(backend.parameter_status(name, value))

    # What clients name ---------------------------------------------------------------------------------------

    def statement(self, name: str) -> Prepared:
        """The prepared statement `name`; empty for the unnamed one. Raises InvalidSqlStatementName."""
        found = self.statements.get(name)
        if found is None:
            shown = f'prepared statement "{name}"' if name else "unnamed prepared statement"
            raise InvalidSqlStatementName(f"{shown} does not exist")
        return found

    def portal(self, name: str) -> Portal:
        """The portal `name`; empty for the unnamed one. Raises InvalidCursorName."""
        found = self.portals.get(name)
        if found is None:
            raise InvalidCursorName(f'portal "{name}" does not exist')
        return found

    # Context -----------------------------------------------------------------------------------------------

    @property
    def facts(self) -> SessionFacts:
        return self._facts

    def context(self, snapshot: Any) -> EvalContext:
        """What expressions of the running statement see."""
        return EvalContext(self.settings.current, self.now_us, snapshot.catalog, self._facts)

    def own_context(self) -> EvalContext:
        """What the next statement would see."""
        return self.context(self.block.reader().snapshot())

    def output_settings(self, columns: Sequence[Col]) -> Settings:
        """What text output of `columns` depends on: the settings, and names where there are columns that print them."""
        if not any(prints_names(col.type) for col in columns):
            return self.settings.current
        return NamedSettings(self.own_context())

    def detached_context(self, snapshot: Any) -> tuple[EvalContext, Callable[[], None]]:
        """A context for work on another thread, and its own check for cancellation."""
        check = self._interrupt.check
        facts = replace(self._facts, check_interrupts=check)
        return EvalContext(self.settings.current, self.now_us, snapshot.catalog, facts), check

    @property
    def now_us(self) -> int:
        """now(): when the transaction began."""
        return self._clock_us if self.block.state is State.IDLE else self.block.start_us

    def start_clock(self, query: str) -> None:
        """A new statement begins, whose text others may see."""
        self._clock_us = self.services.world.now_us()
        self._query = query
        self._interrupt = Interrupt()

    @property
    def activity(self) -> Activity:
        """How this session stands, for everybody to see."""
        facts = self._facts
        idle = {State.OPEN: "idle in transaction", State.FAILED: "idle in transaction (aborted)"}
        return Activity(
            facts.pid,
            facts.user,
            facts.database,
            self.settings.current["application_name"],
            facts.client_address,
            facts.client_port,
            facts.backend_start_us,
            0 if self.block.state is State.IDLE and not self.busy else self.now_us,
            self._clock_us,
            self._clock_us,
            "active" if self.busy else idle.get(self.block.state, "idle"),
            without_secrets(self._query),
        )

    def set_config(self, name: str, value: str | None, local: bool) -> str:
        """The SQL function set_config."""
        if local and not self.block.explicit and self.block.state is not State.IMPLICIT:
            return self.settings.canonical(name, value)
        return self.settings.assign(name, value, local)

    # Cancellation ------------------------------------------------------------------------------------------

    def cancel(self, reason: str) -> None:
        """Stops the running statement, if any; runs on the event loop's thread."""
        if not self.busy:
            return
        self._interrupt.reason = reason
        if self._running is not None:
            self._running.cancel()
        if self._running_elsewhere is not None:
            self._running_elsewhere.cancel()
        if self.inbound_copy is not None:
            self.inbound_copy.fail(QueryCanceled(reason))

    def check_interrupts(self) -> None:
        """Raises QueryCanceled once the running statement is cancelled."""
        self._interrupt.check()

    async def answered(self, future: "EngineFuture[Any]") -> Any:
        """The result of reading on another thread. A cancelled read is left to itself: it stops at its next step."""
        self._running = asyncio.wrap_future(future)
        return await self._awaited(self._running)

    async def expected(self, future: "asyncio.Future[T]") -> T:
        """What is waited for on the event loop. QueryCanceled if it was cancelled."""
        self._running = future
        found: T = await self._awaited(future)
        return found

    async def changed(self, future: "EngineFuture[Any]") -> Any:
        """The result of a change; QueryCanceled if it was cancelled before it began, for then it may be durable."""
        self._running_elsewhere = future
        return await self._awaited(asyncio.wrap_future(future))

    def expect(self, arrive: Arrive) -> Expected:
        """A promise for a change whose end `arrive` is told of; the session is busy until then (see `arrived`)."""
        self.busy = True
        self._running_elsewhere = expected = self.services.arrivals.expect(arrive)
        return expected

    def arrived(self) -> None:
        """What was expected is there."""
        self.busy = False
        self._running_elsewhere = None

    async def _awaited(self, future: "asyncio.Future[Any]") -> Any:
        try:
            return await future
        except asyncio.CancelledError:
            self.check_interrupts()
            raise
        finally:
            self._running = self._running_elsewhere = None

    # Notifications -----------------------------------------------------------------------------------------

    def notify(self, channel: str, payload: str) -> None:
        """NOTIFY: heard by all once the transaction commits."""
        if (channel, payload) not in self.pending_notifications:
            self.pending_notifications.append((channel, payload))

    def publish_notifications(self) -> None:
        """The transaction committed."""
        pending, self.pending_notifications = self.pending_notifications, []
        if pending:
            self.channels.publish(self._facts.pid, pending)

    def deliver(self, pid: int, channel: str, payload: str) -> None:
        message = backend.notification(pid, channel, payload)
        if self.busy or self.block.state is not State.IDLE:
            self._arrived.append(message)
        else:
            self.write(message)
            self.flush()

    # Transaction's ends ------------------------------------------------------------------------------------

    def start_block(self) -> None:
        """BEGIN."""
        if self.block.state is State.IDLE:
            self.block.start_us = self._clock_us
            self.settings.begin()
        self.block.begin()

    def start_implicit(self) -> None:
        """Several statements are one transaction from here on."""
        if self.block.state is State.IDLE:
            self.block.start_us = self._clock_us
            self.settings.begin()
        self.block.begin_implicit()

    async def commit(self) -> None:
        """Commits what is open. If that fails it is rolled back, and this raises."""
        try:
            await self.block.commit()
        except BaseException:
            self.finish_transaction(committed=False)
            raise
        self.finish_transaction(committed=True)

    async def rollback(self) -> None:
        await self.block.rollback()
        self.finish_transaction(committed=False)

    def finish_transaction(self, committed: bool) -> None:
        """Portals, cursors, settings and notifications after the transaction is over."""
        self.portals.clear()
        self.cursors = {name: cursor for name, cursor in self.cursors.items() if cursor.hold and cursor.kept(committed)}
        self.settings.finish(committed)
        if committed:
            self.publish_notifications()
        else:
            self.pending_notifications.clear()

    def fail_transaction(self) -> None:
        """An error happened in it."""
        implicit = not self.block.explicit
        self.block.fail()
        if implicit:
            self.finish_transaction(committed=False)

    async def close(self) -> None:
        """The client is gone: what is open is rolled back."""
        self.closed = True
        self.cursors.clear()
        self.portals.clear()
        self.channels.unlisten(self)
        self.cancel("terminating connection due to administrator command")
        if not self.busy:
            await self.block.rollback()

    def forget_everything(self) -> None:
        """DISCARD ALL."""
        self.cursors.clear()
        self.portals.clear()
        self.statements.clear()
        self.plans.clear()
        self.channels.unlisten(self)
        self._facts.given.clear()
        self.settings.reset_all()
