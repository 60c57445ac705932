"""Windows over random rows, and over their changes, beside what PostgreSQL makes of the same rows with other means."""

import os
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from pgstream.catalog.objects import Source, Watermark
from tests.unit.engine.conftest import Opened
from tests.unit.engine.engine_sql import SETTINGS, Sql

ORACLE = os.environ.get("PGSTREAM_ORACLE", "")
ZONE = "Europe/Vienna"
"""Where days have 23, 24 and 25 hours."""


def fixed(size: str, origin: str) -> str:
    """Tumbling windows by date_bin."""
    return f"""SELECT id, s, s + interval '{size}' AS e
               FROM (SELECT id, date_bin('{size}', ts, '{origin}') AS s FROM ev WHERE ts IS NOT NULL) x"""


def calendar(unit: str, size: str, column: str) -> str:
    """Tumbling windows by date_trunc."""
    return f"""SELECT id, s, s + interval '{size}' AS e
               FROM (SELECT id, date_trunc('{unit}', {column}) AS s FROM ev WHERE {column} IS NOT NULL) x"""


def hopping(slide: str, size: str, first: str) -> str:
    """Hopping windows: those that hold the row, of a series that starts well before."""
    return f"""SELECT id, s, s + interval '{size}' AS e
               FROM ev, generate_series({first}, ts, interval '{slide}') AS s WHERE ts < s + interval '{size}'"""


def cumulating(step: str, size: str, start: str) -> str:
    """Cumulating windows: every end up to the last that lies after the row."""
    return f"""SELECT id, s, e
               FROM (SELECT id, ts, s, least(s + n * interval '{step}', s + interval '{size}') AS e
                     FROM (SELECT id, ts, {start} AS s FROM ev) x, generate_series(1, 100) AS n
                     WHERE s + (n - 1) * interval '{step}' < s + interval '{size}') y
               WHERE ts < e"""


def sessions(gap: str, key: str) -> str:
    """Sessions by lag(): a row opens one if the row before it is farther than the gap."""
    return f"""SELECT id, min(ts) OVER w AS s, max(ts) OVER w + interval '{gap}' AS e
               FROM (SELECT *, sum(opens) OVER (PARTITION BY {key} ORDER BY ts, id) AS session
                     FROM (SELECT *, CASE WHEN ts - lag(ts) OVER (PARTITION BY {key} ORDER BY ts, id)
                                               <= interval '{gap}' THEN 0 ELSE 1 END AS opens
                           FROM ev WHERE ts IS NOT NULL) x) y
               WINDOW w AS (PARTITION BY {key}, session)"""


DAY_BEFORE = "date_trunc('day', ts) - interval '1 day'"
YEARS_BEFORE = "date_trunc('month', ts) - interval '2 years'"
PAIRS = {
    "tumble(ev, ts, interval '7 minutes')": fixed("7 minutes", "1970-01-01"),
    "tumble(ev, ts, interval '1 week', interval '4 days')": fixed("1 week", "1970-01-05"),
    "table(tumble(table ev, descriptor(ts), interval '1' hour, interval '-10' minutes))": fixed(
        "1 hour", "1970-01-01 00:50"
    ),
    "tumble(ev, ts, interval '3 months')": calendar("quarter", "3 months", "ts"),
    "tumble(ev, tz, interval '1 month')": calendar("month", "1 month", "tz"),
    "tumble(ev, tz, interval '1 day')": calendar("day", "1 day", "tz"),
    "tumble(ev, tz, interval '1 hour')": calendar("hour", "1 hour", "tz"),
    "tumble(ev, ts, interval '1 year', interval '3 months 2 days')": """
        SELECT id, s, s + interval '1 year' AS e
        FROM (SELECT id, date_trunc('year', ts - interval '2 days' - interval '3 months')
                         + interval '3 months 2 days' AS s FROM ev WHERE ts IS NOT NULL) x""",
    "hop(ev, ts, interval '1 hour', interval '150 minutes')": hopping("1 hour", "150 minutes", DAY_BEFORE),
    "hop(ev, ts, interval '1 hour', interval '30 minutes')": hopping("1 hour", "30 minutes", DAY_BEFORE),
    "hop(ev, ts, interval '1 month', interval '45 days')": hopping("1 month", "45 days", YEARS_BEFORE),
    "hop(ev, ts, interval '1 month', interval '1 year')": hopping("1 month", "1 year", YEARS_BEFORE),
    "cumulate(ev, ts, interval '10 minutes', interval '2 hours')": cumulating(
        "10 minutes", "2 hours", "date_bin('2 hours', ts, '1970-01-01')"
    ),
    "cumulate(ev, ts, interval '5 days', interval '1 month')": cumulating(
        "5 days", "1 month", "date_trunc('month', ts)"
    ),
    "cumulate(ev, ts, interval '1 month', interval '1 year')": cumulating(
        "1 month", "1 year", "date_trunc('year', ts)"
    ),
    "session(ev, ts, interval '1 hour', k)": sessions("1 hour", "k"),
    "table(session(table ev, descriptor(ts), interval '10' minutes))": sessions("10 minutes", "true"),
    "table(session(table ev partition by k, id % 2, descriptor(ts), interval '2' hours))": sessions(
        "2 hours", "k, id % 2"
    ),
}


