"""Date and time text cut into fields: PostgreSQL's ParseDateTime, and the words that fields may be."""

import re
from typing import NamedTuple

from pgstream.errors import DatetimeFieldOverflow, InvalidDatetimeFormat, SqlError

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
FULL_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october"),
    *("november", "december"),
)
MONTH_WORDS = {
    **{word: number for number, word in enumerate(MONTHS, 1)},
    **{word: number for number, word in enumerate(FULL_MONTHS, 1)},
    "sept": 9,
}
WEEKDAYS = frozenset(
    [
        "sun",
        "sunday",
        "mon",
        "monday",
        "tue",
        "tues",
        "tuesday",
        "wed",
        "weds",
        "wednesday",
        "thu",
        "thur",
        "thurs",
        "thursday",
        "fri",
        "friday",
        "sat",
        "saturday",
    ]
)
WORDS = frozenset(
    [
        "allballs",
        "am",
        "at",
        "ad",
        "bc",
        "d",
        "dow",
        "doy",
        "dst",
        "epoch",
        "h",
        "infinity",
        "-infinity",
        "isodow",
        "isoyear",
        "j",
        "jd",
        "julian",
        "m",
        "mm",
        "now",
        "on",
        "pm",
        "s",
        "t",
        "today",
        "tomorrow",
        "y",
        "yesterday",
    ]
)
"""Other words of PostgreSQL's datetktbl."""


class BadFormat(Exception):
    """The text is no date or time."""


class OutOfRange(Exception):
    """A field has an impossible value; `month_day`: one that another field order might make possible."""

    def __init__(self, month_day: bool = False) -> None:
        super().__init__()
        self.month_day = month_day


class ZoneOutOfRange(Exception):
    """A UTC offset of 16 hours or more."""


class TimeZoneDisplacement(SqlError):
    """PostgreSQL's ERRCODE_INVALID_TIME_ZONE_DISPLACEMENT_VALUE."""

    sqlstate = "22009"


def reported(problem: Exception, text: str, type_name: str) -> SqlError:
    """The error a user sees for `problem` in `text`."""
    if isinstance(problem, ZoneOutOfRange):
        return TimeZoneDisplacement(f'time zone displacement out of range: "{text}"')
    if isinstance(problem, OutOfRange):
        hint = 'Perhaps you need a different "datestyle" setting.' if problem.month_day else None
        return DatetimeFieldOverflow(f'date/time field value out of range: "{text}"', hint=hint)
    return InvalidDatetimeFormat(f'invalid input syntax for type {type_name}: "{text}"')


class Field(NamedTuple):
    """One field of a date's text: number, date, time, zone, string or special (a signed word)."""

    kind: str
    text: str


NUMERIC_TIME = re.compile(r"\d+:[\d:.]*", re.ASCII)
NUMERIC_DATE = re.compile(r"(\d+)([-/.])(?:(\d+)((?:\2)(?:\d|\2)*)?|((?:[A-Za-z0-9]|\2)*))", re.ASCII)
DIGITS = re.compile(r"\d+", re.ASCII)
FRACTION = re.compile(r"\.\d*", re.ASCII)
WORD = re.compile(r"[A-Za-z]+", re.ASCII)
DATE_WORD = re.compile(r"[A-Za-z0-9+\-/_.:]+", re.ASCII)
SIGNED_ZONE = re.compile(r"[+-]\s*([\d:.\-]+)", re.ASCII)
SIGNED_WORD = re.compile(r"([+-])\s*([A-Za-z]+)", re.ASCII)
PUNCTUATION = frozenset("!\"#$%&'()*,/:;<=>?@[\\]^_`{|}~")
FIELDS_MAX = 25


def fields_of(text: str) -> list[Field]:
    """The fields of `text`. Raises BadFormat."""
    fields: list[Field] = []
    at = 0
    while at < len(text):
        first = text[at]
        if first in " \t\n\v\f\r" or first in PUNCTUATION:
            at += 1
            continue
        field, at = field_at(text, at)
        fields.append(field)
        if len(fields) > FIELDS_MAX:
            raise BadFormat
    return fields


def field_at(text: str, at: int) -> tuple[Field, int]:
    """The field that starts at index `at`, and where it ends."""
    first = text[at]
    if first.isascii() and first.isdigit():
        return numeric_field(text, at)
    if first == ".":
        found = FRACTION.match(text, at)
        assert found is not None
        return Field("number", found[0]), found.end()
    if first in "+-":
        found = SIGNED_ZONE.match(text, at)
        if found is not None and found[1][0].isdigit():
            return Field("zone", first + found[1]), found.end()
        found = SIGNED_WORD.match(text, at)
        if found is None:
            raise BadFormat
        return Field("special", first + found[2].lower()), found.end()
    return word_field(text, at)


def numeric_field(text: str, at: int) -> tuple[Field, int]:
    """The field at `at`, which starts with a digit."""
    found = NUMERIC_TIME.match(text, at)
    if found is not None:
        return Field("time", found[0]), found.end()
    found = NUMERIC_DATE.match(text, at)
    if found is None:
        found = DIGITS.match(text, at)
        assert found is not None
        return Field("number", found[0]), found.end()
    whole = found[0].lower()
    three_parts = found[4] is not None
    return Field("number" if found[2] == "." and found[3] and not three_parts else "date", whole), found.end()


def word_field(text: str, at: int) -> tuple[Field, int]:
    """The field at `at`, which starts with a letter: a word, a date such as Jan-5-2024, or a zone's name."""
    found = WORD.match(text, at)
    if found is None:
        raise BadFormat
    following = text[found.end() : found.end() + 1]
    known = found[0].lower() in WORDS or found[0].lower() in MONTH_WORDS or found[0].lower() in WEEKDAYS
    dated = following in ("-", "/", ".") if following else False
    if not dated and following and (following == "+" or following in "0123456789") and not known:
        dated = True
    if dated:
        found = DATE_WORD.match(text, at)
        assert found is not None
        return Field("date", found[0].lower()), found.end()
    return Field("string", found[0].lower()), found.end()
