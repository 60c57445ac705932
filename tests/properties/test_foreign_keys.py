"""Foreign keys after any mix of statements: what is refused and what follows are as in a model with loops."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgstream.engine import Engine
from pgstream.errors import ForeignKeyViolation, UniqueViolation
from tests.unit.engine.engine_sql import Sql, sql_of

KEYS = st.integers(1, 4)
ACTIONS = ("NO ACTION", "CASCADE", "SET NULL")
STATEMENTS = st.one_of(
    st.tuples(st.just("parent"), KEYS, KEYS),
    st.tuples(st.just("child"), KEYS, st.none() | KEYS),
    st.tuples(st.just("gone"), KEYS, KEYS),
    st.tuples(st.just("moved"), KEYS, KEYS),
    st.tuples(st.just("other"), KEYS, st.none() | KEYS),
)
Children = list[tuple[int, int | None]]


def statement(kind: str, a: int, b: int | None) -> str:
    shown = "NULL" if b is None else str(b)
    return {
        "parent": f"INSERT INTO p VALUES ({a})",
        "child": f"INSERT INTO c VALUES ({a}, {shown})",
        "gone": f"DELETE FROM p WHERE id IN ({a}, {b})",
        "moved": f"UPDATE p SET id = {b} WHERE id = {a}",
        "other": f"UPDATE c SET x = {shown} WHERE n = {a}",
    }[kind]


def modelled(parents: set[int], children: Children, action: str, kind: str, a: int, b: int | None) -> bool:
    """Does to the model what the statement does; False where that is refused, and nothing is done."""
    new_parents, new = set(parents), list(children)
    if kind == "parent":
        if a in parents:
            return False
        new_parents.add(a)
    elif kind == "child":
        new.append((a, b))
    elif kind == "other":
        new = [(n, b if n == a else x) for n, x in new]
    elif kind == "gone":
        new_parents -= {a, b}  # type: ignore[arg-type]
        if action == "CASCADE":
            new = [(n, x) for n, x in new if x not in parents or x in new_parents]
        elif action == "SET NULL":
            new = [(n, None if x in parents and x not in new_parents else x) for n, x in new]
    elif a in parents and a != b:
        assert b is not None
        if b in parents:
            return False
        new_parents = new_parents - {a} | {b}
        moved = {"CASCADE": b, "SET NULL": None}
        new = [(n, moved[action] if x == a and action in moved else x) for n, x in new]
    if any(x is not None and x not in new_parents for _, x in new):
        return False
    parents.clear()
    parents.update(new_parents)
    children[:] = new
    return True


def run(sql: Sql, text: str) -> bool:
    try:
        sql.run(text)
    except (ForeignKeyViolation, UniqueViolation):
        return False
    return True


@pytest.mark.parametrize("action", ACTIONS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(statements=st.lists(STATEMENTS, min_size=3, max_size=14))
def test_tables_are_as_in_the_model(tmp_path: Path, action: str, statements: list[tuple[str, int, int | None]]) -> None:
    folder = tmp_path / "data"
    if not hasattr(test_tables_are_as_in_the_model, "engines"):
        test_tables_are_as_in_the_model.engines = {}  # type: ignore[attr-defined]
    engines = test_tables_are_as_in_the_model.engines  # type: ignore[attr-defined]
    if folder not in engines:
        engines[folder] = Engine.open(folder, sync=False)
    sql = sql_of(engines[folder], "postgres")
    sql.run("DROP TABLE IF EXISTS c, p CASCADE; CREATE TABLE p (id int PRIMARY KEY)")
    sql.run(f"CREATE TABLE c (n int, x int REFERENCES p ON DELETE {action} ON UPDATE {action})")
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT x, count(*) AS n FROM c JOIN p ON p.id = c.x GROUP BY x")
    parents: set[int] = set()
    children: Children = []
    for kind, a, b in statements:
        assert run(sql, statement(kind, a, b)) == modelled(parents, children, action, kind, a, b)
        assert sorted(sql.rows("SELECT id FROM p")) == [(one,) for one in sorted(parents)]
        assert sorted(sql.rows("SELECT n, x FROM c"), key=str) == sorted(children, key=str)
    sql.view("v", "SELECT x, count(*) AS n FROM c JOIN p ON p.id = c.x GROUP BY x")
