"""Recursive views equal their queries after any mix of changes to a graph with circles."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgstream.engine import Engine
from pgstream.sql import lower_recursion
from tests.unit.engine.engine_sql import Sql

REACHED = "SELECT 1 AS n UNION SELECT b FROM r JOIN edge ON a = n"
PAIRS = "SELECT a, b FROM edge UNION SELECT r.x, e.b FROM r JOIN edge e ON e.a = r.y"

VIEWS = {
    "reached": f"WITH RECURSIVE r(n) AS ({REACHED}) SELECT n FROM r",
    "pairs": f"WITH RECURSIVE r(x, y) AS ({PAIRS}) SELECT x, y FROM r",
    "walks": "WITH RECURSIVE r(n, d) AS (SELECT 1, 0 UNION ALL SELECT b, d + 1 FROM r JOIN edge ON a = n WHERE d < 4)"
    " SELECT n, d, count(*) FROM r GROUP BY n, d",
    "nearest": "WITH RECURSIVE r(n, d) AS (SELECT 1, 0 UNION SELECT b, d + 1 FROM r JOIN edge ON a = n WHERE d < 5)"
    " SELECT n, min(d) FROM r GROUP BY n",
    "few": "WITH RECURSIVE r(n, d) AS (SELECT 1, 0 UNION ALL SELECT b, d + 1 FROM (SELECT b, d, row_number() OVER"
    " (ORDER BY w, id) AS k FROM r JOIN edge ON a = n) s WHERE k <= 3 AND d < 4) SELECT n, d FROM r",
    "light": "WITH RECURSIVE r(n) AS (SELECT 1 UNION SELECT b FROM r JOIN edge ON a = n"
    " WHERE w <= (SELECT avg(w) FROM edge f WHERE f.a = r.n)) SELECT n FROM r",
    "padded": "WITH RECURSIVE r(n, d) AS (SELECT 1, 0 UNION SELECT coalesce(b, -1), d + 1 FROM r"
    " LEFT JOIN edge ON a = n AND w > 3 WHERE d < 4) SELECT n, d FROM r",
}
MUTUAL = {
    "reached": f"WITH MUTUALLY RECURSIVE r(n int) AS ({REACHED}) SELECT n FROM r",
    "pairs": "WITH MUTUALLY RECURSIVE r(x int, y int) AS (SELECT a, b FROM edge UNION SELECT p.x, q.y FROM r p"
    " JOIN r q ON p.y = q.x) SELECT x, y FROM r",
    "nearest": "WITH MUTUALLY RECURSIVE even(n int, d int) AS (SELECT 1, 0 UNION SELECT b, d + 1 FROM odd"
    " JOIN edge ON a = n WHERE d < 5), odd(n int, d int) AS (SELECT b, d + 1 FROM even JOIN edge ON a = n WHERE d < 5"
    " UNION SELECT NULL, 9 WHERE false) SELECT n, min(d) FROM (TABLE even UNION TABLE odd) r GROUP BY n",
}
"""Views in words of WITH MUTUALLY RECURSIVE that have the rows of the queries of these names."""


@pytest.fixture
def sql(tmp_path: Path) -> Iterator[Sql]:
    engine = Engine.open(tmp_path, sync=False)
    sql = Sql(engine.database("postgres"))
    sql.run("CREATE TABLE edge (id int PRIMARY KEY, a int, b int, w int)")
    yield sql
    sql.forget()
    engine.close()


class Graph:
    """Random changes of the edges between a few nodes."""

    def __init__(self, sql: Sql, seed: int) -> None:
        self.sql, self.chance = sql, random.Random(seed)
        self.ids: set[int] = set()

    def change(self) -> None:
        chance = self.chance.random()
        if chance < 0.5 or not self.ids:
            fresh = set(self.chance.sample(range(10_000), self.chance.randrange(1, 6))) - self.ids
            self.ids |= fresh
            rows = ", ".join(f"({id}, {self.node()}, {self.node()}, {self.chance.randrange(9)})" for id in fresh)
            self.sql.run(f"INSERT INTO edge VALUES {rows}")
        elif chance < 0.8:
            id = self.chance.choice(sorted(self.ids))
            self.ids.remove(id)
            self.sql.run(f"DELETE FROM edge WHERE id = {id}")
        else:
            id = self.chance.choice(sorted(self.ids))
            self.sql.run(f"UPDATE edge SET b = {self.node()}, w = {self.chance.randrange(9)} WHERE id = {id}")

    def node(self) -> int:
        return self.chance.randrange(1, 7)


def rows(sql: Sql, query: str) -> list[str]:
    return sorted(map(repr, sql.rows(query)))


@pytest.mark.parametrize("seed", range(2))
def test_recursive_views_equal_their_queries(sql: Sql, seed: int) -> None:
    graph = Graph(sql, seed)
    for name, query in VIEWS.items():
        sql.run(f"CREATE MATERIALIZED VIEW {name} AS {query}")
    for name, query in MUTUAL.items():
        sql.run(f"CREATE MATERIALIZED VIEW mutual_{name} AS {query}")
    for _ in range(12):
        graph.change()
        for name, query in VIEWS.items():
            expected = rows(sql, query)
            assert rows(sql, f"SELECT * FROM {name}") == expected, name
            if name in MUTUAL:
                assert rows(sql, f"SELECT * FROM mutual_{name}") == expected, name
                assert rows(sql, MUTUAL[name]) == expected, name
    for name, query in (VIEWS | MUTUAL).items():
        sql.run(f"CREATE MATERIALIZED VIEW again AS {query}")
        assert rows(sql, "SELECT * FROM again") == rows(sql, VIEWS[name]), name
        sql.run("DROP MATERIALIZED VIEW again")


def test_an_endless_recursion_is_an_error_and_changes_nothing(sql: Sql, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lower_recursion, "ROUNDS_MAX", 500)
    endless = "SELECT 1 AS n UNION ALL SELECT b FROM r JOIN edge ON a = n"
    sql.run(f"CREATE MATERIALIZED VIEW v AS WITH RECURSIVE r AS ({endless}) SELECT n FROM r")
    sql.run("INSERT INTO edge VALUES (1, 1, 2, 0)")
    sql.fails("54000", "INSERT INTO edge VALUES (2, 2, 1, 0)")
    assert rows(sql, "SELECT * FROM v") == ["(1,)", "(2,)"]
    assert sql.value("SELECT count(*) FROM edge") == 1
    view = "CREATE MATERIALIZED VIEW w AS "
    limited = "WITH MUTUALLY RECURSIVE ({} RECURSION LIMIT 3) r(n int) AS (SELECT 1 UNION SELECT n + 1 FROM r) TABLE r"
    sql.fails("54000", view + limited.format("ERROR AT"))
    sql.fails("54000", view + limited.replace("{} ", ""))
    assert rows(sql, limited.format("RETURN AT")) == ["(1,)", "(2,)", "(3,)"]


@pytest.mark.parametrize(
    ("query", "state", "position"),
    [
        ("WITH MUTUALLY RECURSIVE r(n) AS (SELECT 1) TABLE r", "42601", 26),
        ("WITH MUTUALLY RECURSIVE r AS (SELECT 1) TABLE r", "42601", 24),
        ("WITH MUTUALLY RECURSIVE (LIMIT 3) r(n int) AS (SELECT 1) TABLE r", "42601", 24),
        ("WITH MUTUALLY RECURSIVE r(n int) AS (SELECT 1, 2) TABLE r", "42804", 24),
        ("WITH MUTUALLY RECURSIVE r(n int) AS (SELECT m FROM s), s(m int) AS (SELECT k FROM r) TABLE r", "42703", 75),
        ("WITH MUTUALLY RECURSIVE r(n nope) AS (SELECT 1) TABLE r", "42704", 28),
        ("WITH MUTUALLY RECURSIVE r(n int) AS (SELECT max(n) FROM r) TABLE r", "0A000", 24),
    ],
)
def test_wrong_mutual_recursion(sql: Sql, query: str, state: str, position: int) -> None:
    error = sql.fails(state, f"CREATE MATERIALIZED VIEW v AS {query}")
    assert error.position is not None
    assert error.position - len("CREATE MATERIALIZED VIEW v AS ") == position
