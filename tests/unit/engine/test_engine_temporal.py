"""Conditions on the clock: rows that appear and expire by themselves, in simulated time."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from pgstream.errors import SqlError
from tests.unit.engine.event_time import START, Timeline, at, timeline  # noqa: F401  (a fixture)

VIEW = "CREATE MATERIALIZED VIEW {0} AS {1}"
TABLE = "CREATE TABLE t (id int PRIMARY KEY, ts timestamptz, till timestamptz)"


def moment(seconds: float) -> str:
    return f"'{(START + timedelta(seconds=seconds)).isoformat()}'"


def test_rows_expire_with_no_input(timeline: Timeline) -> None:  # noqa: F811
    timeline.run(TABLE)
    timeline.run(VIEW.format("v", "SELECT id FROM t WHERE ts > now() - interval '5 minutes'"))
    timeline.run(VIEW.format("n", "SELECT count(*) AS n FROM t WHERE ts > now() - interval '5 minutes'"))
    timeline.run(f"INSERT INTO t VALUES (1, {moment(0)}), (2, {moment(60)}), (3, {moment(-400)}), (4, NULL)")
    assert timeline.rows("SELECT * FROM v") == [(1,), (2,)]
    timeline.passes(300)
    assert timeline.rows("SELECT * FROM v") == [(2,)]
    assert timeline.rows("SELECT n FROM n") == [(1,)]
    timeline.run("DELETE FROM t WHERE id IN (1, 3)")
    assert timeline.rows("SELECT * FROM v") == [(2,)]
    timeline.passes(60)
    assert timeline.rows("SELECT * FROM v") == []
    assert timeline.rows("SELECT n FROM n") == [(0,)]


def test_rows_appear_with_no_input(timeline: Timeline) -> None:  # noqa: F811
    timeline.run(TABLE)
    timeline.run(VIEW.format("v", "SELECT id FROM t WHERE mz_now() >= ts AND mz_now() < till"))
    timeline.run(f"INSERT INTO t VALUES (1, {moment(10)}, {moment(20)}), (2, {moment(12)}, NULL)")
    timeline.run(f"INSERT INTO t VALUES (3, {moment(10)}, {moment(10)}), (4, '-infinity', 'infinity')")
    assert timeline.rows("SELECT * FROM v") == [(4,)]
    timeline.passes(10)
    assert timeline.rows("SELECT * FROM v") == [(1,), (4,)]
    timeline.run("UPDATE t SET till = 'infinity' WHERE id = 1")
    timeline.passes(10)
    assert timeline.rows("SELECT * FROM v") == [(1,), (4,)]
    timeline.run("DELETE FROM t")
    assert timeline.rows("SELECT * FROM v") == []


def test_what_waits_for_the_clock_outlives_a_crash(timeline: Timeline) -> None:  # noqa: F811
    timeline.run(TABLE)
    timeline.run(VIEW.format("v", "SELECT id FROM t WHERE now() BETWEEN ts AND till"))
    timeline.run(f"INSERT INTO t VALUES (1, {moment(0)}, {moment(20)}), (2, {moment(10)}, {moment(30)})")
    timeline.open(crash=True)
    assert timeline.rows("SELECT * FROM v") == [(1,)]
    timeline.passes(12)
    timeline.open(crash=True)
    assert timeline.rows("SELECT * FROM v") == [(1,), (2,)]
    timeline.world.sleep(60)
    timeline.open(crash=True)
    timeline.passes()
    assert timeline.rows("SELECT * FROM v") == []
    assert timeline.rows("SELECT count(*) FROM t") == [(2,)]


def test_the_engine_sleeps_until_something_is_due(timeline: Timeline) -> None:  # noqa: F811
    timeline.run(TABLE)
    timeline.run(VIEW.format("v", "SELECT id FROM t WHERE ts > now() - interval '1 minute'"))
    timeline.run(f"INSERT INTO t VALUES (1, {moment(-59.6)})")
    assert timeline.engine is not None
    assert 0.01 <= timeline.engine.work() < 0.4
    timeline.passes(1)
    assert timeline.engine.work() == 1.0
    ticks = timeline.sql.workspace.snapshot().tick
    timeline.passes(3600)
    assert timeline.sql.workspace.snapshot().tick == ticks, "no tick where nothing is due"


def test_a_view_that_fails_when_a_row_appears_holds_up_nobody(timeline: Timeline) -> None:  # noqa: F811
    timeline.run(TABLE)
    timeline.run(VIEW.format("v", "SELECT 1 / (id - 7) AS x FROM t WHERE ts <= now()"))
    timeline.run(VIEW.format("c", "SELECT count(*) AS n FROM t"))
    timeline.run(f"INSERT INTO t VALUES (7, {moment(5)}), (8, {moment(6)})")
    timeline.passes(10)
    timeline.run(f"INSERT INTO t VALUES (9, {moment(0)})")
    assert timeline.rows("SELECT n FROM c") == [(3,)]
    timeline.run("DELETE FROM t WHERE id = 7")
    timeline.passes()
    assert timeline.rows("SELECT x FROM v") == [(0,), (1,)]


QUERIES = (
    "SELECT id FROM t WHERE ts > now() - interval '90 s'",
    "SELECT id FROM t WHERE ts + interval '1 minute' >= now() AND id % 2 = 0",
    "SELECT id FROM t WHERE now() - interval '30 s' < ts AND ts <= now()",
    "SELECT till::date AS d, count(*) AS n FROM t WHERE now() < till GROUP BY 1",
    "SELECT a.id, b.id AS other FROM t a JOIN t b ON a.id = b.id + 1 AND a.ts <= now() AND b.till > now()",
    "SELECT id FROM t WHERE ts::timestamp > now()::timestamp - interval '1 minute'",
    """SELECT id FROM t WHERE ts <= current_timestamp
       AND NOT EXISTS (SELECT 1 FROM t u WHERE u.id = t.id + 1 AND u.ts > now())""",
    "SELECT max(id) AS m FROM t WHERE ts BETWEEN now() - interval '1 minute' AND now()",
)  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
def test_a_view_equals_its_query_at_every_time(timeline: Timeline, query: str) -> None:  # noqa: F811
    chance = random.Random(query)
    timeline.run(TABLE)
    timeline.run(VIEW.format("v", query))
    for step in range(60):
        now, id = step * 5, chance.randrange(20)
        ts, till = (moment(now + chance.randrange(-100, 100)) for _ in range(2))
        timeline.run(f"DELETE FROM t WHERE id = {id}")
        if chance.random() < 0.7:
            timeline.run(f"INSERT INTO t VALUES ({id}, {ts}, {till})")
        timeline.passes(chance.choice([0, 3, 9]), turns=1)
        if chance.random() < 0.1:
            timeline.open(crash=True)
            timeline.passes(turns=1)
        assert timeline.rows("SELECT * FROM v") == timeline.rows(query), step
    timeline.run("DROP MATERIALIZED VIEW v")
    timeline.run(VIEW.format("v", query))
    assert timeline.rows("SELECT * FROM v") == timeline.rows(query)
    timeline.passes(1000)
    assert timeline.rows("SELECT * FROM v") == timeline.rows(query)


@pytest.mark.parametrize(
    "condition",
    [
        "ts > now() - interval '1 month'",
        "ts <= now() - interval '1 month 2 days 3 hours'",
        "ts >= now() + interval '1 year 1 month' AND ts < now() + interval '400 days'",
        "ts < now() - interval '1 day' + interval '1 month'",
        "ts::date = now() - interval '1 month'",
    ],
)
@pytest.mark.parametrize("crash", [False, True])
def test_months_are_those_of_the_calendar(timeline: Timeline, condition: str, crash: bool) -> None:  # noqa: F811
    """A row of the end of February may go at one hour of the 28th of March, and be back at midnight, three times."""
    timeline.run(TABLE)
    query = f"SELECT id FROM t WHERE {condition}"
    timeline.run(VIEW.format("v", query))
    chance = random.Random(3)
    moments = [
        datetime(2026 + year, month, day, tzinfo=UTC) + timedelta(seconds=chance.randrange(86400))
        for month, day in ((1, 28), (1, 30), (1, 31), (2, 1), (2, 27), (2, 28), (2, 28), (3, 1), (3, 30), (3, 31))
        for year in (0, 1)
    ]
    values = ", ".join(f"({id}, '{moment}')" for id, moment in enumerate(moments))
    timeline.run(f"INSERT INTO t VALUES {values}, (100, NULL), (101, 'infinity'), (102, '-infinity')")
    timeline.passes(86400 * 25)
    for step in range(140):
        timeline.passes(chance.choice([3600, 6 * 3600, 86400]) * chance.random())
        assert timeline.rows("SELECT * FROM v") == timeline.rows(query), step
        if step % 20 == 0:
            timeline.open(crash=crash)
        if step % 10 == 0:
            timeline.run(f"UPDATE t SET ts = ts WHERE id = {step % len(moments)}; DELETE FROM t WHERE id = {step}")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT now()",
        "SELECT id, now() - ts AS age FROM t",
        "SELECT id FROM t WHERE ts > now() - interval '1 month' - interval '1 month'",
        "SELECT id FROM t WHERE ts > now() OR id = 1",
        "SELECT id FROM t WHERE now() - ts < interval '5 minutes'",
        "SELECT a.id FROM t a LEFT JOIN t b ON a.id = b.id AND a.ts > now()",
    ],
)
def test_the_clock_is_refused_elsewhere(timeline: Timeline, query: str) -> None:  # noqa: F811
    timeline.run(TABLE)
    with pytest.raises(SqlError) as caught:
        timeline.run(VIEW.format("v", query))
    assert caught.value.sqlstate == "0A000"
    assert caught.value.message == "function now is not allowed in materialized views: its value changes by itself"


def test_a_source_that_is_filtered_by_the_clock(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/a.json")
    timeline.run(VIEW.format("v", "SELECT k, count(*) AS n FROM s WHERE ts > now() - interval '10 s' GROUP BY k"))
    timeline.write("in/a.json", (0, 1, 1), (1, 1, 1), (5, 2, 1))
    timeline.passes()
    assert timeline.rows("SELECT * FROM v") == [(1, 2), (2, 1)]
    timeline.passes(11)
    assert timeline.rows("SELECT * FROM v") == [(2, 1)]
    assert timeline.rows("SELECT ts FROM s") == [(at(0),), (at(1),), (at(5),)]
