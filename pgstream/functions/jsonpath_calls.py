"""The functions and operators that follow paths of SQL/JSON."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue
from pgstream.functions.json import parsed
from pgstream.functions.jsonpath import followed
from pgstream.functions.jsonpath_items import PathError, SingletonRequired
from pgstream.functions.regexp import set_of
from pgstream.functions.registry import IMMUTABLE, STABLE, Volatility, function
from pgstream.types.jsonb import jsonb_text
from pgstream.types.jsonpath_text import path_of

_TARGET = """'{"a": [1, 2, 3]}'::jsonb"""


def _variables(text: str) -> dict[str, Any]:
    made = parsed(text)
    if not isinstance(made, dict):
        raise InvalidParameterValue(
            '"vars" argument is not an object',
            detail='Jsonpath parameters should be encoded as key-value pairs of "vars" object.',
        )
    return made


def _found(target: str, path: str, variables: str = "{}", silent: bool = False) -> list[Any]:
    """All that a path leads to; with `silent`, up to what is wrong."""
    found: list[Any] = []
    try:
        found.extend(followed(path_of(path), parsed(target), _variables(variables)))
    except PathError:
        if not silent:
            raise
    return found


def _exists(target: str, path: str, variables: str = "{}", silent: bool = False) -> bool | None:
    known = path_of(path)
    try:
        found = followed(known, parsed(target), _variables(variables))
        return bool(list(found)) if known.strict else next((True for _ in found), False)
    except PathError:
        if not silent:
            raise
        return None


def _match(target: str, path: str, variables: str = "{}", silent: bool = False) -> bool | None:
    found = _found(target, path, variables, silent)
    if len(found) == 1 and (found[0] is None or isinstance(found[0], bool)):
        return found[0]
    if not silent:
        raise SingletonRequired("single boolean result is expected")
    return None


def _array(target: str, path: str, variables: str = "{}", silent: bool = False) -> str:
    return jsonb_text(_found(target, path, variables, silent))


def _first(target: str, path: str, variables: str = "{}", silent: bool = False) -> str | None:
    found = _found(target, path, variables, silent)
    return jsonb_text(found[0]) if found else None


def _rows(*args: Column) -> Any:
    rows = zip(*(arg.to_pylist() for arg in args), strict=True)
    return set_of([[jsonb_text(value) for value in _found(*row)] for row in rows], pa.string())


def _declare(suffix: str, volatility: Volatility) -> None:
    kinds: list[tuple[str, str, Callable[..., Any], str, str, str]] = [
        ("exists", "bool", _exists, "Whether a path leads to anything.", "$.a[*] ? (@ > 2)", "t"),
        ("match", "bool", _match, "The one truth that a path leads to.", "exists($.a[*] ? (@ > 5))", "f"),
        ("query_array", "jsonb", _array, "All that a path leads to, as an array.", "$.a[*] ? (@ > 1)", "[2, 3]"),
        ("query_first", "jsonb", _first, "The first that a path leads to.", "$.a[*] ? (@ > 1)", "2"),
    ]
    for name, result, kernel, doc, path, shown in kinds:
        function(
            f"jsonb_path_{name}{suffix}(jsonb, jsonpath, jsonb, bool) -> {result}",
            rowwise=True,
            defaults=2,
            volatility=volatility,
            doc=doc,
            examples={f"jsonb_path_{name}{suffix}({_TARGET}, '{path}')": shown},
        )(kernel)
    function(
        f"jsonb_path_query{suffix}(jsonb, jsonpath, jsonb, bool) -> SETOF jsonb",
        defaults=2,
        volatility=volatility,
        doc="All that a path leads to, one a row.",
        examples={f"jsonb_path_query{suffix}({_TARGET}, '$.a[*] ? (@ > $n)', '{{\"n\": 1}}')": "2|3"},
    )(_rows)


_declare("", IMMUTABLE)
_declare("_tz", STABLE)
function(
    "jsonb_path_exists_opr(jsonb, jsonpath) -> bool",
    operator="@?",
    rowwise=True,
    doc="Whether a path leads to anything; unknown where it does not fit.",
    examples={f"{_TARGET} @? '$.a[*] ? (@ > 2)'": "t", "'1'::jsonb @? 'strict $.a'": "NULL"},
)(partial(_exists, silent=True))
function(
    "jsonb_path_match_opr(jsonb, jsonpath) -> bool",
    operator="@@",
    rowwise=True,
    doc="The one truth that a path leads to; unknown where it does not fit.",
    examples={f"{_TARGET} @@ '$.a[*] > 2'": "t", f"{_TARGET} @@ '$.a'": "NULL"},
)(partial(_match, silent=True))
