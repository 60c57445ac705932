"""Joins in time: rows that are looked up for good, versions of rows, and state that watermarks bound."""

import random
from collections.abc import Iterable
from typing import Any

import pytest

from pgstream.circuit.circuit import Circuit
from pgstream.operators import expiring
from pgstream.sql.parse import parse
from tests.unit.engine.engine_sql import Rows
from tests.unit.engine.event_time import Timeline, at, timeline  # noqa: F401  (a fixture)

VIEW = "CREATE MATERIALIZED VIEW {} AS {}"
JOINS = {
    "hours": "SELECT a.ts, b.ts AS bts, a.k, a.v, b.v AS w FROM a JOIN b"
    " ON a.k = b.k AND a.ts BETWEEN b.ts - interval '20 s' AND b.ts",
    "apart": "SELECT a.ts, b.ts AS bts, a.v FROM a JOIN b"
    " ON a.ts >= b.ts - interval '7 s' AND b.ts + interval '9 s' > a.ts",
    "kept": "SELECT a.ts, b.ts AS bts, a.k, a.v, b.v AS w FROM a LEFT JOIN b"
    " ON a.k = b.k AND a.ts BETWEEN b.ts - interval '20 s' AND b.ts + interval '3 s'",
    "both": "SELECT a.ts, b.ts AS bts, a.v, b.v AS w FROM a FULL JOIN b"
    " ON a.k = b.k AND a.ts >= b.ts - interval '5 s' AND a.ts <= b.ts",
    "known": "SELECT a.ts, a.v FROM a WHERE EXISTS"
    " (SELECT FROM b WHERE a.k = b.k AND a.ts BETWEEN b.ts - interval '4 s' AND b.ts + interval '4 s')",
    "windows": "SELECT a.window_start, a.k, a.v, b.v AS w FROM tumble(a, ts, interval '10 s') a"
    " JOIN tumble(b, ts, interval '10 s') b ON a.window_start = b.window_start AND a.k = b.k",
    "hops": "SELECT a.window_start, a.v, b.v AS w FROM hop(a, ts, interval '10 s', interval '20 s') a"
    " JOIN hop(b, ts, interval '10 s', interval '20 s') b"
    " ON a.window_start = b.window_start AND a.window_end = b.window_end AND a.k = b.k",
    "counts": "SELECT window_start, x.n, y.n AS m FROM"
    " (SELECT window_start, count(*) AS n FROM tumble(a, ts, interval '10 s') GROUP BY 1) x JOIN"
    " (SELECT window_start, count(*) AS n FROM tumble(b, ts, interval '10 s') GROUP BY 1) y USING (window_start)",
    "before": "SELECT a.ts, a.v, b.v AS w FROM a ASOF LEFT JOIN b ON a.k = b.k AND a.ts >= b.ts",
    "after": "SELECT a.ts, a.v, b.v AS w FROM a ASOF JOIN b ON a.k = b.k AND a.ts < b.ts",
}
"""Joins of two sources whose state is bounded by their watermarks. No two rows of b have one time."""


class Streams(Timeline):
    """Two sources of rows in about the order of their times."""

    def begin(self, seed: int = 3) -> None:
        self.chance = random.Random(seed)
        self.source("a", "in/a.json", lag="6 s")
        self.source("b", "in/b.json", lag="6 s")
        self.taken: dict[str, list[tuple[Any, ...]]] = {"a": [], "b": []}
        self.second = 0

    def goes_on(self, seconds: int) -> None:
        """So many seconds of rows."""
        for name, rows in self.taken.items():
            made = []
            for second in range(self.second, self.second + seconds):
                for place in self.chance.sample(range(8), self.chance.randrange(3)):
                    late = self.chance.randrange(5) if name == "a" else 0
                    moment = second - late + (place + 1) / 10
                    made.append((at(moment), self.chance.randrange(2), len(rows) + len(made)))
            rows += made
            self.write(f"in/{name}.json", *((ts.isoformat(), k, v) for ts, k, v in made))
        self.second += seconds
        self.passes(seconds)


@pytest.fixture
def streams(timeline: Timeline) -> Streams:  # noqa: F811
    timeline.__class__ = Streams
    assert isinstance(timeline, Streams)
    timeline.begin()
    return timeline


