"""Limits: a full disk, big rows, many views, and directories that are not ours."""

import os
from pathlib import Path

import lmdb
import pytest

from pgstream.engine import Engine
from pgstream.errors import SqlError
from tests.unit.engine.engine_sql import Sql


def many(first: int, count: int = 500) -> str:
    """A query of `count` rows of 1,280 bytes."""
    return f"SELECT n, repeat(md5(n::text), 40) FROM generate_series({first}, {first + count - 1}) AS s(n)"


def test_a_full_disk_fails_statements_and_loses_nothing(opened) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open(map_bytes=16 << 20)
    sql.run("CREATE TABLE t (k int PRIMARY KEY, v text); CREATE MATERIALIZED VIEW n AS SELECT count(*) AS n FROM t")
    sql.run(f"CREATE TABLE big (k int, v text); INSERT INTO big {many(0, 2000)}")
    rows = 0
    for _ in range(30):
        if sql.start(f"INSERT INTO t {many(rows)}").exception(60) is not None:
            sql.fails("53100", f"INSERT INTO t {many(rows)}")
            break
        rows += 500
    else:
        raise AssertionError("the disk was never full")
    assert sql.rows("SELECT count(*) FROM t") == sql.rows("SELECT * FROM n") == [(rows,)]
    one = sql.begin()
    one.run(f"INSERT INTO t {many(1_000_000)}")
    assert one.workspace.commit().exception(60).sqlstate == "53100"  # type: ignore[attr-defined]
    one.forget()
    sql.fails("53100", f"CREATE MATERIALIZED VIEW w AS {many(0, 20_000)}")
    sql.run("DROP TABLE big")
    sql.run("CREATE TABLE other (v int); INSERT INTO other VALUES (1)")
    sql = opened.open(map_bytes=64 << 20)
    assert sql.rows("SELECT count(*) FROM t") == sql.rows("SELECT * FROM n") == [(rows,)]
    sql.fails("42P01", "DROP MATERIALIZED VIEW w")
    sql.run(f"INSERT INTO t {many(rows)}")


def test_a_build_fails_with_the_disk_and_can_be_tried_again(opened, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("pgstream.engine.backfill.CHUNK_ROWS", 100)
    sql = opened.open(map_bytes=6 << 20)
    sql.run("CREATE TABLE t (k int, v text); INSERT INTO t SELECT n, 'x' FROM generate_series(1, 20000) AS s(n)")
    building = sql.start("CREATE MATERIALIZED VIEW w AS SELECT k % 100 AS g, count(*) AS n FROM t GROUP BY 1")
    sql.fails("53100", f"INSERT INTO t {many(0, 20_000)}")
    if building.exception(60) is not None:
        assert building.exception().sqlstate == "53100"
        sql.run("CREATE MATERIALIZED VIEW w AS SELECT k % 100 AS g, count(*) AS n FROM t GROUP BY 1")
    assert len(sql.view("w", "SELECT k % 100 AS g, count(*) AS n FROM t GROUP BY 1")) == 100


def test_a_row_of_many_megabytes(sql: Sql) -> None:
    sql.run("CREATE TABLE t (k int, v text); CREATE MATERIALIZED VIEW w AS SELECT k, v || '!' AS v FROM t")
    sql.run("INSERT INTO t VALUES (1, repeat('x', 20000000)), (2, '')")
    assert sql.rows("SELECT k, length(v) FROM w") == [(1, 20_000_001), (2, 1)]
    sql.run("UPDATE t SET v = 'y' WHERE k = 1")
    assert sql.rows("SELECT * FROM w") == [(1, "y!"), (2, "!")]


def test_many_views(opened) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    sql.run("CREATE TABLE t (k int PRIMARY KEY, v int)")
    for n in range(60):
        sql.run(f"CREATE MATERIALIZED VIEW v{n} AS SELECT sum(v + {n}) AS s FROM t")
    sql.run("INSERT INTO t VALUES (1, 1), (2, 2)")
    sql = opened.open()
    sql.run("INSERT INTO t VALUES (3, 3)")
    assert [sql.value(f"SELECT s FROM v{n}") for n in range(60)] == [6 + 3 * n for n in range(60)]
    sql.run("DROP TABLE t CASCADE")
    assert opened.engine._store.arrangements == ()


def refused(directory: Path) -> SqlError:
    with pytest.raises(SqlError) as caught:
        Engine.open(directory)
    return caught.value


def test_directories_that_are_not_ours(opened, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    opened.open()
    assert refused(opened.directory).message == 'lock file "pgstream.lock" already exists'
    opened.close()
    environment = lmdb.open(str(opened.directory), max_dbs=4)
    with environment.begin(write=True) as transaction:
        transaction.put(b"\0format", b"99", db=environment.open_db(b"meta", transaction))
    environment.close()
    error = refused(opened.directory)
    assert error.message == "database files are incompatible with server"
    assert "format 99" in (error.detail or "")
    (tmp_path / "file").write_text("no directory")
    assert "could not use data directory" in refused(tmp_path / "file").message
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise" / "data.mdb").write_bytes(os.urandom(10_000))
    assert refused(tmp_path / "noise").sqlstate == "58030"