class Both:
    """One history of a table in two databases."""

    def __init__(self, sql: Sql, oracle: "psycopg.Connection[tuple[object, ...]]") -> None:
        self.sql = sql
        self.oracle = oracle

    def run(self, text: str) -> None:
        self.sql.run(text)
        self.oracle.execute(text.encode())

    def same(self, ours: str, theirs: str) -> None:
        """Asserts that both queries give the same rows, as text."""
        counted = "SELECT x::text, count(*) FROM ({}) x GROUP BY 1"
        expected = sorted(self.oracle.execute(counted.format(theirs).encode()).fetchall())
        assert sorted(self.sql.rows(counted.format(ours))) == expected, ours


@pytest.fixture
def both(opened: Opened) -> Iterator[Both]:
    with psycopg.connect(ORACLE, autocommit=True) as oracle:
        schema = f"windows_{os.getpid()}"
        oracle.execute(f"CREATE SCHEMA {schema}; SET search_path = {schema}; SET TimeZone = '{ZONE}'")
        sql = opened.open()
        sql.settings = {**SETTINGS, "timezone": ZONE}
        try:
            yield Both(sql, oracle)
        finally:
            oracle.execute(f"DROP SCHEMA {schema} CASCADE")


def moment(rng: random.Random) -> str:
    """NULL now and then, else minutes that crowd on some days about the changes of the clocks."""
    if rng.random() < 0.1:
        return "NULL"
    day = datetime.fromisoformat(rng.choice(["2024-03-30", "2024-10-26", "2023-12-31", "1969-12-30"]))
    return f"'{day + timedelta(minutes=rng.randrange(3 * 1440), seconds=rng.randrange(60))}'"


@pytest.mark.oracle
@pytest.mark.skipif(not ORACLE, reason="the oracle, a real PostgreSQL, is not named by PGSTREAM_ORACLE")
def test_windows_are_those_of_postgres(both: Both) -> None:
    rng = random.Random(7)
    both.run("CREATE TABLE ev (id int PRIMARY KEY, k int, ts timestamp, tz timestamptz)")
    keep = [f"SELECT id, window_start AS s, window_end AS e FROM {call}" for call in PAIRS if "tz" not in call]
    for number, query in enumerate(keep):
        both.sql.run(f"CREATE MATERIALIZED VIEW kept{number} AS {query}")
    for round in range(3):
        rows = []
        for id in range(round * 80, round * 80 + 80):
            at, other = moment(rng), moment(rng)
            rows.append(f"({id}, {rng.choice(['1', '2', 'NULL'])}, {at}, {other})")
        both.run(f"INSERT INTO ev VALUES {', '.join(rows)}")
        both.run(f"DELETE FROM ev WHERE id % 7 = {round} AND id >= {round * 60}")
        both.run(f"UPDATE ev SET ts = ts + interval '{rng.randrange(90)} minutes' WHERE id % 5 = {round}")
        for call, theirs in PAIRS.items():
            both.same(f"SELECT id, window_start AS s, window_end AS e FROM {call}", theirs)
        for number, call in enumerate(call for call in PAIRS if "tz" not in call):
            both.same(f"SELECT * FROM kept{number}", PAIRS[call])