def plain(streams: Timeline) -> None:
    """Tables with the rows of the sources, whose joins keep everything."""
    for name in "ab":
        streams.run(f"CREATE TABLE {name}_all (ts timestamp, k int, v int)")


def expected(streams: Streams, query: str) -> Rows:
    """The query over all rows at once."""
    for name in "ab":
        streams.run(f"DELETE FROM {name}_all")
        values = ", ".join(f"('{ts}', {k}, {v})" for ts, k, v in streams.taken[name])
        streams.run(f"INSERT INTO {name}_all VALUES {values}")
    for name in "ab":
        for before, after in (("FROM ", " "), ("JOIN ", " "), ("tumble(", ","), ("hop(", ",")):
            query = query.replace(f"{before}{name}{after}", f"{before}{name}_all{_alias(before, name)}{after}")
    return streams.rows(query)


def _alias(before: str, name: str) -> str:
    return f" {name}" if before.endswith(" ") else ""


def state_rows(streams: Timeline, view: str) -> int:
    """How many rows are kept below a view, without its result."""
    assert streams.engine is not None
    head = streams.engine._databases["postgres"].head
    root = head.roots.stored[streams.sql.value(f"SELECT '{view}'::regclass::oid")]
    below = Circuit.ancestors(root.inputs)
    ids = {id for node in below for id in node.arrangement_ids}
    return sum(head.state[id].len_upper_bound for id in ids if id in head.state)


@pytest.mark.parametrize("name", JOINS)
def test_what_watermarks_have_passed_is_forgotten(streams: Streams, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiring, "FEW", 16)
    plain(streams)
    outcome = streams.run(VIEW.format("m", JOINS[name]))
    assert outcome.notices == ()
    sizes = []
    for _ in range(12):
        streams.goes_on(30)
        sizes.append(state_rows(streams, "m"))
        assert streams.rows("SELECT count(*) FROM a_late") == [(0,)]
    assert streams.rows("SELECT * FROM m") == expected(streams, JOINS[name])
    if name != "counts":  # whose groups are as many as the result shows
        assert max(sizes[6:]) < 1.5 * max(sizes[2:6])
        assert max(sizes) < sum(map(len, streams.taken.values()))


def test_state_outlives_a_crash(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiring, "FEW", 16)
    plain(streams)
    for name in ("kept", "before", "after", "windows"):
        streams.run(VIEW.format(f"m_{name}", JOINS[name]))
    for _ in range(6):
        streams.goes_on(20)
        streams.open(crash=True)
    streams.passes(30, 6)
    for name in ("kept", "before", "after", "windows"):
        assert streams.rows(f"SELECT * FROM m_{name}") == expected(streams, JOINS[name])


def test_late_rows_are_in_no_join(streams: Streams) -> None:
    streams.run(VIEW.format("m", JOINS["hours"]))
    streams.run(VIEW.format("n", "SELECT count(*) AS n FROM a"))
    streams.goes_on(40)
    streams.write("in/a.json", (5, 0, -1))
    streams.passes(2)
    assert streams.rows("SELECT v FROM a_late") == [(-1,)]
    assert streams.rows("SELECT n FROM n") == [(len(streams.taken["a"]),)]


def test_only_sources_refuse_late_rows(timeline: Timeline) -> None:  # noqa: F811
    """So a join of tables with watermarks keeps what it is given."""
    for name in "ab":
        timeline.run(f"CREATE TABLE {name} (ts timestamp, k int, WATERMARK FOR ts AS ts) APPEND ONLY")
    query = "SELECT a.k, b.k AS l FROM a JOIN b ON a.ts BETWEEN b.ts - interval '1 s' AND b.ts"
    timeline.run(VIEW.format("m", query))
    timeline.run("INSERT INTO a VALUES ('2026-01-01', 1), ('2026-01-02', 2)")
    timeline.run("INSERT INTO b VALUES ('2026-01-02', 3)")
    timeline.run("INSERT INTO b VALUES ('2026-01-01', 4)")
    assert timeline.rows("SELECT * FROM m") == timeline.rows(query) == [(1, 4), (2, 3)]


