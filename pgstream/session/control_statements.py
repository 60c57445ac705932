"""PREPARE, EXECUTE and DEALLOCATE; DECLARE, FETCH, MOVE and CLOSE."""

from collections.abc import Awaitable, Sequence
from typing import Any

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import (
    DuplicateCursor,
    DuplicatePreparedStatement,
    FeatureNotSupported,
    InvalidCursorName,
    NoActiveSqlTransaction,
    ObjectNotInPrerequisiteState,
    SyntaxError42601,
)
from pgstream.plan.expressions import Col
from pgstream.session.control_subscribe import fetch_coming, timeout_seconds
from pgstream.session.prepared import Answer, Cursor, Prepared
from pgstream.session.running import ExplainExecute, prepare, run, runs, scope_of, select_of
from pgstream.session.session import Session
from pgstream.sql.bind.arguments import require_assignable
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.modifying import Modifying
from pgstream.sql.bind.types import type_of
from pgstream.sql.parse import Parsed, ast, enums
from pgstream.sql.streaming import FetchWithinStmt
from pgstream.types.definition import SqlType

_DIRECTION = enums.FetchDirection
_SCROLL, _NO_SCROLL, _HOLD, _BINARY = 0x0002, 0x0004, 0x0020, 0x0001
"""PostgreSQL's CURSOR_OPT_* flags, as DeclareCursorStmt.options has them."""


def _inner(parsed: Parsed, node: Any) -> Parsed:
    """A statement inside another, whose positions point into the same text."""
    return Parsed(node, parsed.text, parsed.start, parsed.whole)


@runs(ast.PrepareStmt)
def prepare_statement(session: Session, prepared: Prepared, _params: tuple[Column, ...]) -> Answer:
    parsed = prepared.parsed
    assert parsed is not None
    name = parsed.node.name
    if name in session.statements:
        raise DuplicatePreparedStatement(f'prepared statement "{name}" already exists')
    binding = Binding(session.block.reader().snapshot().catalog, scope_of(session))
    given = tuple(type_of(binding, argument) for argument in parsed.node.argtypes or ())
    made = prepare(session, _inner(parsed, parsed.node.query), given)
    made.from_sql = True
    session.statements[name] = made
    return Answer("PREPARE")


def _execute_columns(session: Session, node: Any) -> tuple[Col, ...] | None:
    return session.statement(node.name).columns


@runs(ast.ExecuteStmt, columns=_execute_columns)
async def execute_statement(session: Session, prepared: Prepared, _params: tuple[Column, ...]) -> Answer:
    parsed = prepared.parsed
    assert parsed is not None
    return await run(session, session.statement(parsed.node.name), await _given(session, parsed, parsed.node))


async def _given(session: Session, parsed: Parsed, node: Any) -> tuple[Column, ...]:
    """The arguments of the EXECUTE that `node` of `parsed` is."""
    target = session.statement(node.name)
    arguments = node.params or ()
    if len(arguments) != len(target.parameters):
        raise SyntaxError42601(
            f'wrong number of parameters for prepared statement "{node.name}"',
            detail=f"Expected {len(target.parameters)} parameters but got {len(arguments)}.",
        )
    return await _values(session, parsed, arguments, target.parameters)


async def _values(
    session: Session, parsed: Parsed, arguments: Sequence[Any], types: Sequence[SqlType]
) -> tuple[Column, ...]:
    """The arguments of EXECUTE, computed as a SELECT of casts."""
    if not arguments:
        return ()
    bound = Binding(session.block.reader().snapshot().catalog, scope_of(session), parsed=parsed)
    require_assignable(bound, arguments, types)
    targets = tuple(
        ast.ResTarget(val=ast.TypeCast(arg=argument, typeName=_type_name(type), location=-1), location=-1)
        for argument, type in zip(arguments, types, strict=True)
    )
    computed = prepare(session, _inner(parsed, select_of(targets)), made_up=True)
    return (await run(session, computed, ())).rows


def _type_name(type: SqlType) -> Any:
    return ast.TypeName(names=(ast.String(sval="pg_catalog"), ast.String(sval=type.name)), typemod=-1, location=-1)


def _explained(session: Session, node: Any) -> Prepared:
    """EXPLAIN EXECUTE as an EXPLAIN of what was prepared."""
    target = session.statement(node.query.name)
    if target.parsed is None:
        raise FeatureNotSupported("EXPLAIN of an empty statement is not supported yet")
    query = ast.ExplainStmt(query=target.parsed.node, options=node.options)
    return prepare(session, _inner(target.parsed, query), target.parameters, made_up=True)


def _explain_columns(session: Session, node: Any) -> tuple[Col, ...] | None:
    return _explained(session, node).columns


@runs(ExplainExecute, columns=_explain_columns)
async def explain_execute(session: Session, prepared: Prepared, _params: tuple[Column, ...]) -> Answer:
    parsed = prepared.parsed
    assert parsed is not None
    return await run(session, _explained(session, parsed.node), await _given(session, parsed, parsed.node.query))


