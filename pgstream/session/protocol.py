"""The message loop of one session: simple and extended query, errors, pipelines.

Messages are answered in order. Most are answered at once, on the spot; those that must wait for the engine, the pool
or a slow client become a task, and the messages behind them wait in the inbox.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from pgstream.errors import (
    FeatureNotSupported,
    InternalError,
    ProtocolViolation,
    SqlError,
    UndefinedParameter,
)
from pgstream.session import (
    control_copy,
    controls,  # noqa: F401  declares what sessions run themselves
)
from pgstream.session.encode import fields
from pgstream.session.extended import Extended
from pgstream.session.keyed import read_at_once
from pgstream.session.pipeline import is_full
from pgstream.session.prepared import Answer
from pgstream.session.rounds import finish_insert, taken_at_once
from pgstream.session.running import (
    decoded,
    prepare,
    require_allowed,
    run,
    statements_of,
)
from pgstream.session.sending import Step, send_rows
from pgstream.session.session import Session
from pgstream.session.subscribing import send_feed
from pgstream.session.transaction import State
from pgstream.wire import backend
from pgstream.wire.messages import (
    Bind,
    Close,
    CopyData,
    CopyDone,
    CopyFail,
    Describe,
    Execute,
    Executions,
    Flush,
    FunctionCall,
    Message,
    Parse,
    Query,
    Round,
    Sync,
    Terminate,
)


class Conversation:
    """What a client says to its session, in order, and what is answered."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._skipping = False
        self._extended = extended = Extended(session)
        self._task: asyncio.Task[None] | None = None
        self._answers: dict[type, Callable[[Any], Step | None]] = {
            Query: self._query,
            Parse: extended.parse,
            Bind: extended.bind,
            Describe: extended.describe,
            Execute: extended.execute,
            Executions: extended.executions,
            Close: extended.close,
            Flush: self._flush,
            Sync: self._sync,
            FunctionCall: self._function_call,
            CopyData: self._late_copy,
            CopyDone: self._late_copy,
            CopyFail: self._late_copy,
        }

    @property
    def congested(self) -> bool:
        """Whether so much waits that the client should be held back."""
        copy = self.session.inbound_copy
        if copy is not None:
            return bool(copy.bytes_waiting > control_copy.BACKLOG_BYTES_MAX)
        return is_full(self.session.inbox)

    def receive(self, messages: list[Message]) -> None:
        """More messages from the client."""
        session = self.session
        if type(messages[0]) is Round:
            if self._at_once(messages[0]):
                return
            messages = messages[0].messages
        for message in messages:
            copy = session.inbound_copy
            if copy is not None and copy.open and not isinstance(message, Terminate):
                copy.put(message)
            else:
                session.inbox.append(message)
        self._advance()

    def _at_once(self, round: Round) -> bool:
        """Takes a round as a whole; False where its messages must be answered one by one."""
        session = self.session
        if session.busy or session.inbox or session.closed or self._skipping:
            return False
        if not taken_at_once(session, round, self._inserted):
            return False
        self._extended.one_by_one = False
        return True

    def _inserted(self, _outcome: Any, error: BaseException | None) -> None:
        """The engine is done with a round."""
        session = self.session
        session.arrived()
        if not session.closed:
            finish_insert(session, error, self._tell_failure)
            session.outlet.resume_reading()
            self._advance()

    def _advance(self) -> None:
        """Answers what can be answered now."""
        session = self.session
        while self.session.inbox and not session.busy and not session.closed:
            message = self.session.inbox.popleft()
            if type(message) is Terminate:
                session.flush()
                session.outlet.close()
                return
            if self._skipping and type(message) is not Sync:
                continue
            step = self._answer(message)
            if step is not None:
                session.busy = True
                self._task = asyncio.get_running_loop().create_task(self._finish(step))
        if not session.busy:
            session.flush()

    def _answer(self, message: Message) -> Step | None:
        answer = self._answers.get(type(message))
        if answer is None:
            self._fail(ProtocolViolation(f"unexpected message {type(message).__name__}"))
            return None
        try:
            return answer(message)
        except Exception as error:
            self._fail(error)
            return None

    async def _finish(self, step: Step) -> None:
        session = self.session
        try:
            await step
            if session.outlet.paused:
                session.flush()
                await session.outlet.drain()
        except ConnectionError:
            session.closed = True
        except Exception as error:
            self._fail(error)
        finally:
            session.busy = False
        if session.closed:
            await session.block.rollback()
            return
        session.outlet.resume_reading()
        self._advance()

    def _fail(self, error: Exception) -> None:
        """An error of the extended protocol: all is skipped until Sync."""
        self._skipping = True
        self._tell_failure(error)

    def _tell_failure(self, error: Exception) -> None:
        session = self.session
        if not isinstance(error, SqlError):
            session.services.log.failure("statement failed by a bug", error, pid=session.facts.pid)
            error = InternalError(f"internal error: {type(error).__name__}")
        session.fail_transaction()
        session.tell_error(error)

    # Simple query ------------------------------------------------------------------------------------------

    def _query(self, message: Query) -> Step | None:
        return None if read_at_once(self.session, message.text) else self._run_query(message.text)

    async def _run_query(self, text: bytes) -> None:
        session = self.session
        session.start_clock(text.decode(errors="replace"))
        session.portals.pop("", None)
        try:
            statements = statements_of(session, decoded(text))
            if not statements:
                session.write(backend.EMPTY_QUERY_RESPONSE)
            for i, parsed in enumerate(statements):
                last = i == len(statements) - 1
                if not last:
                    session.start_implicit()
                require_allowed(session, parsed.node)
                prepared = prepare(session, parsed)
                if prepared.parameters:
                    raise UndefinedParameter("there is no parameter $1")
                answer = await run(session, prepared, ())
                if answer.columns is not None:
                    await self._send_result(answer)
                if last and session.block.state is State.IMPLICIT:
                    await session.commit()
                session.write(backend.command_complete(answer.tag_after(answer.count)))
                if session.block.state is State.IDLE:
                    session.publish_notifications()
        except ConnectionError:
            raise
        except Exception as error:
            self._tell_failure(error)
        session.ready_for_query()

    async def _send_result(self, answer: Answer) -> None:
        """RowDescription and all rows in text format; FETCH from a binary cursor in binary."""
        assert answer.columns is not None
        formats = (0,) * len(answer.columns)
        self.session.write(backend.row_description(fields(answer.columns, formats)))
        if answer.feed is not None:
            answer.count = await send_feed(self.session, answer, formats, 0)
            return
        step = send_rows(self.session, answer, formats, 0, answer.count)
        if step is not None:
            await step

    def _flush(self, _message: Flush) -> None:
        self.session.flush()

    def _sync(self, _message: Sync) -> Step | None:
        session = self.session
        self._skipping = self._extended.one_by_one = False
        if session.block.state is State.IMPLICIT:
            return self._commit_pipeline()
        if session.block.state is State.IDLE:
            session.portals.clear()
            session.publish_notifications()
        session.ready_for_query()
        return None

    async def _commit_pipeline(self) -> None:
        """An error of the commit is told before ReadyForQuery, which comes all the same."""
        try:
            await self.session.commit()
        except Exception as error:
            self._tell_failure(error)
        self.session.ready_for_query()

    def _function_call(self, _message: FunctionCall) -> None:
        self._tell_failure(FeatureNotSupported("the function call protocol is not supported"))
        self.session.ready_for_query()

    def _late_copy(self, _message: Message) -> None:
        """Copy data outside a COPY is what a failed COPY left behind: PostgreSQL ignores it too."""
