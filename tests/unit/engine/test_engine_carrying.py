"""A commit that comes in the middle of a transaction: what the transaction has computed is not computed again."""

from pathlib import Path

import pytest

from pgstream.engine import Engine, journal
from pgstream.engine.transaction import Transaction
from tests.unit.engine.conftest import Opened
from tests.unit.engine.engine_sql import Sql

VIEW = "SELECT g, sum(v) AS s, count(*) AS n FROM t GROUP BY g"


def committed(engine: Engine) -> None:
    """Waits for a whole commit."""
    database = engine._databases["postgres"]
    engine._loop.submit(lambda: engine._commit([database], whole=True)).result(30)


@pytest.mark.parametrize("define", [False, True])
def test_it_is_taken_over_as_it_is(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, define: bool, tmp_path: Path
) -> None:
    sql = opened.open()
    out = tmp_path / "out.jsonl"
    sql.run("CREATE TABLE t (k int PRIMARY KEY, g int, v int)")
    sql.run(f"CREATE MATERIALIZED VIEW a AS {VIEW}")
    sql.run(f"CREATE SINK o AS SELECT k FROM t WITH (connector = 'filesystem', path = '{out}', format = 'json')")
    sql.run("INSERT INTO t SELECT n, n % 3, n FROM generate_series(1, 20000) AS s(n)")
    monkeypatch.setattr(Transaction, "_replay", lambda _self: pytest.fail("it is done again"))
    assert opened.engine is not None
    for number in range(3):
        sql.run(f"INSERT INTO t VALUES ({-1 - number}, 1, 1)")
        fork = sql.begin()
        fork.run(f"INSERT INTO t VALUES ({30000 + number}, 1, 5)")
        committed(opened.engine)
        fork.run(f"DELETE FROM t WHERE k = {number + 1}")
        if define:
            fork.run(f"CREATE MATERIALIZED VIEW b{number} AS SELECT max(v) AS m FROM t")
        fork.commit()
        sql.view("a", VIEW)
    expected = sql.rows("TABLE t")
    sql = opened.crash()
    assert sql.rows("TABLE t") == expected
    sql.view("a", VIEW)
    if define:
        sql.view("b2", "SELECT max(v) AS m FROM t")
    committed(opened.engine)
    written = [int(line.split(":")[1].strip(" }\n")) for line in out.read_text().splitlines() if '"k"' in line]
    assert len(written) == len(set(written)), "nothing is sent twice"


def test_where_more_has_happened_it_is_done_again(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    sql: Sql = opened.open()
    sql.run(f"CREATE TABLE t (k int PRIMARY KEY, g int, v int); CREATE MATERIALIZED VIEW a AS {VIEW}")
    monkeypatch.setattr(journal, "INTERVAL_S", 1e9)
    fork = sql.begin()
    fork.run("INSERT INTO t VALUES (1, 1, 1)")
    sql.run("INSERT INTO t VALUES (2, 1, 1)")
    fork.commit()
    sql.view("a", VIEW)
    assert sql.value("SELECT s FROM a") == 2
