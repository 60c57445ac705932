"""Statements made ready and run: text to AST to bound plan to answer."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import Relation
from pgstream.catalog.system import SystemRelation
from pgstream.catalog.user_types import type_by_oid
from pgstream.delta import Column
from pgstream.errors import (
    CharacterNotInRepertoire,
    FeatureNotSupported,
    InvalidParameterValue,
    ReadOnlySqlTransaction,
    SqlError,
)
from pgstream.plan.expressions import Col
from pgstream.session.prepared import Answer, Prepared
from pgstream.session.report import SessionNotice
from pgstream.session.session import PLANS_MAX, Session
from pgstream.session.subscribing import subscribed
from pgstream.session.transaction import State
from pgstream.sql.bind import BindScope, bind
from pgstream.sql.bind.statements import Explain, Nothing, Query, Subscribe
from pgstream.sql.parse import Parsed, ast, parse
from pgstream.types.definition import BY_OID, SqlType

QUERY_TAG = "SELECT"

_DATED = re.compile(r"now|today|tomorrow|yesterday", re.IGNORECASE)
"""Texts whose literals may mean something else next time."""

PARSES_MAX = 512
CACHED_CHARACTERS_MAX = 10_000

RunControl = Callable[[Session, Prepared, tuple[Column, ...]], "Answer | Awaitable[Answer]"]


@dataclass(frozen=True, slots=True)
class Control:
    """How a statement that the session runs itself is described and run.

    `columns(session, node)` are its result columns, None for none; `leaves_failed(node)` is whether a failed
    transaction lets it pass.
    """

    run: RunControl
    columns: Callable[[Session, Any], tuple[Col, ...] | None]
    leaves_failed: Callable[[Any], bool]


_CONTROLS: dict[type, Control] = {}


class ExplainExecute:
    """The kind of statement that EXPLAIN EXECUTE is: other EXPLAINs are the engine's."""


def runs(
    *kinds: type,
    columns: Callable[[Session, Any], tuple[Col, ...] | None] = lambda session, node: None,
    leaves_failed: Callable[[Any], bool] = lambda node: False,
) -> Callable[[RunControl], RunControl]:
    """Declares the decorated function as what runs statements of these AST nodes."""

    def declared(run: RunControl) -> RunControl:
        for kind in kinds:
            _CONTROLS[kind] = Control(run, columns, leaves_failed)
        return run

    return declared


def control_of(node: Any) -> Control | None:
    """The session's own way to run `node`; None where the engine runs it."""
    if isinstance(node, ast.ExplainStmt) and isinstance(node.query, ast.ExecuteStmt):
        return _CONTROLS[ExplainExecute]
    return _CONTROLS.get(type(node))


def require_allowed(session: Session, node: Any) -> None:
    """In a failed transaction only its end is allowed. Raises InFailedSqlTransaction."""
    if session.block.state is State.FAILED:
        control = control_of(node)
        if control is None or not control.leaves_failed(node):
            session.block.require_usable()


def decoded(text: bytes) -> str:
    """SQL text from the wire. Raises CharacterNotInRepertoire."""
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        shown = " ".join(f"0x{byte:02x}" for byte in text[error.start : error.end])
        raise CharacterNotInRepertoire(f'invalid byte sequence for encoding "UTF8": {shown}') from None


@lru_cache(PARSES_MAX)
def _parsed_short(text: str, dialect: str) -> tuple[Parsed, ...]:
    return tuple(parse(text, dialect))


def statements_of(session: Session, text: str) -> tuple[Parsed, ...]:
    """The statements of `text` in the session's dialect. Raises SyntaxError42601."""
    dialect = session.settings.current["pgstream.dialect"]
    return _parsed_short(text, dialect) if len(text) <= CACHED_CHARACTERS_MAX else tuple(parse(text, dialect))


@contextmanager
def pointing(parsed: Parsed):  # type: ignore[no-untyped-def]
    """Errors inside point into the text that the user wrote, not into what was made of it."""
    try:
        yield
    except SqlError as error:
        if parsed.origin is not None:
            parsed.origin.moved(error)
        raise


_OF_OPTION = re.compile(r'(?:option|connector|format) "([^"]*)"')


