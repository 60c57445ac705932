"""JSON from SQL values: to_json, jsonb_build_object and the aggregates."""

from collections.abc import Callable
from itertools import pairwise
from json.encoder import encode_basestring as quoted
from typing import Any

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue
from pgstream.functions.json import parsed
from pgstream.functions.registry import STABLE, BoundCall, function, recomputed
from pgstream.functions.vector import list_bounds
from pgstream.types.array import rows_of
from pgstream.types.composite import fields_of
from pgstream.types.definition import SqlType
from pgstream.types.domain import below
from pgstream.types.json_text import json_of
from pgstream.types.jsonb import jsonb_text
from pgstream.types.map import entries_of, is_map, keys_and_values
from pgstream.types.record import shapes
from pgstream.types.window import MOMENT_TYPES, moments

_BARE = ("int2", "int4", "int8", "numeric", "float4", "float8")


def json_texts(column: Column, type: SqlType, call: BoundCall, separator: str = ",") -> list[str]:
    """Each SQL value as the text of a JSON value."""
    type = below(type)
    if type.element is not None:
        flat = json_texts(column.values, type.element, call, separator)
        starts, lengths = list_bounds(column)
        spans = zip(starts.tolist(), lengths.tolist(), column.is_valid().to_pylist(), strict=True)
        return [
            "[" + separator.join(flat[start : start + length]) + "]" if known else "null"
            for start, length, known in spans
        ]
    attributes = type.definition.attributes
    if attributes is not None:
        return _row_texts(column, attributes, call, separator)
    if is_map(type):
        return _map_texts(column, type, call, separator)
    if type.name == "record":
        return _record_texts(column, call, separator)
    if type.name in MOMENT_TYPES:
        return _window_texts(column, MOMENT_TYPES[type.name], call, separator)
    if type.name == "bool":
        return [{True: "true", False: "false", None: "null"}[value] for value in column.to_pylist()]
    texts = type.definition.format(column, {**call.context.settings, "datestyle": "ISO, MDY"}).to_pylist()
    if type.name in ("json", "jsonb"):
        return ["null" if text is None else text for text in texts]
    if type.name in _BARE:
        return ["null" if text is None else text if text.lstrip("-")[0].isdigit() else f'"{text}"' for text in texts]
    if type.name in ("timestamp", "timestamptz"):
        texts = [None if text is None else _iso(text) for text in texts]
    return ["null" if text is None else quoted(text) for text in texts]


def _map_texts(column: Column, type: SqlType, call: BoundCall, separator: str) -> list[str]:
    """Maps as objects: their keys are what they are as texts."""
    (key, value), (keys, values) = entries_of(type), keys_and_values(column)
    words = key.definition.format(keys, {**call.context.settings, "datestyle": "ISO, MDY"}).to_pylist()
    texts = json_texts(values, value, call, separator)
    rows = rows_of(column, [f"{quoted(word)}:{text}" for word, text in zip(words, texts, strict=True)])
    return ["null" if row is None else "{" + separator.join(row) + "}" for row in rows]


def _iso(text: str) -> str:
    moment = text.replace(" ", "T", 1)
    return moment + ":00" if "T" in moment and moment[-3] in "+-" else moment


def _row_texts(
    column: Column, attributes: tuple[tuple[str, SqlType], ...], call: BoundCall, separator: str
) -> list[str]:
    texts = [
        [f"{quoted(name)}:{text}" for text in json_texts(field, type, call)]
        for field, (name, type) in zip(fields_of(column), attributes, strict=True)
    ]
    rows = zip(*texts, strict=True) if texts else [()] * len(column)
    known = column.is_valid().to_pylist()
    return ["{" + separator.join(row) + "}" if there else "null" for row, there in zip(rows, known, strict=True)]


def _record_texts(column: Column, call: BoundCall, separator: str) -> list[str]:
    made = ["null"] * len(column)
    for rows, fields in shapes(column):
        texts = [[f"{quoted(name)}:{text}" for text in json_texts(cells, type, call)] for name, type, cells in fields]
        for at, row in enumerate(rows.tolist()):
            made[row] = "{" + separator.join(text[at] for text in texts) + "}"
    return made


def _window_texts(column: Column, moment: SqlType, call: BoundCall, separator: str) -> list[str]:
    ends = [json_texts(moments(column, field, moment), moment, call) for field in ("start", "end")]
    return [
        "null" if start == "null" else f'{{"start":{start}{separator}"end":{end}}}'
        for start, end in zip(*ends, strict=True)
    ]


def _to(binary: bool) -> Callable[[BoundCall, Column], Column]:
    def kernel(call: BoundCall, column: Column) -> Column:
        texts = json_texts(column, call.arguments[0], call)
        return pa.array([jsonb_text(json_of(text, False)) for text in texts] if binary else texts, pa.string())

    return kernel


