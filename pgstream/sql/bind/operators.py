"""Operators: A_Expr in all its kinds, and comparisons of rows."""

from typing import Any

from pgstream.errors import (
    AmbiguousFunction,
    DatatypeMismatch,
    FeatureNotSupported,
    SyntaxError42601,
    UndefinedFunction,
    UndefinedObject,
    WrongObjectType,
)
from pgstream.functions.registry import Function, functions_named
from pgstream.plan.expressions import (
    And,
    AnyAll,
    ArrayExpr,
    Call,
    Case,
    Const,
    Expr,
    IsDistinct,
    Not,
    Or,
    RowExpr,
)
from pgstream.plan.rewrite import used
from pgstream.sql.bind.binding import BOOL, UNKNOWN, Binding
from pgstream.sql.bind.coercion import coerce, common_type, to_common_type, undomained
from pgstream.sql.bind.dispatch import bind_expression, binds
from pgstream.sql.bind.maps import compared
from pgstream.sql.bind.names import Level
from pgstream.sql.bind.overloads import Candidate, NotUnique, concrete, operator_candidates, resolve_operator
from pgstream.sql.bind.types import is_array
from pgstream.sql.parse import ast, enums
from pgstream.types.definition import SqlType, array_of
from pgstream.types.map import is_map

Node = Any
Kind = enums.A_Expr_Kind


def operator_name(node: Node) -> str:
    """The symbol of a possibly qualified operator; only pg_catalog has operators."""
    schema = node[0].sval if len(node) > 1 else "pg_catalog"
    if schema != "pg_catalog":
        raise UndefinedObject(f'schema "{schema}" does not exist')
    return str(node[-1].sval)


def apply_operator(
    binding: Binding, name: str, args: list[Expr], position: int | None, spelled: str | None = None
) -> Expr:
    """`args` under the operator `name`, coerced to what it takes. Raises UndefinedFunction as PostgreSQL words it,
    with the operator as it was `spelled`."""
    args = [undomained(arg) for arg in args]
    of_maps = compared(binding, name, args)
    if of_maps is not None:
        return binding.located(of_maps, position, *args)
    chosen = choose_operator(name, args, position, spelled)
    types = [arg.type.name for arg in args]
    arguments, result = concrete(chosen.arguments, chosen.declared.result, types, position)
    coerced = [coerce_argument(binding, arg, target) for arg, target in zip(args, arguments, strict=True)]
    function = chosen.declared.function
    note_volatility(binding, function, position)
    made = Call(function, tuple(coerced), SqlType(result))
    return binding.located(made, position, *args)


def note_volatility(binding: Binding, function: Function, position: int | None) -> None:
    """Remembers functions whose value does not follow from their arguments. A stable function without any can only
    depend on the clock or the session."""
    if function.volatility == "v":
        binding.volatile.append((function.name, -1 if position is None else position))
    elif function.volatility == "s" and not function.arguments:
        binding.ambient.append((function.name, -1 if position is None else position))


def coerce_argument(binding: Binding, arg: Expr, target: str) -> Expr:
    """`arg` as an argument of a declared type; a literal for an "any" parameter is text."""
    wanted = SqlType("text") if target == "any" and arg.type == UNKNOWN else SqlType(target)
    made = coerce(binding, arg, wanted, "i")
    assert made is not None, (arg.type, target)
    return made


def choose_operator(name: str, args: list[Expr], position: int | None, spelled: str | None = None) -> Candidate:
    """The operator that `name` means for operands of these types."""
    types = [arg.type.bare() for arg in args]
    symbol = spelled or name
    shown = f"{symbol} {types[0]}" if len(types) == 1 else f"{types[0]} {symbol} {types[1]}"
    many = len(types) > 1
    casts = "explicit type casts" if many else "an explicit type cast"
    try:
        chosen = resolve_operator(operator_candidates(name, len(args)), [type.name for type in types])
    except NotUnique:
        raise AmbiguousFunction(
            f"operator is not unique: {shown}",
            hint=f"Could not choose a best candidate operator. You might need to add {casts}.",
            position=position,
        ) from None
    if chosen is None:
        noun = "argument types" if many else "argument type"
        raise UndefinedFunction(
            f"operator does not exist: {shown}",
            hint=f"No operator matches the given name and {noun}. You might need to add {casts}.",
            position=position,
        )
    return chosen


