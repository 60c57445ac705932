"""Aggregates in two steps: over the parts that a group is cut into, and over what those give."""

from __future__ import annotations

from pgstream.functions.registry import AGGREGATES
from pgstream.plan.expressions import AggCall, Col, Ref
from pgstream.types.definition import SqlType

_OVER_PARTS = {
    "count": "sum",
    "sum": "sum",
    "min": "min",
    "max": "max",
    "bool_and": "bool_and",
    "bool_or": "bool_or",
    "every": "every",
    "bit_and": "bit_and",
    "bit_or": "bit_or",
}
"""What the values of an aggregate over the parts are put together by."""

_INEXACT = ("float4", "float8")
"""Types whose sums depend on what is added first."""


def over_parts(call: AggCall, part: Col) -> AggCall | None:
    """The aggregate over the column `part`, which holds `call` of each part of a group, that gives `call` of the group
    (but for its type: a sum of counts is numeric); None where there is none."""
    name = _OVER_PARTS.get(call.aggregate.name)
    if name is None or call.distinct or call.order or (name == "sum" and call.type.name in _INEXACT):
        return None
    for aggregate in AGGREGATES[name]:
        if aggregate.arguments == (part.type.name,):
            return AggCall(aggregate, (Ref(part),), SqlType(aggregate.result))
    return None
