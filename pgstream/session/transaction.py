"""The transaction of one session: explicit block, implicit one of a pipeline or multi-statement query, or none.

The engine's transaction is begun when a statement first needs it, so that BEGIN; COMMIT costs nothing.
"""

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import Any

from pgstream.errors import InFailedSqlTransaction
from pgstream.wire import backend


class State(Enum):
    """What ReadyForQuery tells."""

    IDLE = backend.READY_IDLE
    IMPLICIT = b""
    """Several statements that are one transaction until Sync, or until the query's end."""
    OPEN = backend.READY_IN_TRANSACTION
    FAILED = backend.READY_FAILED


class TransactionBlock:
    """Where a session stands between BEGIN and COMMIT."""

    def __init__(self, database: Any, isolation: Callable[[], str]) -> None:
        self._database = database
        self._isolation = isolation
        self._transaction: Any = None
        self.state = State.IDLE
        self.start_us = 0

    @property
    def ready(self) -> bytes:
        """The ReadyForQuery message."""
        assert self.state is not State.IMPLICIT
        return bytes(self.state.value)

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
        """An error happened: an open block fails, an implicit one is over."""
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

    def _take(self) -> Any:
        transaction, self._transaction = self._transaction, None
        return transaction
