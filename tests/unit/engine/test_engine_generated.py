"""Generated columns of sources, in each system's spelling: computed as rows come, and whenever they are read again."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.engine.engine_sql import Sql, eventually

OPTIONS = "connector = 'filesystem', path = '{path}', follow = 'true', format = 'json'"


def lines(path: Path, *records: Any) -> None:
    with path.open("a") as file:
        file.writelines(json.dumps(one) + "\n" for one in records)


SPELLINGS = {
    "postgres": "a int, b int GENERATED ALWAYS AS (100 / a) STORED, c text",
    "risingwave": "a int, b int AS 100 / a, c text",
    "flink": "a int, b AS 100 / a, c text",
}


@pytest.mark.parametrize("columns", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_generated_columns_are_computed_from_each_record(opened, tmp_path: Path, columns: str) -> None:  # type: ignore[no-untyped-def]
    sql, path = opened.open(), tmp_path / "in.jsonl"
    sql.run(f"CREATE SOURCE s ({columns}) WITH ({OPTIONS.format(path=path)})")
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT b, c FROM s")
    lines(path, {"a": 1, "c": "x"}, {"a": 0, "c": "bad"}, {"a": 20, "c": "y"}, {"a": None, "c": "z"})
    eventually(lambda: len(sql.rows("SELECT * FROM v")) == 3)
    wanted = [(5, "y"), (100, "x"), (None, "z")]
    assert sorted(sql.rows("SELECT b, c FROM v"), key=lambda row: row[1] + "") == [(100, "x"), (5, "y"), (None, "z")]
    assert sql.rows("SELECT message FROM s_errors") == [("22012: division by zero",)]
    sql = opened.crash()
    sql.run("CREATE MATERIALIZED VIEW w AS SELECT b FROM s WHERE b IS NOT NULL")
    eventually(lambda: sorted(sql.rows("SELECT b FROM w")) == [(5,), (100,)])
    assert sorted(sql.rows("SELECT b, c FROM v"), key=str) == sorted(wanted, key=str)
    lines(path, {"a": 50, "c": "later"})
    eventually(lambda: (2,) in sql.rows("SELECT b FROM w"))


def test_a_generated_column_is_an_event_time(opened, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    sql, path = opened.open(), tmp_path / "in.jsonl"
    columns = "ms bigint, at AS to_timestamp(ms / 1000.0), v int, WATERMARK FOR at AS at - INTERVAL '5' SECOND"
    sql.run(f"CREATE SOURCE s ({columns}) WITH ({OPTIONS.format(path=path)})")
    sql.run(
        "CREATE MATERIALIZED VIEW m AS SELECT window_start, sum(v) AS total"
        " FROM tumble(s, at, interval '10 seconds') GROUP BY window_start EMIT ON WINDOW CLOSE"
    )
    lines(path, *({"ms": 1_700_000_000_000 + 1000 * i, "v": 1} for i in range(40)))
    eventually(lambda: len(sql.rows("SELECT * FROM m")) >= 3)
    assert {total for _, total in sql.rows("SELECT window_start, total FROM m")} == {10}
    lines(path, {"ms": 1_700_000_000_000, "v": 7})
    eventually(lambda: len(sql.rows("SELECT * FROM s_late")) == 1)
    assert sql.rows("SELECT ms, extract(epoch FROM at)::bigint, v FROM s_late") == [
        (1_700_000_000_000, 1_700_000_000, 7)
    ]


def test_tables_take_the_spellings_of_other_systems(sql: Sql) -> None:
    sql.run("CREATE TABLE t (v1 int AS v2 - 1, v2 int, v3 AS repeat('x', v2))")
    sql.run("INSERT INTO t (v2) VALUES (1), (5)")
    assert sorted(sql.rows("SELECT v1, v2, v3 FROM t")) == [(0, 1, "x"), (4, 5, "xxxxx")]
