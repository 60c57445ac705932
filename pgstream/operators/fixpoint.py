"""Fixpoint: recursion kept up to date, as a circuit within one node whose output is its own input a round later.

The rows of a recursive relation are kept with the round in which they come. A change of round n is a change of the
term's result in n, and so of the relation in round n + 1; taken in the order of rounds, each is final when its turn
comes, and a row that only supports itself in a circle dies, as what supports it is taken back before it is looked at.
(Iteration as a second, inner time is that of differential dataflow: McSherry, Murray, Isaacs, Isard, CIDR 2013.)

Relations of set semantics keep of each row the first round that has it: if that goes, the next one counts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa

from pgstream.circuit.circuit import Circuit, Node, State
from pgstream.circuit.fingerprint import fingerprint
from pgstream.circuit.operator import Operator, TickContext, arranged
from pgstream.delta import Delta, concat
from pgstream.errors import ProgramLimitExceeded
from pgstream.kernels.arrow_views import words
from pgstream.operators.arrange import consolidated
from pgstream.persistent import PersistentMap
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType

ROUNDS_MAX = 10_000
"""After how many rounds a recursion counts as endless."""

ROWS_MAX = 1 << 26
"""How many rows one round may add."""


@dataclass(frozen=True, slots=True)
class Place:
    """A node of the inner circuit: an operator over the outputs of earlier places. `shared` is the number of the input
    that is its integral already, where one is: an Arrange of the outer circuit."""

    operator: Operator
    inputs: tuple[int, ...]
    shared: int | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """One recursive relation: by their places, where rows that it has are given to the terms and where rows that it may
    have are taken in, what its term makes of them, and what it has then. Each has the round as its last column.

    `base` is the number of the input that holds its rows of round 0, if there is one.
    """

    types: tuple[SqlType, ...]
    has: int
    may_have: int
    makes: int
    takes: int
    base: int | None


@dataclass(frozen=True, slots=True)
class Fixpoint(Operator):
    """The rows of the `terms`, relations that are made of each other: the columns of each relation, NULLs for those of
    the others, and the number of the row's own.

    An Input of `body` stands for the input of that number; its OID is negative where a term is fed. After `rounds_max`
    rounds it is an error that something still changes, or the end if it `returns`.
    """

    body: tuple[Place, ...]
    terms: tuple[Term, ...]
    rounds_max: int
    returns: bool
    identity: bytes

    @staticmethod
    def of(
        body: tuple[Place, ...], terms: tuple[Term, ...], rounds_max: int = ROUNDS_MAX, returns: bool = False
    ) -> "Fixpoint":
        """The operator, with the digest by which its inner circuit is found again."""
        return Fixpoint(body, terms, rounds_max, returns, fingerprint((body, terms)))

    @property
    def types(self) -> tuple[SqlType, ...]:
        return (*(type for term in self.terms for type in term.types), SqlType("int8"))

    @property
    def arrangements(self) -> tuple[ArrangementSpec, ...]:
        return tuple(spec for place in self.body if place.shared is None for spec in place.operator.arrangements)

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        wiring = _wired(_Known(self))
        run = _Run(self, wiring, tick, wiring.opened(state, inputs))
        run.begin(inputs)
        for round in run.rounds():
            run.take_in(round)
            run.make(round)
        state[:] = [run.state[id] for id in wiring.own]
        return run.found()


class _Known:
    """A Fixpoint as a key: equal where its digest is, for constants that are equal may be spelled in two ways."""

    __slots__ = ("fixpoint",)

    def __init__(self, fixpoint: Fixpoint) -> None:
        self.fixpoint = fixpoint

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and other.fixpoint.identity == self.fixpoint.identity

    def __hash__(self) -> int:
        return hash(self.fixpoint.identity)


class Wiring:
    """The inner circuit of a Fixpoint."""

    def __init__(self, body: Sequence[Place]) -> None:
        self.circuit = Circuit()
        self.nodes: list[Node] = []
        for place in body:
            self.nodes.append(self.circuit.add(place.operator, [self.nodes[i] for i in place.inputs]))
        pairs = list(zip(body, self.nodes, strict=True))
        self.own = [id for place, node in pairs if place.shared is None for id in node.arrangement_ids]
        self.shared = {node.arrangement_ids[0]: place.shared for place, node in pairs if place.shared is not None}
        self.given = {node: oid for node in self.nodes if (oid := getattr(node.operator, "oid", -1)) >= 0}

    def opened(self, state: Sequence[Spine], inputs: Sequence[Delta]) -> State:
        """The state of the inner circuit: the node's own, and what the integrals were before this tick."""
        held = dict(zip(self.own, state, strict=True))
        held.update((id, arranged(inputs[number]).before) for id, number in self.shared.items())
        return PersistentMap[int, Spine]().update(held)


@lru_cache(256)
def _wired(known: _Known) -> Wiring:
    return Wiring(known.fixpoint.body)


