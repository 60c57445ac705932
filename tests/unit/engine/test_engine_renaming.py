"""ALTER … RENAME: what is kept as text follows, is durable, rolls back, and meets who saw the old names."""

import pytest

from pgstream.errors import SqlError
from tests.unit.engine.engine_sql import Sql

DEFINITION = "SELECT pg_get_viewdef('v'::regclass)"


def made(sql: Sql) -> None:
    sql.run("CREATE TABLE r (a int PRIMARY KEY, b text); INSERT INTO r VALUES (1, 'x'), (2, 'y')")
    sql.run(
        "CREATE VIEW v AS SELECT a, b FROM r WHERE a > 0; CREATE MATERIALIZED VIEW m AS SELECT * FROM v NATURAL JOIN r"
    )


def test_definitions_follow(sql: Sql) -> None:
    made(sql)
    sql.run("ALTER TABLE r RENAME TO r2")
    assert sql.value(DEFINITION) == " SELECT a, b FROM r2 AS r WHERE a > 0;"
    sql.run("ALTER TABLE r2 RENAME b TO c")
    assert sql.value(DEFINITION) == " SELECT a, b FROM r2 AS r(a, b) WHERE a > 0;"
    sql.run("CREATE SCHEMA s; ALTER TABLE r2 SET SCHEMA s")
    assert sql.value(DEFINITION) == " SELECT a, b FROM s.r2 AS r(a, b) WHERE a > 0;"
    sql.run("ALTER SCHEMA s RENAME TO z")
    assert sql.value(DEFINITION) == " SELECT a, b FROM z.r2 AS r(a, b) WHERE a > 0;"
    sql.run("INSERT INTO z.r2 VALUES (3, 'z')")
    assert sql.rows("SELECT * FROM m") == [(1, "x"), (2, "y"), (3, "z")]


def test_renames_survive_a_crash(opened) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    made(sql)
    built = opened.engine._databases["postgres"].circuit.specs()
    sql.run(
        "ALTER TABLE r RENAME TO r2; ALTER TABLE r2 RENAME b TO c; ALTER VIEW v RENAME a TO k; ALTER VIEW v RENAME TO w"
    )
    sql = opened.crash()
    assert opened.engine._databases["postgres"].circuit.specs() == built
    sql.run("INSERT INTO r2 (a, c) VALUES (3, 'z')")
    assert sql.rows("SELECT k, b FROM w") == sql.rows("SELECT a, b FROM m") == [(1, "x"), (2, "y"), (3, "z")]


def test_a_rename_rolls_back(sql: Sql) -> None:
    made(sql)
    inside = sql.begin()
    inside.run("ALTER TABLE r RENAME TO r2; INSERT INTO r2 VALUES (3, 'z')")
    assert inside.rows("SELECT * FROM m") == [(1, "x"), (2, "y"), (3, "z")]
    inside.rollback()
    assert sql.rows("SELECT * FROM r") == sql.rows("SELECT * FROM m") == [(1, "x"), (2, "y")]


def test_a_transaction_that_saw_the_old_name_fails(sql: Sql) -> None:
    made(sql)
    inside = sql.begin()
    inside.run("CREATE VIEW n AS SELECT a FROM r")
    sql.run("ALTER TABLE r RENAME TO r2")
    with pytest.raises(SqlError, match="concurrent update of the catalog"):
        inside.commit()


def test_a_sink_and_what_feeds_it_follow(sql: Sql) -> None:
    made(sql)
    sql.run("CREATE SINK k (a int) WITH (connector = 'blackhole'); INSERT INTO k SELECT a FROM r")
    sql.run("ALTER TABLE k RENAME TO k2; ALTER TABLE r RENAME TO r2")
    sql.run("INSERT INTO r2 VALUES (4, 'w')")


def test_a_source_takes_its_errors_along(sql: Sql) -> None:
    sql.run("CREATE SOURCE g (n int) WITH (connector = 'datagen')")
    sql.run("ALTER TABLE g RENAME TO h")
    assert sql.rows("SELECT message FROM h_errors") == []
    sql.run("DROP SOURCE h")
