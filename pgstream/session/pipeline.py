"""Pipelined INSERTs: what executemany sends, Bind and Execute over and over, run as one change of many rows.

It is only a shortcut: the statements are one transaction either way, and where the whole cannot be done, the messages
are answered one by one, so that the right one fails.
"""

from collections import deque
from collections.abc import Sequence
from itertools import accumulate, groupby
from typing import Any, NamedTuple, TypeGuard

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.engine import repeatable
from pgstream.kernels.copy_fields import gather_binary
from pgstream.session.prepared import Portal
from pgstream.session.running import require_writable
from pgstream.session.session import Session
from pgstream.types.buffers import string_column
from pgstream.types.definition import SqlType
from pgstream.types.string import receive_text
from pgstream.wire import backend
from pgstream.wire.messages import Bind, Describe, Execute, Executions, Message

ROWS_MIN = 3
"""Below it is not worth it."""

INBOX_MAX = 10_000
"""How many messages may wait before the client is held back."""

INBOX_BYTES_MAX = 8 << 20
"""And how many bytes of those that came many as one."""

_DESCRIBE = Describe("P", "")
_EXECUTE = Execute("", 0)

Part = Bind | Executions


def is_full(inbox: deque[Message]) -> bool:
    """Whether so much waits that the client should be held back."""
    if len(inbox) > INBOX_MAX:
        return True
    return sum(message.content.nbytes for message in inbox if type(message) is Executions) > INBOX_BYTES_MAX


class Repeated(NamedTuple):
    """The first `messages` of the inbox, which bind and execute the unnamed portal `rows` times more. `parts` are those
    that have values; `reply` answers all."""

    messages: int
    rows: int
    parts: list[Part]
    reply: bytes


def repeated(session: Session, portal: Portal) -> Repeated | None:
    """The messages at the head of the inbox that run the statement of `portal` with other values; None where they are
    few, or the statement is no INSERT of one plain row."""
    inbox, prepared = session.inbox, portal.prepared
    if not inbox or prepared.bound is None:
        return None
    first = inbox[0]
    if not isinstance(first, Part) or session.statements.get(first.statement) is not prepared:
        return None
    if not repeatable(prepared.bound):
        return None
    waiting, width = list(inbox), len(prepared.parameters)
    at = rows = 0
    parts: list[Part] = []
    replies: list[bytes] = []
    while at < len(waiting) and _is_alike(part := waiting[at], first, width):
        described = part.described if isinstance(part, Executions) else waiting[at + 1 : at + 2] == [_DESCRIBE]
        behind = at + 1 if isinstance(part, Executions) else at + 2 + described
        if not isinstance(part, Executions) and waiting[behind - 1 : behind] != [_EXECUTE]:
            break
        count = part.rows if isinstance(part, Executions) else 1
        parts.append(part)
        replies.append(_reply(described) * count)
        at, rows = behind, rows + count
    return Repeated(at, rows, parts, b"".join(replies)) if rows >= ROWS_MIN else None


def _is_alike(part: Message, first: Part, width: int) -> TypeGuard[Part]:
    """Whether the values of `part` are of the same parameters as those of `first`, and read alike."""
    if isinstance(part, Executions):
        given = part.width
    elif isinstance(part, Bind) and not part.portal:
        given = len(part.values)
    else:
        return False
    return given == width and part.statement == first.statement and part.parameter_formats == first.parameter_formats


def _reply(described: bool) -> bytes:
    return backend.BIND_COMPLETE + (backend.NO_DATA if described else b"") + backend.command_complete("INSERT 0 1")


async def run_repeated(session: Session, portal: Portal, found: Repeated) -> bool:
    """Runs `portal` and the messages of `found`, which are taken out of the inbox; False where nothing was done."""
    prepared = portal.prepared
    session.start_implicit()
    workspace = session.block.workspace()
    context = session.context(workspace.snapshot())
    try:
        require_writable(session, prepared.bound.tag)
        rest = _columns(found.parts, prepared.parameters)
        params = tuple(pa.concat_arrays(pair) for pair in zip(portal.params, rest, strict=True))
        await session.changed(workspace.insert_many(prepared.parsed, prepared.bound, params, found.rows + 1, context))
    except Exception:
        session.check_interrupts()
        return False
    for _ in range(found.messages):
        session.inbox.popleft()
    session.write(backend.command_complete("INSERT 0 1"))
    session.write(found.reply)
    return True


def _columns(parts: Sequence[Part], types: Sequence[SqlType]) -> list[Column]:
    """The values of each parameter: small parts are put together first."""
    codes: Sequence[int] = parts[0].parameter_formats
    codes = tuple(codes) * len(types) if len(codes) == 1 else codes or (0,) * len(types)
    pieces = [_bytes_of(list(some)) for _, some in groupby(parts, type)]
    contents = [pa.concat_arrays(some) for some in zip(*pieces, strict=True)]
    return [_read(content, type, code) for content, type, code in zip(contents, types, codes, strict=True)]


def _bytes_of(parts: list[Any]) -> list[Column]:
    """The bytes of each value, one column for each parameter, of parts of one kind."""
    if isinstance(parts[0], Bind):
        return [pa.array(some, pa.binary()) for some in zip(*(bind.values for bind in parts), strict=True)]
    content = np.concatenate([run.content for run in parts])
    begins = accumulate((len(run.content) for run in parts[:-1]), initial=0)
    shifted = [(run.starts + begin, run.stops + begin) for run, begin in zip(parts, begins, strict=True)]
    starts, stops = (np.concatenate(some) for some in zip(*shifted, strict=True))
    marks, width = np.concatenate([run.marks for run in parts]), parts[0].width
    return [_gathered(content, starts, stops, marks, i, width) for i in range(width)]


def _gathered(content: Any, starts: Any, stops: Any, marks: Any, position: int, width: int) -> Column:
    """The bytes of one value of each row."""
    offsets, values, valid = gather_binary(content, starts, stops, marks, len(starts) // width, position, width)
    column = string_column(offsets, values, storage=pa.binary())
    if valid.all():
        return column
    bitmap = pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(pa.binary(), len(valid), [bitmap, *column.buffers()[1:]])


def _read(content: Column, type: SqlType, code: int) -> Column:
    definition = type.definition
    if code == 1:
        return definition.receive(content, type.typmod)
    text = receive_text(content, -1)
    return text if definition.name in ("text", "varchar") else definition.parse(text, type.typmod)
