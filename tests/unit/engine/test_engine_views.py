"""Materialized views: backfilled while others write, over each other, sharing what is equal, and failing ticks."""

import gc

import pytest

from pgstream.engine import backfill
from tests.unit.engine.engine_sql import Sql, eventually

TABLES = "CREATE TABLE t (k int PRIMARY KEY, g int, v int); CREATE TABLE u (g int, name text)"


def test_a_view_is_built_while_others_write(sql: Sql, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "CHUNK_ROWS", 1 << 15)
    sql.run(TABLES)
    sql.run("INSERT INTO t SELECT n, n % 100, n FROM generate_series(1, 500000) AS s(n)")
    sql.run("INSERT INTO u SELECT n, 'group ' || n FROM generate_series(0, 99) AS s(n)")
    query = "SELECT name, count(*) AS n, sum(v) AS s, max(v) AS m FROM t JOIN u ON u.g = t.g GROUP BY name"
    building = sql.start(f"CREATE MATERIALIZED VIEW w AS {query}")
    writes = 0
    while not building.done():
        sql.run(f"INSERT INTO t VALUES ({-writes}, {writes % 100}, 1000000)")
        sql.run(f"UPDATE t SET v = 0 WHERE k = {100 + writes}; DELETE FROM t WHERE k = {200000 + writes}")
        if writes == 1:
            sql.run("DELETE FROM u WHERE g = 7")
        writes += 1
    building.result()
    assert writes > 2, "nothing was written while the view was built"
    assert len(sql.view("w", query)) == 99
    sql.run("INSERT INTO u VALUES (7, 'back')")
    sql.view("w", query)


def test_a_table_dropped_while_a_backfill_reads_it(sql: Sql) -> None:
    sql.run(TABLES)
    sql.run("INSERT INTO t SELECT n, n % 100, n FROM generate_series(1, 600000) AS s(n)")
    building = sql.start("CREATE MATERIALIZED VIEW w AS SELECT g, count(*) AS n FROM t GROUP BY g")
    sql.run("DROP TABLE t")
    error = building.exception(60)
    assert getattr(error, "sqlstate", None) == "42P01", error
    sql.run("CREATE TABLE t (k int)")
    sql.fails("42P01", "DROP MATERIALIZED VIEW w")


def test_a_view_that_fails_while_it_is_built(sql: Sql) -> None:
    sql.run(TABLES)
    sql.run("INSERT INTO t SELECT n, n % 100, n FROM generate_series(1, 300000) AS s(n)")
    building = sql.start("CREATE MATERIALIZED VIEW w AS SELECT 1 / g AS x FROM t")
    assert getattr(building.exception(60), "sqlstate", None) == "22012"
    before = len(circuit(sql))
    sql.fails("22012", "CREATE MATERIALIZED VIEW w AS SELECT 1 / g AS x FROM t WHERE k < 1000")
    assert len(circuit(sql)) == before
    sql.run("INSERT INTO t VALUES (0, 0, 0)")


def test_two_builds_of_one_name(sql: Sql) -> None:
    sql.run(TABLES)
    sql.run("INSERT INTO t SELECT n, n % 100, n FROM generate_series(1, 600000) AS s(n)")
    one = sql.start("CREATE MATERIALIZED VIEW w AS SELECT g, count(*) AS n FROM t GROUP BY g")
    two = sql.start("CREATE MATERIALIZED VIEW w AS SELECT g, sum(v) AS n FROM t GROUP BY g")
    states = sorted(getattr(future.exception(60), "sqlstate", "") for future in (one, two))
    assert states == ["", "42P07"]
    sql.run("DROP MATERIALIZED VIEW w")
    sql.fails("42P01", "DROP MATERIALIZED VIEW w")


