"""A client in the server's own process: simple queries and their answers as text, without a socket."""

import asyncio
import getpass
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pgstream.catalog.session_facts import SessionFacts
from pgstream.engine import Engine
from pgstream.logs import Log
from pgstream.session.protocol import Conversation
from pgstream.session.session import Services, Session
from pgstream.wire.messages import Query
from pgstream.world import World

_HEAD = struct.Struct("!ci")


@dataclass(slots=True)
class Answered:
    """What one statement answered: `columns` is None where it gives no rows; `error` has the fields of an
    ErrorResponse by their letters, and so has each notice."""

    columns: list[str] | None = None
    rows: list[list[str | None]] = field(default_factory=list)
    tag: str = ""
    error: dict[str, str] | None = None
    notices: list[dict[str, str]] = field(default_factory=list)


class LocalClient:
    """One session of an engine's database `postgres`. It is the session's outlet, which never is full."""

    def __init__(self, engine: Engine, world: World, log: Log) -> None:
        self.database = engine.database("postgres")
        facts = SessionFacts(
            getpass.getuser(), "postgres", 1, "pgstream run", backend_start_us=world.now_us(),
            server_start_us=world.now_us(), databases=lambda: tuple(engine.databases),
        )  # fmt: skip
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="select")
        services = Services(world, self._pool, {}, log)
        self._received = bytearray()
        self._answered = asyncio.Event()
        self.session = Session(self.database, facts, {}, services, self)
        self._conversation = Conversation(self.session)

    paused = False

    def write(self, payload: bytes) -> None:
        self._received += payload
        if payload[-6:-1] == b"Z\x00\x00\x00\x05":
            self._answered.set()

    async def drain(self) -> None:
        return

    def close(self) -> None:
        self._answered.set()

    def resume_reading(self) -> None:
        return

    async def run(self, text: str) -> Answered:
        """The answer to one statement."""
        self._received.clear()
        self._answered.clear()
        self._conversation.receive([Query(text.encode())])
        await self._answered.wait()
        return _answered(bytes(self._received))

    async def end(self) -> None:
        """Closes the session."""
        await self.session.close()
        self._pool.shutdown()


def _messages(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(content):
        kind, length = _HEAD.unpack_from(content, at)
        yield kind, content[at + 5 : at + 1 + length]
        at += 1 + length


def _answered(content: bytes) -> Answered:
    made = Answered()
    for kind, body in _messages(content):
        match kind:
            case b"T":
                made.columns = _names(body)
            case b"D":
                made.rows.append(_values(body))
            case b"C":
                made.tag = body[:-1].decode()
            case b"E":
                made.error = _fields(body)
            case b"N":
                made.notices.append(_fields(body))
    return made


def _names(body: bytes) -> list[str]:
    names, at = [], 2
    for _ in range(int.from_bytes(body[:2])):
        end = body.index(0, at)
        names.append(body[at:end].decode())
        at = end + 19
    return names


def _values(body: bytes) -> list[str | None]:
    values: list[str | None] = []
    at = 2
    for _ in range(int.from_bytes(body[:2])):
        length = int.from_bytes(body[at : at + 4], signed=True)
        at += 4
        values.append(None if length < 0 else body[at : at + length].decode())
        at += max(length, 0)
    return values


def _fields(body: bytes) -> dict[str, str]:
    return {part[:1].decode(): part[1:].decode() for part in body.split(b"\0") if part}
