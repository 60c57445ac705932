"""Kept queries: from their plans to the nodes that keep them up to date."""

from collections.abc import Iterator
from contextlib import contextmanager

from pgstream.catalog.objects import KIND_NAMES, Source
from pgstream.circuit.circuit import Node
from pgstream.engine.facts import HeadFacts
from pgstream.engine.head import Head
from pgstream.engine.outcome import Notice
from pgstream.errors import SqlError
from pgstream.operators.input import Input
from pgstream.plan.relations import Relation
from pgstream.plan.terms import Terms
from pgstream.sql.lower import Lowered, Lowering
from pgstream.sql.optimize.rules import optimize
from pgstream.sql.optimize.sessions import cut_sessions
from pgstream.sql.retaining import faded, retained, told_series
from pgstream.sql.state import Leaf, endless_windows, unbounded
from pgstream.sql.temporal import temporal
from pgstream.sql.window_closing import closed_windows, finished_windows, series_of
from pgstream.types.window import WINDOW_TYPES


def optimised(plan: Relation, facts: HeadFacts, terms: Terms) -> Relation:
    """A kept query's plan. Where rows come or go when their window closes, a session is in one piece."""
    whole = terms.closes or terms.retention_us is not None
    return temporal(optimize(plan, facts, (cut_sessions,) if whole else ()))


def lowered(lowering: Lowering, plan: Relation, facts: HeadFacts, terms: Terms) -> Lowered:
    """The node of an optimised plan; where rows come early, it has a column more."""
    if not terms.closes:
        return lowering.lower(_forgetting(plan, facts, terms))
    with pointing(terms):
        closing, window = closed_windows(plan, facts.event_time)
    made = lowering.closing(closing) if terms.every_us is None else lowering.emitting(closing, window, terms.every_us)
    if terms.retention_us is not None:
        ends = [col for col in window if col.type.name in WINDOW_TYPES]
        made = lowering.retaining(made, ends[-1:], told_series(series_of(closing)), terms.retention_us)
    return made if terms.idle_us is None else lowering.fading(made, terms.idle_us)


def _forgetting(plan: Relation, facts: HeadFacts, terms: Terms) -> Relation:
    """The plan of a query over what it has not forgotten."""
    if terms.retention_us is not None:
        plan = retained(plan, facts.event_time, facts.event_type, terms.retention_us)
    return plan if terms.idle_us is None else faded(plan, terms.idle_us, facts.append_only)


def finished(plan: Relation, facts: HeadFacts, terms: Terms) -> Relation:
    """The plan of a SELECT that shows closed windows only."""
    with pointing(terms):
        return finished_windows(optimize(plan, facts, (cut_sessions,)), facts.event_time)


@contextmanager
def pointing(terms: Terms) -> Iterator[None]:
    """Lets errors point at the clause that asks for `terms`."""
    try:
        yield
    except SqlError as error:
        error.position = terms.position
        raise


def endless_notices(head: Head, view: str, plan: Relation, node: Node) -> tuple[Notice, ...]:
    """What to tell of a view, lowered as `node`, whose windows nothing ever closes, or whose state nothing bounds."""

    def endless(oid: int) -> bool:
        thing = head.catalog.objects.get(oid)
        return isinstance(thing, Source) and thing.watermark is None

    name = endless_windows(plan, endless)
    if name is None:
        return _unbounded_notices(head, view, node)
    return (
        Notice(
            f'the windows of materialized view "{view}" are kept for ever: source "{name}" declares no watermark',
            hint="Declare WATERMARK FOR its event time, and let the view end with EMIT ON WINDOW CLOSE.",
        ),
    )


def _unbounded_notices(head: Head, view: str, node: Node) -> tuple[Notice, ...]:
    found = unbounded(node, lambda each: leaf_of(head, each))
    if found is None:
        return ()
    return (
        Notice(
            f'materialized view "{view}" keeps state that grows without bound: {found}',
            hint="EXPLAIN (STATE) tells of every operator. A join forgets rows where its condition says how far apart"
            " event times of both sides are that declare WATERMARK FOR.",
        ),
    )


def leaf_of(head: Head, node: Node) -> Leaf | None:
    """The stored relation that a node gives; None where it computes something."""
    if not isinstance(node.operator, Input):
        return Leaf("a view", False) if head.roots.keeps(node) else None
    thing = head.catalog.objects[node.operator.oid]
    return Leaf(f'{KIND_NAMES[type(thing)]} "{thing.name}"', HeadFacts(head).append_only(node.operator.oid))