def test_views_over_views(sql: Sql) -> None:
    sql.run(TABLES)
    sql.run("CREATE MATERIALIZED VIEW a AS SELECT g, sum(v) AS s FROM t GROUP BY g")
    sql.run("CREATE VIEW between_them AS SELECT g, s * 2 AS d FROM a WHERE s > 10")
    sql.run("INSERT INTO t VALUES (1, 1, 5), (2, 1, 10), (3, 2, 3), (4, 3, 100)")
    sql.run("CREATE MATERIALIZED VIEW b AS SELECT max(d) AS m, count(*) AS n FROM between_them")
    assert sql.rows("SELECT * FROM b") == [(200, 2)]
    sql.run("DELETE FROM t WHERE k = 4; UPDATE t SET v = 11 WHERE k = 3")
    assert sql.rows("SELECT * FROM b") == [(30, 2)]
    sql.fails("2BP01", "DROP MATERIALIZED VIEW a")
    sql.run("DROP MATERIALIZED VIEW a CASCADE")
    assert sql.rows("SELECT relname FROM pg_class WHERE relname IN ('a', 'b', 'between_them')") == []


def test_equal_subplans_are_kept_once(sql: Sql) -> None:
    sql.run(TABLES)
    sql.run("INSERT INTO t SELECT n, n % 10, n FROM generate_series(1, 100) AS s(n)")
    sql.run("INSERT INTO u SELECT n, 'x' || n FROM generate_series(0, 9) AS s(n)")
    join = "FROM t JOIN u ON u.g = t.g"
    sql.run(f"CREATE MATERIALIZED VIEW a AS SELECT name, count(*) AS n {join} GROUP BY name")
    with_one = set(stored(sql))
    sql.run(f"CREATE MATERIALIZED VIEW b AS SELECT name, count(*) AS n {join} GROUP BY name")
    assert set(stored(sql)) == with_one
    sql.run(f"CREATE MATERIALIZED VIEW c AS SELECT t.g, name {join}")
    assert len(set(stored(sql)) - with_one) == 1
    sql.run("DROP MATERIALIZED VIEW a")
    sql.run("INSERT INTO t VALUES (0, 3, 0)")
    sql.view("b", f"SELECT name, count(*) AS n {join} GROUP BY name")
    sql.view("c", f"SELECT t.g, name {join}")
    sql.run("DROP MATERIALIZED VIEW b; DROP MATERIALIZED VIEW c")
    assert len(set(stored(sql))) == 2
    sql.run("DROP TABLE t; DROP TABLE u")
    assert stored(sql) == ()


def test_what_is_dropped_leaves_the_store(sql: Sql) -> None:
    sql.run(TABLES)
    sql.run("INSERT INTO t SELECT n, n % 10, n FROM generate_series(1, 300000) AS s(n)")
    sql.run("CREATE MATERIALIZED VIEW a AS SELECT g, k, v FROM t WHERE v > 10; CREATE INDEX ON a (g)")
    sql.run("DROP TABLE t CASCADE")
    gc.collect()
    sql.run("CREATE TABLE x (a int); INSERT INTO x VALUES (1)")
    sql.run("CREATE TABLE y (a int)")
    engine_store = store_of(sql)
    assert len(engine_store.arrangements) == 1
    runs = sum(1 for _ in engine_store._stored)
    assert runs <= 3, "runs of dropped relations are still there"


def test_a_tick_that_fails_changes_nothing(sql: Sql) -> None:
    sql.run(TABLES)
    sql.run("CREATE MATERIALIZED VIEW ok AS SELECT count(*) AS n FROM t")
    sql.run("CREATE MATERIALIZED VIEW inverse AS SELECT k, 100 / v AS i FROM t")
    sql.run("INSERT INTO t VALUES (1, 1, 1), (2, 2, 2)")
    error = sql.fails("22012", "INSERT INTO t VALUES (3, 3, 3), (4, 4, 0)")
    assert error.message == "division by zero"
    sql.fails("22012", "UPDATE t SET v = 0 WHERE k = 1")
    assert sql.rows("SELECT k FROM t") == [(1,), (2,)]
    assert sql.rows("SELECT * FROM ok") == [(2,)]
    assert sql.rows("SELECT * FROM inverse") == [(1, 100), (2, 50)]
    one = sql.begin()
    one.fails("22012", "INSERT INTO t VALUES (4, 4, 0)")
    one.rollback()
    sql.run("INSERT INTO t VALUES (4, 4, 4)")
    assert sql.rows("SELECT * FROM ok") == [(3,)]


