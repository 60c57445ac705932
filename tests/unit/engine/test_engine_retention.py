"""Retentions: a view is its query over what it has not forgotten, and its state does not grow."""

import random

import pytest

from pgstream.errors import SqlError
from tests.unit.engine.event_time import Timeline, at, timeline  # noqa: F401  (a fixture)

VIEW = "CREATE MATERIALIZED VIEW {0} WITH ({2}) AS {1}"
QUERIES = {
    "rows": "SELECT ts, k, v FROM s",
    "groups": "SELECT k, count(*) AS n, sum(v) AS total, max(v) AS most FROM s GROUP BY k",
    "values_of": "SELECT k, count(DISTINCT v) AS n FROM s GROUP BY k",
    "different": "SELECT DISTINCT k, v FROM s",
    "joined": "SELECT a.k, a.v, b.v AS other FROM s a JOIN s b ON a.k = b.k AND a.v < b.v",
    "looked_up": "SELECT s.k, d.name, count(*) AS n FROM s JOIN d ON d.k = s.k GROUP BY 1, 2",
    "most": "SELECT * FROM (SELECT k, v, row_number() OVER (PARTITION BY k ORDER BY v, ts) AS place FROM s) q"
    " WHERE place <= 2",
    "both": "SELECT k FROM s UNION SELECT v FROM s",
    "total": "SELECT count(*) AS n, sum(v) AS total FROM s",
}
WINDOWED = {
    "minutes": "SELECT window_start, window_end, k, count(*) AS n FROM tumble(s, ts, interval '10 s') GROUP BY 1, 2, 3",
    "sessions": "SELECT window_start, window_end, k, sum(v) AS total"
    " FROM TABLE(SESSION(TABLE s PARTITION BY k, DESCRIPTOR(ts), interval '4 s')) GROUP BY 1, 2, 3",
    "rows_of_windows": "SELECT window_start, window_end, ts, v FROM tumble(s, ts, interval '10 s')",
}


def now_s(timeline: Timeline) -> float:  # noqa: F811
    return timeline.world.now_us() / 1e6 - 1_767_225_600


def watermark_s(timeline: Timeline) -> float:  # noqa: F811
    return (timeline.watermark("s").watermark_us or 0) / 1e6 - 1_767_225_600


def state_rows(timeline: Timeline) -> int:  # noqa: F811
    assert timeline.engine is not None
    head = timeline.engine._databases["postgres"].head
    skipped = {
        id
        for oid, node in head.roots.stored.items()
        if head.catalog.objects[oid].name in ("s_late", "s_errors", "d")
        for id in node.arrangement_ids
    }
    return sum(len(spine.contents()) for id, spine in head.state.items() if id not in skipped)


@pytest.mark.parametrize("seed", range(3))
def test_a_view_is_its_query_over_what_is_young(timeline: Timeline, seed: int) -> None:  # noqa: F811
    chance = random.Random(seed)
    timeline.source("s", "in/*.json")
    timeline.run("CREATE TABLE d (k int, name text); INSERT INTO d VALUES (0, 'zero'), (1, 'one')")
    for name, query in {**QUERIES, **WINDOWED}.items():
        timeline.run(VIEW.format(f"r_{name}", query, "retention = '20 s'"))
    for step in range(12):
        for _ in range(chance.randrange(1, 8)):
            age = chance.choice([0, 1, 3, 8, 20, 40])
            key = chance.randrange(3) if age < 40 else 9
            timeline.write("in/a.json", (int(now_s(timeline)) - age, key, chance.randrange(9)))
        timeline.passes(chance.choice([0.2, 3, 9]))
        if step % 4 == 3:
            timeline.open(crash=chance.random() < 0.5)
        oldest = at(watermark_s(timeline) - 20)
        young = f"WITH s AS (SELECT * FROM public.s WHERE ts > timestamp '{oldest}')"
        for name, query in QUERIES.items():
            assert timeline.rows(f"SELECT * FROM r_{name}") == timeline.rows(f"{young} {query}"), name
        for name, query in WINDOWED.items():
            slack = name == "sessions"
            wanted = [row for row in timeline.rows(query) if row[1] > oldest or (slack and row[1] == oldest)]
            shown = timeline.rows(f"SELECT * FROM r_{name}")
            if slack:  # a row that is too old when it comes joins no session
                shown, wanted = ([row for row in rows if row[2] != 9] for rows in (shown, wanted))
            assert shown == wanted, name
    assert timeline.rows("SELECT * FROM s_late") == [], "nobody waits for windows to close"