class _Run:
    """One tick: changes that wait for their round, of what relations may have and of what they have."""

    def __init__(self, fixpoint: Fixpoint, wiring: Wiring, tick: TickContext, state: State) -> None:
        self.state = state
        self._fixpoint, self._wiring, self._tick = fixpoint, wiring, tick
        self._candidates = _Waiting(tick)
        self._added = _Waiting(tick)
        self._found: list[tuple[int, Delta]] = []

    def begin(self, inputs: Sequence[Delta]) -> None:
        """What the changes of the inputs make of the rows that there were."""
        for number, term in enumerate(self._fixpoint.terms):
            if term.base is not None:
                base = inputs[term.base]
                if len(base):
                    zeros = pa.array(np.zeros(len(base), np.int64))
                    self._candidates.put(0, number, Delta((*base.columns, zeros), base.weights))
        self._make({node: inputs[oid] for node, oid in self._wiring.given.items() if len(inputs[oid])})

    def rounds(self) -> Iterator[int]:
        """The rounds in which something changes, in their order."""
        while (waiting := [part.first for part in (self._candidates, self._added) if part.first is not None]) != []:
            round = min(waiting)
            self._tick.check()
            if round > self._fixpoint.rounds_max:
                if self._fixpoint.returns:
                    return
                raise ProgramLimitExceeded(
                    f"recursion limit of {self._fixpoint.rounds_max} rounds exceeded",
                    hint="A recursive query ends once a round adds no row; UNION instead of UNION ALL drops rows that"
                    " are there already.",
                )
            yield round

    def take_in(self, round: int) -> None:
        """The changes of what relations may have from this round on become changes of what they have."""
        terms, nodes = self._fixpoint.terms, self._wiring.nodes
        for number, delta in self._candidates.pop(round):
            term = terms[number]
            if term.takes == term.may_have:
                self._added.put(round, number, delta)
                continue
            self.state, outputs = self._stepped({nodes[term.may_have]: delta})
            self._added.spread(number, outputs[nodes[term.takes]])

    def make(self, round: int) -> None:
        """The terms make of this round's rows those of the next."""
        terms, nodes = self._fixpoint.terms, self._wiring.nodes
        fed = {}
        for number, delta in self._added.pop(round):
            if len(delta) > ROWS_MAX:
                raise ProgramLimitExceeded(f"a round of a recursive query adds more than {ROWS_MAX} rows")
            fed[nodes[terms[number].has]] = delta
            self._found.append((number, Delta(delta.columns[:-1], delta.weights)))
        self._make(fed)

    def _make(self, fed: Mapping[Node, Delta]) -> None:
        if not fed:
            return
        self.state, outputs = self._stepped(fed)
        for number, term in enumerate(self._fixpoint.terms):
            made = outputs.get(self._wiring.nodes[term.makes])
            if made is not None and len(made):
                self._candidates.spread(number, made, later=1)

    def _stepped(self, fed: Mapping[Node, Delta]) -> tuple[State, Mapping[Node, Delta]]:
        return self._wiring.circuit.step(self.state, fed, self._tick, fresh=False)

    def found(self) -> Delta:
        """How the relations have changed."""
        fixpoint = self._fixpoint
        empty = Delta.empty([type.storage for type in fixpoint.types])
        whole = concat([empty, *(self._widened(number, delta) for number, delta in self._found)])
        return consolidated(whole, self._tick)

    def _widened(self, number: int, delta: Delta) -> Delta:
        columns: list[pa.Array] = []
        for other, term in enumerate(self._fixpoint.terms):
            columns += delta.columns if other == number else [pa.nulls(len(delta), type.storage) for type in term.types]
        return Delta((*columns, pa.array(np.full(len(delta), number, np.int64))), delta.weights)


class _Waiting:
    """Changes by round and term."""

    def __init__(self, tick: TickContext) -> None:
        self._tick = tick
        self._parts: dict[int, dict[int, list[Delta]]] = {}

    @property
    def first(self) -> int | None:
        """The first round for which there is one."""
        return min(self._parts, default=None)

    def put(self, round: int, number: int, delta: Delta) -> None:
        """One more change of one round."""
        self._parts.setdefault(round, {}).setdefault(number, []).append(delta)

    def spread(self, number: int, delta: Delta, later: int = 0) -> None:
        """Changes of the rounds that their last column tells, or of so many `later`."""
        rounds = words(delta.columns[-1], "int64")
        if later:
            rounds = rounds + later
            delta = Delta((*delta.columns[:-1], pa.array(rounds)), delta.weights)
        distinct = np.unique(rounds)
        for round in distinct.tolist():
            self.put(round, number, delta if len(distinct) == 1 else delta.filter(rounds == round))

    def pop(self, round: int) -> Iterator[tuple[int, Delta]]:
        """The changes of `round`, those that cancel left out."""
        for number, parts in self._parts.pop(round, {}).items():
            delta = consolidated(concat(parts), self._tick)
            if len(delta):
                yield number, delta
