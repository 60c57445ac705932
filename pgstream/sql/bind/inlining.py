"""Calls of SQL functions, in whose place stands what the function's body says, as in PostgreSQL's inline_function."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from pgstream.catalog.objects import Argument, SqlFunction
from pgstream.errors import FeatureNotSupported, InvalidFunctionDefinition, SqlError, UndefinedParameter
from pgstream.plan.expressions import And, Case, Const, Expr, IsNull, Not, Or, Ref, Subquery
from pgstream.plan.relations import Filter, Group, Project, Relation, Sort, TopN, Values
from pgstream.sql.bind.binding import INT8, Binding
from pgstream.sql.bind.coercion import coerce
from pgstream.sql.bind.dispatch import bind_expression, bind_query
from pgstream.sql.bind.names import Level, NameItem
from pgstream.sql.bind.query import BoundQuery, visible
from pgstream.sql.optimize.predicates import is_volatile
from pgstream.sql.parse import Parsed, ast, parse

Node = Any

ONE = Const(1, INT8)


class BodyBinding(Binding):
    """The binding of a function's body, in which parameters are the arguments of the call."""

    def __init__(self, outer: Binding, function: SqlFunction, args: Sequence[Expr], parsed: Parsed) -> None:
        scope = replace(outer.scope, search_path=function.search_path) if function.atomic else outer.scope
        super().__init__(outer.catalog, scope, (), parsed)
        self.ids, self.depends = outer.ids, outer.depends
        self.args = args
        self.calling: tuple[int, ...] = (*calling(outer), function.oid)

    def parameter(self, index: int, position: int) -> Any:
        """The argument that `$index` stands for."""
        if not 0 < index <= len(self.args):
            raise UndefinedParameter(f"there is no parameter ${index}", position=position)
        arg = self.args[index - 1]
        return replace(arg) if isinstance(arg, Ref) else arg


def calling(binding: Binding) -> tuple[int, ...]:
    """The functions whose bodies are being bound, the outermost first."""
    return binding.calling if isinstance(binding, BodyBinding) else ()


def inlined_value(level: Level, function: SqlFunction, args: Sequence[Expr], position: int | None) -> Expr:
    """The value of a call: the first row of the body's query, or NULL."""
    with _body(level.binding, function, args, position) as inner:
        made = body_value(inner, function)
    made = _cast(inner, made, function.type)
    if function.strict and args:
        tests = tuple(IsNull(arg) for arg in args)
        missing = tests[0] if len(tests) == 1 else Or(tests)
        made = Case(((missing, Const(None, made.type)),), made, made.type)
    return made


def inlined_rows(level: Level, function: SqlFunction, args: Sequence[Expr], position: int | None) -> Relation:
    """The rows of a call, with the columns that the function declares."""
    with _body(level.binding, function, args, position, "startup") as inner:
        query = body_query(inner, function)
    plan = visible(query) if function.returns_set else _first(query)
    outputs = [
        (inner.col(column.name, column.type), _cast(inner, Ref(col), column.type))
        for column, col in zip(output_columns(function), plan.columns, strict=True)
    ]
    rows: Relation = Project(plan, tuple(outputs))
    if function.strict and args:
        tests = tuple(Not(IsNull(arg)) for arg in args)
        rows = Filter(rows, tests[0] if len(tests) == 1 else And(tests))
    return rows


def output_columns(function: SqlFunction) -> tuple[Argument, ...]:
    """The columns of the rows that a function returns; the one of a simple type is called after it."""
    return function.columns or (Argument(function.routine, function.type, "o"),)


def _cast(binding: Binding, expr: Expr, type: Any) -> Expr:
    made = coerce(binding, expr, type, "a")
    if made is None:
        raise InvalidFunctionDefinition(f"cannot change {expr.type} to {type}")
    return made


def parameters_level(binding: BodyBinding, function: SqlFunction) -> Level:
    """Where a body's names are looked for that are no columns: the parameters, which the function's name qualifies."""
    names = [(each.name, arg) for each, arg in zip(function.inputs, binding.args, strict=True) if each.name]
    return Level(binding, items=[NameItem(function.routine, names)])


