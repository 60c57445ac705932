"""EMIT: what open windows hold so far, at most so often; closed windows in a SELECT and in a subscription."""

import random

import pytest

from pgstream.errors import SqlError
from pgstream.sql.parse import parse
from tests.unit.engine.event_time import Timeline, at, timeline  # noqa: F401  (a fixture)

MINUTES = "SELECT window_start, k, count(*) AS n, sum(v) AS s FROM tumble({0}, ts, interval '1 minute') GROUP BY 1, 2"
EVERY = "CREATE MATERIALIZED VIEW {0} AS {1} EMIT EVERY INTERVAL '5' SECOND"

QUERIES = {
    "groups": "SELECT window_start, window_end, k, count(*) AS n, sum(v) AS total"
    " FROM tumble(s, ts, interval '20 s') GROUP BY 1, 2, 3",
    "some_groups": "SELECT window_start, window_end, count(*) AS n FROM tumble(s, ts, interval '20 s')"
    " GROUP BY 1, 2 HAVING count(*) > 2",
    "values_of_groups": "SELECT window_start, window_end, count(DISTINCT v) AS n,"
    " array_agg(v ORDER BY v)::text AS every FROM hop(s, ts, interval '10 s', interval '20 s') GROUP BY 1, 2",
    "sessions": "SELECT window_start, window_end, k, max(v) AS most"
    " FROM TABLE(SESSION(TABLE s PARTITION BY k, DESCRIPTOR(ts), interval '7 s')) GROUP BY 1, 2, 3",
    "best": "SELECT window_start, window_end, k, n FROM (SELECT *, row_number() OVER (PARTITION BY window_start,"
    " window_end ORDER BY n DESC, k) AS place FROM (SELECT window_start, window_end, k, count(*) AS n"
    " FROM tumble(s, ts, interval '20 s') GROUP BY 1, 2, 3) AS counted) AS placed WHERE place = 1",
    "joined": "SELECT a.window_start, a.window_end, a.k, a.v, b.v AS other FROM tumble(s, ts, interval '20 s') a"
    " JOIN tumble(s, ts, interval '20 s') b ON a.window_start = b.window_start AND a.window_end = b.window_end"
    " AND a.k = b.k AND a.v < b.v",
    "rows_of_windows": "SELECT window_start, window_end, k, v FROM tumble(s, ts, interval '20 s') WHERE v > 3",
}


