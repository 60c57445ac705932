"""psycopg 3 against a whole server: extended protocol, pipelines, COPY and both formats."""

import datetime
import decimal
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from pgstream.testing.server import Server

Connection = psycopg.Connection[Any]


@pytest.fixture
def connection(server: Server) -> Iterator[Connection]:
    with psycopg.connect(server.conninfo, autocommit=True) as opened:
        yield opened


VALUES = [
    ("bool", True),
    ("int2", -5),
    ("int4", 7),
    ("int8", 2**40),
    ("float8", 1.5),
    ("numeric", decimal.Decimal("12.340")),
    ("text", "naïve"),
    ("bytea", b"\x00\xff"),
    ("date", datetime.date(2024, 2, 29)),
    ("timestamp", datetime.datetime(2024, 2, 29, 1, 2, 3, 4)),  # noqa: DTZ001
    ("uuid", uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")),
    ("int4[]", [1, None, 3]),
    ("text[]", ["a", 'b"c', None]),
]


@pytest.mark.parametrize(("type", "value"), VALUES)
@pytest.mark.parametrize("binary", [False, True])
def test_values_go_and_come_in_both_formats(connection: Connection, type: str, value: object, binary: bool) -> None:
    marker = "%b" if binary else "%t"
    found = connection.cursor(binary=binary).execute(f"select {marker}::{type}", [value]).fetchone()
    assert found == (value,)


def test_untyped_parameters(connection: Connection) -> None:
    connection.execute("create table typed (a int primary key, b text)")
    connection.execute("insert into typed values (%s, %s)", [1, "x"])
    assert connection.execute("select b from typed where a = %s", [1]).fetchall() == [("x",)]
    assert connection.execute("select a from typed where a = any(%s)", [[1, 2]]).fetchall() == [(1,)]
    assert connection.execute("select %s", ["bare"]).fetchall() == [("bare",)]
    connection.execute("drop table typed")


def test_prepared_statement_survives_and_is_refused_after_ddl(connection: Connection) -> None:
    connection.execute("create table shape (a int)")
    for _ in range(7):
        connection.execute("select * from shape", prepare=True).fetchall()
    connection.execute("create table other (a int)")
    connection.execute("select * from shape", prepare=True).fetchall()
    connection.execute("drop table other")
    connection.execute("drop table shape")


def test_transaction(connection: Connection) -> None:
    connection.execute("create table moved (a int)")
    with pytest.raises(psycopg.errors.DivisionByZero):  # noqa: PT012, SIM117
        with connection.transaction():
            connection.execute("insert into moved values (1)")
            connection.execute("select 1/0")
    with connection.transaction():
        connection.execute("insert into moved values (2)")
        assert connection.execute("select * from moved").fetchall() == [(2,)]
    assert connection.execute("select * from moved").fetchall() == [(2,)]
    connection.execute("drop table moved")


def test_status(connection: Connection) -> None:
    status = connection.info.transaction_status
    connection.execute("begin")
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
    with pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("select * from nope")
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        connection.execute("select 1")
    connection.execute("rollback")
    assert connection.info.transaction_status == status == psycopg.pq.TransactionStatus.IDLE


def test_pipeline_is_atomic_until_sync(connection: Connection) -> None:
    connection.execute("create table piped (a int primary key)")
    with pytest.raises(psycopg.errors.UniqueViolation), connection.pipeline():  # noqa: PT012
        connection.execute("insert into piped values (1)")
        connection.execute("insert into piped values (2)")
        connection.execute("insert into piped values (1)")
    assert connection.execute("select count(*) from piped").fetchone() == (0,)
    with connection.pipeline():
        cursors = [connection.execute("insert into piped values (%s) returning a", [i]) for i in range(50)]
        assert [cursor.fetchone() for cursor in cursors] == [(i,) for i in range(50)]
    assert connection.execute("select count(*) from piped").fetchone() == (50,)
    connection.execute("drop table piped")


def test_unique_violation_names_the_constraint(connection: Connection) -> None:
    connection.execute("create table once (a int primary key)")
    connection.execute("insert into once values (1)")
    with pytest.raises(psycopg.errors.UniqueViolation) as caught:
        connection.execute("insert into once values (1)")
    diagnostic = caught.value.diag
    assert (diagnostic.schema_name, diagnostic.table_name, diagnostic.constraint_name) == (
        "public",
        "once",
        "once_pkey",
    )
    assert diagnostic.message_detail == "Key (a)=(1) already exists."
    connection.execute("drop table once")


@pytest.mark.parametrize("format", ["text", "binary"])
def test_copy_both_ways(connection: Connection, format: str) -> None:
    connection.execute("create table bulk (a int8, b text, c float8)")
    rows = [(i, None if i % 3 == 0 else f"tab\t{i}", i / 4) for i in range(5000)]
    with connection.cursor() as cursor:
        with cursor.copy(f"copy bulk from stdin (format {format})") as copy:
            copy.set_types(["int8", "text", "float8"])
            for row in rows:
                copy.write_row(row)
        assert cursor.rowcount == 5000
        with cursor.copy(f"copy (select * from bulk order by a) to stdout (format {format})") as copy:
            copy.set_types(["int8", "text", "float8"])
            assert list(copy.rows()) == rows
    connection.execute("drop table bulk")


def test_copy_fail_keeps_the_session(connection: Connection) -> None:
    connection.execute("create table halted (a int)")
    with pytest.raises(RuntimeError), connection.cursor().copy("copy halted from stdin") as copy:  # noqa: PT012
        copy.write(b"1\n")
        raise RuntimeError
    assert connection.execute("select count(*) from halted").fetchone() == (0,)
    connection.execute("drop table halted")


def test_server_side_cursor(connection: Connection) -> None:
    with connection.transaction(), connection.cursor(name="many") as cursor:
        cursor.itersize = 100
        cursor.execute("select * from generate_series(1, 1000)")
        assert [row[0] for row in cursor] == list(range(1, 1001))


def test_large_result_to_a_slow_reader(connection: Connection, server: Server) -> None:
    with psycopg.connect(server.conninfo, autocommit=True) as slow:
        stream = slow.cursor().stream("select i, repeat('x', 100) from generate_series(1, 300000) i")
        next(stream)
        time.sleep(0.3)
        assert connection.execute("select 1").fetchone() == (1,)
        assert sum(1 for _ in stream) == 299_999


def test_notifications(connection: Connection, server: Server) -> None:
    connection.execute("listen heard")
    assert connection.execute("select * from pg_listening_channels()").fetchall() == [("heard",)]
    with psycopg.connect(server.conninfo) as other:
        other.execute("notify heard, 'one'")
        other.execute("notify heard, 'one'")
        other.execute("notify heard, 'two'")
        assert list(connection.notifies(timeout=0.2)) == []
        other.commit()
    heard = list(connection.notifies(timeout=10, stop_after=2))
    assert [notice.payload for notice in heard] == ["one", "two"]


def test_cancel_from_another_thread(connection: Connection) -> None:
    threading.Timer(0.5, connection.cancel).start()
    with pytest.raises(psycopg.errors.QueryCanceled, match="canceling statement due to user request"):
        connection.execute("select pg_sleep(50)")
    assert connection.execute("select 1").fetchone() == (1,)


def test_parameters_are_reported(server: Server) -> None:
    options = "-c statement_timeout=5s -c search_path=public"
    with psycopg.connect(server.conninfo, options=options, application_name="me", autocommit=True) as connection:
        assert connection.execute("show statement_timeout").fetchone() == ("5s",)
        assert connection.info.parameter_status("application_name") == "me"
        connection.execute("set timezone = 'Europe/Berlin'")
        assert connection.info.parameter_status("TimeZone") == "Europe/Berlin"
        connection.execute("begin")
        connection.execute("set timezone = 'UTC'")
        connection.execute("rollback")
        assert connection.info.parameter_status("TimeZone") == "Europe/Berlin"


def test_refused_connections(server: Server) -> None:
    with pytest.raises(psycopg.OperationalError, match='database "nope" does not exist'):
        psycopg.connect(server.conninfo, dbname="nope")
    with pytest.raises(psycopg.OperationalError, match='unrecognized configuration parameter "nope"'):
        psycopg.connect(server.conninfo, options="-c nope=1")
