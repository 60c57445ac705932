"""The decoder of the client's half of a connection: bytes in, messages out.

A `Connection` starts with the packets that have no type byte (startup, SSL, GSS, cancel) and turns to typed messages
after the startup packet. Whatever comes in, it either decodes or is a `ProtocolViolation`.
"""

import struct
from collections.abc import Callable
from functools import lru_cache

from pgstream.errors import ProtocolViolation
from pgstream.wire.executions import executions_at
from pgstream.wire.messages import (
    SYNC,
    AuthenticationReply,
    Bind,
    CancelRequest,
    Close,
    CopyData,
    CopyDone,
    CopyFail,
    Describe,
    Execute,
    Flush,
    FunctionCall,
    GssEncRequest,
    Message,
    Parse,
    Query,
    Round,
    SslRequest,
    Startup,
    Terminate,
)
from pgstream.wire.startup import startup_packet

SMALL_BYTES_MAX = 10_000
TOKEN_BYTES_MAX = 65_535
LARGE_BYTES_MAX = 0x3FFF_FFFF
"""The limits PostgreSQL sets on a message: without contents, in authentication, and with contents."""

_INT16 = struct.Struct("!h")
_INT32 = struct.Struct("!i")
_COPY_DATA = ord("d")
_BIND = ord("B")
_UNNAMED_EXECUTE = b"\0\0\0\0\0"
_EXECUTE_ALL = Execute("", 0)
_EXECUTE_START = b"E\0\0\0\x09\0"
_SYNC = b"S\0\0\0\x04"
_DESCRIBE = b"D\0\0\0\x06P\0"
_ROUND_END_BYTES = len(_EXECUTE_START) + 4 + len(_SYNC)
"""What follows the Bind in a `Round`, where no Describe does."""

SHORT_BYTES = 256
"""Parts of messages up to here are worth remembering."""


class Connection:
    """One connection's input.

    `feed` returns the messages that are complete. The first violation ends the input: messages before it are
    returned, `violation` is set, and every later `feed` raises it.
    """

    def __init__(self) -> None:
        self.violation: ProtocolViolation | None = None
        self.started = False
        self._pending = b""
        self._encryption_asked: set[type] = set()

    @property
    def buffered(self) -> int:
        """How many bytes wait for the rest of their message: must be 0 when TLS starts (CVE-2021-23222)."""
        return len(self._pending)

    def feed(self, chunk: bytes) -> list[Message]:
        """The messages that `chunk` completes; one Round where it is nothing but that."""
        if self.violation is not None:
            raise self.violation
        if self.started and not self._pending and chunk and chunk[0] == _BIND:
            whole = _round(chunk)
            if whole is not None:
                return [whole]
        buffer = self._pending + chunk if self._pending else chunk
        messages: list[Message] = []
        position = 0
        try:
            while not self.started:
                message, taken = startup_packet(buffer, position)
                if message is None:
                    break
                position += taken
                self._accept_first(message)
                messages.append(message)
                if isinstance(message, CancelRequest):
                    break
            if self.started:
                position = _typed(buffer, position, messages)
        except ProtocolViolation as violation:
            self.violation = violation
            if not messages:
                raise
        self._pending = buffer[position:]
        return messages

    def _accept_first(self, message: Message) -> None:
        """Asking twice for the same encryption is no protocol version we speak."""
        if isinstance(message, SslRequest | GssEncRequest):
            if type(message) in self._encryption_asked:
                code = "5679" if isinstance(message, SslRequest) else "5680"
                raise ProtocolViolation(f"unsupported frontend protocol 1234.{code}: server supports 3.0 to 3.2")
            self._encryption_asked.add(type(message))
        self.started = isinstance(message, Startup)


def _typed(buffer: bytes, position: int, messages: list[Message]) -> int:
    """Decodes typed messages from `position` on into `messages`; returns where the incomplete rest starts."""
    available = len(buffer)
    while position + 5 <= available:
        kind = buffer[position]
        entry = _DECODERS.get(kind)
        if entry is None:
            raise ProtocolViolation(f"invalid frontend message type {kind}")
        decode, bytes_max = entry
        length = _INT32.unpack_from(buffer, position + 1)[0]
        if length < 4 or length > bytes_max:
            raise ProtocolViolation("invalid message length")
        end = position + 1 + length
        if end > available:
            break
        if kind == _COPY_DATA:
            position = _copy_run(buffer, position, messages)
            continue
        if kind == _BIND and end < available:
            found = executions_at(buffer, position, end)
            if found is not None:
                run, position = found
                messages.append(run)
                continue
        messages.append(decode(buffer, position + 5, end))
        position = end
    return position


