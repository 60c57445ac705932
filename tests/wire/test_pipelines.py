"""Pipelined INSERTs: executemany, whose messages the server runs many at a time."""

import asyncio
from typing import Any

import psycopg
import pytest

from pgstream.testing.server import Server

asyncpg = pytest.importorskip("asyncpg")

INSERT = "insert into piped values ($1, $2, $3)"


def conninfo(server: Server) -> str:
    return f"host=127.0.0.1 port={server.port} user=ann dbname=postgres"


@pytest.fixture
def table(server: Server) -> Server:
    with psycopg.connect(conninfo(server), autocommit=True) as connection:
        connection.execute("drop table if exists piped cascade")
        connection.execute("create table piped (id int primary key, name text not null, part numeric)")
        connection.execute("create materialized view piped_sum as select count(*) as n, sum(part) as s from piped")
    return server


def totals(server: Server) -> Any:
    with psycopg.connect(conninfo(server)) as connection:
        return connection.execute("select n, s from piped_sum").fetchone()


def many(server: Server, rows: list[tuple[Any, ...]]) -> None:
    async def work() -> None:
        connection = await asyncpg.connect(host="127.0.0.1", port=server.port, user="ann", database="postgres")
        try:
            await connection.executemany(INSERT, rows)
        finally:
            await connection.close()

    asyncio.run(work())


def test_values_arrive_as_they_were_sent(table: Server) -> None:
    many(table, [(i, f"n{i}" if i % 3 else "", None if i % 2 else i) for i in range(5000)])
    assert totals(table) == (5000, sum(i for i in range(5000) if i % 2 == 0))
    with psycopg.connect(conninfo(table)) as connection:
        assert connection.execute("select name, part from piped where id = 4").fetchone() == ("n4", 4)
        assert connection.execute("select name, part from piped where id = 3").fetchone() == ("", None)


@pytest.mark.parametrize(
    ("row", "error"),
    [((7, "again", None), "UniqueViolationError"), ((600, None, None), "NotNullViolationError")],
)
def test_one_bad_row_undoes_all(table: Server, row: tuple[Any, ...], error: str) -> None:
    with pytest.raises(getattr(asyncpg, error)):
        many(table, [*((i, "x", 1) for i in range(500)), row, *((i, "x", 1) for i in range(700, 900))])
    assert totals(table) == (0, None)


def test_rows_before_a_bad_one_are_told_done(table: Server) -> None:
    with psycopg.connect(conninfo(table), autocommit=True) as connection:
        connection.prepare_threshold = 0
        cursors = [connection.cursor() for _ in range(7)]
        with pytest.raises(psycopg.errors.UniqueViolation), connection.pipeline():  # noqa: PT012  # fails at its end
            for cursor, id in zip(cursors, (1, 2, 3, 4, 5, 3, 6), strict=True):
                cursor.execute("insert into piped values (%s, %s, %s)", (id, "x", 1))
        assert [cursor.statusmessage for cursor in cursors[:5]] == ["INSERT 0 1"] * 5
    assert totals(table) == (0, None)


def test_executemany_of_psycopg(table: Server) -> None:
    with psycopg.connect(conninfo(table)) as connection:
        cursor = connection.cursor()
        cursor.executemany("insert into piped values (%s, %s, %s)", [(i, "x", i) for i in range(1000)])
        assert cursor.rowcount == 1000
        assert cursor.execute("select count(*) from piped").fetchone() == (1000,)
        connection.rollback()
    assert totals(table) == (0, None)
