"""Snapshots: what readers see, and how a query is answered from one.

A SELECT is a circuit made for the occasion, evaluated once over the rows of a head.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import Source
from pgstream.catalog.system import relations_by_oid
from pgstream.circuit.circuit import Circuit, Node
from pgstream.circuit.operator import TickContext, never_cancelled
from pgstream.connectors.source import Rows
from pgstream.delta import Column, Delta, concat
from pgstream.engine.access import Probe, Seek, probe_of, probes
from pgstream.engine.facts import HeadFacts
from pgstream.engine.head import Head
from pgstream.engine.keeping import finished
from pgstream.engine.literals import literal_rows
from pgstream.engine.per_bound import PerBound
from pgstream.engine.recursion import NOTHING_GIVEN, recursions_done
from pgstream.engine.watermarks import reached
from pgstream.errors import FeatureNotSupported
from pgstream.functions.registry import EvalContext
from pgstream.operators.input import Input
from pgstream.plan import relations as rel
from pgstream.plan.evaluate import evaluate
from pgstream.plan.expressions import Col, Ref
from pgstream.sql.bind import Bound
from pgstream.sql.bind.statements import Query
from pgstream.sql.lower import Lowering
from pgstream.sql.optimize.rules import optimize
from pgstream.storage.consolidate import consolidate
from pgstream.storage.identity import Seed
from pgstream.storage.order import OrderColumn, order_keys

CHUNK_ROWS = 1 << 18


@dataclass(frozen=True, slots=True)
class Result:
    """Rows as columns, `count` of them."""

    columns: tuple[Col, ...]
    rows: tuple[Column, ...]
    count: int


class Rereads(Protocol):
    """Who can read a source again."""

    def replay(self, head: Head, source: Source, positions: frozenset[int]) -> Iterator[Delta]:
        """Everything the source gave up to the head's offset, or has to give now where nobody reads it yet; with all
        columns, of which those at `positions` are filled."""

    def records(
        self,
        catalog: Catalog,
        source: Source,
        places: Sequence[str],
        positions: frozenset[int],
        raws: Sequence[bytes] | None = None,
    ) -> list[Rows]:
        """The records at these places, read again, or as if they were `raws`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """An optimised query, and its only row source where that is one key of an arrangement.

    `picked` are the positions in the arrangement of what it shows, where it shows columns as they are stored of every
    row with that key; None where there is more to it.
    """

    relation: rel.Relation
    probe: Probe | None
    picked: tuple[int, ...] | None


class Snapshot:
    """A database at one tick. Immutable; any thread may read it."""

    def __init__(self, head: Head, seed: Seed, rereads: Rereads, plans: "PerBound[Plan]") -> None:
        self.head = head
        self._seed = seed
        self.rereads = rereads
        self._plans = plans

    @property
    def catalog(self) -> Catalog:
        return self.head.catalog

    @property
    def tick(self) -> int:
        return self.head.tick

    def stored_bytes(self, oid: int) -> int:
        """How much memory the rows of a relation or index take; 0 for one that keeps none."""
        spine = self.head.rows(oid)
        return 0 if spine is None else spine.nbytes

    def select(
        self,
        bound: Bound,
        params: tuple[Column, ...],
        context: EvalContext,
        cancel: Callable[[], None] = never_cancelled,
    ) -> Result:
        """The rows of a bound query, cursor or COPY TO, in its order. `cancel` is called now and then, to raise
        QueryCanceled."""
        plan = self._plans.get(bound, self.head)
        delta, _ = self.rows(plan.relation, params, context, cancel)
        shown = bound.columns or ()
        return Result(shown, delta.columns[: len(shown)], len(delta))

    def point(self, bound: Bound, params: tuple[Column, ...], context: EvalContext) -> Result | None:
        """The rows of a query that reads one key of one arrangement; None where `select` must run."""
        if not isinstance(bound.statement, Query):
            return None
        plan = self._plans.get(bound, self.head)
        if plan.probe is None:
            return None
        shown = bound.columns or ()
        if plan.picked is not None:
            row = plan.probe.only_row(self.head, context, params, plan.picked[: len(shown)])
            if row is not None:
                return Result(shown, row, 1)
        found = plan.probe.rows(self.head, context, params)
        if found is None:
            return None
        columns, count = _over(plan.relation, found, context, params)
        return Result(shown, tuple(columns[col.id] for col in plan.relation.columns[: len(shown)]), count)

    def seek(self, bound: Bound) -> Seek | None:
        """How a query is answered from plain values; None where `point` or `select` must."""
        if not isinstance(bound.statement, Query) or bound.columns is None:
            return None
        plan = self._plans.get(bound, self.head)
        if plan.probe is None or plan.picked is None:
            return None
        return plan.probe.seek(plan.picked[: len(bound.columns)])

    def planned_rows(
        self,
        plan: rel.Relation,
        params: tuple[Column, ...],
        context: EvalContext,
        given: Mapping[int, Delta] = NOTHING_GIVEN,
    ) -> tuple[Delta, tuple[Col, ...]]:
        """The rows of a bound plan, as a statement that changes something needs them."""
        literal = literal_rows(plan, context, params)
        if literal is not None:
            return literal, plan.columns
        return self.rows(optimize(plan, HeadFacts(self.head)), params, context, given=given)

    def rows(
        self,
        plan: rel.Relation,
        params: tuple[Column, ...],
        context: EvalContext,
        cancel: Callable[[], None] = never_cancelled,
        given: Mapping[int, Delta] = NOTHING_GIVEN,
    ) -> tuple[Delta, tuple[Col, ...]]:
        """The rows of an optimised plan, each as often as it is there, in the plan's order.

        `given` holds the rows of relations that are only there for this query, by negative OIDs.
        """

        def inner(part: rel.Relation, known: Mapping[int, Delta]) -> Delta:
            return self.rows(part, params, context, cancel, known)[0]

        plan, given = recursions_done(plan, given, inner)
        circuit = Circuit()
        lowered = Lowering(circuit, HeadFacts(self.head)).lower(plan)
        tick = TickContext(self._seed, context, params, cancel, clock=reached(self.head.clock, circuit.series()))
        narrowed = probes(plan, self.head)

        def parts(node: Node) -> Iterable[Delta]:
            operator = node.operator
            assert isinstance(operator, Input)
            probe = narrowed.get((operator.oid, ()))
            if probe is not None:
                found = probe.rows(self.head, context, params, operator.positions)
                return () if found is None else (found,)
            if operator.oid in given:
                return (given[operator.oid].select(operator.positions),)
            return self._stored(operator.oid, operator.positions, context)

        empty = Delta.empty([type.storage for type in lowered.node.types])
        whole = concat([empty, *circuit.run_once(lowered.node, parts, tick)])
        return ordered(multiplied(whole), lowered.node, lowered.order), lowered.columns

    def _stored(self, oid: int, positions: tuple[int, ...], context: EvalContext) -> Iterator[Delta]:
        """All rows of a stored relation, with its columns at `positions`."""
        system = relations_by_oid().get(oid)
        if system is not None:
            whole = system.contents(self.catalog, context)
            yield Delta(tuple(whole[p] for p in positions), np.ones(len(whole[0]), np.int64))
            return
        thing = self.catalog.objects[oid]
        if isinstance(thing, Source):
            for part in self.rereads.replay(self.head, thing, frozenset(positions)):
                yield part.select(positions)
            return
        spine = self.head.rows(oid)
        if spine is not None:
            yield from spine.chunks(CHUNK_ROWS, positions)


