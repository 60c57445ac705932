"""The binder against a real PostgreSQL: the same columns, types and parameters, and the same errors.

Set PGSTREAM_ORACLE to a conninfo of a PostgreSQL in which a schema may be made.
"""

import os
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import pq

from pgstream.errors import SqlError
from pgstream.sql.bind import BindScope, bind
from pgstream.sql.parse import parse
from tests.unit.sql_bind.catalogs import SCHEMA, catalog_of, lines

ORACLE = os.environ.get("PGSTREAM_ORACLE")
pytestmark = [pytest.mark.oracle, pytest.mark.skipif(not ORACLE, reason="PGSTREAM_ORACLE is not set")]
CATALOG = catalog_of(SCHEMA)


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


def described(connection: psycopg.Connection[tuple[object, ...]], sql: str, runs: bool = False) -> object:
    """(columns, parameter OIDs) as PostgreSQL describes the statement, or (SQLSTATE, message, position, hint).

    With `runs` the statement also runs: some of what the binder refuses, PostgreSQL's planner or executor does.
    """
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


def bound(sql: str) -> object:
    """The same of the binder."""
    try:
        [parsed] = parse(sql)
        made = bind(parsed, CATALOG, BindScope())
    except SqlError as error:
        return error.sqlstate, error.message, error.position, error.hint
    columns = [(col.name, col.type.oid, col.type.typmod, col.attnum) for col in made.columns or ()]
    return columns, [type.oid for type in made.parameters]


@pytest.mark.parametrize("sql", lines("queries.sql"))
def test_queries_have_the_columns_and_parameters_of_postgres(
    oracle: psycopg.Connection[tuple[object, ...]], sql: str
) -> None:
    assert bound(sql) == described(oracle, sql)


@pytest.mark.parametrize("sql", lines("wrong_statements.sql"))
def test_errors_are_those_of_postgres(oracle: psycopg.Connection[tuple[object, ...]], sql: str) -> None:
    assert bound(sql) == described(oracle, sql, runs=True)
