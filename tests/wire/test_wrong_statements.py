"""Wrong statements get PostgreSQL's answers: SQLSTATE, message, position, detail and hint.

The statements are wrong.sql, over the tables of schema.sql; PostgreSQL's answers are recorded in wrong.jsonl, by
`--update` where PGSTREAM_ORACLE is set.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import pq

from pgstream.testing.server import Server

HERE = Path(__file__).parent
ANSWERS_FILE = HERE / "wrong.jsonl"
STATEMENTS = [line for line in (HERE / "wrong.sql").read_text().splitlines() if not line.startswith("--")]
ORACLE = os.environ.get("PGSTREAM_ORACLE")
Connection = psycopg.Connection[tuple[object, ...]]
FIELDS = pq.DiagnosticField


def answer(connection: Connection, sql: str) -> list[object]:
    """[SQLSTATE, message, position, detail, hint] of the first error; empty where there is none."""
    raw = connection.pgconn
    raw.send_query(sql.encode())
    told: list[object] = []
    while (result := raw.get_result()) is not None:
        if result.status == pq.ExecStatus.FATAL_ERROR and not told:
            fields = (FIELDS.SQLSTATE, FIELDS.MESSAGE_PRIMARY, FIELDS.MESSAGE_DETAIL, FIELDS.MESSAGE_HINT)
            state, message, detail, hint = ((result.error_field(field) or b"").decode() for field in fields)
            position = result.error_field(FIELDS.STATEMENT_POSITION)
            told = [state, message, int(position) if position else None, detail, hint]
        elif result.status == pq.ExecStatus.COPY_IN:
            raw.put_copy_end(b"not wrong")
        elif result.status == pq.ExecStatus.COPY_OUT:
            while raw.get_copy_data(0)[0] > 0:
                pass
    tidy = b"rollback; discard all" if raw.transaction_status != pq.TransactionStatus.IDLE else b"discard all"
    for statement in tidy.split(b"; "):
        raw.exec_(statement)
    return told


def recorded() -> dict[str, list[object]]:
    return dict(json.loads(line) for line in ANSWERS_FILE.read_text().splitlines())


@pytest.fixture(scope="module")
def subject(server: Server) -> Iterator[Connection]:
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        define(connection)
        yield connection


def define(connection: Connection) -> None:
    for statement in (HERE / "schema.sql").read_text().split(";\n"):
        connection.execute(statement.encode())


@pytest.mark.parametrize("sql", STATEMENTS)
def test_wrong_statements_get_the_answers_of_postgres(subject: Connection, sql: str) -> None:
    assert answer(subject, sql) == recorded()[sql]


@pytest.mark.oracle
@pytest.mark.skipif(not ORACLE, reason="PGSTREAM_ORACLE is not set")
def test_recorded_answers_are_those_of_postgres(request: pytest.FixtureRequest) -> None:
    """With --update PostgreSQL's answers are recorded instead."""
    assert ORACLE
    name = f"pgstream_wrong_{os.getpid()}"
    with psycopg.connect(ORACLE, autocommit=True) as oracle:
        oracle.execute(f"create database {name} template template0".encode())
        try:
            with psycopg.connect(ORACLE, dbname=name, autocommit=True) as connection:
                define(connection)
                told = {sql: answer(connection, sql) for sql in STATEMENTS}
        finally:
            oracle.execute(f"drop database {name}".encode())
    if request.config.getoption("--update"):
        ANSWERS_FILE.write_text("".join(f"{json.dumps([k, v], ensure_ascii=False)}\n" for k, v in told.items()))
    assert told == recorded()
