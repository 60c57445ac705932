"""Feeds: one subscription's rows as they come, for whoever takes them at his own pace.

A feed reads its channel only when its client asks for more, so a slow client holds up nobody. Once it is further behind
than the channel remembers, it is given the difference between what it last saw and what is now, as one change, or an
error: `pgstream.subscribe_slow` is 'conflate' or 'drop'. A feed that nobody holds any more has ended.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import finalize, ref

from pgstream.catalog.session_facts import SubscriberFacts
from pgstream.delta import Delta, concat
from pgstream.engine.watching import Change, Outrun, Watch
from pgstream.errors import ProgramLimitExceeded
from pgstream.session.changes import Piece, Teller
from pgstream.session.fanout import Fanout
from pgstream.session.session import Session
from pgstream.storage.consolidate import consolidate
from pgstream.storage.run import Run
from pgstream.storage.spine import Spine

CHUNK_ROWS = 1 << 14
"""About how many rows of a snapshot are made ready at once."""

SLOW = "pgstream.subscribe_slow"

_NUMBERS = itertools.count()


@dataclass(frozen=True, slots=True)
class Bounds:
    """From when to when a feed tells changes: after `as_of_ms`, before `up_to_ms` (None: for ever)."""

    as_of_ms: int
    up_to_ms: int | None = None


class Feed:
    """See the module's description. On the event loop's thread."""

    def __init__(
        self, session: Session, watch: Watch, teller: Teller, bounds: Bounds, patience_s: float | None = None
    ) -> None:
        self._fanout: Fanout = session.services.fanouts.of(watch.channel)
        self._teller = teller
        self._number = self._fanout.number(teller)
        self._bounds = bounds
        self._after_ms = watch.head.time_ms
        self._rows: Spine | None = watch.head.rows(watch.relation_oid)
        self._ready: deque[Piece] = deque()
        self._coming: Iterator[Piece] | None = None
        self._conflates = session.settings.current.get(SLOW) != "drop"
        self.patience_s = patience_s
        """How long FETCH waits where it does not say; None: until there is something."""
        self.ended = False
        self._told = session.facts.pid, watch.relation_oid
        ending = finalize(self, session.database.autocommit.unwatch, watch.relation_oid)
        ending.atexit = False
        feeds, place = session.services.feeds, (session.facts.database, next(_NUMBERS))
        feeds[place] = ref(self)
        finalize(self, feeds.pop, place, None).atexit = False

    def facts(self) -> SubscriberFacts:
        """How far its client is. Any thread may ask."""
        told_ms = self._after_ms
        return SubscriberFacts(*self._told, told_ms, *self._fanout.channel.behind(told_ms))

    def begin(self, first: Iterator[Piece], after_ms: int) -> None:
        """`first` comes before all others, and is made on another thread; the changes after `after_ms` follow."""
        self._coming, self._after_ms = first, after_ms
        if self._teller.shape.progress:
            self._ready.append(self._teller.progress(self._bounds.as_of_ms))
        self._end_if_due(after_ms)

    @property
    def ready(self) -> bool:
        """Whether there are rows that need not be waited for."""
        return bool(self._ready) or self._coming is not None

    @property
    def coming(self) -> bool:
        """Whether rows are to be made that take longer."""
        return self._coming is not None

    def take(self, rows_max: int = 0) -> list[Piece]:
        """What is ready, of at most `rows_max` rows (0: all)."""
        taken, left = [], rows_max
        while self._ready and (left or not rows_max):
            piece = self._ready.popleft()
            if rows_max and piece.count > left:
                piece, rest = piece.cut(left)
                self._ready.appendleft(rest)
            left -= piece.count
            taken.append(piece)
        return taken

    async def until(self, session: Session, time_ms: int) -> list[Change]:
        """The changes up to a time to come, once it is there."""
        while True:
            told = self._fanout.channel.read(self._after_ms)
            if told.until_ms >= time_ms:
                return [change for change in told.changes if change.time_ms <= time_ms]
            await session.expected(self._fanout.expect(patient=False))

    def numbered(self, kind: Hashable) -> int | None:
        """A number for a format of which `kind` tells all; None for None."""
        return None if kind is None else self._fanout.number(kind)

    def encoded(self, piece: Piece, number: int | None, encode: Callable[[Piece], bytes]) -> bytes:
        """The bytes of a piece in the format of a number."""
        if piece.key is None or number is None:
            return encode(piece)
        return self._fanout.once((piece.key, number), lambda: encode(piece), len)

    async def more(
        self, session: Session, deadline: float | None = None, deliver: Callable[[], bool] | None = None
    ) -> bool:
        """Waits until rows are ready. False once it is `deadline` (of the event loop's clock), or there are no more.

        `deliver` may take and send what comes meanwhile, see `Waiting`.
        """
        while not self._ready:
            if self._coming is not None:
                await self._make(session)
                continue
            self.look()
            if self._ready or self._coming is not None:
                continue
            if self.ended or not await self._woken(session, deadline, deliver):
                return False
        return True

    async def _make(self, session: Session) -> None:
        """The next piece of those that take longer."""
        assert self._coming is not None
        made = session.services.pool.submit(next, self._coming, None)
        piece = await session.answered(made)
        if piece is None:
            self._coming = None
        else:
            self._ready.append(piece)

    async def _woken(self, session: Session, deadline: float | None, deliver: Callable[[], bool] | None) -> bool:
        loop = asyncio.get_running_loop()
        if deadline is not None and loop.time() >= deadline:
            return False
        patient = not self._teller.shape.progress and self._bounds.up_to_ms is None
        expected = self._fanout.expect(patient, deliver)
        timer = None if deadline is None else loop.call_at(deadline, _give_up, expected)
        try:
            return await session.expected(expected)
        finally:
            if timer is not None:
                timer.cancel()

    def look(self) -> None:
        """Takes what the channel tells. Raises what ended it."""
        if self.ended or self._coming is not None:
            return
        try:
            told = self._fanout.read(self._after_ms)
        except Outrun as gone:
            self._conflate(gone)
            return
        changes = [change for change in told.changes if self._within(change.time_ms)]
        small = next((i for i, change in enumerate(changes) if len(change.delta) > CHUNK_ROWS), len(changes))
        for change in changes[:small]:
            self._tell(change)
        if small < len(changes):
            self._coming = self._chunks(changes[small:], told.until_ms)
            self._after_ms, self._rows = told.until_ms, told.rows
            self._end_if_due(told.until_ms)
        else:
            self._reached(told.until_ms, told.rows)

    def _chunks(self, changes: Sequence[Change], until_ms: int) -> Iterator[Piece]:
        """Changes of many rows, made on another thread and in chunks, so that nobody waits for them on the loop's."""
        for change in changes:
            key = change.time_ms, self._number
            yield from self._fanout.together(key, partial(_cut, self._teller, change, key))
        if self._teller.shape.progress:
            yield self._teller.progress(self._progress_ms(until_ms))

    def _within(self, time_ms: int) -> bool:
        return self._bounds.up_to_ms is None or time_ms < self._bounds.up_to_ms

    def _tell(self, change: Change) -> None:
        key = change.time_ms, self._number
        piece = self._fanout.once(key, lambda: self._teller.piece(change.delta, change.time_ms, key), _piece_bytes)
        if piece is not None:
            self._ready.append(piece)

    def _reached(self, until_ms: int, rows: Spine | None) -> None:
        """All changes until then are told."""
        if until_ms > self._after_ms:
            self._after_ms, self._rows = until_ms, rows
            if self._teller.shape.progress:
                self._ready.append(self._teller.progress(self._progress_ms(until_ms)))
        self._end_if_due(until_ms)

    def _progress_ms(self, until_ms: int) -> int:
        """What a progress row tells once all changes up to a time are told."""
        bound = self._bounds.up_to_ms
        return until_ms + 1 if bound is None else min(until_ms + 1, bound)

    def _end_if_due(self, until_ms: int) -> None:
        self.ended = self.ended or not self._within(until_ms + 1)

    def _conflate(self, gone: Outrun) -> None:
        """What was missed, as one change."""
        if not self._conflates or not self._within(gone.until_ms):
            raise ProgramLimitExceeded(
                "the subscriber is too slow: changes that it has not read are gone",
                hint=f"SET {SLOW} = 'conflate' to be told what they came to.",
            )
        self._coming = _difference(self._teller, self._rows, gone)
        self._after_ms, self._rows = gone.until_ms, gone.rows


def _cut(teller: Teller, change: Change, key: tuple[int, int]) -> list[Piece]:
    """The pieces of a change of many rows."""
    found = teller.piece(change.delta, change.time_ms)
    pieces: list[Piece] = []
    while found is not None and found.count:
        first, found = found.cut(CHUNK_ROWS)
        first.key = (*key, len(pieces))
        pieces.append(first)
    return pieces


def _give_up(expected: "asyncio.Future[bool]") -> None:
    if not expected.done():
        expected.set_result(False)


def _piece_bytes(piece: Piece | None) -> int:
    return 256 if piece is None else 256 + sum(column.nbytes + 128 for column in piece.rows)


def _difference(teller: Teller, before: Spine | None, now: Outrun) -> Iterator[Piece]:
    piece = teller.piece(difference(before, now.rows), now.until_ms) if now.rows is not None else None
    if piece is not None:
        yield piece
    if teller.shape.progress:
        yield teller.progress(now.until_ms + 1)


def difference(before: Spine | None, now: Spine) -> Delta:
    """What leads from one state of a relation to another; of the runs that both have nothing is read."""
    old, new = ({} if spine is None else _runs(spine) for spine in (before, now))
    parts = [Delta.empty(now.spec.storages)]
    parts += [_left(run, start) for place, (run, start) in new.items() if place not in old]
    parts += [_left(run, start).negate() for place, (run, start) in old.items() if place not in new]
    return consolidate(concat(parts))


def _runs(spine: Spine) -> dict[tuple[int, int], tuple[Run, int]]:
    """The runs of a spine, and from which row on each counts."""
    found = {}
    for layer in spine.layers:
        for number, run in enumerate(layer.runs):
            start = 0 if number else layer.start
            found[id(run), start] = run, start
    return found


def _left(run: Run, start: int) -> Delta:
    delta = run.delta().slice(start, run.count - start)
    return Delta(tuple(delta.columns), delta.weights)


def snapshot(teller: Teller, rows: Spine | None, as_of_ms: int) -> Iterator[Piece]:
    """All rows of a relation: in chunks where each row can be told by itself."""
    if rows is None:
        return
    by_row = teller.shape.envelope in ("diffs", "ops") and not teller.shape.order
    chunks: Any = rows.chunks(CHUNK_ROWS) if by_row else [rows.contents()]
    for chunk in chunks:
        piece = teller.piece(chunk, as_of_ms, stock=True)
        if piece is not None:
            yield piece
