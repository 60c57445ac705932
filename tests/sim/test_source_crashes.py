"""A source whose rows some views refuse, over a store that dies or is full between any two writes.

Views come and go. Whenever one was made, it equals its query; a row is taken by all or listed once.
"""

import os
import random
from typing import Any

import pytest

from pgstream.engine import intake
from pgstream.errors import SqlError
from pgstream.testing.faulty_store import Crash
from tests.sim.test_engine_crashes import TOTAL, FewRows, History

SEEDS = range(int(os.environ.get("PGSTREAM_SEEDS", "8")))
STEPS = 60

VIEWS = {
    "w_count": "SELECT count(*) AS n, sum(counter) AS total FROM s",
    "w_groups": "SELECT counter % 4 AS r, count(*) AS n FROM s GROUP BY 1",
    "w_inverse": "SELECT counter, 10 / (counter % 10 - 3) AS i FROM s",
    "w_other": "SELECT sum(10 / (counter % 7 - 2)) AS i FROM s",
    "w_joined": "SELECT a.counter FROM s AS a JOIN s AS b ON a.counter = b.counter * 2",
}
REFUSED_MAX = sum(n % 10 == 3 or n % 7 == 2 for n in range(TOTAL))


class Stream(History):
    """An engine whose source is all that moves."""

    def step(self) -> None:
        self.countdown.full = self.chance.random() < 0.3
        self.countdown.left = self.chance.randrange(0, 30) if self.chance.random() < 0.3 else None
        try:
            self.act()
        except Crash:
            self.countdown.dead = True
        if self.countdown.dead:
            self.open()
        self.countdown.left = None

    def act(self) -> None:
        if self.chance.random() < 0.5:
            name = self.chance.choice(list(VIEWS))
            text = f"DROP MATERIALIZED VIEW {name}" if name in self.names() else self.definition(name)
            state = self.failure(text, self.sql)
            assert state in (None, "53100", "22012" if name in ("w_inverse", "w_other") else None), text
        for _ in range(self.chance.randrange(1, 3)):
            self.world.sleep(self.chance.choice([0.1, 6.0]))
            self.engine.turn()

    def definition(self, name: str) -> str:
        return f"CREATE MATERIALIZED VIEW {name} AS {VIEWS[name]}"

    def names(self) -> set[str]:
        return {row[0] for row in self.sql.rows("SELECT relname FROM pg_class WHERE relkind = 'm'")}

    def check(self) -> None:
        for name in self.names():
            self.sql.view(name, VIEWS[name])
        places = [row[0] for row in self.sql.rows("SELECT place FROM s_errors")]
        assert len(set(places)) == len(places) <= REFUSED_MAX


@pytest.mark.parametrize("seed", SEEDS)
def test_a_stream(tmp_path: Any, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "Prefetch", FewRows)
    stream = Stream(tmp_path / "data", seed)
    for _ in range(STEPS):
        stream.step()
        stream.check()
    stream.open()
    stream.chance = random.Random(0)
    for name in VIEWS:
        if name not in stream.names():
            try:
                stream.run(stream.definition(name))
            except SqlError as error:
                assert error.sqlstate == "22012"  # noqa: PT017
    for _ in range(2 * TOTAL // 7 + 10):
        stream.world.sleep(1)
        stream.engine.turn()
    stream.check()
    (errors,) = stream.sql.rows("SELECT count(*) FROM s_errors")[0]
    assert stream.sql.value("SELECT n FROM w_count") == TOTAL - errors
