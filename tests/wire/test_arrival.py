"""Columns that keep when their row came: PROCTIME() as Flink and RisingWave write it."""

from typing import Any

import psycopg
import pytest
from psycopg import errors

from pgstream.testing.server import Server

DATAGEN = """WITH ('connector' = 'datagen', 'number-of-rows' = '3', 'fields.id.kind' = 'sequence',
    'fields.id.start' = '1', 'fields.id.end' = '3')"""


@pytest.fixture
def connection(server: Server) -> Any:
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS arrival CASCADE")
        connection.execute("CREATE SCHEMA arrival")
        connection.execute("SET search_path = arrival")
        yield connection


def test_a_row_of_a_table_keeps_it(connection: psycopg.Connection[Any]) -> None:
    connection.execute("CREATE TABLE bid (auction int PRIMARY KEY, came AS PROCTIME())")
    connection.execute("INSERT INTO bid (auction) VALUES (1), (2)")
    found = connection.execute(
        "SELECT count(*), count(DISTINCT came), max(came) <= now(), max(came) > now() - interval '1 hour' FROM bid"
    ).fetchone()
    assert found == (2, 1, True, True)
    before = connection.execute("SELECT came FROM bid WHERE auction = 1").fetchone()
    connection.execute("UPDATE bid SET auction = 5 WHERE auction = 1")
    assert connection.execute("SELECT came FROM bid WHERE auction = 5").fetchone() == before
    connection.execute("INSERT INTO bid (auction) VALUES (6)")
    assert connection.execute("SELECT count(DISTINCT came) FROM bid").fetchone() == (2,)
    with pytest.raises(errors.GeneratedAlways):
        connection.execute("INSERT INTO bid VALUES (7, now())")
    with pytest.raises(errors.InvalidObjectDefinition):
        connection.execute("CREATE TABLE wrong (id int, at timestamptz GENERATED ALWAYS AS (now()) STORED)")


def test_a_source_computes_when_it_takes_in(connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        "CREATE TABLE numbered (id int, at AS proctime(), d AS CAST(CAST(id AS text) || ' days' AS interval)) "
        + DATAGEN  # type: ignore[arg-type]
    )
    connection.execute("CREATE MATERIALIZED VIEW kept AS SELECT * FROM numbered")
    while connection.execute("SELECT count(*) FROM kept").fetchone() != (3,):
        pass
    rows = connection.execute("SELECT id, at > now() - interval '1 hour', d::text FROM kept ORDER BY id").fetchall()
    assert rows == [(1, True, "1 day"), (2, True, "2 days"), (3, True, "3 days")]
    once = connection.execute("SELECT at FROM kept ORDER BY id").fetchall()
    assert connection.execute("SELECT at FROM kept ORDER BY id").fetchall() == once
    with pytest.raises(errors.InvalidObjectDefinition):
        connection.execute(
            "CREATE SOURCE random (id int, r float8 GENERATED ALWAYS AS (random()) STORED) " + DATAGEN  # type: ignore[arg-type]
        )


def test_windows_are_of_arrival_where_nothing_says_more(connection: psycopg.Connection[Any]) -> None:
    connection.execute("CREATE TABLE numbered (id int) " + DATAGEN)  # type: ignore[arg-type]
    connection.execute(
        "CREATE MATERIALIZED VIEW counted AS SELECT window.start AS starts, window.end AS ends, n"
        " FROM (SELECT tumble(interval '1 day') AS window, count(*) AS n FROM numbered GROUP BY 1)"
    )
    while connection.execute("SELECT sum(n) FROM counted").fetchone() != (3,):
        pass
    rows = connection.execute(
        "SELECT ends - starts = interval '1 day', starts > now() - interval '2 days', starts <= now() FROM counted"
    ).fetchall()
    assert set(rows) == {(True, True, True)}
    hopping = "SELECT DISTINCT hop(interval '1 day', interval '2 days') AS window FROM numbered"
    connection.execute("CREATE MATERIALIZED VIEW hopping AS " + hopping)  # type: ignore[arg-type]
    with pytest.raises(errors.UndefinedColumn, match="row_time needs an event time"):
        connection.execute("SELECT row_time() FROM numbered")
