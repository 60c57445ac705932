"""EMIT and retentions, lowered: what waits for the end of windows, and what above it needs no memory."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from pgstream.circuit.circuit import Circuit, Node
from pgstream.circuit.operator import Operator
from pgstream.functions.registry import functions_named
from pgstream.operators.closing import BOOL, BOTH, CLOSED, OPEN, Closing
from pgstream.operators.derived import at
from pgstream.operators.group import Group
from pgstream.operators.map import Map
from pgstream.operators.momentary import Momentary
from pgstream.operators.sessions import Sessions
from pgstream.plan import relations as rel
from pgstream.plan.expressions import Call, Expr, Not, Ref
from pgstream.plan.rewrite import used
from pgstream.sql.lower_fade import lower_fade
from pgstream.sql.lower_group import Lowerer
from pgstream.sql.lower_part import Part, Wanted


class Momentarily(Circuit):
    """`circuit` for what lies above rows that come window by window: operators that would keep state keep none."""

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = circuit

    def add(self, operator: Operator, inputs: Sequence[Node] = ()) -> Node:
        return self.circuit.add(Momentary(operator) if operator.arrangements else operator, inputs)


class ClosingLowerer(Lowerer, Protocol):
    """What this needs of `sql/lower.py` beside."""

    def lasting(self) -> Lowerer: ...


def lower_close(lowering: ClosingLowerer, close: rel.Close | rel.Fade, needed: frozenset[int]) -> Part:
    """The node that gives the rows of windows that close, or that are open, or what is not forgotten yet."""
    if isinstance(close, rel.Fade):
        return lower_fade(lowering, close, needed)
    if not isinstance(close.input, rel.Group | rel.Sessions):
        return _buffered(lowering.lasting(), close, needed)
    below = lowering.lasting()
    part = below.part(close.input, needed | used(close.end).keys())
    end = part.local(close.end)
    match part.node.operator:
        case Group() as group if len(part.node.inputs) == 1:
            # What ends depends on is among the keys, which come first in the input as in the output.
            assert all(position < group.keys for position in used(end))
            operator = Closing(group.types, group, end, end, close.series, _given(close), close.kept_us)
        case Sessions() as sessions:
            early = _plus(at(sessions.time, sessions.columns[sessions.time]), sessions.gap)
            operator = Closing(sessions.types, sessions, end, early, close.series, _given(close), close.kept_us, True)
        case _:
            assert isinstance(close.input, rel.Group)
            waiting = replace(close, input=close.input.input, end=close.early)
            return lowering.part(rel.Group(waiting, close.input.keys, close.input.aggregates), needed)
    return _taken(below.circuit, below.circuit.add(operator, part.node.inputs), close, part.places)


def _buffered(below: Lowerer, close: rel.Close, needed: frozenset[int]) -> Part:
    """Rows that wait as they are."""
    kept = [col for col in close.input.columns if col.id in needed]
    wanted = Wanted(Ref(col) for col in kept)
    for id, col in used(close.end).items():
        if id not in needed:
            wanted.position(Ref(col))
    node, _ = below.mapped(close.input, wanted.exprs)
    places = {expr.col.id: i for i, expr in enumerate(wanted.exprs) if isinstance(expr, Ref)}
    end = Part(node, places, False).local(close.end)
    operator = Closing(node.types, None, end, end, close.series, _given(close), close.kept_us)
    return _taken(below.circuit, below.circuit.add(operator, [node]), close, places)


def _given(close: rel.Close) -> str:
    return BOTH if close.shared else OPEN if close.open else CLOSED


def _taken(circuit: Circuit, node: Node, close: rel.Close, places: dict[int, int]) -> Part:
    """What of a node that gives both open and closed windows is wanted here."""
    if close.shared:
        flag = at(len(node.types) - 1, BOOL)
        columns = tuple(at(i, type) for i, type in enumerate(node.types[:-1]))
        node = circuit.add(Map(Not(flag) if close.open else flag, columns), [node])
    return Part(node, places, not close.open)


def _plus(moment: Ref, length: Expr) -> Call:
    name = moment.type.bare().name
    (function,) = functions_named(f"{name}_pl_interval")
    return Call(function, (moment, length), moment.type.bare())
