"""Operators: the values that nodes of a circuit compute with.

An operator is a frozen dataclass: it holds how to compute, never what was computed. State lives in the
arrangements it declares, which the circuit hands to each step, so recovery, accounting and rollback are written once.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pgstream.delta import Column, Delta
from pgstream.functions.registry import EvalContext
from pgstream.storage.identity import Hash, Seed
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType


def never_cancelled() -> None:
    """The check of a tick that nobody can cancel."""


BEGINNING_US = -(1 << 62)
"""Before every moment: a watermark that has not come anywhere."""

END_US = 1 << 62
"""After every moment: the watermark of what has given everything it ever will."""

Series = tuple[int, ...]
"""The OIDs of sources and tables, ascending, whose event times come on together; none: the clock's own time."""


class Clock(NamedTuple):
    """How far the times have come that an operator may wait for; none of them ever goes back.

    `now_us` is the world's time, in whole milliseconds. `watermarks` has of each series up to where it is complete:
    rows of earlier times are late. In the `past` a backfill reads what was there before, and not all of it yet.
    """

    now_us: int = 0
    watermarks: Mapping[Series, int] = {}
    past: bool = False

    def reading(self, series: Series) -> int:
        """How far a series has come, in microseconds."""
        return self.watermarks.get(series, BEGINNING_US) if series else self.now_us


DAWN = Clock()
"""Nothing has come yet."""


@dataclass(frozen=True, slots=True)
class TickContext:
    """What a step may know of its surroundings.

    `seed` keys every hash of the database, `evaluation` is what expressions see, `params` are the statement's
    parameters as arrays of length 1, and `check` raises QueryCanceled once the statement was cancelled. `time_ms` is
    when the tick is; 0 for what is no tick, such as a backfill or a SELECT. `clock` is what operators go by that wait
    for a time.
    """

    seed: Seed
    evaluation: EvalContext
    params: tuple[Column, ...] = ()
    check: Callable[[], None] = field(default=never_cancelled, compare=False)
    time_ms: int = 0
    clock: Clock = DAWN

    @property
    def now_us(self) -> int:
        return self.evaluation.now_us


@dataclass(frozen=True, slots=True)
class Arranged(Delta):
    """A delta that was integrated: its rows, the key hash of each, and the integral before and after it."""

    keys: Hash
    before: Spine
    after: Spine


class Operator(ABC):
    """One computation over deltas. Equal operators on equal inputs are one node of the circuit.

    `arrangements` are the indexed states that it keeps, in the order in which `step` finds them. With `starts` it has
    something to say before any input arrived (the row of a global aggregate), so the first step runs it whatever its
    inputs are.
    """

    __slots__ = ()

    starts = False
    streams = False
    """No state, and a sum of inputs may be processed part by part: f(a + b) = f(a) + f(b)."""
    external = False
    """The input comes from outside of the circuit."""
    arranges = False
    """The output is an Arranged, and `once` may be left out below a lean consumer."""
    lean = False
    """`once` reads plain deltas: arrangements below it need not be built."""
    dated = False
    """It matters to it in which tick something came, so a journal must tell of the ticks one by one."""
    closes = False
    """What is of before the time that it waits for comes too late."""
    awaits: Series | None = None
    """The series that it waits for: it runs, even without input, in a tick in which `due_us` has come. None: it waits
    for nothing. What waits keeps its queue in its last arrangement."""

    @property
    @abstractmethod
    def types(self) -> tuple[SqlType, ...]:
        """The types of the output's columns."""

    @property
    def arrangements(self) -> tuple[ArrangementSpec, ...]:
        return ()

    @abstractmethod
    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        """The change of the output for the changes of the inputs. Replaces entries of `state`, never mutates them."""

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        """The output for the whole inputs: a step from nothing, whose state nobody wants."""
        return self.step(tick, [Spine.empty(spec, tick.seed) for spec in self.arrangements], inputs)

    def forget(self, tick: TickContext, state: list[Spine], rows: Delta) -> None:
        """Drops from `state` all that is kept for `rows`, which it has given and which never change again."""
        raise AssertionError(f"{type(self).__name__} forgets nothing")

    def due_us(self, queue: Spine) -> int | None:
        """When of its series it has something to say next; None where nothing waits."""
        return None

    def idle(self, state: Sequence[Spine]) -> Delta:
        """What consumers see in a tick in which this operator did not run."""
        return Delta.empty([type.storage for type in self.types])


def arranged(delta: Delta) -> Arranged:
    """`delta`, which an operator that reads integrals must have been given by an Arrange node."""
    assert isinstance(delta, Arranged)
    return delta