def test_results_of_open_windows_come_at_most_so_often(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/*.json")
    timeline.run(EVERY.format("m", MINUTES.format("s")))
    timeline.write("in/a.json", (10, 1, 1), (20, 1, 2))
    timeline.passes()
    assert timeline.rows("SELECT * FROM m") == []
    timeline.passes(5)
    assert timeline.rows("SELECT * FROM m") == [(at(0), 1, 2, 3, False)], "with no further input arriving"
    timeline.write("in/a.json", (30, 1, 1), (40, 2, 2))
    timeline.passes(1)
    assert timeline.rows("SELECT * FROM m") == [(at(0), 1, 2, 3, False)]
    timeline.passes(5)
    assert timeline.rows("SELECT * FROM m") == [(at(0), 1, 3, 4, False), (at(0), 2, 1, 2, False)]


def test_a_window_that_closes_is_final_at_once(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/*.json")
    timeline.run(EVERY.format("m", MINUTES.format("s")))
    timeline.write("in/a.json", (10, 1, 1), (20, 1, 2), (62, 1, 9))
    timeline.passes()
    timeline.passes(5)
    timeline.write("in/a.json", (58, 2, 2), (70, 1, 5))
    timeline.passes(0.1)
    closed = [(at(0), 1, 2, 3, True), (at(0), 2, 1, 2, True)]
    assert timeline.rows("SELECT * FROM m") == [*closed, (at(60), 1, 1, 9, False)], "the open window waits"
    timeline.passes(5)
    assert timeline.rows("SELECT * FROM m") == [*closed, (at(60), 1, 2, 14, False)]


@pytest.mark.parametrize("crash", [False, True])
def test_what_waits_survives(timeline: Timeline, crash: bool) -> None:  # noqa: F811
    timeline.source("s", "in/*.json")
    timeline.run(EVERY.format("m", MINUTES.format("s")))
    timeline.write("in/a.json", (10, 1, 1), (20, 1, 2))
    timeline.passes()
    timeline.passes(5)
    timeline.write("in/a.json", (30, 1, 1))
    timeline.passes(0.5)
    timeline.open(crash=crash)
    assert timeline.rows("SELECT * FROM m") == [(at(0), 1, 2, 3, False)]
    timeline.passes(5)
    assert timeline.rows("SELECT * FROM m") == [(at(0), 1, 3, 4, False)]


def test_a_view_made_later_shows_what_there_is(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/*.json")
    timeline.run("CREATE MATERIALIZED VIEW other AS SELECT * FROM s")
    timeline.write("in/a.json", (10, 1, 1), (70, 1, 2))
    timeline.passes()
    timeline.run(EVERY.format("m", MINUTES.format("s")))
    assert timeline.rows("SELECT * FROM m") == [(at(0), 1, 1, 1, True), (at(60), 1, 1, 2, False)]


def test_changes_of_a_table_wait_through_a_crash(timeline: Timeline) -> None:  # noqa: F811
    """The journal tells of them tick by tick: what had been shown is shown."""
    timeline.run("CREATE TABLE t (ts timestamp, k int, v int, WATERMARK FOR ts AS ts - interval '5 s')")
    timeline.run(EVERY.format("m", MINUTES.format("t")))
    timeline.run(f"INSERT INTO t VALUES ('{at(30)}', 1, 1)")
    timeline.passes(3)
    for seconds in (10, 11):
        timeline.run(f"INSERT INTO t VALUES ('{at(seconds)}', 1, 1)")
        timeline.passes(3, turns=1)
        shown = timeline.rows("SELECT * FROM m")
        timeline.open(crash=True)
        assert timeline.rows("SELECT * FROM m") == shown
    timeline.run("UPDATE t SET v = 9 WHERE v = 1")
    timeline.run("DELETE FROM t WHERE ts > timestamp '2026-01-01 00:00:20'")
    timeline.passes(6)
    assert timeline.rows("SELECT * FROM m") == [(at(0), 1, 2, 18, False)]


@pytest.mark.parametrize("seed", range(3))
def test_every_emission_is_the_query_over_what_is_open(timeline: Timeline, seed: int) -> None:  # noqa: F811
    chance = random.Random(seed)
    timeline.source("s", "in/*.json")
    for name, query in QUERIES.items():
        timeline.run(EVERY.format(f"e_{name}", query))
        timeline.run(f"CREATE MATERIALIZED VIEW c_{name} AS {query} EMIT ON WINDOW CLOSE")
    for step in range(12):
        now = timeline.world.now_us() / 1e6 - 1_767_225_600
        for _ in range(chance.randrange(1, 8)):
            timeline.write("in/a.json", (int(now) - chance.randrange(12), chance.randrange(3), chance.randrange(9)))
        timeline.passes(chance.choice([0.2, 1, 3]))
        if step % 4 == 3:
            timeline.open(crash=True)
        timeline.passes(5 - timeline.world.now_us() / 1e6 % 5)
        until = at((timeline.watermark("s").watermark_us or 0) / 1e6 - 1_767_225_600)
        for name, query in QUERIES.items():
            shown = timeline.rows(f"SELECT * FROM e_{name}")
            whole = timeline.rows(query)
            assert [row[:-1] for row in shown if row[-1]] == timeline.rows(f"SELECT * FROM c_{name}"), name
            opened = [row for row in whole if row[1] > until or (row[1] == until and name == "sessions")]
            assert [row[:-1] for row in shown if not row[-1]] == opened, name


def test_state_is_that_of_the_open_windows(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/*.json")
    for name, query in QUERIES.items():
        timeline.run(f"CREATE SINK k_{name} AS {query} EMIT EVERY '2 s' WITH (connector = 'blackhole')")
    sizes = []
    for _ in range(3):
        for _ in range(20):
            now = timeline.world.now_us() / 1e6 - 1_767_225_600
            timeline.write("in/a.json", *((now - i % 5, int(now) // 20 % 3, i % 7) for i in range(40)))
            timeline.passes(4)
        assert timeline.engine is not None
        state = timeline.engine._databases["postgres"].head.state
        sizes.append(sum(spine.total() for _, spine in state.items()))
    assert sizes[2] <= 1.5 * sizes[0], sizes


def test_closed_windows_are_selected(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/*.json")
    timeline.run("CREATE MATERIALIZED VIEW r AS SELECT * FROM s")
    timeline.write("in/a.json", (10, 1, 1), (20, 1, 2), (70, 1, 4), (140, 2, 8))
    timeline.passes()
    query = MINUTES.format("s")
    assert timeline.rows(f"{query} EMIT ON WINDOW CLOSE") == [(at(0), 1, 2, 3), (at(60), 1, 1, 4)]
    assert timeline.rows(f"{query} ORDER BY n DESC LIMIT 1 EMIT ON WINDOW CLOSE") == [(at(0), 1, 2, 3)]
    joined = "SELECT a.window_start, b.v FROM tumble(s, ts, interval '1 min') a JOIN tumble(u, ts, interval '1 min') b"
    timeline.source("u", "other/*.json")
    timeline.write("other/a.json", (15, 1, 7), (90, 1, 8))
    assert timeline.rows(f"{joined} ON a.window_start = b.window_start EMIT ON WINDOW CLOSE") == []
    timeline.run("CREATE MATERIALIZED VIEW ru AS SELECT * FROM u")
    timeline.passes()
    assert timeline.rows(f"{joined} ON a.window_start = b.window_start EMIT ON WINDOW CLOSE") == [(at(0), 7)] * 2


@pytest.mark.parametrize(
    ("clause", "sqlstate", "place"),
    [
        ("EMIT EVERY '1 month'", "0A000", 11),
        ("EMIT EVERY 'soon'", "22007", 11),
        ("EMIT EVERY '0 s'", "22023", 11),
        ("EMIT EVERY", "42601", 10),
        ("EMIT EVERY '1 s' EVERY '2 s'", "42601", 17),
        ("EMIT ON WINDOW", "42601", 5),
    ],
)
def test_a_clause_that_is_wrong(timeline: Timeline, clause: str, sqlstate: str, place: int) -> None:  # noqa: F811
    start = f"CREATE MATERIALIZED VIEW m AS {MINUTES.format('s')} "
    with pytest.raises(SqlError) as caught:
        timeline.run(start + clause)
    assert (caught.value.sqlstate, caught.value.position) == (sqlstate, len(start) + place)


@pytest.mark.parametrize(
    "clause",
    [
        "EMIT EVERY INTERVAL '5 s'",
        "EMIT EVERY '5 seconds'",
        "EMIT EVERY INTERVAL '5' SECOND",
        "EMIT EVERY INTERVAL 5 SECONDS",
        "EMIT EVERY 5 SECONDS ON WINDOW CLOSE",
        "EMIT ON WINDOW CLOSE AND EVERY '5s'",
    ],
)
def test_spellings(timeline: Timeline, clause: str) -> None:  # noqa: F811
    timeline.source("s", "in/*.json")
    timeline.run(f"CREATE MATERIALIZED VIEW m AS {MINUTES.format('s')} {clause}")
    columns = "SELECT attname FROM pg_attribute WHERE attrelid = 'm'::regclass ORDER BY attnum"
    assert ("window_final",) in timeline.rows(columns)
    timeline.write("in/a.json", (10, 1, 1), (20, 1, 2))
    timeline.passes()
    timeline.passes(5)
    assert timeline.rows("SELECT * FROM m") == [(at(0), 1, 2, 3, False)]


def test_what_cannot_be_emitted_early(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/*.json")
    query = MINUTES.format("s")
    for text, sqlstate in (
        ("CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM s EMIT EVERY '5 s'", "0A000"),
        (f"CREATE MATERIALIZED VIEW m AS SELECT *, true AS window_final FROM ({query}) q EMIT EVERY '5 s'", "42701"),
        (f"CREATE VIEW m AS {query} EMIT EVERY '5 s'", "42601"),
    ):
        with pytest.raises(SqlError) as caught:
            timeline.run(text)
        assert (caught.value.sqlstate, caught.value.position) == (sqlstate, text.index("EMIT"))
    text = f"{query} EMIT EVERY '5 s'"
    with pytest.raises(SqlError, match="EMIT EVERY is for") as caught:
        timeline.rows(text)
    assert caught.value.position == text.index("EMIT")


def test_a_subscription_is_told_what_closes(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/*.json")
    timeline.write("in/a.json", (10, 1, 1), (70, 1, 2))
    for clause, final in (("EMIT ON WINDOW CLOSE", ()), ("EMIT EVERY '5 s'", (True,))):
        (parsed,) = parse(f"SUBSCRIBE ({MINUTES.format('s')} {clause})")
        bound, context = timeline.sql._bound(parsed)
        future = timeline.sql.database.autocommit.watch(parsed, bound, context)
        timeline.passes()
        watch = future.result(0)
        timeline.passes(6)
        rows = watch.channel.read(watch.head.time_ms)[2].contents()
        told = list(zip(*(column.to_pylist() for column in rows.columns), strict=True))
        assert (at(0), 1, 1, 1, *final) in told
        assert ((at(60), 1, 1, 2, False) in told) == bool(final)
