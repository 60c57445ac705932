"""Functions that Flink and its kin have under names which PostgreSQL has not.

Patterns of date_format are Java's (yyyy-MM-dd HH:mm); they are put into to_char's words.
"""

import re
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue
from pgstream.functions.calendar import DAY_US, HOUR_US, MINUTE_US, SECOND_US, Ints, civil, finite
from pgstream.functions.calling import Value
from pgstream.functions.patterns import compiled
from pgstream.functions.registry import function
from pgstream.functions.templates import to_char
from pgstream.functions.vector import column_of, numbers

_JAVA = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+", re.DOTALL)
_WORDS = {
    "yyyy": "YYYY", "yy": "YY", "y": "FMYYYY", "uuuu": "YYYY", "MMMM": "FMMonth", "MMM": "Mon", "MM": "MM", "M": "FMMM",
    "dd": "DD", "d": "FMDD", "DDD": "DDD", "D": "FMDDD", "HH": "HH24", "H": "FMHH24", "hh": "HH12", "h": "FMHH12",
    "mm": "MI", "m": "FMMI", "ss": "SS", "s": "FMSS", "S": "FF1", "SS": "FF2", "SSS": "MS", "SSSSSS": "US", "a": "AM",
    "EEEE": "FMDay", "EEE": "Dy", "EE": "Dy", "E": "Dy", "Q": "Q",
}  # fmt: skip
"""Java's letters and to_char's words for the same."""


@lru_cache(256)
def template_of(pattern: str) -> str:
    """A pattern of Java's date formats as a template of to_char. Raises InvalidParameterValue."""
    made, at = [], 0
    for found in _JAVA.finditer(pattern):
        if found.start() != at:
            break
        word, at = found[0], found.end()
        if found[1] is None:
            literal = word[1:-1].replace("''", "'") or "'" if word[0] == "'" else word
            made.append('"' + literal.replace("\\", "\\\\").replace('"', '\\"') + '"')
        elif word in _WORDS:
            made.append(_WORDS[word])
        else:
            raise InvalidParameterValue(f'"{word}" is not supported in a date format')
    if at != len(pattern):
        raise InvalidParameterValue("unterminated quote in a date format")
    return "".join(made)


@function(
    "date_format(timestamp, text) -> text",
    scalars=True,
    examples={
        "date_format('2024-02-05 20:38:40.123456'::timestamp, 'yyyy-MM-dd HH:mm:ss.SSS')": "2024-02-05 20:38:40.123",
        "date_format('2024-02-05 08:38:40'::timestamp, 'EEE d MMM yy, h ''at'' a')": "Mon 5 Feb 24, 8 at AM",
        "date_format('2024-02-05'::timestamp, 'yyyy-bb')": 'ERROR: 22023 "bb" is not supported in a date format',
        "date_format('infinity'::timestamp, 'yyyy')": "NULL",
    },
)
def date_format(moment: Value, pattern: Value) -> Column:
    """The moment as the pattern shows it: Java's letters, texts in single quotes."""
    if isinstance(pattern, pa.Scalar):
        return to_char(moment, pa.scalar(template_of(pattern.as_py())))
    return to_char(moment, pa.array([template_of(one) for one in pattern.to_pylist()], pa.string()))


def _year(us: Ints) -> Ints:
    return civil(us // DAY_US)[0]


def _month(us: Ints) -> Ints:
    return civil(us // DAY_US)[1]


_FIELDS: dict[str, tuple[Callable[[Ints], Ints], str]] = {
    "year": (_year, "2024"),
    "quarter": (lambda us: (_month(us) + 2) // 3, "1"),
    "month": (_month, "2"),
    "dayofmonth": (lambda us: civil(us // DAY_US)[2], "5"),
    "hour": (lambda us: us // HOUR_US % 24, "20"),
    "minute": (lambda us: us // MINUTE_US % 60, "38"),
    "second": (lambda us: us // SECOND_US % 60, "40"),
}


def _declare(name: str, field: Callable[[Ints], Ints], example: str) -> None:
    examples = {
        f"{name}('2024-02-05 20:38:40.5'::timestamp)": example,
        f"{name}('-infinity'::timestamp)": "NULL",
    }

    @function(f"{name}(timestamp) -> int8", examples=examples)
    def part(moment: Column) -> Column:
        us = numbers(moment)
        whole = finite(us)
        return column_of(field(np.where(whole, us, 0)), pa.int64(), ~whole)

    part.__doc__ = f"The {name} of a moment, as extract gives it."


for _name, (_field, _example) in _FIELDS.items():
    _declare(_name, _field, _example)


@function(
    "split_index(text, text, int4) -> text",
    rowwise=True,
    examples={
        "split_index('a/b//c', '/', 0)": "a",
        "split_index('a/b//c', '/', 2)": "",
        "split_index('a/b', '/', 2)": "NULL",
        "split_index('a/b', '/', -1)": "NULL",
        "split_index('', '/', 0)": "NULL",
    },
)
def split_index(text: str, delimiter: str, index: int) -> str | None:
    """The part of `text` between delimiters that `index` says, from 0; NULL where there are not so many."""
    if not text or not delimiter or index < 0:
        return None
    parts = text.split(delimiter)
    return parts[index] if index < len(parts) else None


@function(
    "regexp_extract(text, text, int4) -> text",
    rowwise=True,
    examples={
        "regexp_extract('foothebar', 'foo(.*?)(bar)', 2)": "bar",
        "regexp_extract('foothebar', 'foo(.*?)(bar)', 0)": "foothebar",
        "regexp_extract('a', 'b', 0)": "NULL",
        "regexp_extract('ac', 'a(b)?c', 1)": "NULL",
        "regexp_extract('a', '(a)', 2)": "NULL",
    },
)
def regexp_extract(text: str, pattern: str, group: int) -> str | None:
    """What a group of the pattern matched where the pattern first matches, group 0 being the whole; else NULL."""
    found = compiled(pattern).search(text)
    return found[group] if found is not None and 0 <= group <= found.re.groups else None


@function("regexp_extract(text, text) -> text", rowwise=True, examples={"regexp_extract('foothebar', 'o+')": "oo"})
def regexp_extract_whole(text: str, pattern: str) -> str | None:
    """What the pattern matches first."""
    return regexp_extract(text, pattern, 0)
