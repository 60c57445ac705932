"""Which groups over sessions are cut into stretches of time, as EXPLAIN shows it."""

import optimize_sql as sql
import pytest

from pgstream.plan import relations as rel
from pgstream.plan import rewrite
from pgstream.sql.explain import explain
from pgstream.sql.optimize import optimize

EVENTS = "(select a, b, timestamp '2024-01-01' + b * interval '1 s' as ts from r) q"


def groups(query: str) -> int:
    plan = optimize(sql.bound(query), sql.FACTS)
    return sum(isinstance(node, rel.Group) for node in rewrite.subplans(plan))


def test_counts_of_sessions_are_sums_of_the_counts_of_stretches() -> None:
    plan = optimize(sql.bound(f"select a, session('5 s') as w, count(*) as n from {EVENTS} group by 1, 2"), sql.FACTS)
    lines = [line.strip().removeprefix("->  ") for line in explain(plan)]
    assert lines[:3] == [
        "Project a_1 AS a_2, tswindow(window_start, window_end) AS w, count_1::bigint AS n",
        "Group by a_3 AS a_1, window_start, window_end: sum(count) AS count_1",
        "Sessions by a_3 of min to max within '00:00:05'::interval AS (window_start, window_end)",
    ]
    assert any("session_stretch(ts, '00:00:05'::interval) AS key: count(*) AS count" in line for line in lines)


@pytest.mark.parametrize(
    "query",
    [
        f"select a, session('5 s') as w, count(b), max(b) filter (where b > 1) from {EVENTS} group by 1, 2",
        f"select window_end, sum(b) from session({EVENTS[:-2]}, ts, '5 s', a) x group by 1",
        f"select b % 2, window_start from session({EVENTS[:-2]}, ts, '5 s') x group by 1, 2",
    ],
)
def test_what_can_be_put_together_again_is_cut(query: str) -> None:
    assert groups(query) == 2


@pytest.mark.parametrize(
    "query",
    [
        f"select a, session('5 s') as w, count(distinct b) from {EVENTS} group by 1, 2",
        f"select a, session('5 s') as w, sum(b::float8) from {EVENTS} group by 1, 2",
        f"select window_end, max(window_end - ts) from session({EVENTS[:-2]}, ts, '5 s', a) x group by 1",
        f"select window_end - ts, count(*) from session({EVENTS[:-2]}, ts, '5 s', a) x group by 1",
        f"select count(*) from session({EVENTS[:-2]}, ts, '5 s', a) x",
    ],
)
def test_what_needs_the_rows_is_not_cut(query: str) -> None:
    assert groups(query) == 1
