"""Kept queries: from their plans to the nodes that keep them up to date."""

from collections.abc import Iterator
from contextlib import contextmanager

from pgstream.catalog.objects import Source
from pgstream.engine.facts import HeadFacts
from pgstream.engine.head import Head
from pgstream.engine.outcome import Notice
from pgstream.errors import SqlError
from pgstream.plan.relations import Relation
from pgstream.plan.terms import Terms
from pgstream.sql.lower import Lowered, Lowering
from pgstream.sql.optimize.rules import optimize
from pgstream.sql.optimize.sessions import cut_sessions
from pgstream.sql.state import endless_windows
from pgstream.sql.temporal import temporal
from pgstream.sql.window_closing import closed_windows, finished_windows


def optimised(plan: Relation, facts: HeadFacts, terms: Terms) -> Relation:
    """A kept query's plan. Where rows come when their window closes, a session whose rows wait for its end is in one
    piece."""
    return temporal(optimize(plan, facts, (cut_sessions,) if terms.closes else ()))


def lowered(lowering: Lowering, plan: Relation, facts: HeadFacts, terms: Terms) -> Lowered:
    """The node of an optimised plan; where rows come early, it has a column more."""
    if not terms.closes:
        return lowering.lower(plan)
    with pointing(terms):
        closing, window = closed_windows(plan, facts.event_time)
    return lowering.closing(closing) if terms.every_us is None else lowering.emitting(closing, window, terms.every_us)


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


def endless_notices(head: Head, view: str, plan: Relation) -> tuple[Notice, ...]:
    """What to tell of a view whose windows nothing can ever close."""

    def endless(oid: int) -> bool:
        thing = head.catalog.objects.get(oid)
        return isinstance(thing, Source) and thing.watermark is None

    name = endless_windows(plan, endless)
    if name is None:
        return ()
    return (
        Notice(
            f'the windows of materialized view "{view}" are kept for ever: source "{name}" declares no watermark',
            hint="Declare WATERMARK FOR its event time, and let the view end with EMIT ON WINDOW CLOSE.",
        ),
    )
