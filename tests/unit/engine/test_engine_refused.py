"""Rows that a source refuses: no view has them, the errors relation does, whenever a view was made."""

import json
from pathlib import Path
from typing import Any

import pytest

from pgstream.engine import taking
from tests.unit.engine.engine_sql import Sql, eventually


def lines(path: Path, *records: Any) -> None:
    with path.open("a") as file:
        file.writelines((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in records)


def numbered(first: int, last: int, zeros: tuple[int, ...] = ()) -> list[dict[str, int]]:
    return [{"id": n, "v": 0 if n in zeros else n % 7 + 1, "w": n} for n in range(first, last)]


def source(path: Path) -> str:
    options = f"connector = 'filesystem', path = '{path}', follow = 'true', format = 'json'"
    return f"CREATE SOURCE s (id int, v int, w int) WITH ({options})"


SUMS = "SELECT count(*) AS n, sum(id) AS total FROM s"
COUNT = "SELECT count(*) AS n FROM s"
INVERSE = "SELECT id, 100 / v AS i FROM s"


@pytest.mark.parametrize("how", ["crash", "open"])
def test_views_before_and_after_a_refused_row_are_equal(opened, tmp_path: Path, how: str) -> None:  # type: ignore[no-untyped-def]
    sql, path = opened.open(), tmp_path / "in.jsonl"
    sql.run(source(path) + f"; CREATE MATERIALIZED VIEW b AS {SUMS}; CREATE MATERIALIZED VIEW a AS {INVERSE}")
    lines(path, *numbered(0, 1000, zeros=(3, 500, 501, 999)))
    eventually(lambda: sql.value("SELECT n FROM b") == 996)
    sql.run(f"CREATE MATERIALIZED VIEW later AS {SUMS}; CREATE MATERIALIZED VIEW counted AS {COUNT}")

    def check(names: tuple[str, ...], query: str = SUMS) -> None:
        for name in names:
            sql.view(name, query)

    check(("b", "later"))
    check(("counted",), COUNT)
    check(("a",), INVERSE)
    assert sql.value("SELECT n FROM counted") == 996
    errors = sql.rows("SELECT raw, message, place, rejected_at FROM s_errors")
    assert [
        (bytes(raw), message) for raw, message, *_ in sorted(errors, key=lambda row: int(row[2].split(":")[1]))
    ] == [(f"id={n}, v=0, w={n}".encode(), "22012: division by zero") for n in (3, 500, 501, 999)]
    assert all(at is not None for *_, at in errors)
    first = min(int(place.split(":")[1]) for _, _, place, _ in errors)
    assert json.loads(path.read_bytes()[first:].split(b"\n")[0]) == {"id": 3, "v": 0, "w": 3}

    sql = opened.crash() if how == "crash" else opened.open()
    sql.run(
        f"CREATE MATERIALIZED VIEW after AS {SUMS}; DROP MATERIALIZED VIEW a; CREATE MATERIALIZED VIEW a2 AS {INVERSE}"
    )
    check(("b", "later", "after"))
    check(("a2",), INVERSE)
    sql.run("DROP MATERIALIZED VIEW a2")
    lines(path, *numbered(1000, 1010, zeros=(1005,)))
    eventually(lambda: sql.value("SELECT n FROM b") == 1006)
    sql.run(f"CREATE MATERIALIZED VIEW last AS {SUMS}")
    check(("b", "later", "after", "last"))
    assert sorted(sql.rows("SELECT raw, message, place, rejected_at FROM s_errors")) == sorted(errors)


def test_a_view_that_fails_on_a_row_that_was_taken_is_not_made(sql: Sql, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    lines(path, *numbered(0, 100, zeros=(50,)))
    sql.run(source(path) + f"; CREATE MATERIALIZED VIEW b AS {SUMS}")
    eventually(lambda: sql.value("SELECT n FROM b") == 100)
    assert sql.fails("22012", f"CREATE MATERIALIZED VIEW a AS {INVERSE}").message == "division by zero"
    with pytest.raises(Exception, match="division by zero"):
        sql.rows(INVERSE)
    assert sql.rows("SELECT * FROM s_errors") == []
    sql.view("b", SUMS)
    sql.run("CREATE MATERIALIZED VIEW a AS SELECT id, 100 / nullif(v, 0) AS i FROM s")
    assert sql.value("SELECT count(*) FROM a WHERE i IS NULL") == 1
    lines(path, *numbered(100, 110, zeros=(105,)))
    eventually(lambda: sql.value("SELECT n FROM b") == 110)


def test_rows_that_no_view_failed_on_when_they_came_stay(sql: Sql, tmp_path: Path) -> None:
    """A joined table makes the failure: the INSERT is refused, and not what the source gave before."""
    path = tmp_path / "in.jsonl"
    lines(path, *numbered(0, 10))
    sql.run("CREATE TABLE t (id int, d int); INSERT INTO t VALUES (1, 1), (2, 0)")
    sql.run(source(path) + "; CREATE MATERIALIZED VIEW q AS SELECT s.id, s.v / t.d AS x FROM s JOIN t ON t.id = s.id")
    eventually(lambda: sql.rows("SELECT id FROM q") == [(1,)])
    eventually(lambda: sql.value("SELECT count(*) FROM s_errors") == 1)
    sql.fails("22012", "INSERT INTO t VALUES (5, 0)")
    sql.run("INSERT INTO t VALUES (5, 1), (2, 1)")
    sql.run(f"CREATE MATERIALIZED VIEW n AS {COUNT}")
    assert sql.value("SELECT n FROM n") == 9
    assert [row[0] for row in sql.rows("SELECT id FROM q")] == [1, 5]


def test_files_that_grow_side_by_side(sql: Sql, tmp_path: Path) -> None:
    """A replay reads them one after the other, in another order than they came."""
    folder = tmp_path / "in"
    folder.mkdir()
    sql.run(source(folder) + f"; CREATE MATERIALIZED VIEW b AS {SUMS}; CREATE MATERIALIZED VIEW a AS {INVERSE}")
    for turn in range(5):
        for name in "zyx":
            first = turn * 30 + "zyx".index(name) * 10
            taken = (first // 10) * 9
            eventually(lambda: sql.value("SELECT n FROM b") == taken)  # noqa: B023
            lines(folder / f"{name}.jsonl", *numbered(first, first + 10, zeros=(first + turn,)), "")
    eventually(lambda: sql.value("SELECT n FROM b") == 135)
    sql.run(f"CREATE MATERIALIZED VIEW later AS {SUMS}")
    refused = sum(turn * 31 + file * 10 for turn in range(5) for file in range(3))
    assert sql.view("later", SUMS) == sql.view("b", SUMS) == [(135, sum(range(150)) - refused)]
    assert sql.value("SELECT count(DISTINCT place) FROM s_errors") == 15


def test_generated_rows(sql: Sql) -> None:
    sql.run("CREATE SOURCE s WITH (connector = 'impulse', message_count = '5000')")
    sql.run("CREATE MATERIALIZED VIEW a AS SELECT counter, 1 / (counter % 1000 - 77) AS i FROM s")
    sql.drained()
    sql.run("CREATE MATERIALIZED VIEW b AS SELECT count(*) AS n, sum(counter) AS total FROM s")
    found = sql.view("b", "SELECT count(*) AS n, sum(counter) AS total FROM s")
    assert found[0][0] == 4995
    assert sorted(sql.rows("SELECT place FROM s_errors")) == [(f"row:{n}",) for n in (1077, 2077, 3077, 4077, 77)]


def test_bad_records_are_passed_over_whichever_columns_are_read(sql: Sql, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    sql.run(source(path) + f"; CREATE MATERIALIZED VIEW a AS {COUNT}")
    lines(path, {"id": 1, "v": "bad"}, {"id": 2, "v": 2})
    eventually(lambda: sql.value("SELECT n FROM a") == 2)
    error = sql.fails("22P02", "CREATE MATERIALIZED VIEW v AS SELECT sum(v) AS total FROM s")
    assert error.message == 'column "v": invalid input syntax for type integer: "bad"'
    assert f"{path}:0" in str(error.detail)
    sql.run("CREATE MATERIALIZED VIEW w AS SELECT sum(w) AS total FROM s")
    lines(path, {"id": 3, "v": 2, "w": "bad"}, {"id": 4, "v": "bad", "w": 1})
    eventually(lambda: sql.value("SELECT n FROM a") == 3)
    sql.run(
        f"CREATE MATERIALIZED VIEW later AS {COUNT}; CREATE MATERIALIZED VIEW ids AS SELECT sum(id) AS total FROM s"
    )
    assert sql.view("later", COUNT) == sql.view("a", COUNT) == [(3,)]
    assert sql.value("SELECT total FROM ids") == 7
    assert sql.value("SELECT count(*) FROM s_errors") == 1


def test_readers_see_a_turn_whole(sql: Sql, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While rows are sought that fail, nobody sees some of the others without the rest."""
    path, seen = tmp_path / "in.jsonl", []
    tick = taking.Taking._tick

    def watched(self: Any, deltas: Any) -> None:
        tick(self, deltas)
        seen.append((sql.value("SELECT n FROM b"), sql.value("SELECT count(*) FROM s_errors")))

    sql.run(source(path) + f"; CREATE MATERIALIZED VIEW b AS {COUNT}; CREATE MATERIALIZED VIEW a AS {INVERSE}")
    monkeypatch.setattr(taking.Taking, "_tick", watched)
    lines(path, *numbered(0, 64, zeros=(20, 40)))
    eventually(lambda: sql.value("SELECT n FROM b") == 62)
    assert len(seen) > 3
    assert set(seen) == {(0, 0)}
