"""What a sink is: an outside place that shows exactly the changes of the committed ticks.

A sink and the engine's commit meet in a *cursor*, opaque bytes that describe how far the outside has got:

    cursor = sink.prepare(changes)   written but not yet visible, or not yet counted; durable when it returns
    commit(…, cursor)                one transaction with the state that produced the changes
    sink.publish(cursor)             makes it visible; may be lost to a crash

A sink is opened with the cursor of the last commit. It then publishes what that cursor names, if a crash came
before, and undoes what was prepared beyond it, if a crash came before the commit. So each change shows once.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from pgstream.delta import Delta

Cursor = bytes


class Changes(NamedTuple):
    """The changes of one commit: the delta of each of its ticks, with the tick's number, in order."""

    ticks: Sequence[tuple[int, Delta]]


class Sink(Protocol):
    """An outside place for changes. All calls come from one thread."""

    @property
    def append_only(self) -> bool:
        """Whether it can only take insertions: changes with a retraction are then kept from it."""

    def prepare(self, changes: Changes) -> Cursor:
        """Writes `changes` durably, without showing them. Returns the cursor to commit."""

    def publish(self, cursor: Cursor) -> None:
        """Shows what was prepared up to `cursor`, which is committed. Does nothing the second time."""

    def close(self) -> None:
        """Releases what the sink holds. What is prepared but not published stays so."""
