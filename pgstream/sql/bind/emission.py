"""EMIT ON WINDOW CLOSE: which statements may say it, and what that makes of them."""

from dataclasses import replace
from typing import Any

from pgstream.errors import SyntaxError42601
from pgstream.sql.bind.statements import CreateMaterializedView, CreateSink, Explain, Feed, Query
from pgstream.sql.streaming.emission import with_emit


def emitting(statement: Any, position: int) -> Any:
    """`statement`, whose query ends with the clause at `position`. Raises SyntaxError42601 where it keeps no query."""
    match statement:
        case Query():
            return replace(statement, closes=True)
        case Explain():
            return replace(statement, statement=emitting(statement.statement, position))
        case CreateMaterializedView() | Feed():
            return replace(statement, closes=True, query=with_emit(statement.query, position))
        case CreateSink(plan=plan) if plan is not None:
            return replace(statement, closes=True, query=with_emit(statement.query, position))
    raise SyntaxError42601('syntax error at or near "EMIT"', position=position)
