"""Pipelined INSERTs: what executemany sends, Bind and Execute over and over, run as one change of many rows.

It is only a shortcut: the statements are one transaction either way, and where the whole cannot be done, the messages
are answered one by one, so that the right one fails.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from pgstream.delta import Column
from pgstream.engine import repeatable
from pgstream.errors import CharacterNotInRepertoire
from pgstream.session.prepared import Portal
from pgstream.session.running import require_writable
from pgstream.session.session import Session
from pgstream.types.definition import SqlType
from pgstream.wire import backend
from pgstream.wire.messages import Bind, Describe, Execute, Message

ROWS_MIN = 3
"""Below it is not worth it."""

_DESCRIBE = Describe("P", "")


class Repeated(NamedTuple):
    """`messages` that bind and execute the unnamed portal again and again; `binds` are the Binds among them, `reply`
    what answers each round."""

    messages: list[Message]
    binds: list[Bind]
    reply: bytes


def repeated(session: Session, portal: Portal) -> Repeated | None:
    """The messages at the head of the inbox that run the statement of `portal` with other values; None where they are
    few, or the statement is no INSERT of one plain row."""
    inbox, prepared = session.inbox, portal.prepared
    if len(inbox) < 2 * ROWS_MIN or type(inbox[0]) is not Bind or prepared.bound is None:
        return None
    first = inbox[0]
    if session.statements.get(first.statement) is not prepared or not repeatable(prepared.bound):
        return None
    described = inbox[1] == _DESCRIBE
    width = 3 if described else 2
    waiting = list(inbox)
    binds: list[Bind] = []
    for at in range(0, len(waiting) - width + 1, width):
        bind, last = waiting[at], waiting[at + width - 1]
        if not isinstance(bind, Bind) or not _alike(bind, first) or type(last) is not Execute or last.portal:
            break
        if described and waiting[at + 1] != _DESCRIBE:
            break
        binds.append(bind)
    if len(binds) < ROWS_MIN:
        return None
    reply = backend.BIND_COMPLETE + (backend.NO_DATA if described else b"") + backend.command_complete("INSERT 0 1")
    return Repeated(waiting[: width * len(binds)], binds, reply)


def _alike(bind: Bind, first: Bind) -> bool:
    return (
        not bind.portal
        and bind.statement == first.statement
        and bind.parameter_formats == first.parameter_formats
        and len(bind.values) == len(first.values)
    )


async def run_repeated(session: Session, portal: Portal, found: Repeated) -> bool:
    """Runs `portal` and the messages of `found`, which are taken out of the inbox; False where nothing was done."""
    prepared, count = portal.prepared, len(found.binds) + 1
    session.start_implicit()
    workspace = session.block.workspace()
    context = session.context(workspace.snapshot())
    try:
        require_writable(session, prepared.bound.tag)
        rest = _columns(found.binds, prepared.parameters)
        params = tuple(pa.concat_arrays(pair) for pair in zip(portal.params, rest, strict=True))
        await session.changed(workspace.insert_many(prepared.parsed, prepared.bound, params, count, context))
    except Exception:
        session.check_interrupts()
        return False
    for _ in found.messages:
        session.inbox.popleft()
    session.write(backend.command_complete("INSERT 0 1") + found.reply * len(found.binds))
    return True


def _columns(binds: Sequence[Bind], types: Sequence[SqlType]) -> list[Column]:
    """The values of each parameter, one for each of `binds`."""
    codes: Sequence[int] = binds[0].parameter_formats
    codes = tuple(codes) * len(types) if len(codes) == 1 else codes or (0,) * len(types)
    values = zip(*(bind.values for bind in binds), strict=True)
    return [_column(some, type, code) for some, type, code in zip(values, types, codes, strict=True)]


def _column(values: Sequence[Any], type: SqlType, code: int) -> Column:
    definition = type.definition
    if code == 1:
        return definition.receive(pa.array(values, pa.binary()), type.typmod)
    text = pa.array([None if value is None else value.decode() for value in values], pa.string())
    if any(value is not None and 0 in value for value in values):
        raise CharacterNotInRepertoire('invalid byte sequence for encoding "UTF8": 0x00')
    return text if definition.name in ("text", "varchar") else definition.parse(text, type.typmod)
