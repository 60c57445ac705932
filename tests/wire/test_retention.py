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
