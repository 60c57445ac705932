"""Subscriptions opened, and their rows sent: as DataRows, or as COPY sends them."""

import asyncio
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from decimal import Decimal
from itertools import chain
from typing import Any

from pgstream.catalog.objects import Subscription
from pgstream.delta import Column, Delta, concat
from pgstream.engine.remembering import remembered, remembered_since
from pgstream.engine.watching import Change, Outrun, Watch
from pgstream.errors import (
    AbsurdTimeBounds,
    NullValueNotAllowed,
    NumericValueOutOfRange,
    ObjectNotInPrerequisiteState,
    SqlError,
)
from pgstream.functions.registry import EvalContext
from pgstream.plan.evaluate import evaluate
from pgstream.plan.expressions import Expr
from pgstream.session.changes import Piece, Teller
from pgstream.session.copy_options import CopyOptions
from pgstream.session.copy_out import copy_out_rows
from pgstream.session.encode import result_formats, rows_framed
from pgstream.session.feed import Bounds, Feed, snapshot
from pgstream.session.prepared import Answer, Portal, Prepared
from pgstream.session.session import Session
from pgstream.sql.bind.statements import Subscribe
from pgstream.storage.spine import Spine
from pgstream.wire import backend

FORMATTING = ("datestyle", "timezone", "intervalstyle", "extra_float_digits", "bytea_output")
"""The settings that text depends on."""


async def subscribed(session: Session, prepared: Prepared, params: tuple[Column, ...]) -> Answer:
    """Opens a feed."""
    statement = prepared.bound.statement
    assert isinstance(statement, Subscribe)
    context = session.own_context()
    as_of, up_to = (_milliseconds(expr, params, context) for expr in (statement.as_of, statement.up_to))
    watch = await watched(session, prepared, context)
    if as_of is None or (statement.at_least and as_of < watch.head.time_ms):
        as_of = _now(watch)
    if not statement.depends and up_to is None:
        up_to = as_of + 1  # what depends on nothing never changes
    bounds = Bounds(as_of, up_to)
    teller = Teller(tuple(column.type for column in statement.plan.columns), statement.shape)
    feed = Feed(session, watch, teller, bounds)
    if up_to is not None and up_to < as_of:
        raise AbsurdTimeBounds(
            f"subscription lower bound (`AS OF`) is greater than its upper bound (`UP TO`): {as_of} > {up_to}"
        )
    await begin(session, feed, watch, teller, bounds, statement.snapshot)
    return Answer(prepared.bound.tag, prepared.columns, counted=True, feed=feed)


async def watched(session: Session, prepared: Prepared, context: EvalContext) -> Watch:
    """The Watch of a bound Subscribe, which ends with the feed that it is for."""
    opening: Future[Watch] = session.database.autocommit.watch(prepared.parsed, prepared.bound, context)
    try:
        watch: Watch = await session.answered(opening)
    except BaseException:
        database = session.database
        opening.add_done_callback(lambda late: _abandon(database, late))
        raise
    return watch


