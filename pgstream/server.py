"""The listener: connections in, sessions behind them. The only file with sockets.

A connection that is not from this machine must know the password; without one the server does not listen beyond it.
"""

import asyncio
import gc
import getpass
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pgstream import __version__
from pgstream.catalog.session_facts import Activity, SessionFacts
from pgstream.config import Config, is_loopback
from pgstream.engine import Engine
from pgstream.errors import (
    AdminShutdown,
    ConfigFileError,
    FeatureNotSupported,
    SqlError,
    TooManyConnections,
)
from pgstream.logs import Log
from pgstream.session.channels import Channels
from pgstream.session.handshake import SECRET_BYTES, Handshake, Introduction
from pgstream.session.protocol import Conversation
from pgstream.session.report import error_report
from pgstream.session.session import Services, Session
from pgstream.wire import backend
from pgstream.wire.frontend import Connection
from pgstream.wire.messages import CancelRequest, Message
from pgstream.wire.scram import SALT_BYTES, Verifier
from pgstream.world import World

POOL_THREADS = 4
DISK_RESERVE_BYTES = 16 << 20

WRITE_BYTES_HIGH = 1 << 20
"""How much output may wait for a slow client before its session pauses."""

SWITCH_S = 0.0005
"""How long a thread may keep the interpreter while others want it. Readers are answered by the event loop's thread: at
Python's own 5 ms it waited so long behind each tick that held the interpreter, and 99 in 100 reads beside busy writers
took 11 to 26 ms; so they take 4 to 8. A tenth of it is no better: switching costs, and caches run cold."""

STARTUP_S_MAX = 60.0
"""How long a client may take to say who it is."""


