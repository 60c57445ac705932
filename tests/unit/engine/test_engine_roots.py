"""Roots count the uses of nodes as one would count them by walking the circuit."""

import random

from hypothesis import given
from hypothesis import strategies as st

from pgstream.circuit.circuit import Circuit, Node
from pgstream.engine.roots import Roots
from pgstream.operators.arrange import Arrange
from pgstream.operators.input import Input
from pgstream.operators.union import Union
from pgstream.storage.run import ArrangementSpec
from pgstream.types import INT4


def _view(circuit: Circuit, chance: random.Random, views: list[Node]) -> Node:
    """An arranged union of tables and other views' inputs, often one that is there already."""
    tables = [circuit.add(Input(oid, (0,), (INT4,))) for oid in range(3)]
    below = circuit.add(Union((INT4,)), chance.choices([*tables, *(view.inputs[0] for view in views)], k=2))
    return circuit.add(Arrange(ArrangementSpec((INT4,), ())), [below])


def _check(roots: Roots) -> None:
    """Everything that is counted, counted anew."""
    tops = [*roots.stored.values(), *roots.sent.values()]
    live = Circuit.ancestors(tops)
    assert set(roots.live) == live
    for node in live:
        above = sum(consumer.inputs.count(node) for consumer in live)
        assert roots.live.uses[node] == above + tops.count(node)
        assert roots.keeps(node) == (node in roots.stored.values())
    inputs = {node for node in live if isinstance(node.operator, Input)}
    assert {node for nodes in roots.live.inputs.values() for node in nodes} == inputs
    assert all(roots.live.inputs.values())


@given(st.randoms(use_true_random=False))
def test_live_nodes_are_those_that_roots_depend_on(chance: random.Random) -> None:
    circuit, roots, views = Circuit(), Roots(), list[Node]()
    for oid in range(12):
        before = roots
        if chance.random() < 0.3:
            roots = roots.drop(chance.sample(range(12), 3))
        else:
            views.append(_view(circuit, chance, views))
            roots = (roots.store if chance.random() < 0.8 else roots.send)(oid, views[-1])
        _check(roots)
        _check(before)
        assert set(roots.live.gone(before.live)) == set(before.live) - set(roots.live)
        added = Circuit.ancestors(roots.added(before), until=lambda node, kept=before: node in kept.live)
        assert {node for node in added if node not in before.live} == set(roots.live) - set(before.live)


def test_a_sweep_frees_what_nobody_wants() -> None:
    circuit, roots, views = Circuit(), Roots(), list[Node]()
    chance = random.Random(5)
    for oid in range(20):
        views.append(_view(circuit, chance, views))
        roots = roots.store(oid, views[-1])
    less = roots.drop(range(0, 20, 2))
    circuit.sweep(roots.live)
    assert set(circuit.nodes()) == set(roots.live)
    circuit.let_go(less.live.gone(roots.live))
    circuit.sweep(less.live, [roots.live])
    assert set(circuit.nodes()) == set(roots.live)
    circuit.sweep(less.live)
    assert set(circuit.nodes()) == set(less.live)
    assert all(consumer in less.live for node in circuit.nodes() for consumer in node.consumers)
