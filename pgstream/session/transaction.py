"""The transaction of one session: explicit block, implicit one of a pipeline or multi-statement query, or none.

The engine's transaction is begun when a statement first needs it, so that BEGIN; COMMIT costs nothing.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pgstream.errors import InFailedSqlTransaction, InvalidSavepointSpecification
from pgstream.wire import backend


class State(Enum):
    """What ReadyForQuery tells."""

    IDLE = backend.READY_IDLE
    IMPLICIT = b""
    """Several statements that are one transaction until Sync, or until the query's end."""
    OPEN = backend.READY_IN_TRANSACTION
    FAILED = backend.READY_FAILED

    def __init__(self, ready: bytes) -> None:
        self.ready = ready
        """The ReadyForQuery message."""


@dataclass(frozen=True, slots=True)
class Savepoint:
    """A named point of a transaction: the engine's mark (None while it had nothing to do), and the session's own."""

    name: str
    mark: Any
    settings: Any
    notifications: int


class TransactionBlock:
    """Where a session stands between BEGIN and COMMIT."""

    def __init__(self, database: Any, isolation: Callable[[], str]) -> None:
        self._database = database
        self._isolation = isolation
        self._transaction: Any = None
        self.savepoints: list[Savepoint] = []
        self.state = State.IDLE
        self.start_us = 0

    @property
    def ready(self) -> bytes:
        """The ReadyForQuery message."""
        assert self.state is not State.IMPLICIT
        return self.state.ready

    @property
    def explicit(self) -> bool:
        return self.state in (State.OPEN, State.FAILED)

    def begin(self) -> None:
        """An explicit block, which takes in what an implicit one did so far."""
        self.state = State.OPEN

    def begin_implicit(self) -> None:
        if self.state is State.IDLE:
            self.state = State.IMPLICIT

    def require_usable(self) -> None:
        """Raises InFailedSqlTransaction while only ROLLBACK is allowed."""
        if self.state is State.FAILED:
            raise InFailedSqlTransaction(
                "current transaction is aborted, commands ignored until end of transaction block"
            )

    def workspace(self) -> Any:
        """Where the next statement runs."""
        if self.state is State.IDLE:
            return self._database.autocommit
        if self._transaction is None:
            self._transaction = self._database.begin(self._isolation())
        return self._transaction

    def reader(self) -> Any:
        """Where the next statement reads: a lone read in an implicit transaction needs none of its own."""
        if self.state is State.IMPLICIT and self._transaction is None:
            return self._database.autocommit
        return self.workspace()

    def fail(self) -> "asyncio.Future[Any] | None":
        """An error happened: an open block fails, an implicit one is over. Savepoints can still be gone back to."""
        if self.explicit and self.savepoints:
            self.state = State.FAILED
            return None
        rolled_back = self._take()
        self.state = State.FAILED if self.explicit else State.IDLE
        return None if rolled_back is None else asyncio.wrap_future(rolled_back.rollback())

    async def commit(self) -> None:
        """Ends the transaction; it is over even if this raises."""
        transaction = self._take()
        self.state = State.IDLE
        if transaction is not None:
            await asyncio.wrap_future(transaction.commit())

    async def rollback(self) -> None:
        transaction = self._take()
        self.state = State.IDLE
        if transaction is not None:
            await asyncio.wrap_future(transaction.rollback())

    def save(self, name: str, settings: Any, notifications: int) -> None:
        """SAVEPOINT."""
        mark = None if self._transaction is None else self._transaction.mark
        self.savepoints.append(Savepoint(name, mark, settings, notifications))

    def release(self, name: str) -> None:
        """RELEASE: forgets the latest savepoint of that name and all later ones. Raises if there is none."""
        del self.savepoints[self._index(name) :]

    async def back_to(self, name: str) -> Savepoint:
        """ROLLBACK TO: the transaction is as it was at the savepoint, which stays. Raises if there is none."""
        index = self._index(name)
        del self.savepoints[index + 1 :]
        found = self.savepoints[index]
        if self._transaction is not None:
            if found.mark is None:
                await asyncio.wrap_future(self._dropped().rollback())
            else:
                await asyncio.wrap_future(self._transaction.back_to(found.mark))
        self.state = State.OPEN
        return found

    def _index(self, name: str) -> int:
        for index in reversed(range(len(self.savepoints))):
            if self.savepoints[index].name == name:
                return index
        raise InvalidSavepointSpecification(f'savepoint "{name}" does not exist')

    def _dropped(self) -> Any:
        transaction, self._transaction = self._transaction, None
        return transaction

    def _take(self) -> Any:
        self.savepoints.clear()
        return self._dropped()
