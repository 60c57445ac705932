"""Functions of arrays under the names of DataFusion and its kin, which PostgreSQL has not.

Each says which elements of a row's array its result has: `made_of` takes them from the arrays together.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue, UndefinedFunction
from pgstream.functions.arrays import element_of, keys_of
from pgstream.functions.registry import BoundCall, function
from pgstream.functions.vector import column_of, list_bounds, list_column

Keys = list[Any]


def rows_of(array: Column, keys: Sequence[Any]) -> list[tuple[int, Keys]]:
    """For each row where its elements start, and their keys."""
    starts, lengths = list_bounds(array)
    return [
        (start, list(keys[start : start + length]))
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True)
    ]


def _keyed(call: BoundCall, position: int, array: Column) -> list[tuple[int, Keys]]:
    return rows_of(array, keys_of(array.values, element_of(call, position)))


def made_of(values: Column, picks: Iterable[Sequence[int]]) -> Column:
    """Arrays of the elements of `values` at the places that each row names."""
    listed = [list(row) for row in picks]
    flat = np.array([place for row in listed for place in row], np.int64)
    return list_column(values.take(column_of(flat, pa.int64())), np.array([len(row) for row in listed], np.int64))


def named(prefixed: str, *others: str) -> tuple[str, ...]:
    """`array_x` with its other name `list_x`, and more."""
    return (prefixed, prefixed.replace("array_", "list_", 1), *others)


def declared(
    names: tuple[str, ...],
    signature: str,
    kernel: Callable[..., Column],
    doc: str,
    examples: dict[str, str],
    **how: Any,
) -> None:
    """One function under several names; `{}` in its examples is the name."""
    for name in names:
        shown = {call.replace("{}", name): answer for call, answer in examples.items()}
        function(name + signature, bound=True, doc=doc, examples=shown, **how)(kernel)


def _distinct(keys: Keys, start: int, known: set[Any]) -> list[int]:
    """Where each key is first, that is not in `known`, which is added to."""
    found = []
    for at, key in enumerate(keys):
        if key not in known:
            known.add(key)
            found.append(start + at)
    return found


def _array_distinct(call: BoundCall, array: Column) -> Column:
    return made_of(array.values, (_distinct(keys, start, set()) for start, keys in _keyed(call, 0, array)))


declared(named("array_distinct"), "(anyarray) -> anyarray", _array_distinct,
         "Each element once, where it is first.", {"{}(ARRAY[3,1,3,2,1])": "{3,1,2}"})  # fmt: skip


def _combined(pick: Callable[[int, Keys, int, Keys], list[int]]) -> Callable[..., Column]:
    """A kernel of two arrays: `pick` chooses places in the values of both, those of the second behind the first's."""

    def kernel(call: BoundCall, left: Column, right: Column) -> Column:
        behind = len(left.values)
        pairs = zip(_keyed(call, 0, left), _keyed(call, 1, right), strict=True)
        picks = (pick(start, keys, behind + other_start, other) for (start, keys), (other_start, other) in pairs)
        return made_of(pa.concat_arrays([left.values, right.values]), picks)

    return kernel


def _union(start: int, keys: Keys, other_start: int, other: Keys) -> list[int]:
    known: set[Any] = set()
    return _distinct(keys, start, known) + _distinct(other, other_start, known)


def _intersection(start: int, keys: Keys, _: int, other: Keys) -> list[int]:
    wanted = set(other)
    return [place for place in _distinct(keys, start, set()) if keys[place - start] in wanted]


_TWO = "(anycompatiblearray, anycompatiblearray) -> anycompatiblearray"
declared(named("array_union"), _TWO, _combined(_union),
         "The elements of both, each once.", {"{}(ARRAY[1,2,3], ARRAY[5,3,2])": "{1,2,3,5}"})  # fmt: skip
declared(named("array_intersect"), _TWO, _combined(_intersection),
         "The elements that both have, each once.", {"{}(ARRAY[1,2,3,2], ARRAY[2,3])": "{2,3}"})  # fmt: skip
declared(named("array_except"), _TWO, _combined(lambda start, keys, _, other: _distinct(keys, start, set(other))),
         "The elements that the second has not, each once.", {"{}(ARRAY[1,2,1,3], ARRAY[3])": "{1,2}"})  # fmt: skip


def _joined(start: int, keys: Keys, behind: int, other: Keys) -> list[int]:
    return [*range(start, start + len(keys)), *range(behind, behind + len(other))]


declared(("array_concat", "list_concat", "list_cat"), _TWO, _combined(_joined),
         "One array behind the other.", {"{}(ARRAY[1,2], ARRAY[3])": "{1,2,3}"})  # fmt: skip