def plan_of(bound: Bound, head: Head) -> Plan:
    """The plan of `bound`, a query."""
    if isinstance(bound.statement, Query) and bound.statement.terms.closes:
        if bound.statement.terms.every_us is not None:
            raise FeatureNotSupported(
                "EMIT EVERY is for materialized views, sinks and subscriptions", position=bound.statement.terms.position
            )
        return Plan(finished(bound.statement.plan, HeadFacts(head), bound.statement.terms), None, None)
    relation = optimize(bound.statement.plan, HeadFacts(head))
    probe = _point(relation, head)
    return Plan(relation, probe, _picked(relation) if probe is not None and probe.exact else None)


def _point(plan: rel.Relation, head: Head) -> Probe | None:
    """The probe that feeds a plan of nothing but projections and filters over one scan."""
    while isinstance(plan, rel.Project):
        plan = plan.input
    if isinstance(plan, rel.Filter) and isinstance(plan.input, rel.Scan):
        return probe_of(plan.input, plan.predicate, head)
    return None


def _picked(plan: rel.Relation) -> tuple[int, ...] | None:
    """The positions in the scanned relation of a plan's columns, where they are nothing but those."""
    if isinstance(plan, rel.Scan):
        return plan.positions
    if isinstance(plan, rel.Filter):
        return _picked(plan.input)
    inner = _picked(plan.input) if isinstance(plan, rel.Project) else None
    if inner is None or not isinstance(plan, rel.Project):
        return None
    positions = {col.id: position for col, position in zip(plan.input.columns, inner, strict=True)}
    refs = [expr.col.id for _, expr in plan.outputs if isinstance(expr, Ref)]
    return tuple(positions[id] for id in refs) if len(refs) == len(plan.outputs) else None


def _over(
    plan: rel.Relation, found: Delta, context: EvalContext, params: Sequence[Column]
) -> tuple[dict[int, Column], int]:
    """The columns of `plan` by id, and how many rows, where its scan gives `found`."""
    if isinstance(plan, rel.Scan):
        found = multiplied(found)
        pairs = zip(plan.columns, plan.positions, strict=True)
        return {col.id: found.columns[position] for col, position in pairs}, len(found)
    assert isinstance(plan, rel.Project | rel.Filter)
    columns, count = _over(plan.input, found, context, params)
    if isinstance(plan, rel.Project):
        made = {col.id: evaluate(expr, columns, count, context, params) for col, expr in plan.outputs}
        return made, count
    keep = evaluate(plan.predicate, columns, count, context, params).fill_null(False)
    if keep.true_count == count:
        return columns, count
    return {id: column.filter(keep) for id, column in columns.items()}, keep.true_count


def multiplied(delta: Delta) -> Delta:
    """Each row as often as its weight says, with weight 1."""
    if (delta.weights == 1).all():
        return delta
    if (delta.weights < 0).any():
        delta = consolidate(delta)
    assert (delta.weights >= 0).all(), "a relation holds a row fewer than zero times"
    indices = np.repeat(np.arange(len(delta)), delta.weights)
    return Delta(delta.take(indices).columns, np.ones(len(indices), np.int64))


def ordered(delta: Delta, node: Node, order: Sequence[OrderColumn]) -> Delta:
    """The rows in `order`."""
    if not order or len(delta) < 2:
        return delta
    keys = order_keys(delta.columns, node.types, order)
    indices = pc.array_sort_indices(keys.cast(pa.large_binary())).to_numpy().astype(np.int64)
    return delta.take(indices)
