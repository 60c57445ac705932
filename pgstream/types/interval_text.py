"""Interval text: what PostgreSQL's DecodeInterval and DecodeISO8601Interval read, and EncodeInterval prints."""

import re
from typing import NamedTuple

from pgstream.errors import DatetimeFieldOverflow, IntervalFieldOverflow, InvalidDatetimeFormat
from pgstream.types.datetime_fields import BadFormat, Field, OutOfRange, fields_of

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


class Interval(NamedTuple):
    """A span of time in three parts that do not convert into each other exactly."""

    months: int
    days: int
    us: int


UNIT_WORDS = {
    "us": "us usec usecs microsecon",
    "ms": "ms msec msecs millisecon",
    "second": "s sec secs second seconds",
    "minute": "m min mins minute minutes",
    "hour": "h hr hrs hour hours",
    "day": "d day days",
    "week": "w week weeks",
    "month": "mon mons month months",
    "year": "y yr yrs year years",
    "decade": "dec decs decade decades",
    "century": "c cent centuries century",
    "millennium": "mil mils millennia millennium",
}
UNITS = {word: unit for unit, words in UNIT_WORDS.items() for word in words.split()}
"""Words, cut to ten characters as PostgreSQL's token table is."""

SECONDS_US = {"us": 1, "ms": 1000, "second": 1_000_000, "minute": 60_000_000, "hour": HOUR_US}
YEARS = {"year": 1, "decade": 10, "century": 100, "millennium": 1000}
NUMBER = re.compile(r"([+-]?)(\d*)(?:(-)(\d+)|(\.\d*))?", re.ASCII)
TIME = re.compile(r"(\d+):(\d*)(?::(\d*))?(\.\d*)?", re.ASCII)


def interval_of(text: str, last_unit: str = "second", minutes_first: bool = False) -> Interval:
    """The interval `text` spells.

    `last_unit` is what a last number without a unit counts; with `minutes_first` (MINUTE TO SECOND) 1:02 is one
    minute and two seconds.
    """
    span = Span()
    try:
        try:
            FieldsReader(span, last_unit, minutes_first).read(fields_of(text))
        except BadFormat:
            span = Span()
            read_iso(text, span)
    except OutOfRange:
        raise IntervalFieldOverflow(f'interval field value out of range: "{text}"') from None
    except BadFormat:
        raise InvalidDatetimeFormat(f'invalid input syntax for type interval: "{text}"') from None
    if not -(2**31) <= span.months < 2**31:
        raise DatetimeFieldOverflow("interval out of range")
    return Interval(span.months, span.days, span.us)


class Span:
    """An interval being summed up from its fields."""

    def __init__(self) -> None:
        self.months = 0
        self.days = 0
        self.us = 0

    def add(self, value: int, fraction: float, unit: str) -> None:
        """Adds `value` + `fraction` of `unit`; a fraction spills into smaller parts as PostgreSQL spills it."""
        if unit in SECONDS_US:
            self.us += value * SECONDS_US[unit]
            self.add_fraction_us(fraction, SECONDS_US[unit])
        elif unit in ("day", "week"):
            length = 7 if unit == "week" else 1
            self.days += value * length
            self.add_fraction_days(fraction, length)
        elif unit == "month":
            self.months += value
            self.add_fraction_days(fraction, 30)
        else:
            self.months += 12 * value * YEARS[unit] + round(fraction * YEARS[unit] * 12)
        self.check()

    def add_fraction_days(self, fraction: float, scale: int) -> None:
        """`fraction` of `scale` days."""
        part = fraction * scale
        self.days += int(part)
        self.add_fraction_us(part - int(part), DAY_US)

    def add_fraction_us(self, fraction: float, scale: int) -> None:
        """`fraction` of `scale` microseconds, rounded."""
        part = fraction * scale
        whole = int(part)
        rest = part - whole
        self.us += whole + (1 if rest > 0.5 else -1 if rest < -0.5 else 0)

    def check(self) -> None:
        """Raises OutOfRange where a part leaves its integer (months: where a year count does)."""
        if not -(2**31) <= self.days < 2**31 or not -(2**63) <= self.us < 2**63:
            raise OutOfRange
        if not -(2**31) * 12 <= self.months < 2**31 * 12:
            raise OutOfRange


def time_us(text: str, minutes_first: bool) -> int:
    """Microseconds of `h:mm[:ss[.f]]` or `mm:ss.f`."""
    found = TIME.fullmatch(text)
    if found is None:
        raise BadFormat
    hour, minute, second = int(found[1]), int(found[2] or 0), int(found[3] or 0)
    if found[3] is None and (found[4] is not None or minutes_first):
        hour, minute, second = 0, hour, minute
    fraction = round(float(found[4]) * 1e6) if found[4] and len(found[4]) > 1 else 0
    if minute > 59 or second > 60:
        raise OutOfRange
    return ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction


