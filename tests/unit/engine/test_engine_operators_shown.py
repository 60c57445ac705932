"""EXPLAIN ANALYZE MATERIALIZED VIEW: what each operator has done, and what it keeps."""

import json
import re

import pytest

from tests.unit.engine.engine_sql import Sql


@pytest.fixture
def filled(sql: Sql) -> Sql:
    sql.run("CREATE TABLE t (g int, v int); CREATE MATERIALIZED VIEW a AS SELECT g, sum(v) AS s FROM t GROUP BY g")
    sql.run("INSERT INTO t VALUES (1, 10), (1, 20), (2, 5)")
    return sql


MEASURES = r"\(rows_in=2 rows_out=2 ticks=\d+ ms=[\d.]+ kept_rows=2 kept_bytes=\d+\)"


def told(sql: Sql, text: str) -> list[str]:
    """The lines of an EXPLAIN."""
    outcome = sql.run(text)
    assert outcome is not None
    lines: list[str] = outcome.rows[0].to_pylist()
    return lines


def test_lines(filled: Sql) -> None:
    lines = told(filled, "EXPLAIN ANALYZE MATERIALIZED VIEW a")
    assert re.fullmatch(rf"\[\d+\] Arrange .*{MEASURES}", lines[0])
    assert "Input" in lines[-1]
    filled.run("DELETE FROM t WHERE g = 2")
    assert "kept_rows=1 " in told(filled, "EXPLAIN ANALYZE MATERIALIZED VIEW a")[0]


def test_json(filled: Sql) -> None:
    [[answer]] = map(json.loads, told(filled, "EXPLAIN (operators, format json) TABLE a"))
    plan = answer["Plan"]
    assert plan["Operator"] == "Arrange"
    assert plan["kept_rows"] == 2
    assert plan["kept_bytes"] > 0
    assert plan["Plans"][0]["rows_in"] >= 3


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("EXPLAIN ANALYZE MATERIALIZED VIEW t", "42809"),
        ("EXPLAIN ANALYZE MATERIALIZED VIEW nope", "42P01"),
        ("EXPLAIN (operators) SELECT 1", "0A000"),
        ("EXPLAIN (operators) SELECT * FROM a, a b", "0A000"),
    ],
)
def test_refusals(filled: Sql, text: str, state: str) -> None:
    filled.fails(state, text)
