"""The evaluator: what a bound expression is over whole columns.

Every expression becomes a `Value`: a column, or one pa.Scalar where all rows have the same value, which is only
spread over the rows where a kernel needs it. Errors are raised only for rows whose value SQL asks for: branches of
CASE and COALESCE see the rows that reach them, and so do the later arguments of AND and OR where they fail otherwise.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import SqlError
from pgstream.functions.calling import Value, as_column, call, column_from
from pgstream.functions.casts import cast_column
from pgstream.functions.extremes import extreme
from pgstream.functions.quantified import any_or_all
from pgstream.functions.registry import EvalContext
from pgstream.functions.subscripts import element_at, slice_of
from pgstream.functions.vector import booleans, column_of, list_column, repeated, scattered
from pgstream.plan.expressions import (
    And,
    AnyAll,
    ArrayExpr,
    Call,
    Case,
    CastExpr,
    Coalesce,
    Const,
    Expr,
    FieldOf,
    IsBool,
    IsDistinct,
    IsNull,
    MinMax,
    Not,
    Or,
    Param,
    Ref,
    RowExpr,
    Subscript,
)
from pgstream.types.composite import composite_column, field_at
from pgstream.types.definition import SqlType
from pgstream.types.record import fields_null

_NUMERIC = SqlType("numeric")
_TRUE, _FALSE, _UNKNOWN = pa.scalar(True), pa.scalar(False), pa.scalar(None, pa.bool_())


def evaluate(
    expr: Expr,
    columns: Mapping[int, Column],
    count: int,
    context: EvalContext,
    params: Sequence[Column] = (),
) -> Column:
    """`expr` over `count` rows. `columns` maps Col.id to columns of that length, `params` are columns of length 1."""
    return as_column(value_of(expr, _Rows(columns, count, context, params)), count)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows an expression is computed for."""

    columns: Mapping[int, Column]
    count: int
    context: EvalContext
    params: Sequence[Column]

    def subset(self, rows: NDArray[np.int64]) -> "_Rows":
        if len(rows) == self.count:
            return self
        return _Rows(_Picked(self.columns, column_of(rows, pa.int64())), len(rows), self.context, self.params)


class _Picked(Mapping[int, Column]):
    """Some rows of columns, each taken when it is asked for."""

    def __init__(self, columns: Mapping[int, Column], rows: Column) -> None:
        self._columns = columns
        self._rows = rows
        self._taken: dict[int, Column] = {}

    def __getitem__(self, id: int) -> Column:
        if id not in self._taken:
            self._taken[id] = self._columns[id].take(self._rows)
        return self._taken[id]

    def __iter__(self) -> Iterator[int]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


def value_of(expr: Expr, rows: _Rows) -> Value:
    """`expr` for `rows`."""
    return _FORMS[type(expr)](expr, rows)


def _ref(expr: Ref, rows: _Rows) -> Value:
    return rows.columns[expr.col.id]


def _const(expr: Const, rows: _Rows) -> Value:
    if expr.value is None:
        return pa.scalar(None, expr.type.storage)
    return column_from([expr.value], expr.type)[0]


def _param(expr: Param, rows: _Rows) -> Value:
    return rows.params[expr.index - 1][0]


def _call(expr: Call, rows: _Rows) -> Value:
    operands = tuple(map(_unwidened, expr.args)) if expr.function.widened else expr.args
    args = [value_of(arg, rows) for arg in operands]
    types = tuple(arg.type for arg in expr.args)
    return call(expr.function, args, types, expr.type, rows.count, rows.context)


def _unwidened(expr: Expr) -> Expr:
    """What is cast to numeric where that is an integer; else `expr`."""
    if isinstance(expr, CastExpr) and expr.type == _NUMERIC and expr.arg.type.name in ("int2", "int4", "int8"):
        return expr.arg
    return expr


def _cast(expr: CastExpr, rows: _Rows) -> Value:
    value = value_of(expr.arg, rows)
    if isinstance(value, pa.Scalar):
        return cast_column(repeated(value, 1), expr.arg.type, expr.type, expr.explicit, rows.context)[0]
    if not rows.count:
        return pa.array([], expr.type.storage)
    return cast_column(value, expr.arg.type, expr.type, expr.explicit, rows.context)


