"""Moments from texts and numbers, and back, as Flink and DataFusion have them under names of PostgreSQL's.

To PostgreSQL the argument of `to_timestamp('2024-01-01')` is a number's text, and of `to_date` it takes two. In the
dialects of those systems their functions go by names of their own, which are no longer (`sql/dialects.py`).
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidDatetimeFormat, InvalidParameterValue
from pgstream.functions.registry import VOLATILE, BoundCall, function

_SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  without a zone, as all moments here
_JAVA_WORD = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+", re.DOTALL)
_JAVA = {
    "yyyy": "%Y", "uuuu": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%m", "dd": "%d", "d": "%d",
    "DDD": "%j", "D": "%j", "HH": "%H", "H": "%H", "hh": "%I", "h": "%I", "mm": "%M", "m": "%M", "ss": "%S", "s": "%S",
    "S": "%f", "SS": "%f", "SSS": "%f", "SSSSSS": "%f", "SSSSSSSSS": "%f", "a": "%p", "EEEE": "%A", "EEE": "%a",
}  # fmt: skip
"""Java's letters and strptime's for the same."""


@lru_cache(256)
def _pattern(format: str) -> str:
    """A pattern as strptime takes it: Java's (`yyyy-MM-dd`), or Chrono's where it has a percent sign."""
    if "%" in format:
        short = {"%T": "%H:%M:%S", "%F": "%Y-%m-%d", "%D": "%m/%d/%y", "%R": "%H:%M", "%.f": ".%f", "%e": "%d"}
        for word, longer in (*short.items(), ("%.3f", ".%f"), ("%.6f", ".%f"), ("%.9f", ".%f"), ("%#z", "%z")):
            format = format.replace(word, longer)
        return format
    made = []
    for found in _JAVA_WORD.finditer(format):
        word = found[0]
        if found[1] is None:
            made.append((word[1:-1].replace("''", "'") or "'" if word[0] == "'" else word).replace("%", "%%"))
        elif word in _JAVA:
            made.append(_JAVA[word])
        else:
            raise InvalidParameterValue(f'"{word}" is not supported in a date format')
    return "".join(made)


def _read(text: str, format: str) -> datetime | None:
    """The moment that a text shows in a format, in UTC where it has a zone; None where it shows none."""
    if format == "%+":
        return _plain(text)
    text = re.sub(r"(\.\d{6})\d+", r"\1", text)  # a datetime keeps microseconds
    try:
        found = datetime.strptime(text.strip(), _pattern(format))  # noqa: DTZ007  without a zone it is UTC
    except ValueError:
        return None
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo is not None else found


def _plain(text: str) -> datetime | None:
    """The moment that a text shows as ISO 8601 has it."""
    text = re.sub(r"([.,]\d{6})\d+", r"\1", text.strip())
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo is not None else found


def us_of(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


@function("timestamp_of(text) -> timestamp", rowwise=True,
          examples={"timestamp_of('2024-01-01 10:20:30.5')": "2024-01-01 10:20:30.5",
                    "timestamp_of('x')": "NULL"})  # fmt: skip
def timestamp_of(text: str) -> int | None:
    """The moment that a text shows; NULL where it shows none: Flink's to_timestamp."""
    found = _plain(text)
    return None if found is None else us_of(found)


@function("timestamp_of(text, text) -> timestamp", rowwise=True,
          examples={"timestamp_of('2024-01-31 10:20', 'yyyy-MM-dd HH:mm')": "2024-01-31 10:20:00",
                    "timestamp_of('31', 'yyyy')": "NULL"})  # fmt: skip
def timestamp_of_format(text: str, format: str) -> int | None:
    """The moment that a text shows in a format of Java's; NULL where it shows none: Flink's to_timestamp."""
    found = _read(text, format)
    return None if found is None else us_of(found)


def _first(text: str, formats: tuple[str, ...]) -> datetime:
    """What the first format that fits makes of a text. Raises InvalidDatetimeFormat."""
    found = next((each for each in (_read(text, format) for format in formats) if each is not None), None)
    found = found or (_plain(text) if not formats else None)
    if found is None:
        raise InvalidDatetimeFormat(f'invalid input syntax for type timestamp: "{text}"')
    return found