@contextmanager
def _body(
    outer: Binding, function: SqlFunction, args: Sequence[Expr], position: int | None, stage: str = "inlining"
) -> Iterator[BodyBinding]:
    """The binding of a body that stands in the place of a call at `position`; what is wrong in it is told of there."""
    if function.oid in calling(outer):
        raise FeatureNotSupported(
            f"function {function.name} calls itself, which a SQL function cannot here", position=position
        )
    outer.depends.add(function.oid)
    inner = BodyBinding(outer, function, args, statement_of(function.body))
    try:
        yield inner
        _refuse_repeated(inner, function, args, position)
    except SqlError as error:
        error.position = None
        said = f'SQL function "{function.routine}" during {stage}'
        error.context = said if error.context is None else f"{error.context}\n{said}"
        raise
    place = -1 if position is None else position
    outer.volatile += [(name, place) for name, _ in inner.volatile]
    outer.ambient += [(name, place) for name, _ in inner.ambient]
    outer.system_relations += [(name, place) for name, _ in inner.system_relations]
    outer.recursions += [(name, place) for name, _ in inner.recursions]


def _refuse_repeated(inner: BodyBinding, function: SqlFunction, args: Sequence[Expr], position: int | None) -> None:
    """A volatile argument would be computed wherever the body names it."""
    if any(is_volatile(arg) for arg in args):
        raise FeatureNotSupported(f"arguments of function {function.name} cannot be volatile", position=position)


def statement_of(body: str) -> Parsed:
    """The one statement of a body. Raises FeatureNotSupported for any other number."""
    statements = parse(body) if body.strip() else []
    if len(statements) != 1:
        raise FeatureNotSupported(f"SQL functions of {len(statements)} statements are not supported yet")
    [parsed] = statements
    if not isinstance(parsed.node, ast.SelectStmt):
        raise FeatureNotSupported("SQL functions that do more than SELECT are not supported yet")
    return parsed


def body_value(binding: BodyBinding, function: SqlFunction) -> Expr:
    """The value of a body: an expression where it is nothing but one, else a subquery."""
    outer = parameters_level(binding, function)
    assert binding.parsed is not None
    node = binding.parsed.node
    if _is_bare(node):
        level = Level(binding, outer)
        found = bind_expression(level, node.targetList[0].val)
        if not (level.aggregates or level.windows or level.set_calls or level.group_window):
            return found
    query = bind_query(binding, node, outer, ordered=True)
    if len(query.columns) != 1:
        raise InvalidFunctionDefinition(f"function {function.name} must return one column")
    return Subquery("scalar", _first(query), query.columns[0].type)


def body_query(binding: BodyBinding, function: SqlFunction) -> BoundQuery:
    """The query of a body that gives rows."""
    assert binding.parsed is not None
    return bind_query(binding, binding.parsed.node, parameters_level(binding, function), ordered=True)


_CLAUSES = (
    "fromClause", "whereClause", "groupClause", "havingClause", "windowClause", "valuesLists", "sortClause",
    "limitOffset", "limitCount", "withClause", "distinctClause", "larg", "lockingClause", "intoClause",
)  # fmt: skip


def _is_bare(node: Node) -> bool:
    """Whether a query is SELECT with one expression and nothing else."""
    return len(node.targetList or ()) == 1 and not any(getattr(node, clause) for clause in _CLAUSES)


def _first(query: BoundQuery) -> Relation:
    """The first row of a query, if it has any."""
    plan = visible(query)
    if _is_single(plan):
        return plan
    order = query.plan.order if isinstance(query.plan, Sort) else ()
    source = query.plan.input if isinstance(query.plan, Sort) else plan
    made: Relation = TopN(source, (), order, ONE)
    if made.columns == query.columns:
        return made
    return Project(made, tuple((col, Ref(col)) for col in query.columns))


def _is_single(plan: Relation) -> bool:
    """Whether a plan cannot have two rows."""
    while isinstance(plan, Project | Filter):
        plan = plan.input
    if isinstance(plan, TopN):
        return not plan.partition and plan.limit == ONE
    return (isinstance(plan, Group) and not plan.keys) or (isinstance(plan, Values) and len(plan.rows) == 1)
