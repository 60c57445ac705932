"""Functions of maps. The binder (`sql/bind/maps.py`) says which types their arguments and results have."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue
from pgstream.functions.registry import BoundCall, Kernel, function
from pgstream.functions.vector import column_of, list_bounds, list_column, valid
from pgstream.types.array import rows_of
from pgstream.types.composite import fields_of
from pgstream.types.definition import SqlType
from pgstream.types.map import entries_of, identities, key_identities, lengths_of, map_column

ANY_MAP = "MAP {'a': 1, 'b': 2}"


def _declared(
    names: str, signature: str, doc: str, examples: dict[str, str], strict: bool = True
) -> Callable[[Kernel], Kernel]:
    """Declares a kernel under several names; `{}` in its examples is the name, `@` a map."""

    def declaring(kernel: Kernel) -> Kernel:
        for name in names.split():
            shown = {call.replace("{}", name).replace("@", ANY_MAP): answer for call, answer in examples.items()}
            function(f"{name}{signature}", bound=True, strict=strict, doc=doc, examples=shown)(kernel)
        return kernel

    return declaring


@_declared("map", "(VARIADIC any) -> any", "The map of keys and values in turns.",
           {"MAP {'a': 1, 'b': 2}": "{a:1,b:2}", "MAP['a', 1]": "{a:1}", "map(1, 'x')": "{1:x}"},
           strict=False)  # fmt: skip
def map_of(call: BoundCall, *given: Column) -> Column:
    count, pairs = len(given[0]), len(given) // 2
    places = column_of(np.arange(count * pairs).reshape(pairs, count).T.ravel(), pa.int64())
    keys, values = (pa.concat_arrays(list(given[first::2])).take(places) for first in (0, 1))
    return map_column([pairs] * count, keys, values, call.result)


@_declared("map_from_key_values map_from_arrays", "(any, any) -> any", "The map of an array of keys and one of values.",
           {"{}(ARRAY['a','b'], ARRAY[1,2])": "{a:1,b:2}", "{}(NULL::text[], ARRAY[1])": "NULL",
            "{}(ARRAY['a','a'], ARRAY[1,2])": "ERROR: 22023 map keys must be unique",
            "{}(ARRAY['a'], ARRAY[1,2])": "ERROR: 22023 map keys and values have different length"})  # fmt: skip
def map_from_key_values(call: BoundCall, keys: Column, values: Column) -> Column:
    lengths = list_bounds(keys)[1]
    if (lengths != list_bounds(values)[1]).any():
        raise InvalidParameterValue("map keys and values have different length")
    return map_column(lengths.tolist(), keys.flatten(), values.flatten(), call.result)


@_declared("map_from_entries", "(any) -> any", "The map of an array of rows, of each a key and a value.",
           {"{}(ARRAY[ROW('a', 1), ROW('b', 2)])": "{a:1,b:2}"})  # fmt: skip
def map_from_entries(call: BoundCall, entries: Column) -> Column:
    keys, values = fields_of(entries.flatten())
    return map_column(list_bounds(entries)[1].tolist(), keys, values, call.result)


@_declared("map_keys", "(any) -> any", "The keys.", {"{}(@)": "{a,b}"})
def map_keys(call: BoundCall, column: Column) -> Column:
    return list_column(fields_of(column.flatten())[0], lengths_of(column))


@_declared("map_values", "(any) -> any", "The values, in the order of their keys.", {"{}(@)": "{1,2}"})
def map_values(call: BoundCall, column: Column) -> Column:
    return list_column(fields_of(column.flatten())[1], lengths_of(column))


@_declared("map_entries", "(any) -> any", "The entries as rows.", {"{}(@)": '{"(a,1)","(b,2)"}'})
def map_entries(call: BoundCall, column: Column) -> Column:
    return column


@_declared("map_length", "(any) -> int4", "How many entries it has.", {"{}(@)": "2", "cardinality(@)": "2"})
def map_length(call: BoundCall, column: Column) -> Column:
    return pa.array(lengths_of(column), pa.int32())


def _places(call: BoundCall, column: Column, wanted: Column) -> list[int | None]:
    """Where in `column.values` the entry with the wanted key is; None where there is none."""
    key, _ = entries_of(call.arguments[0])
    rows = rows_of(column, list(enumerate(key_identities(column, call.arguments[0]))))
    asked = identities(wanted, key)
    first = column.offsets[0].as_py() if len(column) else 0
    found: list[int | None] = []
    for row, want in zip(rows, asked, strict=True):
        found.append(next((first + at for at, known in row or () if known == want), None))
    return found


@_declared("map_access", "(any, any) -> any", "The value of a key; NULL where there is none: what m[k] is.",
           {"{}(@, 'b')": "2", "{}(@, 'c')": "NULL", "(@)['a']": "1"})  # fmt: skip
def map_access(call: BoundCall, column: Column, wanted: Column) -> Column:
    return column.values.field(1).take(pa.array(_places(call, column, wanted), pa.int64()))


@_declared("map_contains", "(any, any) -> bool", "Whether it has a key.", {"{}(@, 'b')": "t", "{}(@, 'c')": "f"})
def map_contains(call: BoundCall, column: Column, wanted: Column) -> Column:
    return pa.array([place is not None for place in _places(call, column, wanted)], pa.bool_())


def _joined(type: SqlType, left: Column, right: Column) -> Column:
    """The entries of both; of a key that both have, the value of the second, where the first has it."""
    behind = len(left.values)
    pools = [pa.concat_arrays([left.values.field(at), right.values.field(at)]) for at in (0, 1)]
    maps = [
        [dict(row or ()) for row in rows_of(one, list(zip(key_identities(one, type), places, strict=True)))]
        for one, places in ((left, _numbered(left, 0)), (right, _numbered(right, behind)))
    ]
    rows = [list({**one, **other}.values()) for one, other in zip(*maps, strict=True)]
    picks = pa.array([place for row in rows for place in row], pa.int64())
    return map_column([len(row) for row in rows], pools[0].take(picks), pools[1].take(picks), type)


def _numbered(column: Column, behind: int) -> list[int]:
    if not len(column):
        return []
    return [behind + at for at in range(column.offsets[0].as_py(), column.offsets[-1].as_py())]


@_declared("map_cat map_concat map_union", "(any, any) -> any",
           "The entries of both maps, of which the second's count; a map and NULL are the map.",
           {"{}(@, MAP {'b': 5, 'c': 3})": "{a:1,b:5,c:3}", "{}(@, NULL)": "{a:1,b:2}"}, strict=False)  # fmt: skip
def map_cat(call: BoundCall, left: Column, right: Column) -> Column:
    made = _joined(call.result, left, right)
    known = pc.or_(left.is_valid(), right.is_valid())
    return pc.if_else(known, made, pa.scalar(None, made.type))


@_declared("map_insert", "(any, any, any) -> any", "The map with this key and value, in place of what the key had.",
           {"{}(@, 'c', 3)": "{a:1,b:2,c:3}", "{}(@, 'a', NULL)": "{a:NULL,b:2}", "{}(@, NULL, 3)": "{a:1,b:2}"},
           strict=False)  # fmt: skip
def map_insert(call: BoundCall, column: Column, key: Column, value: Column) -> Column:
    there = np.asarray(valid(key), np.bool_)
    kept = pa.array(there)
    one = map_column(there.astype(int).tolist(), key.filter(kept), value.filter(kept), call.result)
    made = _joined(call.result, column, one)
    return pc.if_else(column.is_valid(), made, pa.scalar(None, made.type))


@_declared("map_delete", "(any, any) -> any", "The map without a key.",
           {"{}(@, 'a')": "{b:2}", "{}(@, 'c')": "{a:1,b:2}", "{}(@, NULL)": "{a:1,b:2}"}, strict=False)  # fmt: skip
def map_delete(call: BoundCall, column: Column, wanted: Column) -> Column:
    gone = _places(call, column, wanted)
    starts, lengths = list_bounds(column)
    rows = [
        [at for at in range(start, start + length) if at != place]
        for start, length, place in zip(starts.tolist(), lengths.tolist(), gone, strict=True)
    ]
    picks = column_of(np.array([at for row in rows for at in row], np.int64), pa.int64())
    return list_column(column.values.take(picks), np.array([len(row) for row in rows], np.int64), ~valid(column))


def _equal(call: BoundCall, left: Column, right: Column) -> list[bool]:
    key, value = entries_of(call.arguments[0])
    sides = []
    for one in (left, right):
        keys, values = fields_of(one.flatten())
        pairs = list(zip(identities(keys, key), identities(values, value), strict=True))
        lengths = lengths_of(one)
        spans = zip(np.cumsum(lengths).tolist(), lengths.tolist(), strict=True)
        sides.append([dict(pairs[end - length : end]) for end, length in spans])
    return [a == b for a, b in zip(*sides, strict=True)]


@_declared("map_eq", "(any, any) -> bool", "Whether both have the same entries, in any order.",
           {"{}(@, MAP {'b': 2, 'a': 1})": "t", "@ = MAP {'b': 2}": "f"})  # fmt: skip
def map_eq(call: BoundCall, left: Column, right: Column) -> Column:
    return pa.array(_equal(call, left, right), pa.bool_())


@_declared("map_ne", "(any, any) -> bool", "Whether their entries differ.", {"@ <> MAP {'b': 2, 'a': 1}": "f"})
def map_ne(call: BoundCall, left: Column, right: Column) -> Column:
    return pc.invert(map_eq(call, left, right))
