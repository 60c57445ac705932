"""Arrays of one dimension: containment, joining, searching, and texts cut into them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import DatatypeMismatch, FeatureNotSupported, InvalidParameterValue, NullValueNotAllowed
from pgstream.functions.registry import STABLE, BoundCall, function
from pgstream.functions.vector import column_of, list_bounds, list_column, numbers, ranges, valid
from pgstream.types.definition import SqlType


def keys_of(column: Column, element: SqlType) -> list[Any]:
    """For each element something hashable that is equal where SQL's = holds; None for NULL."""
    equality = element.definition.equality_key
    return list((column if equality is None else equality(column)).to_pylist())


def element_of(call: BoundCall, position: int) -> SqlType:
    """The element type of an array argument."""
    element = call.arguments[position].element
    assert element is not None, call.arguments
    return element


def _sets(call: BoundCall, position: int, column: Column) -> list[list[Any]]:
    starts, lengths = list_bounds(column)
    keys = keys_of(column.values, element_of(call, position))
    return [keys[start : start + length] for start, length in zip(starts.tolist(), lengths.tolist(), strict=True)]


def _tested(test: Callable[[list[Any], list[Any]], bool]) -> Callable[[BoundCall, Column, Column], Column]:
    def kernel(call: BoundCall, left: Column, right: Column) -> Column:
        pairs = zip(_sets(call, 0, left), _sets(call, 1, right), strict=True)
        return pa.array([test(a, b) for a, b in pairs], pa.bool_())

    return kernel


def _contains(left: list[Any], right: list[Any]) -> bool:
    """Whether `left` has each element of `right`; a NULL is equal to nothing."""
    known = set(left) - {None}
    return all(element in known for element in right)


for _operator, _name, _test, _doc, _examples in (
    (
        "@>",
        "arraycontains",
        _contains,
        "Whether the first array has each element of the second.",
        {"ARRAY[1,4,3] @> ARRAY[3,1,3]": "t", "ARRAY[1,NULL] @> ARRAY[NULL]::int[]": "f"},
    ),
    (
        "<@",
        "arraycontained",
        lambda a, b: _contains(b, a),
        "Whether the second array has each element of the first.",
        {"ARRAY[2,2] <@ ARRAY[1,2]": "t"},
    ),
    (
        "&&",
        "arrayoverlap",
        lambda a, b: not (set(a) - {None}).isdisjoint(b),
        "Whether the arrays have an element in common.",
        {"ARRAY[1,2] && ARRAY[2,3]": "t", "ARRAY[1] && ARRAY[3]": "f"},
    ),
):
    function(f"{_name}(anyarray, anyarray) -> bool", operator=_operator, bound=True, doc=_doc, examples=_examples)(
        _tested(_test)
    )


def _concatenated(left: Column, right: Column) -> Column:
    """Both lists of each row, one after the other; a NULL list counts as absent."""
    (a, n), (b, m) = list_bounds(left), list_bounds(right)
    flat = pa.concat_arrays([left.values, right.values])
    starts = np.stack([a, b + len(left.values)], 1).reshape(-1)
    picks = ranges(starts, np.stack([n, m], 1).reshape(-1))
    return list_column(flat.take(column_of(picks, pa.int64())), n + m, ~valid(left) & ~valid(right))


def _singletons(column: Column) -> Column:
    return list_column(column, np.ones(len(column), np.int64))


def _append(array: Column, element: Column) -> Column:
    return _concatenated(array, _singletons(element))


def _prepend(element: Column, array: Column) -> Column:
    return _concatenated(_singletons(element), array)


for _name, _types, _kernel, _doc, _examples in (
    (
        "array_cat",
        "anycompatiblearray, anycompatiblearray",
        _concatenated,
        "Both arrays joined.",
        {
            "array_cat(ARRAY[1,2], ARRAY[3])": "{1,2,3}",
            "ARRAY[1,2] || ARRAY[3,4]": "{1,2,3,4}",
            "ARRAY[1,2] || NULL::int[]": "{1,2}",
        },
    ),
    (
        "array_append",
        "anycompatiblearray, anycompatible",
        _append,
        "The array with an element more at its end.",
        {
            "array_append(ARRAY[1,2], 3)": "{1,2,3}",
            "ARRAY[1,2] || 3": "{1,2,3}",
            "array_append(NULL::int[], NULL)": "{NULL}",
        },
    ),
    (
        "array_prepend",
        "anycompatible, anycompatiblearray",
        _prepend,
        "The array with an element more at its start.",
        {"array_prepend(1, ARRAY[2,3])": "{1,2,3}", "1 || ARRAY[2,3]": "{1,2,3}"},
    ),
):
    function(f"{_name}({_types}) -> anycompatiblearray", operator="||", strict=False, doc=_doc, examples=_examples)(
        _kernel
    )


def _length(array: Column, dimension: Column) -> Column:
    lengths = list_bounds(array)[1]
    return column_of(lengths, pa.int32(), (numbers(dimension) != 1) | (lengths == 0))