def _copy_run(buffer: bytes, position: int, messages: list[Message]) -> int:
    """One CopyData of all the complete CopyData messages that follow each other from `position` on."""
    parts = []
    available = len(buffer)
    unpack = _INT32.unpack_from
    while position + 5 <= available and buffer[position] == _COPY_DATA:
        length = unpack(buffer, position + 1)[0]
        end = position + 1 + length
        if length < 4 or end > available:
            break
        parts.append(buffer[position + 5 : end])
        position = end
    messages.append(CopyData(parts[0] if len(parts) == 1 else b"".join(parts)))
    return position


class _Body:
    """A cursor over one message's body that knows where it ends."""

    __slots__ = ("buffer", "end", "position")

    def __init__(self, buffer: bytes, position: int, end: int) -> None:
        self.buffer = buffer
        self.position = position
        self.end = end

    def _advance(self, count: int) -> int:
        start = self.position
        if count < 0 or start + count > self.end:
            raise ProtocolViolation("insufficient data left in message")
        self.position = start + count
        return start

    def byte(self) -> int:
        return self.buffer[self._advance(1)]

    def int16(self) -> int:
        return int(_INT16.unpack_from(self.buffer, self._advance(2))[0])

    def int32(self) -> int:
        return int(_INT32.unpack_from(self.buffer, self._advance(4))[0])

    def taken(self, count: int) -> bytes:
        start = self._advance(count)
        return self.buffer[start : start + count]

    def text(self) -> bytes:
        """The bytes up to the next zero byte, which is consumed too."""
        stop = self.buffer.find(b"\0", self.position, self.end)
        if stop < 0:
            raise ProtocolViolation("invalid string in message")
        start, self.position = self.position, stop + 1
        return self.buffer[start:stop]

    def name(self) -> str:
        return self.text().decode("utf-8", "replace")

    def int16s(self) -> tuple[int, ...]:
        count = self.int16()
        start = self._advance(2 * count)
        return struct.unpack_from(f"!{count}h", self.buffer, start)

    def finish(self) -> None:
        if self.position != self.end:
            raise ProtocolViolation("invalid message format")


def _query(buffer: bytes, position: int, end: int) -> Message:
    body = _Body(buffer, position, end)
    message = Query(body.text())
    body.finish()
    return message


def _parse(buffer: bytes, position: int, end: int) -> Message:
    body = _Body(buffer, position, end)
    statement, text, count = body.name(), body.text(), body.int16()
    start = body.position
    body.taken(4 * count)
    message = Parse(statement, text, struct.unpack_from(f"!{count}I", buffer, start))
    body.finish()
    return message


@lru_cache(512)
def _bind_start(start: bytes) -> tuple[str, str, tuple[int, ...], int]:
    """The portal, statement, parameter formats and number of values that a Bind begins with."""
    body = _Body(start, 0, len(start))
    return body.name(), body.name(), body.int16s(), body.int16() & 0xFFFF


@lru_cache(512)
def _bind_end(formats: bytes) -> tuple[int, ...]:
    """The result formats that a Bind ends with."""
    body = _Body(formats, 0, len(formats))
    codes = body.int16s()
    body.finish()
    return codes


def _bind(buffer: bytes, position: int, end: int) -> Bind:
    """Clients send one statement's Binds over and over, so their starts and ends are decoded once."""
    length = _INT32.unpack_from
    names = buffer.find(b"\0", buffer.find(b"\0", position, end) + 1, end) + 1
    if not position < names < end - 4:
        return _any_bind(buffer, position, end)
    values_at = names + 4 + 2 * (buffer[names] << 8 | buffer[names + 1])
    if values_at > end or values_at - position > SHORT_BYTES:
        return _any_bind(buffer, position, end)
    portal, statement, formats, count = _bind_start(buffer[position:values_at])
    values: list[bytes | None] = []
    for _ in range(count):
        start = values_at + 4
        if start > end:
            return _any_bind(buffer, position, end)
        size = length(buffer, values_at)[0]
        values_at = start + max(size, 0)
        if size < -1 or values_at > end:
            return _any_bind(buffer, position, end)
        values.append(None if size < 0 else buffer[start:values_at])
    if end - values_at > SHORT_BYTES:
        return _any_bind(buffer, position, end)
    return Bind(portal, statement, formats, tuple(values), _bind_end(buffer[values_at:end]))