class FieldsReader:
    """Sums the fields of an interval's text up, from the last to the first: a unit stands after its number."""

    def __init__(self, span: Span, last_unit: str, minutes_first: bool) -> None:
        self.span = span
        self.unit: str | None = None
        self.last_unit = last_unit
        self.minutes_first = minutes_first
        self.waiting = False
        self.seen: set[str] = set()

    def read(self, fields: list[Field]) -> None:
        """Reads all fields."""
        ago = False
        for field in reversed(fields):
            if field.kind == "time":
                self.add_time(field.text, 1)
            elif field.kind == "zone" and ":" in field.text:
                self.add_time(field.text[1:], -1 if field.text[0] == "-" else 1)
            elif field.kind in ("zone", "date", "number"):
                self.add_number(field.text)
            elif self.waiting:
                raise BadFormat
            elif field.text == "ago":
                ago = True
            elif field.text not in ("at", "on"):
                self.take_unit(field.text)
        if not self.seen or self.waiting:
            raise BadFormat
        if ago:
            self.span.months, self.span.days, self.span.us = -self.span.months, -self.span.days, -self.span.us
        self.span.check()

    def take_unit(self, word: str) -> None:
        """The unit of the number before it."""
        unit = UNITS.get(word[:10])
        if unit is None:
            raise BadFormat
        self.unit = unit
        self.waiting = True

    def add_time(self, text: str, sign: int) -> None:
        """A field with colons; a bare number before it counts days."""
        self.note("hour", "minute", "second")
        self.span.us += sign * time_us(text, self.minutes_first)
        self.unit = "day"
        self.waiting = False

    def add_number(self, text: str) -> None:
        """A number of units, or `years-months`."""
        found = NUMBER.fullmatch(text)
        if found is None or not (found[2] or found[5]):
            raise BadFormat
        unit = self.unit or self.last_unit
        sign = -1 if found[1] == "-" else 1
        value, fraction = int(found[2] or 0), 0.0
        if value >= 2**63:
            raise OutOfRange
        if found[3]:
            if int(found[4]) >= 12:
                raise OutOfRange
            value, unit = value * 12 + int(found[4]), "month"
        elif found[5] and len(found[5]) > 1:
            fraction = float(found[5])
        self.span.add(sign * value, sign * fraction, unit)
        self.note(*(("second", "ms", "us") if unit == "second" and fraction else (unit,)))
        self.unit = "day" if unit == "hour" else unit
        self.waiting = False

    def note(self, *units: str) -> None:
        """Each unit may be given once."""
        if self.seen & set(units):
            raise BadFormat
        self.seen |= set(units)


ISO = re.compile(r"P((?:[+-]?[\d.]+[YMWD])*)(?:(T)((?:[+-]?[\d.]+[HMS])*))?", re.ASCII)
ISO_PART = re.compile(r"([+-]?)(\d*)(\.\d*)?([A-Z])", re.ASCII)
ISO_DATE = re.compile(r"P(?:(\d{4})(\d\d)(\d\d)(?!\d)|(\d+)(?:-(\d+)(?:-(\d+))?)?)?", re.ASCII)
ISO_TIME = re.compile(r"T(?:(\d\d)(\d\d)(\d\d)(\.\d*)?|(\d+)(?::(\d+)(?::(\d+)(\.\d*)?)?)?)", re.ASCII)
ISO_UNITS = {"Y": "year", "M": "month", "W": "week", "D": "day"}
ISO_TIME_UNITS = {"H": "hour", "M": "minute", "S": "second"}


def read_iso(text: str, span: Span) -> None:
    """Adds an ISO 8601 duration, with designators (P1DT2H) or in the alternative format (P0001-02-03T04:05:06)."""
    found = ISO.fullmatch(text)
    if found is None or len(text) < 2:
        read_iso_alternative(text, span)
        return
    for parts, units in ((found[1], ISO_UNITS), (found[3] or "", ISO_TIME_UNITS)):
        for part in ISO_PART.finditer(parts):
            if not part[2] and not (part[3] and len(part[3]) > 1):
                raise BadFormat
            sign = -1 if part[1] == "-" else 1
            fraction = float(part[3]) if part[3] and len(part[3]) > 1 else 0.0
            span.add(sign * int(part[2] or 0), sign * fraction, units[part[4]])
    if (found[1] + (found[3] or "")).count(".") > len(ISO_PART.findall(found[1] + (found[3] or ""))):
        raise BadFormat


def read_iso_alternative(text: str, span: Span) -> None:
    """`Pyyyy-mm-ddThh:mm:ss` or `PyyyymmddThhmmss`."""
    date = ISO_DATE.match(text)
    if date is None:
        raise BadFormat
    if date.end() == 1 and text[1:2] != "T":
        raise BadFormat
    for unit, first, second in (("year", date[1], date[4]), ("month", date[2], date[5]), ("day", date[3], date[6])):
        span.add(int(first or second or 0), 0, unit)
    if date.end() == len(text):
        return
    time = ISO_TIME.fullmatch(text, date.end())
    if time is None:
        raise BadFormat
    for unit, first, second in (("hour", time[1], time[5]), ("minute", time[2], time[6]), ("second", time[3], time[7])):
        span.add(int(first or second or 0), 0, unit)
    fraction = time[4] or time[8]
    span.add(0, float(fraction) if fraction and len(fraction) > 1 else 0.0, "second")


def interval_text(span: Interval) -> str:
    """What PostgreSQL prints with IntervalStyle postgres."""
    sign = -1 if span.months < 0 else 1
    years, months = divmod(abs(span.months), 12)
    parts: list[str] = []
    after_negative = False
    for value, unit in ((sign * years, "year"), (sign * months, "mon"), (span.days, "day")):
        if value:
            plus = "+" if after_negative and value > 0 else ""
            parts.append(f"{plus}{value} {unit}{'' if value == 1 else 's'}")
            after_negative = value < 0
    if span.us or not parts:
        plus = "-" if span.us < 0 else "+" if after_negative else ""
        parts.append(plus + clock_text(abs(span.us)))
    return " ".join(parts)


def clock_text(us: int) -> str:
    """hh:mm:ss[.f]."""
    seconds, fraction = divmod(us, 1_000_000)
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{text}.{fraction:06d}".rstrip("0") if fraction else text