@binds(ast.A_Expr)
def bind_a_expr(level: Level, node: Node) -> Expr:
    """One operator expression, by its kind."""
    match node.kind:
        case Kind.AEXPR_OP:
            return _plain(level, node)
        case Kind.AEXPR_SIMILAR if not functions_named("similar_to_escape"):
            raise FeatureNotSupported("SIMILAR TO is not supported yet", position=node.location)
        case Kind.AEXPR_LIKE | Kind.AEXPR_ILIKE | Kind.AEXPR_SIMILAR:
            return _operator(level, node)
        case Kind.AEXPR_OP_ANY | Kind.AEXPR_OP_ALL:
            return _any_all(level, node)
        case Kind.AEXPR_DISTINCT | Kind.AEXPR_NOT_DISTINCT:
            return _distinct(level, node)
        case Kind.AEXPR_IN:
            return _in_list(level, node)
        case Kind.AEXPR_NULLIF:
            return _nullif(level, node)
        case _:
            return _between(level, node)


def _plain(level: Level, node: Node) -> Expr:
    if isinstance(node.lexpr, ast.RowExpr) and isinstance(node.rexpr, ast.RowExpr):
        left, right = _row(level, node.lexpr), _row(level, node.rexpr)
        return compare_rows(level.binding, operator_name(node.name), left, right, node.location)
    if isinstance(node.lexpr, ast.RowExpr) and isinstance(node.rexpr, ast.SubLink):
        return _row_sublink(level, node)
    return _operator(level, node)


def _row_sublink(level: Level, node: Node) -> Expr:
    link = ast.SubLink(
        subLinkType=enums.SubLinkType.ROWCOMPARE_SUBLINK,
        testexpr=node.lexpr,
        operName=node.name,
        subselect=node.rexpr.subselect,
        location=node.location,
    )
    return bind_expression(level, link)


def _operator(level: Level, node: Node) -> Expr:
    args = [bind_expression(level, part) for part in (node.lexpr, node.rexpr) if part is not None]
    spelled = ".".join(part.sval for part in node.name)
    return apply_operator(level.binding, operator_name(node.name), args, node.location, spelled)


def _row(level: Level, node: Node) -> list[Expr]:
    return [bind_expression(level, part) for part in node.args or ()]


def row_parts(expr: Expr) -> list[Expr] | None:
    return list(expr.args) if isinstance(expr, RowExpr) else None


def compare_rows(binding: Binding, name: str, left: list[Expr], right: list[Expr], position: int | None) -> Expr:
    """`(a, b) op (c, d)`: column by column for = and <>, lexicographically for the orderings."""
    if len(left) != len(right):
        raise SyntaxError42601("unequal number of entries in row expressions", position=position)
    if not left:
        raise FeatureNotSupported("cannot compare rows of zero length", position=position)
    pairs = list(zip(left, right, strict=True))
    if name == "=":
        return conjunction([apply_operator(binding, "=", [a, b], position) for a, b in pairs])
    if name == "<>":
        return disjunction([apply_operator(binding, "<>", [a, b], position) for a, b in pairs])
    if name not in ("<", "<=", ">", ">="):
        raise FeatureNotSupported(
            f"could not determine interpretation of row comparison operator {name}",
            hint="Row comparison operators must be associated with btree operator families.",
            position=position,
        )
    made = apply_operator(binding, name, list(pairs[-1]), position)
    for a, b in reversed(pairs[:-1]):
        strict = apply_operator(binding, name[0], [a, b], position)
        equal = apply_operator(binding, "=", [a, b], position)
        made = Or((strict, And((equal, made))))
    return made


def conjunction(parts: list[Expr]) -> Expr:
    """AND of one or more."""
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def disjunction(parts: list[Expr]) -> Expr:
    """OR of one or more."""
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def _any_all(level: Level, node: Node) -> Expr:
    left = bind_expression(level, node.lexpr)
    array = bind_expression(level, node.rexpr)
    is_all = node.kind == Kind.AEXPR_OP_ALL
    return any_all(level.binding, operator_name(node.name), left, array, is_all, node.location)


def any_all(binding: Binding, name: str, left: Expr, array: Expr, is_all: bool, position: int | None) -> Expr:
    """`left op ANY (array)`: a literal or parameter on the right is an array of the left side's type."""
    if array.type == UNKNOWN:
        if left.type == UNKNOWN:
            left, item = _as_text(binding, left), SqlType("text")
        else:
            item = left.type.bare()
        made = coerce(binding, array, array_of(_operand_type(item)), "i")
        assert made is not None
        array = made
    left, array = undomained(left), undomained(array)
    element = array.type.element
    if element is None:
        raise WrongObjectType("op ANY/ALL (array) requires array on right side", position=position)
    probe = Const(None, element.bare())
    chosen = choose_operator(name, [left, probe], position)
    types = [left.type.name, element.name]
    arguments, result = concrete(chosen.arguments, chosen.declared.result, types, position)
    if result != "bool":
        raise WrongObjectType("op ANY/ALL (array) requires operator to yield boolean", position=position)
    wanted = SqlType(arguments[1])
    kept = element.name == wanted.name or (wanted.name == "record" and element.definition.attributes is not None)
    coerced = array if kept else coerce(binding, array, array_of(wanted), "i")
    assert coerced is not None
    return AnyAll(coerce_argument(binding, left, arguments[0]), chosen.declared.function, coerced, is_all)


