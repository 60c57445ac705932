"""What PostgreSQL answers to the statements of this folder: the answers that the binder is tested with are real.

Set PGSTREAM_ORACLE to a conninfo of a PostgreSQL in which a schema may be made.
"""

import json
import os
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import pq

from tests.unit.sql_bind.catalogs import ANSWERS_FILE, SCHEMA, answers, lines

ORACLE = os.environ.get("PGSTREAM_ORACLE")
pytestmark = [pytest.mark.oracle, pytest.mark.skipif(not ORACLE, reason="PGSTREAM_ORACLE is not set")]
ANSWERS = answers()
WRONG = frozenset(lines("wrong_statements.sql"))


@pytest.fixture(scope="module")
def oracle() -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A database of its own with the tables of schema.sql."""
    assert ORACLE
    name = f"pgstream_bind_{os.getpid()}"
    with psycopg.connect(ORACLE, autocommit=True) as server:
        server.execute(f"create database {name} template template0")  # type: ignore[call-overload]
        try:
            with psycopg.connect(ORACLE, dbname=name, autocommit=True) as connection:
                connection.execute(SCHEMA)  # type: ignore[call-overload]
                yield connection
        finally:
            server.execute(f"drop database {name}")  # type: ignore[call-overload]


def described(connection: psycopg.Connection[tuple[object, ...]], sql: str) -> object:
    """(columns, parameter OIDs) as PostgreSQL describes the statement, or (SQLSTATE, message, position, hint).

    Wrong statements also run: some of what the binder refuses, PostgreSQL's planner or executor does.
    """
    runs = sql in WRONG
    made = connection.pgconn.prepare(b"", sql.encode())
    if made.status == pq.ExecStatus.COMMAND_OK and runs:
        connection.pgconn.exec_(b"begin")
        made = connection.pgconn.exec_(sql.encode())
        connection.pgconn.exec_(b"rollback")
    if made.status in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
        told = connection.pgconn.describe_prepared(b"")
        columns = [
            (told.fname(i).decode(), told.ftype(i), told.fmod(i), told.ftablecol(i)) for i in range(told.nfields)
        ]
        return columns, [told.param_type(i) for i in range(told.nparams)]
    fields = pq.DiagnosticField
    text = {f: (made.error_field(f) or b"").decode() for f in fields}
    position = text[fields.STATEMENT_POSITION]
    return (
        text[fields.SQLSTATE],
        text[fields.MESSAGE_PRIMARY],
        int(position) - 1 if position else None,
        text[fields.MESSAGE_HINT] or None,
    )


@pytest.mark.parametrize("sql", [*lines("queries.sql"), *lines("wrong_statements.sql")])
def test_recorded_answers_are_those_of_postgres(
    oracle: psycopg.Connection[tuple[object, ...]], sql: str, request: pytest.FixtureRequest
) -> None:
    """With --update PostgreSQL's answers are recorded instead."""
    told = json.loads(json.dumps(described(oracle, sql)))
    if request.config.getoption("--update"):
        ANSWERS[sql] = told
        known = {each: ANSWERS[each] for each in sorted(ANSWERS)}
        ANSWERS_FILE.write_text("".join(f"{json.dumps([k, v], ensure_ascii=False)}\n" for k, v in known.items()))
    assert told == ANSWERS[sql]
