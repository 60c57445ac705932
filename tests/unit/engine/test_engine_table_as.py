"""CREATE TABLE … AS: a table and its rows are one change, also of a transaction, and are there after a crash."""

from pathlib import Path

from pgstream.engine import Engine
from pgstream.world import RealWorld
from tests.unit.engine.engine_sql import Sql, sql_of


def test_a_rolled_back_one_leaves_nothing(sql: Sql) -> None:
    sql.run("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2)")
    for _ in range(2):
        inside = sql.begin()
        inside.run("CREATE TABLE u AS SELECT a * 10 AS a FROM t; INSERT INTO u VALUES (5)")
        assert inside.rows("SELECT a FROM u") == [(10,), (20,), (5,)]
        inside.rollback()
        sql.fails("42P01", "DROP TABLE u")


def test_one_in_a_transaction_is_there_afterwards(sql: Sql) -> None:
    sql.run("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2)")
    inside = sql.begin()
    inside.run("CREATE TABLE u AS SELECT a * 10 AS a FROM t; INSERT INTO u VALUES (5)")
    sql.run("INSERT INTO t VALUES (3)")
    inside.commit()
    assert sql.rows("SELECT a FROM u") == [(10,), (20,), (5,)]


def test_its_rows_are_durable(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "store", RealWorld())
    sql = sql_of(engine)
    outcome = sql.run("CREATE TABLE u AS SELECT n FROM generate_series(1, 1000) AS s (n)")
    assert outcome is not None
    assert outcome.tag == "SELECT 1000"
    engine.close()
    again = Engine.open(tmp_path / "store", RealWorld())
    assert sql_of(again).rows("SELECT count(*), sum(n) FROM u") == [(1000, 500500)]
    again.close()
