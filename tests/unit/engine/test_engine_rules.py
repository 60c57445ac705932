"""What a table's definition says holds after a crash, in transactions, and between them."""

import pytest

from pgstream.errors import CheckViolation, ForeignKeyViolation, GeneratedAlways, SqlError
from tests.unit.engine.engine_sql import Sql


def made(sql: Sql) -> None:
    sql.run(
        "CREATE TABLE p (id int PRIMARY KEY, n int CHECK (n > 0), twice int GENERATED ALWAYS AS (n * 2) STORED);"
        "CREATE TABLE c (id serial PRIMARY KEY, p_id int REFERENCES p ON DELETE CASCADE);"
        "COMMENT ON COLUMN p.n IS 'a count';"
        "INSERT INTO p (id, n) VALUES (1, 10), (2, 20);"
        "INSERT INTO c (p_id) VALUES (1), (1), (2)"
    )


def test_rules_hold_after_a_crash(opened) -> None:  # type: ignore[no-untyped-def]
    made(opened.open())
    sql = opened.crash()
    with pytest.raises(CheckViolation):
        sql.run("INSERT INTO p (id, n) VALUES (3, 0)")
    with pytest.raises(GeneratedAlways):
        sql.run("UPDATE p SET twice = 1")
    with pytest.raises(ForeignKeyViolation):
        sql.run("INSERT INTO c (p_id) VALUES (9)")
    sql.run("INSERT INTO p (id, n) VALUES (3, 30); INSERT INTO c (p_id) VALUES (3); DELETE FROM p WHERE id = 1")
    assert sorted(sql.rows("SELECT id, twice FROM p")) == [(2, 40), (3, 60)]
    assert [row[0] for row in sorted(sql.rows("SELECT p_id FROM c"))] == [2, 3]
    assert sql.value("SELECT count(DISTINCT id) FROM c") == 2
    assert sql.value("SELECT col_description('p'::regclass, 2)") == "a count"
    sql = opened.crash()
    with pytest.raises(ForeignKeyViolation):
        sql.run("UPDATE p SET id = 7 WHERE id = 2")


def test_a_transaction_that_loses_what_it_refers_to_is_refused(opened) -> None:  # type: ignore[no-untyped-def]
    made(opened.open())
    sql, other = opened.session(), opened.session()
    inside = sql.begin()
    inside.run("INSERT INTO c (p_id) VALUES (2)")
    other.run("DELETE FROM p WHERE id = 2")
    with pytest.raises(SqlError) as told:
        inside.commit()
    assert told.value.sqlstate in ("23503", "40001")
    assert sql.value("SELECT count(*) FROM c WHERE p_id = 2") == 0
    inside = sql.begin()
    inside.run("DELETE FROM p WHERE id = 1")
    other.run("INSERT INTO c (p_id) VALUES (1)")
    with pytest.raises(SqlError) as told:
        inside.commit()
    assert told.value.sqlstate in ("23503", "40001")
    assert sql.value("SELECT count(*) FROM c JOIN p ON p.id = c.p_id") == sql.value("SELECT count(*) FROM c")
