"""Functions that Arroyo has from DataFusion and PostgreSQL has not, under its names and those of its kin."""

import hashlib
import math

import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue
from pgstream.functions.arrays import element_of, keys_of
from pgstream.functions.registry import BoundCall, function
from pgstream.functions.vector import list_bounds


@function("log2(float8) -> float8", rowwise=True, examples={"log2(8)": "3", "log2(0)": "-Infinity", "log2(-1)": "NaN"})
def log2(value: float) -> float:
    """The logarithm to base 2."""
    return math.log2(value) if value > 0 else math.nan if value else -math.inf


@function("signum(float8) -> float8", rowwise=True, examples={"signum(-2.5)": "-1", "signum(0)": "0"})
def signum(value: float) -> float:
    """The sign: -1, 0 or 1."""
    return math.copysign(1, value) if value else 0.0


@function("isnan(float8) -> bool", rowwise=True, examples={"isnan('NaN'::float8)": "t", "isnan(1)": "f"})
def isnan(value: float) -> bool:
    """Whether it is not a number."""
    return math.isnan(value)


@function("iszero(float8) -> bool", rowwise=True, examples={"iszero(0)": "t", "iszero(0.1)": "f"})
def iszero(value: float) -> bool:
    """Whether it is 0."""
    return value == 0


@function("nanvl(float8, float8) -> float8", rowwise=True, examples={"nanvl('NaN', 2)": "2", "nanvl(1, 2)": "1"})
def nanvl(value: float, other: float) -> float:
    """The value, and `other` where it is not a number."""
    return other if math.isnan(value) else value


@function("ends_with(text, text) -> bool", rowwise=True, examples={"ends_with('abc', 'bc')": "t"})
def ends_with(text: str, end: str) -> bool:
    """Whether the first text ends with the second."""
    return text.endswith(end)


@function("contains(text, text) -> bool", rowwise=True, examples={"contains('abc', 'b')": "t"})
def contains(text: str, part: str) -> bool:
    """Whether the second text is in the first."""
    return part in text


@function("instr(text, text) -> int4", rowwise=True, examples={"instr('abcb', 'b')": "2", "instr('a', 'b')": "0"})
def instr(text: str, part: str) -> int:
    """Where the second text is first in the first; 0 for nowhere."""
    return text.find(part) + 1


@function(
    "find_in_set(text, text) -> int4",
    rowwise=True,
    examples={"find_in_set('b', 'a,b,c')": "2", "find_in_set('x', 'a,b')": "0", "find_in_set('a', '')": "0"},
)
def find_in_set(text: str, names: str) -> int:
    """Where a text is in a list with commas; 0 for nowhere."""
    parts = names.split(",") if names else []
    return parts.index(text) + 1 if text in parts else 0


def _substring_index(text: str, delimiter: str, count: int) -> str:
    if not delimiter or not count:
        return ""
    parts = text.split(delimiter)
    return delimiter.join(parts[:count] if count > 0 else parts[count:])


for _name in ("substring_index", "substr_index"):
    function(
        f"{_name}(text, text, int4) -> text",
        rowwise=True,
        doc="What is before the `count`th delimiter; after it, counted from the end, where negative.",
        examples={f"{_name}('a.b.c', '.', 2)": "a.b", f"{_name}('a.b.c', '.', -1)": "c"},
    )(_substring_index)


@function(
    "levenshtein(text, text) -> int4",
    rowwise=True,
    examples={"levenshtein('kitten', 'sitting')": "3", "levenshtein('', 'ab')": "2"},
)
def levenshtein(one: str, other: str) -> int:
    """How many characters must be put in, taken out or replaced to make one text of the other."""
    before = list(range(len(other) + 1))
    for i, character in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (character != wanted)))
        before = row
    return before[-1]


_DIGESTS = ("md5", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s")


@function(
    "digest(text, text) -> bytea",
    rowwise=True,
    examples={"left(encode(digest('abc', 'sha256'), 'hex'), 8)": "ba7816bf"},
)
def digest(text: str, method: str) -> bytes:
    """A hash of a text."""
    if method.lower() not in _DIGESTS:
        raise InvalidParameterValue(f'unknown digest "{method}"', hint=f"Known are: {', '.join(_DIGESTS)}.")
    return hashlib.new(method.lower(), text.encode()).digest()


for _name, _us, _asked in (
    ("to_timestamp_seconds", 1_000_000.0, "1704067200"),
    ("to_timestamp_millis", 1000.0, "1704067200000"),
    ("to_timestamp_micros", 1.0, "1704067200000000"),
    ("to_timestamp_nanos", 0.001, "1704067200000000000"),
):

    def _moment(value: int, scale: float = _us) -> int:
        return value * int(scale) if scale >= 1 else value // 1000

    function(
        f"{_name}(int8) -> timestamp",
        rowwise=True,
        doc="The time so long after 1970-01-01 00:00:00.",
        examples={f"{_name}({_asked})": "2024-01-01 00:00:00"},
    )(lambda value, scale=_us: _moment(value, scale))


@function(
    "to_unixtime(timestamp) -> int8", rowwise=True, examples={"to_unixtime('2024-01-01'::timestamp)": "1704067200"}
)
def to_unixtime(moment: int) -> int:
    """Seconds since 1970-01-01 00:00:00."""
    return moment // 1_000_000


@function("arrow_typeof(any) -> text", bound=True, strict=False, examples={"arrow_typeof(1::int8)": "Int64"})
def arrow_typeof(call: BoundCall, value: Column) -> Column:
    """What Arrow calls the type of a value."""
    name = str(value.type)
    known = {"string": "Utf8", "double": "Float64", "float": "Float32", "bool": "Boolean", "binary": "Binary"}
    shown = known.get(name, name[:1].upper() + name[1:])
    return pa.array([shown] * len(value), pa.string())


def _first(value: Column, other: Column) -> Column:
    return pc.coalesce(value, other)


for _name in ("ifnull", "nvl"):
    function(
        f"{_name}(anycompatible, anycompatible) -> anycompatible",
        strict=False,
        doc="The first argument, and the second where that is NULL.",
        examples={f"{_name}(NULL, 2)": "2", f"{_name}('a', 'b')": "a"},
    )(_first)


def _has(call: BoundCall, array: Column, element: Column) -> Column:
    starts, lengths = list_bounds(array)
    keys = keys_of(array.values, element_of(call, 0))
    wanted = keys_of(element, call.arguments[1])
    rows = zip(starts.tolist(), lengths.tolist(), wanted, strict=True)
    return pa.array([want in keys[start : start + length] for start, length, want in rows], pa.bool_())


for _name in ("array_has", "array_contains", "list_has", "list_contains"):
    function(
        f"{_name}(anycompatiblearray, anycompatible) -> bool",
        bound=True,
        doc="Whether an array has an element.",
        examples={f"{_name}(ARRAY[1,2], 2)": "t", f"{_name}(ARRAY['a'], 'b')": "f"},
    )(_has)
