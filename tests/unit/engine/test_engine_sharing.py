"""INSERTs that wait for the engine together: one tick, and yet each a statement of its own."""

import threading
from typing import Any

import pytest

from pgstream.errors import SqlError


def held(sql: Any, texts: list[str]) -> list[Any]:
    """The outcomes of statements that wait in the queue at the same time, or their errors' SQLSTATEs."""
    gate = threading.Event()
    sql.database.autocommit._loop.submit(gate.wait, durable=False)
    futures = [sql.start(text) for text in texts]
    gate.set()
    found = []
    for future in futures:
        try:
            found.append(future.result(30).tag)
        except SqlError as error:
            found.append(error.sqlstate)
    return found


@pytest.fixture
def sql(opened: Any) -> Any:
    one = opened.open()
    one.run("CREATE TABLE t (id int PRIMARY KEY, v int NOT NULL); CREATE TABLE u (w int)")
    one.run("CREATE MATERIALIZED VIEW s AS SELECT count(*) AS n, sum(10 / v) AS s FROM t")
    return one


def test_one_tick_for_all(sql: Any) -> None:
    before = sql.database.autocommit.snapshot().tick
    assert held(sql, [f"INSERT INTO t VALUES ({i}, 5)" for i in range(20)]) == ["INSERT 0 1"] * 20
    assert sql.rows("SELECT * FROM s") == [(20, 40)]
    assert sql.database.autocommit.snapshot().tick <= before + 2, "the first may have gone ahead of the others"


def test_tables_and_several_rows(sql: Any) -> None:
    texts = ["INSERT INTO t VALUES (1, 1), (2, 2)", "INSERT INTO u VALUES (1)", "INSERT INTO t (v, id) VALUES (5, 3)"]
    assert held(sql, texts) == ["INSERT 0 2", "INSERT 0 1", "INSERT 0 1"]
    assert sql.rows("SELECT * FROM s") == [(3, 17)]
    assert sql.rows("SELECT * FROM u") == [(1,)]


@pytest.mark.parametrize(("bad", "state"), [("(3, 1)", "23505"), ("(9, NULL)", "23502"), ("(9, 0)", "22012")])
def test_only_the_failing_one_fails(sql: Any, bad: str, state: str) -> None:
    rows = [f"({i}, 2)" for i in range(5)]
    found = held(sql, [f"INSERT INTO t VALUES {row}" for row in [*rows, bad, "(10, 2)"]])
    assert found == [*["INSERT 0 1"] * 5, state, "INSERT 0 1"]
    assert sql.rows("SELECT * FROM s") == [(6, 30)]


def test_statements_that_look_at_rows_keep_their_place(sql: Any) -> None:
    texts = [
        "INSERT INTO t VALUES (1, 1)",
        "INSERT INTO t SELECT max(id) + 1, 2 FROM t",
        "INSERT INTO t VALUES (3, 3)",
        "DELETE FROM t WHERE id = 3",
        "INSERT INTO t VALUES (3, 5) ON CONFLICT DO NOTHING",
    ]
    assert held(sql, texts) == ["INSERT 0 1", "INSERT 0 1", "INSERT 0 1", "DELETE 1", "INSERT 0 1"]
    assert sql.rows("SELECT * FROM t ORDER BY id") == [(1, 1), (2, 2), (3, 5)]
