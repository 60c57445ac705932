"""Tables that take INSERT and nothing else, and views that rely on it."""

from tests.unit.engine.conftest import Opened
from tests.unit.engine.engine_sql import Sql

TABLE = "CREATE TABLE t (id int PRIMARY KEY, k text, v int, ts timestamp, WATERMARK FOR ts) APPEND ONLY"
VIEWS = {
    "extremes": "SELECT k, max(v) AS m, min(v) AS l, count(*) AS n FROM t GROUP BY k",
    "windows": "SELECT tumble('1 minute') AS window, count(DISTINCT k) AS n FROM t GROUP BY 1",
    "top": "SELECT k, v FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY v DESC) AS r FROM t) x WHERE r = 1",
    "pairs": "SELECT DISTINCT a.k FROM t a JOIN t b ON a.k = b.k AND a.id < b.id",
    "alone": "SELECT a.id FROM t a LEFT JOIN t b ON a.id = b.id + 1 WHERE b.id IS NULL",
    "sessions": "SELECT k, session('20 s') AS w, sum(v) AS s, max(v) AS m FROM t GROUP BY k, w",
}


def compared(sql: Sql) -> None:
    for name, query in VIEWS.items():
        sql.view(name, query)


def test_views_of_a_table_that_only_grows(opened: Opened) -> None:
    sql = opened.open()
    sql.run(TABLE)
    for name, query in VIEWS.items():
        sql.run(f"CREATE MATERIALIZED VIEW {name} AS {query}")
    for start in range(0, 60, 20):
        rows = ", ".join(
            f"({i}, '{'abc'[i % 3]}', {i * 7 % 11}, '2024-01-01 00:00:00'::timestamp + interval '{i * 13 % 97} s')"
            for i in range(start, start + 20)
        )
        sql.run(f"INSERT INTO t VALUES {rows}")
        compared(sql)
    sql.run("INSERT INTO t VALUES (1, 'z', 0, NULL), (60, 'a', 99, NULL) ON CONFLICT DO NOTHING")
    sql.fails("23505", "INSERT INTO t VALUES (61, 'b', 98, NULL), (1, 'x', 0, NULL)")
    transaction = sql.begin()
    transaction.run("INSERT INTO t VALUES (62, 'b', 97, NULL)")
    compared(transaction)
    transaction.rollback()
    compared(sql)
    assert sql.value("SELECT max(v) FROM t") == 99
    sql = opened.open()
    sql.run("INSERT INTO t VALUES (63, 'c', 100, '2024-01-01 00:09:00')")
    compared(sql)
    assert sql.value("SELECT m FROM extremes WHERE k = 'c'") == 100


def test_rows_of_it_are_never_changed(opened: Opened) -> None:
    sql = opened.open()
    sql.run(TABLE)
    sql.run("INSERT INTO t VALUES (1, 'a', 1, NULL)")
    for statement in (
        "UPDATE t SET v = 0",
        "DELETE FROM t",
        "TRUNCATE t",
        "INSERT INTO t VALUES (1, 'x', 0, NULL) ON CONFLICT (id) DO UPDATE SET v = 7",
    ):
        assert "append-only" in sql.fails("42809", statement).message
    sql.run("DROP TABLE t")
