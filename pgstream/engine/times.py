"""Times: what of a database passes by itself, and when something is due."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pgstream.catalog.objects import Source
from pgstream.catalog.session_facts import WatermarkFacts
from pgstream.circuit.circuit import Circuit
from pgstream.circuit.operator import BEGINNING_US, DAWN, Clock
from pgstream.connectors import Batch
from pgstream.delta import Delta
from pgstream.engine.head import Head
from pgstream.engine.intake import Intake
from pgstream.engine.standing import Standing
from pgstream.engine.steps import Deltas
from pgstream.engine.taking import Outputs, Tick
from pgstream.engine.watermarks import Watermarks, lateness_us
from pgstream.errors import SqlError

PAUSE_S = 0.01
"""How long at least until the clock is looked at again: what becomes due meanwhile shares a tick."""

FOREVER_S = 3600.0


@dataclass(slots=True)
class Times:
    """The watermarks and the clock of one database. Where nothing declares a watermark and nothing waits for the clock,
    all of this costs a look at an empty dict."""

    watermarks: Watermarks
    circuit: Circuit
    intake: Intake
    standing: Standing = field(init=False)

    def __post_init__(self) -> None:
        self.intake.marking = self._marking
        self.standing = Standing(self.circuit, self.watermarks.world)

    def _marking(self, oid: int) -> frozenset[int]:
        found = self.watermarks.timed.get(oid)
        return frozenset() if found is None else found.positions

    def clock(self, now_us: int) -> Clock:
        """What a tick of now goes by, beside the watermarks of its head."""
        return DAWN if not self.circuit.waits else Clock(now_us - now_us % 1000)

    def begun(self, head: Head, now_us: int) -> Head:
        """`head` with a clock that what is new may go by."""
        if not self.circuit.waits:
            return head
        clock = head.clock._replace(now_us=max(head.clock.now_us, now_us - now_us % 1000))
        return self.moved(replace(head, clock=clock))

    def observed(self, head: Head, deltas: Mapping[int, Delta], places: Mapping[int, str]) -> Head:
        """`head` with what the rows of a tick say of event times."""
        return self.watermarks.observed(head, deltas, places) if self.watermarks.timed else head

    def taken(self, head: Head, batches: Mapping[int, Batch], rows: Mapping[int, Delta]) -> Head:
        """`head` with what the batches say, whose `rows` have come, late ones among them."""
        if not self.watermarks.timed:
            return head
        deltas = {oid: delta for oid, delta in rows.items() if oid in self.watermarks.timed}
        places = {oid: batches[oid].rows.place.rpartition(":")[0] for oid in deltas}
        return self.observed(head, deltas, places)

    def behind(self, head: Head, oid: int, rows: Delta) -> NDArray[np.bool_] | None:
        """Which rows come too late for those who wait for windows to close; None where all are in time."""
        found, source = self.watermarks.timed.get(oid), head.catalog.objects.get(oid)
        if found is None or not isinstance(source, Source) or (rows.weights < 0).any():
            return None
        least_us = lateness_us(head, oid, self.circuit.closing_series())
        if least_us == BEGINNING_US:
            return None
        return found.late(rows, least_us)

    def moved(self, head: Head) -> Head:
        """`head` with the watermarks where they may be now."""
        if not self.watermarks.timed:
            return head
        return self.watermarks.moved(head, self.circuit.series(), self.intake.readings(head, self.watermarks.timed))

    def passed(
        self, head: Head, clock_us: Callable[[], int], step: Callable[[Head, Deltas], tuple[Head, Outputs]]
    ) -> "tuple[Head] | tuple[Head, Tick]":
        """`head` with the watermarks where they may be now, and the tick of what has become due by that or by the
        clock, if anything has. For views that fail in that tick, time stands still."""
        moved = self.moved(head)
        self.standing.retry()
        while self.due(moved, clock_us):
            try:
                made, outputs = step(moved, {})
            except SqlError as error:
                if not self.standing.hold(moved, self._now(moved, clock_us), error):
                    raise
            else:
                return made, Tick({}, outputs, made.clock)
        return (moved,)

    def due(self, head: Head, clock_us: Callable[[], int]) -> bool:
        """Whether a tick has something to do without any input."""
        if not self.circuit.waits:
            return False
        return next(self.circuit.due(head.state, self._now(head, clock_us), head.roots.live), None) is not None

    @staticmethod
    def _now(head: Head, clock_us: Callable[[], int]) -> Clock:
        now_us = clock_us()
        return head.clock._replace(now_us=max(head.clock.now_us, now_us - now_us % 1000))

    def wait_s(self, head: Head) -> float:
        """The seconds until something may be due."""
        wait_s = FOREVER_S
        if self.circuit.waits:
            due_us = self.circuit.next_due_us(head.state, head.roots.live)
            if due_us is not None:
                wait_s = max((due_us - self.watermarks.world.now_us()) / 1e6, PAUSE_S)
        return wait_s

    def facts(self, head: Head) -> list[WatermarkFacts]:
        """Each watermark as pgstream_watermarks shows it."""
        return (
            self.watermarks.facts(head, self.intake.readings(head, self.watermarks.timed))
            if self.watermarks.timed
            else []
        )
