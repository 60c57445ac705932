"""Watermarks of sources and tables, and windows that are given once, when they have closed."""

from pathlib import Path

import pytest

from pgstream.errors import SqlError
from tests.unit.engine.event_time import Timeline, at, timeline  # noqa: F401  (a fixture)

MINUTES = "SELECT window_start, k, count(*) AS n, sum(v) AS s FROM tumble({0}, ts, interval '1 minute') GROUP BY 1, 2"
CLOSING = "CREATE MATERIALIZED VIEW {0} AS {1} EMIT ON WINDOW CLOSE"


def us(seconds: float) -> int:
    return 1_767_225_600_000_000 + int(seconds * 1_000_000)


def test_a_source_is_as_far_as_the_file_that_is_furthest_behind(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/*.json")
    timeline.run(CLOSING.format("m", MINUTES.format("s")))
    timeline.write("in/a.json", (10, 1, 1), (130, 1, 2))
    timeline.write("in/b.json", (20, 1, 4))
    timeline.passes()
    facts = timeline.watermark("s")
    assert (facts.watermark_us, facts.state, facts.partitions, facts.idle) == (us(15), "moving", 2, ())
    assert Path(facts.held_by).name == "b.json"
    assert timeline.rows("SELECT * FROM m") == []
    timeline.write("in/b.json", (66, 1, 8))
    timeline.passes()
    assert timeline.watermark("s").watermark_us == us(61)
    assert timeline.rows("SELECT * FROM m") == [(at(0), 1, 2, 5)]


def test_a_file_that_gives_nothing_for_a_while_is_not_waited_for(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/*.json", options=", idle_timeout = '10 s'")
    timeline.run(CLOSING.format("m", MINUTES.format("s")))
    timeline.write("in/a.json", (10, 1, 1), (130, 1, 2))
    timeline.write("in/b.json", (20, 1, 4))
    timeline.passes()
    timeline.passes(8)
    assert timeline.watermark("s").watermark_us == us(15)
    timeline.write("in/a.json", (131, 1, 2))
    timeline.passes(5)
    facts = timeline.watermark("s")
    assert facts.watermark_us == us(126)
    assert [Path(name).name for name in facts.idle] == ["b.json"]
    assert timeline.rows("SELECT window_start, n FROM m") == [(at(0), 2)]
    timeline.write("in/b.json", (125, 1, 100))
    timeline.passes()
    assert timeline.watermark("s").watermark_us == us(126), "a watermark never goes back"
    assert timeline.rows("SELECT ts, v FROM s_late") == [(at(125), 100)]


def test_all_idle_a_watermark_stays(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/*.json")
    timeline.run(CLOSING.format("m", MINUTES.format("s")))
    timeline.write("in/a.json", (10, 1, 1), (130, 1, 2))
    timeline.passes(60)
    timeline.passes(60)
    facts = timeline.watermark("s")
    assert (facts.watermark_us, facts.state) == (us(125), "idle")


def test_a_row_from_the_future_moves_nothing(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/*.json", options=", max_ahead = '1 hour'")
    timeline.run(CLOSING.format("m", MINUTES.format("s")))
    timeline.write("in/a.json", (10, 1, 1), (100_000, 9, 9))
    timeline.passes()
    assert timeline.watermark("s").watermark_us == us(5)
    timeline.write("in/a.json", (70, 1, 2), (3600, 1, 3))
    timeline.passes()
    assert timeline.rows("SELECT window_start, k, n FROM m") == [(at(0), 1, 1), (at(60), 1, 1)]
    assert timeline.rows("SELECT * FROM s_late") == []


def test_late_rows_can_be_queried_and_no_view_has_them(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/a.json")
    timeline.run(CLOSING.format("m", MINUTES.format("s")))
    timeline.run(f"CREATE MATERIALIZED VIEW c AS {MINUTES.format('s')}")
    timeline.write("in/a.json", (10, 1, 1), (130, 1, 2))
    timeline.passes()
    timeline.write("in/a.json", (11, 1, 50), (131, 2, 3), (124, 1, 60), (126, 1, 4))
    timeline.passes()
    late = timeline.rows("SELECT ts, k, v, pgstream_watermark FROM s_late")
    assert late == [(at(11), 1, 50, at(125)), (at(124), 1, 60, at(125))]
    places = [row[0].rpartition(":")[2] for row in timeline.rows("SELECT pgstream_place FROM s_late")]
    assert len(set(places)) == 2
    continuous = timeline.rows("SELECT * FROM c")
    assert (
        continuous == timeline.rows(MINUTES.format("s")) == [(at(0), 1, 1, 1), (at(120), 1, 2, 6), (at(120), 2, 1, 3)]
    )
    timeline.run(f"CREATE MATERIALIZED VIEW c2 AS {MINUTES.format('s')}")
    assert timeline.rows("SELECT * FROM c2") == continuous
    timeline.run(CLOSING.format("m2", MINUTES.format("s")))
    assert timeline.rows("SELECT * FROM m2") == timeline.rows("SELECT * FROM m") == [(at(0), 1, 1, 1)]
    timeline.open(crash=True)
    assert timeline.rows("SELECT ts, k, v, pgstream_watermark FROM s_late") == late
    timeline.write("in/a.json", (186, 1, 1))
    timeline.passes()
    assert timeline.rows("SELECT * FROM m") == timeline.rows("SELECT * FROM c WHERE window_start < '2026-01-01 00:03'")
    with pytest.raises(SqlError, match='cannot change relation "s_late"'):
        timeline.run("DELETE FROM s_late")


def test_late_rows_are_replayed(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/a.json")
    timeline.run(CLOSING.format("m", MINUTES.format("s")))
    timeline.run(f"CREATE MATERIALIZED VIEW c AS {MINUTES.format('s')}")
    timeline.write("in/a.json", (10, 1, 1), (130, 1, 2))
    timeline.passes()
    timeline.write("in/a.json", (11, 1, 50), (12, 1, 60))
    timeline.passes()
    closed = timeline.rows("SELECT * FROM m")
    timeline.run("CALL pgstream.replay('s_late', where => v = 50)")
    assert timeline.rows("SELECT ts, v FROM s_late") == [(at(12), 60)]
    assert timeline.rows("SELECT * FROM c") == [(at(0), 1, 2, 51), (at(120), 1, 1, 2)]
    assert timeline.rows("SELECT * FROM c") == timeline.rows(MINUTES.format("s"))
    assert timeline.rows("SELECT * FROM m") == closed
    timeline.open(crash=True)
    timeline.run("CALL pgstream.replay('s_late')")
    assert timeline.rows("SELECT * FROM s_late") == []
    assert timeline.rows("SELECT * FROM c") == timeline.rows(MINUTES.format("s"))
    assert timeline.watermark("s").partitions == 1


def test_views_that_do_not_wait_take_late_rows(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/a.json")
    timeline.run(f"CREATE MATERIALIZED VIEW c AS {MINUTES.format('s')}")
    timeline.write("in/a.json", (10, 1, 1), (130, 1, 2))
    timeline.passes()
    timeline.write("in/a.json", (11, 1, 50))
    timeline.passes()
    assert timeline.rows("SELECT * FROM c") == [(at(0), 1, 2, 51), (at(120), 1, 1, 2)]
    assert timeline.rows("SELECT * FROM s_late") == []


def test_what_is_finite_is_flushed_at_its_end(timeline: Timeline) -> None:  # noqa: F811
    (timeline.directory / "in").mkdir()
    timeline.write("in/a.json", (10, 1, 1), (130, 1, 2))
    timeline.write("in/b.json", (20, 1, 4), (70, 1, 8))
    timeline.source("s", "in/*.json", follow=False)
    timeline.run(CLOSING.format("m", MINUTES.format("s")))
    timeline.passes()
    assert timeline.watermark("s").state == "ended"
    assert timeline.rows("SELECT * FROM m") == timeline.rows(MINUTES.format("s"))
    assert timeline.rows("SELECT * FROM s_late") == [], "the second file is waited for while the first is read"
    timeline.open(crash=True)
    timeline.passes()
    assert timeline.watermark("s").state == "ended"
    assert timeline.rows("SELECT * FROM m") == timeline.rows(MINUTES.format("s"))


def test_windows_of_two_sources_close_together(timeline: Timeline) -> None:  # noqa: F811
    for name in "ab":
        timeline.source(name, f"{name}/x.json", options=", idle_timeout = '10 s'")
    joined = """SELECT a.window_start, a.v, b.v AS w FROM tumble(a, ts, interval '1 minute') a
                JOIN tumble(b, ts, interval '1 minute') b ON a.window_start = b.window_start AND a.k = b.k"""
    timeline.run(CLOSING.format("m", joined))
    timeline.write("a/x.json", (10, 1, 1), (130, 1, 2))
    timeline.write("b/x.json", (20, 1, 4))
    timeline.passes()
    assert timeline.rows("SELECT * FROM m") == []
    timeline.write("b/x.json", (66, 1, 8))
    timeline.passes()
    assert timeline.rows("SELECT * FROM m") == [(at(0), 1, 4)]
    timeline.write("a/x.json", (190, 1, 3))
    timeline.passes(8)
    timeline.write("a/x.json", (191, 1, 3))
    timeline.passes(8)
    facts = timeline.watermark("b")
    assert facts.state == "idle"
    assert facts.watermark_us == us(61)
    timeline.write("b/x.json", (129, 1, 5))
    timeline.passes()
    assert timeline.rows("SELECT ts FROM b_late") == [(at(129),)], "what waited has closed without it"
    assert timeline.rows("SELECT * FROM m") == [(at(0), 1, 4)]


def test_a_table_with_a_watermark(timeline: Timeline) -> None:  # noqa: F811
    timeline.run("CREATE TABLE t (ts timestamp, k int, v int, WATERMARK FOR ts AS ts - interval '5 s')")
    timeline.run(CLOSING.format("m", MINUTES.format("t")))
    timeline.run("INSERT INTO t VALUES ('2026-01-01 00:00:10', 1, 1), ('2026-01-01 00:00:20', 1, 2)")
    timeline.run("DELETE FROM t WHERE v = 2")
    timeline.run("INSERT INTO t VALUES ('2026-01-01 00:01:06', 1, 4)")
    assert timeline.rows("SELECT * FROM m") == [(at(0), 1, 1, 1)]
    timeline.run("INSERT INTO t VALUES ('2026-01-01 00:00:11', 1, 1); DELETE FROM t WHERE v = 1")
    assert timeline.rows("SELECT * FROM m") == [(at(0), 1, 1, 1)]
    timeline.open(crash=True)
    timeline.run("INSERT INTO t VALUES ('2026-01-01 00:02:06', 1, 4)")
    assert timeline.rows("SELECT * FROM m") == [(at(0), 1, 1, 1), (at(60), 1, 1, 4)]


SHAPES = {
    "groups": MINUTES.format("s"),
    "arroyo": "SELECT tumble(interval '1 minute') AS w, k, max(v) AS m FROM s GROUP BY 1, 2",
    "distinct_values": "SELECT window_start, count(DISTINCT v) FROM tumble(s, ts, interval '1 minute') GROUP BY 1",
    "hops": """SELECT window_start, window_end, sum(v) FROM hop(s, ts, interval '30 s', interval '1 minute')
               GROUP BY 1, 2""",
    "steps": "SELECT window_end, sum(v) FROM cumulate(s, ts, interval '20 s', interval '1 minute') GROUP BY 1",
    "sessions": """SELECT window_start, window_end, k, sum(v)
                   FROM TABLE(SESSION(TABLE s PARTITION BY k, DESCRIPTOR(ts), interval '7 s')) GROUP BY 1, 2, 3""",
    "rows": "SELECT window_end, k, v FROM tumble(s, ts, interval '1 minute')",
    "distinct": "SELECT DISTINCT window_start, k FROM tumble(s, ts, interval '1 minute')",
    "ranked": """SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY window_start ORDER BY n DESC, k) AS r
                 FROM (SELECT window_start, k, count(*) AS n FROM tumble(s, ts, interval '1 minute') GROUP BY 1, 2) x) y
                 WHERE r <= 2""",
    "joined": """SELECT a.window_start, a.v, b.v AS w FROM tumble(s, ts, interval '1 minute') a
                 JOIN tumble(s, ts, interval '1 minute') b ON a.window_start = b.window_start AND a.v = b.v + 1""",
    "outer": """SELECT a.window_start, a.v, b.v AS w FROM tumble(s, ts, interval '1 minute') a
                LEFT JOIN tumble(s, ts, interval '1 minute') b ON a.window_start = b.window_start AND a.v = b.v + 40""",
    "again": """SELECT window_start, max(n) FROM (SELECT window_start, k, count(*) AS n
                FROM tumble(s, ts, interval '1 minute') GROUP BY 1, 2) x GROUP BY 1""",
    "both": """SELECT window_start, v FROM tumble(s, ts, interval '1 minute') WHERE k = 1
               UNION ALL SELECT window_start, v FROM tumble(s, ts, interval '1 minute') WHERE k = 2""",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_window_is_given_once_and_whole(timeline: Timeline, shape: str) -> None:  # noqa: F811
    timeline.source("s", "in/a.json", lag="0 s")
    timeline.run(CLOSING.format("m", SHAPES[shape]))
    seen: list[tuple[object, ...]] = []
    for second in range(0, 240, 8):
        timeline.write("in/a.json", *((second + i * 0.5, (second + i) % 3, second % 50 + i) for i in range(4)))
        timeline.passes()
        now = timeline.rows("SELECT * FROM m")
        assert all(row in now for row in seen), "what was given stays"
        seen = now
        if second == 120:
            timeline.open(crash=True)
    whole = timeline.rows(SHAPES[shape])
    assert 2 < len(seen) < len(whole)
    timeline.write("in/a.json", (900, 9, 9))
    timeline.passes()
    assert timeline.rows("SELECT * FROM m") == whole


REFUSED = (
    "SELECT k, count(*) FROM s GROUP BY k",
    "SELECT count(*) FROM s",
    "SELECT window_start, count(*) OVER (PARTITION BY k) FROM tumble(s, ts, interval '1 minute')",
    "SELECT s.v FROM s JOIN u ON s.k = u.k",
    "SELECT * FROM u",
    "SELECT window_start, sum(v) FROM tumble(u, ts, interval '1 minute') GROUP BY 1",
)


@pytest.mark.parametrize("query", REFUSED)
def test_a_query_without_windows_of_event_time_cannot_wait(timeline: Timeline, query: str) -> None:  # noqa: F811
    timeline.source("s", "in/a.json")
    timeline.run("CREATE TABLE u (ts timestamp, k int, v int)")
    with pytest.raises(SqlError) as caught:
        timeline.run(CLOSING.format("m", query))
    assert caught.value.sqlstate == "0A000"


def test_emit_is_told_where_it_means_nothing(timeline: Timeline) -> None:  # noqa: F811
    timeline.run("CREATE TABLE t (ts timestamp, WATERMARK FOR ts)")
    for text, sqlstate in (
        ("DELETE FROM t EMIT ON WINDOW CLOSE", "42601"),
        ("CREATE VIEW v AS SELECT * FROM t EMIT ON WINDOW CLOSE", "42601"),
        ("CREATE MATERIALIZED VIEW v AS SELECT count(*) FROM t EMIT EVERY INTERVAL '5 s'", "0A000"),
    ):
        with pytest.raises(SqlError) as caught:
            timeline.run(text)
        assert caught.value.sqlstate == sqlstate, text
        assert caught.value.position == text.index("EMIT")


def test_state_is_that_of_the_open_windows(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/a.json", lag="0 s")
    timeline.run(CLOSING.format("m", SHAPES["groups"]))
    timeline.run(CLOSING.format("n", SHAPES["sessions"]))
    for second in range(0, 3600, 10):
        timeline.write("in/a.json", (second, second % 7, 1))
        timeline.passes(turns=1)
    database = timeline.engine._databases["postgres"]  # type: ignore[union-attr]
    waiting = [node for node in database.circuit.nodes() if node.operator.awaits is not None]
    kept = [database.head.state[id].total() for node in waiting for id in node.arrangement_ids]
    assert len(kept) == 4
    assert max(kept) <= 7


def test_a_row_in_time_joins_the_session_that_it_touches(timeline: Timeline) -> None:  # noqa: F811
    """One exactly a gap after the last: the watermark has come to the session's end, but not past it."""
    sessions = (
        "SELECT k, window_start AS s, sum(v) AS v FROM session(t, ts, interval '30 s', k) GROUP BY k, window_start"
    )
    timeline.run("CREATE TABLE t (k int, ts timestamp, v int, WATERMARK FOR ts AS ts)")
    timeline.run(CLOSING.format("c", sessions))
    for k, second, v in ((1, 0, 2), (2, 30, 4), (1, 30, 8), (2, 61, 16)):
        timeline.run(f"INSERT INTO t VALUES ({k}, timestamp '{at(second)}', {v})")
    assert timeline.rows("SELECT * FROM c") == [(1, at(0), 10), (2, at(30), 4)]
    timeline.run(f"INSERT INTO t VALUES (2, timestamp '{at(200)}', 1)")
    assert timeline.rows("SELECT * FROM c") == [row for row in timeline.rows(sessions) if row[1] < at(200)]


def test_a_table_is_the_one_partition_that_it_has(timeline: Timeline) -> None:  # noqa: F811
    timeline.run("CREATE TABLE t (ts timestamp, WATERMARK FOR ts AS ts)")
    assert (timeline.watermark("t").held_by, timeline.watermark("t").idle) == ("t", ())
    timeline.run(f"INSERT INTO t VALUES (timestamp '{at(5)}')")
    assert (timeline.watermark("t").held_by, timeline.watermark("t").idle) == ("t", ())
    timeline.passes(60)
    facts = timeline.watermark("t")
    assert (facts.state, facts.held_by, facts.idle) == ("idle", None, ("t",))
