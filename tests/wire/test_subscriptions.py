"""Subscriptions that remember: cursors as RisingWave has them, and AS OF after reconnects and crashes."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pgstream.testing.server import Server
from tests.wire.test_subscribe import connected, now_ms, summed

Connection = psycopg.Connection[Any]


@pytest.fixture
def client(server: Server) -> Iterator[Connection]:
    """A connection, a table `t`, and a subscription `s` of it."""
    with connected(server) as opened:
        opened.execute("create table t (k int primary key, g int)")
        opened.execute("insert into t values (1, 2)")
        opened.execute("create subscription s from t with (retention = '1 day')")
        yield opened
        opened.execute("drop subscription if exists s")
        opened.execute("drop table t")


def fetched(client: Connection, query: str = "fetch next from c") -> list[Any]:
    return client.execute(query).fetchall()


def test_a_full_cursor_gives_the_stock_first(client: Connection) -> None:
    client.execute("declare c subscription cursor for s full")
    found = client.execute("fetch next from c")
    assert [column.name for column in found.description or ()] == ["k", "g", "op", "rw_timestamp"]
    assert found.fetchall() == [(1, 2, "Insert", None)]
    assert fetched(client) == []
    client.execute("insert into t values (4, 4)")
    client.execute("update t set g = 10 where k = 4")
    first, second, third = fetched(client) + fetched(client) + fetched(client)
    assert (first[:3], second[:3], third[:3]) == ((4, 4, "Insert"), (4, 4, "UpdateDelete"), (4, 10, "UpdateInsert"))
    assert abs(first[3] - now_ms()) < 60_000
    assert first[3] < second[3] == third[3]
    client.execute("delete from t where k = 4")
    assert [row[:3] for row in fetched(client)] == [(4, 10, "Delete")]
    client.execute("close c")


def test_where_a_cursor_begins(client: Connection) -> None:
    client.execute("insert into t values (4, 4)")
    client.execute("insert into t values (5, 5)")
    client.execute("declare c subscription cursor for s since begin()")
    client.execute("declare n subscription cursor for s since now()")
    client.execute("declare d subscription cursor for s")
    client.execute("insert into t values (6, 6)")
    all_rows = fetched(client, "fetch 10 from c")
    assert [row[0] for row in all_rows] == [4, 5, 6]
    assert [row[0] for row in fetched(client, "fetch 10 from n")] == [6]
    assert [row[0] for row in fetched(client, "fetch 10 from d")] == [6]
    second = all_rows[1][3]
    for since, expected in ((second, [5, 6]), (second + 1, [6]), (all_rows[2][3] + 1, [])):
        client.execute(f"declare e subscription cursor for s since {since}")
        assert [row[0] for row in fetched(client, "fetch 10 from e")] == expected
        client.execute("close e")
    for since in (1, 18446744073709551615):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="remembers"):
            client.execute(f"declare e subscription cursor for s since {since}")
    with pytest.raises(psycopg.errors.UndefinedObject):
        client.execute("declare e subscription cursor for t")
    with pytest.raises(psycopg.errors.DuplicateCursor):
        client.execute("declare c subscription cursor for s")
    for name in "cnd":
        client.execute(f"close {name}")


def test_fetch_waits_where_it_is_told_to(server: Server, client: Connection) -> None:
    client.execute("declare c subscription cursor for s")
    began = time.monotonic()
    assert fetched(client, "fetch 3 from c with (timeout = '300ms')") == []
    assert time.monotonic() - began > 0.25
    with connected(server) as other:
        threading.Timer(0.2, lambda: other.execute("insert into t values (7, 7)")).start()
        assert [row[0] for row in fetched(client, "fetch 1 from c with (timeout = '30s')")] == [7]
    client.execute("close c")


def test_as_of_reads_what_is_remembered(client: Connection) -> None:
    client.execute("insert into t values (2, 2)")
    client.execute("declare c subscription cursor for s since begin()")
    ((*_, first_ms),) = fetched(client)
    client.execute("close c")
    time.sleep(1.2)
    for k in range(10, 15):
        client.execute(f"insert into t values ({k}, {k})")
    client.execute("update t set g = 0 where k < 12")
    up_to = now_ms() + 100
    rows = client.execute(f"subscribe t with (snapshot = false) as of {first_ms} up to {up_to}").fetchall()
    assert len({row[0] for row in rows}) == 6
    assert summed([(0, 1, 1, 2), (0, 1, 2, 2), *rows]) == Counter(client.execute("select * from t").fetchall())
    rows = client.execute(f"subscribe t as of {first_ms} up to {first_ms + 1}").fetchall()
    assert summed(rows) == Counter([(1, 2), (2, 2)])
    assert {int(row[0]) for row in rows} == {first_ms}
    client.execute("drop subscription s")
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="not known any more"):
        client.execute(f"subscribe t as of {first_ms}")


def test_a_subscriber_goes_on_after_a_crash(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        with connected(server) as opened:
            opened.execute("create table t (k int primary key, g int)")
            opened.execute("create materialized view v as select g, count(*) as n from t group by g")
            opened.execute("create subscription s from v with (retention = '1 day')")
        rows: list[Any] = []
        last = None
        for round in range(3):
            with connected(server) as writer, connected(server) as reader, reader.transaction(force_rollback=True):
                since = "" if last is None else f"with (snapshot = false) as of {last}"
                reader.execute(f"declare c cursor for subscribe v {since}")
                for k in range(20):
                    writer.execute(f"insert into t values ({round * 100 + k}, {k % 4})")
                    if k < 15:
                        rows += reader.execute("fetch 2 c with (timeout = '0s')").fetchall()
                last = rows[-1][0]
                rows += reader.execute("fetch all c with (timeout = '0s')").fetchall() if round == 1 else []
                last = rows[-1][0]
                cut = [row for row in rows if row[0] == last]
                rows = [row for row in rows if row[0] != last] if len(cut) == 1 else rows
                last = rows[-1][0]
                server.kill()
            server.start()
        with connected(server) as reader:
            up_to = now_ms() + 300
            rows += reader.execute(f"subscribe v with (snapshot = false) as of {last} up to {up_to}").fetchall()
            assert summed(rows) == Counter(reader.execute("select * from v").fetchall())
            times = [row[0] for row in rows]
            assert times == sorted(times)
