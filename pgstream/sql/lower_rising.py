"""Values that only rise: the count of a group that only grows, say.

Where such a value changes, the row that goes is replaced in the same tick by one that differs in values that rise, and
by greater ones. So the greatest of them needs no memory of the others: it is that of the rows that come.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pgstream.circuit.circuit import Node
from pgstream.functions.maintained import Extreme
from pgstream.operators.aggregation import Aggregation
from pgstream.operators.group import Group
from pgstream.operators.map import Map
from pgstream.plan.expressions import AggCall, Expr, Ref
from pgstream.plan.rewrite import used
from pgstream.sql.lower_part import Part


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns of a node that stay as they are when a row is replaced, and those that rise then."""

    fixed: frozenset[int]
    rising: frozenset[int]


def only_rises(part: Part, keys: Iterable[Expr], call: AggCall) -> bool:
    """Whether `call` is the max of a value that rises in groups of `part` by `keys`, which rows never leave."""
    maintained = call.aggregate.maintained
    if not (isinstance(maintained, Extreme) and maintained.descending and isinstance(call.args[0], Ref)):
        return False
    columns = _columns(part.node)
    if columns is None or part.places.get(call.args[0].col.id) not in columns.rising:
        return False
    steady = (*keys, *([] if call.filter is None else [call.filter]))
    return all(part.places.get(id) in columns.fixed for expr in steady for id in used(expr))


def _columns(node: Node) -> _Columns | None:
    """The columns of `node`, if rows only ever go where others replace them."""
    match node.operator:
        case Group(keys=keys, aggregations=aggregations, growing=True):
            rising = frozenset(keys + i for i, aggregation in enumerate(aggregations) if _rises(aggregation))
            return _Columns(frozenset(range(keys)), rising)
        case Map(predicate, expressions, ""):
            below = _columns(node.inputs[0])
            if below is None or (predicate is not None and not below.fixed.issuperset(used(predicate))):
                return None
            fixed = (i for i, expr in enumerate(expressions) if below.fixed.issuperset(used(expr)))
            up = (i for i, expr in enumerate(expressions) if isinstance(expr, Ref) and expr.col.id in below.rising)
            return _Columns(frozenset(fixed), frozenset(up))
    return None


def _rises(aggregation: Aggregation) -> bool:
    """Whether more rows never make it less."""
    maintained = aggregation.aggregate.maintained
    counts = aggregation.aggregate.name == "count"
    return counts or (isinstance(maintained, Extreme) and maintained.descending)