BOUNDED = 'bounded by what the watermarks have not passed, of the rows of source "a"'
STATES = {
    "SELECT a.v FROM a JOIN b ON a.ts BETWEEN b.ts - interval '1 s' AND b.ts": [
        'Expiring: bounded by what the watermarks have not passed, of the rows of source "a"',
        'Expiring: bounded by what the watermarks have not passed, of the rows of source "b"',
    ],
    "SELECT a.v FROM a JOIN b ON a.ts >= b.ts": [
        'Expiring: bounded by what the watermarks have not passed, of the rows of source "a"',
        'Arrange: grows without bound, with the rows of source "b"',
    ],
    "SELECT a.v FROM a ASOF JOIN b ON a.ts >= b.ts": [
        f'BoundedAsof: {BOUNDED} and the rows of source "b"',
    ],
    "SELECT a.v, r.v AS w FROM a JOIN r FOR SYSTEM_TIME AS OF a.ts ON a.k = r.k": [
        'Versions: bounded by the last versions of the rows of table "r"',
        f'FinalAsof: {BOUNDED} and the rows of table "r"',
    ],
    "SELECT a.v, p.v AS w FROM a JOIN p FOR SYSTEM_TIME AS OF a.ts ON a.k = p.k": [
        'Versions: grows without bound, with all versions of the rows of table "p"',
        'Arrange: grows without bound, with the rows of source "a"',
        'Arrange: bounded by the rows of table "p"',
    ],
    "SELECT a.v, r.v AS w FROM a JOIN r FOR SYSTEM_TIME AS OF PROCTIME() ON a.k = r.k": [
        'Arrange: bounded by the rows of table "r"',
        "Lookup: bounded by what is there before the view is",
    ],
}


@pytest.mark.parametrize("query", STATES)
def test_every_join_tells_what_bounds_it(streams: Streams, query: str) -> None:
    streams.run("CREATE TABLE r (k int PRIMARY KEY, ts timestamp, v int, WATERMARK FOR ts AS ts)")
    streams.run("CREATE TABLE p (k int PRIMARY KEY, ts timestamp, v int)")
    lines = streams.run(f"EXPLAIN (STATE) {query}").rows[0].to_pylist()
    assert sorted(line.partition("] ")[2] for line in lines[:-1]) == sorted(STATES[query])


def test_create_tells_of_state_that_nothing_bounds(streams: Streams) -> None:
    streams.run("CREATE TABLE p (k int PRIMARY KEY, ts timestamp, v int)")

    def told(query: str) -> list[str]:
        streams.run("DROP MATERIALIZED VIEW IF EXISTS m")
        return [notice.message for notice in streams.run(VIEW.format("m", query)).notices]

    assert told("SELECT a.v, b.v AS w FROM a JOIN b USING (k)") == [
        'materialized view "m" keeps state that grows without bound: Arrange, with the rows of source "a"'
    ]
    assert told("SELECT a.k, p.v FROM a ASOF JOIN p ON a.ts >= p.ts") == [
        'materialized view "m" keeps state that grows without bound: Arrange, with the rows of source "a"'
    ]
    for quiet in (
        "SELECT k, count(*) FROM a GROUP BY k",
        "SELECT DISTINCT v FROM a",
        "SELECT k, count(*) AS n FROM a GROUP BY k ORDER BY n LIMIT 3",
        "SELECT * FROM a",
        "SELECT p.k FROM p JOIN p AS q USING (v)",
        "SELECT a.v FROM a JOIN p FOR SYSTEM_TIME AS OF now() ON a.k = p.k",
    ):
        assert told(quiet) == []


# -- lookups as rows come


def outputs(one: Timeline, *names: str) -> list[Rows]:
    return [one.rows(f"SELECT * FROM {name}") for name in names]


def looked_up(timeline: Timeline) -> None:  # noqa: F811
    timeline.run("CREATE TABLE o (id int, k int); CREATE TABLE d (k int PRIMARY KEY, name text)")
    timeline.run("INSERT INTO d VALUES (1, 'one'), (2, 'two'); INSERT INTO o VALUES (1, 1), (2, 3), (2, 3)")
    query = "SELECT o.id, d.name FROM o {} JOIN d FOR SYSTEM_TIME AS OF {} ON o.k = d.k"
    timeline.run(VIEW.format("i", query.format("", "PROCTIME()")))
    timeline.run(VIEW.format("l", query.format("LEFT", "now() AS d")))


