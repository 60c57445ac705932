"""Type coercion: PostgreSQL's parse_coerce.c.

A cast is *how* one type becomes another, and the context decides whether it may happen unasked: `i` implicit in
any expression, `a` when a value is stored into a column, `e` only where the user wrote a cast.
"""

from collections.abc import Sequence
from typing import Literal

from pgstream.errors import CannotCoerce, DatatypeMismatch, SqlError
from pgstream.functions.casts_of_rows import check_row_length, rows_cast
from pgstream.functions.registry import CASTS, CastContext
from pgstream.plan.expressions import Call, CastExpr, Const, Expr, Param, RowExpr
from pgstream.sql.bind.binding import BOOL, TEXT, UNKNOWN, Binding
from pgstream.sql.bind.literals import literal
from pgstream.sql.bind.types import POLYMORPHIC, category, is_array, is_preferred
from pgstream.types.definition import BY_NAME, SqlType
from pgstream.types.described import is_made_in_place
from pgstream.types.domain import below, is_domain, name_below
from pgstream.types.map import entries_of, is_map

Pathway = Literal["same", "relabel", "function", "io", "array"]

RECORD = SqlType("record")
_RANK = {"i": 0, "a": 1, "e": 2}
_ANY = frozenset({"any", *POLYMORPHIC})


def pathway(source: str, target: str, context: CastContext) -> Pathway | None:
    """How `source` becomes `target` where `context` allows it; None where it does not."""
    if source == target:
        return "same"
    if is_domain(source) or is_domain(target):
        inner = pathway(name_below(source), name_below(target), context)
        return "function" if inner is not None and is_domain(target) else inner and "relabel"
    cast = CASTS.get((source, target))
    if cast is not None:
        if _RANK[context] < _RANK[cast.context]:
            return None
        return "relabel" if cast.function is None else "function"
    if is_map(SqlType(source)) and is_map(SqlType(target)):
        pairs = zip(entries_of(SqlType(source)), entries_of(SqlType(target)), strict=True)
        whole = all(pathway(one.name, other.name, context) is not None for one, other in pairs)
        return "function" if whole else None
    of_rows = rows_cast(SqlType(source), SqlType(target))
    if of_rows is not None:
        return "function" if _RANK[context] >= _RANK[of_rows] else None
    if is_array(source) and is_array(target):
        inner = pathway(_element(source), _element(target), context)
        if inner is not None:
            return "relabel" if inner in ("same", "relabel") else "array"
        return None
    if (context != "i" and _category(target) == "S") or (context == "e" and _category(source) == "S"):
        return "io"
    return None


def _element(name: str) -> str:
    element = BY_NAME[name].element
    assert element is not None
    return element


def _category(name: str) -> str:
    return BY_NAME[name].category


def can_coerce(sources: Sequence[str], targets: Sequence[str], context: CastContext) -> bool:
    """Whether values of these types can be arguments of those, as far as each alone can tell."""
    for source, target in zip(sources, targets, strict=True):
        if source == target or target in _ANY or source == "unknown":
            continue
        if target == "record" and BY_NAME[source].attributes is not None:
            continue
        if pathway(source, target, context) is None:
            return False
    return True


def coerce(
    binding: Binding, expr: Expr, target: SqlType, context: CastContext, position: int | None = None
) -> Expr | None:
    """`expr` as a value of `target`, its modifier included; None where no cast leads there."""
    source = expr.type
    if target.name in _ANY or (target.name == "record" and source.definition.attributes is not None):
        return expr
    if is_domain(target.name) and source.name != target.name:
        inner = coerce(binding, expr, below(target), context, position)
        return None if inner is None else binding.located(CastExpr(inner, target, context == "e"), expr, position)
    if isinstance(expr, Const) and source == UNKNOWN:
        return _literal(binding, expr, target, context)
    if isinstance(expr, Param) and source == UNKNOWN:
        expr = binding.deduce(expr, target)
        return coerce(binding, expr, target, context, position)
    if source == UNKNOWN:
        cast: Expr = CastExpr(expr, TEXT, False)
        return cast if target == TEXT else coerce(binding, cast, target, "e", position)
    if isinstance(expr, RowExpr) and target.definition.attributes is not None and source != target:
        return _row_as(binding, expr, target, context, position)
    if isinstance(expr, Call) and expr.function.name == "map" and is_map(target) and source != target:
        return _map_as(binding, expr, target, context)
    how = pathway(source.name, target.name, context)
    if how is None:
        return None
    if source == target or (how == "same" and target.typmod == -1):
        return expr
    made = CastExpr(expr, target, context == "e")
    return binding.located(made, expr, position)


def _map_as(binding: Binding, made: Call, target: SqlType, context: CastContext) -> Expr | None:
    """MAP {…} as a map of other types, whose keys and values its literals are read as."""
    args = list[Expr]()
    for place, arg in enumerate(made.args):
        given = Const(arg.value, UNKNOWN) if isinstance(arg, Const) and arg.type == TEXT else arg
        found = coerce(binding, binding.located(given, arg), entries_of(target)[place % 2], context)
        if found is None:
            return None
        args.append(found)
    return binding.located(Call(made.function, tuple(args), target), made)


