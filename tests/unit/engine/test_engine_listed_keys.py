"""Lists of keys (IN, = ANY): they are looked up one by one, and find what a scan finds."""

import pytest

from pgstream.sql.parse import parse
from tests.unit.engine.engine_sql import Sql


@pytest.fixture
def filled(sql: Sql) -> Sql:
    sql.run("CREATE TABLE t (id int PRIMARY KEY, k text, n numeric, a int, b int)")
    sql.run("CREATE INDEX ON t (k); CREATE INDEX ON t (n); CREATE INDEX ON t (a, b)")
    sql.run("INSERT INTO t SELECT i, 'k' || i % 7, i % 5 + 0.50, i % 3, i FROM generate_series(1, 500) i")
    sql.run("UPDATE t SET k = NULL WHERE id % 50 = 0")
    return sql


def is_probed(sql: Sql, query: str) -> bool:
    """Whether a query looks keys up."""
    (parsed,) = parse(query)
    bound, context = sql._bound(parsed)
    return sql.workspace.snapshot().point(bound, (), context) is not None


@pytest.mark.parametrize(
    ("listed", "scanned", "rows"),
    [
        ("id IN (3, 3, 4, 999)", "id + 0 IN (3, 4)", 2),
        ("id IN (3, NULL)", "id + 0 = 3", 1),
        ("id = ANY (ARRAY[]::int[])", "false", 0),
        ("id = ANY (NULL::int[])", "false", 0),
        ("id = ANY ('{7,8}'::int[]) AND k = 'k1'", "id = 8", 1),
        ("k IN ('k1', 'k2', 'k9')", "k || '' IN ('k1', 'k2')", 140),
        ("n IN (1.5, 1.500, 2.50)", "n + 0 IN (1.5, 2.5)", 200),
        ("id IN (SELECT 5) OR id = 6", "id + 0 IN (5, 6)", 2),
    ],
)
def test_what_they_find(filled: Sql, listed: str, scanned: str, rows: int) -> None:
    found = filled.rows(f"SELECT * FROM t WHERE {listed}")
    assert found == filled.rows(f"SELECT * FROM t WHERE {scanned}")
    assert len(found) == rows


@pytest.mark.parametrize(
    ("condition", "probed"),
    [
        ("id IN (1, 2)", True),
        ("k IN ('k1', 'k2') AND b > 3", True),
        ("id = ANY (ARRAY[1::bigint])", False),
        ("id = ALL (ARRAY[1])", False),
        ("id <> ALL (ARRAY[1])", False),
        ("id < ANY (ARRAY[1])", False),
        ("id NOT IN (1, 2)", False),
        ("id = ANY (ARRAY[a, b])", False),
        ("a IN (1, 2)", False),
    ],
)
def test_which_are_looked_up(filled: Sql, condition: str, probed: bool) -> None:
    assert is_probed(filled, f"SELECT * FROM t WHERE {condition}") == probed


def test_changes_by_them(filled: Sql) -> None:
    filled.run("UPDATE t SET b = -1 WHERE id IN (1, 2, 2, 1000)")
    filled.run("DELETE FROM t WHERE k IN ('k3', 'k4')")
    assert filled.rows("SELECT id FROM t WHERE b = -1") == [(1,), (2,)]
    assert filled.value("SELECT count(*) FROM t WHERE k || '' IN ('k3', 'k4')") == 0
