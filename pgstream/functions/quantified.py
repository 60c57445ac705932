"""`left operator ANY (array)` and `ALL (array)`, three-valued."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.functions.calling import Value, as_column, call
from pgstream.functions.registry import OPERATORS, EvalContext, Function
from pgstream.functions.vector import booleans, column_of, list_bounds, ranges, repeated, valid
from pgstream.types.definition import SqlType

_BOOL = SqlType("bool")


def any_or_all(
    function: Function,
    left: Value,
    left_type: SqlType,
    array: Value,
    array_type: SqlType,
    all: bool,
    count: int,
    context: EvalContext,
) -> Value:
    """Whether `function` holds between `left` and one (or each) element of `array`."""
    if not count:
        return pa.array([], pa.bool_())
    element = array_type.element
    assert element is not None, array_type
    if isinstance(array, pa.Scalar) and isinstance(left, pa.Array):
        if not array.is_valid:
            return pa.scalar(None, pa.bool_())
        return _constant_array(function, left, left_type, array.values, element, all, context)
    constant = isinstance(array, pa.Scalar) and isinstance(left, pa.Scalar)
    length = 1 if constant else count
    columns = as_column(left, length), as_column(array, length)
    made = _row_by_row(function, columns[0], left_type, columns[1], element, all, context)
    return made[0] if constant else made


def _constant_array(
    function: Function,
    left: Column,
    left_type: SqlType,
    elements: Column,
    element: SqlType,
    all: bool,
    context: EvalContext,
) -> Value:
    if not all and len(elements) > 2 and _by_representation(function, left_type, element):
        found = pc.is_in(left, value_set=elements.drop_null())
        unknown = ~valid(left) | ((elements.null_count > 0) & ~booleans(found))
        return pc.if_else(column_of(unknown, pa.bool_()), pa.scalar(None, pa.bool_()), found)
    result: Value = repeated(pa.scalar(all), len(left))
    combine = pc.and_kleene if all else pc.or_kleene
    for value in elements:
        one = call(function, [left, value], (left_type, element), _BOOL, len(left), context)
        result = combine(result, one)
    return result


def _by_representation(function: Function, left: SqlType, right: SqlType) -> bool:
    """Whether `function` is equality of a type whose equal values are stored alike."""
    equality = any(operator.function is function for operator in OPERATORS.get("=", ()))
    flat = not pa.types.is_nested(left.storage) and not pa.types.is_floating(left.storage)
    return equality and flat and left.storage == right.storage and left.definition.equality_key is None


def _row_by_row(
    function: Function,
    left: Column,
    left_type: SqlType,
    array: Column,
    element: SqlType,
    all: bool,
    context: EvalContext,
) -> Column:
    starts, lengths = list_bounds(array)
    owners = np.repeat(np.arange(len(array)), lengths)
    elements = array.values.take(column_of(ranges(starts, lengths), pa.int64()))
    result = np.full(len(array), all)
    unknown = np.zeros(len(array), np.bool_)
    if len(elements):
        spread = left.take(column_of(owners, pa.int64()))
        tests = call(function, [spread, elements], (left_type, element), _BOOL, len(elements), context)
        tests = as_column(tests, len(elements))
        decisive = booleans(pc.invert(tests) if all else tests)
        result[owners[decisive]] = not all
        unknown[owners[~valid(tests)]] = True
    unknown &= result == all
    unknown |= ~valid(array)
    return pa.array(result, pa.bool_(), mask=unknown)
