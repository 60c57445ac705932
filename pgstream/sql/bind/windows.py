"""Window calls: OVER, the WINDOW clause, and frames."""

from dataclasses import dataclass, replace
from typing import Any, Literal

from pgstream.errors import (
    DatatypeMismatch,
    DuplicateAlias,
    FeatureNotSupported,
    UndefinedObject,
    WindowingError,
)
from pgstream.functions.range_offsets import OFFSETS
from pgstream.functions.registry import Aggregate, WindowFunction
from pgstream.plan.expressions import Expr, Frame, Ref, SortKey, WindowCall
from pgstream.plan.rewrite import subexpressions, used
from pgstream.sql.bind.binding import INT8, UNKNOWN, Binding
from pgstream.sql.bind.coercion import can_coerce, coerce, coerce_to_bool, decided
from pgstream.sql.bind.dispatch import bind_expression
from pgstream.sql.bind.names import Level
from pgstream.sql.bind.ordering import check_comparable, sort_key
from pgstream.sql.bind.session_frames import cut_gap, session_frame
from pgstream.types.definition import SqlType

Node = Any
Bound = Literal["unbounded", "preceding", "current", "following"]
Exclusion = Literal["none", "row", "group", "ties"]
WINDOWS_ALLOWED = frozenset({"SELECT", "ORDER BY", "DISTINCT ON", "QUALIFY"})

_NOT_ALLOWED = {
    "JOIN/ON": "JOIN conditions",
    "function in FROM": "functions in FROM",
    "window PARTITION BY": "window definitions",
    "window ORDER BY": "window definitions",
    "DEFAULT": "DEFAULT expressions",
}

_DEFAULT_FRAME = 0x422
_BETWEEN, _NONDEFAULT = 0x10, 0x1
_STARTS: tuple[tuple[int, Bound], ...] = (
    (0x20, "unbounded"),
    (0x200, "current"),
    (0x800, "preceding"),
    (0x2000, "following"),
)
_ENDS: tuple[tuple[int, Bound], ...] = (
    (0x100, "unbounded"),
    (0x400, "current"),
    (0x1000, "preceding"),
    (0x4000, "following"),
)


_EXCLUSIONS: tuple[tuple[int, Exclusion], ...] = ((0x8000, "row"), (0x10000, "group"), (0x20000, "ties"))


@dataclass(frozen=True, slots=True)
class WindowShape:
    """A window definition with what it copies from the window it names."""

    partition: tuple[Node, ...]
    order: tuple[Node, ...]
    frame: Node


def define_windows(level: Level, definitions: tuple[Node, ...]) -> None:
    """Makes the names of a WINDOW clause known. Raises DuplicateAlias."""
    for definition in definitions:
        if definition.name in level.window_definitions:
            raise WindowExists(f'window "{definition.name}" is already defined', position=definition.location)
        level.window_definitions[definition.name] = _shape(level, definition)


class WindowExists(DuplicateAlias):
    """42P20: one name for two windows."""

    sqlstate = "42P20"


def _shape(level: Level, node: Node) -> WindowShape:
    own = WindowShape(tuple(node.partitionClause or ()), tuple(node.orderClause or ()), node)
    if node.refname is None:
        return own
    named = _named(level, node.refname, node.location)
    if own.partition:
        raise WindowingError(f'cannot override PARTITION BY clause of window "{node.refname}"', position=node.location)
    if own.order and named.order:
        raise WindowingError(f'cannot override ORDER BY clause of window "{node.refname}"', position=node.location)
    if named.frame.frameOptions & _NONDEFAULT:
        hint = None if own.order or node.frameOptions & _NONDEFAULT else "Omit the parentheses in this OVER clause."
        raise WindowingError(
            f'cannot copy window "{node.refname}" because it has a frame clause', position=node.location, hint=hint
        )
    return WindowShape(named.partition, own.order or named.order, node)


def _named(level: Level, name: str, position: int) -> WindowShape:
    found = level.window_definitions.get(name)
    if found is None:
        raise UndefinedObject(f'window "{name}" does not exist', position=position)
    assert isinstance(found, WindowShape)
    return found


def check_windows(level: Level) -> None:
    """Raises what is wrong with the windows of a WINDOW clause, also with those that no call is over."""
    for shape in tuple(level.window_definitions.values()):
        partition, order, gap = cut_gap(shape.partition, shape.order)
        bound = _bound_shape(level, replace(shape, partition=partition, order=order))[1]
        if gap is None:
            _frame(level, shape.frame, bound)


