"""A day of event time: windowed views over a million events from three files, in simulated time.

    python conformance/event_time.py --events 1000000 --hours 24

`steady` gives rows all day. `skewed` gives rows of which one in a hundred comes up to an hour too late, and one in ten
thousand ten years too early. `idle` is silent from a quarter of the day until three quarters. Every five minutes of
the day the engine takes what was written, and a power cut comes in the middle. Printed over time are the rows and bytes
that the windows keep, the watermark and what was late; at the end every view is compared with its query over what was
not.
"""

import argparse
import gc
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pgstream.catalog.session_facts import NOBODY
from pgstream.engine import Engine, intake
from pgstream.functions.registry import EvalContext
from pgstream.sql.bind import BindScope, bind
from pgstream.sql.parse import parse
from pgstream.testing.inline import Inline
from pgstream.testing.simulated_world import SimulatedWorld

START = datetime(2026, 1, 1, tzinfo=UTC)
STEP_S = 300
FAR_S = 10 * 365 * 86_400
VIEWS = {
    "minutes": """SELECT window_start, k % 100 AS g, count(*) AS n, sum(v) AS total, max(v) AS top
                  FROM tumble(s, ts, interval '1 minute') GROUP BY window_start, k % 100""",
    "hours": """SELECT window_start, window_end, k % 10 AS g, count(*) AS n
                FROM hop(s, ts, interval '5 minutes', interval '1 hour') GROUP BY window_start, window_end, k % 10""",
    "visits": """SELECT window_start, window_end, k, count(*) AS n
                 FROM TABLE(SESSION(TABLE s PARTITION BY k, DESCRIPTOR(ts), interval '2 minutes'))
                 GROUP BY window_start, window_end, k""",
    "best": """SELECT window_start, k, n FROM (
                   SELECT window_start, k, n, row_number() OVER (PARTITION BY window_start ORDER BY n DESC, k) AS place
                   FROM (SELECT window_start, k, count(*) AS n FROM tumble(s, ts, interval '10 minutes')
                         GROUP BY window_start, k) x) y
               WHERE place <= 3""",
}


@dataclass
class Day:
    """The engine, its world, and the files that it follows."""

    directory: Path
    chance: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))
    world: SimulatedWorld = field(default_factory=lambda: SimulatedWorld(7))
    engine: Engine | None = None
    written: dict[str, int] = field(default_factory=dict)

    def open(self) -> None:
        self.engine = Engine.open(self.directory / "data", self.world, sync=False, threaded=False)

    def power_cut(self) -> None:
        """Goes on with the files as they are now."""
        assert self.engine is not None
        data = self.directory / "data"
        content = {file.name: file.read_bytes() for file in data.iterdir() if file.suffix == ".mdb"}
        self.engine.close()
        gc.collect()
        for name, whole in content.items():
            (data / name).write_bytes(whole)
        self.open()

    def run(self, text: str) -> None:
        assert self.engine is not None
        for parsed in parse(text):
            database = self.engine.database("postgres").autocommit
            scope = BindScope(now_us=self.world.now_us())
            catalog = database.snapshot().catalog
            context = EvalContext({"timezone": "UTC"}, self.world.now_us(), catalog, NOBODY)
            future = database.execute(parsed, bind(parsed, catalog, scope), (), context)
            while not future.done():
                self.engine.turn()
            future.result()

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        assert self.engine is not None
        (parsed,) = parse(text)
        snapshot = self.engine.database("postgres").autocommit.snapshot()
        context = EvalContext({"timezone": "UTC"}, self.world.now_us(), snapshot.catalog, NOBODY)
        result = snapshot.select(bind(parsed, snapshot.catalog, BindScope()), (), context)
        return sorted(zip(*(column.to_pylist() for column in result.rows), strict=True), key=repr)

    def write(self, name: str, seconds: NDArray[np.float64]) -> None:
        """Appends rows of these moments to a file."""
        ms = (seconds * 1000).astype(np.int64)
        moments = np.datetime_as_string(np.datetime64(START.replace(tzinfo=None), "ms") + ms)
        keys, values = (self.chance.integers(0, 1000, len(ms)) for _ in range(2))
        with (self.directory / "in" / f"{name}.json").open("a") as lines:
            lines.writelines(
                f'{{"ts":"{ts}","k":{k},"v":{v}}}\n' for ts, k, v in zip(moments, keys, values, strict=True)
            )
        self.written[name] = self.written.get(name, 0) + len(ms)

    def passes(self) -> None:
        assert self.engine is not None
        for _ in range(5):
            self.engine.turn()
        self.world.sleep(0.3)
        self.engine.turn()

    def kept(self) -> tuple[int, int]:
        """The rows and bytes that wait for windows to close."""
        assert self.engine is not None
        database = self.engine._databases["postgres"]
        waiting = (node for node in database.circuit.nodes() if node.operator.awaits is not None)
        spines = [
            database.head.state[id] for node in waiting for id in node.arrangement_ids if id in database.head.state
        ]
        return sum(spine.total() for spine in spines), sum(spine.nbytes for spine in spines)


