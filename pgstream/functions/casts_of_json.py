"""Casts between json and jsonb, and from jsonb scalars to numbers and bool."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue
from pgstream.functions.registry import ASSIGNMENT, CASTS, EXPLICIT, cast
from pgstream.types.definition import BY_NAME
from pgstream.types.json_text import DECODER, Number
from pgstream.types.jsonb import parse as parse_jsonb
from pgstream.types.lift import over_distinct


@cast("json -> jsonb", ASSIGNMENT, nullsafe=True)
def json_to_jsonb(column: Column) -> Column:
    """The JSON value of the text."""
    return parse_jsonb(column, -1)


@cast("jsonb -> json", ASSIGNMENT, nullsafe=True)
def jsonb_to_json(column: Column) -> Column:
    """The value's text."""
    return column


def kind_of(value: Any) -> str:
    """What PostgreSQL calls a JSON value in errors."""
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "array"
    if isinstance(value, Number):
        return "numeric"
    if isinstance(value, bool):
        return "boolean"
    return "null" if value is None else "string"


def scalar_of(text: str, wanted: type, target: str) -> Any:
    """The scalar in a jsonb's text, which must be of Python type `wanted`."""
    value = DECODER.decode(text)
    if not isinstance(value, wanted):
        raise InvalidParameterValue(f"cannot cast jsonb {kind_of(value)} to type {BY_NAME[target].sql_name}")
    return value


@cast("jsonb -> bool", EXPLICIT)
def jsonb_to_bool(column: Column) -> Column:
    """A JSON boolean."""
    return over_distinct(column, pa.bool_(), lambda text: scalar_of(text, bool, "bool"))


def jsonb_to_number(target: str) -> Callable[[Column], Column]:
    """The kernel of the cast of a JSON number to `target`, by way of numeric."""

    def kernel(column: Column) -> Column:
        made = over_distinct(column, pa.string(), lambda text: str(scalar_of(text, Number, target)))
        onwards = CASTS.get(("numeric", target))
        return (
            made
            if target == "numeric" or onwards is None or onwards.function is None
            else onwards.function.kernel(made)
        )

    return kernel


for _target in ("numeric", "int2", "int4", "int8", "float4", "float8"):
    cast(f"jsonb -> {_target}", EXPLICIT)(jsonb_to_number(_target))