function(
    "to_jsonb(anyelement) -> jsonb",
    bound=True,
    volatility=STABLE,
    doc="The value as jsonb.",
    examples={
        """to_jsonb('Fred said "Hi."'::text)""": '"Fred said \\"Hi.\\""',
        "to_jsonb(ARRAY[1,NULL])": "[1, null]",
        "to_jsonb('2024-01-01 10:00'::timestamp)": '"2024-01-01T10:00:00"',
    },
)(_to(True))
function(
    "to_json(anyelement) -> json",
    bound=True,
    volatility=STABLE,
    doc="The value as json.",
    examples={"to_json(ARRAY[1,2])": "[1,2]", "to_json(1.50)": "1.50"},
)(_to(False))
function(
    "array_to_json(anyarray) -> json",
    bound=True,
    volatility=STABLE,
    doc="The array as json.",
    examples={"array_to_json(ARRAY[1,2])": "[1,2]"},
)(_to(False))

function(
    "row_to_json(record) -> json",
    bound=True,
    volatility=STABLE,
    doc="The row as json.",
    examples={"row_to_json(ROW(1,'x',NULL))": '{"f1":1,"f2":"x","f3":null}'},
)(_to(False))


@function(
    "row_to_json(record, bool) -> json",
    bound=True,
    volatility=STABLE,
    examples={"row_to_json(ROW(1,2), false)": '{"f1":1,"f2":2}'},
)
@function(
    "array_to_json(anyarray, bool) -> json",
    bound=True,
    volatility=STABLE,
    examples={"array_to_json(ARRAY[1,2], false)": "[1,2]", "length(array_to_json(ARRAY[1,2], true)::text)": "7"},
)
def to_json_pretty(call: BoundCall, column: Column, pretty: Column) -> Column:
    """The row or array as json, one field or element a line if `pretty`."""
    plain, lined = (json_texts(column, call.arguments[0], call, separator) for separator in (",", ",\n "))
    rows = zip(plain, lined, pretty.to_pylist(), strict=True)
    return pa.array([long if wanted else short for short, long, wanted in rows], pa.string())


def _columns(call: BoundCall, args: tuple[Column, ...]) -> list[list[str]]:
    return [json_texts(arg, type, call) for arg, type in zip(args, call.arguments, strict=True)]


def _rows_of(call: BoundCall, args: tuple[Column, ...] | tuple[int]) -> list[tuple[str, ...]]:
    if args and isinstance(args[0], int):
        return [()] * args[0]
    return list(zip(*_columns(call, args), strict=True))


def _keys(call: BoundCall, args: tuple[Column, ...], position: int) -> list[str]:
    if args[position].null_count:
        raise InvalidParameterValue(
            f"argument {position + 1}: key must not be null"
            if call.result.name == "jsonb"
            else "null value not allowed for object key"
        )
    column, type = args[position], call.arguments[position]
    if type.name == "bool":
        return ["true" if value else "false" for value in column.to_pylist()]
    return list(type.definition.format(column, call.context.settings).to_pylist())


def _objects(call: BoundCall, args: tuple[Any, ...]) -> list[list[tuple[str, str]]]:
    """For each row its keys and the JSON texts of its values."""
    if args and isinstance(args[0], int):
        return [[] for _ in range(args[0])]
    if len(args) % 2:
        raise InvalidParameterValue(
            "argument list must have even number of elements",
            hint=f"The arguments of {call.result.name}_build_object() must consist of alternating keys and values.",
        )
    keys = [_keys(call, args, position) for position in range(0, len(args), 2)]
    values = [json_texts(args[position], call.arguments[position], call) for position in range(1, len(args), 2)]
    return [list(zip([k[row] for k in keys], [v[row] for v in values], strict=True)) for row in range(len(args[0]))]


@function("jsonb_build_object() -> jsonb", bound=True, volatility=STABLE, examples={"jsonb_build_object()": "{}"})
@function(
    "jsonb_build_object(VARIADIC any) -> jsonb",
    bound=True,
    strict=False,
    volatility=STABLE,
    examples={
        "jsonb_build_object('foo', 1, 2, ARRAY['a'])": '{"2": ["a"], "foo": 1}',
        "jsonb_build_object('a')": "ERROR: 22023 argument list must have even number of elements",
    },
)
def jsonb_build_object(call: BoundCall, *args: Any) -> Column:
    """An object of alternating keys and values."""
    rows = _objects(call, args)
    return pa.array([jsonb_text({key: parsed(value) for key, value in row}) for row in rows], pa.string())