@lru_cache(512)
def _round_end(buffer: bytes) -> tuple[bool, int] | None:
    """Whether a Describe is in what follows the Bind of a Round, and the Execute's limit; None where it is no Round."""
    described = buffer.startswith(_DESCRIBE)
    execute = buffer.removeprefix(_DESCRIBE)
    if not (execute.startswith(_EXECUTE_START) and execute.endswith(_SYNC) and len(execute) == _ROUND_END_BYTES):
        return None
    return described, max(_INT32.unpack_from(execute, len(_EXECUTE_START))[0], 0)


def _round(buffer: bytes) -> Round | None:
    """All of `buffer`, which starts with a Bind, as a Round; None where it is anything else, or a violation."""
    end = 1 + int.from_bytes(buffer[1:5], "big")
    behind = len(buffer) - end
    if end < 6 or not _ROUND_END_BYTES <= behind <= _ROUND_END_BYTES + len(_DESCRIBE) or buffer[5]:
        return None
    ending = _round_end(buffer[end:])
    if ending is None:
        return None
    try:
        return Round(_bind(buffer, 5, end), *ending)
    except ProtocolViolation:
        return None


def _any_bind(buffer: bytes, position: int, end: int) -> Bind:
    body = _Body(buffer, position, end)
    portal, statement = body.name(), body.name()
    formats = body.int16s()
    values = []
    for _ in range(body.int16() & 0xFFFF):
        length = body.int32()
        values.append(None if length == -1 else body.taken(length))
    message = Bind(portal, statement, formats, tuple(values), body.int16s())
    body.finish()
    return message


def _target(buffer: bytes, position: int, end: int) -> tuple[str, str]:
    body = _Body(buffer, position, end)
    kind, name = chr(body.byte()), body.name()
    body.finish()
    return kind, name


def _describe(buffer: bytes, position: int, end: int) -> Message:
    kind, name = _target(buffer, position, end)
    if kind not in "SP":
        raise ProtocolViolation(f"invalid DESCRIBE message subtype {ord(kind)}")
    return Describe(kind, name)


def _close(buffer: bytes, position: int, end: int) -> Message:
    kind, name = _target(buffer, position, end)
    if kind not in "SP":
        raise ProtocolViolation(f"invalid CLOSE message subtype {ord(kind)}")
    return Close(kind, name)


def _execute(buffer: bytes, position: int, end: int) -> Message:
    if buffer[position:end] == _UNNAMED_EXECUTE:
        return _EXECUTE_ALL
    body = _Body(buffer, position, end)
    message = Execute(body.name(), max(body.int32(), 0))
    body.finish()
    return message


def _copy_fail(buffer: bytes, position: int, end: int) -> Message:
    return CopyFail(_Body(buffer, position, end).name())


def _authentication(buffer: bytes, position: int, end: int) -> Message:
    return AuthenticationReply(buffer[position:end])


def _function_call(_buffer: bytes, _position: int, _end: int) -> Message:
    return FunctionCall()


def _bodiless(message: Message) -> Callable[[bytes, int, int], Message]:
    def decode(_buffer: bytes, position: int, end: int) -> Message:
        if position != end:
            raise ProtocolViolation("invalid message format")
        return message

    return decode


def _copy_data(buffer: bytes, position: int, end: int) -> Message:
    return CopyData(buffer[position:end])


_DECODERS: dict[int, tuple[Callable[[bytes, int, int], Message], int]] = {
    ord("Q"): (_query, LARGE_BYTES_MAX),
    ord("P"): (_parse, LARGE_BYTES_MAX),
    ord("B"): (_bind, LARGE_BYTES_MAX),
    ord("D"): (_describe, SMALL_BYTES_MAX),
    ord("E"): (_execute, SMALL_BYTES_MAX),
    ord("C"): (_close, SMALL_BYTES_MAX),
    ord("H"): (_bodiless(Flush()), SMALL_BYTES_MAX),
    ord("S"): (_bodiless(SYNC), SMALL_BYTES_MAX),
    ord("X"): (_bodiless(Terminate()), SMALL_BYTES_MAX),
    ord("d"): (_copy_data, LARGE_BYTES_MAX),
    ord("c"): (_bodiless(CopyDone()), SMALL_BYTES_MAX),
    ord("f"): (_copy_fail, SMALL_BYTES_MAX),
    ord("p"): (_authentication, TOKEN_BYTES_MAX),
    ord("F"): (_function_call, LARGE_BYTES_MAX),
}
"""By type byte: the decoder of the body, and the largest length."""