@pytest.mark.oracle
@pytest.mark.skipif(not ORACLE, reason="the oracle, a real PostgreSQL, is not named by PGSTREAM_ORACLE")
def test_groups_of_windows_are_those_of_postgres(both: Both) -> None:
    rng = random.Random(8)
    both.run("CREATE TABLE ev (id int PRIMARY KEY, k int, ts timestamp)")
    kept = {
        "SELECT tumble(interval '1 hour') AS window, k, count(*) AS n, max(id) AS m FROM ev GROUP BY window, k": f"""
            SELECT ROW(s, e)::text AS window, k, count(*) AS n, max(id) AS m
            FROM ev JOIN ({fixed("1 hour", "1970-01-01")}) w USING (id) GROUP BY s, e, k""",
        "SELECT k, session(interval '30 minutes') AS window, count(*) AS n, sum(id) AS m FROM ev GROUP BY 1, 2": f"""
            SELECT k, ROW(s, e)::text AS window, count(*) AS n, sum(id) AS m
            FROM ev JOIN ({sessions("30 minutes", "k")}) w USING (id) GROUP BY k, s, e""",
        """SELECT window_end AS e, count(*) AS n, count(*) FILTER (WHERE id % 2 = 0) AS even, max(id % 10) AS m,
                  min(ts) AS t, bool_or(id % 3 = 0) AS b, sum(id::numeric) AS s, avg(id) AS v,
                  avg(id / 7.0) AS w
           FROM session(ev, ts, interval '30 minutes', k) GROUP BY window_end""": f"""
            SELECT e, count(*) AS n, count(*) FILTER (WHERE id % 2 = 0) AS even, max(id % 10) AS m,
                   min(ts) AS t, bool_or(id % 3 = 0) AS b, sum(id::numeric) AS s, avg(id) AS v,
                  avg(id / 7.0) AS w
            FROM ev JOIN ({sessions("30 minutes", "k")}) w USING (id) GROUP BY e""",
        """SELECT id % 2 AS odd, window_time AS e, sum(k) AS n
           FROM table(session(table ev, descriptor(ts), interval '10' minutes))
           GROUP BY window_time, id % 2 HAVING count(*) > 1""": f"""
            SELECT id % 2 AS odd, e - interval '1 millisecond' AS e, sum(k) AS n
            FROM ev JOIN ({sessions("10 minutes", "true")}) w USING (id) GROUP BY e, id % 2 HAVING count(*) > 1""",
        """SELECT window_start AS s, count(DISTINCT k) AS n, array_agg(id ORDER BY id) AS a
           FROM session(ev, ts, interval '10 minutes') GROUP BY 1""": f"""
            SELECT s, count(DISTINCT k) AS n, array_agg(id ORDER BY id) AS a
            FROM ev JOIN ({sessions("10 minutes", "true")}) w USING (id) GROUP BY s""",
        "SELECT count(*) AS n, sum(id) AS m FROM session(ev, ts, interval '10 minutes')": """
            SELECT count(*) AS n, sum(id) AS m FROM ev WHERE ts IS NOT NULL""",
        """SELECT k, (hop(interval '1 hour', interval '150 minutes')).start AS s, count(*) AS n FROM ev
           GROUP BY k, hop(interval '1 hour', interval '150 minutes')""": f"""
            SELECT k, s, count(*) AS n
            FROM ev JOIN ({hopping("1 hour", "150 minutes", DAY_BEFORE)}) w USING (id) GROUP BY k, s""",
    }
    for number, query in enumerate(kept):
        both.sql.run(f"CREATE MATERIALIZED VIEW kept{number} AS {query}")
    for round in range(4):
        rows = [f"({id}, {id % 3}, {moment(rng)})" for id in range(round * 60, round * 60 + 60)]
        both.run(f"INSERT INTO ev VALUES {', '.join(rows)}")
        both.run(f"DELETE FROM ev WHERE id % 4 = {round}")
        for number, (ours, theirs) in enumerate(kept.items()):
            both.same(ours, theirs)
            both.same(f"SELECT * FROM kept{number}", theirs)


