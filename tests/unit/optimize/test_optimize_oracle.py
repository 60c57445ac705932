"""Subqueries of every kind at every place: PostgreSQL, the plan as bound and the plan as optimised agree."""

import os
from pathlib import Path

import optimize_sql as sql
import pytest

from pgstream.plan import rewrite
from pgstream.plan.expressions import Subquery
from pgstream.plan.relations import Apply
from pgstream.sql.optimize import optimize
from pgstream.testing.naive import multiset

SHAPES = [
    line.removesuffix(";")
    for line in Path(__file__).with_name("shapes.sql").read_text().splitlines()
    if line and not line.startswith("--")
]


@pytest.fixture(scope="module")
def oracle():
    if "PGSTREAM_ORACLE" not in os.environ:
        pytest.skip("PGSTREAM_ORACLE is not set")
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(os.environ["PGSTREAM_ORACLE"], autocommit=True) as connection:
        connection.execute(sql.SETUP)
        yield connection


@pytest.fixture(scope="module")
def interpreter(oracle):
    return sql.naive({name: oracle.execute(f"select * from {name}").fetchall() for name in sql.TABLES})


@pytest.mark.oracle
@pytest.mark.parametrize("query", SHAPES)
def test_shape(query, oracle, interpreter):
    answer = oracle.execute(query)
    expected = multiset(answer.fetchall())
    width = len(answer.description)  # columns that only ORDER BY needs come after those
    plan = sql.bound(query)
    assert multiset(row[:width] for row in interpreter.rows(plan)) == expected, "as bound"
    optimised = optimize(plan, sql.FACTS)
    assert multiset(row[:width] for row in interpreter.rows(optimised)) == expected


@pytest.mark.parametrize("query", SHAPES)
def test_nothing_is_left_to_unnest(query):
    plan = optimize(sql.bound(query), sql.FACTS)
    for node in rewrite.subplans(plan):
        assert not isinstance(node, Apply)
        given = {col.id for child in rewrite.children(node) for col in child.columns}
        for expr in rewrite.expressions(node):
            assert not any(isinstance(part, Subquery) for part in rewrite.subexpressions(expr))
            assert set(rewrite.used(expr)) <= given