def _abandon(database: Any, opening: "Future[Watch]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        database.autocommit.unwatch(opening.result().relation_oid)


def _milliseconds(expr: Expr | None, params: tuple[Column, ...], context: EvalContext) -> int | None:
    """The value of AS OF or UP TO."""
    if expr is None:
        return None
    value = evaluate(expr, {}, 1, context, params)[0]
    if not value.is_valid:
        raise NullValueNotAllowed("the time of a subscription must not be null")
    if expr.type.name == "timestamptz":
        return int(value.value) // 1000
    number = Decimal(value.as_py())
    if not number.is_finite() or number != int(number) or not 0 <= number < 1 << 63:
        raise NumericValueOutOfRange(f"{number} is not a time in milliseconds")
    return int(number)


async def begin(
    session: Session, feed: Feed, watch: Watch, teller: Teller, bounds: Bounds, with_snapshot: bool
) -> None:
    """Has `feed` begin with the rows as of its first time, or with the changes since then."""
    at_ms, rows = watch.head.time_ms, watch.head.rows(watch.relation_oid)
    as_of = bounds.as_of_ms
    if as_of == bounds.up_to_ms:
        feed.begin(iter(()), as_of)
    elif as_of == at_ms:
        feed.begin(snapshot(teller, rows, as_of) if with_snapshot else iter(()), at_ms)
    elif as_of > at_ms:
        between = [change.delta for change in await feed.until(session, as_of)]
        first = _whole(teller, rows, between, as_of) if between else snapshot(teller, rows, as_of)
        feed.begin(first if with_snapshot else iter(()), as_of)
    elif with_snapshot:
        later = list(known_changes(watch, as_of))
        first = _whole(teller, rows, [change.delta.negate() for change in later], as_of)
        feed.begin(chain(first, _pieces(teller, later, bounds)), at_ms)
    else:
        feed.begin(_pieces(teller, known_changes(watch, as_of), bounds), at_ms)


def _now(watch: Watch) -> int:
    """The latest time of which the Watch's head is known to be the state."""
    try:
        told = watch.channel.read(watch.head.time_ms)
    except Outrun:
        return watch.head.time_ms
    return watch.head.time_ms if told.changes else max(told.until_ms, watch.head.time_ms)


def _whole(teller: Teller, rows: Spine | None, between: Sequence[Delta], as_of_ms: int) -> Iterator[Piece]:
    """All rows as of a time that is not the head's; `between` leads there."""
    parts = [Delta.empty([type.storage for type in teller.types]), *between]
    if rows is not None:
        parts.append(rows.contents())
    piece = teller.piece(concat(parts), as_of_ms, stock=True)
    if piece is not None:
        yield piece


def _pieces(teller: Teller, changes: Iterable[Change], bounds: Bounds) -> Iterator[Piece]:
    for change in changes:
        if bounds.up_to_ms is not None and change.time_ms >= bounds.up_to_ms:
            return
        piece = teller.piece(change.delta, change.time_ms)
        if piece is not None:
            yield piece


def known_changes(watch: Watch, after_ms: int) -> Iterable[Change]:
    """The changes after a time in the past up to the Watch's head: from the channel, or from a subscription's memory.

    Raises where they are not known any more.
    """
    head = watch.head
    try:
        told = watch.channel.read(after_ms)
    except Outrun:
        for thing in head.catalog.dependents(watch.relation_oid):
            if isinstance(thing, Subscription) and remembered_since(head, thing) <= after_ms:
                return remembered(head, thing, after_ms)
        raise ObjectNotInPrerequisiteState(
            f"the changes since {after_ms} are not known any more",
            hint="CREATE SUBSCRIPTION … FROM a relation WITH (retention = '1 day') keeps its changes.",
        ) from None
    return [change for change in told.changes if change.time_ms <= head.time_ms]


# -- sending


async def send_coming(session: Session, portal: Portal, answer: Answer, rows_max: int) -> None:
    """The next rows of a portal: those that there are once there are any, or all for as long as they come."""
    formats = result_formats(portal.result_formats, len(answer.columns or ()))
    count = await send_feed(session, answer, formats, rows_max)
    suspended = bool(rows_max) and count > 0
    session.write(backend.PORTAL_SUSPENDED if suspended else backend.command_complete(answer.tag_after(count)))


async def send_feed(session: Session, answer: Answer, formats: tuple[int, ...], rows_max: int) -> int:
    """Sends rows as they come, until there are no more; with `rows_max`, as many as there are once there are any.

    Returns how many.
    """
    columns = answer.columns or ()
    settings = session.output_settings(columns)

    def framed(piece: Piece) -> bytes:
        return rows_framed(columns, piece.rows, piece.count, formats, settings)

    sending = Sending(session, answer.feed, answer.feed.numbered(_kind(session, settings, formats)), framed)
    if rows_max:
        await answer.feed.more(session)
        await sending.send(answer.feed.take(rows_max))
    else:
        await sending.stream()
    return sending.sent


async def copy_feed(session: Session, answer: Answer, options: CopyOptions) -> int:
    """Sends rows as COPY does, until there are no more; returns how many."""
    feed = answer.feed
    columns = answer.columns or ()
    settings = session.output_settings(columns)

    def copied(piece: Piece, first: bool = False) -> bytes:
        return copy_out_rows(columns, piece.rows, piece.count, options, settings, first)

    sending = Sending(session, feed, feed.numbered(_kind(session, settings, options)), copied)
    session.flush()
    if options.format == "binary" and await feed.more(session):
        (piece,) = feed.take(1)
        session.write(copied(piece, True))  # the file's header rides on the first row
        sending.sent = 1
    await sending.stream()
    return sending.sent


def _kind(session: Session, settings: Any, form: Hashable) -> Hashable:
    """All that decides about the bytes of rows; None where the session itself does."""
    if settings is not session.settings.current:
        return None
    return (form, *(settings[name] for name in FORMATTING))


class Sending:
    """A feed's rows on their way to the client, no faster than it takes them."""

    def __init__(self, session: Session, feed: Feed, number: int | None, encode: Callable[[Piece], bytes]) -> None:
        self.sent = 0
        self._session, self._feed, self._number, self._encode = session, feed, number, encode

    async def stream(self) -> None:
        """Sends what comes, until there is no more."""
        while await self._feed.more(self._session, deliver=self._deliver):
            await self.send(self._feed.take())
            self._session.flush()

    async def send(self, pieces: Sequence[Piece]) -> None:
        session = self._session
        for piece in pieces:
            session.write(self._bytes(piece))
            if session.outlet.paused:
                session.flush()
                await session.outlet.drain()
                session.check_interrupts()

    def _bytes(self, piece: Piece) -> bytes:
        self.sent += piece.count
        return self._feed.encoded(piece, self._number, self._encode)

    def _deliver(self) -> bool:
        """Sends what came while this waited; False where that has to be looked at in its own time."""
        session, feed = self._session, self._feed
        if session.outlet.paused or session.closed:
            return False
        try:
            feed.look()
        except SqlError:
            return False
        if feed.ended or feed.coming:
            return False
        for piece in feed.take():
            session.write(self._bytes(piece))
        session.flush()
        return True


async def fetched(session: Session, feed: Feed, rows_max: int, seconds: float | None) -> list[Piece]:
    """The rows of a FETCH: those that are there once there are any; all that come within `seconds`, where given."""
    deadline = None if seconds is None else asyncio.get_running_loop().time() + seconds
    taken: list[Piece] = []
    left = rows_max
    while (left or not rows_max) and (seconds is not None or not taken or feed.ready):
        if not await feed.more(session, 0.0 if taken and deadline is None else deadline):
            break
        pieces = feed.take(left)
        left -= sum(piece.count for piece in pieces) if rows_max else 0
        taken += pieces
    return taken
