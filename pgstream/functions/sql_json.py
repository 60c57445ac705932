"""What JSON_VALUE, JSON_QUERY and JSON_EXISTS of SQL's standard are made of: paths in lax mode, or in strict mode."""

import json
from typing import Any

from pgstream.functions.json_paths import inside, stepped, steps_of
from pgstream.functions.registry import function


def _found(text: str, path: str) -> list[Any] | None:
    """What a path leads to; None where the text is no JSON, or a strict path has no such step."""
    mode, _, rest = path.strip().partition(" ")
    strict = mode == "strict"
    steps = steps_of((rest if mode in ("lax", "strict") else path).strip().replace(".[", "["))
    try:
        values = [json.loads(text)]
    except ValueError:
        return None
    for deep, step in steps:
        found: list[Any] = []
        for value in values:
            for holder in inside(value) if deep else [value]:
                unwraps = isinstance(holder, list) and isinstance(step, str) and not strict
                parts = [part for each in (holder if unwraps else [holder]) for part in stepped(each, step)]
                if strict and not parts and not deep and step is not None:
                    return None
                found += parts
        values = found
    return values


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@function(
    "json_path_found(text, text) -> bool",
    rowwise=True,
    examples={
        """json_path_found('{"a": [{"b": 1}]}', 'lax $.a.b')""": "t",
        """json_path_found('{"a": [{"b": 1}]}', 'strict $.a.b')""": "f",
        "json_path_found('no json', '$')": "f",
    },
)
def json_path_found(text: str, path: str) -> bool:
    """Whether a path leads anywhere."""
    return bool(_found(text, path))


@function(
    "json_path_scalar(text, text) -> text",
    rowwise=True,
    examples={
        """json_path_scalar('{"a": true}', '$.a')""": "true",
        """json_path_scalar('{"a": [0.5, 1]}', '$.a[0]')""": "0.5",
        """json_path_scalar('{"a": [1]}', '$.a')""": "NULL",
    },
)
def json_path_scalar(text: str, path: str) -> str | None:
    """The one string, number or boolean that a path leads to, as text."""
    found = _found(text, path)
    if found is None or len(found) != 1 or found[0] is None or isinstance(found[0], dict | list):
        return None
    return found[0] if isinstance(found[0], str) else _text(found[0])


@function(
    "json_path_outcome(text, text) -> text",
    rowwise=True,
    examples={
        """json_path_outcome('{"a": 1}', '$.a')""": "value",
        """json_path_outcome('{"a": 1}', '$.b')""": "empty",
        """json_path_outcome('{"a": {}}', '$.a')""": "error",
    },
)
def json_path_outcome(text: str, path: str) -> str:
    """Whether a path leads to one scalar (value), nowhere (empty), or to something else (error)."""
    found = _found(text, path)
    if found == []:
        return "empty"
    return "error" if found is None or len(found) > 1 or isinstance(found[0], dict | list) else "value"


@function(
    "json_path_document(text, text, text) -> text",
    rowwise=True,
    examples={
        """json_path_document('{"a": {"b": 1}}', '$.a', 'without')""": '{"b":1}',
        """json_path_document('{"a": 1}', '$.a', 'always')""": "[1]",
        """json_path_document('[1, 2]', '$[*]', 'conditional')""": "[1,2]",
        """json_path_document('[1, 2]', '$[*]', 'without')""": "NULL",
    },
)
def json_path_document(text: str, path: str, wrapper: str) -> str | None:
    """The object or array that a path leads to, as JSON; with a wrapper, an array of all that it leads to."""
    found = _found(text, path)
    if not found:
        return None
    single = len(found) == 1 and isinstance(found[0], dict | list)
    if wrapper == "always" or (wrapper == "conditional" and not single):
        return _text(found)
    return _text(found[0]) if single else None
