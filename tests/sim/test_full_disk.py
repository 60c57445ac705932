"""A disk that stays full: reading goes on, writing is refused with 53100, and all is well once there is room."""

import json
import random
from typing import Any

import pytest

from pgstream.engine import intake
from tests.sim.test_engine_crashes import TOTAL, FewRows, History

VIEWS = {
    "v": "SELECT count(*) AS n, sum(b) AS s FROM t",
    "w": "SELECT counter % 3 AS r, count(*) AS n FROM s GROUP BY 1",
    "x": "SELECT t.a, s.counter FROM t JOIN s ON s.counter = t.a",
}


@pytest.mark.parametrize("seed", range(6))
def test_a_full_disk(
    tmp_path: Any, seed: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(intake, "Prefetch", FewRows)
    history, chance = History(tmp_path / "data", seed), random.Random(seed)
    out = tmp_path / "out.jsonl"
    history.run("; ".join(f"CREATE MATERIALIZED VIEW {name} AS {query}" for name, query in VIEWS.items()))
    history.run(f"CREATE SINK k AS SELECT a FROM t WITH (connector = 'filesystem', path = '{out}', format = 'json')")
    held: set[int] = set()

    def check() -> None:
        for name, query in VIEWS.items():
            history.sql.view(name, query)
        assert {row[0] for row in history.sql.rows("SELECT a FROM t")} == held

    def write(number: int) -> str | None:
        state = history.failure(f"INSERT INTO t VALUES ({number}, {number})", history.sql)
        if state is None:
            held.add(number)
        return state

    for turn in range(4):
        for number in range(5):
            assert write(turn * 10 + number) is None
        history.countdown.full = history.countdown.lasting = True
        history.countdown.left = chance.randrange(3)
        capsys.readouterr()
        states = [write(turn * 10 + number) for number in range(5, 10)]
        assert set(states[1:]) == {"53100"}
        assert set(states[:1]) <= {"53100", None}
        check()
        for text in ("UPDATE t SET b = b + 1", "CREATE TABLE no (a int)", "DROP MATERIALIZED VIEW v"):
            assert history.failure(text, history.sql) == "53100"
        check()
        read = history.sql.rows("SELECT * FROM w")
        for _ in range(30):
            history.world.sleep(0.3)
            history.engine.turn()
        assert history.sql.rows("SELECT * FROM w") == read
        assert capsys.readouterr().err.count("commit failed") == 1
        if chance.random() < 0.5:
            history.open()
            check()
        history.countdown.left = None
        assert write(turn * 10 + 5) is None or turn * 10 + 5 in held
        history.world.sleep(6)
        for _ in range(5):
            history.engine.turn()
            history.world.sleep(1)
        check()
        assert history.sql.rows("SELECT * FROM w") != read or sum(n for _, n in read) == TOTAL
    for _ in range(2 * TOTAL // 7 + 10):
        history.world.sleep(1)
        history.engine.turn()
    assert int(history.sql.value("SELECT sum(n) FROM w")) == TOTAL
    assert sorted(json.loads(line)["a"] for line in out.read_text().splitlines()) == sorted(held)
