"""CREATE OR REPLACE of views: filled beside, changed over at once, with all that reads them."""

import threading
from typing import Any

import pytest

from pgstream.errors import SqlError
from tests.unit.engine.conftest import Opened
from tests.unit.engine.engine_sql import Sql

TOTAL = "SELECT g, sum(v) AS total FROM t GROUP BY g"
DOUBLE = "SELECT g, sum(v) * 2 AS total FROM t GROUP BY g"
REPLACE = "CREATE OR REPLACE MATERIALIZED VIEW"


@pytest.fixture
def filled(sql: Sql) -> Sql:
    sql.run("CREATE TABLE t (k int PRIMARY KEY, g int, v int)")
    sql.run("INSERT INTO t SELECT n, n % 3, n FROM generate_series(1, 100) AS s(n)")
    return sql


def test_it_creates_what_is_not_there(filled: Sql) -> None:
    filled.run(f"{REPLACE} a AS {TOTAL}")
    filled.view("a", TOTAL)


def test_readers_change_with_it_and_it_outlives_a_restart(opened: Opened) -> None:
    sql = opened.open()
    sql.run("CREATE TABLE t (k int PRIMARY KEY, g int, v int); INSERT INTO t VALUES (1, 1, 10), (2, 2, 20)")
    sql.run(f"CREATE MATERIALIZED VIEW a AS {TOTAL}; CREATE INDEX a_total ON a (total)")
    sql.run("CREATE VIEW plain AS SELECT g, total + 1 AS more FROM a")
    sql.run("CREATE MATERIALIZED VIEW top AS SELECT max(more) AS best FROM plain")
    sql.run("CREATE MATERIALIZED VIEW apart AS SELECT count(*) AS n FROM t")
    assert sql.rows("TABLE top") == [(21,)]
    sql.run(f"{REPLACE} a AS {DOUBLE}")
    for _ in range(2):
        assert sorted(sql.rows("TABLE a")) == [(1, 20), (2, 40)]
        assert sql.rows("TABLE top") == [(41,)]
        sql.run("INSERT INTO t VALUES (3, 2, 5)")
        sql.view("a", DOUBLE)
        assert sql.rows("TABLE top") == [(51,)]
        assert sql.rows("SELECT g FROM a WHERE total = 50") == [(2,)]
        assert sql.rows("TABLE apart") == [(3,)]
        sql.run("DELETE FROM t WHERE k = 3")
        sql = opened.crash()


def test_a_plain_view_is_replaced_under_views(filled: Sql) -> None:
    filled.run("CREATE VIEW p AS SELECT g FROM t WHERE v > 50")
    filled.run("CREATE MATERIALIZED VIEW n AS SELECT g, count(*) AS c FROM p GROUP BY g")
    filled.run("CREATE OR REPLACE VIEW p AS SELECT g, v FROM t WHERE v > 90")
    filled.view("n", "SELECT g, count(*) AS c FROM t WHERE v > 90 GROUP BY g")
    filled.run("UPDATE t SET v = 1000 WHERE k = 1")
    filled.view("n", "SELECT g, count(*) AS c FROM t WHERE v > 90 GROUP BY g")


def test_what_stays_the_same_is_not_filled_again(filled: Sql) -> None:
    filled.run(f"CREATE MATERIALIZED VIEW a AS {TOTAL}")
    database: Any = filled.database._database  # type: ignore[attr-defined]
    inner = {id for id, _ in database.head.state.items()}
    filled.run(f"{REPLACE} a AS {DOUBLE}")
    left = {id for id, _ in database.head.state.items()}
    assert len(inner & left) == len(inner) - 1, "only the view's own rows are others"
    before = database.head
    filled.run(f"{REPLACE} a AS {DOUBLE}")
    assert dict(database.head.state.items()) == dict(before.state.items())


