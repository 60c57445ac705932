"""JSON in texts, as Arroyo and DataFusion read it: by JSONPath, and by keys.

What is no JSON, and what is not there, is NULL. Paths are RFC 9535's without filters: $.a['b'][0][*]..c
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from pgstream.errors import FeatureNotSupported, InvalidParameterValue
from pgstream.functions.registry import function

_STEP = re.compile(
    r"""(\.\.|\.)(?:(\w[\w$-]*)|(\*))|(\.\.)?\[\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(-?\d+)|(\*))\s*\]"""
)

Step = tuple[bool, str | int | None]
"""Whether any depth will do, and a key, an index, or None for all."""


@lru_cache(256)
def steps_of(text: str) -> tuple[Step, ...]:
    """The steps of a JSONPath. Raises InvalidParameterValue and FeatureNotSupported."""
    if not text.startswith("$"):
        raise InvalidParameterValue(f"invalid JSON path: {text!r}", hint="It begins with $.")
    steps: list[Step] = []
    at = 1
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            if text.startswith("[?", at):
                raise FeatureNotSupported(f"filters in JSON paths are not supported yet: {text!r}")
            raise InvalidParameterValue(f"invalid JSON path: {text!r}")
        name = next((found[group] for group in (2, 5, 6) if found[group] is not None), None)
        step = int(found[7]) if found[7] is not None else name
        steps.append((".." in (found[1], found[4]), step))
        at = found.end()
    return tuple(steps)


def inside(value: Any) -> Iterator[Any]:
    """A value and all that it holds."""
    yield value
    for part in _parts(value):
        yield from inside(part)


def _parts(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def stepped(value: Any, step: str | int | None) -> list[Any]:
    if step is None:
        return _parts(value)
    if isinstance(step, str):
        return [value[step]] if isinstance(value, dict) and step in value else []
    return [value[step]] if isinstance(value, list) and -len(value) <= step < len(value) else []


def _found(text: str, path: str) -> list[Any] | None:
    """What a path leads to; None where the text is no JSON."""
    steps = steps_of(path)
    try:
        values = [json.loads(text)]
    except ValueError:
        return None
    for deep, step in steps:
        holders = [each for value in values for each in (inside(value) if deep else [value])]
        values = [part for holder in holders for part in stepped(holder, step)]
    return values


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@function(
    "extract_json(jsonb, text) -> _text",
    rowwise=True,
    examples={"""extract_json('{"a": [1, 2]}'::jsonb, '$.a[1]')""": "{2}"},
)
@function(
    "extract_json(json, text) -> _text",
    rowwise=True,
    examples={"""extract_json('{"a": [1, 2]}'::json, '$.a[1]')""": "{2}"},
)
@function(
    "extract_json(text, text) -> _text",
    rowwise=True,
    examples={
        """extract_json('{"a": [{"b": 1}, {"b": "x"}]}', '$.a[*].b')""": '{1,"\\"x\\""}',
        "extract_json('no json', '$')": "NULL",
        "extract_json('{}', 'a')": "ERROR: 22023 invalid JSON path: 'a'",
    },
)
def extract_json(text: str, path: str) -> list[str] | None:
    """Everything that a JSONPath leads to, as JSON."""
    found = _found(text, path)
    return None if found is None else [_written(value) for value in found]


@function(
    "get_first_json_object(text, text) -> text",
    rowwise=True,
    examples={"""get_first_json_object('{"a": {"b": [1, 2]}}', '$.a')""": '{"b":[1,2]}'},
)
def get_first_json_object(text: str, path: str) -> str | None:
    """The first that a JSONPath leads to, as JSON."""
    found = _found(text, path)
    return _written(found[0]) if found else None


@function(
    "extract_json_string(text, text) -> text",
    rowwise=True,
    examples={
        """extract_json_string('{"a": ["x", 2]}', '$..a[0]')""": "x",
        """extract_json_string('{"a": 1}', '$.a')""": "NULL",
    },
)
def extract_json_string(text: str, path: str) -> str | None:
    """The first that a JSONPath leads to, if it is a string."""
    found = _found(text, path)
    return found[0] if found and isinstance(found[0], str) else None


_NOTHING = object()


def _got(text: str, key: str | int) -> Any:
    """What is at a key or an index; `_NOTHING` where nothing is."""
    try:
        found = stepped(json.loads(text), key)
    except ValueError:
        return _NOTHING
    return found[0] if found else _NOTHING


def _as_int(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _as_float(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _as_list(value: Any) -> list[str] | None:
    return [_written(part) for part in value] if isinstance(value, list) else None


def _as_text(value: Any) -> str | None:
    return None if value is _NOTHING or value is None else value if isinstance(value, str) else _written(value)


_READINGS: dict[str, tuple[str, Callable[[Any], Any], str, str, str]] = {
    "json_get_str": ("text", lambda value: value if isinstance(value, str) else None, "The string", '"x"', "x"),
    "json_get_int": ("int8", _as_int, "The integer", "7", "7"),
    "json_get_float": ("float8", _as_float, "The number", "7", "7"),
    "json_get_bool": ("bool", lambda value: value if isinstance(value, bool) else None, "The boolean", "true", "t"),
    "json_get_array": ("_text", _as_list, "The elements of the array", "[1,2]", "{1,2}"),
    "json_get_json": ("text", lambda value: None if value is _NOTHING else _written(value), "The JSON", "[1]", "[1]"),
    "json_get": ("text", _as_text, "The value as text", '"x"', "x"),
    "json_as_text": ("text", _as_text, "The value as text", '{"b": 1}', '{"b":1}'),
    "json_contains": ("bool", lambda value: value is not _NOTHING, "Whether there is a value", "null", "t"),
}


def _declare_reading(name: str) -> None:
    result, read, doc, content, shown = _READINGS[name]

    def reading(text: str, key: str | int) -> Any:
        return read(_got(text, key))

    for type, spelled in (("text", ""), ("json", "::json"), ("jsonb", "::jsonb")):
        for key, document, asked in (("text", f'{{"a": {content}}}', "'a'::text"), ("int4", f"[{content}]", "0")):
            function(
                f"{name}({type}, {key}) -> {result}",
                rowwise=True,
                doc=f"{doc} at a key or an index; NULL where there is none.",
                examples={f"{name}('{document}'{spelled}, {asked})": shown},
            )(reading)


for _name in _READINGS:
    _declare_reading(_name)


@function(
    "json_length(text) -> int8",
    rowwise=True,
    examples={"""json_length('{"a": 1, "b": 2}')""": "2", "json_length('1')": "NULL"},
)
def json_length(text: str) -> int | None:
    """How many parts an object or an array has."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return len(value) if isinstance(value, dict | list) else None
