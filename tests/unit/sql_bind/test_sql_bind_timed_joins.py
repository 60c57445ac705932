"""Joins that choose by time: what each spelling means, and what is refused."""

import pytest

from pgstream.errors import SqlError
from pgstream.plan.relations import Asof, Lookup, Relation, Versions
from pgstream.plan.rewrite import subplans
from pgstream.sql.bind import BindScope, bind
from pgstream.sql.parse import parse
from tests.unit.sql_bind.catalogs import catalog_of

CATALOG = catalog_of(
    """create table t (k int, ts timestamp, v text);
    create table q (k int primary key, ts timestamp, p bigint);
    create table two (k int primary key, a timestamp, b timestamp);
    create view w as select * from q"""
)


def plan(sql: str, dialect: str = "postgresql") -> Relation:
    [parsed] = parse(sql, dialect)
    found: Relation = bind(parsed, CATALOG, BindScope()).statement.plan
    return next(part for part in subplans(found) if isinstance(part, Asof | Lookup))


@pytest.mark.parametrize(
    ("sql", "dialect", "kind", "nearer"),
    [
        ("select * from t asof join q on t.k = q.k and t.ts >= q.ts", "risingwave", "inner", ">="),
        ("select * from t asof left join q on t.k = q.k and q.ts > t.ts", "risingwave", "left", "<"),
        ("select * from t left asof join q match_condition (t.ts >= q.ts) on t.k = q.k", "feldera", "left", ">="),
        ("select * from t asof join q using (k, ts)", "duckdb", "inner", ">="),
        ("select * from t asof left join q on t.k = q.k and t.ts < q.ts", "duckdb", "left", "<"),
        ("select * from t asof join q match_condition (t.ts <= q.ts) on t.k = q.k", "snowflake", "left", "<="),
        ("select * from t asof join q match_condition (t.ts > q.ts)", "snowflake", "left", ">"),
        ("select * from t asof left join q on t.k = q.k and t.ts >= q.ts", "clickhouse", "left", ">="),
        ("select * from t left join q for system_time as of t.ts on t.k = q.k", "flink", "left", ">="),
    ],
)
def test_every_system_has_its_spelling(sql: str, dialect: str, kind: str, nearer: str) -> None:
    found = plan(sql, dialect)
    assert isinstance(found, Asof)
    assert (found.kind, found.nearer) == (kind, nearer)


def test_a_moment_of_the_row_asks_for_versions() -> None:
    found = plan("select * from t join q for system_time as of t.ts on t.k = q.k")
    assert isinstance(found, Asof)
    assert isinstance(found.right, Versions)
    assert found.waits


@pytest.mark.parametrize(
    "moment",
    ["proctime()", "now()", "current_timestamp", "t.p"],
)
def test_the_moment_at_which_a_row_comes_is_a_lookup(moment: str) -> None:
    sql = f"select * from (select *, proctime() as p from t) t join w for system_time as of {moment} on t.k = w.k"
    assert isinstance(plan(sql), Lookup)


@pytest.mark.parametrize(
    ("sql", "sqlstate", "near"),
    [
        ("select * from t join q for system_time as of now() - interval '1 s' on true", "0A000", "for"),
        ("select * from t join q for system_time as of now() - '5' second on true", "0A000", "for"),
        ("select * from t join q for system_time as of timestamp '2024-01-01' on t.k = q.k", "0A000", "for"),
        ("select * from t join q for system_time as of q.ts on t.k = q.k", "42P01", "q.ts"),
        ("select * from t join q for system_time as of t.tz on t.k = q.k", "42703", "t.tz"),
        ("select * from t join q for system_time as of t.v on t.k = q.k", "42804", "for"),
        ("select * from t join q for system_time as of t.ts on t.k > q.k", "0A000", "for"),
        ("select * from t join w for system_time as of t.ts on t.k = w.k", "0A000", "for"),
        ("select * from t join two for system_time as of t.ts on t.k = two.k", "42703", "for"),
        ("select * from t full join q for system_time as of now() on t.k = q.k", "0A000", "for"),
        ("select * from t join q for system_time as of now() on q.k in (select 1)", "0A000", "q.k in"),
        ("select * from t asof join q for system_time as of now() on t.ts > q.ts", "0A000", "for"),
        ("select * from t join q for system_time as of on true", "42601", "on true"),
        ("select * from t for system_time as of now()", "0A000", "for"),
        ("select * from t for system_time between 1 and 2", "0A000", "for"),
        ("select * from t asof join q on t.k = q.k", "0A000", "asof"),
        ("select * from t asof join lateral (select t.k, 1 as ts) q on t.k > q.ts", "0A000", "asof"),
        ("select * from t asof full join q on t.ts > q.ts", "0A000", "asof"),
    ],
)
def test_what_is_refused(sql: str, sqlstate: str, near: str) -> None:
    with pytest.raises(SqlError) as caught:
        plan(sql)
    assert (caught.value.sqlstate, caught.value.position) == (sqlstate, sql.index(near, 14))


def test_a_past_state_is_refused_in_each_dialect() -> None:
    for dialect in ("bigquery", "tsql"):
        with pytest.raises(SqlError) as caught:
            parse("select * from t for system_time as of '2024-01-01'", dialect)
        assert caught.value.sqlstate == "0A000"
