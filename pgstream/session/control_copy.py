"""COPY FROM STDIN and COPY TO STDOUT as statements of a session."""

import asyncio
from collections import deque
from typing import Any

from pgstream.catalog.objects import KIND_NAMES, Relation, Table, View
from pgstream.catalog.system import SystemRelation
from pgstream.delta import Column
from pgstream.errors import (
    FeatureNotSupported,
    InsufficientPrivilege,
    ProtocolViolation,
    QueryCanceled,
    SqlError,
    WrongObjectType,
)
from pgstream.session.copy_in import CopyReader, CopyTarget
from pgstream.session.copy_options import CopyOptions, copied_columns, copy_options
from pgstream.session.copy_out import copy_out_end, copy_out_rows, copy_out_start, empty_binary
from pgstream.session.encode import chunk_rows
from pgstream.session.prepared import Answer, Prepared
from pgstream.session.running import find_relation, prepare, require_writable, run, runs, select_of
from pgstream.session.session import Session
from pgstream.session.subscribing import copy_feed
from pgstream.sql.parse import Parsed, ast
from pgstream.wire import backend
from pgstream.wire.messages import CopyData, CopyDone, CopyFail, Flush, Message, Sync

BACKLOG_BYTES_MAX = 16 << 20
"""How much input may wait for the parser before the client is held back."""


class InboundCopy:
    """The messages of a COPY FROM STDIN on their way from the connection to the statement."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._messages: deque[Message] = deque()
        self._waiting: asyncio.Future[None] | None = None
        self._error: SqlError | None = None
        self.bytes_waiting = 0
        self.open = True
        """Whether the client's next message belongs to this COPY."""
        while self.open and session.inbox and isinstance(session.inbox[0], CopyData | CopyDone | CopyFail):
            self.put(session.inbox.popleft())

    def put(self, message: Message) -> None:
        """Another message from the client."""
        if isinstance(message, CopyData):
            self.bytes_waiting += len(message.payload)
        self.open = not isinstance(message, CopyDone | CopyFail)
        self._messages.append(message)
        self._wake()

    def fail(self, error: SqlError) -> None:
        """The statement was cancelled."""
        self._error = error
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def next(self) -> bytes | None:
        """The next bytes; None when the client is done. Raises what ends the COPY early."""
        while True:
            if self._error is not None:
                raise self._error
            if not self._messages:
                self._waiting = asyncio.get_running_loop().create_future()
                self._session.outlet.resume_reading()
                await self._waiting
                continue
            message = self._messages.popleft()
            if isinstance(message, CopyData):
                self.bytes_waiting -= len(message.payload)
                return message.payload
            if isinstance(message, CopyDone):
                return None
            if isinstance(message, CopyFail):
                raise QueryCanceled(f"COPY from stdin failed: {message.reason}")
            if not isinstance(message, Flush | Sync):
                raise ProtocolViolation("unexpected message type during COPY from stdin")


@runs(ast.CopyStmt)
async def copy(session: Session, prepared: Prepared, _params: tuple[Column, ...]) -> Answer:
    parsed = prepared.parsed
    assert parsed is not None
    node = parsed.node
    if node.filename is not None or node.is_program:
        raise InsufficientPrivilege(
            "COPY to or from a file of the server is not allowed", hint="Use COPY FROM STDIN, or psql's \\copy."
        )
    if node.is_from:
        return await _copy_from(session, node)
    return await _copy_to(session, parsed)


async def _copy_from(session: Session, node: Any) -> Answer:
    if node.whereClause is not None:
        raise FeatureNotSupported("COPY FROM with WHERE is not supported yet")
    require_writable(session, "COPY FROM")
    table = _table(session, node.relation)
    names = None if node.attlist is None else [name.sval for name in node.attlist]
    positions = copied_columns(table, names)
    columns = [table.columns[position] for position in positions]
    target = CopyTarget(table.name, tuple(column.name for column in columns), tuple(column.type for column in columns))
    options = copy_options(node, target.names, table)
    rows, count = await _received(session, target, options)
    workspace = session.block.workspace()
    context = session.context(workspace.snapshot())
    await session.changed(workspace.insert_rows(table.oid, positions, rows, context))
    return Answer(f"COPY {count}")


