"""The operators = <> < <= > >= of every type that has an order."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.functions.calling import Value
from pgstream.functions.registry import BoundCall, function
from pgstream.functions.vector import column_of, numbers
from pgstream.types.range import KINDS, SAMPLES

Comparison = Callable[..., Any]

TESTS: dict[str, tuple[str, Comparison, tuple[str, str, str]]] = {
    "=": ("eq", pc.equal, ("f", "t", "f")),
    "<>": ("ne", pc.not_equal, ("t", "f", "t")),
    "<": ("lt", pc.less, ("t", "f", "f")),
    "<=": ("le", pc.less_equal, ("t", "t", "f")),
    ">": ("gt", pc.greater, ("f", "f", "t")),
    ">=": ("ge", pc.greater_equal, ("f", "t", "t")),
}
"""Operator: suffix of its functions' names, Arrow's kernel, and the results for less, equal and greater operands."""


def examples_of(operator: str, left: str, right: str, lesser: str, greater: str) -> dict[str, str]:
    """Examples of `operator` between two types, given texts of two values that both have."""
    results = TESTS[operator][2]
    pairs = ((lesser, greater), (lesser, lesser), (greater, lesser))
    made = {f"'{a}'::{left} {operator} '{b}'::{right}": results[i] for i, (a, b) in enumerate(pairs)}
    made[f"'{lesser}'::{left} {operator} NULL::{right}"] = "NULL"
    return made


def declare_comparisons(prefix: str, left: str, right: str, samples: tuple[str, str], kernels: Any, **how: Any) -> None:
    """Declares the six operators from `left` to `right`; `kernels(test)` makes the kernel from Arrow's comparison.

    `prefix` is what the functions' names begin with, or what they are with {} for eq, ne, lt, …
    """
    for operator, (suffix, test, _) in TESTS.items():
        name = prefix.format(suffix) if "{}" in prefix else prefix + suffix
        function(
            f"{name}({left}, {right}) -> bool",
            operator=operator,
            examples=examples_of(operator, left, right, *samples),
            doc=f"Whether the first {left} {operator} the second {right}.",
            **how,
        )(kernels(test))


def _same(test: Comparison) -> Comparison:
    return test


def _floating(test: Comparison) -> Comparison:
    """PostgreSQL's order of floats: NaN equals NaN and is greater than anything else."""

    def kernel(left: Value, right: Value) -> Column:
        if pc.any(pc.is_nan(left)).as_py() or pc.any(pc.is_nan(right)).as_py():
            return _with_nans(test, left, right)
        return test(left, right)

    return kernel


def _with_nans(test: Comparison, left: Value, right: Value) -> Column:
    left, right = pc.cast(left, pa.float64()), pc.cast(right, pa.float64())
    left_nan, right_nan = pc.is_nan(left), pc.is_nan(right)
    ranks = [pc.cast(nan, pa.int8()) for nan in (left_nan, right_nan)]
    plain = pc.invert(pc.or_(left_nan, right_nan))
    return pc.if_else(plain, test(left, right), test(*ranks))


def padded(test: Comparison) -> Comparison:
    """Blank-padded text compares without its trailing blanks."""
    return lambda left, right: test(pc.utf8_rtrim(left, " "), pc.utf8_rtrim(right, " "))


def by_order_key(test: Comparison) -> Comparison:
    """A kernel that compares what each type is ordered by."""

    def kernel(call: BoundCall, left: Column, right: Column) -> Column:
        orders = [type.definition.order_key for type in call.arguments]
        assert orders[0] is not None, call.arguments
        assert orders[1] is not None, call.arguments
        return test(orders[0](left), orders[1](right))

    return kernel


def microseconds_of_days(column: Column) -> Column:
    """Dates as timestamps at midnight; the infinities stay infinite."""
    days = numbers(column).astype(np.int64)
    us = days * 86_400_000_000
    us = np.where(days == np.iinfo(np.int32).max, np.iinfo(np.int64).max, us)
    us = np.where(days == np.iinfo(np.int32).min, np.iinfo(np.int64).min + 1, us)
    nulls = ~np.asarray(column.is_valid().to_numpy(zero_copy_only=False), np.bool_) if column.null_count else None
    return column_of(us, pa.timestamp("us"), nulls)