def events(day: Day, step: int, steps: int, per_step: int) -> None:
    """Writes what happens in five minutes."""
    begin, third = step * STEP_S, per_step // 3
    moments = [np.sort(begin + day.chance.random(third) * STEP_S) for _ in range(3)]
    day.write("steady", moments[0])
    skewed = moments[1]
    late, early = day.chance.random(third) < 0.01, day.chance.random(third) < 0.0001
    skewed[late] -= day.chance.random(int(late.sum())) * 3600
    skewed[early] += FAR_S
    day.write("skewed", np.maximum(skewed, 0))
    if not steps // 4 <= step < 3 * steps // 4:
        day.write("idle", moments[2])


def source(day: Day) -> None:
    (day.directory / "in").mkdir()
    day.run(
        f"""CREATE SOURCE s (ts timestamp, k int, v int, WATERMARK FOR ts AS ts - interval '30 seconds')
            WITH (connector = 'filesystem', path = '{day.directory}/in/*.json', follow = 'true',
                  idle_timeout = '10 minutes')
            FORMAT PLAIN ENCODE JSON"""
    )
    for name, query in VIEWS.items():
        day.run(f"CREATE MATERIALIZED VIEW {name} AS {query} EMIT ON WINDOW CLOSE")


def told(day: Day, step: int) -> int:
    """Prints how far the day is; returns the bytes kept."""
    assert day.engine is not None
    (facts,) = day.engine.database("postgres").watermarks()
    at_us = facts.watermark_us
    mark = (
        "-"
        if at_us is None
        else (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)).strftime("%H:%M:%S")
    )
    rows, size = day.kept()
    ((late,),) = day.rows("SELECT count(*) FROM s_late")
    ((closed,),) = day.rows("SELECT count(*) FROM minutes")
    clock = (START + timedelta(seconds=(step + 1) * STEP_S)).strftime("%H:%M")
    idle = ",".join(Path(name).stem for name in facts.idle) or "-"
    count = sum(day.written.values())
    print(f"{clock:>6} {count:>9} {mark:>10} {idle:>6} {late:>6} {closed:>8} {rows:>8} {size >> 10:>9}")
    return size


def compared(day: Day) -> int:
    """How many views differ from their query over what was not late, up to the watermark."""
    (facts,) = day.engine.database("postgres").watermarks()  # type: ignore[union-attr]
    until = datetime.fromtimestamp(facts.watermark_us / 1e6, UTC).replace(tzinfo=None)  # type: ignore[operator]
    wrong = 0
    for name, query in VIEWS.items():
        found = day.rows(f"SELECT * FROM {name}")
        end = {"minutes": timedelta(minutes=1), "best": timedelta(minutes=10)}.get(name)
        wanted = [row for row in day.rows(query) if (row[1] if end is None else row[0] + end) <= until]
        wrong += found != wanted
        print(f"{name:>10}: {len(found)} rows, {'equal' if found == wanted else 'NOT EQUAL'} to its query")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--hours", type=int, default=24)
    given = parser.parse_args()
    intake.Prefetch = Inline  # type: ignore[assignment, misc]
    steps = given.hours * 3600 // STEP_S
    with tempfile.TemporaryDirectory() as directory:
        day = Day(Path(directory))
        day.open()
        source(day)
        print("  time    events  watermark   idle   late  windows     rows  state kB")
        sizes, began = [], time.process_time()
        for step in range(steps):
            events(day, step, steps, int(given.events / steps * 1.2))
            day.world.sleep(STEP_S)
            day.passes()
            if step == steps // 2:
                day.power_cut()
                day.passes()
            if (step + 1) % (steps // 24) == 0:
                sizes.append(told(day, step))
        spent = time.process_time() - began
        wrong = compared(day)
        ((late,),) = day.rows("SELECT count(*) FROM s_late")
        ((taken,),) = day.rows("SELECT count(*) FROM s")
        lost = sum(day.written.values()) - late - taken
        third = len(sizes) // 3
        early, last = max(sizes[:third]), max(sizes[2 * third :])
        flat = last < 1.5 * early
        print(f"{sum(day.written.values())} events in {spent:.0f} s of CPU time; {late} late, {lost} lost")
        print(f"state: at most {early >> 10} kB in the first third of the day, {last >> 10} kB in the last")
        assert day.engine is not None
        day.engine.close()
        return int(bool(wrong or lost or not flat))


if __name__ == "__main__":
    sys.exit(main())
