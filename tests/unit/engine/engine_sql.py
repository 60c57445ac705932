"""SQL against an engine in this process, as one session after another would run it."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from pgstream.catalog.session_facts import NOBODY
from pgstream.engine import Engine, Outcome
from pgstream.engine.engine import OpenDatabase
from pgstream.engine.transaction import Workspace
from pgstream.errors import SqlError
from pgstream.functions.registry import EvalContext
from pgstream.sql.bind import BindScope, Bound, bind
from pgstream.sql.bind.statements import Query
from pgstream.sql.parse import Parsed, parse
from pgstream.world import RealWorld, World

SETTINGS = {
    "timezone": "UTC",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
}
PATIENCE_S = 60.0

Rows = list[tuple[Any, ...]]


class Sql:
    """Runs SQL in one database, each statement alone or in the transaction of a `with sql.transaction()` block."""

    def __init__(self, database: OpenDatabase, workspace: Workspace | None = None, world: World | None = None) -> None:
        self.database = database
        self.workspace: Workspace = workspace or database.autocommit
        self.world = world or RealWorld()
        self.settings = SETTINGS

    def forget(self) -> None:
        """Ends the session: it holds nothing of its engine any more."""
        del self.database, self.workspace

    def run(self, text: str) -> Outcome | None:
        """Executes every statement of `text`; the last one's outcome."""
        outcome = None
        for parsed in parse(text):
            outcome = self.submit(parsed).result(PATIENCE_S)
        return outcome

    def start(self, text: str) -> "Future[Outcome]":
        """Submits one statement and does not wait."""
        (parsed,) = parse(text)
        return self.submit(parsed)

    def submit(self, parsed: Parsed) -> "Future[Outcome]":
        bound, context = self._bound(parsed)
        assert not isinstance(bound.statement, Query), "a query changes nothing: see `rows`"
        return self.workspace.execute(parsed, bound, (), context)

    def rows(self, text: str) -> Rows:
        """The rows of a query, sorted: two answers are equal where they hold the same rows equally often."""
        (parsed,) = parse(text)
        snapshot = self.workspace.snapshot()
        bound, context = self._bound(parsed)
        result = snapshot.select(bound, (), context)
        columns = [column.to_pylist() for column in result.rows]
        return sorted(zip(*columns, strict=True) if columns else [()] * result.count, key=repr)

    def value(self, text: str) -> Any:
        """The only value of a query."""
        ((value,),) = self.rows(text)
        return value

    def fails(self, sqlstate: str, text: str) -> SqlError:
        """Runs `text`, which must fail like this."""
        with pytest.raises(SqlError) as caught:
            self.run(text)
        assert caught.value.sqlstate == sqlstate, caught.value
        return caught.value

    def begin(self, isolation: str = "read committed") -> "Sql":
        """The same database, in a transaction."""
        return Sql(self.database, self.database.begin(isolation), self.world)

    def commit(self) -> None:
        self.workspace.commit().result(PATIENCE_S)  # type: ignore[attr-defined]

    def rollback(self) -> None:
        self.workspace.rollback().result(PATIENCE_S)  # type: ignore[attr-defined]

    def drained(self) -> None:
        """Waits until every source has given all that it has, durably."""
        eventually(self.database.exhausted)

    def view(self, name: str, query: str) -> Rows:
        """The rows of a materialized view, which are those of its query."""
        found = self.rows(f"SELECT * FROM {name}")
        assert found == self.rows(query), name
        return found

    def _bound(self, parsed: Parsed) -> tuple[Bound, EvalContext]:
        catalog = self.workspace.snapshot().catalog
        now_us = self.world.now_us()
        bound = bind(parsed, catalog, BindScope(settings=self.settings, now_us=now_us))
        return bound, EvalContext(self.settings, now_us, catalog, NOBODY)


def sql_of(engine: Engine, name: str = "postgres") -> Sql:
    """A session of one of the engine's databases."""
    return Sql(engine.database(name))


def eventually(holds: Callable[[], bool]) -> None:
    """Waits until `holds()`."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.01)
