"""Errors and notices as the fields of an ErrorResponse or NoticeResponse."""

from dataclasses import dataclass

from pgstream.errors import SqlError
from pgstream.wire.backend import Report

LEVELS = ("debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error")
"""client_min_messages, from chatty to silent."""


@dataclass(frozen=True, slots=True)
class SessionNotice:
    """Something a client is told beside its answer."""

    severity: str
    sqlstate: str
    message: str
    detail: str | None = None
    hint: str | None = None


def warning(sqlstate: str, message: str) -> SessionNotice:
    return SessionNotice("WARNING", sqlstate, message)


def wanted(severity: str, minimum: str) -> bool:
    """Whether client_min_messages = `minimum` lets a notice of `severity` through; INFO always passes."""
    level = severity.lower()
    return level not in LEVELS or LEVELS.index(level) >= LEVELS.index(minimum)


def error_report(error: SqlError, severity: str = "ERROR") -> Report:
    """`error` as fields, position counted from 1."""
    fields = [("S", severity), ("V", severity), ("C", error.sqlstate), ("M", error.message)]
    position = None if error.position is None else str(error.position + 1)
    optional = (
        ("D", error.detail),
        ("H", error.hint),
        ("P", position),
        ("W", error.context),
        ("s", error.schema),
        ("t", error.table),
        ("c", error.column),
        ("d", error.datatype),
        ("n", error.constraint),
    )
    return Report((*fields, *((letter, text) for letter, text in optional if text is not None)))


def notice_report(severity: str, sqlstate: str, message: str, detail: str | None, hint: str | None) -> Report:
    fields = [("S", severity), ("V", severity), ("C", sqlstate), ("M", message)]
    return Report((*fields, *((letter, text) for letter, text in (("D", detail), ("H", hint)) if text is not None)))
