"""The journal: small commits that write what changed, and what a restart makes of them."""

import pytest

from pgstream.engine import defining, journal
from pgstream.sql.optimize import rules
from pgstream.sql.optimize.prune import prune
from tests.unit.engine.engine_sql import Sql, eventually

QUERIES = {
    "by_group": "SELECT g, count(*) AS n, sum(v) AS s FROM t GROUP BY g",
    "joined": "SELECT t.k, name, v FROM t LEFT JOIN u ON u.g = t.g",
    "first": "SELECT k, v FROM t ORDER BY v DESC, k LIMIT 3",
}
TYPES = (
    "b bool, i int, n numeric(10,2), f float8, t text, y bytea, d date, s timestamptz, v interval, u uuid, j jsonb,"
    " a int[]"
)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No journal is emptied because of its age."""
    monkeypatch.setattr(journal, "INTERVAL_S", 1e9)


def entries(opened) -> int:  # type: ignore[no-untyped-def]
    number = opened.engine._databases["postgres"].place.number
    return len(opened.engine._store.items(f"{number}/journal/".encode()))


def filled(sql: Sql) -> None:
    sql.run("CREATE TABLE t (k int PRIMARY KEY, g int, v numeric); CREATE TABLE u (g int, name text)")
    for name, query in QUERIES.items():
        sql.run(f"CREATE MATERIALIZED VIEW {name} AS {query}")
    for n in range(10):
        sql.run(f"INSERT INTO t VALUES ({n}, {n % 3}, {n}.50)")
    sql.run("INSERT INTO u VALUES (1, 'one'), (2, NULL); UPDATE t SET v = v + 1 WHERE k = 4; DELETE FROM t WHERE k = 5")


def everything(sql: Sql) -> dict[str, object]:
    return {name: sql.rows(f"SELECT * FROM {name}") for name in ("t", "u", *QUERIES)}


def identities(sql: Sql) -> dict[int, bytes]:
    """What the nodes are that keep the relations."""
    stored = sql.database._database.head.roots.stored
    return {oid: node.identity for oid, node in stored.items()}


def test_small_ticks_are_caught_up_with_after_a_crash(opened, patient) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    filled(sql)
    before = everything(sql)
    assert entries(opened) == 13
    for _ in range(2):
        sql = opened.crash()
        assert everything(sql) == before
        for name, query in QUERIES.items():
            sql.view(name, query)
    sql.fails("23505", "INSERT INTO t VALUES (3, 0, 0)")
    sql.run("INSERT INTO t VALUES (5, 0, 0)")
    assert entries(opened) == 14
    assert opened.crash().value("SELECT count(*) FROM joined") == 10


def test_an_orderly_end_empties_it(opened, patient) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    filled(sql)
    before = everything(sql)
    sql = opened.open()
    assert entries(opened) == 0
    assert everything(sql) == before


def test_it_is_emptied_in_time_though_nobody_writes(opened, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(journal, "INTERVAL_S", 0.05)
    sql = opened.open()
    filled(sql)
    eventually(lambda: entries(opened) == 0)
    before = everything(sql)
    assert everything(opened.crash()) == before


def test_definitions_sources_and_large_changes_are_whole_commits(opened, patient) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    filled(sql)
    sql.run("CREATE TABLE x (a int)")
    assert entries(opened) == 0
    sql.run("INSERT INTO x VALUES (1)")
    assert entries(opened) == 1
    sql.run("INSERT INTO x SELECT n FROM generate_series(1, 5000) AS s(n)")
    assert entries(opened) == 0
    sql.run("INSERT INTO x VALUES (2)")
    sql.run("CREATE SOURCE s WITH (connector = 'impulse', message_count = '10', event_rate = '1000000')")
    sql.run("CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM s")
    sql.drained()
    assert entries(opened) == 0
    sql = opened.crash()
    assert (sql.value("SELECT count(*) FROM x"), sql.value("SELECT n FROM counted")) == (5002, 10)


def test_a_transaction_is_one_entry(opened, patient) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    filled(sql)
    had = entries(opened)
    one = sql.begin()
    one.run("INSERT INTO t VALUES (20, 0, 1); UPDATE t SET g = 9 WHERE k = 20; INSERT INTO u VALUES (9, 'nine')")
    one.commit()
    one.forget()
    assert entries(opened) == had + 1
    assert opened.crash().rows("SELECT * FROM joined WHERE k = 20") == [(20, "nine", "1")]


def test_views_planned_otherwise_see_what_it_tells(opened, patient, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    filled(sql)
    before, planned = everything(sql), identities(sql)
    monkeypatch.setattr(rules, "RULES", tuple(rule for rule in rules.RULES if rule is not prune))
    monkeypatch.setattr(defining, "unique_key", lambda plan, facts: None)
    sql = opened.crash()
    assert identities(sql) != planned
    assert everything(sql) == before
    sql.run("INSERT INTO t VALUES (30, 1, 30)")
    changed = everything(sql)
    assert everything(opened.crash()) == changed


def test_values_of_every_type_come_back(opened, patient) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    sql.run(f"CREATE TABLE x ({TYPES})")
    sql.run(
        "INSERT INTO x VALUES (true, -7, 1.50, 'NaN', 'é\n', '\\x00ff', '2024-02-29', 'infinity', '1 month -3 days',"
        " 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{\"a\": [1, null]}', '{1,NULL,3}')"
    )
    sql.run("INSERT INTO x SELECT")
    before = sql.rows("SELECT x::text FROM x")
    assert entries(opened) == 2
    assert opened.crash().rows("SELECT x::text FROM x") == before