def _and(expr: And, rows: _Rows) -> Value:
    return _connected(expr.args, rows, pc.and_kleene, _FALSE)


def _or(expr: Or, rows: _Rows) -> Value:
    return _connected(expr.args, rows, pc.or_kleene, _TRUE)


def _connected(args: tuple[Expr, ...], rows: _Rows, combine: Callable[..., Any], decisive: pa.Scalar) -> Value:
    """AND or OR: `decisive` is the value that settles a row whatever the later arguments are."""
    found = value_of(args[0], rows)
    for arg in args[1:]:
        if isinstance(found, pa.Scalar):
            if found == decisive:
                return found
            found = combine(found, value_of(arg, rows))
            continue
        try:
            other = value_of(arg, rows)
        except SqlError:
            other = _where_open(arg, rows, found, decisive)
        found = combine(found, other)
    return found


def _where_open(arg: Expr, rows: _Rows, found: Column, decisive: pa.Scalar) -> Value:
    """`arg` for the rows that `found` does not settle, NULL elsewhere."""
    settled = booleans(found) if decisive is _TRUE else booleans(pc.invert(found))
    still = np.flatnonzero(~settled)
    if not len(still):
        return _UNKNOWN
    value = value_of(arg, rows.subset(still))
    return value if isinstance(value, pa.Scalar) else scattered(value, still, rows.count)


def _not(expr: Not, rows: _Rows) -> Value:
    return pc.invert(value_of(expr.arg, rows))


def _is_null(expr: IsNull, rows: _Rows) -> Value:
    value = value_of(expr.arg, rows)
    if expr.arg.type.name == "record":
        return _record_is_null(value)
    return pa.scalar(not value.is_valid) if isinstance(value, pa.Scalar) else value.is_null()


def _record_is_null(value: Value) -> Value:
    """A row IS NULL where it or each of its fields is NULL."""
    found = pa.array(fields_null(as_column(value, 1)))
    return found[0] if isinstance(value, pa.Scalar) else found


def _is_bool(expr: IsBool, rows: _Rows) -> Value:
    value = value_of(expr.arg, rows)
    return pc.fill_null(value if expr.value else pc.invert(value), False)


def _is_distinct(expr: IsDistinct, rows: _Rows) -> Value:
    left, right = value_of(expr.left, rows), value_of(expr.right, rows)
    types = (expr.left.type, expr.right.type)
    equal = call(expr.equals, [left, right], types, expr.type, rows.count, rows.context)
    both = pc.and_(pc.is_null(left), pc.is_null(right))
    return pc.invert(pc.or_(pc.fill_null(equal, False), both))


def _case(expr: Case, rows: _Rows) -> Value:
    chosen = _Chosen(rows)
    for condition, result in expr.whens:
        value = value_of(condition, chosen.open)
        if isinstance(value, pa.Scalar):
            if not (value.is_valid and value.as_py()):
                continue
            return chosen.finish(value_of(result, chosen.open), expr.type.storage)
        hit = booleans(value)
        chosen.settle(hit, partial(value_of, result))
        if not chosen.open.count:
            return chosen.finish(pa.scalar(None, expr.type.storage), expr.type.storage)
    return chosen.finish(value_of(expr.otherwise, chosen.open), expr.type.storage)


def _coalesce(expr: Coalesce, rows: _Rows) -> Value:
    chosen = _Chosen(rows)
    for arg in expr.args:
        value = value_of(arg, chosen.open)
        if isinstance(value, pa.Scalar):
            if value.is_valid:
                return chosen.finish(value, expr.type.storage)
            continue
        if not value.null_count:
            return chosen.finish(value, expr.type.storage)
        hit = np.asarray(value.is_valid().to_numpy(zero_copy_only=False), np.bool_)
        chosen.settle(hit, partial(_at_rows, value, hit))
    return chosen.finish(pa.scalar(None, expr.type.storage), expr.type.storage)


def _at_rows(value: Column, hit: NDArray[np.bool_], reached: _Rows) -> Value:
    return value.filter(pa.array(hit))


