"""EMIT: which statements may say it, and what that makes of them."""

from dataclasses import replace
from typing import Any

from pgstream.catalog.objects import TableColumn
from pgstream.errors import DuplicateColumn, FeatureNotSupported, SyntaxError42601
from pgstream.plan.terms import FINAL, Terms
from pgstream.sql.bind.binding import BOOL
from pgstream.sql.bind.statements import CreateMaterializedView, CreateSink, Explain, Feed, Query, Subscribe
from pgstream.sql.streaming.emission import with_emit


def emitting(statement: Any, terms: Terms) -> Any:
    """`statement`, whose query ends with a clause that says `terms`. Raises SyntaxError42601 where there is none."""
    match statement:
        case Query():
            return replace(statement, terms=terms)
        case Subscribe():
            return statement
        case Explain():
            return replace(statement, statement=emitting(statement.statement, terms))
        case CreateMaterializedView():
            return _storing(statement, terms)
        case Feed() if terms.every_us is None:
            return _storing(statement, terms)
        case Feed():
            raise FeatureNotSupported(
                "EMIT EVERY is not allowed in INSERT",
                hint="CREATE SINK … AS SELECT … EMIT EVERY takes its columns from the query.",
                position=terms.position,
            )
        case CreateSink(plan=plan) if plan is not None:
            return _storing(statement, terms)
    raise SyntaxError42601('syntax error at or near "EMIT"', position=terms.position)


def _storing(statement: Any, terms: Terms) -> Any:
    """A definition, whose text says the terms and whose columns tell what is final."""
    columns = statement.columns
    if terms.every_us is not None and columns:
        if any(column.name == FINAL for column in columns):
            raise DuplicateColumn(f'column "{FINAL}" specified more than once', position=terms.position)
        columns = (*columns, TableColumn(FINAL, BOOL))
    kept = replace(statement.terms, closes=terms.closes, every_us=terms.every_us, position=terms.position)
    return replace(statement, terms=kept, columns=columns, query=with_emit(statement.query, terms))
