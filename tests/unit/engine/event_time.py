"""An engine in simulated time, whose sources are files that grow."""

import gc
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pgstream.engine import Engine, intake
from pgstream.sql.parse import parse
from pgstream.testing.inline import Inline
from pgstream.testing.simulated_world import SimulatedWorld
from tests.unit.engine.engine_sql import Rows, Sql

START = datetime(2026, 1, 1, tzinfo=UTC)
"""When simulated time begins."""


class Timeline:
    """An engine that does something only when it is told to, and the files it reads."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.world = SimulatedWorld(7)
        self.engine: Engine | None = None
        self.open()

    def open(self, *, crash: bool = False) -> None:
        """Opens the engine, again after a power cut where it `crash`es."""
        data = self.directory / "data"
        if crash:
            content = {file.name: file.read_bytes() for file in data.iterdir() if file.suffix == ".mdb"}
            self.close()
            for name, bytes in content.items():
                (data / name).write_bytes(bytes)
        self.close()
        self.engine = Engine.open(data, self.world, sync=False, threaded=False)
        self.sql = Sql(self.engine.database("postgres"), world=self.world)

    def close(self) -> None:
        if self.engine is not None:
            self.engine.close()
            self.engine = None
            self.sql.forget()
            gc.collect()  # what a session read from the map keeps the directory locked

    def run(self, text: str) -> Any:
        assert self.engine is not None
        outcome = None
        for parsed in parse(text):
            future = self.sql.submit(parsed)
            while not future.done():
                self.engine.turn()
            outcome = future.result()
        return outcome

    def passes(self, seconds: float = 0.0, turns: int = 3) -> None:
        """Lets time pass and the engine see it."""
        assert self.engine is not None
        self.world.sleep(seconds)
        for _ in range(turns):
            self.engine.turn()
        self.world.sleep(0.3)
        self.engine.turn()

    def rows(self, text: str) -> Rows:
        return self.sql.rows(text)

    def write(self, file: str, *rows: tuple[Any, ...], names: tuple[str, ...] = ("ts", "k", "v")) -> None:
        """Appends rows to a file; a number in the place of `ts` is seconds after the start."""
        with (self.directory / file).open("a") as lines:
            for row in rows:
                record = dict(zip(names, row, strict=True))
                if isinstance(record["ts"], int | float):
                    record["ts"] = at(record["ts"]).isoformat()
                lines.write(json.dumps(record) + "\n")

    def source(self, name: str, pattern: str, *, follow: bool = True, lag: str = "5 s", options: str = "") -> None:
        """A source of files with a watermark."""
        (self.directory / Path(pattern).parent).mkdir(exist_ok=True)
        self.run(
            f"""CREATE SOURCE {name} (ts timestamp, k int, v int, WATERMARK FOR ts AS ts - interval '{lag}')
                WITH (connector = 'filesystem', path = '{self.directory / pattern}', follow = '{follow}'{options})
                FORMAT PLAIN ENCODE JSON"""
        )

    def watermark(self, name: str) -> Any:
        """The facts of a relation's watermark."""
        oid = self.sql.value(f"SELECT '{name}'::regclass::oid")
        return next(facts for facts in self.sql.database.watermarks() if facts.oid == oid)


def at(seconds: float) -> datetime:
    """A moment of simulated time, without its zone."""
    return (START + timedelta(seconds=seconds)).replace(tzinfo=None)


@pytest.fixture
def timeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Timeline]:
    """A fresh engine in simulated time."""
    monkeypatch.setattr(intake, "Prefetch", Inline)
    one = Timeline(tmp_path)
    yield one
    one.close()