def _compared(test: Callable[[set[Any], set[Any]], bool]) -> Callable[..., Column]:
    def kernel(call: BoundCall, left: Column, right: Column) -> Column:
        pairs = zip(_keyed(call, 0, left), _keyed(call, 1, right), strict=True)
        return pa.array([test(set(a), set(b)) for (_, a), (_, b) in pairs], pa.bool_())

    return kernel


_TEST = "(anycompatiblearray, anycompatiblearray) -> bool"
declared(named("array_has_all"), _TEST, _compared(lambda a, b: b <= a),
         "Whether the first has all elements of the second.", {"{}(ARRAY[1,2,3], ARRAY[3,1])": "t"})  # fmt: skip
declared(named("array_has_any", "arrays_overlap"), _TEST, _compared(lambda a, b: not a.isdisjoint(b)),
         "Whether they have an element in common.", {"{}(ARRAY[1,2], ARRAY[3])": "f"})  # fmt: skip


def _sliced(choose: Callable[[int], range]) -> Callable[..., Column]:
    """A kernel whose result is a range of the places of each row, of which `choose` knows how many there are."""

    def kernel(call: BoundCall, array: Column) -> Column:
        starts, lengths = list_bounds(array)
        rows = zip(starts.tolist(), lengths.tolist(), strict=True)
        return made_of(array.values, ([start + at for at in choose(length)] for start, length in rows))

    return kernel


_ONE = "(anyarray) -> anyarray"
declared(named("array_reverse"), _ONE, _sliced(lambda n: range(n - 1, -1, -1)),
         "The elements from the last to the first.", {"{}(ARRAY[1,2,3])": "{3,2,1}"})  # fmt: skip
declared(named("array_pop_back"), _ONE, _sliced(lambda n: range(n - 1)),
         "All elements but the last.", {"{}(ARRAY[1,2,3])": "{1,2}"})  # fmt: skip
declared(named("array_pop_front"), _ONE, _sliced(lambda n: range(1, n)),
         "All elements but the first.", {"{}(ARRAY[1,2,3])": "{2,3}"})  # fmt: skip


def _array_slice(call: BoundCall, array: Column, first: Column, last: Column, stride: Column | None = None) -> Column:
    starts, lengths = list_bounds(array)
    steps = [1] * len(array) if stride is None else stride.to_pylist()
    if 0 in steps:
        raise InvalidParameterValue("the stride of a slice must not be zero")
    picks = []
    rows = zip(starts.tolist(), lengths.tolist(), first.to_pylist(), last.to_pylist(), steps, strict=True)
    for start, length, low, high, step in rows:
        low, high = (place + length + 1 if place < 0 else place for place in (low, high))
        places = (
            range(max(low, 1), min(high, length) + 1, step)
            if step > 0
            else range(min(low, length), max(high, 1) - 1, step)
        )
        picks.append([start + place - 1 for place in places])
    return made_of(array.values, picks)


declared(named("array_slice"), "(anyarray, int4, int4) -> anyarray", _array_slice,
         "The elements from one place to another; negative places count from the end.",
         {"{}(ARRAY[1,2,3,4], 2, 3)": "{2,3}", "{}(ARRAY[1,2,3,4], -2, -1)": "{3,4}"})  # fmt: skip
declared(named("array_slice"), "(anyarray, int4, int4, int4) -> anyarray", _array_slice,
         "Every so many elements from one place to another.", {"{}(ARRAY[1,2,3,4,5], 1, 5, 2)": "{1,3,5}"})  # fmt: skip


def _array_element(call: BoundCall, array: Column, place: Column) -> Column:
    starts, lengths = list_bounds(array)
    found: list[int | None] = []
    for start, length, at in zip(starts.tolist(), lengths.tolist(), place.to_pylist(), strict=True):
        at = at + length + 1 if at < 0 else at
        found.append(start + at - 1 if 1 <= at <= length else None)
    return array.values.take(pa.array(found, pa.int64()))


declared(named("array_element", "array_extract", "list_extract"), "(anyarray, int4) -> anyelement", _array_element,
         "The element at a place; negative places count from the end.",
         {"{}(ARRAY[7,8,9], 2)": "8", "{}(ARRAY[7,8,9], -1)": "9", "{}(ARRAY[7], 5)": "NULL"})  # fmt: skip


def _array_any_value(call: BoundCall, array: Column) -> Column:
    found = [
        next((start + at for at, key in enumerate(keys) if key is not None), None)
        for start, keys in _keyed(call, 0, array)
    ]
    return array.values.take(pa.array(found, pa.int64()))


