"""Rows: their comparison, and what IS NULL means of them.

Rows compare field by field; a NULL field equals another and is greater than anything else.
"""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.errors import DatatypeMismatch, FeatureNotSupported, UndefinedFunction
from pgstream.functions.comparison import TESTS
from pgstream.functions.registry import BoundCall, Function, function
from pgstream.types.composite import fields_of
from pgstream.types.definition import SqlType
from pgstream.types.record import fields_null


def _comparing(test: Any) -> Any:
    def kernel(call: BoundCall, left: Column, right: Column) -> Column:
        one, other = call.arguments
        check_comparable(one, other)
        orders = one.definition.order_key, other.definition.order_key
        assert orders[0] is not None
        assert orders[1] is not None
        return test(orders[0](left), orders[1](right))

    return kernel


def check_comparable(left: SqlType, right: SqlType) -> None:
    """Raises DatatypeMismatch where rows of these types have fields that do not compare with each other."""
    ours, theirs = left.definition.attributes, right.definition.attributes
    if ours is None or theirs is None:
        raise FeatureNotSupported("cannot compare records whose fields are not known")
    for place, ((_, one), (_, other)) in enumerate(zip(ours, theirs, strict=False), 1):
        if one.name != other.name:
            raise DatatypeMismatch(
                f"cannot compare dissimilar column types {one.bare()} and {other.bare()} at record column {place}"
            )
        if one.definition.order_key is None:
            raise UndefinedFunction(f"could not identify an equality operator for type {one.bare()}")
    if len(ours) != len(theirs):
        raise DatatypeMismatch("cannot compare record types with different numbers of columns")


for _operator, (_suffix, _test, _results) in TESTS.items():
    function(
        f"record_{_suffix}(record, record) -> bool",
        operator=_operator,
        bound=True,
        examples={
            f"ROW(1,2) {_operator} ROW(1,3)": _results[0],
            f"ROW(1,NULL::int4)::record {_operator} ROW(1,3)::record": _results[2],
        },
        doc=f"Whether the first row {_operator} the second: field by field.",
    )(_comparing(_test))


def _identical(negated: bool) -> Any:
    def kernel(call: BoundCall, left: Column, right: Column) -> Column:
        check_comparable(*call.arguments)
        same: Any = pa.array([True] * len(left))
        for one, other in zip(fields_of(left), fields_of(right), strict=True):
            both_null = pc.and_(one.is_null(), other.is_null())
            same = pc.and_(same, pc.or_(both_null, pc.fill_null(pc.equal(one, other), False)))
        return pc.invert(same) if negated else same

    return kernel


for _operator, _suffix, _results in (("*=", "eq", ("f", "t", "f")), ("*<>", "ne", ("t", "f", "t"))):
    function(
        f"record_image_{_suffix}(record, record) -> bool",
        operator=_operator,
        bound=True,
        examples={
            f"ROW(1,2)::record {_operator} ROW(1,3)::record": _results[0],
            f"ROW(1,NULL::int4)::record {_operator} ROW(1,NULL::int4)::record": _results[1],
            f"ROW(1.0)::record {_operator} ROW(1.00)::record": _results[2],
        },
        doc=f"Whether the first row {_operator} the second: whether their fields are stored alike.",
    )(_identical(_suffix == "ne"))


def _is_null(call: BoundCall, column: Column) -> Column:
    """The row is NULL, or all its fields are."""
    if call.arguments[0].definition.attributes is None:
        return pa.array(fields_null(column))
    known: Any = pa.array([False] * len(column))
    for field in fields_of(column):
        known = pc.or_(known, field.is_valid())
    return pc.invert(known)


def _is_not_null(call: BoundCall, column: Column) -> Column:
    """The row is not NULL, and none of its fields is."""
    known: Any = column.is_valid()
    for field in fields_of(column):
        known = pc.and_(known, field.is_valid())
    return known


IS_NULL, IS_NOT_NULL = (
    Function(name, 0, ("record",), "bool", kernel, strict=False, bound=True)
    for name, kernel in (("row is null", _is_null), ("row is not null", _is_not_null))
)
"""What `row IS NULL` and `row IS NOT NULL` compute; SQL has no other name for them."""
