"""LIMIT as a condition on row numbers, for limits that are no constants."""

from __future__ import annotations

from dataclasses import replace

from pgstream.functions.registry import OPERATORS, WINDOW_FUNCTIONS, Function
from pgstream.plan.expressions import And, Call, CastExpr, Coalesce, Const, Expr, IsNull, Or, Ref, WindowCall
from pgstream.plan.relations import Filter, Project, Relation, TopN, Window
from pgstream.plan.rewrite import ColIds
from pgstream.sql.optimize.predicates import BOOL, conjunction
from pgstream.types.definition import SqlType

INT8 = SqlType("int8")


_COUNTED = {"rows": "row_number", "peers": "rank", "groups": "dense_rank"}
"""What the limit of a TopN bounds."""


def int8_operator(name: str) -> Function:
    """The function behind an operator over two int8."""
    return next(o.function for o in OPERATORS[name] if (o.left, o.right) == ("int8", "int8"))


def numbered(top: TopN, ids: ColIds) -> Relation:
    """The rows `top` gives, computed by numbering each partition and comparing the numbers with LIMIT and OFFSET."""
    number = ids.fresh("row_number", INT8)
    call = WindowCall(WINDOW_FUNCTIONS["row_number"][0], (), INT8, top.partition, top.order)
    skipped: Expr = Const(0, INT8) if top.offset is None else Coalesce((_int8(top.offset), Const(0, INT8)), INT8)
    bounds: list[Expr] = [Call(int8_operator(">"), (Ref(number), skipped), BOOL)]
    calls = [(number, call)]
    if top.limit is not None:
        counted = ids.fresh(_COUNTED[top.whole], INT8)
        calls.append((counted, replace(call, function=WINDOW_FUNCTIONS[_COUNTED[top.whole]][0])))
        limit = _int8(top.limit)
        some = Call(int8_operator(">"), (limit, Const(0, INT8)), BOOL)
        last = Call(int8_operator("+"), (skipped, limit), INT8)
        inside = And((some, Call(int8_operator("<="), (Ref(counted), last), BOOL)))
        bounds.append(Or((IsNull(limit), inside)))
    kept = Filter(Window(top.input, tuple(calls)), conjunction(bounds) or bounds[0])
    return Project(kept, tuple((col, Ref(col)) for col in top.columns))


def _int8(expr: Expr) -> Expr:
    return expr if expr.type.name == "int8" else CastExpr(expr, INT8, False)
