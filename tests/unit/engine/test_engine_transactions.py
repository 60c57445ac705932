"""Transactions: what they see, what they leave, and who wins."""

import pytest

from pgstream.errors import SqlError
from tests.unit.engine.engine_sql import Sql

SCHEMA = """
CREATE TABLE t (k int PRIMARY KEY, v int);
CREATE TABLE bag (v int);
INSERT INTO t VALUES (1, 10), (2, 20);
CREATE MATERIALIZED VIEW total AS SELECT count(*) AS n, sum(v) AS s FROM t;
"""


def test_a_transaction_sees_itself_and_nobody_else_does(sql: Sql) -> None:
    sql.run(SCHEMA)
    one = sql.begin()
    one.run("INSERT INTO t VALUES (3, 30); UPDATE t SET v = v + 1 WHERE k = 1")
    assert one.rows("SELECT * FROM total") == [(3, 61)]
    assert sql.rows("SELECT * FROM total") == [(2, 30)]
    one.commit()
    assert sql.rows("SELECT * FROM total") == [(3, 61)]


def test_rollback_leaves_nothing(sql: Sql) -> None:
    sql.run(SCHEMA)
    before = sql.rows("SELECT relname FROM pg_class")
    one = sql.begin()
    one.run(
        "CREATE TABLE u (a int); INSERT INTO u VALUES (1); CREATE MATERIALIZED VIEW w AS SELECT a + 1 AS b FROM u;"
        "DELETE FROM t; DROP MATERIALIZED VIEW total; CREATE INDEX ON bag (v)"
    )
    assert one.rows("SELECT * FROM w") == [(2,)]
    one.rollback()
    assert sql.rows("SELECT relname FROM pg_class") == before
    assert sql.rows("SELECT * FROM t") == [(1, 10), (2, 20)]
    sql.run("INSERT INTO t VALUES (5, 5)")
    assert sql.rows("SELECT * FROM total") == [(3, 35)]


def test_isolation_levels(sql: Sql) -> None:
    sql.run(SCHEMA)
    committed, repeatable = sql.begin(), sql.begin("repeatable read")
    assert committed.value("SELECT n FROM total") == repeatable.value("SELECT n FROM total") == 2
    sql.run("INSERT INTO t VALUES (3, 30)")
    assert committed.value("SELECT n FROM total") == 3
    assert repeatable.value("SELECT n FROM total") == 2
    committed.rollback()
    repeatable.rollback()


def test_two_writers_of_one_row(sql: Sql) -> None:
    sql.run(SCHEMA)
    one, two = sql.begin(), sql.begin()
    one.run("UPDATE t SET v = v + 1 WHERE k = 1; INSERT INTO bag VALUES (1)")
    two.run("UPDATE t SET v = v + 1 WHERE k = 1; INSERT INTO bag VALUES (2)")
    one.commit()
    failure = fails_to_commit(two)
    assert failure.sqlstate == "40001"
    assert failure.message == "could not serialize access due to concurrent update"
    assert sql.rows("SELECT * FROM bag") == [(1,)]
    assert sql.rows("SELECT * FROM t") == [(1, 11), (2, 20)]


def test_two_inserts_of_one_key(sql: Sql) -> None:
    sql.run(SCHEMA)
    one, two = sql.begin(), sql.begin()
    one.run("INSERT INTO t VALUES (7, 1)")
    two.run("INSERT INTO t VALUES (7, 2)")
    two.commit()
    assert fails_to_commit(one).sqlstate == "23505"
    assert sql.rows("SELECT v FROM t WHERE k = 7") == [(2,)]


def test_writers_of_other_rows_both_win(sql: Sql) -> None:
    sql.run(SCHEMA)
    one, two = sql.begin(), sql.begin()
    one.run("UPDATE t SET v = 100 WHERE k = 1")
    two.run("UPDATE t SET v = 200 WHERE k = 2; INSERT INTO bag VALUES (1), (1)")
    one.commit()
    two.commit()
    assert sql.rows("SELECT * FROM t") == [(1, 100), (2, 200)]
    assert sql.rows("SELECT * FROM total") == [(2, 300)]


def test_definitions_join_a_head_that_moved(sql: Sql) -> None:
    sql.run(SCHEMA)
    one = sql.begin()
    one.run(
        "CREATE TABLE u (k int PRIMARY KEY, a int); INSERT INTO u VALUES (1, 1), (3, 3);"
        "INSERT INTO t VALUES (4, 40); CREATE MATERIALIZED VIEW both_of AS SELECT t.k, v, a FROM t JOIN u USING (k);"
        "CREATE INDEX ON t (v); INSERT INTO u VALUES (4, 4)"
    )
    assert one.rows("SELECT * FROM both_of") == [(1, 10, 1), (4, 40, 4)]
    sql.run("INSERT INTO t VALUES (3, 30); CREATE TABLE elsewhere (x int); DELETE FROM t WHERE k = 1")
    one.commit()
    assert sql.rows("SELECT * FROM both_of") == [(3, 30, 3), (4, 40, 4)]
    sql.run("UPDATE u SET a = a * 10")
    assert sql.view("both_of", "SELECT t.k, v, a FROM t JOIN u USING (k)") == [(3, 30, 30), (4, 40, 40)]
    assert sql.rows("SELECT k FROM t WHERE v = 30") == [(3,)]


