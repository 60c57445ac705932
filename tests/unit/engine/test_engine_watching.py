"""Watching: what a watcher is told, summed, is what changed, and nothing is told before it is durable."""

from collections import Counter
from typing import Any

import pytest

from pgstream.engine import watching
from pgstream.engine.watching import Outrun, Watch
from pgstream.errors import SqlError
from pgstream.sql.bind import Bound
from pgstream.sql.bind.statements import Query, Subscribe
from pgstream.sql.parse import parse
from tests.unit.engine.engine_sql import PATIENCE_S, Sql, eventually

TABLES = "CREATE TABLE t (k int PRIMARY KEY, g int); CREATE TABLE u (g int, name text)"


def watch(sql: Sql, query: str) -> Watch:
    (parsed,) = parse(query)
    bound, context = sql._bound(parsed)
    assert isinstance(bound.statement, Query)
    asked = Bound(Subscribe(bound.statement.plan, bound.depends), (), bound.columns, bound.catalog_version, "SUBSCRIBE")
    return sql.database.autocommit.watch(parsed, asked, context).result(PATIENCE_S)


def rows_of(columns: tuple[Any, ...], weights: Any) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for row, weight in zip(zip(*(column.to_pylist() for column in columns), strict=True), weights, strict=True):
        found[row] += int(weight)
    return found


def snapshot(one: Watch) -> Counter[Any]:
    spine = one.head.rows(one.relation_oid)
    return Counter() if spine is None else rows_of(spine.contents().columns, spine.contents().weights)


def told(one: Watch, after_ms: int | None = None) -> Counter[Any]:
    """The snapshot and all changes, or only the changes."""
    found = snapshot(one) if after_ms is None else Counter()
    changes, until, _ = one.channel.read(one.head.time_ms if after_ms is None else after_ms)
    assert [c.time_ms for c in changes] == sorted({c.time_ms for c in changes})
    assert all(change.time_ms <= until for change in changes)
    for change in changes:
        for row, weight in rows_of(change.delta.columns, change.delta.weights).items():
            found[row] += weight
    return Counter({row: weight for row, weight in found.items() if weight})


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM t",
        "SELECT * FROM v",
        "SELECT n, g FROM v WHERE n > 1",
        "SELECT t.k, u.name FROM t LEFT JOIN u ON u.g = t.g",
    ],
)
def test_snapshot_and_changes_are_the_answer(sql: Sql, query: str) -> None:
    sql.run(TABLES)
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT g, count(*) AS n FROM t GROUP BY g")
    sql.run("INSERT INTO t VALUES (1, 1), (2, 1), (3, 2); INSERT INTO u VALUES (1, 'one')")
    one = watch(sql, query)
    assert told(one) == Counter(sql.rows(query))
    sql.run("INSERT INTO t VALUES (4, 2), (5, 3); UPDATE t SET g = 3 WHERE k = 1; DELETE FROM t WHERE k = 2")
    transaction = sql.begin()
    transaction.run("INSERT INTO t VALUES (7, 1); INSERT INTO u VALUES (2, 'two'), (3, 'three')")
    assert (7, 1) not in told(one)
    transaction.commit()
    transaction.forget()
    assert told(one) == Counter(sql.rows(query))


@pytest.mark.parametrize("query", ["SELECT * FROM t", "SUBSCRIBE t", "SUBSCRIBE (SELECT k, g FROM t)"])
def test_what_is_stored_already_is_not_stored_again(sql: Sql, query: str) -> None:
    sql.run(TABLES)
    before = len(sql.database._database.circuit)
    if query.startswith("SUBSCRIBE"):
        (parsed,) = parse(query)
        bound, context = sql._bound(parsed)
        one = sql.database.autocommit.watch(parsed, bound, context).result(PATIENCE_S)
    else:
        one = watch(sql, query)
    assert sql.database.autocommit.snapshot().head.catalog.objects[one.relation_oid].name == "t"
    assert len(sql.database._database.circuit) == before


def test_equal_queries_are_computed_once_and_freed_with_the_last(sql: Sql) -> None:
    sql.run(TABLES)
    circuit = sql.database._database.circuit
    before = len(circuit)
    query = "SELECT g, count(*) AS n FROM t GROUP BY g"
    several = [watch(sql, query) for _ in range(3)]
    after = len(circuit)
    assert after > before
    assert len({id(one.channel) for one in several}) == 1
    sql.run("INSERT INTO t VALUES (1, 1)")
    assert [told(one) for one in several] == [Counter({(1, 1): 1})] * 3
    for one in several:
        assert len(circuit) == after
        sql.database.autocommit.unwatch(one.relation_oid).result(PATIENCE_S)
    eventually(lambda: not sql.database._database.dirty)
    sql.run("CREATE TABLE x (a int)")
    assert len(circuit) == before + 2, "the next definition frees what the last commit still had"
    assert not sql.database._database.head.watched