@pytest.mark.parametrize(
    ("query", "state"),
    [
        ("SELECT g FROM t", "42P16"),
        ("SELECT g, count(*) AS n FROM t GROUP BY g", "42P16"),
        ("SELECT g, sum(v) / 0.5 AS total FROM t GROUP BY g", "42P16"),
        ("SELECT g, total FROM a", "42P17"),
        ("SELECT nope FROM t", "42703"),
        ("SELECT g, sum(v) / 0 AS total FROM t GROUP BY g", "22012"),
    ],
)
def test_refusals_leave_it_as_it_was(filled: Sql, query: str, state: str) -> None:
    filled.run(f"CREATE MATERIALIZED VIEW a AS {TOTAL}")
    filled.run("CREATE MATERIALIZED VIEW b AS SELECT max(total) FROM a")
    filled.fails(state, f"{REPLACE} a AS {query}")
    filled.fails("42809", f"{REPLACE} t AS {TOTAL}")
    filled.view("a", TOTAL)
    filled.run("INSERT INTO t VALUES (1000, 1, 1)")
    filled.view("a", TOTAL)


def test_without_readers_its_columns_may_be_others(filled: Sql) -> None:
    filled.run(f"CREATE MATERIALIZED VIEW a AS {TOTAL}")
    filled.run(f"{REPLACE} a AS SELECT count(*) AS n, 'x' AS word FROM t")
    assert filled.rows("SELECT word, n FROM a") == [("x", 100)]


def test_whoever_follows_its_changes_keeps_it(filled: Sql) -> None:
    filled.run(f"CREATE MATERIALIZED VIEW a AS {TOTAL}; CREATE SUBSCRIPTION s FROM a WITH (retention = '1 day')")
    filled.fails("2BP01", f"{REPLACE} a AS {DOUBLE}")
    filled.run("DROP SUBSCRIPTION s")
    filled.run(f"{REPLACE} a AS {DOUBLE}")
    filled.view("a", DOUBLE)


def test_a_transaction_changes_several_over_together(filled: Sql) -> None:
    filled.run(f"CREATE MATERIALIZED VIEW a AS {TOTAL}; CREATE MATERIALIZED VIEW b AS SELECT count(*) AS n FROM t")
    filled.run("CREATE MATERIALIZED VIEW c AS SELECT sum(total)::int AS s FROM a")
    fork = filled.begin()
    fork.run(f"{REPLACE} a AS {DOUBLE}")
    fork.run(f"{REPLACE} b AS SELECT count(*) * 10 AS n FROM t")
    assert fork.rows("SELECT n, s FROM b, c") == [(1000, 10100)]
    assert filled.rows("SELECT n, s FROM b, c") == [(100, 5050)]
    filled.run("INSERT INTO t VALUES (1000, 1, 1)")
    fork.commit()
    assert filled.rows("SELECT n, s FROM b, c") == [(1010, 10102)]
    filled.view("a", DOUBLE)
    filled.run("INSERT INTO t VALUES (1001, 1, 1)")
    assert filled.rows("SELECT n, s FROM b, c") == [(1020, 10104)]
    fork = filled.begin()
    fork.run(f"{REPLACE} a AS {TOTAL}")
    fork.rollback()
    filled.view("a", DOUBLE)


def test_readers_see_the_old_view_or_the_new_one_while_rows_come(filled: Sql) -> None:
    """Every answer is one of a moment: the view's sum is the table's, or twice that."""
    filled.run(
        f"CREATE MATERIALIZED VIEW a AS {TOTAL}; CREATE MATERIALIZED VIEW c AS SELECT sum(total)::int AS s FROM a"
    )
    wrong: list[Any] = []
    done = threading.Event()

    def read() -> None:
        own = Sql(filled.database)
        while not done.is_set():
            try:
                [(s, t)] = own.rows("SELECT (SELECT s FROM c), (SELECT sum(v) FROM t)")
                if s not in (t, 2 * t):
                    wrong.append((s, t))
            except SqlError as error:
                wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for round in range(10):
        filled.run(f"INSERT INTO t VALUES ({1000 + round}, {round % 3}, 7)")
        filled.run(f"{REPLACE} a AS {DOUBLE if round % 2 else TOTAL}")
    done.set()
    for reader in readers:
        reader.join()
    assert not wrong