def bind_window_call(
    level: Level, node: Node, declared: WindowFunction | Aggregate, args: tuple[Expr, ...], result: SqlType
) -> Expr:
    """A call with OVER: its column, of a Window node that the query puts below."""
    position = node.location
    if level.clause not in WINDOWS_ALLOWED:
        where = _NOT_ALLOWED.get(level.clause, level.clause)
        raise WindowingError(f"window functions are not allowed in {where}", position=position)
    if node.agg_distinct:
        raise FeatureNotSupported("DISTINCT is not implemented for window functions", position=position)
    if node.agg_order:
        raise FeatureNotSupported("aggregate ORDER BY is not implemented for window functions", position=position)
    _check_not_nested(level, args)
    over = node.over
    shape = _named(level, over.name, over.location) if over.name else _shape(level, over)
    partition_nodes, order_nodes, gap = cut_gap(shape.partition, shape.order)
    partition, order = _bound_shape(level, replace(shape, partition=partition_nodes, order=order_nodes))
    frame = _frame(level, shape.frame, order) if gap is None else session_frame(level, gap, order, position)
    condition = None
    if node.agg_filter is not None:
        condition = coerce_to_bool(level.binding, _within(level, "FILTER", node.agg_filter), "FILTER")
    call = WindowCall(declared, args, result, partition, order, frame, condition)
    col = level.windows.get(call)
    if col is None:
        col = level.windows[call] = level.binding.col(declared.name, result)
    return Ref(col)


def _check_not_nested(level: Level, args: tuple[Expr, ...]) -> None:
    made = {col.id for col in level.windows.values()}
    sets = {col.id for call in level.set_calls for col in call.outputs}
    for arg in args:
        for part in subexpressions(arg):
            if isinstance(part, Ref) and part.col.id in made:
                raise WindowingError("window function calls cannot be nested", position=level.binding.position(part))
            if isinstance(part, Ref) and part.col.id in sets:
                raise FeatureNotSupported(
                    "window function calls cannot contain set-returning function calls",
                    hint="You might be able to move the set-returning function into a LATERAL FROM item.",
                    position=level.binding.position(part),
                )


def _within(level: Level, clause: str, node: Node) -> Expr:
    outer, level.clause = level.clause, clause
    try:
        return bind_expression(level, node)
    finally:
        level.clause = outer


def _bound_shape(level: Level, shape: WindowShape) -> tuple[tuple[Expr, ...], tuple[SortKey, ...]]:
    binding = level.binding
    partition = tuple(decided(binding, _within(level, "window PARTITION BY", item)) for item in shape.partition)
    for item in partition:
        check_comparable(binding, item)
    outer, level.clause = level.clause, "window ORDER BY"
    try:
        order = tuple(sort_key(level, item) for item in shape.order)
    finally:
        level.clause = outer
    return partition, order


def _frame(level: Level, node: Node, order: tuple[SortKey, ...]) -> Frame:
    options = node.frameOptions or _DEFAULT_FRAME
    mode: Literal["rows", "range", "groups"] = "rows" if options & 4 else "groups" if options & 8 else "range"
    start = next(kind for bit, kind in _STARTS if options & bit)
    end = next(kind for bit, kind in _ENDS if options & bit)
    if mode == "range" and (node.startOffset is not None or node.endOffset is not None) and len(order) != 1:
        raise WindowingError(
            "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column", position=node.location
        )
    if mode == "groups" and not order:
        raise WindowingError("GROUPS mode requires an ORDER BY clause", position=node.location)
    return Frame(
        mode,
        start,
        _offset(level, node.startOffset, mode, order),
        end,
        _offset(level, node.endOffset, mode, order),
        next((kind for bit, kind in _EXCLUSIONS if options & bit), "none"),
    )


def _offset(level: Level, node: Node, mode: str, order: tuple[SortKey, ...]) -> Expr | None:
    if node is None:
        return None
    binding = level.binding
    construct = mode.upper()
    offset = _within(level, f"window {construct}", node)
    if used(offset):
        raise InvalidFrame(f"argument of {construct} must not contain variables", position=binding.position(offset))
    wanted = _offset_type(binding, order[0].expr.type, offset) if mode == "range" else INT8
    made = coerce(binding, offset, wanted, "a")
    if made is None:
        raise DatatypeMismatch(
            f"argument of {construct} must be type {wanted}, not type {offset.type.bare()}",
            position=binding.position(offset),
        )
    return made


def _offset_type(binding: Binding, column: SqlType, offset: Expr) -> SqlType:
    """What an offset from values of a column is taken as: its own type, or the only one that fits."""
    position = binding.position(offset)
    what = f"column type {column.bare()}"
    offsets = OFFSETS.get(column.name, ())
    if not offsets:
        raise FeatureNotSupported(
            f"RANGE with offset PRECEDING/FOLLOWING is not supported for {what}", position=position
        )
    given = column.name if offset.type == UNKNOWN else offset.type.name
    fitting = [name for name in offsets if can_coerce([offset.type.name], [name], "i")]
    if not fitting:
        raise FeatureNotSupported(
            f"RANGE with offset PRECEDING/FOLLOWING is not supported for {what} and offset type {offset.type.bare()}",
            hint="Cast the offset value to an appropriate type.",
            position=position,
        )
    if given not in fitting and len(fitting) > 1:
        raise FeatureNotSupported(
            f"RANGE with offset PRECEDING/FOLLOWING has multiple interpretations for {what}"
            f" and offset type {offset.type.bare()}",
            hint="Cast the offset value to the exact intended type.",
            position=position,
        )
    return SqlType(given if given in fitting else fitting[0])


class InvalidFrame(DatatypeMismatch):
    """42P10."""

    sqlstate = "42P10"
