"""The extended query protocol of one session: prepared statements, portals, and what is fetched of them."""

from pgstream.errors import DuplicateCursor, DuplicatePreparedStatement, SyntaxError42601
from pgstream.session.bind_values import bound_values
from pgstream.session.encode import fields, result_formats
from pgstream.session.pipeline import repeated, run_repeated
from pgstream.session.prepared import Answer, Portal, Prepared
from pgstream.session.running import (
    changes_tables,
    decoded,
    is_query,
    point_answer,
    prepare,
    require_allowed,
    run,
    statements_of,
    types_of,
)
from pgstream.session.sending import Step, send_rows
from pgstream.session.session import Session
from pgstream.session.subscribing import send_coming
from pgstream.wire import backend
from pgstream.wire.messages import Bind, Close, Describe, Execute, Executions, Parse, Sync


class Extended:
    """Answers Parse, Bind, Describe, Execute and Close; each raises what the client is told."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.one_by_one = False
        """Until Sync, as a message among those that wait will fail."""

    def parse(self, message: Parse) -> None:
        session = self.session
        session.start_clock(message.text.decode(errors="replace"))
        statements = statements_of(session, decoded(message.text))
        if len(statements) > 1:
            raise SyntaxError42601("cannot insert multiple commands into a prepared statement")
        if message.statement and message.statement in session.statements:
            raise DuplicatePreparedStatement(f'prepared statement "{message.statement}" already exists')
        given = types_of(message.parameter_oids, lambda: session.block.reader().snapshot().catalog)
        if statements:
            require_allowed(session, statements[0].node)
            prepared = prepare(session, statements[0], given)
        else:
            prepared = Prepared(None, given)
        session.statements[message.statement] = prepared
        session.write(backend.PARSE_COMPLETE)

    def bind(self, message: Bind) -> None:
        session = self.session
        prepared = session.statement(message.statement)
        if prepared.parsed is not None:
            require_allowed(session, prepared.parsed.node)
        if message.portal and message.portal in session.portals:
            raise DuplicateCursor(f'cursor "{message.portal}" already exists')
        params = bound_values(message, prepared, session.own_context)
        session.portals[message.portal] = Portal(prepared, params, message.result_formats)
        session.write(backend.BIND_COMPLETE)

    def describe(self, message: Describe) -> None:
        session = self.session
        if message.kind == "S":
            prepared = session.statement(message.name)
            session.write(backend.parameter_description([type.oid for type in prepared.parameters]))
            codes: tuple[int, ...] = ()
        else:
            cursor = session.cursors.get(message.name)
            if cursor is not None:
                columns = cursor.answer.columns or ()
                session.write(backend.row_description(fields(columns, (int(cursor.binary),) * len(columns))))
                return
            portal = session.portal(message.name)
            prepared, codes = portal.prepared, portal.result_formats
        if prepared.columns is None:
            session.write(backend.NO_DATA)
            return
        formats = result_formats(codes, len(prepared.columns))
        session.write(backend.row_description(fields(prepared.columns, formats)))

    def execute(self, message: Execute) -> Step | None:
        session = self.session
        portal = session.portal(message.portal)
        prepared = portal.prepared
        if prepared.parsed is None:
            session.write(backend.EMPTY_QUERY_RESPONSE)
            return None
        require_allowed(session, prepared.parsed.node)
        if portal.answer is None:
            session.start_clock(prepared.parsed.whole)
            if is_query(prepared):
                portal.answer = point_answer(session, prepared, portal.params)
            if portal.answer is None:
                return self._run_portal(portal, message.rows_max)
        return self._send_portal(portal, message.rows_max)

    def executions(self, message: Executions) -> None:
        """The first comes as it would alone; its Execute takes the others with it where it can (`_run_portal`)."""
        self.session.inbox.extendleft(reversed(message.unfolded()))

    async def _run_portal(self, portal: Portal, rows_max: int) -> None:
        session = self.session
        again = None if self.one_by_one else repeated(session, portal)
        if again is not None:
            if await run_repeated(session, portal, again):
                portal.answer = Answer("INSERT 0 1")
                return
            self.one_by_one = True
        alone = bool(self.session.inbox) and type(self.session.inbox[0]) is Sync
        if not alone and changes_tables(portal.prepared):
            session.start_implicit()
        portal.answer = await run(session, portal.prepared, portal.params)
        step = self._send_portal(portal, rows_max)
        if step is not None:
            await step

    def _send_portal(self, portal: Portal, rows_max: int) -> Step | None:
        """The next rows of a portal that ran, and how it stands."""
        session = self.session
        answer = portal.answer
        assert answer is not None
        if answer.columns is None:
            session.write(backend.command_complete(answer.tag))
            return None
        if answer.feed is not None:
            return send_coming(session, portal, answer, rows_max)
        left = answer.count - portal.sent
        count = min(left, rows_max) if rows_max else left
        formats = result_formats(portal.result_formats, len(answer.columns))
        step = send_rows(session, answer, formats, portal.sent, count)
        portal.sent += count
        suspended = bool(rows_max) and count == rows_max
        ending = backend.PORTAL_SUSPENDED if suspended else backend.command_complete(answer.tag_after(count))
        if step is not None:
            return self._then_write(step, ending)
        session.write(ending)
        return None

    async def _then_write(self, step: Step, ending: bytes) -> None:
        await step
        self.session.write(ending)

    def close(self, message: Close) -> None:
        session = self.session
        if message.kind == "S":
            closed = session.statements.pop(message.name, None)
            for name in [name for name, portal in session.portals.items() if portal.prepared is closed]:
                del session.portals[name]
        else:
            session.portals.pop(message.name, None)
            session.cursors.pop(message.name, None)
        session.write(backend.CLOSE_COMPLETE)