FLINK = {
    "q5": """SELECT AuctionBids.auction, AuctionBids.num FROM (
               SELECT auction, count(*) AS num, window_start AS starttime, window_end AS endtime
               FROM TABLE(HOP(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
               GROUP BY auction, window_start, window_end
             ) AS AuctionBids JOIN (
               SELECT max(CountBids.num) AS maxn, CountBids.starttime, CountBids.endtime FROM (
                 SELECT count(*) AS num, window_start AS starttime, window_end AS endtime
                 FROM TABLE(HOP(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
                 GROUP BY auction, window_start, window_end
               ) AS CountBids GROUP BY CountBids.starttime, CountBids.endtime
             ) AS MaxBids ON AuctionBids.starttime = MaxBids.starttime AND AuctionBids.endtime = MaxBids.endtime
               AND AuctionBids.num >= MaxBids.maxn""",
    "q7": """SELECT B.auction, B.price, B.bidder, B.dateTime FROM bid B JOIN (
               SELECT MAX(price) AS maxprice, window_end AS dateTime
               FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '10' SECOND))
               GROUP BY window_start, window_end
             ) B1 ON B.price = B1.maxprice
             WHERE B.dateTime BETWEEN B1.dateTime - INTERVAL '10' SECOND AND B1.dateTime""",
    "q11": """SELECT B.bidder, count(*) AS bid_count, SESSION_START(B.dateTime, INTERVAL '10' SECOND) AS starttime,
                     SESSION_END(B.dateTime, INTERVAL '10' SECOND) AS endtime
              FROM bid B GROUP BY B.bidder, SESSION(B.dateTime, INTERVAL '10' SECOND)""",
}
"""Flink's Nexmark, as published; q11 in the grouping spelling that came before the functions over tables."""

RISINGWAVE_SESSIONS = """SELECT id, bidder, first_value(dateTime) OVER (
                           PARTITION BY bidder ORDER BY dateTime SESSION WITH GAP INTERVAL '5 seconds') AS s,
                         count(*) OVER (
                           PARTITION BY bidder ORDER BY dateTime SESSION WITH GAP INTERVAL '5' SECONDS) AS n FROM bid"""

ARROYO_TOP = """SELECT auction, num FROM (
                  SELECT auction, num, row_number() OVER (PARTITION BY window ORDER BY num DESC, auction) AS n FROM (
                    SELECT auction, count(*) AS num, hop(interval '2 seconds', interval '10 seconds') AS window
                    FROM bid GROUP BY auction, window) AS counts) AS ranked WHERE n <= 1"""

_HOPS = """SELECT auction, s, count(*) AS num FROM bid, generate_series(
             date_bin('2 seconds', dateTime, '1970-01-01') - interval '20 seconds', dateTime, '2 seconds') AS s
           WHERE dateTime < s + interval '10 seconds' GROUP BY auction, s"""

NEXMARK_BY_POSTGRES = {
    "q5": f"""SELECT auction, num FROM (SELECT *, max(num) OVER (PARTITION BY s) AS most FROM ({_HOPS}) x) y
              WHERE num = most""",
    "q7": """SELECT b.auction, b.price, b.bidder, b.dateTime FROM bid b JOIN (
               SELECT max(price) AS m, date_bin('10 s', dateTime, '1970-01-01') AS s FROM bid GROUP BY s) w
             ON b.price = w.m WHERE b.dateTime BETWEEN w.s AND w.s + interval '10 s'""",
    "q11": """SELECT bidder, count(*) AS bid_count, min(dateTime) AS starttime,
                     max(dateTime) + interval '10 s' AS endtime
              FROM (SELECT *, sum(opens) OVER (PARTITION BY bidder ORDER BY dateTime, id) AS session
                    FROM (SELECT *, CASE WHEN dateTime - lag(dateTime) OVER (PARTITION BY bidder ORDER BY dateTime, id)
                                              <= interval '10 s' THEN 0 ELSE 1 END AS opens FROM bid) x) y
              GROUP BY bidder, session""",
    "sessions": """
        SELECT id, bidder, min(dateTime) OVER w AS s, count(*) OVER w AS n
        FROM (SELECT *, sum(opens) OVER (PARTITION BY bidder ORDER BY dateTime, id) AS session
              FROM (SELECT *, CASE WHEN dateTime - lag(dateTime) OVER (PARTITION BY bidder ORDER BY dateTime, id)
                                        <= interval '5 s' THEN 0 ELSE 1 END AS opens FROM bid) x) y
        WINDOW w AS (PARTITION BY bidder, session)""",
    "top": f"""SELECT auction, num FROM (
                 SELECT *, row_number() OVER (PARTITION BY s ORDER BY num DESC, auction) AS n FROM ({_HOPS}) x) y
               WHERE n <= 1""",
}


