"""Sessions, lowered: one operator that keeps what it gives."""

from typing import TYPE_CHECKING

from pgstream.operators.sessions import Sessions
from pgstream.plan import relations as rel
from pgstream.plan.expressions import Ref
from pgstream.sql.lower_part import Part, Wanted

if TYPE_CHECKING:
    from pgstream.sql.lower_group import Lowerer


def lower_sessions(lowering: "Lowerer", relation: rel.Sessions, needed: frozenset[int]) -> Part:
    """The input's needed columns with the bounds of each row's session."""
    kept = [col for col in relation.input.columns if col.id in needed]
    wanted = Wanted(Ref(col) for col in kept)
    partition = wanted.positions(relation.partition)
    time = wanted.position(relation.time)
    last = time if relation.last is None else wanted.position(relation.last)
    node, _ = lowering.mapped(relation.input, wanted.exprs)
    width = len(node.types)
    made = lowering.circuit.add(Sessions(node.types, partition, time, last, relation.gap), [node])
    places = {col.id: position for position, col in enumerate(kept)}
    return Part(made, places | {relation.start.id: width, relation.end.id: width + 1}, False)
