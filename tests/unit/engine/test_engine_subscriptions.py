"""Subscriptions: a relation's changes are remembered tick by tick, with their times, through crashes."""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pgstream.catalog.objects import Subscription
from pgstream.circuit.operator import TickContext
from pgstream.delta import Delta
from pgstream.engine import journal, keeping
from pgstream.functions.registry import EvalContext
from pgstream.operators.changelog import Changelog, read
from pgstream.plan.relations import Distinct
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType
from tests.unit.engine.engine_sql import Sql, eventually
from tests.unit.engine.test_engine_watching import rows_of, watch

Remembered = list[tuple[int, Counter[Any]]]


def setup(sql: Sql) -> None:
    sql.run("CREATE TABLE t (k int PRIMARY KEY, g int)")
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT g, count(*) AS n FROM t GROUP BY g")
    sql.run("INSERT INTO t VALUES (100, 1)")
    sql.run("CREATE SUBSCRIPTION s FROM v WITH (retention = '1 day')")


def subscription(sql: Sql, name: str = "s") -> Subscription:
    head = sql.database.autocommit.snapshot().head
    found = head.catalog.lookup(None, name, ("public",))
    assert isinstance(found, Subscription)
    return found


def remembered(sql: Sql, after_ms: int = 0, name: str = "s") -> Remembered:
    head = sql.database.autocommit.snapshot().head
    log, seconds = (head.state.get(id) for id in head.roots.stored[subscription(sql, name).oid].arrangement_ids)
    if log is None or seconds is None:
        return []
    return [(time_ms, rows_of(delta.columns, delta.weights)) for time_ms, delta in read(log, seconds, after_ms)]


def told(one: Any) -> Remembered:
    changes = one.channel.read(one.head.time_ms).changes
    return [(change.time_ms, rows_of(change.delta.columns, change.delta.weights)) for change in changes]


def test_what_is_remembered_is_what_watchers_are_told(sql: Sql) -> None:
    setup(sql)
    one = watch(sql, "SELECT * FROM v")
    for k in range(20):
        sql.run(f"INSERT INTO t VALUES ({k}, {k % 3})")
    sql.run("UPDATE t SET g = 1 WHERE g = 0; DELETE FROM t WHERE k < 5")
    assert len(told(one)) == 22
    assert remembered(sql) == told(one)
    middle = told(one)[10][0]
    assert remembered(sql, middle) == told(one)[11:]
    assert subscription(sql).since_ms == one.head.time_ms


@pytest.mark.parametrize("whole", [False, True])
def test_a_crash_forgets_nothing_and_joins_nothing(opened, monkeypatch, whole: bool) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(journal, "INTERVAL_S", 0.0 if whole else 1e9)
    sql = opened.open()
    setup(sql)
    since = subscription(sql).since_ms
    for k in range(10):
        sql.run(f"INSERT INTO t VALUES ({k}, {k % 3})")
    waiting = [sql.start(f"UPDATE t SET g = g + 1 WHERE k = {k}") for k in range(10)]
    for each in waiting:
        each.result(60)
    transaction = sql.begin()
    transaction.run("DELETE FROM t WHERE k = 3; DELETE FROM t WHERE k = 4")
    transaction.commit()
    transaction.forget()
    before = remembered(sql)
    assert len({time_ms for time_ms, _ in before}) == len(before) >= 21
    for _ in range(2):
        sql = opened.crash()
        assert remembered(sql) == before
        assert subscription(sql).since_ms == since
    sql.run("INSERT INTO t VALUES (50, 50)")
    assert remembered(sql)[:-1] == before
    assert remembered(sql)[-1][0] > before[-1][0]
    assert opened.open() is not None


