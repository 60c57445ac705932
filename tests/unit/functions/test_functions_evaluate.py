"""The evaluator: strictness, constants, lazy branches, three-valued logic."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from pgstream.errors import DatetimeFieldOverflow, DivisionByZero, NumericValueOutOfRange
from pgstream.functions.maintained import Linear
from pgstream.functions.registry import AGGREGATES, OPERATORS, EvalContext, functions_named
from pgstream.functions.signature import parse_signature
from pgstream.plan.evaluate import evaluate
from pgstream.plan.expressions import (
    And,
    AnyAll,
    ArrayExpr,
    Call,
    Case,
    CastExpr,
    Coalesce,
    Col,
    Const,
    Expr,
    IsDistinct,
    MinMax,
    Or,
    Param,
    Ref,
    Subscript,
)
from pgstream.types import INT4, INT8, NUMERIC, TEXT, array_of

CONTEXT = EvalContext({"timezone": "UTC"}, 1_700_000_000_000_000)
A, B = Ref(Col(1, "a", INT8)), Ref(Col(2, "b", INT8))
COLUMNS = {1: pa.array([7, -7, None, 0]), 2: pa.array([2, 2, 2, 0])}


def op(name: str, left: Expr, right: Expr) -> Call:
    """The operator that takes exactly these types."""
    wanted = (left.type.name, right.type.name)
    found = next(o for o in OPERATORS[name] if o.function.arguments == wanted)
    return Call(found.function, (left, right), type(left.type)(found.result))


def values(expr: Expr) -> list[object]:
    return evaluate(expr, COLUMNS, 4, CONTEXT).to_pylist()


def big(value: int) -> Const:
    return Const(value, INT8)


def test_strict_kernels_never_see_null_rows() -> None:
    assert values(op("%", A, big(3))) == [1, -1, None, 0]
    assert values(op("+", A, Const(None, INT8))) == [None] * 4


def test_division_truncates_and_checks() -> None:
    assert values(op("/", A, big(2))) == [3, -3, None, 0]
    with pytest.raises(DivisionByZero, match="division by zero"):
        values(op("/", A, B))
    with pytest.raises(NumericValueOutOfRange, match="bigint out of range"):
        values(op("*", A, big(2**62)))


def test_case_computes_a_branch_only_for_the_rows_that_reach_it() -> None:
    safe = Case(((op("<>", B, big(0)), op("/", A, B)),), big(-1), INT8)
    assert values(safe) == [3, -3, None, -1]


def test_and_hides_errors_of_rows_that_are_settled() -> None:
    test = And((op("<>", B, big(0)), op(">", op("/", A, B), big(0))))
    assert values(test) == [True, False, None, False]
    assert values(Or((op("=", B, big(0)), op(">", op("/", A, B), big(0))))) == [True, False, None, True]


def test_coalesce_reads_later_arguments_only_where_needed() -> None:
    assert values(Coalesce((A, op("/", big(1), B)), INT8)) == [7, -7, 0, 0]


def test_min_max_skip_nulls() -> None:
    assert values(MinMax((A, B), True, INT8)) == [7, 2, 2, 0]
    numbers = tuple(Const(Decimal(text), NUMERIC) for text in ("1.50", "NaN", "2"))
    assert evaluate(MinMax(numbers, True, NUMERIC), {}, 2, CONTEXT).to_pylist() == ["NaN", "NaN"]


def test_is_distinct_is_never_null() -> None:
    equals = op("=", A, B).function
    assert values(IsDistinct(A, Const(None, INT8), equals)) == [True, True, False, True]


def test_any_and_all_are_three_valued() -> None:
    array = ArrayExpr((big(7), big(0), Const(None, INT8)), array_of(INT8))
    equals, differs = op("=", A, B).function, op("<>", A, B).function
    assert values(AnyAll(A, equals, array, False)) == [True, None, None, True]
    assert values(AnyAll(A, differs, array, True)) == [False, None, None, False]
    per_row = ArrayExpr((A, B), array_of(INT8))
    assert values(AnyAll(big(2), equals, per_row, False)) == [True, True, True, False]


def test_subscripts_outside_are_null_and_slices_empty() -> None:
    array = ArrayExpr((A, B), array_of(INT8))
    assert values(Subscript(array, Const(2, INT4), None, False, INT8)) == [2, 2, 2, 0]
    assert values(Subscript(array, Const(3, INT4), None, False, INT8)) == [None] * 4
    sliced = Subscript(array, Const(2, INT4), Const(9, INT4), True, array_of(INT8))
    assert values(sliced) == [[2], [2], [2], [0]]


def test_parameters_are_constants() -> None:
    made = evaluate(op("+", A, Param(1, INT8)), COLUMNS, 4, CONTEXT, (pa.array([10]),))
    assert made.to_pylist() == [17, 3, None, 10]


def test_no_rows_call_no_kernels() -> None:
    empty = {1: pa.array([], pa.int64()), 2: pa.array([], pa.int64())}
    assert len(evaluate(op("/", A, B), empty, 0, CONTEXT)) == 0


def test_numeric_takes_integers_as_they_are() -> None:
    price = op("*", Const(Decimal("0.908"), NUMERIC), CastExpr(A, NUMERIC, False))
    assert values(price) == ["6.356", "-6.356", None, "0.000"]


def test_row_wise_functions_run_once_per_distinct_value() -> None:
    seen: list[str] = []
    [initcap] = functions_named("initcap")
    counting = type(initcap)(
        "initcap", 1, ("text",), "text", lambda text: seen.append(text) or text.upper(), rowwise=True
    )
    words = Ref(Col(1, "w", TEXT))
    made = evaluate(Call(counting, (words,), TEXT), {1: pa.array(["a", "b"] * 50 + [None])}, 101, CONTEXT)
    assert made.to_pylist() == ["A", "B"] * 50 + [None]
    assert sorted(seen) == ["a", "b"]


def test_linear_sums_are_exact_beyond_64_bits() -> None:
    [total] = [a for a in AGGREGATES["sum"] if a.arguments == ("int8",)]
    [mean] = [a for a in AGGREGATES["avg"] if a.arguments == ("int8",)]
    column = pa.array([2**63 - 1, 2**63 - 1, -5, None])
    for aggregate, expected in ((total, str(2**64 - 7)), (mean, "6148914691236517203")):
        assert isinstance(aggregate.maintained, Linear)
        states = [np.array([part.sum(), 0]) for part in aggregate.maintained.contribute(column)]
        assert aggregate.maintained.finish(*states).to_pylist() == [expected, None]


def test_signatures() -> None:
    parts = parse_signature("f(int4, VARIADIC any) -> TABLE(key text, value jsonb)")
    assert (parts.arguments, parts.variadic, parts.output_names) == (("int4", "any"), True, ("key", "value"))
    assert parse_signature("g() -> SETOF int4").returns_set


@pytest.mark.parametrize("span", ["300000 years", "-300000 years", "2000000000 days", "-2000000000 days"])
def test_moments_do_not_wrap_around(span: str) -> None:
    moment = Const(0, type(INT8)("timestamp"))
    interval = CastExpr(Const(span, TEXT), type(INT8)("interval"), True)
    with pytest.raises(DatetimeFieldOverflow, match="timestamp out of range"):
        evaluate(op("+", moment, interval), {}, 1, CONTEXT)