def _table(session: Session, relation: Any) -> Table:
    """The table a COPY FROM names."""
    found = find_relation(session, relation)
    if not isinstance(found, Table):
        kind = KIND_NAMES.get(type(found), "system relation")
        hint = "To enable copying to a view, provide an INSTEAD OF INSERT trigger." if isinstance(found, View) else None
        raise WrongObjectType(f'cannot copy to {kind} "{found.name}"', hint=hint)
    return found


async def _received(session: Session, target: CopyTarget, options: CopyOptions) -> tuple[tuple[Column, ...], int]:
    """All rows that the client sends."""
    reader = CopyReader(target, options)
    inbound = InboundCopy(session)
    session.inbound_copy = inbound
    session.write(backend.copy_in_response(options.format == "binary", len(target.names)))
    session.flush()
    loop = asyncio.get_running_loop()
    try:
        while (chunk := await inbound.next()) is not None:
            reader.feed(chunk)
            if reader.ready:
                await loop.run_in_executor(session.services.pool, reader.parse)
        return await loop.run_in_executor(session.services.pool, reader.finish)
    finally:
        session.inbound_copy = None
        session.outlet.resume_reading()


async def _copy_to(session: Session, parsed: Parsed) -> Answer:
    node = parsed.node
    relation = None if node.relation is None else find_relation(session, node.relation)
    query = node.query if relation is None else _all_rows_of(relation, node)
    if isinstance(query, ast.MergeStmt):
        raise FeatureNotSupported("MERGE not supported in COPY")
    inner = Parsed(query, parsed.text, parsed.start, parsed.whole)
    prepared = prepare(session, inner, made_up=node.query is None)
    if prepared.columns is None:
        raise FeatureNotSupported("COPY query must have a RETURNING clause")
    columns = prepared.columns or ()
    options = copy_options(node, [col.name for col in columns], relation)
    answer = await run(session, prepared, ())
    session.write(backend.copy_out_response(options.format == "binary", len(columns)))
    session.write(copy_out_start(columns, options))
    if answer.feed is not None:
        answer.count = await copy_feed(session, answer, options)
        if answer.count == 0 and options.format == "binary":
            session.write(empty_binary())
    else:
        await _sent(session, answer, options)
    session.write(copy_out_end(options) + backend.COPY_DONE)
    return Answer(f"COPY {answer.count}")


def _all_rows_of(relation: Relation | SystemRelation, node: Any) -> Any:
    """`COPY t (a, b) TO` as `SELECT a, b FROM t`."""
    if isinstance(relation, View):
        raise WrongObjectType(f'cannot copy from view "{relation.name}"', hint="Try the COPY (SELECT ...) TO variant.")
    listed = None if node.attlist is None else [name.sval for name in node.attlist]
    places = copied_columns(relation, listed)
    names: list[Any] = [ast.String(relation.columns[place].name) for place in places]
    if len(names) == len(relation.columns) and listed is None:
        names = [ast.A_Star()]
    targets = tuple(ast.ResTarget(val=ast.ColumnRef(fields=(name,), location=-1), location=-1) for name in names)
    return select_of(targets, (node.relation,))


async def _sent(session: Session, answer: Answer, options: CopyOptions) -> None:
    """The rows of a COPY TO, no faster than the client takes them."""
    columns = answer.columns or ()
    settings = session.output_settings(columns)
    if answer.count == 0 and options.format == "binary":
        session.write(empty_binary())
    step = chunk_rows(len(columns))
    loop = asyncio.get_running_loop()
    for start in range(0, answer.count, step):
        session.check_interrupts()
        count = min(step, answer.count - start)
        rows = [column.slice(start, count) for column in answer.rows]
        arguments = (columns, rows, count, options, settings, start == 0)
        if answer.count > step:
            session.write(await loop.run_in_executor(session.services.pool, copy_out_rows, *arguments))
        else:
            session.write(copy_out_rows(*arguments))
        if session.outlet.paused:
            await session.outlet.drain()
