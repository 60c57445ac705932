"""Fan-out: what the readers of one channel do once for all of them.

A channel is told of changes on the engine's thread, and its readers live on the event loop's. However many they are,
one call crosses over for each commit, and what several are told in one format is put into bytes once.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakValueDictionary, finalize, ref

from pgstream.engine.watching import Channel, Outrun
from pgstream.errors import SqlError

T = TypeVar("T")

KEPT_BYTES_MAX = 16 << 20
"""How many bytes that were made for all are kept for those who have not come yet."""


class Fanout:
    """The readers of one channel, on the event loop's thread."""

    def __init__(self, channel: Channel, loop: asyncio.AbstractEventLoop) -> None:
        self.channel = channel
        self._waiting: dict[asyncio.Future[bool], bool] = {}
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._kept_bytes = 0
        self._seen_ms = 0
        wake = _waker(ref(self), loop)
        channel.listen(wake)
        finalize(self, channel.unlisten, wake)

    def woken(self) -> None:
        """There may be more to read."""
        changed = self._changed()
        for future, patient in list(self._waiting.items()):
            if (changed or not patient) and not future.done():
                future.set_result(True)

    def _changed(self) -> bool:
        """Whether there is more than the time that has passed."""
        try:
            told = self.channel.read(self._seen_ms)
        except Outrun as gone:
            self._seen_ms = gone.until_ms
            return True
        except SqlError:
            return True
        self._seen_ms = told.until_ms
        return bool(told.changes)

    def expect(self, patient: bool, loop: asyncio.AbstractEventLoop) -> "asyncio.Future[bool]":
        """What is true once there is more to read. Who is `patient` is not told that only time has passed."""
        future: asyncio.Future[bool] = loop.create_future()
        self._waiting[future] = patient
        future.add_done_callback(self._came)
        return future

    def _came(self, future: "asyncio.Future[bool]") -> None:
        self._waiting.pop(future, None)

    def once(self, key: Hashable, make: Callable[[], T], size: Callable[[T], int]) -> T:
        """What `make` gives, which is the same for all who ask with an equal key."""
        found = self._kept.get(key)
        if found is not None:
            made: T = found[0]
            return made
        made = make()
        taken = size(made)
        self._kept[key] = made, taken
        self._kept_bytes += taken
        while self._kept_bytes > KEPT_BYTES_MAX:
            self._kept_bytes -= self._kept.popitem(last=False)[1][1]
        return made


def _waker(fanout: "ref[Fanout]", loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """What the engine calls. It does not keep the readers alive."""

    def woken() -> None:
        found = fanout()
        if found is not None:
            found.woken()

    def wake() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(woken)

    return wake


class Fanouts:
    """The channels that sessions of one server read."""

    def __init__(self) -> None:
        self._open: WeakValueDictionary[int, Fanout] = WeakValueDictionary()

    def of(self, channel: Channel) -> Fanout:
        """The readers of `channel`, on the running event loop."""
        found = self._open.get(id(channel))
        if found is None or found.channel is not channel:
            found = self._open[id(channel)] = Fanout(channel, asyncio.get_running_loop())
        return found