@pytest.mark.oracle
@pytest.mark.skipif(not ORACLE, reason="the oracle, a real PostgreSQL, is not named by PGSTREAM_ORACLE")
def test_nexmark_in_the_spelling_of_others(both: Both) -> None:
    rng = random.Random(9)
    both.run("CREATE TABLE bid (id int, auction int, bidder int, price int, dateTime timestamp)")
    queries = {**FLINK, "top": ARROYO_TOP, "sessions": RISINGWAVE_SESSIONS}
    for name, query in queries.items():
        both.sql.run(f"CREATE MATERIALIZED VIEW {name} AS {query}")
    for round in range(3):
        start = datetime.fromisoformat("2024-01-01")
        rows = [
            f"({id}, {rng.randrange(6)}, {rng.randrange(8)}, {rng.randrange(50)},"
            f" '{start + timedelta(milliseconds=rng.randrange(120_000))}')"
            for id in range(round * 60, round * 60 + 60)
        ]
        both.run(f"INSERT INTO bid VALUES {', '.join(rows)}")
        both.run(f"DELETE FROM bid WHERE id % 9 = {round}")
        for name, query in queries.items():
            both.same(query, NEXMARK_BY_POSTGRES[name])
            both.same(f"SELECT * FROM {name}", NEXMARK_BY_POSTGRES[name])


def test_a_source_keeps_its_event_time_across_a_restart(opened: Opened, tmp_path: Path) -> None:
    path, out = tmp_path / "events.json", tmp_path / "out.json"
    lines = [
        f'{{"id": {i}, "seen": "2030-01-01 00:00:00", "happened": "2024-01-01 00:00:{i * 10:02}"}}' for i in range(6)
    ]
    path.write_text("\n".join([*lines, '{"id": 9, "seen": null, "happened": "2024-01-01 00:01:30"}\n']))
    options = f"connector = 'filesystem', path = '{path}', format = 'json'"
    sql = opened.open()
    sql.run(
        "CREATE SOURCE ev (id int, seen timestamp, happened timestamp,"
        f" WATERMARK FOR happened AS happened - INTERVAL '5' SECONDS) WITH ({options})"
    )
    query = "SELECT tumble('1 minute') AS window, count(*) AS n FROM ev GROUP BY 1"
    sql.run(f"CREATE MATERIALIZED VIEW kept AS {query}")
    sink = f"connector = 'filesystem', path = '{out}', format = 'json'"
    sql.run(f"CREATE SINK k AS SELECT window, n FROM kept WITH ({sink})")
    sql.drained()
    starts = [(str(start), n) for start, n in sql.rows("SELECT window.start, n FROM kept")]
    assert starts == [("2024-01-01 00:00:00", 6), ("2024-01-01 00:01:00", 1)]
    sql = opened.open()
    catalog = sql.workspace.snapshot().catalog
    source = next(each for each in catalog.objects.values() if isinstance(each, Source))
    assert source.watermark == Watermark(2, "happened - CAST('5 seconds' AS interval)")
    sql.view("kept", query)
    sql.run("CREATE MATERIALIZED VIEW later AS SELECT session('20 s') AS w, count(*) AS n FROM ev GROUP BY 1")
    sql.drained()
    assert sorted(n for (n,) in sql.rows("SELECT n FROM later")) == [1, 6]
    last = out.read_text().splitlines()[-1]
    assert '"window":{"start":"2024-01-01 00:0' in last