def test_truncate(sql: Sql) -> None:
    sql.run(TABLES)
    sql.run("CREATE MATERIALIZED VIEW a AS SELECT g, sum(v) AS s FROM t GROUP BY g")
    sql.run("CREATE MATERIALIZED VIEW n AS SELECT count(*) AS n FROM t")
    sql.run("TRUNCATE t")
    sql.run("INSERT INTO t SELECT n, n % 10, n FROM generate_series(1, 1000) AS s(n); INSERT INTO u VALUES (1, 'a')")
    sql.run("TRUNCATE t, u")
    assert sql.rows("SELECT * FROM a") == sql.rows("SELECT * FROM t") == sql.rows("SELECT * FROM u") == []
    assert sql.rows("SELECT * FROM n") == [(0,)]
    sql.run("INSERT INTO t VALUES (1, 1, 1)")
    assert sql.rows("SELECT * FROM a") == [(1, 1)]


def test_indexes(sql: Sql) -> None:
    sql.run(TABLES)
    sql.run("INSERT INTO t SELECT n, n % 10, n FROM generate_series(1, 1000) AS s(n)")
    sql.run("CREATE INDEX by_group ON t (g); CREATE MATERIALIZED VIEW a AS SELECT g, k FROM t; CREATE INDEX ON a (g)")
    assert len(sql.rows("SELECT * FROM t WHERE g = 3")) == 100
    sql.run("DELETE FROM t WHERE k < 500")
    assert len(sql.rows("SELECT * FROM t WHERE g = 3")) == 50
    assert len(sql.rows("SELECT * FROM a WHERE g = 3")) == 50
    sql.run("DROP INDEX by_group")
    assert len(sql.rows("SELECT * FROM t WHERE g = 3")) == 50


@pytest.mark.parametrize("statement", ["INSERT INTO t SELECT k, g, v FROM t WHERE false", "DELETE FROM t WHERE k = 9"])
def test_nothing_to_do(sql: Sql, statement: str) -> None:
    sql.run(TABLES)
    outcome = sql.run(statement)
    assert outcome is not None
    assert outcome.tag in ("INSERT 0 0", "DELETE 0")
    for query in ("SELECT count(*) FROM t", "SELECT max(k) FROM t", "SELECT k FROM t ORDER BY k LIMIT 1"):
        sql.run(f"CREATE MATERIALIZED VIEW w AS {query}")
        sql.view("w", query)
        sql.run("DROP MATERIALIZED VIEW w")


def circuit(sql: Sql):  # type: ignore[no-untyped-def]
    return sql.database._database.circuit.nodes()


def store_of(sql: Sql):  # type: ignore[no-untyped-def]
    return sql.database._loop._worker._store


def stored(sql: Sql) -> tuple[int, ...]:
    """The arrangements in the store, once the last definition is committed."""
    eventually(sql.database.exhausted)
    found: tuple[int, ...] = store_of(sql).arrangements
    return found


def test_a_view_that_reads_a_table_both_by_its_key_and_row_by_row_is_filled_once(sql: Sql) -> None:
    sql.run("CREATE TABLE t (a int PRIMARY KEY, c int); INSERT INTO t VALUES (1, 10), (2, 20)")
    query = "SELECT a, c * 2 AS d, (SELECT sum(c) FROM t u WHERE u.a <= t.a) AS s FROM t"
    sql.run(f"CREATE MATERIALIZED VIEW v AS {query}")
    sql.view("v", query)
    sql.run("UPDATE t SET c = 5 WHERE a = 1; INSERT INTO t VALUES (3, 1)")
    sql.view("v", query)