@function("timestamp_at(text, VARIADIC text) -> timestamp", rowwise=True,
          examples={"timestamp_at('05-17-2023 03:59', '%c', '%m-%d-%Y %H:%M')": "2023-05-17 03:59:00"})  # fmt: skip
def timestamp_at_formats(text: str, *formats: str) -> int:
    """The moment that a text shows in the first of Chrono's formats that fits: DataFusion's to_timestamp."""
    return us_of(_first(text, formats))


@function("timestamp_at(text) -> timestamp", rowwise=True,
          examples={"timestamp_at('2023-01-31T09:26:56.123456789-05:00')": "2023-01-31 14:26:56.123456",
                    "timestamp_at('x')": 'ERROR: 22007 invalid input syntax for type timestamp: "x"'})  # fmt: skip
def timestamp_at(text: str) -> int:
    """The moment, in UTC, that a text shows: DataFusion's to_timestamp."""
    return us_of(_first(text, ()))


@function("timestamp_at(float8) -> timestamp", rowwise=True,
          examples={"timestamp_at(1675157216.5::float8)": "2023-01-31 09:26:56.5"})  # fmt: skip
def timestamp_at_seconds(seconds: float) -> int:
    """The moment so many seconds after 1970: DataFusion's to_timestamp."""
    return round(seconds * _SECOND)


for _name, _units in (("to_timestamp_seconds", "seconds"), ("to_timestamp_millis", "milliseconds"),
                     ("to_timestamp_micros", "microseconds")):  # fmt: skip
    function(
        f"{_name}(text) -> timestamp",
        rowwise=True,
        doc=f"The moment that a text shows, of {_units}.",
        examples={f"{_name}('2023-01-31T09:26:56')": "2023-01-31 09:26:56"},
    )(timestamp_at)


@function("date_of(text) -> date", rowwise=True, examples={"date_of('2024-01-31')": "2024-01-31"})
def date_of(text: str) -> int:
    """The day that a text shows: to_date of Flink and DataFusion."""
    return _day(_first(text, ()))


@function("date_of(text, VARIADIC text) -> date", rowwise=True,
          examples={"date_of('31/01/2024', 'dd/MM/yyyy')": "2024-01-31",
                    "date_of('2023/01/31', '%Y-%m-%d', '%Y/%m/%d')": "2023-01-31"})  # fmt: skip
def date_of_formats(text: str, *formats: str) -> int:
    """The day that a text shows in the first format that fits: to_date of Flink and DataFusion."""
    return _day(_first(text, formats))


def _day(moment: datetime) -> int:
    return (moment.date() - date(1970, 1, 1)).days


@function("to_timestamp_ltz(int8, int4) -> timestamptz", rowwise=True,
          examples={"to_timestamp_ltz(1586937900000, 3)": "2020-04-15 08:05:00+00",
                    "to_timestamp_ltz(1586937900, 0)": "2020-04-15 08:05:00+00"})  # fmt: skip
def to_timestamp_ltz(value: int, precision: int) -> int:
    """The moment so many seconds (precision 0) or milliseconds (3) after 1970."""
    if precision not in (0, 3):
        raise InvalidParameterValue("the precision must be 0 or 3")
    return value * (_SECOND if precision == 0 else 1000)


@function("to_timestamp_ltz(int8) -> timestamptz", rowwise=True,
          examples={"to_timestamp_ltz(1586937900000)": "2020-04-15 08:05:00+00"})  # fmt: skip
def to_timestamp_ltz_millis(value: int) -> int:
    """The moment so many milliseconds after 1970."""
    return value * 1000


@function("unix_timestamp() -> int8", volatility=VOLATILE, bound=True, rowwise=False,
          examples={"unix_timestamp() > 1700000000": "t"})  # fmt: skip
