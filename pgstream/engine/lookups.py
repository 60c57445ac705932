"""Lookups of sources in sources: what is read first, so that rows find what was there before them."""

from collections.abc import Mapping

from pgstream.circuit.circuit import Circuit, Node
from pgstream.engine.roots import Roots
from pgstream.operators.input import Input
from pgstream.operators.lookup import Lookup


def looked_up(roots: Roots, sources: frozenset[int]) -> Mapping[int, frozenset[int]]:
    """For each of the sources whose rows are looked up as they come, those in which they are, by OID."""
    found: dict[int, frozenset[int]] = {}
    for node in roots.live:
        if isinstance(node.operator, Lookup):
            left, right = (_read(side) & sources for side in node.inputs)
            found |= {oid: found.get(oid, frozenset()) | right - left for oid in left - right}
    return {oid: first for oid, first in found.items() if not any(oid in found.get(each, ()) for each in first)}


def _read(node: Node) -> frozenset[int]:
    below = Circuit.ancestors([node])
    return frozenset(each.operator.oid for each in below if isinstance(each.operator, Input))