def _operand_type(type: SqlType) -> SqlType:
    return SqlType("text") if type.name in ("varchar", "unknown") else type


def _as_text(binding: Binding, expr: Expr) -> Expr:
    made = coerce(binding, expr, SqlType("text"), "i")
    assert made is not None
    return made


def _distinct(level: Level, node: Node) -> Expr:
    negate = node.kind == Kind.AEXPR_NOT_DISTINCT
    left, right = bind_expression(level, node.lexpr), bind_expression(level, node.rexpr)
    made = distinct(level.binding, left, right, node.location)
    return Not(made) if negate else made


def distinct(binding: Binding, left: Expr, right: Expr, position: int | None) -> Expr:
    """`left IS DISTINCT FROM right`, also for rows."""
    lefts, rights = row_parts(left), row_parts(right)
    if lefts is not None and rights is not None:
        if len(lefts) != len(rights):
            raise SyntaxError42601("unequal number of entries in row expressions", position=position)
        return disjunction([distinct(binding, a, b, position) for a, b in zip(lefts, rights, strict=True)])
    equal = apply_operator(binding, "=", [left, right], position)
    assert isinstance(equal, Call)
    if equal.type != BOOL:
        raise DatatypeMismatch("IS DISTINCT FROM requires = operator to yield boolean", position=position)
    return IsDistinct(equal.args[0], equal.args[1], equal.function)


def _in_list(level: Level, node: Node) -> Expr:
    """IN: ANY over an array of the constant items, and one comparison for each other item."""
    binding = level.binding
    name = operator_name(node.name)
    negate = name == "<>"
    left = bind_expression(level, node.lexpr)
    items = [bind_expression(level, item) for item in node.rexpr]
    parts: list[Expr] = []
    plain = [item for item in items if not _has_columns(item)]
    if len(plain) > 1 and row_parts(left) is None:
        array = _in_array(binding, left, plain)
        if array is not None:
            parts.append(any_all(binding, name, left, array, negate, node.location))
            items = [item for item in items if _has_columns(item)]
    for item in items:
        lefts, rights = row_parts(left), row_parts(item)
        if lefts is not None and rights is not None:
            parts.append(compare_rows(binding, name, lefts, rights, node.location))
        else:
            parts.append(apply_operator(binding, name, [left, item], node.location))
    return conjunction(parts) if negate else disjunction(parts)


def _in_array(binding: Binding, left: Expr, items: list[Expr]) -> Expr | None:
    """An array of `items` in the type they share with `left`; None where they share none."""
    try:
        type = common_type(binding, [left, *items], "IN")
        if is_array(type.name) or is_map(type) or type.name in ("record", "unknown"):
            return None
        element = array_of(type)
    except (DatatypeMismatch, KeyError):
        return None
    return ArrayExpr(tuple(to_common_type(binding, item, type, "IN") for item in items), element)


def _has_columns(expr: Expr) -> bool:
    return bool(used(expr))


def _nullif(level: Level, node: Node) -> Expr:
    """NULLIF(a, b): of a's type after the coercion that `a = b` asks for."""
    binding = level.binding
    left, right = bind_expression(level, node.lexpr), bind_expression(level, node.rexpr)
    equal = apply_operator(binding, "=", [left, right], node.location)
    assert isinstance(equal, Call)
    if equal.type != BOOL:
        raise DatatypeMismatch("NULLIF requires = operator to yield boolean", position=node.location)
    kept = equal.args[0]
    return Case(((equal, Const(None, kept.type)),), kept, kept.type)


def _between(level: Level, node: Node) -> Expr:
    binding = level.binding
    value = bind_expression(level, node.lexpr)
    low, high = (bind_expression(level, bound) for bound in node.rexpr)

    def compare(name: str, bound: Expr) -> Expr:
        return apply_operator(binding, name, [value, bound], node.location)

    match node.kind:
        case Kind.AEXPR_BETWEEN:
            return And((compare(">=", low), compare("<=", high)))
        case Kind.AEXPR_NOT_BETWEEN:
            return Or((compare("<", low), compare(">", high)))
        case Kind.AEXPR_BETWEEN_SYM:
            return Or(
                (
                    And((compare(">=", low), compare("<=", high))),
                    And((compare(">=", high), compare("<=", low))),
                )
            )
        case _:
            return And(
                (
                    Or((compare("<", low), compare(">", high))),
                    Or((compare("<", high), compare(">", low))),
                )
            )
