"""jsonb and json: access, containment, changes, construction from SQL values, and expansion to rows."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue, InvalidTextRepresentation
from pgstream.functions.patterns import set_of
from pgstream.functions.registry import STABLE, BoundCall, function, recomputed
from pgstream.functions.vector import list_bounds
from pgstream.types.definition import SqlType
from pgstream.types.json_text import Number, json_of
from pgstream.types.jsonb import jsonb_text, quoted, sorted_items, without_scale

MISSING = object()


@lru_cache(4096)
def parsed(text: str) -> Any:
    """The value of stored jsonb (or json) text. Shared: never change it."""
    return json_of(text, False)


def compact(value: Any) -> str:
    """A value as type json prints what it builds from parts."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)} : {compact(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(compact, value)) + "]"
    return jsonb_text(value) if not isinstance(value, Number) else str(value)


def shown(value: Any, as_text: bool) -> str | None:
    """A found value as jsonb, or as text: a string without quotes, and NULL for JSON's null."""
    if value is MISSING or (as_text and value is None):
        return None
    if as_text and isinstance(value, str) and not isinstance(value, Number):
        return value
    return jsonb_text(value)


def member(value: Any, key: str) -> Any:
    """The member of an object."""
    return value.get(key, MISSING) if isinstance(value, dict) else MISSING


def item(value: Any, index: int) -> Any:
    """The element of an array; negative indices count from its end."""
    if not isinstance(value, list) or not -len(value) <= index < len(value):
        return MISSING
    return value[index]


def descend(value: Any, path: list[str | None]) -> Any:
    """What a path of keys and indices leads to."""
    for step in path:
        if step is None:
            return MISSING
        if isinstance(value, list):
            try:
                value = item(value, int(step))
            except ValueError:
                return MISSING
        else:
            value = member(value, step)
        if value is MISSING:
            return MISSING
    return value


def _declare_access(type: str) -> None:
    object_, array = f'\'{{"a": {{"b": "x"}}}}\'::{type}', f"'[1, \"two\"]'::{type}"
    for operator, name, as_text in (("->", "", False), ("->>", "_text", True)):
        function(
            f"{type}_object_field{name}({type}, text) -> {'text' if as_text else type}",
            operator=operator,
            rowwise=True,
            doc="The member of an object.",
            examples={
                f"{object_} {operator} 'c'": "NULL",
                f"'{{\"a\": null}}'::{type} {operator} 'a'": "NULL" if as_text else "null",
            },
        )(lambda text, key, as_text=as_text: shown(member(parsed(text), key), as_text))
        function(
            f"{type}_array_element{name}({type}, int4) -> {'text' if as_text else type}",
            operator=operator,
            rowwise=True,
            doc="The element of an array, from 0.",
            examples={f"{array} {operator} 1": "two" if as_text else '"two"', f"{array} {operator} -2": "1"},
        )(lambda text, index, as_text=as_text: shown(item(parsed(text), index), as_text))
    for operator, name, as_text in (("#>", "", False), ("#>>", "_text", True)):
        result = "text" if as_text else type
        kernel = lambda text, path, as_text=as_text: shown(descend(parsed(text), path), as_text)  # noqa: E731
        function(
            f"{type}_extract_path_op{name}({type}, _text) -> {result}",
            operator=operator,
            rowwise=True,
            doc="What a path of keys and indices leads to.",
            examples={f"{object_} {operator} '{{a,b}}'": "x" if as_text else '"x"'},
        )(kernel)
        function(
            f"{type}_extract_path{name}({type}, VARIADIC text) -> {result}",
            rowwise=True,
            doc="What a path of keys and indices leads to.",
            examples={f"{type}_extract_path{name}({object_}, 'a', 'b')": "x" if as_text else '"x"'},
        )(lambda text, *path, as_text=as_text: shown(descend(parsed(text), list(path)), as_text))


_declare_access("jsonb")
_declare_access("json")