def test_a_view_made_later_is_the_same(timeline: Timeline) -> None:  # noqa: F811
    (timeline.directory / "in").mkdir()
    timeline.write("in/a.json", *((second, second % 3, 1) for second in range(100)))
    timeline.source("s", "in/a.json", follow=False)
    timeline.run(VIEW.format("first", QUERIES["groups"], "retention = '20 s'"))
    timeline.passes(1)
    timeline.run(VIEW.format("later", QUERIES["groups"], "retention = '20 s'"))
    timeline.passes(1)
    assert timeline.watermark("s").state == "ended"
    rows = timeline.rows("SELECT k, n FROM first")
    assert sum(row[1] for row in rows) == 25, "20 seconds before the watermark, and the 5 that it lags"
    assert timeline.rows("SELECT k, n FROM later") == rows


def test_closed_windows_are_forgotten_too(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/*.json", lag="0 s")
    for name, clause in (("closed", "EMIT ON WINDOW CLOSE"), ("early", "EMIT EVERY '1 s'")):
        query = f"{WINDOWED['minutes']} {clause}"
        timeline.run(VIEW.format(name, query, "retention = '30 s'"))
    for second in range(0, 100, 5):
        timeline.write("in/a.json", (second, 1, 1))
        timeline.passes(1)
    timeline.passes(2)
    assert [row[0] for row in timeline.rows("SELECT * FROM closed")] == [at(60), at(70), at(80)]
    rows = timeline.rows("SELECT window_start, n, window_final FROM early")
    assert rows == [(at(60), 2, True), (at(70), 2, True), (at(80), 2, True), (at(90), 2, False)]


@pytest.mark.parametrize("option", ["retention = '20 s'", "state_ttl = '20 s'"])
def test_state_is_flat(timeline: Timeline, option: str) -> None:  # noqa: F811
    timeline.source("s", "in/*.json")
    timeline.run("CREATE TABLE d (k int, name text); INSERT INTO d VALUES (0, 'zero'), (1, 'one')")
    for name, query in {**QUERIES, **WINDOWED}.items():
        if not (option.startswith("state") and name in ("sessions",)):
            timeline.run(VIEW.format(f"r_{name}", query, option))
    sizes = []
    for _ in range(3):
        for _ in range(15):
            now = int(now_s(timeline))
            timeline.write("in/a.json", *((now - i % 4, now // 10 * 3 + i % 3, i % 7) for i in range(20)))
            timeline.passes(4)
        sizes.append(state_rows(timeline))
    assert sizes[2] <= 1.3 * sizes[0], sizes


def test_what_is_not_touched_is_forgotten(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/*.json")
    timeline.run(VIEW.format("g", QUERIES["groups"], "state_ttl = '20 s'"))
    timeline.run(VIEW.format("r", "SELECT k, v FROM s", "state_ttl = '20 s'"))
    timeline.write("in/a.json", (0, 1, 1), (0, 2, 5))
    timeline.passes()
    timeline.passes(10)
    timeline.write("in/a.json", (0, 1, 0))
    timeline.passes()
    timeline.passes(12)
    assert timeline.rows("SELECT k, n, total FROM g") == [(1, 2, 1)], "a group lives while it is touched"
    assert timeline.rows("SELECT * FROM r") == [(1, 0)]
    timeline.write("in/a.json", (0, 2, 7))
    timeline.passes(0.1)
    assert timeline.rows("SELECT k, n, total FROM g") == [(1, 2, 1), (2, 1, 7)], "and begins anew"
    timeline.open(crash=True)
    timeline.passes(12)
    assert timeline.rows("SELECT k, n, total FROM g") == [(2, 1, 7)]
    timeline.passes(12)
    assert timeline.rows("SELECT * FROM g") == timeline.rows("SELECT * FROM r") == []


def test_what_goes_after_it_was_forgotten(timeline: Timeline) -> None:  # noqa: F811
    timeline.run("CREATE TABLE t (id int PRIMARY KEY, k int, v int)")
    timeline.run(VIEW.format("g", "SELECT k, count(*) AS n, sum(v) AS total FROM t GROUP BY k", "state_ttl = '20 s'"))
    timeline.run("INSERT INTO t VALUES (1, 1, 1), (2, 1, 2), (3, 2, 3)")
    timeline.passes(30)
    assert timeline.rows("SELECT * FROM g") == []
    timeline.run("DELETE FROM t WHERE id = 1")
    timeline.run("INSERT INTO t VALUES (4, 1, 10)")
    timeline.run("UPDATE t SET v = 20 WHERE id = 2")
    timeline.passes(1)
    assert timeline.rows("SELECT * FROM g") == [(1, 2, 30)]
    timeline.open(crash=True)
    timeline.run("DELETE FROM t")
    assert timeline.rows("SELECT * FROM g") == []


@pytest.mark.parametrize(
    ("options", "sqlstate", "place"),
    [
        ("retention = 'long'", "22007", 0),
        ("retention = '1 month'", "0A000", 0),
        ("state_ttl = '-1 s'", "22023", 0),
        ("state_ttl = '1 s', updating_ttl = '2 s'", "22023", 19),
    ],
)
def test_options_that_are_wrong(timeline: Timeline, options: str, sqlstate: str, place: int) -> None:  # noqa: F811
    timeline.source("s", "in/*.json")
    text = VIEW.format("m", "SELECT * FROM s", options)
    with pytest.raises(SqlError) as caught:
        timeline.run(text)
    assert (caught.value.sqlstate, caught.value.position) == (sqlstate, text.index(options) + place)


def test_a_retention_needs_event_times(timeline: Timeline) -> None:  # noqa: F811
    timeline.run("CREATE TABLE t (ts timestamp)")
    with pytest.raises(SqlError, match="a retention needs") as caught:
        timeline.run(VIEW.format("m", "SELECT * FROM t", "retention = '1 day'"))
    assert caught.value.sqlstate == "55000"


def test_what_bounds_the_state_is_told(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/*.json")
    for option, wanted in (
        ("retention = '1 day'", "the retention of 24:00:00"),
        ("state_ttl = '1 hour'", "what was touched within 01:00:00"),
    ):
        outcome = timeline.run("EXPLAIN (STATE) " + VIEW.format("m", QUERIES["groups"], option))
        lines = outcome.rows[0].to_pylist()
        assert any(wanted in line for line in lines)
        assert all("grows" not in line for line in lines)


@pytest.mark.parametrize("crash", [False, True])
def test_a_retention_is_altered(timeline: Timeline, crash: bool) -> None:  # noqa: F811
    timeline.source("s", "in/*.json")
    timeline.run(VIEW.format("m", "SELECT ts, k FROM s", "retention = '20 s'"))
    timeline.run("CREATE INDEX ON m (k)")
    timeline.write("in/a.json", *((second, second % 3, 1) for second in range(100)))
    timeline.passes(1)
    lengths = {"SET (retention = '40 s')": 45, "RESET (retention)": 100, "SET (retention = '1 s')": 6}
    for command, count in lengths.items():
        timeline.run(f"ALTER MATERIALIZED VIEW m {command}")
        timeline.open(crash=crash)
        assert len(timeline.rows("SELECT * FROM m")) == count, command
        assert timeline.rows("SELECT count(*) FROM m WHERE k = 1") == timeline.rows(
            "SELECT count(*) FROM m WHERE k + 0 = 1"
        )
    timeline.run("CREATE MATERIALIZED VIEW reader AS SELECT * FROM m")
    for text, sqlstate in (
        ("ALTER MATERIALIZED VIEW m RESET (retention)", "2BP01"),
        ("ALTER MATERIALIZED VIEW m SET (fillfactor = 70)", "22023"),
        ("ALTER MATERIALIZED VIEW m SET (retention = 'x')", "22007"),
    ):
        with pytest.raises(SqlError) as caught:
            timeline.run(text)
        assert caught.value.sqlstate == sqlstate, text
