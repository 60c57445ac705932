"""What is forgotten by the clock, lowered: groups where they are summed up, everything else as rows."""

from dataclasses import replace

from pgstream.operators.fading import Fading
from pgstream.operators.group import Group
from pgstream.plan import relations as rel
from pgstream.plan.expressions import Ref
from pgstream.sql.lower_group import Lowerer
from pgstream.sql.lower_part import Part, Wanted


def lower_fade(lowering: Lowerer, fade: rel.Fade, needed: frozenset[int]) -> Part:
    """The input's needed columns, of what is not forgotten."""
    if isinstance(fade.input, rel.Group):
        part = lowering.part(fade.input, needed)
        match part.node.operator:
            case Group(growing=True) as group if len(part.node.inputs) == 1:
                operator = Fading(group.types, tuple(range(group.keys)), fade.idle_us, group)
                return Part(lowering.circuit.add(operator, part.node.inputs), part.places, False)
        below = rel.Fade(fade.input.input, tuple(expr for _, expr in fade.input.keys), fade.idle_us)
        return lowering.part(replace(fade.input, input=below), needed)
    kept = [col for col in fade.input.columns if col.id in needed]
    wanted = Wanted(Ref(col) for col in kept)
    key = wanted.positions(fade.key)
    node, _ = lowering.mapped(fade.input, wanted.exprs)
    made = lowering.circuit.add(Fading(node.types, key, fade.idle_us), [node])
    places = {expr.col.id: i for i, expr in enumerate(wanted.exprs) if isinstance(expr, Ref)}
    return Part(made, places, False)