def _row_as(binding: Binding, row: RowExpr, target: SqlType, context: CastContext, position: int | None) -> Expr | None:
    """ROW(…) as a composite type, field by field (coerce_record_to_complex). Raises CannotCoerce."""
    attributes = target.definition.attributes
    assert attributes is not None
    if not is_made_in_place(row.type):
        return row if row.type == target else None
    check_row_length(row.type, target, binding.position(row) if position is None else position)
    made = []
    for place, (arg, (_, type)) in enumerate(zip(row.args, attributes, strict=True), 1):
        field = coerce(binding, arg, type, context)
        if field is None:
            raise CannotCoerce(
                f"cannot cast type record to {target}",
                detail=f"Cannot cast type {arg.type.bare()} to {type.bare()} in column {place}.",
                position=binding.position(arg),
            )
        made.append(field)
    return binding.located(RowExpr(tuple(made), target), row, position)


def _literal(binding: Binding, expr: Const, target: SqlType, context: CastContext) -> Expr:
    early = target if target.name == "interval" else target.bare()
    if expr.value is None:
        return binding.located(Const(None, target), expr)
    made: Expr = binding.located(literal(binding, expr.value, early, expr), expr)
    if early != target:
        made = binding.located(CastExpr(made, target, context == "e"), expr)
    return made


def undomained(expr: Expr) -> Expr:
    """`expr` as what its domain is over; any other is itself."""
    return CastExpr(expr, below(expr.type), False) if is_domain(expr.type.name) else expr


def coerce_or_fail(
    binding: Binding, expr: Expr, target: SqlType, context: CastContext, position: int | None = None
) -> Expr:
    """`coerce`, raising CannotCoerce."""
    made = coerce(binding, expr, target, context, position)
    if made is None:
        raise CannotCoerce(
            f"cannot cast type {expr.type.bare()} to {target.bare()}",
            position=binding.position(expr) if position is None else position,
        )
    return made


def coerce_to_bool(binding: Binding, expr: Expr, construct: str) -> Expr:
    """`expr` as the condition of WHERE, AND, …. Raises DatatypeMismatch."""
    made = coerce(binding, expr, BOOL, "a")
    if made is None:
        raise DatatypeMismatch(
            f"argument of {construct} must be type boolean, not type {expr.type.bare()}",
            position=binding.position(expr),
        )
    return made


def coerce_to_type(binding: Binding, expr: Expr, target: SqlType, construct: str) -> Expr:
    """`expr` as what LIMIT, FILTER, … want. Raises DatatypeMismatch."""
    made = coerce(binding, expr, target, "a")
    if made is None:
        raise DatatypeMismatch(
            f"argument of {construct} must be type {target}, not type {expr.type.bare()}",
            position=binding.position(expr),
        )
    return made


def decided(binding: Binding, expr: Expr) -> Expr:
    """`expr` as it leaves a query: what is still of unknown type is text."""
    if expr.type != UNKNOWN:
        return expr
    made = coerce(binding, expr, TEXT, "i")
    assert made is not None
    return made


def common_type(binding: Binding, exprs: Sequence[Expr], construct: str) -> SqlType:
    """The type that the branches of CASE, UNION, VALUES, … agree on (select_common_type). Raises DatatypeMismatch."""
    first = exprs[0].type.bare()
    if first != UNKNOWN and all(expr.type.bare() == first for expr in exprs):
        return first
    exprs = [undomained(expr) for expr in exprs]
    chosen: SqlType | None = None
    for expr in exprs:
        type = expr.type.bare()
        if type in (UNKNOWN, chosen):
            continue
        if chosen is None:
            chosen = type
        elif is_made_in_place(type) and is_made_in_place(chosen):
            chosen = RECORD
        elif category(type) != category(chosen):
            raise _mismatch(binding, construct, chosen, type, expr)
        elif (
            not is_preferred(chosen)
            and can_coerce([chosen.name], [type.name], "i")
            and not can_coerce([type.name], [chosen.name], "i")
        ):
            chosen = type
    return TEXT if chosen is None else chosen


def _mismatch(binding: Binding, construct: str, one: SqlType, other: SqlType, at: Expr) -> SqlError:
    return DatatypeMismatch(f"{construct} types {one} and {other} cannot be matched", position=binding.position(at))


def common_typmod(exprs: Sequence[Expr], type: SqlType) -> SqlType:
    """`type` with the modifier that all of `exprs` share, if they do."""
    modifiers = {expr.type.typmod if expr.type.name == type.name else -1 for expr in exprs}
    return SqlType(type.name, modifiers.pop()) if len(modifiers) == 1 else type


def to_common(binding: Binding, exprs: Sequence[Expr], construct: str) -> tuple[tuple[Expr, ...], SqlType]:
    """`exprs` all coerced to their common type, and that type."""
    type = common_type(binding, exprs, construct)
    return tuple(to_common_type(binding, expr, type, construct) for expr in exprs), type


def to_common_type(binding: Binding, expr: Expr, type: SqlType, construct: str) -> Expr:
    """`expr` as the common type of a construct (coerce_to_common_type). Raises CannotCoerce."""
    if expr.type.bare() == type:
        return expr
    if type == RECORD and expr.type.definition.attributes is not None:
        return CastExpr(expr, RECORD, False)
    made = coerce(binding, expr, type, "i")
    if made is None:
        raise CannotCoerce(
            f"{construct} could not convert type {expr.type.bare()} to {type}", position=binding.position(expr)
        )
    return made
