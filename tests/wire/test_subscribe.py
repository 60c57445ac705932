"""SUBSCRIBE against a whole server, as real clients read it: COPY, cursors, portals, psql."""

import asyncio
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import asyncpg
import psycopg
import pytest

from pgstream.testing.server import Server

Connection = psycopg.Connection[Any]


def connected(server: Server) -> Connection:
    return psycopg.connect(server.conninfo, autocommit=True)


@pytest.fixture
def writer(server: Server) -> Iterator[Connection]:
    """A connection, and a table `t` with a view `v` of it."""
    with connected(server) as opened:
        opened.execute("create table t (k int primary key, g int)")
        opened.execute("create materialized view v as select g, count(*) as n from t group by g")
        opened.execute("insert into t values (1, 1), (2, 1), (3, 2)")
        yield opened
        opened.execute("drop table t cascade")


@pytest.fixture
def reader(server: Server) -> Iterator[Connection]:
    with connected(server) as opened:
        yield opened


def summed(rows: list[Any]) -> Counter[Any]:
    """Rows of (time, diff, …) as the relation that they come to."""
    found: Counter[Any] = Counter()
    for _, diff, *row in rows:
        found[tuple(row)] += int(diff)
    return Counter({row: count for row, count in found.items() if count})


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_fetch_gives_the_snapshot_and_then_each_tick(writer: Connection, reader: Connection) -> None:
    with reader.transaction():
        reader.execute("declare c cursor for subscribe v")
        first = reader.execute("fetch all c").fetchall()
        assert sorted(row[1:] for row in first) == [(1, 1, 2), (1, 2, 1)]
        assert len({row[0] for row in first}) == 1
        assert isinstance(first[0][0], Decimal)
        assert abs(int(first[0][0]) - now_ms()) < 60_000
        assert reader.execute("fetch all c with (timeout = '0s')").fetchall() == []
        writer.execute("insert into t values (4, 1)")
        second = reader.execute("fetch all c").fetchall()
        assert [row[1:] for row in second] == [(-1, 1, 2), (1, 1, 3)]
        assert second[0][0] > first[0][0]
        with writer.transaction():
            writer.execute("insert into t values (5, 7)")
            writer.execute("delete from t where k = 3")
        third = reader.execute("fetch forward 1 from c").fetchall()
        third += reader.execute("fetch 10 c").fetchall()
        assert [row[1:] for row in third] == [(-1, 2, 1), (1, 7, 1)]
        assert len({row[0] for row in third}) == 1, "what one transaction changed is one tick"


def test_fetch_with_a_timeout_gathers_until_it_has_enough(writer: Connection, reader: Connection) -> None:
    with reader.transaction():
        reader.execute("declare c cursor for subscribe t with (snapshot = false)")
        began = time.monotonic()
        assert reader.execute("fetch 3 c with (timeout = '300ms')").fetchall() == []
        assert 0.25 < time.monotonic() - began < 20
        later = threading.Timer(0.2, lambda: writer.execute("insert into t values (8, 8), (9, 9)"))
        later.start()
        assert len(reader.execute("fetch 2 c with (timeout = '30s')").fetchall()) == 2
        later.join()
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="only scan forward"):
            reader.execute("fetch backward 1 c")


def test_the_cursor_ends_with_its_transaction(writer: Connection, reader: Connection) -> None:
    with reader.transaction():
        reader.execute("declare c cursor for subscribe v")
    with pytest.raises(psycopg.errors.InvalidCursorName):
        reader.execute("fetch 1 c")
    with pytest.raises(psycopg.errors.NoActiveSqlTransaction):
        reader.execute("declare c cursor for subscribe v")
    reader.execute("declare c cursor with hold for subscribe v")
    assert len(reader.execute("fetch all c").fetchall()) == 2
    reader.execute("close c")


@pytest.mark.parametrize("form", ["text", "csv", "binary"])
def test_copy_streams_until_its_end(writer: Connection, reader: Connection, form: str) -> None:
    for number in range(3):
        threading.Timer(
            0.2 + 0.2 * number, lambda n=number: writer.execute(f"insert into t values ({n + 10}, {n})")
        ).start()
    rows = []
    query = f"copy (subscribe v up to {now_ms() + 1500}) to stdout with (format {form})"
    with reader.cursor() as cursor, cursor.copy(query) as copy:
        if form == "csv":
            rows = [tuple(bytes(line).decode().split(",")) for line in copy]
        else:
            copy.set_types(["numeric", "int8", "int4", "int8"])
            rows = list(copy.rows())
    assert summed([[int(value) for value in row] for row in rows]) == Counter(
        writer.execute("select * from v").fetchall()
    )
    assert len({row[0] for row in rows}) == 4


