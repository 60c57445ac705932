"""JSON as rows: json[b]_populate_record, json[b]_to_record, and their sets."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.errors import DatatypeMismatch, FeatureNotSupported, InvalidParameterValue, InvalidTextRepresentation
from pgstream.functions.casts import with_modifier
from pgstream.functions.json import parsed
from pgstream.functions.registry import STABLE, BoundCall, EvalContext, function
from pgstream.functions.vector import list_column, valid
from pgstream.types.array_text import element_texts
from pgstream.types.composite import composite_column, fields_of
from pgstream.types.definition import SqlType
from pgstream.types.json_text import Number
from pgstream.types.jsonb import jsonb_text
from pgstream.types.values import parse_text

ABSENT = object()
"""What a key gives that is not there."""


def populated(values: Sequence[Any], type: SqlType, context: EvalContext) -> Column:
    """JSON values as values of `type`, as json_populate_record makes them; what is absent is NULL."""
    given = [None if value is ABSENT else value for value in values]
    if type.element is not None:
        return _arrays(given, type, context)
    if type.definition.attributes is not None:
        return _rows(given, type, context, None)
    is_json = type.name in ("json", "jsonb")
    texts = [
        None if value is None else value if isinstance(value, str) and not is_json else jsonb_text(value)
        for value in given
    ]
    made = parse_text(type.bare(), pa.array(texts, pa.string()), context.settings, context.now_us)
    return with_modifier(made, type.bare(), type, False)


def _arrays(values: list[Any], type: SqlType, context: EvalContext) -> Column:
    is_text = [isinstance(value, str) and not isinstance(value, Number) for value in values]
    values = [element_texts(value) if text else value for value, text in zip(values, is_text, strict=True)]
    if not all(value is None or isinstance(value, list) for value in values):
        raise InvalidTextRepresentation("expected JSON array")
    element = type.element
    assert element is not None
    flat = populated([item for value in values if value for item in value], element, context)
    lengths = np.array([len(value) if value else 0 for value in values], np.int64)
    return list_column(flat, lengths, np.array([value is None for value in values], np.bool_))


def _rows(values: list[Any], type: SqlType, context: EvalContext, base: Column | None) -> Column:
    """Objects as rows; a key that is not there leaves what `base` has."""
    attributes = type.definition.attributes or ()
    for value in values:
        if value is not None and not isinstance(value, dict):
            what = "an array" if isinstance(value, list) else "a scalar"
            raise InvalidParameterValue(f"cannot call populate_composite on {what}")
    before = None if base is None else fields_of(base)
    fields = []
    for place, (name, own) in enumerate(attributes):
        given = [ABSENT if value is None else value.get(name, ABSENT) for value in values]
        field = populated(given, own, context)
        if before is not None:
            absent = pa.array([one is ABSENT for one in given], pa.bool_())
            field = pc.if_else(absent, before[place], field)
        fields.append(field)
    known = np.array([value is not None for value in values], np.bool_)
    return composite_column(fields, type.storage, known if base is None else known | valid(base))


def _objects(column: Column, name: str) -> list[Any]:
    values = [None if text is None else parsed(text) for text in column.to_pylist()]
    for value in values:
        if value is not None and not isinstance(value, dict):
            raise InvalidParameterValue(
                f"cannot call {name} on {'an array' if isinstance(value, list) else 'a scalar'}"
            )
    return values


def _lists(column: Column, name: str) -> tuple[list[Any], Any]:
    """The objects of all arrays, and which row each came from."""
    objects, owners = [], []
    for row, text in enumerate(column.to_pylist()):
        value = [] if text is None else parsed(text)
        if not isinstance(value, list):
            raise InvalidParameterValue(
                f"cannot call {name} on {'an object' if isinstance(value, dict) else 'a scalar'}"
            )
        for one in value:
            if not isinstance(one, dict):
                raise InvalidParameterValue(f"argument of {name} must be an array of objects")
            objects.append(one)
            owners.append(row)
    return objects, np.array(owners, np.int64)


def _shaped(call: BoundCall, name: str) -> SqlType:
    """The type of the rows that are asked for."""
    if call.result.definition.attributes is None:
        if "populate" in name:
            raise DatatypeMismatch(f"first argument of {name} must be a row type")
        raise FeatureNotSupported(f"could not determine row type for result of {name}")
    return call.result


def _populate(name: str) -> Callable[..., Column]:
    def kernel(call: BoundCall, base: Column, json: Column, as_text: Column | None = None) -> Column:
        type = _shaped(call, name)
        return _rows(_objects(json, name), type, call.context, base)

    return kernel


def _populate_set(name: str) -> Callable[..., Any]:
    def kernel(call: BoundCall, base: Column, json: Column, as_text: Column | None = None) -> Any:
        type = _shaped(call, name)
        objects, owners = _lists(json, name)
        return owners, (_rows(objects, type, call.context, base.take(pa.array(owners))),)

    return kernel


def _to_record(name: str) -> Callable[..., Column]:
    def kernel(call: BoundCall, json: Column) -> Column:
        type = _shaped(call, name)
        return _rows(_objects(json, name), type, call.context, None)

    return kernel


def _to_set(name: str) -> Callable[..., Any]:
    def kernel(call: BoundCall, json: Column) -> Any:
        type = _shaped(call, name)
        objects, owners = _lists(json, name)
        return owners, (_rows(objects, type, call.context, None),)

    return kernel


RECORDS = frozenset(f"{kind}_to_record{many}" for kind in ("json", "jsonb") for many in ("", "set"))
"""Functions whose columns are what a column definition list says."""

for _kind, _also in (("json", ", bool"), ("jsonb", "")):
    for _signature, _made, _doc in (
        (
            f"{_kind}_populate_record(anyelement, {_kind}{_also}) -> anyelement",
            _populate,
            "The object as a row of that type.",
        ),
        (
            f"{_kind}_populate_recordset(anyelement, {_kind}{_also}) -> SETOF anyelement",
            _populate_set,
            "The objects of an array as rows of that type.",
        ),
        (f"{_kind}_to_record({_kind}) -> record", _to_record, "The object as a row of the columns that are asked for."),
        (
            f"{_kind}_to_recordset({_kind}) -> SETOF record",
            _to_set,
            "The objects of an array as rows of the columns that are asked for.",
        ),
    ):
        _name = _signature.partition("(")[0]
        _example, _answer = f"{_name}('[{{}}]')", f"ERROR: 0A000 could not determine row type for result of {_name}"
        if _made is _to_set:
            _answer = 'ERROR: 42601 a column definition list is required for functions returning "record"'
        if _made in (_populate, _populate_set):
            _example, _answer = f"{_name}(1, '[{{}}]')", f"ERROR: 42804 first argument of {_name} must be a row type"
        function(
            _signature,
            bound=True,
            strict="to_" in _name,
            defaults=1 if "bool" in _signature else 0,
            volatility=STABLE,
            examples={_example: _answer},
            doc=_doc,
        )(_made(_name))
