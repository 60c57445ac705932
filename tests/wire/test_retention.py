"""How long views keep what they hold, and how far watermarks are, as a client sets and sees it."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from pgstream.testing.server import Server


@pytest.fixture
def client(server: Server) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(server.conninfo, autocommit=True) as opened:
        yield opened


@pytest.mark.parametrize("value", ["interval '5' second", "INTERVAL '5 seconds'", "'5 s'"])
def test_arroyos_setting(client: psycopg.Connection[Any], value: str) -> None:
    client.execute(f"SET updating_ttl = {value}")
    client.execute("CREATE TABLE ttl_t (k int)")
    client.execute("CREATE MATERIALIZED VIEW ttl_v AS SELECT k, count(*) FROM ttl_t GROUP BY k")
    lines = [row[0] for row in client.execute("EXPLAIN (STATE) CREATE MATERIALIZED VIEW x AS SELECT k FROM ttl_t")]
    assert any("what was touched within 00:00:05" in line for line in lines)
    client.execute("RESET updating_ttl")
    lines = [row[0] for row in client.execute("EXPLAIN (STATE) CREATE MATERIALIZED VIEW x AS SELECT k FROM ttl_t")]
    assert not any("touched" in line for line in lines)
    client.execute("DROP TABLE ttl_t CASCADE")


def test_a_setting_that_is_no_interval(client: psycopg.Connection[Any]) -> None:
    with pytest.raises(psycopg.errors.InvalidDatetimeFormat):
        client.execute("SET updating_ttl = 'soon'")


def test_watermarks_are_shown(client: psycopg.Connection[Any]) -> None:
    client.execute("CREATE TABLE marked (ts timestamp, WATERMARK FOR ts AS ts - interval '5 s')")
    client.execute("ALTER TABLE marked SET (idle_timeout = '1 min')")
    client.execute("INSERT INTO marked VALUES ('2024-01-01 00:00:10')")
    shown = client.execute(
        "SELECT column_name, expression, idle_timeout::text, max_ahead::text, late_rows, watermark::text"
        " FROM pgstream_watermarks WHERE relname = 'marked'"
    ).fetchall()
    assert shown == [("ts", "ts - CAST('5 s' AS interval)", "00:01:00", "01:00:00", None, "2024-01-01 00:00:05+00")]
    assert client.execute("SELECT relname, sqlstate FROM pgstream_stalled").fetchall() == []
    client.execute("DROP TABLE marked")


def test_what_was_said_is_shown(client: psycopg.Connection[Any]) -> None:
    client.execute("CREATE TABLE said (ts timestamp, v int, WATERMARK FOR ts)")
    query = "SELECT window_start, count(*) AS n FROM tumble(said, ts, interval '1 minute') GROUP BY 1"
    client.execute(
        f"CREATE MATERIALIZED VIEW said_v WITH (retention = '1 day', state_ttl = '2 h') AS {query} EMIT EVERY '5 s'"
    )
    options = client.execute("SELECT reloptions FROM pg_class WHERE relname = 'said_v'").fetchall()
    assert options == [(["retention=1 day", "state_ttl=2 h"],)]
    ((shown,),) = [row[-1:] for row in client.execute("SHOW CREATE MATERIALIZED VIEW said_v").fetchall()]
    wanted = f"WITH (retention = '1 day', state_ttl = '2 h') AS {query} EMIT EVERY INTERVAL '00:00:05'"
    assert shown == f"CREATE MATERIALIZED VIEW said_v {wanted}"
    client.execute("DROP MATERIALIZED VIEW said_v")
    client.execute(shown)
    client.execute("DROP TABLE said CASCADE")


@pytest.mark.parametrize("clause", ["EMIT ON WINDOW CLOSE", "EMIT EVERY '1 s'"])
def test_closed_windows_are_pushed(client: psycopg.Connection[Any], clause: str) -> None:
    client.execute("CREATE TABLE pushed (ts timestamp, v int, WATERMARK FOR ts AS ts)")
    client.execute("INSERT INTO pushed VALUES ('2024-01-01 00:00:10', 1), ('2024-01-01 00:01:10', 2)")
    windows = "tumble(pushed, ts, interval '1 minute')"
    query = f"SELECT window_start::text AS w, sum(v) AS n FROM {windows} GROUP BY window_start"
    with client.transaction():
        client.execute(f"DECLARE c CURSOR FOR SUBSCRIBE ({query} {clause})")
        rows = client.execute("FETCH ALL FROM c WITH (timeout = '3s')").fetchall()
        final = (True,) if "EVERY" in clause else ()
        assert ("2024-01-01 00:00:00", 1, *final) in [row[2:] for row in rows]
    client.execute("DROP TABLE pushed CASCADE")