@runs(ast.DeallocateStmt)
def deallocate(session: Session, prepared: Prepared, _params: tuple[Column, ...]) -> Answer:
    assert prepared.parsed is not None
    name = prepared.parsed.node.name
    if name is None:
        session.statements.clear()
        return Answer("DEALLOCATE ALL")
    session.statement(name)
    del session.statements[name]
    return Answer("DEALLOCATE")


@runs(ast.DeclareCursorStmt)
async def declare_cursor(session: Session, prepared: Prepared, params: tuple[Column, ...]) -> Answer:
    parsed = prepared.parsed
    assert parsed is not None
    node = parsed.node
    query = prepare(session, _inner(parsed, node.query))
    if query.bound is not None and isinstance(query.bound.statement, Modifying):
        raise FeatureNotSupported("DECLARE CURSOR must not contain data-modifying statements in WITH")
    hold = bool(node.options & _HOLD)
    if not hold and not session.block.explicit:
        raise NoActiveSqlTransaction("DECLARE CURSOR can only be used in transaction blocks")
    if node.portalname in session.cursors:
        raise DuplicateCursor(f'cursor "{node.portalname}" already exists')
    answer = await run(session, query, params)
    cursor = Cursor(node.portalname, answer, parsed.text, hold, not node.options & _NO_SCROLL)
    cursor.binary = bool(node.options & _BINARY)
    cursor.created_us = session.now_us
    cursor.settled = not session.block.explicit
    session.cursors[node.portalname] = cursor
    return Answer("DECLARE CURSOR")


def cursor_named(session: Session, name: str) -> Cursor:
    found = session.cursors.get(name)
    if found is None:
        raise InvalidCursorName(f'cursor "{name}" does not exist')
    return found


def _fetch_columns(session: Session, node: Any) -> tuple[Col, ...] | None:
    return None if node.ismove else cursor_named(session, node.portalname).answer.columns


@runs(ast.FetchStmt, columns=_fetch_columns)
def fetch(session: Session, prepared: Prepared, _params: tuple[Column, ...]) -> Answer | Awaitable[Answer]:
    assert prepared.parsed is not None
    return _fetch(session, prepared.parsed.node, None)


def _fetch_within_columns(session: Session, node: FetchWithinStmt) -> tuple[Col, ...] | None:
    return _fetch_columns(session, node.fetch)


@runs(FetchWithinStmt, columns=_fetch_within_columns)
def fetch_within(session: Session, prepared: Prepared, _params: tuple[Column, ...]) -> Answer | Awaitable[Answer]:
    """FETCH with a timeout, which a cursor that has all of its rows does not need."""
    assert prepared.parsed is not None
    node = prepared.parsed.node
    return _fetch(session, node.fetch, timeout_seconds(node.timeout))


def _fetch(session: Session, node: Any, seconds: float | None) -> Answer | Awaitable[Answer]:
    cursor = cursor_named(session, node.portalname)
    if cursor.answer.feed is not None:
        return fetch_coming(session, node, cursor.answer, seconds)
    rows = _moved(cursor, _DIRECTION(node.direction), node.howMany or 0)
    if node.ismove:
        return Answer(f"MOVE {len(rows)}")
    indices = pa.array(rows, pa.int64())
    columns = tuple(column.take(indices) for column in cursor.answer.rows)
    return Answer("FETCH", cursor.answer.columns, columns, len(rows), counted=True)


def _moved(cursor: Cursor, direction: Any, count: int) -> list[int]:
    """Moves `cursor`; returns the 0-based rows it passes or lands on, in order."""
    if direction is _DIRECTION.FETCH_BACKWARD:
        direction, count = _DIRECTION.FETCH_FORWARD, -count
    total = cursor.answer.count
    if direction is _DIRECTION.FETCH_FORWARD:
        return _run_of_rows(cursor, count, total)
    if direction is _DIRECTION.FETCH_ABSOLUTE:
        target = count if count >= 0 else total + 1 + count
    else:
        target = cursor.position + count
    if target < cursor.position:
        _require_scroll(cursor)
    cursor.position = min(max(target, 0), total + 1)
    return [cursor.position - 1] if 1 <= cursor.position <= total else []


def _run_of_rows(cursor: Cursor, count: int, total: int) -> list[int]:
    at = cursor.position
    if count == 0:
        return [at - 1] if 1 <= at <= total else []
    if count > 0:
        last = min(at + count, total)
        cursor.position = last if at + count <= total else total + 1
        return list(range(at, last))
    _require_scroll(cursor)
    first = max(at + count, 1)
    cursor.position = first if at + count >= 1 else 0
    return list(range(at - 2, first - 2, -1))


def _require_scroll(cursor: Cursor) -> None:
    if not cursor.scroll:
        raise ObjectNotInPrerequisiteState(
            "cursor can only scan forward", hint="Declare it with SCROLL option to enable backward scan."
        )


@runs(ast.ClosePortalStmt)
def close_cursor(session: Session, prepared: Prepared, _params: tuple[Column, ...]) -> Answer:
    assert prepared.parsed is not None
    name = prepared.parsed.node.portalname
    if name is None:
        session.cursors.clear()
        return Answer("CLOSE CURSOR ALL")
    cursor_named(session, name)
    del session.cursors[name]
    return Answer("CLOSE CURSOR")
