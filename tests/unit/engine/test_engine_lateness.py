"""Watermarks as Feldera declares them, and what ALTER makes of them."""

from pathlib import Path

import pytest

from pgstream.errors import SqlError
from tests.unit.engine.engine_sql import Sql, eventually
from tests.unit.engine.event_time import Timeline, at, timeline  # noqa: F401  (a fixture)

MINUTES = "SELECT window_start, count(*) AS n FROM tumble(t, ts, interval '1 minute') GROUP BY 1"


def declared(timeline: Timeline, name: str) -> tuple[str, int, int]:  # noqa: F811
    assert timeline.engine is not None
    catalog = timeline.engine._databases["postgres"].head.catalog
    watermark = catalog.lookup(None, name, ("public",)).watermark  # type: ignore[union-attr]
    assert watermark is not None
    return watermark.expression, watermark.idle_us, watermark.ahead_us


@pytest.mark.parametrize("clause", ["INTERVAL 5 SECONDS", "INTERVAL '5' SECOND", "INTERVAL '5 s'"])
def test_lateness_of_a_column(timeline: Timeline, clause: str) -> None:  # noqa: F811
    timeline.run(f"CREATE TABLE t (id int PRIMARY KEY, ts timestamp NOT NULL LATENESS {clause}, v int)")
    timeline.run(f"CREATE MATERIALIZED VIEW m AS {MINUTES} EMIT ON WINDOW CLOSE")
    timeline.run(f"INSERT INTO t VALUES (1, '{at(10)}', 1), (2, '{at(64)}', 1)")
    timeline.passes()
    assert timeline.rows("SELECT * FROM m") == []
    timeline.run(f"INSERT INTO t VALUES (3, '{at(65)}', 1)")
    timeline.passes()
    assert timeline.rows("SELECT * FROM m") == [(at(0), 1)]


def test_lateness_of_a_source(timeline: Timeline) -> None:  # noqa: F811
    (timeline.directory / "in").mkdir()
    timeline.run(
        "CREATE SOURCE s (ts timestamp LATENESS INTERVAL 1 HOUR, k int) WITH (connector = 'filesystem',"
        f" path = '{timeline.directory / 'in' / '*.json'}', follow = 'true') FORMAT PLAIN ENCODE JSON"
    )
    assert declared(timeline, "s")[0]
    assert timeline.rows("SELECT * FROM s_late") == []


@pytest.mark.parametrize("crash", [False, True])
def test_the_statement(timeline: Timeline, crash: bool) -> None:  # noqa: F811
    timeline.run("CREATE TABLE t (id int, ts timestamp)")
    timeline.run("LATENESS t.ts INTERVAL 5 SECONDS")
    timeline.run(f"CREATE MATERIALIZED VIEW m AS {MINUTES} EMIT ON WINDOW CLOSE")
    timeline.run("LATENESS public.t.ts INTERVAL '20 s'")
    timeline.open(crash=crash)
    timeline.run(f"INSERT INTO t VALUES (1, '{at(10)}'), (2, '{at(70)}')")
    timeline.passes()
    assert timeline.rows("SELECT * FROM m") == []
    timeline.run(f"INSERT INTO t VALUES (1, '{at(80)}')")
    timeline.passes()
    assert timeline.rows("SELECT * FROM m") == [(at(0), 1)]


def test_limits_are_altered(timeline: Timeline) -> None:  # noqa: F811
    timeline.run("CREATE TABLE t (id int, ts timestamp, WATERMARK FOR ts)")
    timeline.source("s", "in/*.json")
    for kind, name in (("TABLE", "t"), ("SOURCE", "s")):
        expression, idle_us, ahead_us = declared(timeline, name)
        timeline.run(f"ALTER {kind} {name} SET (idle_timeout = '1 min', max_ahead = '1 day')")
        timeline.open(crash=True)
        assert declared(timeline, name) == (expression, 60_000_000, 86_400_000_000)
        timeline.run(f"ALTER {kind} {name} RESET (idle_timeout, max_ahead)")
        assert declared(timeline, name) == (expression, idle_us, ahead_us)


