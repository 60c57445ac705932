"""JSON objects of arrays of texts; json without its null members; jsonb_set_lax."""

import json
from collections.abc import Callable, Sequence
from json.encoder import encode_basestring as quoted
from typing import Any

from pgstream.errors import ArraySubscriptError, InvalidParameterValue, NullValueNotAllowed
from pgstream.functions.json import MISSING, parsed
from pgstream.functions.json_changes import changed
from pgstream.functions.registry import function
from pgstream.types.json_text import Number, refuse_constant
from pgstream.types.jsonb import jsonb_text

Pairs = Sequence[tuple[str | None, str | None]]


def _pairs_of(array: list[Any]) -> Pairs:
    if array and isinstance(array[0], list):
        if len(array[0]) != 2:
            raise ArraySubscriptError("array must have two columns")
        return [(key, value) for key, value in array]
    if len(array) % 2:
        raise ArraySubscriptError("array must have even number of elements")
    return list(zip(array[::2], array[1::2], strict=True))


def _zipped(keys: list[Any], values: list[Any]) -> Pairs:
    if any(isinstance(one, list) for one in (*keys, *values)):
        raise ArraySubscriptError("wrong number of array subscripts")
    if len(keys) != len(values):
        raise ArraySubscriptError("mismatched array dimensions")
    return list(zip(keys, values, strict=True))


def _known(pairs: Pairs) -> list[tuple[str, str | None]]:
    known = [(key, value) for key, value in pairs if key is not None]
    if len(known) < len(pairs):
        raise NullValueNotAllowed("null value not allowed for object key")
    return known


def _json_object(pairs: Pairs) -> str:
    members = (f"{quoted(key)} : {'null' if value is None else quoted(value)}" for key, value in _known(pairs))
    return "{" + ", ".join(members) + "}"


def _jsonb_object(pairs: Pairs) -> str:
    return jsonb_text(dict(_known(pairs)))


def _declare(name: str, made: Callable[[Pairs], str], colon: str) -> None:
    function(
        f"{name}(_text) -> {name.partition('_')[0]}",
        rowwise=True,
        doc="An object of alternating keys and values.",
        examples={
            f"{name}('{{a,1,b,def,c,NULL}}')": f'{{"a"{colon}"1", "b"{colon}"def", "c"{colon}null}}',
            f"{name}('{{a,1,b}}')": "ERROR: 2202E array must have even number of elements",
            f"{name}('{{NULL,1}}')": "ERROR: 22004 null value not allowed for object key",
        },
    )(lambda array: made(_pairs_of(array)))
    function(
        f"{name}(_text, _text) -> {name.partition('_')[0]}",
        rowwise=True,
        doc="An object of the keys and the values.",
        examples={
            f"{name}('{{a,b}}', '{{1,2}}')": f'{{"a"{colon}"1", "b"{colon}"2"}}',
            f"{name}('{{a,b}}', '{{1}}')": "ERROR: 2202E mismatched array dimensions",
        },
    )(lambda keys, values: made(_zipped(keys, values)))


_declare("json_object", _json_object, " : ")
_declare("jsonb_object", _jsonb_object, ": ")


class Members(list[tuple[str, Any]]):
    """The members of an object of type json, which may have the same key many times."""


_DECODER = json.JSONDecoder(
    object_pairs_hook=Members, parse_float=Number, parse_int=Number, parse_constant=refuse_constant
)


def _stripped(value: Any) -> str:
    """The text of a value without members that are null."""
    if isinstance(value, Members):
        return "{" + ",".join(f"{quoted(key)}:{_stripped(own)}" for key, own in value if own is not None) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_stripped, value)) + "]"
    if isinstance(value, str):
        return value if isinstance(value, Number) else quoted(value)
    return json.dumps(value)


function(
    "json_strip_nulls(json) -> json",
    rowwise=True,
    doc="Without members that are null.",
    examples={
        """json_strip_nulls('[{"f1":1, "f2":null}, 2, null, {"a":{"b":null}}]')""": '[{"f1":1},2,null,{"a":{}}]',
        """json_strip_nulls('{"a": 1.50, "a":2}')""": '{"a":1.50,"a":2}',
    },
)(lambda text: _stripped(_DECODER.decode(text)))

_TREATMENTS = ("delete_key", "return_target", "use_json_null", "raise_exception")
_LAX = "jsonb_set_lax('{\"a\": 1, \"b\": 2}', '{b}', NULL"


@function(
    "jsonb_set_lax(jsonb, _text, jsonb, bool, text) -> jsonb",
    rowwise=True,
    strict=False,
    defaults=2,
    examples={
        f"{_LAX})": '{"a": 1, "b": null}',
        f"{_LAX}, true, 'delete_key')": '{"a": 1}',
        f"{_LAX}, true, 'return_target')": '{"a": 1, "b": 2}',
        f"{_LAX}, true, 'raise_exception')": "ERROR: 22004 JSON value must not be null",
        f"{_LAX}, NULL, 'x')": "NULL",
        f"{_LAX}, true, 'x')": 'ERROR: 22023 null_value_treatment must be "delete_key", "return_target",'
        ' "use_json_null", or "raise_exception"',
    },
)
def jsonb_set_lax(
    text: str | None,
    path: list[str] | None,
    new: str | None,
    create: bool | None = True,
    treatment: str | None = "use_json_null",
) -> str | None:
    """With what a path leads to replaced; the last argument says what an SQL NULL does there."""
    if text is None or path is None or create is None:
        return None
    if treatment not in _TREATMENTS:
        listed = '"delete_key", "return_target", "use_json_null", or "raise_exception"'
        raise InvalidParameterValue(f"null_value_treatment must be {listed}")
    if new is None and treatment == "raise_exception":
        raise NullValueNotAllowed(
            "JSON value must not be null",
            detail='Exception was raised because null_value_treatment is "raise_exception".',
            hint="To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed.",
        )
    if new is None and treatment == "return_target":
        return text
    value = parsed(text)
    if not isinstance(value, dict | list):
        verb = "delete" if new is None and treatment == "delete_key" else "set"
        raise InvalidParameterValue(f"cannot {verb} path in scalar")
    wanted = parsed(new) if new is not None else MISSING if treatment == "delete_key" else None
    return jsonb_text(changed(value, path, wanted, create))
