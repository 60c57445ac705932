"""Window calls, lowered: one Window node for each (PARTITION BY, ORDER BY)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pgstream.functions.range_offsets import ordered_as, shift
from pgstream.operators.derived import window
from pgstream.operators.framing import Bound, BoundKind, FrameSpec, WindowItem
from pgstream.plan import relations as rel
from pgstream.plan.expressions import Call, CastExpr, Expr, Frame, Ref, SortKey, WindowCall
from pgstream.plan.rewrite import used
from pgstream.sql.lower_part import Part, Wanted, same_expr
from pgstream.storage.order import OrderColumn

if TYPE_CHECKING:
    from pgstream.sql.lower_group import Lowerer


def order_columns(wanted: Wanted, keys: Sequence[SortKey]) -> tuple[OrderColumn, ...]:
    """ORDER BY over the positions of what is wanted; an expression that was named before decides nothing more."""
    found: dict[int, OrderColumn] = {}
    for key in keys:
        position = wanted.position(key.expr)
        found.setdefault(position, OrderColumn(position, key.descending, key.nulls_first))
    return tuple(found.values())


def lower_window(lowering: "Lowerer", relation: rel.Window, needed: frozenset[int]) -> Part:
    """The input with its window calls' columns: a chain of Window nodes, each over the one before."""
    part: Part | None = None
    waiting = [(col, call) for col, call in relation.calls if col.id in needed]
    reads = {id for _, call in waiting for expr in _exprs(call) for id in used(expr)}
    kept = [col for col in relation.input.columns if col.id in needed | reads]
    if not waiting:
        return lowering.part(relation.input, needed)
    while waiting:
        first = waiting[0][1]
        now = [(col, call) for col, call in waiting if _same_window(call, first)]
        waiting = [item for item in waiting if item not in now]
        wanted = Wanted(Ref(col) for col in kept)
        partition = wanted.positions(first.partition)
        order = order_columns(wanted, _order(first))
        items = [_item(call, wanted) for _, call in now]
        if part is None:
            node, _ = lowering.mapped(relation.input, wanted.exprs)
        else:
            node = lowering.mapped_part(part, None, wanted.exprs)
        width = len(node.types)
        node = window(lowering.circuit, node, partition, order, items)
        places = {col.id: position for position, col in enumerate(kept)}
        places |= {col.id: width + i for i, (col, _) in enumerate(now)}
        part = Part(node, places, False)
        kept = [*kept, *(col for col, _ in now)]
    assert part is not None
    return part


def _exprs(call: WindowCall) -> list[Expr]:
    filter = [] if call.filter is None else [call.filter]
    return [*call.args, *call.partition, *(key.expr for key in call.order), *filter]


def _same_window(left: WindowCall, right: WindowCall) -> bool:
    """Whether both see their partitions in one order."""
    if len(left.partition) != len(right.partition) or len(_order(left)) != len(_order(right)):
        return False
    partitions = zip(left.partition, right.partition, strict=True)
    orders = zip(_order(left), _order(right), strict=True)
    return all(same_expr(a, b) for a, b in partitions) and all(
        same_expr(a.expr, b.expr) and (a.descending, a.nulls_first) == (b.descending, b.nulls_first) for a, b in orders
    )


def _item(call: WindowCall, wanted: Wanted) -> WindowItem:
    frame = call.frame
    start = _bound(frame, frame.start, frame.start_offset, call, wanted)
    end = _bound(frame, frame.end, frame.end_offset, call, wanted)
    filter = None if call.filter is None else wanted.position(call.filter)
    spec = FrameSpec(frame.mode, start, end, frame.exclude)
    return WindowItem(call.function, call.type, wanted.positions(call.args), spec, filter)


def _bound(frame: Frame, kind: BoundKind, offset: Expr | None, call: WindowCall, wanted: Wanted) -> Bound:
    if offset is None:
        return Bound(kind)
    if frame.mode != "range":
        return Bound(kind, offset)
    key = _order(call)[0]
    name = "-" if (kind == "preceding") != key.descending else "+"
    shifted = Call(shift(key.expr.type, offset.type, name), (key.expr, offset), key.expr.type)
    return Bound(kind, offset, wanted.position(shifted))


def _order(call: WindowCall) -> tuple[SortKey, ...]:
    """ORDER BY; where RANGE offsets make timestamps of dates, the dates are ordered as timestamps."""
    frame = call.frame
    if frame.mode != "range" or (frame.start_offset is None and frame.end_offset is None):
        return call.order
    key = call.order[0]
    type = ordered_as(key.expr.type)
    if type.name == key.expr.type.name:
        return call.order
    return (SortKey(CastExpr(key.expr, type, True), key.descending, key.nulls_first),)