@pytest.mark.parametrize(
    ("text", "sqlstate", "part"),
    [
        ("LATENESS t INTERVAL 1 DAY", "42601", "INTERVAL"),
        ("LATENESS t.ts 5", "42601", "5"),
        ("LATENESS t.id INTERVAL 1 DAY", "42804", "id"),
        ("LATENESS v.ts INTERVAL 1 DAY", "0A000", "LATENESS"),
        ("LATENESS nowhere.ts INTERVAL 1 DAY", "42P01", "nowhere"),
        ("ALTER TABLE t SET (retention = '1 day')", "22023", "retention"),
        ("ALTER TABLE t SET (idle_timeout = 'x')", "22023", "idle_timeout"),
        ("ALTER TABLE u SET (idle_timeout = '5 s')", "42P16", "idle_timeout"),
    ],
)
def test_what_is_wrong(timeline: Timeline, text: str, sqlstate: str, part: str) -> None:  # noqa: F811
    timeline.run("CREATE TABLE t (id int, ts timestamp, WATERMARK FOR ts); CREATE VIEW v AS SELECT * FROM t")
    timeline.run("CREATE TABLE u (id int)")
    with pytest.raises(SqlError) as caught:
        timeline.run(text)
    assert (caught.value.sqlstate, caught.value.position) == (sqlstate, text.index(part))


def test_a_relation_for_late_rows_is_named(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/*.json", options=", late = 'too_late'")
    timeline.run(f"CREATE MATERIALIZED VIEW m AS {MINUTES.replace('(t,', '(s,')} EMIT ON WINDOW CLOSE")
    timeline.run("CREATE MATERIALIZED VIEW c AS SELECT count(*) AS n FROM s")
    timeline.write("in/a.json", (10, 1, 1), (130, 1, 2))
    timeline.passes()
    timeline.write("in/a.json", (20, 1, 3), (131, 1, 2))
    timeline.passes()
    assert timeline.rows("SELECT ts, v FROM too_late") == [(at(20), 3)]
    assert timeline.rows("SELECT n FROM c") == [(3,)]
    timeline.run("ALTER SOURCE s RENAME TO renamed")
    assert timeline.rows("SELECT v FROM too_late") == [(3,)]
    timeline.open(crash=True)
    timeline.run("CALL pgstream.replay('too_late')")
    assert timeline.rows("SELECT n FROM c") == [(4,)]
    assert timeline.rows("SELECT * FROM too_late") == []


def test_late_rows_are_renamed_with_their_source(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/*.json")
    timeline.run("ALTER SOURCE s RENAME TO r")
    assert timeline.rows("SELECT * FROM r_late") == timeline.rows("SELECT * FROM r_errors") == []


def test_late_rows_are_not_dropped(timeline: Timeline) -> None:  # noqa: F811
    with pytest.raises(SqlError) as caught:
        timeline.source("s", "in/*.json", options=", late = 'drop'")
    assert caught.value.sqlstate == "0A000"


def test_emit_final(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/*.json")
    text = "CREATE MATERIALIZED VIEW m WITH ('emit_final' = '{0}') AS " + MINUTES.replace("(t,", "(s,")
    timeline.run(text.format("window_start"))
    timeline.write("in/a.json", (10, 1, 1), (70, 1, 2))
    timeline.passes()
    assert timeline.rows("SELECT * FROM m") == [(at(0), 1)]
    timeline.open(crash=True)
    assert timeline.rows("SELECT * FROM m") == [(at(0), 1)]
    with pytest.raises(SqlError) as caught:
        timeline.run(text.replace("VIEW m", "VIEW o").format("nothing"))
    assert (caught.value.sqlstate, caught.value.position) == ("42703", text.index("'emit_final'"))


def test_the_end_of_a_source_comes_after_its_rows(sql: Sql, tmp_path: Path) -> None:
    """What is read of it last is in time, though nothing is left to be read when it is taken in."""
    path = tmp_path / "rows.json"
    path.write_text("".join(f'{{"ts": "2024-01-01 00:0{minute}:30"}}\n' for minute in (0, 1, 1, 3)))
    sql.run(
        "CREATE SOURCE s (ts timestamp, WATERMARK FOR ts AS ts) WITH (connector = 'filesystem',"
        f" path = '{path}', format = 'json', follow = 'false');"
        f"CREATE MATERIALIZED VIEW v AS {MINUTES.replace('(t,', '(s,')} EMIT ON WINDOW CLOSE"
    )
    eventually(lambda: [n for _, n in sql.rows("TABLE v")] == [1, 2, 1])
    assert sql.value("SELECT count(*) FROM s_late") == 0
