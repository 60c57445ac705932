"""GROUP BY, lowered: what each aggregate reads, and how it is maintained."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from pgstream.circuit.circuit import Circuit, Node
from pgstream.functions.maintained import Extreme, Fold, Foremost, Linear
from pgstream.operators.aggregation import Aggregation
from pgstream.operators.derived import arrange, distinct
from pgstream.operators.group import Group
from pgstream.plan import relations as rel
from pgstream.plan.expressions import AggCall, Expr, IsNull, Not
from pgstream.plan.rewrite import used
from pgstream.sql.lower_part import Part, Wanted
from pgstream.sql.lower_rising import only_rises
from pgstream.sql.lower_window import order_columns
from pgstream.sql.optimize.facts import RelationFacts
from pgstream.sql.optimize.predicates import conjunction
from pgstream.storage.order import OrderColumn


class Lowerer(Protocol):
    """What `sql/lower.py` offers to the relations that have a file of their own."""

    circuit: Circuit
    facts: RelationFacts

    def part(self, relation: rel.Relation, needed: Iterable[int]) -> Part: ...
    def mapped_part(self, part: Part, predicate: Expr | None, exprs: list[Expr]) -> Node: ...
    def mapped(self, relation: rel.Relation, exprs: list[Expr]) -> tuple[Node, bool]: ...


def lower_group(lowering: Lowerer, group: rel.Group, needed: frozenset[int]) -> Part:
    """The node for `group`, with all keys and the needed aggregates."""
    aggregates = [(col, call) for col, call in group.aggregates if col.id in needed]
    return _Lowered(lowering, group, [call for _, call in aggregates]).part([col.id for col, _ in aggregates])


class _Lowered:
    """One Group on its way: input 0 is the rows themselves, further inputs come with the aggregates that want them."""

    def __init__(self, lowering: Lowerer, group: rel.Group, calls: list[AggCall]) -> None:
        self._lowering = lowering
        self._circuit = lowering.circuit
        self._group = group
        self._calls = calls
        self._keys: list[Expr] = [expr for _, expr in group.keys]
        self._rows: list[Expr] = list(self._keys)
        self._extra: list[Node] = []
        self._base: Part | None = None
        self._growing = False

    def part(self, ids: list[int]) -> Part:
        base_growing = self._input_grows()
        self._growing = base_growing
        rows = Wanted()
        rows.exprs.extend(self._keys)
        aggregations = tuple(self._aggregation(call, rows) for call in self._calls)
        if self._base is None:
            node, _ = self._lowering.mapped(self._group.input, rows.exprs)
        else:
            node = self._lowering.mapped_part(self._base, None, rows.exprs)
        inputs = [node, *self._extra]
        operator = Group(
            tuple(source.types for source in inputs),
            len(self._keys),
            aggregations,
            growing=base_growing,
            whole=not self._keys,
        )
        names = [col.id for col, _ in self._group.keys] + ids
        grows = base_growing and not aggregations and bool(self._keys)
        return Part(self._circuit.add(operator, inputs), {id: i for i, id in enumerate(names)}, grows)

    def _shared(self) -> Part:
        """The input, computed once for all that read it."""
        if self._base is None:
            exprs = [*self._keys, *(part for call in self._calls for part in _parts(call))]
            needed = {id for expr in exprs for id in used(expr)}
            self._base = self._lowering.part(self._group.input, needed)
        return self._base

    def _input_grows(self) -> bool:
        return self._shared().growing

    def _aggregation(self, call: AggCall, rows: Wanted) -> Aggregation:
        maintained = call.aggregate.maintained
        grows = self._growing or only_rises(self._shared(), self._keys, call)
        on_deltas = isinstance(maintained, Linear | Fold) or (isinstance(maintained, Extreme) and grows)
        if on_deltas and not (call.distinct and isinstance(maintained, Linear | Fold)):
            filter = None if call.filter is None else rows.position(call.filter)
            return Aggregation(call.aggregate, call.type, 0, rows.positions(call.args), filter)
        wanted = Wanted()
        wanted.exprs.extend(self._keys)
        direct = tuple(self._direct(arg, wanted) for arg in call.args[: call.aggregate.direct])
        args = wanted.positions(call.args[len(direct) :])
        order: tuple[OrderColumn, ...]
        if isinstance(maintained, Extreme):
            order = (OrderColumn(args[0], maintained.descending),)
        elif isinstance(maintained, Foremost):
            order = _foremost(maintained, args, order_columns(wanted, call.order))
        elif call.distinct and not call.order:
            order = tuple(OrderColumn(position) for position in args)
        else:
            order = order_columns(wanted, call.order)
        node = self._lowering.mapped_part(self._shared(), _seen(call), wanted.exprs)
        if call.distinct and not isinstance(maintained, Extreme | Foremost):
            node = distinct(self._circuit, node, growing=self._growing)
        if not isinstance(maintained, Linear | Fold):
            node = arrange(self._circuit, node, range(len(self._keys)), order)
        return Aggregation(call.aggregate, call.type, self._source(node), args, None, order, direct)

    def _direct(self, arg: Expr, wanted: Wanted) -> int | Expr:
        """A direct argument: as it is where it is the same for all groups, else the position of its column."""
        return wanted.position(arg) if used(arg) else arg

    def _source(self, node: Node) -> int:
        """The number of `node` among the inputs."""
        if node not in self._extra:
            self._extra.append(node)
        return 1 + self._extra.index(node)


def _foremost(one: Foremost, args: tuple[int, ...], asked: tuple[OrderColumn, ...]) -> tuple[OrderColumn, ...]:
    """The order in which the row that is wanted comes first."""
    if one.by is not None:
        return (OrderColumn(args[one.by], one.descending),)
    if not one.last:
        return asked
    return tuple(replace(item, descending=not item.descending, nulls_first=not item.nulls_first) for item in asked)


def _parts(call: AggCall) -> Iterable[Expr]:
    yield from call.args
    if call.filter is not None:
        yield call.filter
    yield from (key.expr for key in call.order)


def _seen(call: AggCall) -> Expr | None:
    """The rows that an aggregate wants: those of its FILTER, where a strict one's first argument is not NULL."""
    parts = [] if call.filter is None else [call.filter]
    args, maintained = call.args[call.aggregate.direct :], call.aggregate.maintained
    if args and (call.aggregate.strict or isinstance(maintained, Extreme)):
        parts.append(Not(IsNull(args[0])))
    if isinstance(maintained, Foremost) and maintained.by is not None:
        parts.append(Not(IsNull(call.args[maintained.by])))
    return conjunction(parts)
