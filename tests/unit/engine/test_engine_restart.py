"""Opening again: after an orderly end and after none, everything is as it was."""

import json
from pathlib import Path
from typing import Any

import pytest

from pgstream.engine import backfill, commit, defining
from pgstream.errors import SqlError
from pgstream.sql.optimize import rules
from pgstream.sql.optimize.prune import prune
from tests.unit.engine.engine_sql import Sql, eventually

QUERIES = {
    "by_group": "SELECT g, count(*) AS n, sum(v) AS s, min(v) AS least FROM t GROUP BY g",
    "joined": "SELECT t.k, name, v FROM t LEFT JOIN u ON u.g = t.g",
    "first": "SELECT k, v FROM t ORDER BY v DESC, k LIMIT 5",
    "groups": "SELECT DISTINCT g FROM t",
    "lonely": "SELECT name FROM u WHERE NOT EXISTS (SELECT 1 FROM t WHERE t.g = u.g)",
    "over": "SELECT max(n) AS m FROM by_group",
    "ranked": "SELECT k, rank() OVER (PARTITION BY g ORDER BY v) AS r FROM t",
}


def filled(sql: Sql, folder: Path) -> None:
    """Tables, views of every kind, an index, a source and its errors."""
    records = [json.dumps({"id": n, "word": f"w{n % 7}"}) for n in range(1000)]
    (folder / "in.jsonl").write_text("\n".join([*records[:500], "nonsense", *records[500:]]) + "\n")
    sql.run("CREATE TABLE t (k int PRIMARY KEY, g int, v numeric); CREATE TABLE u (g int, name text)")
    sql.run(f"CREATE SOURCE s (id int, word text) WITH (connector = 'filesystem', path = '{folder}/in.jsonl')")
    for name, query in QUERIES.items():
        sql.run(f"CREATE MATERIALIZED VIEW {name} AS {query}")
    sql.run("CREATE MATERIALIZED VIEW words AS SELECT word, count(*) AS n FROM s GROUP BY word; CREATE INDEX ON t (g)")
    sql.run("INSERT INTO t SELECT n, n % 13, n * 1.50 FROM generate_series(1, 30000) AS x(n)")
    sql.run("INSERT INTO u SELECT n, 'u' || n FROM generate_series(5, 20) AS x(n)")
    sql.run("DELETE FROM t WHERE k % 3 = 0; UPDATE t SET v = v + 0.001 WHERE g = 4")
    sql.drained()


def everything(sql: Sql) -> dict[str, Any]:
    names = ["t", "u", *QUERIES, "words", "s_errors"]
    return {name: sql.rows(f"SELECT * FROM {name}") for name in names}


@pytest.mark.parametrize("how", ["close", "crash"])
def test_everything_is_there_again(opened, tmp_path: Path, how: str) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    filled(sql, tmp_path)
    before = everything(sql)
    assert before["words"] == [(f"w{n}", 143 if n < 6 else 142) for n in range(7)]
    assert len(before["s_errors"]) == 1
    built = opened.engine._databases["postgres"].circuit.specs()
    sql = opened.open() if how == "close" else opened.crash()
    assert everything(sql) == before
    assert opened.engine._databases["postgres"].circuit.specs() == built
    for name, query in QUERIES.items():
        sql.view(name, query)
    sql.run("INSERT INTO t VALUES (1000000, 5, 7.25); DELETE FROM t WHERE g = 6; INSERT INTO u VALUES (6, 'six')")
    for name, query in QUERIES.items():
        sql.view(name, query)
    with (tmp_path / "in.jsonl").open("a") as file:
        file.write('{"id": 1, "word": "late"}\n')
    assert sql.rows("SELECT * FROM words") == before["words"]


def test_opening_reads_no_rows_and_builds_nothing(opened, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    filled(opened.open(), tmp_path)

    def forbidden(*_: object) -> None:
        raise AssertionError("opening steps the circuit")

    monkeypatch.setattr(backfill.Backfill, "_step", forbidden)
    assert opened.open().value("SELECT count(*) FROM joined") == 20000


def test_a_transaction_that_was_open_is_gone(opened) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    sql.run("CREATE TABLE t (v int); INSERT INTO t VALUES (1)")
    one = sql.begin()
    one.run("CREATE TABLE x (a int); INSERT INTO t VALUES (2); CREATE MATERIALIZED VIEW w AS SELECT * FROM t")
    one.forget()
    sql = opened.crash()
    assert sql.rows("SELECT * FROM t") == [(1,)]
    sql.fails("42P01", "DROP TABLE x")
    two = sql.begin()
    two.run("CREATE TABLE x (a int); INSERT INTO x VALUES (3); CREATE MATERIALIZED VIEW w AS SELECT a FROM x, t")
    two.commit()
    two.forget()
    sql = opened.crash()
    assert sql.rows("SELECT * FROM w") == [(3,)]


def test_oids_are_never_used_again(opened) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    sql.run("CREATE TABLE a (v int); CREATE TABLE b (v int)")
    oid = sql.value("SELECT oid FROM pg_class WHERE relname = 'b'")
    sql.run("DROP TABLE b")
    sql = opened.open()
    sql.run("CREATE TABLE b (v int)")
    assert sql.value("SELECT oid FROM pg_class WHERE relname = 'b'") > oid


def test_views_that_this_version_plans_otherwise_are_built_anew(opened, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    filled(sql, tmp_path)
    target = tmp_path / "out.jsonl"
    sql.run(f"CREATE SINK k AS SELECT word FROM s WITH (connector = 'filesystem', path = '{target}')")
    sql.drained()
    eventually(lambda: len(target.read_text().splitlines()) == 1000)
    before = everything(sql)
    arrangements = set(opened.engine._store.arrangements)
    with monkeypatch.context() as patch:
        patch.setattr(rules, "RULES", tuple(rule for rule in rules.RULES if rule is not prune))
        patch.setattr(defining, "unique_key", lambda plan, facts: None)
        sql = opened.open()
        assert everything(sql) == before
        sql.run("INSERT INTO t VALUES (-1, 1, 1)")
        changed = everything(sql)
        assert set(opened.engine._store.arrangements) != arrangements
        patch.setattr(backfill.Backfill, "__init__", None)
        assert everything(opened.open()) == changed
    sql = opened.open()
    assert everything(sql) == changed
    assert set(opened.engine._store.arrangements) == arrangements
    assert len(target.read_text().splitlines()) == 1000


def test_a_table_stored_otherwise_is_refused(opened, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    sql.run("CREATE TABLE t (v int); INSERT INTO t VALUES (1)")
    load = commit.load

    def other(*given: Any) -> Any:
        from dataclasses import replace

        found = load(*given)
        return replace(found, identities=dict.fromkeys(found.identities, b"other"))

    with monkeypatch.context() as patch:
        patch.setattr(commit, "load", other)
        with pytest.raises(SqlError, match="incompatible"):
            opened.open()
