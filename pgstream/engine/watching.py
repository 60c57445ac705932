"""Watching: the changes of relations, tick by tick, for those who asked to be told.

A relation that somebody watches has one channel, however many do so: the engine thread appends to it what each commit
made durable, and readers on any thread take from it at their own pace. What was read is never taken back by a crash,
as it was durable before it could be read.
"""

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import NamedTuple

from pgstream.catalog.objects import Relation
from pgstream.delta import Delta
from pgstream.engine.facts import HeadFacts
from pgstream.engine.head import Head, Seen
from pgstream.errors import InternalError, SqlError, UndefinedTable
from pgstream.plan import relations as rel
from pgstream.plan.expressions import Ref
from pgstream.sql.optimize.rules import optimize
from pgstream.storage.spine import Spine

BYTES_MAX = 64 << 20
"""How many bytes of changes a channel keeps for readers that are behind."""

CHANGE_BYTES = 512
"""What a change takes beside its rows, for itself and for each column."""

PULSE_MS = 500
"""How often watchers are told that nothing has changed."""


class Change(NamedTuple):
    """What one tick changed; `time_ms` grows from tick to tick and is close to milliseconds since 1970."""

    time_ms: int
    delta: Delta


class Told(NamedTuple):
    """Changes, oldest first, the time up to which these are all, and the relation's rows as of then (None: it never
    had any)."""

    changes: list[Change]
    until_ms: int
    rows: Spine | None


class Outrun(Exception):
    """A reader is so far behind that changes it has not read are gone. `until_ms` and `rows` are as in `Told`."""

    def __init__(self, until_ms: int, rows: Spine | None) -> None:
        super().__init__(until_ms)
        self.until_ms, self.rows = until_ms, rows


class Channel:
    """The changes of one relation after `since_ms`. Appended to by the engine thread, read by any."""

    def __init__(self, since_ms: int, rows: Spine | None) -> None:
        self._lock = threading.Lock()
        self._since_ms = self._until_ms = since_ms
        self._rows = rows
        self._changes: deque[tuple[Change, int]] = deque()
        self._bytes = 0
        self._failure: SqlError | None = None
        self._wakers: set[Callable[[], None]] = set()

    def listen(self, wake: Callable[[], None]) -> None:
        """Calls `wake`, on the engine thread, whenever there is more to read."""
        with self._lock:
            self._wakers.add(wake)

    def unlisten(self, wake: Callable[[], None]) -> None:
        """Undoes `listen`."""
        with self._lock:
            self._wakers.discard(wake)

    def read(self, after_ms: int) -> Told:
        """The changes later than `after_ms`.

        Raises Outrun where some of them are gone, and what ended the channel where they are all read.
        """
        with self._lock:
            if after_ms < self._since_ms:
                raise Outrun(self._until_ms, self._rows)
            found = []
            for change, _ in reversed(self._changes):
                if change.time_ms <= after_ms:
                    break
                found.append(change)
            if not found and self._failure is not None:
                raise copy(self._failure)  # one of his own: what was raised holds all that it passed through
            return Told(found[::-1], self._until_ms, self._rows)

    def behind(self, after_ms: int) -> tuple[int, int | None]:
        """Up to when changes are known, and how many of them are later than `after_ms`; None: some are gone."""
        with self._lock:
            if after_ms < self._since_ms:
                return self._until_ms, None
            later = itertools.takewhile(lambda kept: kept[0].time_ms > after_ms, reversed(self._changes))
            return self._until_ms, sum(1 for _ in later)

    def append(self, changes: Iterable[Change], until_ms: int, rows: Spine | None) -> None:
        """What became durable, the time up to which it is complete, and the relation's rows as of then."""
        with self._lock:
            self._rows = rows
            for change in changes:
                size = change.delta.weights.nbytes + sum(column.nbytes for column in change.delta.columns)
                size += CHANGE_BYTES * (1 + len(change.delta.columns))
                self._changes.append((change, size))
                self._bytes += size
            self._until_ms = max(self._until_ms, until_ms)
            while self._bytes > BYTES_MAX and len(self._changes) > 1:
                gone, size = self._changes.popleft()
                self._bytes -= size
                self._since_ms = gone.time_ms
            wakers = list(self._wakers)
        for wake in wakers:
            wake()

    def fail(self, error: SqlError) -> None:
        """Ends the channel: who has read all of it is told why."""
        with self._lock:
            self._failure = self._failure or copy(error)
            wakers = list(self._wakers)
        for wake in wakers:
            wake()


