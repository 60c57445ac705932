"""Operators: the values that nodes of a circuit compute with.

An operator is a frozen dataclass: it holds how to compute, never what was computed. State lives in the
arrangements it declares, which the circuit hands to each step, so recovery, accounting and rollback are written once.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pgstream.delta import Column, Delta
from pgstream.functions.registry import EvalContext
from pgstream.storage.identity import Hash, Seed
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType


def never_cancelled() -> None:
    """The check of a tick that nobody can cancel."""


@dataclass(frozen=True, slots=True)
class TickContext:
    """What a step may know of its surroundings.

    `seed` keys every hash of the database, `evaluation` is what expressions see, `params` are the statement's
    parameters as arrays of length 1, and `check` raises QueryCanceled once the statement was cancelled. `time_ms` is
    when the tick is; 0 for what is no tick, such as a backfill or a SELECT.
    """

    seed: Seed
    evaluation: EvalContext
    params: tuple[Column, ...] = ()
    check: Callable[[], None] = field(default=never_cancelled, compare=False)
    time_ms: int = 0

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

    def idle(self, state: Sequence[Spine]) -> Delta:
        """What consumers see in a tick in which this operator did not run."""
        return Delta.empty([type.storage for type in self.types])


def arranged(delta: Delta) -> Arranged:
    """`delta`, which an operator that reads integrals must have been given by an Arrange node."""
    assert isinstance(delta, Arranged)
    return delta