def test_a_view_that_is_planned_otherwise_begins_to_remember_anew(opened, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    sql.run("CREATE TABLE t (k int PRIMARY KEY, g int)")
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT k, g FROM t")
    sql.run("CREATE SUBSCRIPTION s FROM v WITH (retention = '1 day')")
    sql.run("INSERT INTO t VALUES (2, 2)")
    ((last_ms, _),) = remembered(sql)
    assert subscription(sql).since_ms < last_ms
    monkeypatch.setattr(keeping, "optimize", lambda plan, *_: Distinct(plan))
    for _ in range(2):
        sql = opened.crash()
        assert remembered(sql) == []
        assert subscription(sql).since_ms == last_ms
    sql.run("INSERT INTO t VALUES (3, 3)")
    ((next_ms, rows),) = remembered(sql)
    assert next_ms > last_ms
    assert rows == {(3, 3): 1}
    assert remembered(opened.crash()) == [(next_ms, rows)]


def test_times_of_what_expires() -> None:
    operator = Changelog((SqlType("int4"),), retention_ms=10_000)
    state = [Spine.empty(spec, (1, 2)) for spec in operator.arrangements]
    for time_ms in range(1000, 60_000, 300):
        delta = Delta((pa.array([time_ms % 7], pa.int32()),), np.array([1]))
        operator.step(TickContext((1, 2), EvalContext({}, 0), time_ms=time_ms), state, [delta])
    found = [time_ms for time_ms, _ in read(state[0], state[1], 0)]
    assert found[0] // 1000 == (found[-1] - 10_000) // 1000
    assert found == [time_ms for time_ms in range(1000, 60_000, 300) if time_ms >= found[0]]
    assert [time_ms for time_ms, _ in read(state[0], state[1], 55_000)] == [
        time_ms for time_ms in found if time_ms > 55_000
    ]
    before = list(state)
    operator.step(TickContext((1, 2), EvalContext({}, 0)), state, [Delta((pa.array([1], pa.int32()),), np.array([1]))])
    assert state == before, "a backfill is no tick"


def test_definitions(opened) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    setup(sql)
    sql.fails("42P07", "CREATE SUBSCRIPTION s FROM t WITH (retention = '1 day')")
    outcome = sql.run("CREATE SUBSCRIPTION IF NOT EXISTS s FROM t WITH (retention = '1 day')")
    assert outcome is not None
    assert outcome.notices[0].sqlstate == "42P07"
    sql.fails("22023", "CREATE SUBSCRIPTION s2 FROM t WITH (retention = '-1 day')")
    sql.fails("22023", "CREATE SUBSCRIPTION s2 FROM t WITH (patience = '1 day')")
    sql.fails("22007", "CREATE SUBSCRIPTION s2 FROM t WITH (retention = 'long')")
    sql.fails("42P01", "CREATE SUBSCRIPTION s2 FROM nothing WITH (retention = '1 day')")
    sql.run("CREATE VIEW plain AS SELECT 1 AS a")
    sql.fails("42809", "CREATE SUBSCRIPTION s2 FROM plain WITH (retention = '1 day')")
    sql.fails("42P01", "CREATE MATERIALIZED VIEW x AS SELECT * FROM s")
    with pytest.raises(Exception, match="depend"):
        sql.run("DROP MATERIALIZED VIEW v")
    transaction = sql.begin()
    transaction.fails("25001", "CREATE SUBSCRIPTION s2 FROM t WITH (retention = '1 day')")
    transaction.rollback()
    transaction.forget()
    circuit = sql.database._database.circuit
    before = len(circuit)
    sql.run("DROP SUBSCRIPTION s")
    sql.fails("42704", "DROP SUBSCRIPTION s")
    sql.run("DROP SUBSCRIPTION IF EXISTS s")
    eventually(lambda: not sql.database._database.dirty)
    sql.run("CREATE SUBSCRIPTION s FROM t WITH (retention = '1 day')")
    assert len(circuit) <= before
    sql.run("DROP TABLE t CASCADE")
    sql = opened.crash()
    sql.fails("42704", "DROP SUBSCRIPTION s")


def test_what_is_remembered_outlives_another_retention(opened) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    setup(sql)
    sql.run("INSERT INTO t VALUES (1, 1); INSERT INTO t VALUES (2, 1)")
    before, since = remembered(sql), subscription(sql).since_ms
    sql.run("ALTER SUBSCRIPTION s SET (retention = '2 days')")
    assert remembered(sql) == before
    sql.run("INSERT INTO t VALUES (3, 2)")
    sql = opened.crash()
    assert remembered(sql)[:-1] == before
    assert len(remembered(sql)) == len(before) + 1
    assert (subscription(sql).since_ms, subscription(sql).retention_ms) == (since, 2 * 86_400_000)
    sql.run("ALTER SUBSCRIPTION s SET (retention = '1 ms')")
    sql.run("ALTER SUBSCRIPTION s SET (retention = '1 day')")
    assert subscription(sql).since_ms > since, "what was to be forgotten is not known again"


def test_a_retention_that_another_subscription_has_is_its_memory(opened) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    setup(sql)
    sql.run("INSERT INTO t VALUES (1, 1)")
    sql.run("CREATE SUBSCRIPTION later FROM v WITH (retention = '2 days')")
    sql.run("INSERT INTO t VALUES (2, 1)")
    sql.run("ALTER SUBSCRIPTION s SET (retention = '2 days')")
    assert subscription(sql).since_ms == subscription(sql, "later").since_ms
    sql.run("DROP SUBSCRIPTION later; INSERT INTO t VALUES (3, 1)")
    assert len(remembered(opened.crash())) == 2


def test_altering_subscriptions(opened) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    setup(sql)
    sql.run("INSERT INTO t VALUES (1, 1)")
    before = remembered(sql)
    sql.fails("42P07", "ALTER SUBSCRIPTION s RENAME TO v")
    sql.run("ALTER SUBSCRIPTION s RENAME TO r")
    sql.fails("42704", "ALTER SUBSCRIPTION s RENAME TO r2")
    sql.fails("42704", "ALTER SUBSCRIPTION t RENAME TO r2")
    assert remembered(opened.crash(), name="r") == before
    sql = opened.session()
    sql.fails("22023", "ALTER SUBSCRIPTION r SET (retention = '0 s')")
    assert sql.fails("22023", "ALTER SUBSCRIPTION r SET (patience = '1 s')").position == 26
    sql.fails("22007", "ALTER SUBSCRIPTION r SET (retention = 'long')")
    sql.fails("0A000", "ALTER SUBSCRIPTION r DISABLE")
    transaction = sql.begin()
    transaction.fails("25001", "ALTER SUBSCRIPTION r SET (retention = '5 days')")
    transaction.rollback()
    transaction.forget()