def test_a_row_keeps_what_was_there_when_it_came(timeline: Timeline) -> None:  # noqa: F811
    looked_up(timeline)
    assert outputs(timeline, "i", "l") == [[(1, "one")], [(1, "one"), (2, None), (2, None)]]
    timeline.run("UPDATE d SET name = 'uno' WHERE k = 1; INSERT INTO d VALUES (3, 'three')")
    assert outputs(timeline, "i", "l") == [[(1, "one")], [(1, "one"), (2, None), (2, None)]]
    timeline.run("INSERT INTO o VALUES (2, 3), (3, 1)")
    assert outputs(timeline, "i", "l") == [
        [(1, "one"), (2, "three"), (3, "uno")],
        [(1, "one"), (2, "three"), (2, None), (2, None), (3, "uno")],
    ]
    timeline.run("DELETE FROM o WHERE id = 2; UPDATE o SET id = 4 WHERE id = 1")
    assert outputs(timeline, "i", "l") == [[(3, "uno"), (4, "uno")]] * 2
    timeline.run("DELETE FROM d; DELETE FROM o")
    assert outputs(timeline, "i", "l") == [[], []]


def test_what_was_looked_up_outlives_a_crash(timeline: Timeline) -> None:  # noqa: F811
    """Also where the ticks since the last whole commit are replayed from the journal."""
    looked_up(timeline)
    for name in ("uno", "un", "eins"):
        timeline.run(f"UPDATE d SET name = '{name}' WHERE k = 1")
        timeline.run("INSERT INTO o VALUES (5, 1)")
        timeline.open(crash=True)
    timeline.run("UPDATE d SET name = 'last' WHERE k = 1; DELETE FROM o WHERE id = 1")
    timeline.open(crash=True)
    assert outputs(timeline, "i") == [[(5, "eins"), (5, "un"), (5, "uno")]]


def test_a_transaction_is_one_moment(timeline: Timeline) -> None:  # noqa: F811
    looked_up(timeline)
    inside = timeline.sql.begin()

    def done(text: str) -> None:
        for parsed in parse(text):
            future = inside.submit(parsed)
            while not future.done():
                assert timeline.engine is not None
                timeline.engine.turn()
            future.result()

    done("INSERT INTO o VALUES (7, 2)")
    done("UPDATE d SET name = 'zwei' WHERE k = 2")
    future = inside.workspace.commit()  # type: ignore[attr-defined]
    while not future.done():
        assert timeline.engine is not None
        timeline.engine.turn()
    inside.forget()
    assert (7, "zwei") in timeline.rows("SELECT * FROM i")
    timeline.open(crash=True)
    assert (7, "zwei") in timeline.rows("SELECT * FROM i")


def test_what_is_looked_up_in_is_read_first(timeline: Timeline) -> None:  # noqa: F811
    """Whichever of two sources has more to read."""
    timeline.source("s", "in/s.json")
    timeline.source("d", "in/d.json")
    timeline.write("in/s.json", *((0, k, k) for k in range(5)))
    timeline.write("in/d.json", *((0, k, 10 * k) for k in range(5000)))
    query = "SELECT s.k, d.v FROM (SELECT *, PROCTIME() AS p FROM s) s JOIN d FOR SYSTEM_TIME AS OF s.p ON s.k = d.k"
    timeline.run(VIEW.format("m", query))
    timeline.passes(1, 10)
    assert timeline.rows("SELECT * FROM m") == [(k, 10 * k) for k in range(5)]


# -- versions


RATES = "SELECT o.id, r.rate FROM o LEFT JOIN r FOR SYSTEM_TIME AS OF o.ts ON o.cur = r.cur"


def rates(timeline: Timeline, watermark: str = "") -> None:  # noqa: F811
    timeline.run(f"CREATE TABLE o (id int, cur text, ts timestamp{watermark})")
    timeline.run(
        "CREATE TABLE r (cur text PRIMARY KEY, rate int, ts timestamp, note text,"
        " WATERMARK FOR ts AS ts - interval '1 s')"
    )
    timeline.run(VIEW.format("v", RATES))