def contains(left: Any, right: Any, top: bool = True) -> bool:
    """jsonb's @>: `right` is a part of `left`."""
    if isinstance(left, dict) and isinstance(right, dict):
        return all(key in left and contains(left[key], value, False) for key, value in right.items())
    if isinstance(left, list) and isinstance(right, list):
        return all(any(contains(own, value, False) for own in left) for value in right)
    if top and isinstance(left, list) and not isinstance(right, dict):
        return any(contains(own, right, False) for own in left)
    return type(left) is type(right) and left == right


def _contains(left: str, right: str) -> bool:
    return contains(without_scale(parsed(left)), without_scale(parsed(right)))


function(
    "jsonb_contains(jsonb, jsonb) -> bool",
    operator="@>",
    rowwise=True,
    doc="Whether the second is a part of the first.",
    examples={
        """'{"a":1, "b":2}'::jsonb @> '{"b":2.0}'::jsonb""": "t",
        "'[1,[2]]'::jsonb @> '[2]'::jsonb": "f",
        "'[1,2]'::jsonb @> '1'::jsonb": "t",
    },
)(_contains)
function(
    "jsonb_contained(jsonb, jsonb) -> bool",
    operator="<@",
    rowwise=True,
    doc="Whether the first is a part of the second.",
    examples={"""'{"b":2}'::jsonb <@ '{"a":1, "b":2}'::jsonb""": "t"},
)(lambda left, right: _contains(right, left))


def exists(value: Any, key: str | None) -> bool:
    """Whether `key` is a key of an object, a string of an array, or the string itself."""
    if isinstance(value, dict):
        return key in value
    strings = value if isinstance(value, list) else [value]
    return any(own == key and isinstance(own, str) and not isinstance(own, Number) for own in strings)


function(
    "jsonb_exists(jsonb, text) -> bool",
    operator="?",
    rowwise=True,
    doc="Whether a key, or a string of an array, exists.",
    examples={"""'{"a":1}'::jsonb ? 'a'""": "t", """'["a"]'::jsonb ? 'b'""": "f"},
)(lambda text, key: exists(parsed(text), key))
function(
    "jsonb_exists_any(jsonb, _text) -> bool",
    operator="?|",
    rowwise=True,
    doc="Whether one of the keys exists.",
    examples={"""'{"a":1}'::jsonb ?| ARRAY['a','z']""": "t"},
)(lambda text, keys: any(exists(parsed(text), key) for key in keys if key is not None))
function(
    "jsonb_exists_all(jsonb, _text) -> bool",
    operator="?&",
    rowwise=True,
    doc="Whether all keys exist.",
    examples={"""'{"a":1}'::jsonb ?& ARRAY['a','z']""": "f"},
)(lambda text, keys: all(exists(parsed(text), key) for key in keys if key is not None))


def _concat(left: str, right: str) -> str:
    a, b = parsed(left), parsed(right)
    if isinstance(a, dict) and isinstance(b, dict):
        return jsonb_text({**a, **b})
    if isinstance(a, dict) != isinstance(b, dict) and not (isinstance(a, list) or isinstance(b, list)):
        raise InvalidParameterValue("invalid concatenation of jsonb objects")
    return jsonb_text((a if isinstance(a, list) else [a]) + (b if isinstance(b, list) else [b]))


function(
    "jsonb_concat(jsonb, jsonb) -> jsonb",
    operator="||",
    rowwise=True,
    doc="Objects merged, or arrays joined.",
    examples={
        """'{"a":1}'::jsonb || '{"a":2,"b":3}'::jsonb""": '{"a": 2, "b": 3}',
        "'[1]'::jsonb || '2'::jsonb": "[1, 2]",
    },
)(_concat)


