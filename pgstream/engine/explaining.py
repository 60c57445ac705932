"""EXPLAIN: the optimised plan of a statement, as lines of text or as one JSON value."""

import json
from typing import Any

import pyarrow as pa

from pgstream.circuit.circuit import Circuit
from pgstream.delta import Column
from pgstream.engine.facts import HeadFacts
from pgstream.engine.keeping import finished, leaf_of, lowered, optimised
from pgstream.engine.outcome import Outcome
from pgstream.engine.reading import Snapshot
from pgstream.errors import FeatureNotSupported
from pgstream.functions.registry import EvalContext
from pgstream.plan.relations import Scan
from pgstream.plan.rewrite import subplans
from pgstream.plan.terms import PLAIN
from pgstream.sql.bind import Bound
from pgstream.sql.bind.modifying import Along, Modifying
from pgstream.sql.bind.statements import Explain
from pgstream.sql.explain import circuit_tree, explain, explain_circuit, explain_tree
from pgstream.sql.lower import Lowering
from pgstream.sql.optimize.rules import optimize
from pgstream.sql.state import explain_state


def explained(snapshot: Snapshot, bound: Bound, params: tuple[Column, ...], context: EvalContext) -> Outcome:
    """The answer to EXPLAIN; with ANALYZE, the query is run and its row count told."""
    statement = bound.statement
    assert isinstance(statement, Explain)
    if statement.state:
        lines = _state(snapshot, statement.statement)
        assert bound.columns is not None
        return Outcome("EXPLAIN", bound.columns, (pa.array(lines, pa.string()),), len(lines))
    if statement.operators:
        lines = _operators(snapshot, statement)
        assert bound.columns is not None
        return Outcome("EXPLAIN", bound.columns, (pa.array(lines, pa.string()),), len(lines))
    facts, inner = HeadFacts(snapshot.head), statement.statement
    along: tuple[Along, ...] = ()
    if isinstance(inner, Modifying):
        if statement.analyze:
            raise FeatureNotSupported("EXPLAIN ANALYZE of data-modifying statements in WITH is not supported yet")
        along, inner = inner.along, inner.statement
    terms = getattr(inner, "terms", PLAIN)
    plan = finished(inner.plan, facts, terms) if terms.closes else optimize(inner.plan, facts)
    rows = len(snapshot.rows(plan, params, context)[0]) if statement.analyze else None
    if statement.format == "json":
        told = {"Plan": explain_tree(plan)} | ({} if rows is None else {"Rows": rows})
        lines = [json.dumps([told], indent=2, ensure_ascii=False)]
    else:
        lines = [*explain(plan), *(() if rows is None else (f"Rows: {rows}",))]
        for part in along:
            shown = explain(optimize(part.statement.plan, facts))
            lines += [f"CTE {part.name}", *(f"  {line}" for line in shown)]
    columns = bound.columns
    assert columns is not None
    return Outcome("EXPLAIN", columns, (pa.array(lines, pa.string()),), len(lines))


def _operators(snapshot: Snapshot, statement: Explain) -> list[str]:
    """What the operators of a materialized view have done since the start, and keep."""
    [scan] = [part for part in subplans(statement.statement.plan) if isinstance(part, Scan)]
    node, state = snapshot.head.roots.stored[scan.oid], snapshot.head.state
    if statement.format == "json":
        return [json.dumps([{"Plan": circuit_tree(node, state)}], indent=2, ensure_ascii=False)]
    return explain_circuit(node, state)


def _state(snapshot: Snapshot, statement: Any) -> list[str]:
    """What a kept query keeps, by operator."""
    head, facts = snapshot.head, HeadFacts(snapshot.head)
    terms = getattr(statement, "terms", PLAIN)
    plan = optimised(statement.plan, facts, terms)
    root = lowered(Lowering(Circuit(), facts, "state"), plan, facts, terms).node
    return explain_state(root, lambda node: leaf_of(head, node))
