"""SQL functions in views that are kept: live, through restarts, and when the function is replaced."""

import pytest

from pgstream.errors import DependentObjectsStillExist, FeatureNotSupported
from tests.unit.engine.engine_sql import Sql


def made(sql: Sql) -> None:
    sql.run(
        "CREATE TABLE t (a int PRIMARY KEY, c int);"
        "CREATE FUNCTION twice(x int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT x * 2 $$;"
        "CREATE FUNCTION total(lim int) RETURNS bigint LANGUAGE sql AS $$ SELECT sum(c) FROM t WHERE a <= lim $$;"
        "CREATE FUNCTION above(lim int) RETURNS TABLE (k int) LANGUAGE sql AS $$ SELECT a FROM t WHERE c > lim $$;"
        "CREATE MATERIALIZED VIEW v AS SELECT a, twice(c) AS d, total(a) AS s FROM t;"
        "CREATE MATERIALIZED VIEW w AS SELECT t.a, k FROM t, above(t.c);"
        "CREATE MATERIALIZED VIEW over_v AS SELECT sum(d) AS d FROM v;"
        "INSERT INTO t VALUES (1, 10), (2, 20), (3, 30)"
    )


def check(sql: Sql, factor: int = 2) -> None:
    rows = sorted(sql.rows("SELECT a, c FROM t"))
    assert sorted(sql.rows("SELECT a, d, s FROM v")) == [
        (a, c * factor, sum(other for b, other in rows if b <= a)) for a, c in rows
    ]
    assert sorted(sql.rows("SELECT a, k FROM w")) == sorted((a, b) for a, c in rows for b, d in rows if d > c)
    assert sql.rows("SELECT d FROM over_v") == [(sum(c * factor for _, c in rows),)]


def test_views_that_call_functions_stay_equal_to_their_queries(opened) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    made(sql)
    check(sql)
    sql.run("UPDATE t SET c = 5 WHERE a = 3; DELETE FROM t WHERE a = 1; INSERT INTO t VALUES (4, 7)")
    check(sql)
    sql = opened.crash()
    check(sql)
    sql.run("INSERT INTO t VALUES (9, 1)")
    check(sql)


def test_replacing_a_function_replans_what_calls_it(opened) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    made(sql)
    sql.run("CREATE OR REPLACE FUNCTION twice(x int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT x * 20 $$")
    check(sql, 20)
    sql.run("INSERT INTO t VALUES (8, 80)")
    check(sql, 20)
    sql = opened.crash()
    check(sql, 20)
    inside = sql.begin()
    inside.run("CREATE OR REPLACE FUNCTION twice(x int) RETURNS int LANGUAGE sql AS $$ SELECT x * 3 $$")
    inside.run("INSERT INTO t VALUES (7, 70)")
    check(inside, 3)
    inside.commit()
    check(sql, 3)


def test_what_a_view_calls_cannot_go(sql: Sql) -> None:
    made(sql)
    for statement in ("DROP FUNCTION twice", "DROP TABLE t"):
        with pytest.raises(DependentObjectsStillExist):
            sql.run(statement)
    for statement in ("ALTER TABLE t RENAME TO u", "ALTER FUNCTION twice RENAME TO thrice"):
        with pytest.raises(FeatureNotSupported):
            sql.run(statement)
    with pytest.raises(DependentObjectsStillExist):
        sql.run("ALTER TABLE t DROP COLUMN c")
    check(sql)
    sql.run("DROP FUNCTION twice CASCADE")
    assert sql.rows("SELECT relname FROM pg_class WHERE relname IN ('v', 'over_v')") == []


def test_a_function_that_calls_itself_is_refused(sql: Sql) -> None:
    with pytest.raises(FeatureNotSupported, match="calls itself"):
        sql.run("CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql AS $$ SELECT f(x - 1) $$")
    sql.run("CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$")
    sql.run("CREATE FUNCTION g(x int) RETURNS int LANGUAGE sql AS $$ SELECT f(x) $$")
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT g(1) AS g")
    with pytest.raises(FeatureNotSupported, match="calls itself"):
        sql.run("CREATE OR REPLACE FUNCTION f(x int) RETURNS int LANGUAGE sql AS $$ SELECT g(x) $$")
    assert sql.rows("SELECT g FROM v") == [(1,)]
