"""pgstream_subscriptions and pgstream_subscribers: what is remembered, and how far behind each client is."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from pgstream.testing.server import Server
from tests.wire.test_subscribe import connected, now_ms


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_subscriptions_remember(server: Server) -> None:
    with connected(server) as client:
        client.execute("create table shown (k int)")
        client.execute("create subscription of_shown from shown with (retention = '1 day')")
        client.execute("insert into shown values (1), (2)")
        client.execute("update shown set k = 5 where k = 2")
        query = "select * from pgstream_subscriptions where subscriptionname = 'of_shown'"
        found = client.execute(query)
        names = [column.name for column in found.description or ()]
        row = dict(zip(names, found.fetchone() or (), strict=True))
        assert (row["schemaname"], row["relname"], row["retention"]) == ("public", "shown", timedelta(days=1))
        assert row["changes"] == 4
        assert row["remembers_since"] < row["remembers_until"] <= datetime.now(UTC) + timedelta(seconds=60)
        client.execute(f"declare c subscription cursor for of_shown since {row['since_ms'] + 1}")
        assert sorted(each[0] for each in client.execute("fetch 10 from c").fetchall()) == [1, 2, 2, 5]
        client.execute("close c")
        listed = client.execute("select subname, subenabled, subpublications from pg_subscription").fetchall()
        assert ("of_shown", True, ["shown"]) in listed
        client.execute("drop table shown cascade")
        assert client.execute(query).fetchall() == []


def test_how_far_behind_subscribers_are(server: Server) -> None:
    query = "select relname, lag, waiting_changes, told_ms from pgstream_subscribers where pid = %s"
    with connected(server) as client, connected(server) as reader:
        client.execute("create table followed (k int)")
        pid = reader.info.backend_pid

        def told() -> list[tuple[object, ...]]:
            return client.execute(query, [pid]).fetchall()

        assert told() == []
        reader.execute("begin")
        reader.execute("declare c cursor for subscribe followed")
        reader.execute("declare d cursor for subscribe (select k + 1 as n from followed)")
        eventually(lambda: sorted(str(row[0]) for row in told()) == ["None", "followed"])
        for k in range(3):
            client.execute("insert into followed values (%s)", [k])
            time.sleep(0.01)
        assert [row[2] for row in told()] == [3, 3]
        assert all(isinstance(row[1], timedelta) and row[1] > timedelta(milliseconds=10) for row in told())
        assert len(reader.execute("fetch all c with (timeout = '0s')").fetchall()) == 3
        (row,) = (row for row in told() if row[0] == "followed")
        assert row[1:3] == (timedelta(), 0)
        assert isinstance(row[3], int)
        assert abs(row[3] - now_ms()) < 60_000
        reader.execute("rollback")
        eventually(lambda: told() == [])
        client.execute("drop table followed")


def test_others_are_of_other_databases(server: Server) -> None:
    with connected(server) as reader:
        reader.execute("create database elsewhere")
        reader.execute("begin")
        reader.execute("declare c cursor for subscribe (select 1 as n)")
        other = psycopg.conninfo.make_conninfo(server.conninfo, dbname="elsewhere")
        with psycopg.connect(other, autocommit=True) as client:
            assert client.execute("select count(*) from pgstream_subscribers").fetchall() == [(0,)]
        assert reader.execute("select count(*) from pgstream_subscribers").fetchall() == [(1,)]
        reader.execute("rollback")
        reader.execute("drop database elsewhere")


def test_cursors_are_listed(server: Server) -> None:
    listed = "select name, statement, is_holdable, is_binary, is_scrollable from pg_cursors order by name"
    with connected(server) as client:
        assert client.execute(listed).fetchall() == []
        client.execute("create table scanned (k int)")
        client.execute("create subscription of_scanned from scanned with (retention = '1 day')")
        statements = [
            "declare a no scroll cursor for select 1",
            "declare b cursor for subscribe scanned",
            "declare c binary cursor with hold for select 1",
            "declare d subscription cursor for of_scanned",
        ]
        client.execute("begin")
        for statement in statements:
            client.execute(statement)
        found = client.execute(listed).fetchall()
        assert [row[1] for row in found] == statements
        assert [row[2:4] for row in found] == [(False, False), (False, False), (True, True), (True, False)]
        assert [row[4] for row in found] == [False, True, True, False]
        client.execute("commit")
        assert [row[0] for row in client.execute(listed).fetchall()] == ["c", "d"]
        client.execute("close all")
        client.execute("drop table scanned cascade")


def test_a_time_is_no_query(server: Server) -> None:
    with connected(server) as client, pytest.raises(psycopg.errors.FeatureNotSupported, match="subquery") as caught:
        client.execute("subscribe (select 1 as a) up to (select 1)")
    assert caught.value.diag.statement_position == "33"
