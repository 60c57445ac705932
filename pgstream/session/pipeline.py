"""Pipelined INSERTs: what executemany sends, Bind and Execute over and over, run as one change of many rows.

It is only a shortcut: the statements are one transaction either way, and where the whole cannot be done, the messages
are answered one by one, so that the right one fails.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple, TypeGuard

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
        rows = [portal.params, *(_columns(part, prepared.parameters) for part in _merged(found.parts))]
        params = tuple(pa.concat_arrays(some) for some in zip(*rows, strict=True))
        await session.changed(workspace.insert_many(prepared.parsed, prepared.bound, params, found.rows + 1, context))
    except Exception:
        session.check_interrupts()
        return False
    for _ in range(found.messages):
        session.inbox.popleft()
    session.write(backend.command_complete("INSERT 0 1"))
    session.write(found.reply)
    return True


def _merged(parts: Sequence[Part]) -> list[list[Bind] | Executions]:
    """`parts` in their order, Binds that follow each other together."""
    merged: list[list[Bind] | Executions] = []
    for part in parts:
        if isinstance(part, Executions):
            merged.append(part)
        elif merged and isinstance(merged[-1], list):
            merged[-1].append(part)
        else:
            merged.append([part])
    return merged


def _columns(part: list[Bind] | Executions, types: Sequence[SqlType]) -> list[Column]:
    """The values of each parameter."""
    if isinstance(part, Executions):
        codes, columns = part.parameter_formats, [_gathered(part, i) for i in range(part.width)]
    else:
        values = zip(*(bind.values for bind in part), strict=True)
        codes, columns = part[0].parameter_formats, [pa.array(some, pa.binary()) for some in values]
    codes = codes * len(types) if len(codes) == 1 else codes or (0,) * len(types)
    return [_read(column, type, code) for column, type, code in zip(columns, types, codes, strict=True)]


def _gathered(run: Executions, position: int) -> Column:
    """The bytes of one value of each row."""
    offsets, content, valid = gather_binary(
        run.content, run.starts, run.stops, run.marks, run.rows, position, run.width
    )
    column = string_column(offsets, content, storage=pa.binary())
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
