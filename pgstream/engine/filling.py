"""CREATE TABLE … AS: a table and its rows, made in one tick."""

from pgstream.delta import Column, Delta
from pgstream.engine.database import Database
from pgstream.engine.draft import Draft
from pgstream.engine.head import Head
from pgstream.engine.outcome import Change, Outcome
from pgstream.functions.registry import EvalContext
from pgstream.sql.bind import Bound


def define_filled(database: Database, bound: Bound, params: tuple[Column, ...], context: EvalContext) -> Outcome:
    """Makes the table part of the database's head, with its rows."""
    before = database.head
    head, draft = database.defined(before, bound)
    change = filling(database, before, draft, params, context)
    database.adopt_tick(head, change.deltas)
    return change.outcome


def filling(database: Database, before: Head, draft: Draft, params: tuple[Column, ...], context: EvalContext) -> Change:
    """The rows that the new table of `draft`, which was made of `before`, is to get; none where it is to get none."""
    if draft.filled is None:
        return Change({}, draft.outcome)
    writing = database.writing(before, params, context)
    run, together = writing.after(draft.along)
    delta, _ = run.snapshot.planned_rows(draft.filled, params, context, run.given)
    table = database.table(draft.head, draft.built[0])
    rows = Delta(delta.columns[: len(table.columns)], delta.weights)
    changes = writing.ended(together)
    if len(rows):
        changes[table.oid] = rows
    return Change(changes, Outcome(f"SELECT {len(rows)}", count=len(rows)))