function(
    "array_length(anyarray, int4) -> int4",
    doc="The length of a dimension; NULL for an empty array.",
    examples={
        "array_length(ARRAY[1,2,3], 1)": "3",
        "array_length(ARRAY[]::int[], 1)": "NULL",
        "array_length(ARRAY[1], 2)": "NULL",
    },
)(_length)
function(
    "array_upper(anyarray, int4) -> int4",
    doc="The last index of a dimension.",
    examples={"array_upper(ARRAY[1,8,3,7], 1)": "4"},
)(_length)


@function("array_lower(anyarray, int4) -> int4", examples={"array_lower(ARRAY[5,6], 1)": "1"})
def array_lower(array: Column, dimension: Column) -> Column:
    """The first index of a dimension: 1."""
    return pc.if_else(_length(array, dimension).is_valid(), pa.scalar(1, pa.int32()), pa.scalar(None, pa.int32()))


function(
    "cardinality(anyarray) -> int4",
    doc="The number of elements.",
    examples={"cardinality(ARRAY[1,2])": "2", "cardinality(ARRAY[]::int[])": "0"},
)(lambda array: column_of(list_bounds(array)[1], pa.int32()))


@function(
    "array_ndims(anyarray) -> int4", examples={"array_ndims(ARRAY[1,2])": "1", "array_ndims(ARRAY[]::int[])": "NULL"}
)
def array_ndims(array: Column) -> Column:
    """The number of dimensions; NULL for an empty array."""
    return column_of(np.ones(len(array)), pa.int32(), list_bounds(array)[1] == 0)


@function("array_dims(anyarray) -> text", examples={"array_dims(ARRAY[1,2])": "[1:2]"})
def array_dims(array: Column) -> Column:
    """The bounds as text."""
    return pa.array([f"[1:{length}]" if length else None for length in list_bounds(array)[1].tolist()], pa.string())


def _positions(call: BoundCall, array: Column, element: Column) -> list[list[int] | None]:
    alive = valid(array)
    wanted = keys_of(element, call.arguments[1])
    lists = _sets(call, 0, array)
    return [
        [index + 1 for index, key in enumerate(keys) if key == want] if known else None
        for keys, want, known in zip(lists, wanted, alive, strict=True)
    ]


@function(
    "array_position(anycompatiblearray, anycompatible) -> int4",
    bound=True,
    strict=False,
    examples={
        "array_position(ARRAY['sun','mon','tue'], 'mon')": "2",
        "array_position(ARRAY[1,NULL], NULL)": "2",
        "array_position(ARRAY[1], 7)": "NULL",
    },
)
def array_position(call: BoundCall, array: Column, element: Column) -> Column:
    """The index of the first element that is equal; NULL where there is none."""
    return pa.array([found[0] if found else None for found in _positions(call, array, element)], pa.int32())


@function(
    "array_position(anycompatiblearray, anycompatible, int4) -> int4",
    bound=True,
    strict=False,
    examples={"array_position(ARRAY[1,2,1], 1, 2)": "3"},
)
def array_position_from(call: BoundCall, array: Column, element: Column, start: Column) -> Column:
    """The index of the first equal element from `start` on."""
    if start.null_count:
        raise NullValueNotAllowed("initial position must not be null")
    rows = zip(_positions(call, array, element), start.to_pylist(), strict=True)
    return pa.array([next((at for at in found or () if at >= first), None) for found, first in rows], pa.int32())


@function(
    "array_positions(anycompatiblearray, anycompatible) -> _int4",
    bound=True,
    strict=False,
    examples={"array_positions(ARRAY['A','A','B','A'], 'A')": "{1,2,4}"},
)
def array_positions(call: BoundCall, array: Column, element: Column) -> Column:
    """The indices of all equal elements."""
    return pa.array(_positions(call, array, element), pa.list_(pa.int32()))


