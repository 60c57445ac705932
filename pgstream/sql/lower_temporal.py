"""Conditions on the clock, lowered: the rows with the moments that bound their lives."""

from pgstream.operators.calendar_bound import CalendarBound
from pgstream.operators.temporal import Bound, Temporal
from pgstream.plan import relations as rel
from pgstream.plan.expressions import Ref
from pgstream.sql.lower_group import Lowerer
from pgstream.sql.lower_part import Part, Wanted


def lower_temporal(lowering: Lowerer, relation: rel.Temporal, needed: frozenset[int]) -> Part:
    """The input's needed columns, of the rows that are there now."""
    kept = [col for col in relation.input.columns if col.id in needed]
    wanted = Wanted(Ref(col) for col in kept)
    begins, ends = (
        tuple(Bound(wanted.position(expr), shift) for expr, shift in zip(exprs, shifts, strict=True))
        for exprs, shifts in ((relation.begins, relation.begin_shifts), (relation.ends, relation.end_shifts))
    )
    calendar = tuple(
        CalendarBound(wanted.position(expr), *by) for expr, by in zip(relation.compared, relation.by, strict=True)
    )
    node, _ = lowering.mapped(relation.input, wanted.exprs)
    made = lowering.circuit.add(Temporal(node.types, begins, ends, calendar), [node])
    return Part(made, {col.id: position for position, col in enumerate(kept)}, False)
