"""Event time over a store that dies, or is full, between any two writes: files that grow, with late rows and silences.

Whatever happened, every view that waits for windows to close holds exactly the closed windows of what was not late, a
row is late or taken and never both, and what the clock bounds is there at its time.
"""

import gc
import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pgstream.engine import Engine, intake
from pgstream.errors import SqlError
from pgstream.sql.parse import parse
from pgstream.testing.faulty_store import Countdown, Crash, faulty
from pgstream.testing.inline import Inline
from tests.unit.engine.engine_sql import Sql
from tests.unit.engine.event_time import Timeline

SEEDS = range(int(os.environ.get("PGSTREAM_SEEDS", "6")))
STEPS = 50
CLOSING = {
    "w_minutes": "SELECT window_start, window_end, k, count(*) AS n, sum(v) AS total "
    "FROM tumble(s, ts, interval '1 minute') GROUP BY 1, 2, 3",
    "w_values": "SELECT window_start, window_end, count(DISTINCT v) AS n "
    "FROM hop(s, ts, interval '20 s', interval '1 minute') GROUP BY 1, 2",
    "w_sessions": "SELECT window_start, window_end, k, sum(v) AS total "
    "FROM TABLE(SESSION(TABLE s PARTITION BY k, DESCRIPTOR(ts), interval '9 s')) GROUP BY 1, 2, 3",
}
CLOCKED = {"v_recent": "SELECT k, count(*) AS n FROM s WHERE ts > now() - interval '30 s' GROUP BY k"}
EARLY = {"e_minutes": CLOSING["w_minutes"]}
YOUNG = {"r_groups": "SELECT k, count(*) AS n, max(v) AS most FROM s GROUP BY k"}
RETENTION_S = 40
EVERY = {**CLOSING, **CLOCKED, **EARLY, **YOUNG}


class Stream(Timeline):
    """A timeline whose store may die."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.countdown = Countdown()
        self.written = 0
        super().__init__(directory)

    def open(self, *, crash: bool = False) -> None:
        if self.engine is not None:
            self.engine._databases["postgres"].intake.close()
            self.engine._store.close()
            self.engine = None
            self.sql.forget()
        gc.collect()
        self.countdown.left, self.countdown.dead = None, False
        environment = faulty(self.countdown)
        self.engine = Engine.open(
            self.directory / "data", self.world, sync=False, environment=environment, threaded=False
        )
        self.sql = Sql(self.engine.database("postgres"), world=self.world)

    def step(self) -> None:
        self.countdown.full = self.chance.random() < 0.3
        self.countdown.left = self.chance.randrange(0, 30) if self.chance.random() < 0.4 else None
        try:
            self.act()
        except Crash:
            self.countdown.dead = True
        if self.countdown.dead:
            self.open()
        self.countdown.left = None

    def act(self) -> None:
        if self.chance.random() < 0.2:
            self.define(self.chance.choice([*EVERY]))
        for name in "ab":
            if self.chance.random() < 0.6:
                now = self.world._now_us / 1e6 - 1_767_225_600
                late = 200 if self.chance.random() < 0.1 else 8
                rows = [
                    (int(now) - self.chance.randrange(late), self.chance.randrange(3), self.chance.randrange(9))
                    for _ in range(self.chance.randrange(1, 6))
                ]
                self.write(f"in/{name}.json", *rows)
                self.written += len(rows)
        for _ in range(self.chance.randrange(1, 4)):
            self.world.sleep(self.chance.choice([0.1, 2, 6]))
            self.turn()

    def define(self, name: str) -> None:
        there = name in self.names()
        emits = "EMIT ON WINDOW CLOSE" if name in CLOSING else "EMIT EVERY '3 s'" if name in EARLY else ""
        kept = f"WITH (retention = '{RETENTION_S} s')" if name in YOUNG else ""
        text = f"CREATE MATERIALIZED VIEW {name} {kept} AS {EVERY[name]} {emits}"
        (parsed,) = parse(f"DROP MATERIALIZED VIEW {name}" if there else text)
        future = self.sql.submit(parsed)
        while not future.done():
            self.turn()
        try:
            future.result()
        except SqlError as error:
            assert error.sqlstate == "53100"  # noqa: PT017

    def turn(self) -> None:
        assert self.engine is not None
        self.engine.turn()

    def names(self) -> set[str]:
        return {row[0] for row in self.rows("SELECT relname FROM pg_class WHERE relkind = 'm'")}

    def check(self) -> None:
        us = self.watermark("s").watermark_us
        until = datetime.fromtimestamp((us or 0) / 1e6, UTC).replace(tzinfo=None)
        for name in self.names() & CLOSING.keys():
            last = until - timedelta(microseconds=name == "w_sessions")  # what comes at its end prolongs a session
            wanted = [row for row in self.rows(CLOSING[name]) if row[1] <= last]
            assert self.rows(f"SELECT * FROM {name}") == wanted, (name, until)
        for name in self.names() & EARLY.keys():
            closed = [row for row in self.rows(EARLY[name]) if row[1] <= until]
            assert [row[:-1] for row in self.rows(f"SELECT * FROM {name}") if row[-1]] == closed, (name, until)
        for name in self.names() & YOUNG.keys():
            oldest = until - timedelta(seconds=RETENTION_S)
            young = f"WITH s AS (SELECT * FROM public.s WHERE ts > timestamp '{oldest}')"
            assert self.rows(f"SELECT * FROM {name}") == self.rows(f"{young} {YOUNG[name]}"), (name, until)
        places = [row[0] for row in self.rows("SELECT pgstream_place FROM s_late")]
        assert len(places) == len(set(places))

    def settle(self) -> None:
        """Lets everything be read, and what is due be done."""
        for _ in range(30):
            self.world.sleep(1)
            self.turn()


@pytest.mark.parametrize("seed", SEEDS)
def test_event_time(tmp_path: Any, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "Prefetch", Inline)
    stream = Stream(tmp_path, seed)
    stream.source("s", "in/*.json", lag="10 s")
    for name in EVERY:
        stream.define(name)
    for _ in range(STEPS):
        stream.step()
        stream.check()
    for name in EVERY.keys() - stream.names():
        stream.define(name)
    stream.write("in/a.json", *((seconds, 0, 0) for seconds in now_and_later(stream)))
    stream.settle()
    stream.check()
    late, taken = (stream.rows(f"SELECT count(*) FROM {name}")[0][0] for name in ("s_late", "s"))
    assert late + taken == stream.written + 2
    assert all(stream.rows(f"SELECT * FROM {name}") for name in CLOSING)
    for name, query in CLOCKED.items():
        stream.sql.view(name, query)
    stream.open()


def now_and_later(stream: Stream) -> list[float]:
    """A moment now, and one that closes what was open."""
    now = int(stream.world._now_us / 1e6 - 1_767_225_600)
    return [now, now + timedelta(minutes=5).total_seconds()]