def _without_keys(text: str, keys: list[str | None]) -> str:
    value = parsed(text)
    if isinstance(value, dict):
        return jsonb_text({key: own for key, own in value.items() if key not in keys})
    if isinstance(value, list):
        return jsonb_text(
            [own for own in value if isinstance(own, Number) or not isinstance(own, str) or own not in keys]
        )
    raise InvalidParameterValue("cannot delete from scalar")


def _without_index(text: str, index: int) -> str:
    value = parsed(text)
    if isinstance(value, dict):
        raise InvalidParameterValue("cannot delete from object using integer index")
    if not isinstance(value, list):
        raise InvalidParameterValue("cannot delete from scalar")
    if item(value, index) is MISSING:
        return text
    at = index if index >= 0 else index + len(value)
    return jsonb_text(value[:at] + value[at + 1 :])


function(
    "jsonb_delete(jsonb, text) -> jsonb",
    operator="-",
    rowwise=True,
    doc="Without a key, or without equal strings of an array.",
    examples={"""'{"a":1,"b":2}'::jsonb - 'a'""": '{"b": 2}'},
)(lambda text, key: _without_keys(text, [key]))
function(
    "jsonb_delete(jsonb, int4) -> jsonb",
    operator="-",
    rowwise=True,
    doc="Without the element at an index.",
    examples={"'[1,2,3]'::jsonb - 1": "[1, 3]", "'[1,2]'::jsonb - -1": "[1]"},
)(_without_index)
function(
    "jsonb_delete(jsonb, _text) -> jsonb",
    operator="-",
    rowwise=True,
    doc="Without several keys.",
    examples={"""'{"a":1,"b":2}'::jsonb - ARRAY['a','b']""": "{}"},
)(_without_keys)


def changed(value: Any, path: list[str], new: Any, create: bool) -> Any:
    """`value` with what `path` leads to replaced by `new` (MISSING: removed), added at its end if `create`."""
    if not path or not isinstance(value, dict | list):
        return value
    step, rest = path[0], path[1:]
    if isinstance(value, dict):
        if rest:
            return {**value, step: changed(value[step], rest, new, create)} if step in value else value
        if new is MISSING:
            return {key: own for key, own in value.items() if key != step}
        return {**value, step: new} if create or step in value else value
    try:
        index = int(step)
    except ValueError:
        raise InvalidTextRepresentation(f'path element at position 1 is not an integer: "{step}"') from None
    at = index if index >= 0 else index + len(value)
    if not 0 <= at < len(value):
        return ([new, *value] if at < 0 else [*value, new]) if not rest and create and new is not MISSING else value
    middle = [changed(value[at], rest, new, create)] if rest else [] if new is MISSING else [new]
    return value[:at] + middle + value[at + 1 :]


def _set(text: str, path: list[str], new: str, create: bool = True) -> str:
    value = parsed(text)
    if not isinstance(value, dict | list):
        raise InvalidParameterValue("cannot set path in scalar")
    return jsonb_text(changed(value, path, parsed(new), create))


_SET = """'[{"f1":1,"f2":null},2]'::jsonb"""
function(
    "jsonb_set(jsonb, _text, jsonb) -> jsonb",
    rowwise=True,
    doc="With what a path leads to replaced, or added.",
    examples={f"jsonb_set({_SET}, '{{0,f3}}', '[2,3,4]')": '[{"f1": 1, "f2": null, "f3": [2, 3, 4]}, 2]'},
)(_set)
function(
    "jsonb_set(jsonb, _text, jsonb, bool) -> jsonb",
    rowwise=True,
    doc="With what a path leads to replaced.",
    examples={f"jsonb_set({_SET}, '{{0,f3}}', '9', false)": '[{"f1": 1, "f2": null}, 2]'},
)(_set)
function(
    "jsonb_delete_path(jsonb, _text) -> jsonb",
    operator="#-",
    rowwise=True,
    doc="Without what a path leads to.",
    examples={f"{_SET} #- '{{0,f1}}'": '[{"f2": null}, 2]'},
)(lambda text, path: jsonb_text(changed(parsed(text), path, MISSING, False)))


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _stripped(own) for key, own in value.items() if own is not None}
    return [_stripped(own) for own in value] if isinstance(value, list) else value


