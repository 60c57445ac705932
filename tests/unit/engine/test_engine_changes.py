"""Sources of changes by key: views see the rows that the changes leave, whenever they are made."""

import json
from pathlib import Path

from tests.unit.engine.engine_sql import Sql, eventually


def write(path: Path, *changes: tuple[str, object, object]) -> None:
    with path.open("a") as file:
        for op, before, after in changes:
            file.write(json.dumps({"op": op, "before": before, "after": after}) + "\n")


def row(id: int, v: int) -> dict[str, int]:
    return {"id": id, "v": v}


def debezium(path: Path, clause: str = "FORMAT DEBEZIUM ENCODE JSON") -> str:
    return (
        f"CREATE TABLE t (id int PRIMARY KEY, v int) WITH (connector = 'filesystem', path = '{path}', follow = 'true')"
        f" {clause}"
    )


def test_a_table_of_changes(sql: Sql, tmp_path: Path) -> None:
    path = tmp_path / "changes.json"
    write(
        path, ("r", None, row(1, 10)), ("c", None, row(2, 20)), ("u", row(1, 10), row(1, 11)), ("c", None, row(3, 30))
    )
    sql.run(debezium(path))
    sql.run("CREATE MATERIALIZED VIEW total AS SELECT count(*) AS n, sum(v) AS v FROM t")
    eventually(lambda: sql.rows("SELECT * FROM total") == [(3, 61)])
    write(path, ("d", row(2, 20), None), ("u", None, row(3, 31)), ("d", row(9, 9), None))
    eventually(lambda: sql.rows("SELECT * FROM total") == [(2, 42)])
    assert sorted(sql.rows("SELECT * FROM t")) == [(1, 11), (3, 31)]
    sql.run("CREATE MATERIALIZED VIEW later AS SELECT v, id FROM t WHERE v > 0")
    assert sorted(sql.rows("SELECT * FROM later")) == [(11, 1), (31, 3)]
    write(path, ("u", row(1, 11), row(1, -1)), ("u", row(3, 31), row(3, 5)), ("u", row(3, 5), row(3, 6)))
    eventually(lambda: sorted(sql.rows("SELECT * FROM later")) == [(6, 3)])
    assert sql.rows("SELECT * FROM total") == [(2, 5)]


def test_a_bad_change_is_refused_and_the_row_stays(sql: Sql, tmp_path: Path) -> None:
    path = tmp_path / "changes.json"
    sql.run(debezium(path, "").replace("'true')", "'true', format = 'debezium_json')"))
    write(path, ("c", None, row(1, 10)), ("c", None, row(2, 5)))
    sql.run("CREATE MATERIALIZED VIEW inverse AS SELECT id, 100 / v AS i FROM t")
    eventually(lambda: sorted(sql.rows("SELECT * FROM inverse")) == [(1, 10), (2, 20)])
    write(path, ("u", row(1, 10), row(1, 0)), ("x", None, None), ("c", None, {"v": 3}), ("u", row(2, 5), row(2, 4)))
    eventually(lambda: sql.value("SELECT count(*) FROM t_errors") == 3)
    assert sorted(sql.rows("SELECT * FROM inverse")) == [(1, 10), (2, 25)]
    messages = sorted(message for (message,) in sql.rows("SELECT message FROM t_errors"))
    assert messages[0] == "22012: division by zero"
    assert messages[1].startswith("23502: null value in a column of the primary key")
    sql.run("CREATE MATERIALIZED VIEW same AS SELECT id, v FROM t")
    assert sorted(sql.rows("SELECT * FROM same")) == [(1, 10), (2, 4)]


def test_upserts_of_lines(sql: Sql, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"id":1,"v":1}\n{"id":1,"v":2}\n{"id":2,"v":3}\n')
    sql.run(debezium(path, "FORMAT UPSERT ENCODE JSON"))
    assert sorted(sql.rows("SELECT * FROM t")) == [(1, 2), (2, 3)]


def test_changes_need_a_key(sql: Sql, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("")
    sql.fails("42P16", debezium(path).replace(" PRIMARY KEY", ""))


def test_a_row_that_meets_several_is_changed_once(sql: Sql) -> None:
    sql.run("CREATE TABLE k (id int PRIMARY KEY, v int); CREATE TABLE d (x int); CREATE TABLE l (x int)")
    sql.run(
        "INSERT INTO k VALUES (1, 1), (2, 2); INSERT INTO d VALUES (1), (1), (2); INSERT INTO l VALUES (1), (1), (1)"
    )
    outcome = sql.run("UPDATE k SET v = v + 10 FROM l WHERE l.x = k.id")
    assert outcome is not None
    assert outcome.tag == "UPDATE 1"
    assert sorted(sql.rows("SELECT id, v FROM k")) == [(1, 11), (2, 2)]
    outcome = sql.run("DELETE FROM d USING l WHERE l.x = d.x")
    assert outcome is not None
    assert outcome.tag == "DELETE 2"
    assert sql.rows("SELECT x FROM d") == [(2,)]