@function("json_build_object() -> json", bound=True, volatility=STABLE, examples={"json_build_object()": "{}"})
@function(
    "json_build_object(VARIADIC any) -> json",
    bound=True,
    strict=False,
    volatility=STABLE,
    examples={"json_build_object('foo', 1, 'b', true)": '{"foo" : 1, "b" : true}'},
)
def json_build_object(call: BoundCall, *args: Any) -> Column:
    """An object of alternating keys and values."""
    rows = _objects(call, args)
    return pa.array(
        ["{" + ", ".join(f"{quoted(key)} : {value}" for key, value in row) + "}" for row in rows], pa.string()
    )


@function("jsonb_build_array() -> jsonb", bound=True, volatility=STABLE, examples={"jsonb_build_array()": "[]"})
@function(
    "jsonb_build_array(VARIADIC any) -> jsonb",
    bound=True,
    strict=False,
    volatility=STABLE,
    examples={"jsonb_build_array(1, 'a', NULL, 1.50)": '[1, "a", null, 1.50]'},
)
def jsonb_build_array(call: BoundCall, *args: Any) -> Column:
    """An array of the arguments."""
    return pa.array([jsonb_text([parsed(text) for text in row]) for row in _rows_of(call, args)], pa.string())


@function("json_build_array() -> json", bound=True, volatility=STABLE, examples={"json_build_array()": "[]"})
@function(
    "json_build_array(VARIADIC any) -> json",
    bound=True,
    strict=False,
    volatility=STABLE,
    examples={"json_build_array(1, 'a', NULL)": '[1, "a", null]'},
)
def json_build_array(call: BoundCall, *args: Any) -> Column:
    """An array of the arguments."""
    return pa.array(["[" + ", ".join(row) + "]" for row in _rows_of(call, args)], pa.string())


def _aggregated(call: BoundCall, args: tuple[Column, ...], offsets: Any, binary: bool) -> Column:
    type = call.arguments[0]
    texts = json_texts(args[0], type, call)
    made: list[str | None] = []
    for start, end in pairwise(offsets):
        row = texts[start:end]
        joined = jsonb_text([parsed(text) for text in row]) if binary else _lined(row, args[0], start, type)
        made.append(joined if start < end else None)
    return pa.array(made, pa.string())


def _lined(texts: list[str], values: Column, start: int, type: SqlType) -> str:
    """The array of `texts`, of which those of arrays and rows begin a line of their own."""
    if type.element is None and type.definition.attributes is None and type.name != "record":
        return "[" + ", ".join(texts) + "]"
    lines = [f"\n {text}" if at and values[start + at].is_valid else text for at, text in enumerate(texts)]
    return "[" + ", ".join(lines) + "]"


@recomputed(
    "jsonb_agg(anyelement) -> jsonb",
    strict=False,
    examples={"jsonb_agg(i ORDER BY i)": "[1, 2, 3]", "jsonb_agg(NULL::int4)": "[null, null, null]"},
)
def jsonb_agg(call: BoundCall, args: tuple[Column, ...], offsets: Any) -> Column:
    """The values, NULLs included, as an array."""
    return _aggregated(call, args, offsets, True)


@recomputed("json_agg(anyelement) -> json", strict=False, examples={"json_agg(i ORDER BY i)": "[1, 2, 3]"})
def json_agg(call: BoundCall, args: tuple[Column, ...], offsets: Any) -> Column:
    """The values, NULLs included, as an array."""
    return _aggregated(call, args, offsets, False)


def _object_aggregated(call: BoundCall, args: tuple[Column, ...], offsets: Any, binary: bool) -> Column:
    if args[0].null_count:
        raise InvalidParameterValue("field name must not be null")
    keys, values = _keys(call, args, 0), json_texts(args[1], call.arguments[1], call)
    made: list[str | None] = []
    for start, end in pairwise(offsets):
        pairs = list(zip(keys[start:end], values[start:end], strict=True))
        if binary:
            text = jsonb_text({key: parsed(value) for key, value in pairs})
        else:
            text = "{ " + ", ".join(f"{quoted(key)} : {value}" for key, value in pairs) + " }"
        made.append(text if pairs else None)
    return pa.array(made, pa.string())


@recomputed(
    "jsonb_object_agg(any, any) -> jsonb",
    strict=False,
    examples={"jsonb_object_agg(i::text, i)": '{"1": 1, "2": 2, "3": 3}'},
)
def jsonb_object_agg(call: BoundCall, args: tuple[Column, ...], offsets: Any) -> Column:
    """An object of keys and values; the last of equal keys wins."""
    return _object_aggregated(call, args, offsets, True)


@recomputed(
    "json_object_agg(any, any) -> json",
    strict=False,
    examples={"json_object_agg(i::text, i ORDER BY i)": '{ "1" : 1, "2" : 2, "3" : 3 }'},
)
def json_object_agg(call: BoundCall, args: tuple[Column, ...], offsets: Any) -> Column:
    """An object of keys and values."""
    return _object_aggregated(call, args, offsets, False)
