"""Standing: a view that fails on what time brings stands still, and nothing else does."""

import pytest

from tests.unit.engine.event_time import Timeline, at, timeline  # noqa: F401  (a fixture)

CLOSING = "CREATE MATERIALIZED VIEW {0} AS {1} EMIT ON WINDOW CLOSE"
TOTALS = "SELECT window_start, {1} AS x FROM tumble({0}, ts, interval '1 minute') GROUP BY 1"


def fails(timeline: Timeline) -> list[str]:  # noqa: F811
    assert timeline.engine is not None
    return sorted(
        timeline.engine._databases["postgres"].head.catalog.objects[oid].name for oid in timeline.sql.database.stalled()
    )


@pytest.mark.parametrize("crash", [False, True])
def test_others_go_on(timeline: Timeline, crash: bool) -> None:  # noqa: F811
    for name in "su":
        timeline.source(name, f"{name}/*.json")
    timeline.run(CLOSING.format("bad", TOTALS.format("s", "10 / sum(v)")))
    timeline.run(CLOSING.format("good", TOTALS.format("u", "sum(v)")))
    timeline.run(CLOSING.format("other", TOTALS.format("s", "10 / count(*)")))
    timeline.run("CREATE MATERIALIZED VIEW recent AS SELECT v FROM u WHERE ts > now() - interval '1 min'")
    for name in "su":
        timeline.write(f"{name}/a.json", (10, 1, 5), (11, 1, -5), (62, 1, 2), (70, 1, 3))
    timeline.passes(20)
    assert timeline.rows("SELECT * FROM good") == [(at(0), 0)]
    assert timeline.rows("SELECT * FROM other") == [(at(0), 5)]
    assert timeline.rows("SELECT * FROM bad") == []
    assert fails(timeline) == ["bad"]
    if crash:
        timeline.open(crash=True)
    for name in "su":
        timeline.write(f"{name}/a.json", (130, 1, 3))
    timeline.passes(2)
    assert timeline.rows("SELECT * FROM good") == [(at(0), 0), (at(60), 5)]
    assert timeline.rows("SELECT * FROM s_errors") == [], "no row is to blame"
    assert timeline.rows("SELECT * FROM bad") == []
    assert fails(timeline) == ["bad"]
    timeline.passes(200)
    assert timeline.rows("SELECT * FROM recent") == []
    timeline.run("DROP MATERIALIZED VIEW bad")
    timeline.passes(2)
    assert fails(timeline) == []


@pytest.mark.parametrize("crash", [False, True])
def test_a_view_goes_on_when_the_row_is_gone(timeline: Timeline, crash: bool) -> None:  # noqa: F811
    timeline.run("CREATE TABLE t (id int PRIMARY KEY, ts timestamp, v int)")
    timeline.run("CREATE MATERIALIZED VIEW bad AS SELECT id, 10 / v AS x FROM t WHERE ts <= now()")
    timeline.run("CREATE MATERIALIZED VIEW good AS SELECT id, ts, v FROM t WHERE ts <= now()")
    timeline.run(f"INSERT INTO t VALUES (1, '{at(10)}', 0), (2, '{at(12)}', 5)")
    timeline.passes(15)
    assert timeline.rows("SELECT id, v FROM good") == [(1, 0), (2, 5)]
    timeline.run("INSERT INTO t VALUES (3, '2025-01-01', 2)")
    if crash:
        timeline.open(crash=True)
    assert timeline.rows("SELECT id, v FROM good") == [(1, 0), (2, 5), (3, 2)]
    timeline.passes(1)
    assert fails(timeline) == ["bad"]
    timeline.run("UPDATE t SET v = 1 WHERE id = 1")
    timeline.passes(2)
    assert fails(timeline) == []
    assert timeline.rows("SELECT * FROM bad") == [(1, 10), (2, 2), (3, 5)]


def test_it_is_told_once(timeline: Timeline) -> None:  # noqa: F811
    timeline.run("CREATE TABLE t (id int PRIMARY KEY, ts timestamp, v int)")
    timeline.run("CREATE MATERIALIZED VIEW bad AS SELECT id, 10 / v AS x FROM t WHERE ts <= now()")
    assert timeline.engine is not None
    told: list[tuple[str, str]] = []
    timeline.engine._databases["postgres"].times.standing.stalled = lambda view, error: told.append(
        (view, error.sqlstate)
    )
    timeline.run(f"INSERT INTO t VALUES (1, '{at(10)}', 0)")
    for _ in range(10):
        timeline.passes(5)
    assert told == [("bad", "22012")]