class _Chosen:
    """Rows that get their values from different branches. `open` are those that have none yet."""

    def __init__(self, rows: _Rows) -> None:
        self.open = rows
        self._rows = rows
        self._left: NDArray[np.int64] | None = None
        self._index = np.empty(0, np.int64)
        self._parts: list[Column] = []
        self._length = 0

    def settle(self, hit: NDArray[np.bool_], branch: Callable[[_Rows], Value]) -> None:
        """Gives the open rows at `hit` the values of `branch`."""
        reached = np.flatnonzero(hit)
        if not len(reached):
            return
        if self._left is None:
            self._left = np.arange(self._rows.count)
            self._index = np.empty(self._rows.count, np.int64)
        self._place(self._left[reached], branch(self.open.subset(reached)))
        kept = np.flatnonzero(~hit)
        self._left, self.open = self._left[kept], self.open.subset(kept)

    def _place(self, rows: NDArray[np.int64], value: Value) -> None:
        part = repeated(value, 1) if isinstance(value, pa.Scalar) else value
        self._index[rows] = self._length if len(part) == 1 else np.arange(self._length, self._length + len(part))
        self._parts.append(part)
        self._length += len(part)

    def finish(self, value: Value, storage: pa.DataType) -> Value:
        """All rows, the open ones with `value`."""
        if self._left is None:
            return value
        if len(self._left):
            self._place(self._left, value)
        return pa.concat_arrays([part.cast(storage) for part in self._parts]).take(pa.array(self._index))


def _min_max(expr: MinMax, rows: _Rows) -> Value:
    values = [value_of(arg, rows) for arg in expr.args]
    if all(isinstance(value, pa.Scalar) for value in values):
        return extreme([repeated(value, 1) for value in values], expr.greatest, expr.type)[0]
    return extreme([as_column(value, rows.count) for value in values], expr.greatest, expr.type)


def _array(expr: ArrayExpr, rows: _Rows) -> Value:
    values = [value_of(arg, rows) for arg in expr.args]
    width = len(values)
    constant = all(isinstance(value, pa.Scalar) for value in values)
    count = 1 if constant else rows.count
    if not width:
        return pa.array([[]], expr.type.storage)[0]
    flat = pa.concat_arrays([as_column(value, count) for value in values])
    order = np.arange(width * count).reshape(width, count).T.reshape(-1)
    made = list_column(flat.take(pa.array(order)), np.full(count, width, np.int64))
    return made[0] if constant else made


def _row(expr: RowExpr, rows: _Rows) -> Value:
    values = [value_of(arg, rows) for arg in expr.args]
    constant = all(isinstance(value, pa.Scalar) for value in values)
    count = 1 if constant else rows.count
    fields = [as_column(value, count) for value in values]
    made = composite_column(fields, expr.type.storage, np.ones(count, np.bool_))
    return made[0] if constant else made


def _field(expr: FieldOf, rows: _Rows) -> Value:
    row = value_of(expr.row, rows)
    if isinstance(row, pa.Scalar):
        return row[expr.position] if row.is_valid else pa.scalar(None, expr.type.storage)
    return field_at(row, expr.position)


def _subscript(expr: Subscript, rows: _Rows) -> Value:
    bounds = [value_of(bound, rows) for bound in (expr.lower, expr.upper) if bound is not None]
    array = value_of(expr.array, rows)
    constant = all(isinstance(value, pa.Scalar) for value in (array, *bounds))
    count = 1 if constant else rows.count
    column = as_column(array, count)
    if expr.slice:
        lower = None if expr.lower is None else as_column(bounds[0], count)
        upper = None if expr.upper is None else as_column(bounds[-1], count)
        made = slice_of(column, lower, upper)
    else:
        made = element_at(column, as_column(bounds[0], count))
    return made[0] if constant else made


def _any_all(expr: AnyAll, rows: _Rows) -> Value:
    left, array = value_of(expr.left, rows), value_of(expr.array, rows)
    return any_or_all(expr.function, left, expr.left.type, array, expr.array.type, expr.all, rows.count, rows.context)


_FORMS: dict[type, Callable[[Any, _Rows], Value]] = {
    Ref: _ref,
    Const: _const,
    Param: _param,
    Call: _call,
    CastExpr: _cast,
    And: _and,
    Or: _or,
    Not: _not,
    IsNull: _is_null,
    IsBool: _is_bool,
    IsDistinct: _is_distinct,
    Case: _case,
    Coalesce: _coalesce,
    MinMax: _min_max,
    ArrayExpr: _array,
    RowExpr: _row,
    FieldOf: _field,
    Subscript: _subscript,
    AnyAll: _any_all,
}