class Server:
    """All connections of one engine."""

    def __init__(self, engine: Engine, config: Config, world: World, log: Log) -> None:
        self.engine = engine
        self.config = config
        self.world = world
        self.log = log
        self.pool = ThreadPoolExecutor(POOL_THREADS, thread_name_prefix="select")
        self.channels: dict[str, Channels] = {}
        self.services = Services(world, self.pool, self.channels, log)
        self.sessions: dict[int, ClientConnection] = {}
        self.connections: set[ClientConnection] = set()
        self.verifier = Verifier.of(config.password, world.random_bytes(SALT_BYTES)) if config.password else None
        self.started_us = world.now_us()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next_pid = 1
        self._listener: asyncio.Server | None = None

    async def listen(self) -> tuple[str, int]:
        """Opens the socket; returns the address it has."""
        host, port = self.config.host, self.config.port
        if not is_loopback(host) and self.verifier is None:
            raise ConfigFileError(
                f"refusing to listen on {host} without a password: set PGSTREAM_PASSWORD, or listen on 127.0.0.1"
            )
        self._loop = loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(lambda: ClientConnection(self), host, port)
        except OSError as error:
            raise ConfigFileError(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
        bound = self._listener.sockets[0].getsockname()
        return str(bound[0]), int(bound[1])

    async def stop(self) -> None:
        """Stops accepting, tells every client, and waits for what runs."""
        if self._listener is not None:
            self._listener.close()
        for connection in list(self.connections):
            connection.dismiss(AdminShutdown("terminating connection due to administrator command"))
        await asyncio.sleep(0)
        self.pool.shutdown(wait=True, cancel_futures=True)

    def next_pid(self) -> int:
        """A process id for a new session: unique while the session lives."""
        while self._next_pid in self.sessions:
            self._next_pid += 1
        pid, self._next_pid = self._next_pid, self._next_pid % 0x7FFF_FFFF + 1
        return pid

    def cancel(self, request: CancelRequest) -> None:
        """Cancels what the session of that key runs; a wrong key is nobody's."""
        found = self.sessions.get(request.pid)
        if found is not None and found.secret == request.secret and found.session is not None:
            found.session.cancel("canceling statement due to user request")

    def activities(self) -> list[Activity]:
        """What every session does; asked from any thread."""
        sessions = [connection.session for connection in list(self.sessions.values())]
        return [session.activity for session in sessions if session is not None]

    def signal(self, pid: int, end: bool) -> bool:
        """Cancels what the session of `pid` runs, or ends it; asked from any thread. False where there is none."""
        found = self.sessions.get(pid)
        if found is None or found.session is None or self._loop is None:
            return False
        if end:
            ended = AdminShutdown("terminating connection due to administrator command")
            self._loop.call_soon_threadsafe(found.dismiss, ended)
        else:
            self._loop.call_soon_threadsafe(found.session.cancel, "canceling statement due to user request")
        return True


class ClientConnection(asyncio.Protocol):
    """One socket: bytes to messages, messages to a session, and the session's output to the socket."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._input = Connection()
        self._handshake: Handshake | None = None
        self._transport: Any = None
        self._conversation: Conversation | None = None
        self._writable = asyncio.Event()
        self._reading = True
        self._lost = False
        self._deadline: asyncio.TimerHandle | None = None
        self.session: Session | None = None
        self.secret = b""
        self.pid = 0

    # asyncio.Protocol --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._transport.set_write_buffer_limits(high=WRITE_BYTES_HIGH)
        self._writable.set()
        peer = transport.get_extra_info("peername")
        trusted = peer is None or is_loopback(str(peer[0]))
        self._handshake = Handshake(None if trusted else self._server.verifier, self._server.world)
        self._server.connections.add(self)
        self._deadline = asyncio.get_running_loop().call_later(STARTUP_S_MAX, transport.close)

    def data_received(self, chunk: bytes) -> None:
        try:
            messages = self._input.feed(chunk)
            if self._conversation is None:
                messages = self._greet(messages)
            if self._conversation is not None and messages:
                self._conversation.receive(messages)
                self._hold_back()
            if self._input.violation is not None:
                raise self._input.violation
        except SqlError as error:
            self.dismiss(error)
        except Exception as error:
            self._server.log.failure("connection failed by a bug", error, pid=self.pid)
            self._transport.abort()

    def connection_lost(self, _error: Exception | None) -> None:
        self._lost = True
        self._writable.set()
        self._server.connections.discard(self)
        self._server.sessions.pop(self.pid, None)
        if self._deadline is not None:
            self._deadline.cancel()
        if self.session is not None:
            asyncio.get_running_loop().create_task(self.session.close())

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # session.Outlet ----------------------------------------------------------------------------------------

    def write(self, payload: bytes) -> None:
        if not self._lost:
            self._transport.write(payload)

    @property
    def paused(self) -> bool:
        return not self._writable.is_set()

    async def drain(self) -> None:
        await self._writable.wait()
        if self._lost:
            raise ConnectionResetError

    def close(self) -> None:
        self._transport.close()

    def resume_reading(self) -> None:
        if not self._reading and not self._lost:
            self._reading = True
            self._transport.resume_reading()

    def _hold_back(self) -> None:
        assert self._conversation is not None
        if self._reading and self._conversation.congested:
            self._reading = False
            self._transport.pause_reading()

    # Start and end -----------------------------------------------------------------------------------------

    def _greet(self, messages: list[Message]) -> list[Message]:
        """Answers messages until there is a session; returns those that are for it."""
        assert self._handshake is not None
        for i, message in enumerate(messages):
            if isinstance(message, CancelRequest):
                self._server.cancel(message)
                self._transport.close()
                return []
            self.write(self._handshake.answer(message))
            if self._handshake.introduction is not None:
                self._welcome(self._handshake.introduction)
                return messages[i + 1 :]
        return []

    def _welcome(self, introduction: Introduction) -> None:
        """Makes the session. Raises what PostgreSQL refuses a connection with."""
        server = self._server
        if introduction.replication:
            raise FeatureNotSupported("replication connections are not supported yet")
        if len(server.sessions) >= server.config.max_connections:
            raise TooManyConnections("sorry, too many clients already")
        database = server.engine.database(introduction.database)
        self.pid = server.next_pid()
        self.secret = server.world.random_bytes(SECRET_BYTES[introduction.minor])
        self.session = Session(database, self._facts(introduction), dict(introduction.settings), server.services, self)
        self._conversation = Conversation(self.session)
        server.sessions[self.pid] = self
        if self._deadline is not None:
            self._deadline.cancel()
        self.session.tell_settings()
        self.session.write(backend.backend_key_data(self.pid, self.secret))
        self.session.ready_for_query()
        server.log.debug("connected", pid=self.pid, user=introduction.user, database=introduction.database)

    def _facts(self, introduction: Introduction) -> SessionFacts:
        server = self._server
        peer = self._transport.get_extra_info("peername")
        own = self._transport.get_extra_info("sockname")
        return SessionFacts(
            introduction.user,
            introduction.database,
            self.pid,
            introduction.settings.get("application_name", ""),
            "" if peer is None else str(peer[0]),
            server.world.now_us(),
            -1 if peer is None else int(peer[1]),
            0 if own is None else int(own[1]),
            server.started_us,
            databases=lambda: tuple(server.engine.databases),
            activities=server.activities,
            signal=server.signal,
        )

    def dismiss(self, error: SqlError) -> None:
        """Tells the client why, and ends the connection."""
        if self.session is not None:
            self.session.flush()
            self.session.cancel(error.message)
        self.write(backend.error_response(error_report(error, "FATAL")))
        self._transport.close()


async def serve(engine: Engine, config: Config, world: World, log: Log) -> None:
    """Serves until SIGTERM or SIGINT."""
    server = Server(engine, config, world, log)
    host, port = await server.listen()
    log.info("listening", address=f"{host}:{port}", data_dir=config.data_dir)
    print(f"pgstream {__version__} ready: psql -h {host} -p {port}", flush=True)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
    log.info("stopping", sessions=len(server.sessions))
    await server.stop()


def run(config: Config, world: World, log: Log) -> None:
    """Opens the engine, serves, and closes the engine when told to stop. Raises SqlError if it cannot start."""
    import uvloop

    # psql without -d asks for the database of its user's name
    names = tuple(dict.fromkeys(("postgres", getpass.getuser())))
    engine = Engine.open(
        config.data_dir,
        world,
        memory_bytes=config.memory_bytes,
        databases=names,
        log=log,
        reserve_bytes=DISK_RESERVE_BYTES,
        secret_key_file=config.secret_key_file,
    )
    # what was made at start lives as long as the process: collections need not look at it again
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_S)
    try:
        uvloop.run(serve(engine, config, world, log))
    finally:
        engine.close()
    log.info("stopped")
