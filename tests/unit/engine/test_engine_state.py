"""EXPLAIN (STATE): what a kept query keeps, and whether that is bounded; and what CREATE tells."""

import pytest

from tests.unit.engine.event_time import Timeline, timeline  # noqa: F401  (a fixture)

WINDOWS = "SELECT window_start, k, count(*) FROM tumble({}, ts, interval '1 minute') GROUP BY 1, 2"
STATES = {
    WINDOWS.format("s"): [
        'Group: grows without bound, with the groups of the rows of source "s"',
        'result: grows without bound, with the groups of the rows of source "s"',
    ],
    WINDOWS.format("s") + " EMIT ON WINDOW CLOSE": [
        'Closing Group: bounded by the windows that the watermark has not closed, of the rows of source "s"',
        'result: grows without bound, with the rows of source "s"',
    ],
    "SELECT k, count(*) FROM s WHERE ts > now() - interval '1 hour' GROUP BY k": [
        'Temporal: bounded by what the clock has not passed, of the rows of source "s"',
        'Group: bounded by the groups of what the clock has not passed, of the rows of source "s"',
        'result: bounded by the groups of what the clock has not passed, of the rows of source "s"',
    ],
    "SELECT count(*) FROM s": ["Group: bounded by one row", "result: bounded by one row"],
    "SELECT s.v, t.k FROM s JOIN t ON s.k = t.k": [
        'Arrange: grows without bound, with the rows of source "s"',
        'Arrange: bounded by the rows of table "t"',
        'result: grows without bound, with the rows of source "s"',
    ],
    "SELECT * FROM t": ['result: bounded by the rows of table "t"'],
}


@pytest.mark.parametrize("query", STATES)
def test_every_operator_tells_what_bounds_it(timeline: Timeline, query: str) -> None:  # noqa: F811
    timeline.source("s", "in/a.json")
    timeline.run("CREATE TABLE t (ts timestamp, k int)")
    for statement in (query, f"CREATE MATERIALIZED VIEW m AS {query}"):
        outcome = timeline.run(f"EXPLAIN (STATE) {statement}")
        lines = [line.partition("] ")[2] or line for line in outcome.rows[0].to_pylist()]
        assert lines == STATES[query]


def test_create_tells_of_windows_that_are_kept_for_ever(timeline: Timeline) -> None:  # noqa: F811
    timeline.source("s", "in/a.json")
    timeline.run(
        f"""CREATE SOURCE u (ts timestamp, k int)
            WITH (connector = 'filesystem', path = '{timeline.directory}/in/b.json', follow = 'true')
            FORMAT PLAIN ENCODE JSON"""
    )
    (notice,) = timeline.run(f"CREATE MATERIALIZED VIEW m AS {WINDOWS.format('u')}").notices
    assert notice.message == (
        'the windows of materialized view "m" are kept for ever: source "u" declares no watermark'
    )
    for name, query in (("s1", WINDOWS.format("s")), ("s2", WINDOWS.format("s") + " EMIT ON WINDOW CLOSE")):
        assert timeline.run(f"CREATE MATERIALIZED VIEW {name} AS {query}").notices == ()
    assert timeline.run("CREATE MATERIALIZED VIEW n AS SELECT k, count(*) FROM u GROUP BY k").notices == ()