function(
    "jsonb_strip_nulls(jsonb) -> jsonb",
    rowwise=True,
    doc="Without members that are null.",
    examples={"""jsonb_strip_nulls('[{"f1":1,"f2":null},2,null]')""": '[{"f1": 1}, 2, null]'},
)(lambda text: jsonb_text(_stripped(parsed(text))))


def kind_of(value: Any) -> str:
    """The name of a value's JSON type."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    names = ((dict, "object"), (list, "array"), (Number, "number"), (str, "string"))
    return next((name for kind, name in names if isinstance(value, kind)), "number")


def _array_length(text: str) -> int:
    value = parsed(text)
    if not isinstance(value, list):
        raise InvalidParameterValue(
            f"cannot get array length of {'a non-array' if isinstance(value, dict) else 'a scalar'}"
        )
    return len(value)


for _type in ("jsonb", "json"):
    function(
        f"{_type}_typeof({_type}) -> text",
        rowwise=True,
        doc="The kind of value.",
        examples={f"{_type}_typeof('-123.4')": "number", f"{_type}_typeof('null')": "null"},
    )(lambda text: kind_of(parsed(text)))
    function(
        f"{_type}_array_length({_type}) -> int4",
        rowwise=True,
        doc="The number of elements.",
        examples={
            f"{_type}_array_length('[1,2,3]')": "3",
            f"{_type}_array_length('1')": "ERROR: 22023 cannot get array length of a scalar",
        },
    )(_array_length)
function(
    "jsonb_pretty(jsonb) -> text",
    rowwise=True,
    doc="The value over several lines.",
    examples={
        """jsonb_pretty('{"a":[1,{}]}') = E'{\\n    "a": [\\n        1,\\n        {\\n        }\\n    ]\\n}'""": "t"
    },
)(lambda text: _pretty(parsed(text), 0))


def _pretty(value: Any, depth: int) -> str:
    if not isinstance(value, dict | list):
        return jsonb_text(value)
    inside, outside = "\n" + " " * (4 * depth + 4), "\n" + " " * (4 * depth)
    if isinstance(value, dict):
        parts = [f"{quoted(key)}: {_pretty(own, depth + 1)}" for key, own in sorted_items(value)]
        return "{" + inside.join(["", *[part + "," for part in parts[:-1]], *parts[-1:]]) + outside + "}"
    parts = [_pretty(own, depth + 1) for own in value]
    return "[" + inside.join(["", *[part + "," for part in parts[:-1]], *parts[-1:]]) + outside + "]"


_BARE = ("int2", "int4", "int8", "numeric", "float4", "float8")


def json_texts(column: Column, type: SqlType, call: BoundCall, separator: str = ",") -> list[str]:
    """Each SQL value as the text of a JSON value."""
    if type.element is not None:
        flat = json_texts(column.values, type.element, call, separator)
        starts, lengths = list_bounds(column)
        spans = zip(starts.tolist(), lengths.tolist(), column.is_valid().to_pylist(), strict=True)
        return [
            "[" + separator.join(flat[start : start + length]) + "]" if known else "null"
            for start, length, known in spans
        ]
    if type.name == "record" and pa.types.is_struct(column.type):
        return _record_texts(column, call)
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


def _iso(text: str) -> str:
    moment = text.replace(" ", "T", 1)
    return moment + ":00" if "T" in moment and moment[-3] in "+-" else moment


def _record_texts(column: Column, call: BoundCall) -> list[str]:
    from pgstream.types.values import plain_values

    return [
        "null"
        if row is None
        else "{" + ",".join(f"{quoted(name)}:{quoted(str(value))}" for name, value in row.items()) + "}"
        for row in plain_values(column)
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


def _columns(call: BoundCall, args: tuple[Column, ...]) -> list[list[str]]:
    return [json_texts(arg, type, call) for arg, type in zip(args, call.arguments, strict=True)]


def _rows_of(call: BoundCall, args: tuple[Column, ...] | tuple[int]) -> list[tuple[str, ...]]:
    if args and isinstance(args[0], int):
        return [()] * args[0]
    return list(zip(*_columns(call, args), strict=True))  # type: ignore[arg-type]


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


def _elements(as_text: bool, type: str) -> Callable[[Column], Any]:
    def kernel(column: Column) -> Any:
        rows = []
        for text in column.to_pylist():
            value = parsed(text)
            if not isinstance(value, list):
                what = "an object" if isinstance(value, dict) else "a scalar"
                told = (
                    f"cannot extract elements from {what}"
                    if type == "jsonb"
                    else f"cannot call json_array_elements on {'a non-array' if isinstance(value, dict) else 'a scalar'}"
                )
                raise InvalidParameterValue(told)
            rows.append([shown(own, as_text) for own in value])
        return set_of(rows, pa.string())

    return kernel


def _pairs(as_text: bool) -> Callable[[Column], Any]:
    def kernel(column: Column) -> Any:
        owners, keys, values = [], [], []
        for row, text in enumerate(column.to_pylist()):
            value = parsed(text)
            if not isinstance(value, dict):
                raise InvalidParameterValue(f"cannot call jsonb_each{'_text' if as_text else ''} on a non-object")
            for key, own in sorted_items(value):
                owners.append(row)
                keys.append(key)
                values.append(shown(own, as_text))
        return np.array(owners, np.int64), (pa.array(keys, pa.string()), pa.array(values, pa.string()))

    return kernel


def _object_keys(column: Column) -> Any:
    rows = []
    for text in column.to_pylist():
        value = parsed(text)
        if not isinstance(value, dict):
            raise InvalidParameterValue(
                f"cannot call jsonb_object_keys on {'an array' if isinstance(value, list) else 'a scalar'}"
            )
        rows.append([key for key, _ in sorted_items(value)])
    return set_of(rows, pa.string())


for _type in ("jsonb", "json"):
    function(
        f"{_type}_array_elements({_type}) -> TABLE(value {_type})",
        doc="The elements, one a row.",
        examples={f"""{_type}_array_elements('[1,"a"]')""": '1|"a"'},
    )(_elements(False, _type))
    function(
        f"{_type}_array_elements_text({_type}) -> TABLE(value text)",
        doc="The elements as text, one a row.",
        examples={f"""{_type}_array_elements_text('["a",null]')""": "a|NULL"},
    )(_elements(True, _type))
    function(
        f"{_type}_each({_type}) -> TABLE(key text, value {_type})",
        doc="Keys and values, one pair a row.",
        examples={f"""{_type}_each('{{"a":"x"}}')""": 'a,"x"'},
    )(_pairs(False))
    function(
        f"{_type}_each_text({_type}) -> TABLE(key text, value text)",
        doc="Keys and values as text, one pair a row.",
        examples={f"""{_type}_each_text('{{"a":"x"}}')""": "a,x"},
    )(_pairs(True))
    function(
        f"{_type}_object_keys({_type}) -> SETOF text",
        doc="The keys, one a row.",
        examples={f"""{_type}_object_keys('{{"a":1}}')""": "a"},
    )(_object_keys)


def _aggregated(call: BoundCall, args: tuple[Column, ...], offsets: Any, binary: bool) -> Column:
    texts = json_texts(args[0], call.arguments[0], call)
    made: list[str | None] = []
    for start, end in zip(offsets, offsets[1:], strict=False):
        row = texts[start:end]
        joined = jsonb_text([parsed(text) for text in row]) if binary else "[" + ", ".join(row) + "]"
        made.append(joined if start < end else None)
    return pa.array(made, pa.string())


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
    for start, end in zip(offsets, offsets[1:], strict=False):
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