def unix_timestamp_now(call: BoundCall, count: int) -> Column:
    """Seconds since 1970."""
    return pa.array([call.context.now_us // _SECOND] * count, pa.int64())


@function(
    "unix_timestamp(text) -> int8", rowwise=True, examples={"unix_timestamp('2020-04-15 08:05:00')": "1586937900"}
)
def unix_timestamp(text: str) -> int:
    """Seconds from 1970 to the moment that a text shows."""
    return us_of(_first(text, ())) // _SECOND


@function("unix_timestamp(text, text) -> int8", rowwise=True,
          examples={"unix_timestamp('15/04/2020', 'dd/MM/yyyy')": "1586908800"})  # fmt: skip
def unix_timestamp_of_format(text: str, format: str) -> int:
    """Seconds from 1970 to the moment that a text shows in a format of Java's."""
    return us_of(_first(text, (format,))) // _SECOND


@function("to_unixtime(text, VARIADIC text) -> int8", rowwise=True,
          examples={"to_unixtime('01-14-2023 01:01:30+0530', '%q',"
                    " '%m-%d-%Y %H:%M:%S%#z')": "1673638290"})  # fmt: skip
def to_unixtime_of_formats(text: str, *formats: str) -> int:
    """Seconds from 1970 to the moment that a text shows in the first of Chrono's formats that fits."""
    return us_of(_first(text, formats)) // _SECOND


@function("from_unixtime(int8) -> timestamp", rowwise=True,
          examples={"from_unixtime(1599572549)": "2020-09-08 13:42:29"})  # fmt: skip
def from_unixtime(seconds: int) -> int:
    """The moment so many seconds after 1970."""
    return seconds * _SECOND


def _shown(seconds: int, format: str) -> str:
    try:
        return (_EPOCH + timedelta(seconds=seconds)).strftime(_pattern(format))
    except OverflowError:
        raise InvalidParameterValue("timestamp out of range") from None


@function("unixtime_text(int8) -> text", rowwise=True,
          examples={"unixtime_text(1586937900)": "2020-04-15 08:05:00"})  # fmt: skip
def unixtime_text(seconds: int) -> str:
    """The moment so many seconds after 1970, as Flink's from_unixtime shows it."""
    return _shown(seconds, "yyyy-MM-dd HH:mm:ss")


@function("unixtime_text(int8, text) -> text", rowwise=True,
          examples={"unixtime_text(1586937900, 'yyyyMMdd')": "20200415"})  # fmt: skip
def unixtime_text_of_format(seconds: int, format: str) -> str:
    """The moment so many seconds after 1970 in a format of Java's: Flink's from_unixtime."""
    return _shown(seconds, format)


@function("chrono(timestamp, text) -> text", rowwise=True,
          examples={"chrono('2024-01-31 10:20:30.5'::timestamp, '%d-%m-%Y %T%.3f')":
                    "31-01-2024 10:20:30.500"})  # fmt: skip
def chrono(moment: int, format: str) -> str:
    """The moment as a format of Chrono's shows it: DataFusion's to_char."""
    shown = _EPOCH + timedelta(microseconds=moment)
    fraction = f".{shown.microsecond:06}"
    for word, text in (("%.3f", fraction[:4]), ("%.6f", fraction), ("%.f", fraction), ("%.9f", f"{fraction}000")):
        format = format.replace(word, text)
    return shown.strftime(_pattern(format))


_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_SPANS = {
    "microsecond": 1, "millisecond": 1000, "second": _SECOND, "minute": 60 * _SECOND, "hour": 3600 * _SECOND,
    "day": 86400 * _SECOND, "week": 7 * 86400 * _SECOND,
}  # fmt: skip


def _unit(unit: str) -> str:
    unit = unit.lower().removeprefix("sql_tsi_").rstrip("s")
    if unit not in _MONTHS and unit not in _SPANS:
        raise InvalidParameterValue(f'unit "{unit}" is not recognized')
    return unit


@function("timestampdiff(text, timestamp, timestamp) -> int8", rowwise=True,
          examples={"timestampdiff('day', '2020-04-15 08:05', '2020-04-18 08:04')": "2",
                    "timestampdiff('month', '2020-03-31', '2020-01-31')": "-2",
                    "timestampdiff('year', '2020-02-29', '2021-02-28')": "0"})  # fmt: skip
def timestampdiff(unit: str, start: int, end: int) -> int:
    """How many whole units lie between two moments."""
    unit = _unit(unit)
    if unit in _SPANS:
        return abs(end - start) // _SPANS[unit] * (1 if end >= start else -1)
    first, last = (_EPOCH + timedelta(microseconds=us) for us in (min(start, end), max(start, end)))
    months = (last.year - first.year) * 12 + last.month - first.month
    months -= (last.day, last.time()) < (first.day, first.time())
    return months // _MONTHS[unit] * (1 if end >= start else -1)


def _moved(unit: str, count: int, moment: int) -> int:
    unit = _unit(unit)
    if unit in _SPANS:
        return moment + count * _SPANS[unit]
    before = _EPOCH + timedelta(microseconds=moment)
    year, month = divmod(before.year * 12 + before.month - 1 + count * _MONTHS[unit], 12)
    last = (date(year + month // 11, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return us_of(before.replace(year=year, month=month + 1, day=min(before.day, last)))


@function("timestampadd(text, int8, timestamp) -> timestamp", rowwise=True,
          examples={"timestampadd('month', 1, '2024-01-31 10:00'::timestamp)": "2024-02-29 10:00:00",
                    "timestampadd('hour', -3, '2024-01-01'::timestamp)": "2023-12-31 21:00:00",
                    "timestampadd('month', 11, '2024-01-15'::timestamp)": "2024-12-15 00:00:00"})  # fmt: skip
def timestampadd(unit: str, count: int, moment: int) -> int:
    """A moment so many units later."""
    return _moved(unit, count, moment)


@function("timestampadd(text, int8, date) -> date", rowwise=True,
          examples={"timestampadd('week', 1, '2003-01-02'::date)": "2003-01-09"})  # fmt: skip
def timestampadd_days(unit: str, count: int, day: int) -> int:
    """A day so many units later; hours and less move it by the days that they make."""
    return _moved(unit, count, day * 86400 * _SECOND) // (86400 * _SECOND)


_STARTS = {"week": 4 * 86400 * _SECOND}  # 1970-01-05 was a Monday


def _floored(moment: int, unit: str) -> int:
    unit = _unit(unit)
    if unit in _SPANS:
        start = _STARTS.get(unit, 0)
        return (moment - start) // _SPANS[unit] * _SPANS[unit] + start
    before = _EPOCH + timedelta(microseconds=moment)
    month = (before.month - 1) // _MONTHS[unit] * _MONTHS[unit] + 1
    return us_of(datetime(before.year, month, 1))  # noqa: DTZ001


def _ceiled(moment: int, unit: str) -> int:
    low = _floored(moment, unit)
    return moment if low == moment else _moved(unit, 1, low)


for _name, _cut, _answer in (("floor", _floored, "2020-04-15 08:05:00"), ("ceil", _ceiled, "2020-04-15 08:06:00")):
    function(
        f"{_name}(timestamp, text) -> timestamp",
        rowwise=True,
        doc="The moment cut to a unit: FLOOR(moment TO unit) and CEIL(moment TO unit).",
        examples={f"{_name}('2020-04-15 08:05:12'::timestamp, 'minute')": _answer},
    )(_cut)


_DAYS: dict[str, tuple[Callable[[date], int], str, str]] = {
    "dayofweek": (lambda day: day.isoweekday() % 7 + 1, "3", "The day of the week, Sunday being 1."),
    "dayofyear": (lambda day: day.timetuple().tm_yday, "270", "The day of the year."),
    "week": (lambda day: day.isocalendar().week, "39", "The week of the year, as ISO 8601 counts."),
}
for _name, (_part, _answer, _doc) in _DAYS.items():
    function(f"{_name}(date) -> int8", rowwise=True, doc=_doc, examples={f"{_name}('1994-09-27'::date)": _answer})(
        lambda day, part=_part: part(date(1970, 1, 1) + timedelta(days=day))
    )


@function("to_local_time(timestamptz) -> timestamp", rowwise=True,
          examples={"to_local_time('2024-04-01 00:00:20+00'::timestamptz)": "2024-04-01 00:00:20"})  # fmt: skip
def to_local_time(moment: int) -> int:
    """The moment without its zone."""
    return moment
