"""Many views: what one more costs, and what is left of those that are dropped."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pgstream.engine import Engine
from pgstream.engine.database import Database
from pgstream.errors import DependentObjectsStillExist
from pgstream.sql.parse import Parsed
from tests.unit.engine.engine_sql import Sql

VIEW = "CREATE MATERIALIZED VIEW {name} AS SELECT g, count(*) AS n FROM t WHERE v > {least} GROUP BY g"


class Turned(Sql):
    """SQL whose engine runs on this thread."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine.database("postgres"))
        self.engine = engine
        self.kept: Database = engine._databases["postgres"]

    def submit(self, parsed: Parsed) -> Any:
        future = super().submit(parsed)
        while not future.done():
            self.engine.turn()
        return future


@pytest.fixture
def turned(tmp_path: Path) -> Iterator[Turned]:
    engine = Engine.open(tmp_path, threaded=False, sync=False)
    sql = Turned(engine)
    sql.run("CREATE TABLE t (k int PRIMARY KEY, g int, v int); CREATE TABLE u (k int PRIMARY KEY, g int, v int)")
    sql.run("INSERT INTO t SELECT n, n % 3, n FROM generate_series(1, 10) AS s(n)")
    yield sql
    sql.forget()
    engine.close()


def _calls(sql: Turned, text: str) -> int:
    """How many calls of Python functions it takes to run `text`."""
    count = 0

    def called(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(called)
    try:
        sql.run(text)
    finally:
        sys.setprofile(None)
    return count


def _steps(sql: Turned, number: int) -> list[int]:
    """The calls of a definition, of an insert that no view sees, and of a drop."""
    name = f"cost{number}"
    return [
        _calls(sql, text)
        for text in (
            VIEW.format(name=name, least=1000 + number),
            f"INSERT INTO u VALUES ({number}, 1, 1)",
            f"DROP MATERIALIZED VIEW {name}",
        )
    ]


def test_a_definition_costs_as_much_among_many_as_among_few(turned: Turned) -> None:
    for number in range(3):
        few = _steps(turned, number)
    for number in range(250):
        turned.run(VIEW.format(name=f"v{number}", least=number))
    turned.run(VIEW.format(name="last", least=-1))  # has rows, so that its commit writes down what only the log had
    many = _steps(turned, 3)
    assert all(after < before + 150 for before, after in zip(few, many, strict=True)), (few, many)


def test_nothing_is_left_of_what_is_dropped(turned: Turned) -> None:
    database = turned.kept
    turned.run("CREATE MATERIALIZED VIEW kept AS SELECT g, count(*) AS n FROM u GROUP BY g")
    before = set(database.head.state), len(database.circuit)
    for number in range(20):
        turned.run(VIEW.format(name=f"v{number}", least=number))
    turned.run("CREATE MATERIALIZED VIEW above AS SELECT a.g, a.n + b.n AS n FROM v1 a JOIN v2 b USING (g)")
    turned.run("INSERT INTO t VALUES (100, 1, 100)")
    live = database.head.roots.live
    assert {id for node in live for id in node.arrangement_ids} >= set(database.head.state)
    for number in range(20):
        turned.run(f"DROP MATERIALIZED VIEW v{number} CASCADE")
    turned.run("CREATE SCHEMA s")
    assert (set(database.head.state), len(database.circuit)) == before
    assert set(database.circuit.nodes()) == set(database.head.roots.live)


def test_a_hundred_dependents_are_named(sql: Sql) -> None:
    sql.run("CREATE TABLE t (a int)")
    for number in range(1, 104):
        sql.run(f"CREATE VIEW v{number} AS SELECT a FROM t")
    with pytest.raises(DependentObjectsStillExist) as refused:
        sql.run("DROP TABLE t")
    assert refused.value.detail is not None
    lines = refused.value.detail.split("\n")
    assert lines[0] == "view v1 depends on table t"
    assert lines[99:] == ["view v100 depends on table t", "and 3 other objects (see server log for list)"]
    sql.run("DROP VIEW v1, v2")
    outcome = sql.run("DROP TABLE t CASCADE")
    assert outcome is not None
    (notice,) = outcome.notices
    assert notice.message == "drop cascades to 101 other objects"
    assert notice.detail is not None
    assert notice.detail.split("\n")[99:] == [
        "drop cascades to view v102",
        "and 1 other object (see server log for list)",
    ]
