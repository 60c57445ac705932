"""CALL pgstream.replay: records that a source refused, taken in after all."""

import numpy as np
import pyarrow as pa

from pgstream.catalog.objects import Source
from pgstream.delta import Delta, concat
from pgstream.engine.outcome import Change, Notice, Outcome
from pgstream.engine.reading import Snapshot
from pgstream.engine.replay import ERRORS_PLACE, ERRORS_REPLAYED_AT, errors_table
from pgstream.engine.widened import generated
from pgstream.functions.registry import EvalContext
from pgstream.sql.bind.replays import Replay


def replayed(snapshot: Snapshot, statement: Replay, context: EvalContext) -> Change:
    """The rows of the records, and what becomes of their entries in the errors relation: a record that is read again
    where it stands leaves it, one that is read as something else stays, with that.

    What still gives no row stays as it is.
    """
    head = snapshot.head
    if statement.late:
        return _come(snapshot, statement, context)
    source = head.catalog.objects[statement.source_oid]
    assert isinstance(source, Source)
    errors = errors_table(head, source.oid)
    chosen, _ = snapshot.planned_rows(statement.plan, (), context)
    count = len(errors.columns)
    places = chosen.columns[ERRORS_PLACE].to_pylist()
    raws = chosen.columns[count].to_pylist() if statement.corrects else None
    every = frozenset(range(len(source.columns)))
    found = snapshot.rereads.records(head.catalog, source, places, every, raws) if places else []
    good = np.array([rows.count > 0 for rows in found], np.bool_)
    left = len(found) - int(good.sum())
    notices = (Notice(f"{left} of {len(found)} records are still refused"),) if left else ()
    outcome = Outcome("CALL", count=len(found) - left, notices=notices)
    if not good.any():
        return Change({}, outcome)
    entries = Delta(chosen.columns[:count], np.ones(len(chosen), np.int64)).filter(good)
    changes = [entries.negate()]
    if statement.corrects:
        columns = list(entries.columns)
        columns[0] = chosen.columns[count].filter(pa.array(good))
        moment = errors.columns[ERRORS_REPLAYED_AT].type.storage
        columns[ERRORS_REPLAYED_AT] = pa.array([context.now_us] * len(entries), pa.int64()).cast(moment)
        changes.append(Delta(tuple(columns), entries.weights))
    rows = generated(head.catalog, source, concat([rows.delta for rows in found if rows.count]), context.now_us)
    return Change({source.oid: rows, errors.oid: concat(changes)}, outcome)


def _come(snapshot: Snapshot, statement: Replay, context: EvalContext) -> Change:
    """Late rows that are taken in after all: views that wait for windows to close still do without them."""
    source = snapshot.catalog.objects[statement.source_oid]
    assert isinstance(source, Source)
    chosen, _ = snapshot.planned_rows(statement.plan, (), context)
    outcome = Outcome("CALL", count=len(chosen))
    if not len(chosen):
        return Change({}, outcome)
    rows = chosen.select(range(len(source.columns)))
    return Change({source.oid: rows, statement.late: chosen.negate()}, outcome)
