"""proctime(): the time of the tick in which a row came, which views keep."""

from tests.unit.engine.conftest import Opened


def test_rows_keep_the_time_at_which_they_came(opened: Opened) -> None:
    sql = opened.open()
    sql.run("CREATE TABLE t (x int) APPEND ONLY")
    sql.run("CREATE VIEW stamped AS SELECT x, proctime() AS p_time FROM t")
    sql.run("CREATE MATERIALIZED VIEW kept AS SELECT x, p_time FROM stamped")
    sql.run(
        "CREATE MATERIALIZED VIEW counted AS SELECT window_start, window_end, count(*) AS n"
        " FROM TABLE(TUMBLE(TABLE stamped, DESCRIPTOR(p_time), INTERVAL '100' YEAR)) GROUP BY window_start, window_end"
    )
    sql.run("INSERT INTO t VALUES (1), (2)")
    [(one,), (two,)] = sql.rows("SELECT p_time FROM kept ORDER BY x")
    assert one == two
    sql.run("INSERT INTO t VALUES (3)")
    sql = opened.open()
    assert sql.rows("SELECT x, p_time = (SELECT min(p_time) FROM kept) FROM kept ORDER BY x") == [
        (1, True),
        (2, True),
        (3, False),
    ]
    assert sql.rows("SELECT n, abs(extract(epoch FROM proctime() - now())) < 60 FROM counted") == [(3, True)]
    assert sql.rows("SELECT count(*) FROM kept WHERE p_time > now() - interval '1 hour'") == [(3,)]


def test_rows_that_go_have_no_such_time(opened: Opened) -> None:
    sql = opened.open()
    sql.run("CREATE TABLE t (x int)")
    sql.fails("0A000", "CREATE MATERIALIZED VIEW kept AS SELECT x, proctime() AS p_time FROM t")
    sql.fails("0A000", "CREATE MATERIALIZED VIEW kept AS SELECT x FROM t WHERE proctime() > '2020-01-01'")
    sql.fails("0A000", "CREATE MATERIALIZED VIEW kept AS SELECT x, clock_timestamp() AS p_time FROM t")
    sql.run("INSERT INTO t VALUES (1)")
    assert sql.rows("SELECT x FROM t WHERE proctime() > '2020-01-01'") == [(1,)]
