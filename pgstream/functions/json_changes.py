"""jsonb changed at a path: jsonb_set, jsonb_insert and #-."""

from typing import Any

from pgstream.errors import InvalidParameterValue, InvalidTextRepresentation
from pgstream.functions.json import MISSING, parsed
from pgstream.functions.registry import function
from pgstream.types.jsonb import jsonb_text


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


def _inserted(value: Any, path: list[str], new: Any, after: bool) -> Any:
    """`value` with `new` before or after the element, or as the new member, that `path` leads to."""
    step, rest = path[0], path[1:]
    if isinstance(value, dict):
        if rest:
            return {**value, step: _inserted(value[step], rest, new, after)} if step in value else value
        if step in value:
            hint = "Try using the function jsonb_set to replace key value."
            raise InvalidParameterValue("cannot replace existing key", hint=hint)
        return {**value, step: new}
    if not isinstance(value, list):
        return value
    try:
        index = int(step)
    except ValueError:
        raise InvalidTextRepresentation(f'path element at position 1 is not an integer: "{step}"') from None
    at = index if index >= 0 else index + len(value)
    if rest:
        inside = 0 <= at < len(value)
        return [*value[:at], _inserted(value[at], rest, new, after), *value[at + 1 :]] if inside else value
    at = 0 if at < 0 else at + after
    return [*value[:at], new, *value[at:]]


def _insert(text: str, path: list[str], new: str, after: bool = False) -> str:
    value = parsed(text)
    if not isinstance(value, dict | list):
        raise InvalidParameterValue("cannot set path in scalar")
    return jsonb_text(_inserted(value, path, parsed(new), after)) if path else text


function(
    "jsonb_insert(jsonb, _text, jsonb) -> jsonb",
    rowwise=True,
    doc="With a value before the element that a path leads to.",
    examples={
        """jsonb_insert('{"a": [0, 1, 2]}', '{a,1}', '9')""": '{"a": [0, 9, 1, 2]}',
        """jsonb_insert('{"a": [0, 1]}', '{a,-10}', '9')""": '{"a": [9, 0, 1]}',
        """jsonb_insert('{"a": {"b": 1}}', '{a,c}', '9')""": '{"a": {"b": 1, "c": 9}}',
    },
)(_insert)
function(
    "jsonb_insert(jsonb, _text, jsonb, bool) -> jsonb",
    rowwise=True,
    doc="With a value before or after the element that a path leads to.",
    examples={"""jsonb_insert('{"a": [0, 1, 2]}', '{a,1}', '9', true)""": '{"a": [0, 1, 9, 2]}'},
)(_insert)
