"""Functions in FROM: ordinality, column lists, ROWS FROM, and the window functions over relations."""

from typing import Any

from pgstream.errors import FeatureNotSupported, InvalidColumnReference, SyntaxError42601
from pgstream.functions.json_records import RECORDS
from pgstream.functions.registry import Function
from pgstream.plan.expressions import Call, Col, Const, Expr, FieldOf, Ref
from pgstream.plan.relations import Project, Relation, TableCall
from pgstream.sql.bind.binding import INT8
from pgstream.sql.bind.calls import called_rows, prepare_call
from pgstream.sql.bind.dispatch import bind_expression, binds_from
from pgstream.sql.bind.from_clause import FromItem
from pgstream.sql.bind.names import Level, NameItem, SetCall
from pgstream.sql.bind.overloads import concrete
from pgstream.sql.bind.query import ONE_ROW
from pgstream.sql.bind.set_calls import lockstep
from pgstream.sql.bind.targets import figure_name
from pgstream.sql.bind.types import type_of
from pgstream.sql.bind.window_tables import bind_windowing, is_windowing
from pgstream.sql.parse import ast
from pgstream.types.definition import SqlType
from pgstream.types.described import record_type

Node = Any


@binds_from(ast.RangeFunction)
def bind_range_function(level: Level, node: Node) -> FromItem:
    """A function, or several in lockstep, as a FROM item. Functions see what stands to their left."""
    calls = [call for call, definitions in node.functions if not _refuse_definitions(call, definitions)]
    defined = _defined(level, calls[0], node.coldeflist)
    if len(calls) == 1 and is_windowing(calls[0]):
        return bind_windowing(level, calls[0], node.alias)
    outer = level.lateral, level.clause
    level.lateral, level.clause = True, "function in FROM"
    try:
        plan, outputs, number = _plan(level, _spread(calls), bool(node.ordinality), defined)
    finally:
        level.lateral, level.clause = outer
    return FromItem(plan, [_named(node, calls, outputs, number)])


def _refuse_definitions(call: Node, definitions: Node) -> bool:
    if definitions:
        raise FeatureNotSupported("column definition lists are not supported yet", position=call.location)
    return False


def _spread(calls: list[Node]) -> list[Node]:
    """unnest of several arrays is unnest of each, in lockstep."""
    if len(calls) != 1 or not isinstance(calls[0], ast.FuncCall):
        return calls
    [call] = calls
    if call.funcname[-1].sval != "unnest" or len(call.args or ()) < 2:
        return calls
    return [
        ast.FuncCall(
            funcname=call.funcname,
            args=(arg,),
            agg_within_group=False,
            agg_star=False,
            agg_distinct=False,
            func_variadic=False,
            funcformat=call.funcformat,
            location=call.location,
        )
        for arg in call.args
    ]


def _defined(level: Level, call: Node, definitions: Node) -> SqlType | None:
    """The type of the rows that a column definition list asks of a function returning record. Raises
    SyntaxError42601 where there is none, or one for another function."""
    is_record = isinstance(call, ast.FuncCall) and call.funcname[-1].sval in RECORDS
    if not definitions:
        if is_record:
            raise SyntaxError42601(
                'a column definition list is required for functions returning "record"', position=call.location
            )
        return None
    if not is_record:
        raise SyntaxError42601(
            'a column definition list is only allowed for functions returning "record"',
            position=definitions[0].location,
        )
    return record_type((one.colname, type_of(level.binding, one.typeName)) for one in definitions)


def _plan(
    level: Level, calls: list[Node], ordinality: bool, defined: SqlType | None
) -> tuple[Relation, tuple[Col, ...], Col | None]:
    binding = level.binding
    number = binding.col("ordinality", INT8) if ordinality else None
    if len(calls) == 1:
        rows = called_rows(level, calls[0]) if isinstance(calls[0], ast.FuncCall) else None
        if rows is not None:
            if number is not None:
                raise FeatureNotSupported("WITH ORDINALITY of SQL functions is not supported yet")
            return rows, rows.columns, None
        made = _call(level, calls[0])
        if defined is not None and isinstance(made, SetCall):
            made.outputs = (binding.col(made.outputs[0].name, defined),)
        elif defined is not None and isinstance(made, Call):
            made = Call(made.function, made.args, defined)
        if isinstance(made, SetCall):
            table = TableCall(ONE_ROW, made.function, made.args, made.outputs, number)
            return table, made.outputs, number
        name = figure_name(calls[0])
        col = binding.col(name, made.type)
        if number is None:
            return Project(ONE_ROW, ((col, made),)), (col,), None
        return Project(ONE_ROW, ((col, made), (number, Const(1, INT8)))), (col,), number
    sets = [_set_call(level, call) for call in calls]
    return lockstep(binding, sets, number), tuple(col for call in sets for col in call.outputs), number


def _set_call(level: Level, node: Node) -> SetCall:
    made = _call(level, node)
    if not isinstance(made, SetCall):
        raise FeatureNotSupported("ROWS FROM takes set-returning functions only", position=node.location)
    return made


def _call(level: Level, node: Node) -> SetCall | Expr:
    """A set-returning call, or the value of any other expression that may stand as a function in FROM."""
    if not isinstance(node, ast.FuncCall) or node.func_variadic:
        return bind_expression(level, node)
    function, args, declared = prepare_call(level, node)
    if not isinstance(function, Function):
        return bind_expression(level, node)
    types = [arg.type.name for arg in args]
    kinds = function.output_types if function.returns_set else (function.result,)
    results = [concrete(declared, kind, types, node.location)[1] for kind in kinds]
    if not function.returns_set:
        return level.binding.located(Call(function, args, SqlType(results[0])), node.location)
    names = function.output_names
    outputs = tuple(level.binding.col(name, SqlType(kind)) for name, kind in zip(names, results, strict=True))
    return SetCall(outputs, function, args)


def _named(node: Node, calls: list[Node], outputs: tuple[Col, ...], number: Col | None) -> NameItem:
    """The names of a function's columns: one column is called after the alias, unless the function names it."""
    alias = node.alias.aliasname if node.alias else figure_name(calls[0])
    given = [part.sval for part in node.alias.colnames or ()] if node.alias else []
    columns = [column for col in outputs for column in _columns(col)]
    columns += [] if number is None else [(number.name, Ref(number))]
    if len(given) > len(columns):
        raise InvalidColumnReference(
            f'table "{alias}" has {len(columns)} columns available but {len(given)} columns specified'
        )
    one = outputs[0] if len(outputs) == 1 else None
    rows = one is not None and one.type.definition.attributes is not None
    own = [name for name, _ in columns]
    if one is not None and not rows and node.alias and own[0] == figure_name(calls[0]):
        own[0] = alias
    names = given + own[len(given) :]
    made = [(name, expr) for name, (_, expr) in zip(names, columns, strict=True)]
    plain = number is None and not given
    return NameItem(alias, made, is_function=number is None, row=Ref(one) if one and rows and plain else None)


def _columns(col: Col) -> list[tuple[str, Expr]]:
    """The columns that a function's column is to a query: the fields of what is a row."""
    attributes = col.type.definition.attributes
    if attributes is None:
        return [(col.name, Ref(col))]
    return [(name, FieldOf(Ref(col), place, type)) for place, (name, type) in enumerate(attributes)]
