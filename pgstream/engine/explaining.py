"""EXPLAIN: the optimised plan of a statement, as lines of text or as one JSON value."""

import json

import pyarrow as pa

from pgstream.delta import Column
from pgstream.engine.facts import HeadFacts
from pgstream.engine.outcome import Outcome
from pgstream.engine.reading import Snapshot
from pgstream.functions.registry import EvalContext
from pgstream.sql.bind import Bound
from pgstream.sql.bind.statements import Explain
from pgstream.sql.explain import explain, explain_tree
from pgstream.sql.optimize.rules import optimize


def explained(snapshot: Snapshot, bound: Bound, params: tuple[Column, ...], context: EvalContext) -> Outcome:
    """The answer to EXPLAIN; with ANALYZE, the query is run and its row count told."""
    statement = bound.statement
    assert isinstance(statement, Explain)
    plan = optimize(statement.statement.plan, HeadFacts(snapshot.head))
    rows = len(snapshot.rows(plan, params, context)[0]) if statement.analyze else None
    if statement.format == "json":
        told = {"Plan": explain_tree(plan)} | ({} if rows is None else {"Rows": rows})
        lines = [json.dumps([told], indent=2, ensure_ascii=False)]
    else:
        lines = [*explain(plan), *(() if rows is None else (f"Rows: {rows}",))]
    columns = bound.columns
    assert columns is not None
    return Outcome("EXPLAIN", columns, (pa.array(lines, pa.string()),), len(lines))