class Watch(NamedTuple):
    """What a new watcher begins with: the relation as of `head`, and every later change."""

    relation_oid: int
    head: Head
    channel: Channel


def stored_as_it_is(plan: rel.Relation, head: Head) -> int | None:
    """The OID of the relation whose stored rows are the answer of a query; None where there is more to it."""
    plan = optimize(plan, HeadFacts(head))
    scan, same = plan, True
    if isinstance(plan, rel.Project) and isinstance(plan.input, rel.Scan):
        scan = plan.input
        same = [expr for _, expr in plan.outputs] == [Ref(column) for column in scan.columns]
    if not isinstance(scan, rel.Scan) or scan.oid not in head.roots.stored:
        return None
    thing = head.catalog.objects[scan.oid]
    assert isinstance(thing, Relation)
    whole = scan.positions == tuple(range(len(thing.columns)))
    return scan.oid if whole and same else None


def twin(head: Head, made: Head, oid: int) -> int | None:
    """What is watched already, of what only watchers have, and is the same query as `oid` of the head to be."""
    node = made.roots.stored[oid]
    hidden = (other for other in head.watched if other not in head.catalog.objects)
    return next((other for other in hidden if head.roots.stored.get(other) is node), None)


def _quiet_until(head: Head, now_ms: int) -> int:
    """Up to when nothing more can change: the next tick will be later than that."""
    return max(head.time_ms, now_ms - 1)


@dataclass(slots=True)
class _Open:
    """A channel, what its relation reads, and how many watch it."""

    channel: Channel
    depends: frozenset[int]
    watchers: int = 0


class Channels:
    """The channels of one database, by the OID of the relation; on the engine thread."""

    def __init__(self) -> None:
        self._open: dict[int, _Open] = {}
        self._told_ms = 0

    def __bool__(self) -> bool:
        return bool(self._open)

    def open(self, oid: int, head: Head, depends: frozenset[int], now_ms: int) -> Watch:
        """One more watcher of a stored relation, whose changes the heads after this one tell."""
        one = self._open.setdefault(oid, _Open(Channel(head.time_ms, head.rows(oid)), depends))
        one.watchers += 1
        one.channel.append((), _quiet_until(head, now_ms), head.rows(oid))
        return Watch(oid, head, one.channel)

    def close(self, oid: int) -> bool:
        """One watcher less; whether it was the last."""
        one = self._open[oid]
        one.watchers -= 1
        if not one.watchers:
            del self._open[oid]
        return not one.watchers

    def publish(self, seen: Seen, until_ms: int, head: Head) -> None:
        """Tells what a commit made durable, after which the database is `head`."""
        self._told_ms = until_ms
        for oid, one in self._open.items():
            found = [Change(time_ms, deltas[oid]) for time_ms, deltas in seen if oid in deltas]
            one.channel.append(found, until_ms, head.rows(oid))

    def pulse(self, head: Head, now_ms: int) -> None:
        """Tells now and then that nothing has changed."""
        until_ms = _quiet_until(head, now_ms)
        if until_ms - self._told_ms >= PULSE_MS:
            self.publish((), until_ms, head)

    def end(self, failed: Mapping[int, Exception]) -> None:
        """Ends the channels of relations that are not computed any more, by OID."""
        for oid, error in failed.items():
            if oid in self._open:
                self._open[oid].channel.fail(_for_clients(error))

    def keep(self, head: Head) -> None:
        """Ends the channels of what reads a relation that is gone."""
        for oid, one in self._open.items():
            if oid not in head.roots.stored or any(read not in head.catalog.objects for read in one.depends):
                one.channel.fail(UndefinedTable("a relation that is subscribed to was dropped"))

    def restored(self, head: Head, error: BaseException) -> frozenset[int]:
        """What is still watched once the database has gone back to `head`; the channels of the rest end."""
        for oid, one in self._open.items():
            if oid not in head.roots.stored:
                one.channel.fail(_for_clients(error))
        return frozenset(oid for oid in self._open if oid in head.roots.stored)


def _for_clients(error: BaseException) -> SqlError:
    """What subscribers are told of an error."""
    return error if isinstance(error, SqlError) else InternalError(f"internal error: {type(error).__name__}")
