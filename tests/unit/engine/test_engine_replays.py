"""CALL pgstream.replay: refused records are taken in after a fix, once, by the views there are and those to come."""

import json
from pathlib import Path

import pytest

from tests.unit.engine.conftest import Opened
from tests.unit.engine.engine_sql import Sql, eventually

VIEW = "CREATE MATERIALIZED VIEW v AS SELECT id, 100 / v AS i FROM s"


def write(path: Path, *lines: str) -> None:
    with path.open("a") as file:
        file.writelines(line + "\n" for line in lines)


def made(sql: Sql, path: Path, follow: bool = True) -> None:
    write(
        path, *(json.dumps({"id": n, "v": n}) for n in range(4)), "gar,bage", '{"id": "x", "v": 5}', '{"id": 6, "v": 6}'
    )
    sql.run(
        f"CREATE SOURCE s (id int, v int) WITH (connector = 'filesystem', path = '{path}', follow = '{follow}',"
        " format = 'json')"
    )
    sql.run(VIEW)
    eventually(lambda: sql.value("SELECT count(*) FROM s_errors") == 3)


@pytest.mark.parametrize("follow", [True, False])
def test_records_are_read_again_after_a_fix_of_the_view(opened: Opened, tmp_path: Path, follow: bool) -> None:
    sql = opened.open()
    made(sql, tmp_path / "a.jsonl", follow)
    assert sql.rows("SELECT id FROM v") == [(1,), (2,), (3,), (6,)]
    sql.fails("22012", "CALL pgstream.replay('s')")
    sql.run("DROP MATERIALIZED VIEW v; CREATE MATERIALIZED VIEW w AS SELECT id, 100 / nullif(v, 0) AS i FROM s")
    assert sql.rows("SELECT id FROM w") == [(1,), (2,), (3,), (6,)]
    outcome = sql.run("CALL pgstream.replay('s')")
    assert outcome is not None
    assert [notice.message for notice in outcome.notices] == ["2 of 3 records are still refused"]
    expected = [(0, None), (1, 100), (2, 50), (3, 33), (6, 16)]
    assert sql.rows("SELECT * FROM w") == expected
    sql = opened.open()
    assert sql.rows("SELECT * FROM w") == expected
    sql.run("CREATE MATERIALIZED VIEW later AS SELECT id FROM s")
    assert sql.rows("SELECT * FROM later") == [(0,), (1,), (2,), (3,), (6,)]
    assert sql.value("SELECT count(*) FROM s_errors") == 2
    sql.run("CALL pgstream.replay('public.s')")
    assert sql.rows("SELECT * FROM w") == expected


def test_a_corrected_copy_takes_the_place(opened: Opened, tmp_path: Path) -> None:
    sql = opened.open()
    made(sql, tmp_path / "a.jsonl")
    sql.run("""CALL pgstream.replay('s', where => raw = 'gar,bage', raw => '{"id": 4, "v": 4}')""")
    sql.run("""CALL pgstream.replay('s', where => message LIKE '%integer: "x"%', raw => replace(
        convert_from(raw, 'UTF8'), '"x"', '5')::bytea)""")
    taken = [(1,), (2,), (3,), (4,), (5,), (6,)]
    assert sql.rows("SELECT id FROM v") == taken
    assert sql.rows("SELECT raw FROM s_errors WHERE replayed_at IS NOT NULL") == [
        (b'{"id": 4, "v": 4}',), (b'{"id": 5, "v": 5}',),
    ]  # fmt: skip
    sql = opened.crash()
    sql.run("CREATE MATERIALIZED VIEW later AS SELECT id, count(*) AS n FROM s GROUP BY id")
    assert sql.rows("SELECT * FROM later") == [(id, 1) for (id,) in taken]
    assert sql.rows("SELECT id FROM s") == taken
    sql.run("CALL pgstream.replay('s', where => place LIKE 'nowhere%')")
    sql.run("CALL pgstream.replay('s', where => replayed_at IS NOT NULL)")
    assert sql.rows("SELECT id FROM v") == taken


def test_a_replay_may_be_rolled_back(sql: Sql, tmp_path: Path) -> None:
    made(sql, tmp_path / "a.jsonl")
    within = sql.begin()
    within.run("""CALL pgstream.replay('s', where => raw = 'gar,bage', raw => '{"id": 4, "v": 4}')""")
    assert within.value("SELECT count(*) FROM v") == 5
    within.rollback()
    assert sql.value("SELECT count(*) FROM v") == 4
    within = sql.begin()
    within.run("""CALL pgstream.replay('s', where => raw = 'gar,bage', raw => '{"id": 4, "v": 4}')""")
    within.commit()
    assert sql.value("SELECT count(*) FROM v") == 5


def test_what_cannot_be_replayed(sql: Sql, tmp_path: Path) -> None:
    made(sql, tmp_path / "a.jsonl")
    sql.run("CREATE TABLE t (id int)")
    sql.fails("42809", "CALL pgstream.replay('t')")
    sql.fails("42P01", "CALL pgstream.replay('nothing')")
    sql.fails("42703", "CALL pgstream.replay('s', where => nothing = 1)")
    sql.fails("42601", "CALL pgstream.replay('s', which => true)")
    sql.fails("42601", "CALL pgstream.replay('s', where => )")
    write(tmp_path / "k.jsonl", '{"op":"c","after":{"id":1}}')
    sql.run(
        "CREATE TABLE k (id int PRIMARY KEY) WITH (connector = 'filesystem', format = 'debezium_json',"
        f" path = '{tmp_path / 'k.jsonl'}')"
    )
    sql.fails("0A000", "CALL pgstream.replay('k')")