declared(named("array_any_value"), "(anyarray) -> anyelement", _array_any_value,
         "The first element that is not NULL.", {"{}(ARRAY[NULL,2,3])": "2"})  # fmt: skip


def _ranks(call: BoundCall, array: Column) -> list[bytes | None]:
    """What each element is ordered by; None for NULL."""
    element = element_of(call, 0)
    order_key = element.definition.order_key
    if order_key is None:
        raise UndefinedFunction(f"could not identify an ordering operator for type {element}")
    known = array.values.drop_null()
    keys = iter(order_key(known).to_pylist())
    return [next(keys) if is_valid else None for is_valid in array.values.is_valid().to_pylist()]


def _array_sort(call: BoundCall, array: Column, direction: Column | None = None, nulls: Column | None = None) -> Column:
    directions = [None] * len(array) if direction is None else direction.to_pylist()
    places = [None] * len(array) if nulls is None else nulls.to_pylist()
    picks = []
    for (start, keys), way, place in zip(rows_of(array, _ranks(call, array)), directions, places, strict=True):
        _require(way, ("ASC", "DESC"))
        _require(place, ("NULLS FIRST", "NULLS LAST"))
        unknown = [start + at for at, key in enumerate(keys) if key is None]
        known = [at for at, key in enumerate(keys) if key is not None]
        known.sort(key=keys.__getitem__, reverse=(way or "").upper() == "DESC")
        ordered = [start + at for at in known]
        picks.append(ordered + unknown if (place or "").upper() == "NULLS LAST" else unknown + ordered)
    return made_of(array.values, picks)


def _require(word: str | None, known: tuple[str, str]) -> None:
    if word is not None and word.upper() not in known:
        raise InvalidParameterValue(f'"{word}" is neither {known[0]} nor {known[1]}')


declared(named("array_sort", "sort_array"), _ONE, _array_sort,
         "The elements in order, NULLs first.", {"{}(ARRAY[3,NULL,1,2])": "{NULL,1,2,3}"})  # fmt: skip
declared(named("array_sort"), "(anyarray, text) -> anyarray", _array_sort,
         "The elements in order: ASC or DESC, NULLs first.", {"{}(ARRAY[3,1,2], 'DESC')": "{3,2,1}"})  # fmt: skip
declared(named("array_sort"), "(anyarray, text, text) -> anyarray", _array_sort,
         "The elements in order: ASC or DESC, NULLS FIRST or NULLS LAST.",
         {"{}(ARRAY[3,NULL,1], 'ASC', 'NULLS LAST')": "{1,3,NULL}"})  # fmt: skip


def _extreme(choose: Callable[..., Any]) -> Callable[..., Column]:
    def kernel(call: BoundCall, array: Column) -> Column:
        found: list[int | None] = []
        for start, keys in rows_of(array, _ranks(call, array)):
            known = [at for at, key in enumerate(keys) if key is not None]
            found.append(start + choose(known, key=keys.__getitem__) if known else None)
        return array.values.take(pa.array(found, pa.int64()))

    return kernel


declared(named("array_max"), "(anyarray) -> anyelement", _extreme(max),
         "The greatest element.", {"{}(ARRAY[1,3,NULL,2])": "3"})  # fmt: skip
declared(named("array_min"), "(anyarray) -> anyelement", _extreme(min),
         "The least element.", {"{}(ARRAY[2,NULL,1])": "1"})  # fmt: skip


def _array_compact(call: BoundCall, array: Column) -> Column:
    rows = _keyed(call, 0, array)
    return made_of(
        array.values, ([start + at for at, key in enumerate(keys) if key is not None] for start, keys in rows)
    )


declared(("array_compact",), _ONE, _array_compact,
         "The elements that are not NULL.", {"{}(ARRAY[1,NULL,2])": "{1,2}"})  # fmt: skip


def _removed(call: BoundCall, array: Column, element: Column, count: Column | None = None) -> Column:
    wanted = keys_of(element, call.arguments[1])
    counts = [1] * len(array) if count is None else count.to_pylist()
    picks = []
    for (start, keys), want, left in zip(_keyed(call, 0, array), wanted, counts, strict=True):
        kept = []
        for at, key in enumerate(keys):
            if key == want and left > 0:
                left -= 1
            else:
                kept.append(start + at)
        picks.append(kept)
    return made_of(array.values, picks)


_WITHOUT = "(anycompatiblearray, anycompatible) -> anycompatiblearray"
declared(("list_remove",), _WITHOUT, _removed,
         "The array without the first element that is equal.", {"{}(ARRAY[1,2,3,2], 2)": "{1,3,2}"})  # fmt: skip