def rate(timeline: Timeline, *rows: tuple[str, int, float]) -> None:  # noqa: F811
    values = ", ".join(f"('{cur}', {value}, '{at(seconds)}')" for cur, value, seconds in rows)
    timeline.run(
        f"INSERT INTO r VALUES {values} ON CONFLICT (cur) DO UPDATE SET rate = excluded.rate, ts = excluded.ts"
    )


def order(timeline: Timeline, *rows: tuple[int, str, float]) -> None:  # noqa: F811
    values = ", ".join(f"({id}, '{cur}', '{at(seconds)}')" for id, cur, seconds in rows)
    timeline.run(f"INSERT INTO o VALUES {values}")


def test_a_row_meets_the_version_of_its_time(timeline: Timeline) -> None:  # noqa: F811
    """Corrected at any time where nobody says when it is settled."""
    rates(timeline)
    order(timeline, (1, "usd", 5), (2, "usd", 15), (3, "usd", 25), (4, "eur", 25))
    rate(timeline, ("usd", 100, 10))
    assert timeline.rows("SELECT * FROM v") == [(1, None), (2, 100), (3, 100), (4, None)]
    rate(timeline, ("usd", 200, 20))
    assert timeline.rows("SELECT * FROM v") == [(1, None), (2, 100), (3, 200), (4, None)]
    timeline.run("UPDATE r SET note = 'more'")
    rate(timeline, ("usd", 150, 12))
    assert timeline.rows("SELECT * FROM v") == [(1, None), (2, 150), (3, 200), (4, None)]
    rate(timeline, ("usd", 300, 22), ("eur", 7, 25))
    timeline.run("DELETE FROM r WHERE cur = 'usd'")
    assert timeline.rows("SELECT * FROM v") == [(1, None), (2, 150), (3, None), (4, 7)]
    timeline.open(crash=True)
    order(timeline, (5, "usd", 21), (6, "usd", 30))
    assert timeline.rows("SELECT * FROM v WHERE id > 4") == [(5, 200), (6, None)]
    timeline.run("DELETE FROM o WHERE id < 6")
    assert timeline.rows("SELECT * FROM v") == [(6, None)]


def test_a_row_is_given_once_both_watermarks_have_passed_it(timeline: Timeline) -> None:  # noqa: F811
    rates(timeline, ", WATERMARK FOR ts AS ts")
    rate(timeline, ("usd", 100, 10))
    order(timeline, (1, "usd", 5), (2, "usd", 15), (3, "usd", 25))
    assert timeline.rows("SELECT * FROM v") == [(1, None)]
    rate(timeline, ("usd", 200, 20))
    assert timeline.rows("SELECT * FROM v") == [(1, None), (2, 100)]
    rate(timeline, ("usd", 150, 12))
    order(timeline, (4, "usd", 60), (5, "usd", 11))
    assert timeline.rows("SELECT * FROM v") == [(1, None), (2, 100)]
    timeline.open(crash=True)
    rate(timeline, ("eur", 7, 50))
    assert timeline.rows("SELECT * FROM v") == [(1, None), (2, 100), (3, 200)]
    rate(timeline, ("eur", 8, 70))
    assert timeline.rows("SELECT * FROM v") == [(1, None), (2, 100), (3, 200)]
    order(timeline, (6, "eur", 65), (7, "eur", 90))
    assert timeline.rows("SELECT * FROM v") == [(1, None), (2, 100), (3, 200), (4, 200), (6, 7)]


def test_versions_that_nobody_asks_for_are_forgotten(timeline: Timeline, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(expiring, "FEW", 16)
    rates(timeline, ", WATERMARK FOR ts AS ts")
    sizes = []
    for second in range(0, 400, 2):
        rate(timeline, ("usd", second, second), ("eur", -second, second))
        order(timeline, (second, "usd", second + 1), (second + 1, "eur", second + 1.5))
        sizes.append(state_rows(timeline, "v"))
    timeline.passes(1)
    rows: Iterable[Any] = timeline.rows("SELECT * FROM v")
    assert all(value == (id if id % 2 == 0 else 1 - id) for id, value in rows)
    assert len(list(rows)) > 390
    assert max(sizes[60:]) < 200