def _date_first(test: Comparison) -> Comparison:
    return lambda date, moment: test(microseconds_of_days(date), moment)


def _date_last(test: Comparison) -> Comparison:
    return lambda moment, date: test(moment, microseconds_of_days(date))


_FAST: dict[str, Any] = {"nullsafe": True, "scalars": True}

for _left in ("2", "4", "8"):
    for _right in ("2", "4", "8"):
        _prefix = f"int{_left}" if _left == _right else f"int{_left}{_right}"
        declare_comparisons(_prefix, f"int{_left}", f"int{_right}", ("-1", "2"), _same, **_FAST)
for _left in ("4", "8"):
    for _right in ("4", "8"):
        _prefix = f"float{_left}" if _left == _right else f"float{_left}{_right}"
        declare_comparisons(_prefix, f"float{_left}", f"float{_right}", ("1.5", "NaN"), _floating, **_FAST)
for _prefix, _type, _samples in (
    ("bool", "bool", ("f", "t")),
    ("text", "text", ("a", "ab")),
    ("name", "name", ("a", "ab")),
    ("bytea", "bytea", ("a", "ab")),
    ("date_", "date", ("2024-01-31", "infinity")),
    ("time_", "time", ("01:00", "02:00")),
    ("timestamp_", "timestamp", ("2024-01-31 10:00", "infinity")),
    ("timestamptz_", "timestamptz", ("2024-01-31 10:00+00", "infinity")),
    ("oid", "oid", ("1", "4294967295")),
    ("bit", "bit", ("0", "1")),
    ("varbit", "varbit", ("011", "1")),
):
    declare_comparisons(_prefix, _type, _type, _samples, _same, **_FAST)
declare_comparisons("bpchar", "bpchar", "bpchar", ("a", "b"), padded, **_FAST)
for _prefix, _type, _samples in (
    ("interval_", "interval", ("1 day", "25 hours")),
    ("timetz_", "timetz", ("10:00+02", "09:00+00")),
    ("pg_lsn_", "pg_lsn", ("0/FF", "1/0")),
    ("network_", "inet", ("10.1.2.3/24", "10.1.2.3")),
    ("macaddr_", "macaddr", ("08:00:2b:01:02:03", "08:00:2b:01:02:04")),
    ("macaddr8_", "macaddr8", ("08:00:2b:01:02:03:04:05", "08:00:2b:01:02:03:04:06")),
    ("uuid_", "uuid", ("00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002")),
    ("jsonb_", "jsonb", ("1", "[1]")),
    ("tswindow_", "tswindow", ("(2024-01-01,2024-01-02)", "(2024-01-01,2024-01-03)")),
    ("tstzwindow_", "tstzwindow", ("(2024-01-01,2024-01-02)", "(2024-01-02,2024-01-02)")),
):
    declare_comparisons(_prefix, _type, _type, _samples, by_order_key, bound=True)
for _range in KINDS.values():
    _low, _middle, _high = SAMPLES[_range.subtype.name]
    _pair = (f"[{_low},{_middle})", f"[{_low},{_high})")
    declare_comparisons(f"{_range.name}_", _range.name, _range.name, _pair, by_order_key, bound=True)
    _pair = (f"{{{_pair[0]}}}", f"{{{_pair[1]}}}")
    declare_comparisons(f"{_range.multirange}_", _range.multirange, _range.multirange, _pair, by_order_key, bound=True)
declare_comparisons("date_", "date", "timestamp", ("2024-01-31", "infinity"), _date_first, nullsafe=True)
declare_comparisons("timestamp_", "timestamp", "date", ("2024-01-31", "infinity"), _date_last, nullsafe=True)
for _operator, (_suffix, _test, _) in TESTS.items():
    function(
        f"array_{_suffix}(anyarray, anyarray) -> bool",
        operator=_operator,
        bound=True,
        examples=examples_of(_operator, "int4[]", "int4[]", "{1,2}", "{1,2,0}"),
        doc=f"Whether the first array {_operator} the second: element by element, then by length.",
    )(by_order_key(_test))
