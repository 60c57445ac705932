"""An engine for each test, which may be closed, abandoned and opened again."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pgstream.engine import Engine
from tests.unit.engine.engine_sql import Sql, sql_of


class Opened:
    """The engine of one directory. Opening it again ends the one before, and the sessions of that."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.engine: Engine | None = None
        self._sessions: list[Sql] = []

    def open(self, **options: Any) -> Sql:
        self.close()
        self.engine = Engine.open(self.directory, **{"sync": False, **options})
        return self.session()

    def session(self, database: str = "postgres") -> Sql:
        assert self.engine is not None
        made = sql_of(self.engine, database)
        self._sessions.append(made)
        return made

    def crash(self) -> Sql:
        """Goes on with the files as they are now, as after a power cut; the engine that had them ends unheard."""
        kept = (".mdb", ".log", ".key")
        files = {file.name: file.read_bytes() for file in self.directory.iterdir() if file.suffix in kept}
        self.close()
        self.directory = self.directory.with_name(f"{self.directory.name}x")
        self.directory.mkdir()
        for name, content in files.items():
            (self.directory / name).write_bytes(content)
        return self.open()

    def close(self) -> None:
        if self.engine is not None:
            self.engine.close()
            self.engine = None
        for session in self._sessions:
            session.forget()
        self._sessions.clear()
        gc.collect()  # what a session read from the map keeps the directory locked


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """A directory to open engines in."""
    one = Opened(tmp_path / "data")
    yield one
    one.close()


@pytest.fixture
def sql(opened: Opened) -> Sql:
    """A session of a fresh engine."""
    return opened.open()
