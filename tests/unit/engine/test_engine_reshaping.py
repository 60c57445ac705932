"""ALTER TABLE of columns: rows and views are what they should be, also after a crash, a rollback and later changes."""

from pathlib import Path

import pytest

from pgstream.errors import SqlError
from tests.unit.engine.engine_sql import Sql, eventually


def made(sql: Sql) -> None:
    sql.run("CREATE TABLE t (k int PRIMARY KEY, g int, v text DEFAULT 'd' NOT NULL, w int)")
    sql.run("CREATE INDEX byg ON t (g); CREATE TABLE u (g int, name text)")
    sql.run("INSERT INTO t SELECT n, n % 7, 'v' || n, n % 3 FROM generate_series(1, 1000) AS s(n)")
    sql.run("INSERT INTO u SELECT n, 'u' || n FROM generate_series(0, 5) AS s(n)")
    sql.run("CREATE VIEW plain AS SELECT k, w FROM t WHERE w > 0")
    sql.run("CREATE MATERIALIZED VIEW joined AS SELECT t.k, name, w FROM t LEFT JOIN u ON u.g = t.g")
    sql.run("CREATE MATERIALIZED VIEW over AS SELECT name, count(*) AS n, sum(w) AS s FROM joined GROUP BY name")
    sql.run("CREATE MATERIALIZED VIEW filtered AS SELECT count(*) AS n, max(k) AS m FROM plain")


def right(sql: Sql) -> None:
    sql.view("joined", "SELECT t.k, name, w FROM t LEFT JOIN u ON u.g = t.g")
    sql.view("over", "SELECT name, count(*) AS n, sum(w) AS s FROM joined GROUP BY name")
    sql.view("filtered", "SELECT count(*) AS n, max(k) AS m FROM t WHERE w > 0")


def changed(sql: Sql) -> None:
    sql.run("UPDATE t SET w = 5 WHERE k % 10 = 0; DELETE FROM t WHERE k % 11 = 0; INSERT INTO u VALUES (6, 'six')")
    right(sql)


def test_views_go_on_after_columns_come_and_go(opened) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    made(sql)
    sql.run("ALTER TABLE t ADD COLUMN x int DEFAULT 3")
    changed(sql)
    sql.run("ALTER TABLE t DROP COLUMN v")
    right(sql)
    sql.run("INSERT INTO t (k, g, w) VALUES (5000, 1, 1)")
    changed(sql)
    sql = opened.crash()
    assert sql.rows("SELECT * FROM t WHERE k = 5000") == [(5000, 1, 5, 3)]
    right(sql)
    sql.run("ALTER TABLE t ALTER x TYPE text USING 'x' || x, ADD y numeric")
    sql.run("UPDATE t SET y = 1.5 WHERE k = 5000")
    sql = opened.crash()
    changed(sql)
    assert sql.rows("SELECT x, y FROM t WHERE k = 5000 AND g = 1") == [("x3", "1.5")]


def test_a_rollback_leaves_the_table_as_it_was(sql: Sql) -> None:
    made(sql)
    inside = sql.begin()
    inside.run("ALTER TABLE t DROP COLUMN w CASCADE, ADD x int DEFAULT 1; INSERT INTO t (k) VALUES (-1)")
    assert inside.rows("SELECT * FROM t WHERE k < 2") == [(-1, None, "d", 1), (1, 1, "v1", 1)]
    inside.rollback()
    changed(sql)
    assert sql.rows("SELECT * FROM t WHERE k < 2") == [(1, 1, "v1", 1)]


def test_in_a_transaction_with_changes(opened) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    made(sql)
    inside = sql.begin()
    inside.run("DELETE FROM t WHERE k > 500; ALTER TABLE t DROP COLUMN v; INSERT INTO t VALUES (-1, 3, 2)")
    right(inside)
    inside.commit()
    inside.forget()
    changed(sql)
    sql = opened.crash()
    right(sql)
    assert sql.rows("SELECT * FROM t WHERE k < 2") == [(-1, 3, 2), (1, 1, 1)]


def test_who_wrote_to_the_old_shape_fails(sql: Sql) -> None:
    made(sql)
    inside = sql.begin()
    inside.run("INSERT INTO t VALUES (-1, 3, 'x', 2)")
    sql.run("ALTER TABLE t DROP COLUMN v")
    with pytest.raises(SqlError, match="concurrent update"):
        inside.commit()
    changed(sql)


def test_an_error_changes_nothing(sql: Sql) -> None:
    made(sql)
    sql.fails("22P02", "ALTER TABLE t ALTER v DROP DEFAULT, ALTER v TYPE int USING v::int")
    sql.fails("23502", "ALTER TABLE t ADD z int NOT NULL")
    sql.fails("23505", "ALTER TABLE t ADD z int DEFAULT 3 UNIQUE")
    changed(sql)


def test_a_sink_is_not_sent_everything_again(opened, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    made(sql)
    target = tmp_path / "out.jsonl"
    sql.run(f"CREATE SINK s AS SELECT k, w FROM t WHERE k <= 3 WITH (connector = 'filesystem', path = '{target}')")
    eventually(lambda: len(target.read_text().splitlines()) == 3)
    sql.run("ALTER TABLE t DROP COLUMN v")
    sql.run("INSERT INTO t VALUES (0, 1, 1)")
    eventually(lambda: len(target.read_text().splitlines()) == 4)


def test_a_key_that_comes_and_goes(opened) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    made(sql)
    sql.run("ALTER TABLE t DROP CONSTRAINT t_pkey; INSERT INTO t VALUES (1, 1, 'twice', 1)")
    changed(sql)
    sql.fails("23505", "ALTER TABLE t ADD PRIMARY KEY (k)")
    sql.run("DELETE FROM t WHERE v = 'twice'; ALTER TABLE t ADD CONSTRAINT tk PRIMARY KEY (k)")
    sql = opened.crash()
    sql.fails("23505", "INSERT INTO t VALUES (1, 1, 'x', 1)")
    assert sql.value("SELECT count(*) FROM t WHERE k = 1") == 1
    right(sql)
    sql.run("DROP TABLE t CASCADE")


def test_columns_go_that_a_view_only_counts(sql: Sql) -> None:
    made(sql)
    sql.run("ALTER TABLE t RENAME w TO ww; ALTER TABLE t DROP COLUMN v")
    sql.run("INSERT INTO t VALUES (5000, 1, 2)")
    assert sql.value("SELECT w FROM plain WHERE k = 5000") == 2
    sql.view("filtered", "SELECT count(*) AS n, max(k) AS m FROM t WHERE ww > 0")
