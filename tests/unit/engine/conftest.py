"""An engine for each test, which may be closed, abandoned and opened again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.engine.engine_sql import Sql, sql_of

from pgstream.engine import Engine


class Opened:
    """The engine of one directory. `open` again ends the one before, with or without closing it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.engine: Engine | None = None

    def open(self) -> Sql:
        self.close()
        self.engine = Engine.open(self.directory, sync=False)
        return sql_of(self.engine)

    def close(self) -> None:
        if self.engine is not None:
            self.engine.close()
            self.engine = None


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
