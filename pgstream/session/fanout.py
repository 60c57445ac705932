"""Fan-out: what the readers of one channel do once for all of them.

A channel is told of changes on the engine's thread, and its readers live on the event loop's. However many they are,
one call crosses over for each commit, and what several are told in one format is put into bytes once.
"""

import asyncio
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, TypeVar
from weakref import WeakValueDictionary, finalize, ref

from pgstream.engine.watching import Channel, Outrun, Told
from pgstream.errors import SqlError

T = TypeVar("T")

SERVED_AT_ONCE = 64
"""How many readers are given what is new before others have their turn."""

KEPT_BYTES_MAX = 16 << 20
"""How many bytes that were made for all are kept for those who have not come yet."""


class Waiting(NamedTuple):
    """Somebody who waits for more. `patient`: not for mere time to pass. `deliver` hands over what there is, and says
    whether that was all there is to do; the others are woken to see for themselves."""

    patient: bool
    deliver: Callable[[], bool] | None


class Fanout:
    """The readers of one channel, on the event loop's thread."""

    def __init__(self, channel: Channel, loop: asyncio.AbstractEventLoop) -> None:
        self.channel = channel
        self._loop = loop
        self._waiting: dict[asyncio.Future[bool], Waiting] = {}
        self._due: deque[asyncio.Future[bool]] = deque()
        self._together: dict[int, Told] | None = None
        """What those who are served now are told, by the time up to which they have read."""
        self._numbers: dict[Hashable, int] = {}
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._kept_bytes = 0
        self._making = threading.Lock()
        self._made: tuple[Hashable, Any] | None = None
        self._seen_ms = 0
        wake = _waker(ref(self), loop)
        channel.listen(wake)
        finalize(self, channel.unlisten, wake)

    def woken(self) -> None:
        """There may be more to read."""
        changed = self._changed()
        started = bool(self._due)
        self._due.extend(future for future, one in self._waiting.items() if changed or not one.patient)
        if not started:
            self._hand_out()

    def _hand_out(self) -> None:
        """Serves some of those who wait; whoever else uses the event loop gets a turn in between."""
        self._together = {}
        for _ in range(min(len(self._due), SERVED_AT_ONCE)):
            future = self._due.popleft()
            one = self._waiting.get(future)
            if one is None or future.done():
                continue
            try:
                if one.deliver is None or not one.deliver():
                    future.set_result(True)
            except Exception as error:  # whoever waits is told, and nobody else
                future.set_exception(error)
        self._together = None
        if self._due:
            self._loop.call_soon(self._hand_out)

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

    def read(self, after_ms: int) -> Told:
        """As the channel's: readers who are served together and have read as much are given the same."""
        if self._together is None:
            return self.channel.read(after_ms)
        if after_ms not in self._together:
            self._together[after_ms] = self.channel.read(after_ms)
        return self._together[after_ms]

    def expect(self, patient: bool, deliver: Callable[[], bool] | None = None) -> "asyncio.Future[bool]":
        """What is true once there is more to read than `deliver` hands over."""
        future: asyncio.Future[bool] = self._loop.create_future()
        self._waiting[future] = Waiting(patient, deliver)
        future.add_done_callback(self._came)
        return future

    def _came(self, future: "asyncio.Future[bool]") -> None:
        self._waiting.pop(future, None)

    def number(self, kind: Hashable) -> int:
        """A number for what is equal to `kind`."""
        return self._numbers.setdefault(kind, len(self._numbers))

    def together(self, key: Hashable, make: Callable[[], T]) -> T:
        """As `once`, on any thread and for what takes long: only the last is kept, and others wait for it."""
        with self._making:
            if self._made is None or self._made[0] != key:
                self._made = key, make()
            found: T = self._made[1]
            return found

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
