"""jsonb and json expanded to rows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue
from pgstream.functions.json import parsed, shown
from pgstream.functions.regexp import set_of
from pgstream.functions.registry import function
from pgstream.types.jsonb import sorted_items


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
                    else f"cannot call json_array_elements on a {'non-array' if isinstance(value, dict) else 'scalar'}"
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
