"""LISTEN and NOTIFY: who listens to what, and what a transaction will tell when it commits."""

from collections.abc import Iterable
from typing import Protocol

PAYLOAD_BYTES_MAX = 7999


class Listener(Protocol):
    def deliver(self, pid: int, channel: str, payload: str) -> None:
        """Is told of a notification, on the event loop's thread."""


class Herald(Protocol):
    def end(self) -> None:
        """Stops telling."""


class Channels:
    """The channels of one database."""

    def __init__(self) -> None:
        self._listeners: dict[str, dict[Listener, None]] = {}
        self._heralds: dict[str, Herald] = {}

    def herald(self, channel: str, herald: Herald) -> None:
        """From now on `herald` tells of a relation's changes on `channel`, until nobody listens to it any more."""
        if channel in self._listeners and channel not in self._heralds:
            self._heralds[channel] = herald
        else:
            herald.end()

    def heralded(self, channel: str) -> bool:
        """Whether a herald tells on `channel`."""
        return channel in self._heralds

    def listen(self, listener: Listener, channel: str) -> None:
        self._listeners.setdefault(channel, {})[listener] = None

    def unlisten(self, listener: Listener, channel: str | None = None) -> None:
        """Stops listening to `channel`; None: to all."""
        names = list(self._listeners) if channel is None else [channel]
        for name in names:
            listeners = self._listeners.get(name, {})
            listeners.pop(listener, None)
            if not listeners:
                self._listeners.pop(name, None)
                herald = self._heralds.pop(name, None)
                if herald is not None:
                    herald.end()

    def heard_by(self, listener: Listener) -> tuple[str, ...]:
        return tuple(name for name, listeners in self._listeners.items() if listener in listeners)

    def publish(self, pid: int, notifications: Iterable[tuple[str, str]]) -> None:
        """Tells each (channel, payload) to everybody who listens."""
        for channel, payload in notifications:
            for listener in list(self._listeners.get(channel, ())):
                listener.deliver(pid, channel, payload)