def test_progress_tells_that_time_passes(writer: Connection, reader: Connection) -> None:
    with reader.transaction():
        reader.execute("declare c cursor for subscribe v with (progress)")
        first = reader.execute("fetch 3 c").fetchall()
        assert [row[1] for row in first] == [True, False, False]
        assert first[0][2:] == (None, None, None)
        assert first[0][0] == first[1][0]
        (later,) = reader.execute("fetch 1 c").fetchall()
        assert later[1]
        assert later[0] > first[0][0]


def test_envelopes(writer: Connection, reader: Connection) -> None:
    with reader.transaction():
        reader.execute("declare u cursor for subscribe t envelope upsert (key (k))")
        reader.execute("declare d cursor for subscribe t envelope debezium (key (k)) with (snapshot = false)")
        assert [row[1:] for row in reader.execute("fetch all u")] == [
            ("upsert", 1, 1),
            ("upsert", 2, 1),
            ("upsert", 3, 2),
        ]
        writer.execute("update t set g = 5 where k = 1")
        writer.execute("delete from t where k = 2")
        writer.execute("insert into t values (4, 4)")
        upserts = reader.execute("fetch 3 u with (timeout = '30s')").fetchall()
        assert [row[1:] for row in upserts] == [("upsert", 1, 5), ("delete", 2, None), ("upsert", 4, 4)]
        changes = reader.execute("fetch 3 d with (timeout = '30s')").fetchall()
        assert [row[1:] for row in changes] == [("upsert", 1, 1, 5), ("delete", 2, 1, None), ("insert", 4, None, 4)]


def test_simple_and_extended_query_stream_rows(writer: Connection, reader: Connection) -> None:
    found = reader.execute(f"subscribe v up to {now_ms() + 300}")
    assert found.statusmessage == "SUBSCRIBE 2"
    assert summed(found.fetchall()) == Counter(writer.execute("select * from v").fetchall())
    found = reader.execute("subscribe (select k from t where g = 1) up to %s", [now_ms() + 300])
    assert summed(found.fetchall()) == Counter([(1,), (2,)])
    assert reader.execute("subscribe v as of 5000000000000 up to 5000000000000").fetchall() == []
    assert reader.execute("select 1").fetchall() == [(1,)]


def test_the_function_streams_through_portals(writer: Connection, reader: Connection) -> None:
    bounds = f"up_to => {now_ms() + 300}"
    found = reader.execute(f"select * from subscribe('v', {bounds})")
    assert found.statusmessage == "SELECT 2"
    assert summed(found.fetchall()) == Counter(writer.execute("select * from v").fetchall())
    with reader.transaction(), reader.cursor(name="c") as cursor:
        cursor.execute("select * from subscribe('select k from t where g = 1')")
        rows = cursor.fetchmany(2)
        writer.execute("insert into t values (10, 1)")
        rows += cursor.fetchmany(1)
    assert summed(rows) == Counter([(1,), (2,), (10,)])


def test_a_snapshot_is_of_now_though_nothing_happens(writer: Connection, reader: Connection) -> None:
    with reader.transaction():
        reader.execute("declare c cursor for subscribe v")
        first = reader.execute("fetch 1 c").fetchall()[0][0]
        assert abs(int(first) - now_ms()) < 60_000
        deadline = time.monotonic() + 30
        while writer.execute(f"subscribe v up to {now_ms() + 10}").fetchall()[0][0] <= first:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_what_never_changes_ends(reader: Connection) -> None:
    found = reader.execute("subscribe (select 1 as a union all values (1), (2))").fetchall()
    assert summed(found) == Counter({(1,): 2, (2,): 1})


def test_sources_and_views_are_followed(writer: Connection, reader: Connection) -> None:
    writer.execute("create view plain as select k + 1 as a from t")
    writer.execute("create source bids with (connector = 'nexmark', nexmark.table.type = 'bid', event_rate = '20')")
    with reader.transaction():
        reader.execute("declare p cursor for subscribe plain")
        reader.execute("declare b cursor for subscribe (select auction from bids)")
        assert sorted(row[2] for row in reader.execute("fetch all p")) == [2, 3, 4]
        assert len(reader.execute("fetch 5 b with (timeout = '30s')").fetchall()) == 5
    writer.execute("drop source bids; drop view plain")