def _kept(array: Column, keep: NDArray[np.bool_], starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> Column:
    """`array` with only the elements where `keep` (over the elements of all rows) holds."""
    owners = np.repeat(np.arange(len(array)), lengths)
    picks = ranges(starts, lengths)[keep]
    sizes = np.bincount(owners[keep], minlength=len(array))
    return list_column(array.values.take(column_of(picks, pa.int64())), sizes, ~valid(array))


@function(
    "array_remove(anycompatiblearray, anycompatible) -> anycompatiblearray",
    bound=True,
    strict=False,
    examples={"array_remove(ARRAY[1,2,3,2], 2)": "{1,3}", "array_remove(ARRAY[1,NULL], NULL)": "{1}"},
)
def array_remove(call: BoundCall, array: Column, element: Column) -> Column:
    """The array without the elements that are equal."""
    starts, lengths = list_bounds(array)
    wanted = keys_of(element, call.arguments[1])
    lists = _sets(call, 0, array)
    keep = np.array([key != want for keys, want in zip(lists, wanted, strict=True) for key in keys], np.bool_)
    return _kept(array, keep, starts, lengths)


@function(
    "array_replace(anycompatiblearray, anycompatible, anycompatible) -> anycompatiblearray",
    bound=True,
    strict=False,
    examples={"array_replace(ARRAY[1,2,5,4], 5, 3)": "{1,2,3,4}"},
)
def array_replace(call: BoundCall, array: Column, old: Column, new: Column) -> Column:
    """The array with equal elements replaced."""
    starts, lengths = list_bounds(array)
    wanted = keys_of(old, call.arguments[1])
    hit = [key == want for keys, want in zip(_sets(call, 0, array), wanted, strict=True) for key in keys]
    owners = np.repeat(np.arange(len(array)), lengths)
    picks = np.where(np.array(hit, np.bool_), len(array.values) + owners, ranges(starts, lengths))
    flat = pa.concat_arrays([array.values, new]).take(column_of(picks, pa.int64()))
    return list_column(flat, lengths, ~valid(array))


@function(
    "array_fill(anyelement, _int4) -> anyarray", strict=False, examples={"array_fill(11, ARRAY[3])": "{11,11,11}"}
)
def array_fill(value: Column, dimensions: Column) -> Column:
    """An array of one dimension with `value` everywhere."""
    if dimensions.null_count:
        raise NullValueNotAllowed("dimension array or low bound array cannot be null")
    sizes = [row[0] if row else 0 for row in dimensions.to_pylist()]
    if any(len(row) > 1 for row in dimensions.to_pylist()):
        raise DatatypeMismatch("arrays of several dimensions are not supported")
    owners = np.repeat(np.arange(len(value)), sizes)
    return list_column(value.take(column_of(owners, pa.int64())), np.array(sizes, np.int64))


@function(
    "array_fill(anyelement, _int4, _int4) -> anyarray",
    strict=False,
    examples={"array_fill(7, ARRAY[2], ARRAY[1])": "{7,7}"},
)
def array_fill_from(value: Column, dimensions: Column, lower: Column) -> Column:
    """An array of one dimension, whose first element is at 1, with `value` everywhere."""
    if lower.null_count:
        raise NullValueNotAllowed("dimension array or low bound array cannot be null")
    if any(first != 1 for firsts in lower.to_pylist() for first in firsts):
        raise FeatureNotSupported("arrays whose first element is not at 1 are not supported")
    return array_fill(value, dimensions)


@function("trim_array(anyarray, int4) -> anyarray", examples={"trim_array(ARRAY[1,2,3,4], 2)": "{1,2}"})
def trim_array(array: Column, count: Column) -> Column:
    """The array without its last elements."""
    starts, lengths = list_bounds(array)
    cut = numbers(count).astype(np.int64)
    if ((cut < 0) | (cut > lengths)).any():
        raise InvalidParameterValue(f"number of elements to trim must be between 0 and {int(lengths.max(initial=0))}")
    picks = column_of(ranges(starts, lengths - cut), pa.int64())
    return list_column(array.values.take(picks), lengths - cut)


def _to_string(call: BoundCall, array: Column, delimiter: Column, null: Column | None = None) -> Column:
    element = element_of(call, 0)
    texts = element.definition.format(array.values, call.context.settings).to_pylist()
    starts, lengths = list_bounds(array)
    nulls = [None] * len(array) if null is None else null.to_pylist()
    made: list[str | None] = []
    for row, (start, length, between, instead) in enumerate(
        zip(starts, lengths, delimiter.to_pylist(), nulls, strict=True)
    ):
        if between is None or not array[row].is_valid:
            made.append(None)
            continue
        words = (text if text is not None else instead for text in texts[start : start + length])
        made.append(between.join(word for word in words if word is not None))
    return pa.array(made, pa.string())


function(
    "array_to_string(anyarray, text) -> text",
    bound=True,
    volatility=STABLE,
    doc="The elements' texts joined; NULLs are left out.",
    examples={"array_to_string(ARRAY[1,2,NULL,5], ',')": "1,2,5"},
)(_to_string)
function(
    "array_to_string(anyarray, text, text) -> text",
    bound=True,
    strict=False,
    volatility=STABLE,
    doc="The elements' texts joined, with a text for NULL.",
    examples={"array_to_string(ARRAY[1,2,NULL,5], ',', '*')": "1,2,*,5"},
)(_to_string)


def pieces(text: str | None, delimiter: str | None, null: str | None = None) -> list[str | None] | None:
    """`text` cut at each delimiter: into characters where that is NULL, and not at all where it is empty."""
    if text is None:
        return None
    if not text:
        return []
    found: list[str] = list(text) if delimiter is None else text.split(delimiter) if delimiter else [text]
    return [None if null is not None and piece == null else piece for piece in found]


function(
    "string_to_array(text, text) -> _text",
    rowwise=True,
    strict=False,
    doc="The text cut at each delimiter.",
    examples={
        "string_to_array('xx~~yy~~zz', '~~')": "{xx,yy,zz}",
        "string_to_array('abc', NULL)": "{a,b,c}",
        "string_to_array('', ',')": "{}",
    },
)(pieces)
function(
    "string_to_array(text, text, text) -> _text",
    rowwise=True,
    strict=False,
    doc="The text cut at each delimiter; a piece equal to the third text is NULL.",
    examples={"string_to_array('xx~~yy~~zz', '~~', 'yy')": "{xx,NULL,zz}"},
)(pieces)
