"""How a kernel is called: strictness, constants, row-wise functions, and the forms its arguments take."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.functions.registry import VOLATILE, BoundCall, EvalContext, Function
from pgstream.functions.vector import column_of, repeated, scattered, valid
from pgstream.types.definition import SqlType
from pgstream.types.values import column_of as typed_column
from pgstream.types.values import values_of

Value: TypeAlias = pa.Array | pa.Scalar
"""A column, or the one value all of its rows have."""


def as_column(value: Value, count: int) -> Column:
    """`value` as a column of `count` rows."""
    return repeated(value, count) if isinstance(value, pa.Scalar) else value


def call(
    function: Function,
    args: Sequence[Value],
    types: tuple[SqlType, ...],
    result: SqlType,
    count: int,
    context: EvalContext,
) -> Value:
    """`function` over `args`; a constant where all of them are and the function is not volatile."""
    if count == 0:
        return pa.array([], result.storage)
    prefix = (BoundCall(types, result, context),) if function.bound else ()
    fixed = function.volatility != VOLATILE
    if not args:
        rows = 1 if fixed else count
        if function.rowwise:
            made = column_from([function.kernel(*prefix) for _ in range(rows)], result)
        else:
            made = function.kernel(*prefix, rows)
        return made[0] if fixed else made
    if function.strict and any(isinstance(arg, pa.Scalar) and not arg.is_valid for arg in args):
        return pa.scalar(None, result.storage)
    if all(isinstance(arg, pa.Scalar) for arg in args):
        if fixed:
            single = [pa.array([arg.as_py()], arg.type) if _plain(arg) else repeated(arg, 1) for arg in args]
            return _strict(function, single, types, result, 1, prefix)[0]
        args = [repeated(arg, count) for arg in args]
    return _strict(function, args, types, result, count, prefix)


def _plain(value: pa.Scalar) -> bool:
    return bool(pa.types.is_integer(value.type) or pa.types.is_string(value.type))


def _strict(
    function: Function,
    args: Sequence[Value],
    types: tuple[SqlType, ...],
    result: SqlType,
    count: int,
    prefix: tuple[BoundCall, ...],
) -> Column:
    if not function.strict or function.nullsafe or not any(isinstance(a, pa.Array) and a.null_count for a in args):
        return _run(function, args, types, result, count, prefix)
    keep = np.ones(count, np.bool_)
    for arg in args:
        if isinstance(arg, pa.Array) and arg.null_count:
            keep &= valid(arg)
    rows = np.flatnonzero(keep)
    if not len(rows):
        return pa.nulls(count, result.storage)
    if len(rows) == count:
        return _run(function, args, types, result, count, prefix)
    picks = column_of(rows, pa.int64())
    dense = [arg if isinstance(arg, pa.Scalar) else arg.take(picks) for arg in args]
    return scattered(_run(function, dense, types, result, len(rows), prefix), rows, count)


def _run(
    function: Function,
    args: Sequence[Value],
    types: tuple[SqlType, ...],
    result: SqlType,
    count: int,
    prefix: tuple[BoundCall, ...],
) -> Column:
    if function.rowwise:
        return _row_wise(function, args, types, result, count, prefix)
    if function.scalars and all(arg.is_valid for arg in args if isinstance(arg, pa.Scalar)):
        return function.kernel(*prefix, *args)
    return function.kernel(*prefix, *(as_column(arg, count) for arg in args))


def _row_wise(
    function: Function,
    args: Sequence[Value],
    types: tuple[SqlType, ...],
    result: SqlType,
    count: int,
    prefix: tuple[BoundCall, ...],
) -> Column:
    """The kernel applied once per distinct tuple of arguments."""
    columns = [arg for arg in args if isinstance(arg, pa.Array)]
    first, back = _distinct(columns, count) if function.volatility != VOLATILE else (None, None)
    if first is not None:
        picks = column_of(first, pa.int64())
        args = [arg if isinstance(arg, pa.Scalar) else arg.take(picks) for arg in args]
        count = len(first)
    lists: list[Any] = []
    for arg, type in zip(args, types, strict=True):
        if isinstance(arg, pa.Scalar):
            lists.append(python_values(repeated(arg, 1), type) * count)
        else:
            lists.append(python_values(arg, type))
    made = column_from([function.kernel(*prefix, *row) for row in zip(*lists, strict=True)], result)
    return made if back is None else made.take(column_of(back, pa.int64()))


def _distinct(columns: Sequence[Column], count: int) -> tuple[NDArray[np.int64] | None, NDArray[np.int64] | None]:
    """The first row of each distinct tuple, and for each row the index of its tuple; None, None: not worth it."""
    if count < 16 or any(pa.types.is_nested(column.type) for column in columns):
        return None, None
    codes = np.zeros(count, np.int64)
    for column in columns:
        encoded = pc.dictionary_encode(column, null_encoding="encode")
        size = len(encoded.dictionary)
        codes = codes * size + np.asarray(encoded.indices.to_numpy(zero_copy_only=False), np.int64)
        if len(columns) > 1:
            again = pa.array(codes).dictionary_encode()
            codes = np.asarray(again.indices.to_numpy(), np.int64)
    size = int(codes.max()) + 1
    if size > count * 3 // 4:
        return None, None
    first = np.zeros(size, np.int64)
    first[codes[::-1]] = np.arange(count - 1, -1, -1)
    return first, codes


def python_values(column: Column, type: SqlType) -> list[Any]:
    """The values of `column` in the Python form of `type`; None for NULL."""
    return values_of(type, column)


def column_from(values: Sequence[Any], type: SqlType) -> Column:
    """A column of `type` of values in its Python form; None for NULL."""
    return typed_column(type, values)
