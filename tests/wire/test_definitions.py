"""What a table's definition can say, and SQL functions: whole scripts get PostgreSQL's answers, statement by statement.

Each file of definitions/ is a script that runs in a database of its own; what PostgreSQL answered stands beside it, and
is recorded by `--update` where PGSTREAM_ORACLE is set.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import pq

from pgstream.testing.server import Server

SCRIPTS = sorted((Path(__file__).parent / "definitions").glob("*.sql"))
ORACLE = os.environ.get("PGSTREAM_ORACLE")
Connection = psycopg.Connection[tuple[object, ...]]
FIELDS = pq.DiagnosticField
TOLD = (FIELDS.SQLSTATE, FIELDS.MESSAGE_PRIMARY, FIELDS.MESSAGE_DETAIL, FIELDS.MESSAGE_HINT, FIELDS.CONTEXT)
NAMED = (FIELDS.SCHEMA_NAME, FIELDS.TABLE_NAME, FIELDS.COLUMN_NAME, FIELDS.CONSTRAINT_NAME)


def statements(script: Path) -> list[str]:
    """The statements of a script; each ends with a semicolon at the end of a line."""
    lines = [line for line in script.read_text().splitlines() if line and not line.startswith("--")]
    return [text.strip() for text in "\n".join([*lines, ""]).split(";\n") if text.strip()]


def answers(connection: Connection, script: Path) -> list[object]:
    """What each statement is answered: its error, or its notices, tag and rows."""
    notices: list[str] = []
    connection.add_notice_handler(lambda told: notices.append(f"{told.severity}: {told.message_primary}"))
    found: list[object] = []
    for sql in statements(script):
        notices.clear()
        raw = connection.pgconn
        head, _, lines = sql.partition("\n")
        if head.lower().startswith("copy "):
            raw.send_query(head.encode())
            result = raw.get_result()
            if result is not None and result.status == pq.ExecStatus.COPY_IN:
                raw.put_copy_data(f"{lines}\n".encode())
                raw.put_copy_end()
                result = raw.get_result()
            while raw.get_result() is not None:
                pass
        else:
            result = raw.exec_(sql.encode())
        assert result is not None
        found.append([sql, _told(result, notices)])
    return found


def _told(result: pq.abc.PGresult, notices: list[str]) -> object:
    if result.status == pq.ExecStatus.FATAL_ERROR:
        fields = [(result.error_field(field) or b"").decode() for field in TOLD]
        position = result.error_field(FIELDS.STATEMENT_POSITION)
        named = ".".join((result.error_field(field) or b"").decode() for field in NAMED)
        return {"error": fields, "position": int(position) if position else None, "named": named}
    rows = [
        [
            None if (value := result.get_value(row, column)) is None else value.decode()
            for column in range(result.nfields)
        ]
        for row in range(result.ntuples)
    ]
    return {"tag": (result.command_status or b"").decode(), "notices": list(notices), "rows": rows}


def recorded(script: Path) -> list[object]:
    return [json.loads(line) for line in script.with_suffix(".jsonl").read_text().splitlines()]


@contextmanager
def database(conninfo: str, name: str) -> Iterator[Connection]:
    with psycopg.connect(conninfo, autocommit=True) as outside:
        outside.execute(f"create database {name}".encode())
        try:
            with psycopg.connect(conninfo, dbname=name, autocommit=True) as connection:
                yield connection
        finally:
            outside.execute(f"drop database {name}".encode())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_definitions_get_the_answers_of_postgres(server: Server, script: Path) -> None:
    with database(server.conninfo, f"definitions_{script.stem}") as connection:
        for got, wanted in zip(answers(connection, script), recorded(script), strict=True):
            assert got == wanted


@pytest.mark.oracle
@pytest.mark.skipif(not ORACLE, reason="PGSTREAM_ORACLE is not set")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_recorded_answers_are_those_of_postgres(script: Path, request: pytest.FixtureRequest) -> None:
    """With --update PostgreSQL's answers are recorded instead."""
    assert ORACLE
    with database(ORACLE, f"pgstream_definitions_{os.getpid()}") as connection:
        told = answers(connection, script)
    if request.config.getoption("--update"):
        lines = "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in told)
        script.with_suffix(".jsonl").write_text(lines)
    assert told == recorded(script)
