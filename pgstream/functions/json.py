"""jsonb and json: access, containment, changes, construction from SQL values, and expansion to rows."""

from functools import lru_cache
from json.encoder import encode_basestring as quoted
from typing import Any

from pgstream.errors import InvalidParameterValue
from pgstream.functions.registry import function
from pgstream.types.json_text import Number, json_of
from pgstream.types.jsonb import jsonb_text, sorted_items, without_scale

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


def _elements(value: Any) -> Any:
    """What jsonb finds by index: a scalar is stored as an array of one element."""
    return value if isinstance(value, dict | list) else [value]


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
    elements = _elements if type == "jsonb" else lambda value: value
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
        )(lambda text, index, as_text=as_text: shown(item(elements(parsed(text)), index), as_text))
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
