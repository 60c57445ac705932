"""Emitting: what open windows hold so far, shown at most so often, and what closed ones held, shown at once.

The first input is the changes of a query over what is still open; they wait in the state until the clock comes to the
next multiple of the interval, and are then shown together. The second is the rows of windows that close, once and for
ever: with them goes what was shown of the same windows before, and what waited for that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from pgstream.circuit.operator import Operator, Series, TickContext
from pgstream.delta import Delta, concat
from pgstream.operators.arrange import consolidated, keys_at, touched_keys
from pgstream.operators.closing import BOOL, flags
from pgstream.operators.queue import condensed, first_us, queue_spec
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType


@dataclass(frozen=True)
class Emitting(Operator):
    """Rows of `columns` with a column behind them that is false for the first input and true for the second.

    Rows of one window have equal values at `window`, in both inputs. A backfill (`time_ms` 0) shows what there is.
    """

    columns: tuple[SqlType, ...]
    window: tuple[int, ...]
    every_us: int

    awaits: Series = ()
    dated = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        return (*self.columns, BOOL)

    @cached_property
    def arrangements(self) -> tuple[ArrangementSpec, ...]:
        """The changes that wait, by window, and when they are shown: a queue of that moment alone."""
        return (ArrangementSpec(self.columns, self.window, ()), queue_spec(()))

    def due_us(self, queue: Spine) -> int | None:
        return first_us(queue)

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        early, final = (Delta(tuple(each.columns), each.weights) for each in inputs)
        waiting, queue = state
        waiting = waiting.insert(early) if len(early) else waiting
        now_us, due_us = tick.clock.reading(()), first_us(queue)
        if not tick.time_ms or (due_us is not None and due_us <= now_us):
            shown, waiting = waiting.contents(), Spine.empty(waiting.spec, tick.seed, waiting.pace)
        elif len(final):
            keys = touched_keys(keys_at(final, self.window, self.columns, tick))
            shown = waiting.probe(keys, consolidate=True).delta
            waiting = condensed(waiting.insert(shown.negate()))
        else:
            shown = early.slice(0, 0)
        state[:] = waiting, self._set(tick, queue, bool(waiting), now_us)
        shown = consolidated(shown, tick)
        told = [Delta((*part.columns, flags(len(part), part is final)), part.weights) for part in (shown, final)]
        return concat(told)

    def _set(self, tick: TickContext, queue: Spine, waits: bool, now_us: int) -> Spine:
        """The queue with when to show what waits."""
        due_us = first_us(queue)
        if waits and due_us is not None and due_us > now_us:
            return queue
        empty = Spine.empty(queue.spec, tick.seed, queue.pace)
        next_us = (now_us // self.every_us + 1) * self.every_us
        return empty.insert(Delta.of([pa.array([next_us], pa.int64())])) if waits else empty

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        return concat(
            [
                Delta((*part.columns, flags(len(part), final)), part.weights)
                for part, final in ((inputs[0], False), (inputs[1], True))
            ]
        )