def test_portals_are_asked_for_a_few_rows_at_a_time(server: Server, writer: Connection) -> None:
    async def ask() -> list[Any]:
        connection = await asyncpg.connect(host="127.0.0.1", port=server.port, user="postgres", database="postgres")
        try:
            async with connection.transaction():
                cursor = await connection.cursor("subscribe t")
                rows = await cursor.fetch(2)
                rows.append(await cursor.fetchrow())
                writer.execute("insert into t values (4, 9)")
                rows.append(await cursor.fetchrow())
            async with connection.transaction():
                threading.Timer(0.5, lambda: writer.execute("delete from t where k < 3")).start()
                async for row in connection.cursor("subscribe t with (snapshot = false)", prefetch=50):
                    rows.append(row)
                    if len(rows) == 6:
                        break
            assert await connection.fetchval("select 2") == 2
            return [tuple(row) for row in rows]
        finally:
            await connection.close()

    rows = asyncio.run(ask())
    assert [row[1:] for row in (rows[3], *sorted(rows[4:]))] == [(1, 4, 9), (-1, 1, 1), (-1, 2, 1)]
    assert summed(rows) == Counter([(3, 2), (4, 9)])


def test_a_cancelled_subscription_ends_with_an_error(writer: Connection, reader: Connection) -> None:
    threading.Timer(0.3, reader.cancel).start()
    with pytest.raises(psycopg.errors.QueryCanceled), reader.cursor() as cursor:  # noqa: PT012, SIM117
        with cursor.copy("copy (subscribe v) to stdout") as copy:
            assert len([row for _, row in zip(range(2), copy.rows(), strict=False)]) == 2
            list(copy.rows())
    threading.Timer(0.3, reader.cancel).start()
    with pytest.raises(psycopg.errors.QueryCanceled):
        reader.execute("subscribe v")
    assert reader.execute("select 1").fetchall() == [(1,)]


def test_a_dropped_relation_ends_it(writer: Connection, reader: Connection) -> None:
    writer.execute("create table gone (a int)")
    threading.Timer(0.3, lambda: writer.execute("drop table gone")).start()
    with pytest.raises(psycopg.errors.UndefinedTable, match="was dropped"):
        reader.execute("subscribe gone")


def test_bounds_that_make_no_sense(writer: Connection, reader: Connection) -> None:
    with pytest.raises(psycopg.errors.DataException, match="lower bound"):
        reader.execute("subscribe v up to 5")
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="not known any more"):
        reader.execute("subscribe v as of 5")
    with pytest.raises(psycopg.errors.NumericValueOutOfRange):
        reader.execute("subscribe v as of 5.5")
    assert reader.execute(f"subscribe v as of at least 5 up to {now_ms() + 100}").rowcount >= 0


def test_as_of_a_time_to_come(writer: Connection, reader: Connection) -> None:
    later = threading.Timer(0.3, lambda: writer.execute("insert into t values (9, 9)"))
    later.start()
    at = now_ms() + 1200
    rows = reader.execute(f"subscribe t as of {at} up to {at + 1}").fetchall()
    assert {int(row[0]) for row in rows} == {at}
    assert summed(rows) == Counter([(1, 1), (2, 1), (3, 2), (9, 9)])
    later.join()


def test_as_of_resumes_while_somebody_else_reads_on(server: Server, writer: Connection, reader: Connection) -> None:
    with connected(server) as other, other.transaction():
        other.execute("declare c cursor for subscribe t")
        seen = other.execute("fetch all c").fetchall()
        for k in range(10, 14):
            writer.execute(f"insert into t values ({k}, {k})")
        seen += other.execute("fetch 2 c with (timeout = '30s')").fetchall()
        last = int(seen[-1][0])
        up_to = now_ms() + 300
        rest = reader.execute(f"subscribe t with (snapshot = false) as of {last} up to {up_to}").fetchall()
        assert all(row[0] > last for row in rest)
        assert summed(seen + rest) == Counter(writer.execute("select * from t").fetchall())
        again = reader.execute(f"subscribe t as of {last} up to {last + 1}").fetchall()
        assert summed(again) == summed(seen)


def test_listening_to_a_view_tells_when_it_changed(writer: Connection, reader: Connection) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        reader.execute("select * from unheard")
    reader.execute("listen v")
    reader.execute("listen t")
    reader.execute("listen v")
    writer.execute("insert into t values (4, 4)")
    with writer.transaction():
        writer.execute("insert into t values (5, 4)")
        writer.execute("insert into t values (6, 4)")
    writer.execute("notify t, 'by hand'")
    writer.execute("notify v, 'by hand'")
    heard = [(one.channel, one.payload) for one in reader.notifies(timeout=20, stop_after=4)]
    assert [one for one in heard if one[1] == "by hand"] == [("t", "by hand"), ("v", "by hand")]
    first, second = (int(payload) for _, payload in heard if payload != "by hand")
    assert now_ms() - 60_000 < first < second
    reader.execute("unlisten v")
    writer.execute("insert into t values (7, 7)")
    assert list(reader.notifies(timeout=0.3)) == []
    reader.execute("listen v")
    writer.execute("create materialized view w as select k from t")
    reader.execute("listen w")
    writer.execute("drop materialized view w")
    writer.execute("delete from t where k = 7")
    assert [one.channel for one in reader.notifies(timeout=20, stop_after=1)] == ["v"]