declared(named("array_remove_n"), "(anycompatiblearray, anycompatible, int4) -> anycompatiblearray", _removed,
         "The array without the first so many elements that are equal.",
         {"{}(ARRAY[2,1,2,2], 2, 2)": "{1,2}"})  # fmt: skip


def _replaced(call: BoundCall, array: Column, old: Column, new: Column, count: Column | None = None) -> Column:
    behind = len(array.values)
    wanted = keys_of(old, call.arguments[1])
    counts = [1] * len(array) if count is None else count.to_pylist()
    picks = []
    for row, ((start, keys), want, left) in enumerate(zip(_keyed(call, 0, array), wanted, counts, strict=True)):
        places = []
        for at, key in enumerate(keys):
            hit = key == want and left > 0
            left -= hit
            places.append(behind + row if hit else start + at)
        picks.append(places)
    return made_of(pa.concat_arrays([array.values, new]), picks)


_INSTEAD = "(anycompatiblearray, anycompatible, anycompatible{}) -> anycompatiblearray"
declared(("list_replace",), _INSTEAD.format(""), _replaced,
         "The array with the first equal element replaced.", {"{}(ARRAY[1,2,2], 2, 5)": "{1,5,2}"})  # fmt: skip
declared(named("array_replace_n"), _INSTEAD.format(", int4"), _replaced,
         "The array with the first so many equal elements replaced.",
         {"{}(ARRAY[1,2,2,2], 2, 5, 2)": "{1,5,5,2}"})  # fmt: skip


def _array_resize(call: BoundCall, array: Column, size: Column, value: Column) -> Column:
    starts, lengths = list_bounds(array)
    behind = len(array.values)
    picks = []
    for row, (start, length, wanted) in enumerate(
        zip(starts.tolist(), lengths.tolist(), size.to_pylist(), strict=True)
    ):
        kept = range(start, start + min(length, max(wanted, 0)))
        picks.append([*kept, *[behind + row] * (max(wanted, 0) - len(kept))])
    return made_of(pa.concat_arrays([array.values, value]), picks)


declared(named("array_resize"), "(anycompatiblearray, int4, anycompatible) -> anycompatiblearray", _array_resize,
         "The array of so many elements, cut or filled up.",
         {"{}(ARRAY[1,2], 4, 0)": "{1,2,0,0}", "{}(ARRAY[1,2], 1, 0)": "{1}"})  # fmt: skip


def _array_repeat(call: BoundCall, value: Column, count: Column) -> Column:
    return made_of(value, ([row] * max(times, 0) for row, times in enumerate(count.to_pylist())))


declared(named("array_repeat"), "(anyelement, int4) -> anyarray", _array_repeat,
         "An array of so many times the value.", {"{}(7, 3)": "{7,7,7}", "{}('a'::text, 0)": "{}"})  # fmt: skip


def _array_length(call: BoundCall, array: Column) -> Column:
    return pa.array(list_bounds(array)[1], pa.int32())


declared(named("array_length", "array_size"), "(anyarray) -> int4", _array_length,
         "How many elements it has.", {"{}(ARRAY[1,2,3])": "3", "{}(ARRAY[]::int[])": "0"})  # fmt: skip
declared(named("array_empty", "empty"), "(anyarray) -> bool",
         lambda call, array: pa.array(list_bounds(array)[1] == 0, pa.bool_()),
         "Whether it has no elements.", {"{}(ARRAY[1])": "f", "{}(ARRAY[]::int[])": "t"})  # fmt: skip


def _sum(call: BoundCall, array: Column) -> Column:
    """NULLs are left out; nothing gives NULL."""
    sums = [[value for value in keys if value is not None] for _, keys in rows_of(array, array.values.to_pylist())]
    return pa.array([sum(row) if row else None for row in sums], call.result.definition.storage)


for _element, _result in (("_int4", "int8"), ("_int8", "int8"), ("_float8", "float8")):
    declared(("array_sum",), f"({_element}) -> {_result}", _sum,
             "The sum of its elements.", {f"{{}}('{{1,2,NULL}}'::{_element[1:]}[])": "3"})  # fmt: skip


def _array_distance(call: BoundCall, left: Column, right: Column) -> Column:
    pairs = zip(rows_of(left, left.values.to_pylist()), rows_of(right, right.values.to_pylist()), strict=True)
    made = []
    for (_, a), (_, b) in pairs:
        if len(a) != len(b):
            raise InvalidParameterValue("arrays of different lengths have no distance")
        made.append(None if None in a or None in b else math.dist(a, b))
    return pa.array(made, pa.float64())


declared(named("array_distance"), "(_float8, _float8) -> float8", _array_distance,
         "The Euclidean distance of two points.", {"{}('{1,1}', '{4,5}')": "5"})  # fmt: skip