def test_a_transaction_is_told_as_one_change(sql: Sql) -> None:
    sql.run(TABLES)
    one = watch(sql, "SELECT * FROM t")
    transaction = sql.begin()
    transaction.run("INSERT INTO t VALUES (1, 1); UPDATE t SET g = 2; INSERT INTO t VALUES (3, 3)")
    transaction.commit()
    transaction.forget()
    (change,) = one.channel.read(one.head.time_ms).changes
    assert rows_of(change.delta.columns, change.delta.weights) == {(1, 2): 1, (3, 3): 1}


def test_a_transaction_is_told_when_it_commits(sql: Sql, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PULSE_MS", 1)
    sql.run(TABLES)
    one = watch(sql, "SELECT * FROM t")
    transaction = sql.begin()
    transaction.run("INSERT INTO t VALUES (1, 1)")
    since = one.head.time_ms
    eventually(lambda: one.channel.read(since).until_ms > since + 50)
    until = one.channel.read(since).until_ms
    transaction.commit()
    transaction.forget()
    assert one.channel.read(until).changes[0].time_ms > until


def test_times_grow_through_a_crash(opened) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    sql.run(TABLES)
    one = watch(sql, "SELECT * FROM t")
    for n in range(20):
        sql.run(f"INSERT INTO t VALUES ({n}, 0)")
    last = one.channel.read(one.head.time_ms)[0][-1].time_ms
    del one
    sql = opened.crash()
    one = watch(sql, "SELECT * FROM t")
    assert one.head.time_ms == last
    sql.run("INSERT INTO t VALUES (99, 0)")
    assert one.channel.read(last)[0][0].time_ms > last


def test_dropping_what_is_watched_ends_it(sql: Sql) -> None:
    sql.run(TABLES)
    one, other = watch(sql, "SELECT * FROM t"), watch(sql, "SELECT g FROM t WHERE k > 1")
    sql.run("INSERT INTO t VALUES (5, 6)")
    sql.run("DROP TABLE t")
    for channel in (one.channel, other.channel):
        changes, until, _ = channel.read(one.head.time_ms)
        assert len(changes) == 1
        with pytest.raises(SqlError, match="was dropped"):
            channel.read(until)
    sql.run("INSERT INTO u VALUES (1, 'goes on')")
    for ended in (one, other):
        sql.database.autocommit.unwatch(ended.relation_oid).result(PATIENCE_S)


def test_who_is_far_behind_is_told_so(sql: Sql, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "BYTES_MAX", 2000)
    sql.run(TABLES)
    one = watch(sql, "SELECT * FROM t")
    for n in range(200):
        sql.run(f"INSERT INTO t VALUES ({n}, 0)")
    with pytest.raises(Outrun):
        one.channel.read(one.head.time_ms)


def test_time_passes_though_nothing_changes(sql: Sql, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PULSE_MS", 10)
    sql.run(TABLES)
    one = watch(sql, "SELECT * FROM t")
    _, first, _ = one.channel.read(one.head.time_ms)
    eventually(lambda: one.channel.read(one.head.time_ms)[1] > first)
    _, until, _ = one.channel.read(one.head.time_ms)
    sql.run("INSERT INTO t VALUES (1, 1)")
    assert one.channel.read(until)[0][0].time_ms > until


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("(SELECT g, count(*) AS n FROM t GROUP BY g)", "Project g AS g_1, count AS n"),
        ("v WITH (PROGRESS) UP TO 5", "Scan v (g, n)"),
        ("TO v", "Scan v (g, n)"),
    ],
)
def test_explain(sql: Sql, query: str, first: str) -> None:
    sql.run(TABLES)
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT g, count(*) AS n FROM t GROUP BY g")
    for text in (f"EXPLAIN SUBSCRIBE {query}", f"EXPLAIN (COSTS off) SUBSCRIBE {query}"):
        outcome = sql.run(text)
        assert outcome is not None
        assert outcome.rows[0].to_pylist()[0] == first
    outcome = sql.run(f"EXPLAIN (STATE) SUBSCRIBE {query}")
    assert outcome is not None
    assert outcome.rows[0].to_pylist()[-1].startswith("result: bounded by the ")
    assert not sql.database._database.head.watched


def test_explain_of_the_function(sql: Sql) -> None:
    sql.run(TABLES)
    outcome, same = sql.run("EXPLAIN SELECT * FROM subscribe('t')"), sql.run("EXPLAIN SUBSCRIBE t")
    assert outcome is not None
    assert same is not None
    assert outcome.rows[0].equals(same.rows[0])
    assert sql.fails("42P01", "EXPLAIN SUBSCRIBE nope").position == 18