@pytest.mark.skipif(not (shutil.which("psql") and shutil.which("stdbuf")), reason="psql is not installed")
def test_psql_prints_changes_as_they_come(server: Server, writer: Connection) -> None:
    command = ["stdbuf", "-oL", "psql", "-X", "-h", "127.0.0.1", "-p", str(server.port), "-U", "ann", "postgres"]
    command += ["-c", "COPY (SUBSCRIBE v) TO STDOUT"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        lines = [running.stdout.readline() for _ in range(2)]
        writer.execute("insert into t values (4, 5)")
        lines.append(running.stdout.readline())
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=30)
    assert sorted(line.split("\t")[1:] for line in lines[:2]) == [["1", "1", "2\n"], ["1", "2", "1\n"]]
    assert lines[2].split("\t")[1:] == ["1", "5", "1\n"]
    assert "canceling statement due to user request" in errors


def changed_far_ahead(writer: Connection) -> None:
    """More than a channel and all buffers on the way to a client keep."""
    for number in range(1, 60):
        writer.execute(
            "update wide set number = %s, text = repeat(%s, 1000000) where k = 1", [number, chr(65 + number)]
        )
        writer.execute("insert into wide values (%s, 1, 'few')", [number + 1])
    writer.execute("delete from wide where k > 5 and k < 55")


def test_a_change_of_many_rows_comes_in_order(writer: Connection, reader: Connection) -> None:
    writer.execute("create table many (k int primary key, x int)")
    with reader.transaction():
        for name in "ab":
            reader.execute(f"declare {name} cursor for subscribe many with (progress, snapshot = false)")
            reader.execute(f"fetch 1 {name}")
        writer.execute("insert into many values (0, 0)")
        writer.execute("insert into many select n, n from generate_series(1, 50000) as g(n)")
        writer.execute("update many set x = x + 1 where k % 2 = 0")
        for name in "ab":
            rows: list[Any] = []
            while sum(not row[1] for row in rows) < 50_001 + 50_002:
                rows += reader.execute(f"fetch all {name}").fetchall()
            times = [row[0] for row in rows]
            assert times == sorted(times)
            changes = [(row[0], *row[2:]) for row in rows if not row[1]]
            assert summed(changes) == Counter(writer.execute("select * from many").fetchall())
            last = [row[1] for row in changes if row[0] == changes[-1][0]]
            assert last == [-1] * 25_001 + [1] * 25_001
    writer.execute("drop table many")


def test_a_slow_client_is_told_what_it_missed_as_one_change(writer: Connection, reader: Connection) -> None:
    writer.execute("create table wide (k int primary key, number int, text text)")
    writer.execute("insert into wide values (1, 0, 'x')")
    with reader.cursor() as cursor, cursor.copy("copy (subscribe wide) to stdout") as copy:
        copy.set_types(["numeric", "int8", "int4", "int4", "text"])
        rows: list[Any] = [copy.read_row()]
        changed_far_ahead(writer)
        expected = Counter(writer.execute("select * from wide").fetchall())
        while summed(rows) != expected:
            rows.append(copy.read_row())
        times = [row[0] for row in rows]
        assert times == sorted(times)
        assert len(set(times)) < 100, "some ticks were told together"
        reader.cancel()
        with pytest.raises(psycopg.errors.QueryCanceled):
            list(copy.rows())
    writer.execute("drop table wide")


def test_a_slow_client_may_be_dropped(writer: Connection, reader: Connection) -> None:
    writer.execute("create table wide (k int primary key, number int, text text)")
    writer.execute("insert into wide values (1, 0, 'x')")
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        reader.execute("set pgstream.subscribe_slow = 'sometimes'")
    reader.execute("set pgstream.subscribe_slow = 'drop'")
    with pytest.raises(psycopg.errors.ProgramLimitExceeded, match="too slow"), reader.cursor() as cursor:  # noqa: PT012, SIM117
        with cursor.copy("copy (subscribe wide) to stdout") as copy:
            copy.read_row()
            changed_far_ahead(writer)
            list(copy.rows())
    writer.execute("drop table wide")


def test_clients_that_leave_are_forgotten(server: Server, writer: Connection) -> None:
    for _ in range(3):
        leaving = connected(server)
        cursor = leaving.cursor()
        with cursor.copy("copy (subscribe (select g + 1 from t)) to stdout") as copy:
            next(iter(copy.rows()))
            leaving.pgconn.finish()
            break
    writer.execute("insert into t values (77, 7)")
    assert writer.execute("select count(*) from t").fetchall() == [(4,)]