def test_a_definition_over_something_dropped_meanwhile(sql: Sql) -> None:
    sql.run(SCHEMA)
    one = sql.begin()
    one.run("CREATE MATERIALIZED VIEW w AS SELECT * FROM bag; INSERT INTO t VALUES (9, 9)")
    sql.run("DROP TABLE bag")
    assert fails_to_commit(one).sqlstate == "40001"
    assert sql.rows("SELECT * FROM t") == [(1, 10), (2, 20)]
    sql.fails("42P01", "DROP MATERIALIZED VIEW w")


def test_rows_for_a_table_dropped_meanwhile(sql: Sql) -> None:
    sql.run(SCHEMA)
    one = sql.begin()
    one.run("INSERT INTO bag VALUES (1)")
    sql.run("DROP TABLE bag")
    assert fails_to_commit(one).sqlstate == "40001"


def test_one_name_twice(sql: Sql) -> None:
    one, two = sql.begin(), sql.begin()
    one.run("CREATE TABLE x (a int)")
    two.run("CREATE TABLE x (b text); INSERT INTO x VALUES ('two')")
    one.commit()
    assert fails_to_commit(two).sqlstate == "40001"
    assert sql.rows("SELECT * FROM x") == []


def test_a_commit_that_a_new_view_forbids_changes_nothing(sql: Sql) -> None:
    """Definitions and rows of a transaction come together or not at all."""
    sql.run(SCHEMA)
    one = sql.begin()
    one.run("CREATE TABLE mine (a int); INSERT INTO bag VALUES (0)")
    sql.run("CREATE MATERIALIZED VIEW inverse AS SELECT 1 / v AS i FROM bag")
    assert fails_to_commit(one).sqlstate == "22012"
    assert sql.rows("SELECT * FROM bag") == []
    sql.run("CREATE TABLE mine (other text)")
    sql.run("INSERT INTO bag VALUES (1)")
    assert sql.rows("SELECT * FROM inverse") == [(1,)]


def test_what_a_reader_keeps_survives_a_drop(sql: Sql) -> None:
    sql.run(SCHEMA)
    reader = sql.begin("repeatable read")
    assert reader.value("SELECT n FROM total") == 2
    sql.run("DROP TABLE t CASCADE; CREATE TABLE t (k int PRIMARY KEY, v int); INSERT INTO t VALUES (0, 0)")
    assert reader.rows("SELECT * FROM total") == [(2, 30)]
    reader.run("INSERT INTO t VALUES (6, 60)")
    assert reader.rows("SELECT * FROM total") == [(3, 90)]
    reader.rollback()
    assert sql.rows("SELECT * FROM t") == [(0, 0)]


def test_databases_are_apart(opened) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    sql.run("CREATE DATABASE other")
    other = opened.session("other")
    for index, one in enumerate((sql, other)):
        one.run("CREATE TABLE t (v int); CREATE MATERIALIZED VIEW s AS SELECT sum(v) AS s FROM t")
        one.run(f"INSERT INTO t VALUES ({index + 1})")
    sql = opened.open()
    other = opened.session("other")
    assert sql.rows("SELECT * FROM s") == [(1,)]
    assert other.rows("SELECT * FROM s") == [(2,)]
    one = other.begin()
    one.run("INSERT INTO t VALUES (5)")
    sql.run("DROP DATABASE other")
    assert sql.rows("SELECT * FROM s") == [(1,)]
    assert one.workspace.commit().exception(60).sqlstate == "3D000"  # type: ignore[attr-defined]
    one.forget()
    for text in ("INSERT INTO t VALUES (4)", "CREATE TABLE x (v int)", "DROP TABLE t CASCADE"):
        assert getattr(other.start(text).exception(60), "sqlstate", "") == "3D000"
    sql = opened.open()
    sql.fails("3D000", "DROP DATABASE other")
    sql.run("CREATE DATABASE other")
    assert opened.session("other").rows("SELECT relname FROM pg_class WHERE relname = 't'") == []


def fails_to_commit(one: Sql):  # type: ignore[no-untyped-def]
    with pytest.raises(SqlError) as caught:
        one.commit()
    return caught.value