@contextmanager
def at_option(statement: Any):  # type: ignore[no-untyped-def]
    """Errors inside about an option of WITH point at it, if they point nowhere."""
    try:
        yield
    except InvalidParameterValue as error:
        places = dict(getattr(statement, "option_positions", ()))
        found = _OF_OPTION.search(error.message)
        if found is not None and error.position is None:
            kind = found[0].partition(" ")[0]
            error.position = places.get(found[1], places.get(kind) if kind != "option" else None)
        raise


def types_of(oids: tuple[int, ...], catalog: Callable[[], Catalog]) -> tuple[SqlType | None, ...]:
    """Parameter types as a client declares them: 0 and unknown are open. `catalog` gives that of users."""
    types: list[SqlType | None] = []
    for oid in oids:
        if oid in (0, 705):
            types.append(None)
            continue
        definition = BY_OID.get(oid)
        declared = type_by_oid(catalog(), oid) if definition is None else SqlType(definition.name)
        if declared is None:
            raise FeatureNotSupported(f"type with OID {oid} is not supported")
        types.append(declared)
    return tuple(types)


def prepare(
    session: Session, parsed: Parsed, given: tuple[SqlType | None, ...] = (), made_up: bool = False
) -> Prepared:
    """`parsed` with its types known; from the session's plans where it was prepared before.

    `made_up` statements were built from parts of a text, which therefore does not tell them apart.
    """
    control = control_of(parsed.node)
    if control is not None:
        columns = control.columns(session, parsed.node)
        return Prepared(parsed, given, control=control, columns=columns)
    catalog = session.block.reader().snapshot().catalog
    key = (parsed.whole, parsed.start, given, catalog.version, session.settings.version)
    found = None if made_up else session.plans.get(key)
    if found is not None:
        session.plans.move_to_end(key)
        return found
    prepared = _bound(session, parsed, given, catalog)
    if not made_up and len(parsed.whole) <= CACHED_CHARACTERS_MAX and _DATED.search(parsed.text) is None:
        session.plans[key] = prepared
        if len(session.plans) > PLANS_MAX:
            session.plans.popitem(last=False)
    return prepared


def select_of(targets: tuple[Any, ...], tables: tuple[Any, ...] = ()) -> Any:
    """The AST of `SELECT targets FROM tables`."""
    [statement] = parse("SELECT 1")
    statement.node.targetList, statement.node.fromClause = targets, tables
    return statement.node


def scope_of(session: Session) -> BindScope:
    """What of the session the meaning of its statements depends on."""
    facts = session.facts
    path = session.settings.search_path(facts.user)
    return BindScope(path, session.settings.current, facts.user, facts.database, session.now_us)


def find_relation(session: Session, named: Any) -> Relation | SystemRelation:
    """What a RangeVar names in the session's transaction. Raises UndefinedTable."""
    catalog: Catalog = session.block.reader().snapshot().catalog
    return catalog.relation(named.schemaname, named.relname, scope_of(session).search_path)


def _bound(session: Session, parsed: Parsed, given: tuple[SqlType | None, ...], catalog: Any) -> Prepared:
    with pointing(parsed):
        bound = bind(parsed, catalog, scope_of(session), given)
    return Prepared(parsed, given, bound=bound, parameters=bound.parameters, columns=bound.columns)


def refreshed(session: Session, prepared: Prepared, catalog: Any) -> Prepared:
    """`prepared` as the catalog is now. Raises FeatureNotSupported where its result would look different."""
    if prepared.bound.catalog_version == catalog.version:
        return prepared
    assert prepared.parsed is not None
    fresh = _bound(session, prepared.parsed, prepared.given, catalog)
    if _shape(fresh) != _shape(prepared):
        raise FeatureNotSupported("cached plan must not change result type")
    prepared.bound, prepared.columns = fresh.bound, fresh.columns
    prepared.rounds.clear()
    return prepared


def kept_up(session: Session, prepared: Prepared, catalog: Any) -> bool:
    """Whether `prepared` is, or can be made, as the catalog is now, with the parameters and result it had."""
    if prepared.bound.catalog_version == catalog.version:
        return True
    assert prepared.parsed is not None
    try:
        fresh = _bound(session, prepared.parsed, prepared.given, catalog)
    except SqlError:
        return False
    if fresh.parameters != prepared.parameters or _shape(fresh) != _shape(prepared):
        return False
    prepared.bound, prepared.columns = fresh.bound, fresh.columns
    prepared.rounds.clear()
    return True


