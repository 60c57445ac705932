"""A subscription's query may fail: that ends the subscription, and holds up nothing that others write."""

from collections import Counter

import pytest

from pgstream.engine.watching import Watch
from pgstream.errors import SqlError
from tests.unit.engine.engine_sql import PATIENCE_S, Sql, eventually
from tests.unit.engine.test_engine_watching import told, watch

FAILS_AT_3 = "SELECT 10 / (k - 3) AS q FROM t"


def failure(one: Watch) -> str:
    """The SQLSTATE of what ended a channel, after all of its changes."""
    with pytest.raises(SqlError) as caught:
        one.channel.read(one.channel.read(one.head.time_ms).until_ms)
    return caught.value.sqlstate


def setup(sql: Sql) -> tuple[Watch, Watch]:
    sql.run("CREATE TABLE t (k int); INSERT INTO t VALUES (1)")
    one, other = watch(sql, FAILS_AT_3), watch(sql, "SELECT k + 1 AS n FROM t")
    sql.run("INSERT INTO t VALUES (2)")
    return one, other


def test_who_writes_is_not_refused_for_a_subscriber(sql: Sql) -> None:
    one, other = setup(sql)
    circuit = sql.database._database.circuit
    before = len(circuit)
    sql.run("INSERT INTO t VALUES (3)")
    sql.run("INSERT INTO t VALUES (4)")
    assert sql.rows("SELECT k FROM t") == [(1,), (2,), (3,), (4,)]
    assert told(other) == Counter({(2,): 1, (3,): 1, (4,): 1, (5,): 1})
    assert failure(one) == "22012"
    sql.database.autocommit.unwatch(one.relation_oid).result(PATIENCE_S)
    sql.run("CREATE TABLE x (a int)")
    assert len(circuit) < before + 2, "what only the failed subscription needed is freed"
    with pytest.raises(SqlError, match="division by zero"):
        watch(sql, FAILS_AT_3)


def test_a_failed_subscription_keeps_its_last_changes(sql: Sql) -> None:
    one, _ = setup(sql)
    sql.run("INSERT INTO t VALUES (3)")
    (change,) = one.channel.read(one.head.time_ms).changes
    assert change.delta.columns[0].to_pylist() == [-10]


def test_a_transaction_fails_a_subscription_only_where_it_commits(sql: Sql) -> None:
    one, other = setup(sql)
    transaction = sql.begin()
    transaction.run("INSERT INTO t VALUES (3)")
    transaction.run("INSERT INTO t VALUES (5)")
    transaction.rollback()
    sql.run("INSERT INTO t VALUES (8)")
    assert told(one) == Counter({(-5,): 1, (-10,): 1, (2,): 1})
    transaction = sql.begin()
    transaction.run("INSERT INTO t VALUES (3)")
    transaction.commit()
    transaction.forget()
    assert failure(one) == "22012"
    assert told(other) == Counter({(2,): 1, (3,): 1, (9,): 1, (4,): 1})


def test_a_view_still_refuses_what_it_cannot_hold(sql: Sql) -> None:
    one, _ = setup(sql)
    sql.run(f"CREATE MATERIALIZED VIEW v AS {FAILS_AT_3}")
    sql.fails("22012", "INSERT INTO t VALUES (3)")
    sql.run("INSERT INTO t VALUES (5)")
    assert told(one) == Counter({(-5,): 1, (-10,): 1, (5,): 1})


def test_a_subscription_that_fails_while_a_view_is_made_from_its_rows(sql: Sql) -> None:
    sql.run("CREATE TABLE t (k int); INSERT INTO t SELECT 1 FROM generate_series(1, 200000)")
    one = watch(sql, "SELECT k, count(*) AS n, sum(10 / (k - 3)) AS s FROM t GROUP BY k")
    making = sql.start("CREATE MATERIALIZED VIEW v AS SELECT k, count(*) AS n FROM t GROUP BY k")
    sql.run("INSERT INTO t VALUES (3), (4)")
    making.result(PATIENCE_S)
    sql.run("INSERT INTO t VALUES (4)")
    assert sql.view("v", "SELECT k, count(*) AS n FROM t GROUP BY k") == [(1, 200000), (3, 1), (4, 2)]
    assert failure(one) == "22012"


def test_a_source_refuses_no_record_for_a_subscriber(sql: Sql) -> None:
    sql.run("CREATE SOURCE i WITH (connector = 'impulse', event_rate = '1000', message_count = '100')")
    one = watch(sql, "SELECT 10 / (counter - 60) AS q FROM i")
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM i")
    sql.drained()
    assert sql.rows("SELECT * FROM v") == [(100,)]
    assert sql.rows("SELECT * FROM i_errors") == []
    assert failure(one) == "22012"


def test_time_goes_on_though_a_subscription_fails_by_it(sql: Sql) -> None:
    sql.run("CREATE TABLE t (k int, ts timestamptz); CREATE TABLE u (ts timestamptz)")
    soon = "now() + interval '300 ms'"
    one = watch(sql, "SELECT 10 / k AS q FROM t WHERE ts < now()")
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT k FROM t WHERE ts < now()")
    sql.run(f"INSERT INTO t VALUES (0, {soon}), (1, {soon})")
    eventually(lambda: sql.rows("SELECT * FROM v") == [(0,), (1,)])
    assert failure(one) == "22012"
