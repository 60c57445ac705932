"""BEGIN, COMMIT, ROLLBACK and their kin; LISTEN and NOTIFY; commands that have nothing to do here."""

from typing import Any

from pgstream.delta import Column
from pgstream.errors import (
    ActiveSqlTransaction,
    InvalidParameterValue,
    NoActiveSqlTransaction,
    ObjectNotInPrerequisiteState,
)
from pgstream.session.channels import PAYLOAD_BYTES_MAX
from pgstream.session.control_settings import transaction_option
from pgstream.session.copy_options import copied_positions
from pgstream.session.prepared import Answer, Prepared
from pgstream.session.report import warning
from pgstream.session.running import find_relation, runs
from pgstream.session.session import Session
from pgstream.session.transaction import State
from pgstream.sql.parse import ast, enums

_KIND = enums.TransactionStmtKind
_ENDS = (_KIND.TRANS_STMT_COMMIT, _KIND.TRANS_STMT_ROLLBACK, _KIND.TRANS_STMT_ROLLBACK_TO, _KIND.TRANS_STMT_PREPARE)
_SAVEPOINTS = {
    _KIND.TRANS_STMT_SAVEPOINT: "SAVEPOINT",
    _KIND.TRANS_STMT_RELEASE: "RELEASE SAVEPOINT",
    _KIND.TRANS_STMT_ROLLBACK_TO: "ROLLBACK TO SAVEPOINT",
}


def _leaves_failed(node: Any) -> bool:
    return _KIND(node.kind) in _ENDS


@runs(ast.TransactionStmt, leaves_failed=_leaves_failed)
async def transaction(session: Session, prepared: Prepared, _params: tuple[Column, ...]) -> Answer:
    assert prepared.parsed is not None
    node = prepared.parsed.node
    kind = _KIND(node.kind)
    if kind in (_KIND.TRANS_STMT_BEGIN, _KIND.TRANS_STMT_START):
        return _begin(session, node, "BEGIN" if kind is _KIND.TRANS_STMT_BEGIN else "START TRANSACTION")
    if kind is _KIND.TRANS_STMT_COMMIT:
        return await _finish(session, node, "COMMIT")
    if kind is _KIND.TRANS_STMT_ROLLBACK:
        return await _finish(session, node, "ROLLBACK")
    if kind in _SAVEPOINTS:
        if not session.block.explicit:
            raise NoActiveSqlTransaction(f"{_SAVEPOINTS[kind]} can only be used in transaction blocks")
        return await _savepoint(session, kind, node.savepoint_name)
    raise ObjectNotInPrerequisiteState(
        "prepared transactions are disabled", hint="Set max_prepared_transactions to a nonzero value."
    )


async def _savepoint(session: Session, kind: Any, name: str) -> Answer:
    block = session.block
    if kind is _KIND.TRANS_STMT_SAVEPOINT:
        block.save(name, session.settings.mark(), len(session.pending_notifications))
        return Answer("SAVEPOINT")
    if kind is _KIND.TRANS_STMT_RELEASE:
        block.release(name)
        return Answer("RELEASE")
    found = await block.back_to(name)
    session.settings.back_to(found.settings)
    del session.pending_notifications[found.notifications :]
    return Answer("ROLLBACK")


def _begin(session: Session, node: Any, tag: str) -> Answer:
    if session.block.explicit:
        session.tell(warning("25001", "there is already a transaction in progress"))
    else:
        session.start_block()
    for element in node.options or ():
        session.settings.assign(*transaction_option(element), local=True)
    return Answer(tag)


async def _finish(session: Session, node: Any, command: str) -> Answer:
    """COMMIT or ROLLBACK; a failed transaction can only roll back."""
    if not session.block.explicit:
        if node.chain:
            raise NoActiveSqlTransaction(f"{command} AND CHAIN can only be used in transaction blocks")
        session.tell(warning("25P01", "there is no transaction in progress"))
    kept = {name: session.settings.current[name] for name in ("transaction_isolation", "transaction_read_only")}
    if command == "COMMIT" and session.block.state is not State.FAILED:
        await session.commit()
    else:
        command = "ROLLBACK"
        await session.rollback()
    if node.chain:
        session.start_block()
        for name, value in kept.items():
            session.settings.assign(name, value, local=True)
    return Answer(command)


@runs(ast.UnlistenStmt)
def unlisten(session: Session, prepared: Prepared, _params: tuple[Column, ...]) -> Answer:
    assert prepared.parsed is not None
    session.channels.unlisten(session, prepared.parsed.node.conditionname)
    return Answer("UNLISTEN")


@runs(ast.NotifyStmt)
def notify(session: Session, prepared: Prepared, _params: tuple[Column, ...]) -> Answer:
    assert prepared.parsed is not None
    node = prepared.parsed.node
    payload = node.payload or ""
    if len(payload.encode()) > PAYLOAD_BYTES_MAX:
        raise InvalidParameterValue("payload string too long")
    session.notify(node.conditionname, payload)
    return Answer("NOTIFY")


@runs(ast.LockStmt)
def lock(session: Session, prepared: Prepared, _params: tuple[Column, ...]) -> Answer:
    """A transaction reads one snapshot and conflicts are found at COMMIT: there is nothing to lock."""
    if not session.block.explicit:
        raise NoActiveSqlTransaction("LOCK TABLE can only be used in transaction blocks")
    assert prepared.parsed is not None
    for named in prepared.parsed.node.relations:
        find_relation(session, named)
    return Answer("LOCK TABLE")


@runs(ast.ConstraintsSetStmt)
def set_constraints(session: Session, _prepared: Prepared, _params: tuple[Column, ...]) -> Answer:
    """No constraint is deferrable here."""
    if not session.block.explicit:
        session.tell(warning("25P01", "SET CONSTRAINTS can only be used in transaction blocks"))
    return Answer("SET CONSTRAINTS")


@runs(ast.CheckPointStmt)
def checkpoint(_session: Session, _prepared: Prepared, _params: tuple[Column, ...]) -> Answer:
    """Every acknowledged change is durable already."""
    return Answer("CHECKPOINT")


@runs(ast.VacuumStmt)
def vacuum(session: Session, prepared: Prepared, _params: tuple[Column, ...]) -> Answer:
    """Spines merge themselves, and no statistics are kept."""
    assert prepared.parsed is not None
    node = prepared.parsed.node
    if node.is_vacuumcmd and session.block.explicit:
        raise ActiveSqlTransaction("VACUUM cannot run inside a transaction block")
    for named in node.rels or ():
        if named.relation is not None:
            found = find_relation(session, named.relation)
            listed = [name.sval for name in named.va_cols or ()]
            copied_positions(listed, [column.name for column in found.columns], found.name)
    return Answer("VACUUM" if node.is_vacuumcmd else "ANALYZE")