def _shape(prepared: Prepared) -> list[tuple[str, SqlType]] | None:
    return None if prepared.columns is None else [(col.name, col.type) for col in prepared.columns]


async def run(session: Session, prepared: Prepared, params: tuple[Column, ...]) -> Answer:
    """Runs a statement in the session's transaction, within statement_timeout."""
    with deadline(session):
        session.check_interrupts()  # it may have been cancelled before it began
        if prepared.control is not None:
            answer = prepared.control.run(session, prepared, params)
            return answer if isinstance(answer, Answer) else await answer
        if is_query(prepared):
            return await _select(session, prepared, params)
        if isinstance(prepared.bound.statement, Subscribe):
            catalog = session.database.autocommit.snapshot().catalog
            return await subscribed(session, refreshed(session, prepared, catalog), params)
        return await _change(session, prepared, params)


def is_query(prepared: Prepared) -> bool:
    """Whether a snapshot answers it."""
    return prepared.bound is not None and isinstance(prepared.bound.statement, Query)


def changes_tables(prepared: Prepared) -> bool:
    """Whether it must be part of a transaction that other statements are in too."""
    if prepared.control is not None:
        return prepared.parsed is not None and isinstance(prepared.parsed.node, ast.CopyStmt)
    return not is_query(prepared) and not isinstance(prepared.bound.statement, Subscribe)


@contextmanager
def deadline(session: Session):  # type: ignore[no-untyped-def]
    """Cancels what runs inside after statement_timeout."""
    if session.settings.current["statement_timeout"] == "0":
        yield
        return
    limit_ms = session.settings.milliseconds("statement_timeout")
    reason = "canceling statement due to statement timeout"
    timer = asyncio.get_running_loop().call_later(limit_ms / 1000, session.cancel, reason)
    try:
        yield
    finally:
        timer.cancel()


def point_answer(session: Session, prepared: Prepared, params: tuple[Column, ...]) -> Answer | None:
    """The answer where an arrangement gives it at once; None where a plan must run."""
    snapshot = session.block.reader().snapshot()
    prepared = refreshed(session, prepared, snapshot.catalog)
    found = snapshot.point(prepared.bound, params, session.context(snapshot))
    if found is None:
        return None
    return Answer(QUERY_TAG, found.columns, found.rows, found.count, counted=True)


_DRAWING = frozenset({"nextval", "setval"})
"""Functions of queries after which the store must know something."""


async def _select(session: Session, prepared: Prepared, params: tuple[Column, ...]) -> Answer:
    snapshot = session.block.reader().snapshot()
    prepared = refreshed(session, prepared, snapshot.catalog)
    context, check = session.detached_context(snapshot)
    work = session.services.pool.submit(snapshot.select, prepared.bound, params, context, check)
    result = await session.answered(work)
    if not _DRAWING.isdisjoint(prepared.bound.volatile) and not session.block.explicit:
        await session.changed(session.database.autocommit.settled(context))
    return Answer(QUERY_TAG, result.columns, result.rows, result.count, counted=True)


async def _change(session: Session, prepared: Prepared, params: tuple[Column, ...]) -> Answer:
    """DML and DDL, on the engine's thread."""
    statement = prepared.bound.statement
    if isinstance(statement, Nothing):
        if statement.notice is not None:
            session.tell(SessionNotice("NOTICE", "00000", statement.notice))
        return Answer(prepared.bound.tag)
    if not isinstance(statement, Explain):
        require_writable(session, prepared.bound.tag)
    assert prepared.parsed is not None
    workspace = session.block.workspace()
    snapshot = workspace.snapshot()
    work = workspace.execute(prepared.parsed, prepared.bound, params, session.context(snapshot))
    with pointing(prepared.parsed), at_option(statement):
        outcome = await session.changed(work)
    for notice in outcome.notices:
        session.tell(SessionNotice(notice.severity, notice.sqlstate, notice.message, notice.detail, notice.hint))
    return Answer(outcome.tag, outcome.columns, outcome.rows, outcome.count)


def require_writable(session: Session, command: str) -> None:
    """Raises ReadOnlySqlTransaction where the transaction may not write."""
    if session.settings.current["transaction_read_only"] == "on":
        raise ReadOnlySqlTransaction(f"cannot execute {command.removesuffix(' 0')} in a read-only transaction")
