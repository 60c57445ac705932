"""EXPLAIN: the optimised plan of a statement, as lines of text."""

import pyarrow as pa

from pgstream.delta import Column
from pgstream.engine.facts import HeadFacts
from pgstream.engine.outcome import Outcome
from pgstream.engine.reading import Snapshot
from pgstream.functions.registry import EvalContext
from pgstream.sql.bind import Bound
from pgstream.sql.bind.statements import Explain
from pgstream.sql.explain import explain
from pgstream.sql.optimize.rules import optimize


def explained(snapshot: Snapshot, bound: Bound, params: tuple[Column, ...], context: EvalContext) -> Outcome:
    """The answer to EXPLAIN; with ANALYZE, the query is run and its row count told."""
    statement = bound.statement
    assert isinstance(statement, Explain)
    plan = optimize(statement.statement.plan, HeadFacts(snapshot.head))
    lines = explain(plan)
    if statement.analyze:
        delta, _ = snapshot.rows(plan, params, context)
        lines = [*lines, f"Rows: {len(delta)}"]
    columns = bound.columns
    assert columns is not None
    return Outcome("EXPLAIN", columns, (pa.array(lines, pa.string()),), len(lines))
