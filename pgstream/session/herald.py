"""Heralds: LISTEN to a materialized view is answered with a notification for each tick that changes it."""

from collections.abc import Callable

from pgstream.delta import Delta
from pgstream.engine.watching import Outrun, Watch
from pgstream.errors import SqlError
from pgstream.session.channels import Channels
from pgstream.session.fanout import Fanout
from pgstream.storage.consolidate import consolidate

NOBODY_PID = 0
"""Who notifies: no client."""


class Herald:
    """Tells the changes of one view to all who listen; the payload is the time in ms. On the event loop's thread."""

    def __init__(
        self, name: str, channels: Channels, fanout: Fanout, watch: Watch, unwatch: Callable[[], object]
    ) -> None:
        self._name, self._channels, self._fanout, self._unwatch = name, channels, fanout, unwatch
        self._after_ms = watch.head.time_ms
        self._expected = fanout.expect(patient=True, deliver=self._tell)

    def _tell(self) -> bool:
        """Whether there may be more to tell."""
        try:
            told = self._fanout.read(self._after_ms)
        except Outrun as gone:
            self._after_ms = gone.until_ms
            self._notify(gone.until_ms)
            return True
        except SqlError:
            return False
        for change in told.changes:
            if len(consolidate(Delta(tuple(change.delta.columns), change.delta.weights))):
                self._notify(change.time_ms)
        self._after_ms = told.until_ms
        return True

    def _notify(self, time_ms: int) -> None:
        self._channels.publish(NOBODY_PID, [(self._name, str(time_ms))])

    def end(self) -> None:
        """Stops telling."""
        self._expected.cancel()
        self._unwatch()
