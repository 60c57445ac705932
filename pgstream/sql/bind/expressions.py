"""Expressions of every kind that is neither an operator, a call, a cast nor a subquery."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from pgstream.errors import (
    DatatypeMismatch,
    FeatureNotSupported,
    IndeterminateDatatype,
    SqlError,
    SyntaxError42601,
    UndefinedObject,
)
from pgstream.functions.registry import FUNCTIONS, OPERATORS
from pgstream.functions.rows import IS_NOT_NULL, IS_NULL
from pgstream.plan.expressions import (
    And,
    ArrayExpr,
    Call,
    Case,
    CastExpr,
    Coalesce,
    Const,
    Expr,
    IsBool,
    IsNull,
    MinMax,
    Not,
    Or,
    RowExpr,
    Subscript,
)
from pgstream.sql.bind.binding import BOOL, INT4, INT8, UNKNOWN
from pgstream.sql.bind.coercion import coerce, coerce_or_fail, coerce_to_bool, common_typmod, to_common, undomained
from pgstream.sql.bind.dispatch import bind_expression, binds
from pgstream.sql.bind.group_windows import field_of_column
from pgstream.sql.bind.maps import map_access
from pgstream.sql.bind.names import (
    Level,
    NameItem,
    find_column,
    find_item,
    missing_column,
    missing_item,
    qualified_column,
)
from pgstream.sql.bind.operators import apply_operator, conjunction, row_parts
from pgstream.sql.bind.records import dotted_field, field_of, row_of, row_type_of, selected
from pgstream.sql.bind.shared_names import note_shared
from pgstream.sql.bind.types import is_array
from pgstream.sql.parse import ast, enums
from pgstream.types.bits import bits_of
from pgstream.types.definition import SqlType, array_of
from pgstream.types.map import is_map

Node = Any
NUMERIC = SqlType("numeric")


@binds(ast.A_Const)
def bind_constant(level: Level, node: Node) -> Expr:
    """A literal: integers take the first of int4, int8 and numeric that holds them, strings stay unknown."""
    if node.isnull:
        return Const(None, UNKNOWN)
    value = node.val
    if isinstance(value, ast.Integer):
        return Const(value.ival or 0, INT4)
    if isinstance(value, ast.Float):
        return number(value.fval)
    if isinstance(value, ast.Boolean):
        return Const(bool(value.boolval), BOOL)
    if isinstance(value, ast.String):
        return Const(value.sval, UNKNOWN)
    assert isinstance(value, ast.BitString), node
    try:
        return Const(bits_of(value.bsval), SqlType("bit"))
    except SqlError as error:
        raise error.at(level.binding.position_of(node)) from None


def number(text: str) -> Const:
    """A number too large for int4, or with a point or an exponent."""
    digits = text.replace("_", "")
    if digits.lstrip("+-").isdigit() and -(2**63) <= int(digits) < 2**63:
        return Const(int(digits), INT8)
    if digits[:2].lower() in ("0x", "0o", "0b"):
        value = int(digits, 0)
        return Const(value, INT8) if value < 2**63 else Const(Decimal(value), NUMERIC)
    return Const(_plain_decimal(digits), NUMERIC)


def _plain_decimal(text: str) -> Decimal:
    """`text` with the display scale numeric_in gives it: an exponent never leaves a negative scale."""
    value = Decimal(text)
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent > 0:
        return Decimal(int(value))
    return value


@binds(ast.ParamRef)
def bind_parameter(level: Level, node: Node) -> Expr:
    """`$n`."""
    return level.binding.parameter(node.number, node.location)


@binds(ast.SetToDefault)
def refuse_default(level: Level, node: Node) -> Expr:
    """DEFAULT outside the places that take it."""
    raise SyntaxError42601("DEFAULT is not allowed in this context", position=node.location)


@binds(ast.ColumnRef)
def bind_column_ref(level: Level, node: Node) -> Expr:
    """A column, qualified or not, or a whole row where the name is that of a FROM item."""
    fields = node.fields
    position = node.location
    if level.clause == "DEFAULT":
        raise FeatureNotSupported("cannot use column reference in DEFAULT expression", position=position)
    if isinstance(fields[-1], ast.A_Star):
        return level.binding.located(_row_of_star(level, fields, position), position)
    names = [part.sval for part in fields]
    of_window = field_of_column(level, names, position) if len(names) > 1 else None
    if of_window is not None:
        return own_object(level, of_window, position)
    field = dotted_field(level, names, position)
    if field is not None:
        return own_object(level, field, position)
    match names:
        case [name]:
            found = find_column(level, name, position)
            if found is None:
                item = find_item(level, None, name, position)
                if item is None:
                    raise missing_column(level, None, name, position)
                found = whole_row(level, item)
            note_shared(level, name, found, position)
        case [alias, name]:
            found = qualified_column(level, None, alias, name, position)
        case [schema, alias, name]:
            found = qualified_column(level, schema, alias, name, position)
        case [database, schema, alias, name]:
            if database != level.binding.scope.database:
                raise FeatureNotSupported(
                    f"cross-database references are not implemented: {'.'.join(names)}", position=position
                )
            found = qualified_column(level, schema, alias, name, position)
        case _:
            shown = ".".join(names)
            raise SyntaxError42601(f"improper qualified name (too many dotted names): {shown}", position=position)
    return own_object(level, found, position)


def _row_of_star(level: Level, fields: tuple[Node, ...], position: int) -> Expr:
    """`t.*` as an argument: the row of t."""
    names = [part.sval for part in fields[:-1]]
    if not names:
        raise SyntaxError42601('row expansion via "*" is not supported here', position=position)
    schema = names[-2] if len(names) > 1 else None
    item = find_item(level, schema, names[-1], position)
    if item is None:
        raise missing_item(level, names[-1], position)
    return whole_row(level, item)


def own_object(level: Level, expr: Expr, position: int | None) -> Expr:
    """A new object equal to the column `expr`, standing at `position`: one column may be written in many places."""
    return level.binding.located(replace(expr), position)


def whole_row(level: Level, item: NameItem) -> Expr:
    """`t` where t is a table: its row. A function of one column is that column.

    Where an outer join has no row of the item, the row is NULL; that is told by all its columns being NULL.
    """
    if item.row is not None:
        return item.row
    if item.is_function and len(item.columns) == 1:
        return item.columns[0][1]
    row = RowExpr(tuple(expr for _, expr in item.columns), row_type_of(level.binding, item))
    if not item.nullable or not item.columns:
        return row
    absent = conjunction([IsNull(expr) for _, expr in item.columns])
    return Case(((absent, Const(None, row.type)),), row, row.type)


_BOOL_NAMES = {
    enums.BoolExprType.AND_EXPR: "AND",
    enums.BoolExprType.OR_EXPR: "OR",
    enums.BoolExprType.NOT_EXPR: "NOT",
}


@binds(ast.BoolExpr)
def bind_bool(level: Level, node: Node) -> Expr:
    """AND, OR, NOT."""
    name = _BOOL_NAMES[node.boolop]
    args = tuple(coerce_to_bool(level.binding, bind_expression(level, arg), name) for arg in node.args)
    if name == "AND":
        return And(args)
    return Or(args) if name == "OR" else Not(args[0])


@binds(ast.NullTest)
def bind_null_test(level: Level, node: Node) -> Expr:
    """IS [NOT] NULL; of a row, whether all its fields are (not) NULL."""
    arg = bind_expression(level, node.arg)
    negate = node.nulltesttype == enums.NullTestType.IS_NOT_NULL
    parts = row_parts(arg)
    if parts is None and arg.type.definition.attributes is not None:
        return Call(IS_NOT_NULL if negate else IS_NULL, (arg,), BOOL)
    if parts:
        return conjunction([Not(IsNull(part)) if negate else IsNull(part) for part in parts])
    return Not(IsNull(arg)) if negate else IsNull(arg)


_BOOLEAN_TESTS = {
    enums.BoolTestType.IS_TRUE: (True, False, "IS TRUE"),
    enums.BoolTestType.IS_NOT_TRUE: (True, True, "IS NOT TRUE"),
    enums.BoolTestType.IS_FALSE: (False, False, "IS FALSE"),
    enums.BoolTestType.IS_NOT_FALSE: (False, True, "IS NOT FALSE"),
    enums.BoolTestType.IS_UNKNOWN: (None, False, "IS UNKNOWN"),
    enums.BoolTestType.IS_NOT_UNKNOWN: (None, True, "IS NOT UNKNOWN"),
}


@binds(ast.BooleanTest)
def bind_boolean_test(level: Level, node: Node) -> Expr:
    """IS [NOT] TRUE, FALSE and UNKNOWN."""
    value, negate, name = _BOOLEAN_TESTS[node.booltesttype]
    arg = coerce_to_bool(level.binding, bind_expression(level, node.arg), name)
    made: Expr = IsNull(arg) if value is None else IsBool(arg, value)
    return Not(made) if negate else made


@binds(ast.CaseExpr)
def bind_case(level: Level, node: Node) -> Expr:
    """CASE of both forms; the simple one compares its operand with each WHEN."""
    binding = level.binding
    operand = None if node.arg is None else bind_expression(level, node.arg)
    if operand is not None and operand.type == UNKNOWN:
        operand = coerce(binding, operand, SqlType("text"), "i")
    conditions, results = [], []
    for when in node.args:
        condition = bind_expression(level, when.expr)
        if operand is not None:
            condition = apply_operator(binding, "=", [operand, condition], when.location)
        conditions.append(coerce_to_bool(binding, condition, "CASE/WHEN"))
        results.append(bind_expression(level, when.result))
    otherwise: Expr = Const(None, UNKNOWN)
    if node.defresult is not None:
        otherwise = bind_expression(level, node.defresult)
    # ELSE comes first when the common type is chosen, as in PostgreSQL.
    (last, *coerced), type = to_common(binding, [otherwise, *results], "CASE")
    typed = common_typmod([last, *coerced], type)
    return Case(tuple(zip(conditions, coerced, strict=True)), last, typed)


@binds(ast.CoalesceExpr)
def bind_coalesce(level: Level, node: Node) -> Expr:
    """COALESCE."""
    args, type = to_common(level.binding, [bind_expression(level, arg) for arg in node.args], "COALESCE")
    return Coalesce(args, common_typmod(args, type))


@binds(ast.MinMaxExpr)
def bind_min_max(level: Level, node: Node) -> Expr:
    """GREATEST and LEAST."""
    greatest = node.op == enums.MinMaxOp.IS_GREATEST
    name = "GREATEST" if greatest else "LEAST"
    args, type = to_common(level.binding, [bind_expression(level, arg) for arg in node.args], name)
    return MinMax(args, greatest, common_typmod(args, type))


@binds(ast.RowExpr)
def bind_row(level: Level, node: Node) -> Expr:
    """ROW(…)."""
    return row_of(level.binding, [bind_expression(level, arg) for arg in node.args or ()])


@binds(ast.A_ArrayExpr)
def bind_array(level: Level, node: Node) -> Expr:
    """ARRAY[…] of one dimension."""
    return array_expr(level, node, None)


def array_expr(level: Level, node: Node, wanted: SqlType | None) -> Expr:
    """ARRAY[…] whose elements are of the type `wanted`, or of the type they agree on."""
    binding = level.binding
    for element in node.elements or ():
        if isinstance(element, ast.A_ArrayExpr):
            raise FeatureNotSupported("multidimensional arrays are not supported yet", position=element.location)
    elements = [bind_expression(level, element) for element in node.elements or ()]
    if wanted is not None:
        return ArrayExpr(tuple(_as_element(level, element, wanted) for element in elements), array_of(wanted))
    if not elements:
        raise IndeterminateDatatype(
            "cannot determine type of empty array",
            hint="Explicitly cast to the desired type, for example ARRAY[]::integer[].",
            position=node.location,
        )
    args, type = to_common(binding, elements, "ARRAY")
    if is_array(type.name):
        raise FeatureNotSupported("multidimensional arrays are not supported yet", position=node.location)
    try:
        made = array_of(common_typmod(args, type))
    except KeyError:
        raise UndefinedObject(f"could not find array type for data type {type}", position=node.location) from None
    return ArrayExpr(args, made)


def _as_element(level: Level, element: Expr, wanted: SqlType) -> Expr:
    return coerce_or_fail(level.binding, element, wanted, "e")


@binds(ast.A_Indirection)
def bind_indirection(level: Level, node: Node) -> Expr:
    """Subscripts and slices of arrays, and `(row).field`."""
    if isinstance(node.indirection[-1], ast.A_Star):
        raise SyntaxError42601('row expansion via "*" is not supported here')
    first = node.indirection[0]
    if isinstance(first, ast.String):
        made = field_of(level, node.arg, first.sval)
        rest = node.indirection[1:]
    else:
        made, rest = bind_expression(level, node.arg), node.indirection
    return indirect(level, made, rest)


def indirect(level: Level, made: Expr, steps: tuple[Node, ...]) -> Expr:
    """Subscripts and fields of `made`, one after another."""
    subscripted = False
    for step in steps:
        if isinstance(step, ast.String):
            made, subscripted = selected(level, made, step.sval), False
        elif subscripted:
            made = Const(None, made.type)  # arrays have one dimension, and what lies beyond is NULL
        else:
            made, subscripted = _subscript(level, made, step), not is_map(made.type)
    return made


def _subscript(level: Level, array: Expr, step: Node) -> Expr:
    binding = level.binding
    array = undomained(array)
    element = array.type.element
    if is_map(array.type) and not step.is_slice:
        return map_access(binding, array, bind_expression(level, step.uidx))
    if array.type.name == "name" and not step.is_slice:
        return _character(level, array, step)
    if element is None or array.type == UNKNOWN:
        raise DatatypeMismatch(
            f"cannot subscript type {array.type.bare()} because it does not support subscripting",
            position=binding.position(array),
        )
    lower = _index(level, step.lidx)
    upper = _index(level, step.uidx)
    if step.is_slice:
        return Subscript(array, lower, upper, True, array.type)
    return Subscript(array, upper, None, False, element)


def _character(level: Level, name: Expr, step: Node) -> Expr:
    """`name[i]`: a name is a row of characters, counted from 0."""
    index = _index(level, step.uidx)
    assert index is not None
    [take] = [one for one in FUNCTIONS["substr"] if one.arguments == ("text", "int4", "int4")]
    [add] = [one for one in OPERATORS["+"] if (one.left, one.right) == ("int4", "int4")]
    first = Call(add.function, (index, Const(1, INT4)), INT4)
    text = Call(take, (CastExpr(name, SqlType("text"), False), first, Const(1, INT4)), SqlType("text"))
    return CastExpr(text, SqlType("char"), True)


def _index(level: Level, node: Node) -> Expr | None:
    if node is None:
        return None
    index = bind_expression(level, node)
    made = coerce(level.binding, index, INT4, "a")
    if made is None:
        raise DatatypeMismatch("array subscript must have type integer", position=level.binding.position(index))
    return made


@binds(ast.GroupingFunc)
def refuse_grouping(level: Level, node: Node) -> Expr:
    """GROUPING(…) needs grouping sets."""
    raise FeatureNotSupported("GROUPING is not supported yet", position=node.location)


@binds(ast.NamedArgExpr)
def refuse_named_argument(level: Level, node: Node) -> Expr:
    """`name => value`."""
    raise FeatureNotSupported("named arguments are not supported yet", position=node.location)


@binds(ast.CurrentOfExpr)
def refuse_current_of(level: Level, node: Node) -> Expr:
    """WHERE CURRENT OF."""
    raise FeatureNotSupported("WHERE CURRENT OF is not supported yet")
