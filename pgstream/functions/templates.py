"""to_char, to_date and to_timestamp over moments: templates such as YYYY-MM-DD HH24:MI:SS."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.functions.calendar import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    SECOND_US,
    civil,
    days_of,
    finite,
)
from pgstream.functions.calling import Value, as_column
from pgstream.functions.datetime import to_local
from pgstream.functions.extract import iso_week
from pgstream.functions.registry import STABLE, BoundCall, function
from pgstream.functions.template_words import DATE_WORDS, DAYS, MONTHS, ROMAN, Token, tokens_of
from pgstream.functions.vector import column_of, numbers
from pgstream.types.interval_text import Interval
from pgstream.types.timestamptz import session_zone


class Moment(NamedTuple):
    """The fields that templates show."""

    year: int
    month: int
    day: int
    days: int
    us: int
    offset: int = 0
    zone: str = ""
    span: bool = False


def _ordinal(text: str, style: str) -> str:
    if not style:
        return text
    ending = "th" if text[-2:-1] == "1" else {"1": "st", "2": "nd", "3": "rd"}.get(text[-1], "th")
    return text + (ending.upper() if style == "TH" else ending)


def _cased(text: str, spelled: str) -> str:
    return text.upper() if spelled.isupper() else text.lower() if spelled.islower() else text


def _name(token: Token, names: tuple[str, ...], index: int, short: bool) -> str:
    text = _cased(names[index][:3] if short else names[index], token.text)
    return text if short or not token.fill else text.ljust(9)


def _year(moment: Moment) -> int:
    return moment.year if moment.year > 0 or moment.span else 1 - moment.year


def _century(moment: Moment) -> int:
    year = moment.year
    if moment.span:
        return year // 100
    return (year + 99) // 100 if year > 0 else -((99 - (year - 1)) // 100)


def _doy(moment: Moment) -> int:
    return moment.days - int(days_of(moment.year, 1, 1)) + 1


def _iso(moment: Moment) -> tuple[int, int]:
    year, week = iso_week(np.array([moment.days]))
    return int(year[0]), int(week[0])


def _iso_day(moment: Moment) -> int:
    year, _ = _iso(moment)
    fourth = int(days_of(year, 1, 4))
    return moment.days - (fourth - (fourth + 3) % 7) + 1


_NUMBERS: dict[str, tuple[int, Callable[[Moment], int]]] = {
    "HH24": (2, lambda m: m.us // HOUR_US),
    "HH12": (2, lambda m: (m.us // HOUR_US) % 12 or 12),
    "HH": (2, lambda m: (m.us // HOUR_US) % 12 or 12),
    "MI": (2, lambda m: m.us // MINUTE_US % 60),
    "SS": (2, lambda m: m.us // SECOND_US % 60),
    "SSSS": (0, lambda m: m.us // SECOND_US),
    "SSSSS": (0, lambda m: m.us // SECOND_US),
    "MS": (3, lambda m: m.us // 1000 % 1000),
    "US": (6, lambda m: m.us % SECOND_US),
    "YYYY": (4, _year),
    "YYY": (3, lambda m: _year(m) % 1000),
    "YY": (2, lambda m: _year(m) % 100),
    "Y": (1, lambda m: _year(m) % 10),
    "IYYY": (4, lambda m: _iso(m)[0]),
    "IYY": (3, lambda m: _iso(m)[0] % 1000),
    "IY": (2, lambda m: _iso(m)[0] % 100),
    "I": (1, lambda m: _iso(m)[0] % 10),
    "MM": (2, lambda m: m.month),
    "DD": (2, lambda m: m.day),
    "DDD": (3, _doy),
    "IDDD": (3, _iso_day),
    "D": (0, lambda m: (m.days + 4) % 7 + 1),
    "ID": (0, lambda m: (m.days + 3) % 7 + 1),
    "WW": (2, lambda m: (_doy(m) - 1) // 7 + 1),
    "IW": (2, lambda m: _iso(m)[1]),
    "W": (0, lambda m: (m.day - 1) // 7 + 1),
    "CC": (2, _century),
    "J": (0, lambda m: m.days + 2440588),
    "Q": (0, lambda m: (m.month - 1) // 3 + 1),
}
"""Numeric keywords: digits, and the number."""


def _shown(token: Token, moment: Moment) -> str:
    word = token.word
    if word in _NUMBERS:
        width, number = _NUMBERS[word]
        value = number(moment)
        padded = token.fill or word in ("MS", "US")
        digits = f"{abs(value):0{width if padded else 0}d}"
        return _ordinal(("-" if value < 0 else "") + digits, token.ordinal)
    if word.startswith("FF"):
        return f"{moment.us % SECOND_US:06d}"[: int(word[2])]
    if word == "Y,YYY":
        return f"{_year(moment) // 1000},{_year(moment) % 1000:03d}"
    if word in ("MONTH", "MON"):
        return _name(token, MONTHS, moment.month - 1, word == "MON")
    if word in ("DAY", "DY"):
        return _name(token, DAYS, (moment.days + 4) % 7, word == "DY")
    return _marks(token, moment)


def _marks(token: Token, moment: Moment) -> str:
    word, east = token.word, abs(moment.offset)
    sign = "-" if moment.offset < 0 else "+"
    if word in ("AM", "PM", "A.M.", "P.M."):
        text = "PM" if moment.us // HOUR_US % 24 >= 12 else "AM"
        return _cased(".".join([*text, ""]) if "." in word else text, token.text)
    if word in ("BC", "AD", "B.C.", "A.D."):
        text = "BC" if moment.year <= 0 else "AD"
        return _cased(".".join([*text, ""]) if "." in word else text, token.text)
    if word == "RM":
        text = _cased(ROMAN[moment.month - 1], token.text)
        return text.ljust(4) if token.fill else text
    if word == "TZH":
        return f"{sign}{east // 3600:02d}"
    if word == "TZM":
        return f"{east % 3600 // 60:02d}"
    if word == "OF":
        return f"{sign}{east // 3600:02d}" + (f":{east % 3600 // 60:02d}" if east % 3600 else "")
    return _cased(moment.zone, token.text)


def rendered(template: str, moment: Moment) -> str:
    """`moment` as `template` shows it."""
    return "".join(_shown(token, moment) if token.word else token.text for token in tokens_of(template))


def _abbreviation(name: str, us: int) -> str:
    try:
        found = datetime.fromtimestamp(us // SECOND_US, UTC).astimezone(ZoneInfo(name)).tzname()
    except (ZoneInfoNotFoundError, ValueError, OverflowError):
        return name
    return found or name


def _moments(local: Any, instants: Any, zone: str | None) -> list[Moment]:
    days = local // DAY_US
    year, month, day = civil(days)
    made = []
    for row in range(len(local)):
        offset = int(local[row] - instants[row]) // SECOND_US
        name = "" if zone is None else _abbreviation(zone, int(instants[row]))
        made.append(
            Moment(
                int(year[row]),
                int(month[row]),
                int(day[row]),
                int(days[row]),
                int(local[row] - days[row] * DAY_US),
                offset,
                name,
            )
        )
    return made


def _formatted(local: Any, instants: Any, template: str, zone: str | None) -> Column:
    """All rows by one template, each distinct day (or moment) once."""
    whole = finite(instants)
    if not template:
        return pa.nulls(len(local), pa.string())
    daily = all(token.word == "" or token.word in DATE_WORDS for token in tokens_of(template))
    keys = np.where(whole, local // DAY_US, 0) if daily else np.where(whole, local, 0)
    encoded = pa.array(keys).dictionary_encode()
    unique = encoded.dictionary.to_numpy() * (DAY_US if daily else 1)
    origin = unique
    if not daily and zone is not None:
        first = np.zeros(len(unique), np.int64)
        codes = encoded.indices.to_numpy()
        first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
        origin = np.where(whole[first], instants[first], 0)
    texts = [rendered(template, moment) for moment in _moments(unique, origin, None if daily else zone)]
    made = pa.array(texts, pa.string()).take(encoded.indices)
    return made if whole.all() else made.take(column_of(np.arange(len(made)), pa.int64(), ~whole))


def _by_template(templates: Value, local: Any, instants: Any, zone: str | None) -> Column:
    if isinstance(templates, pa.Scalar):
        return _formatted(local, instants, templates.as_py(), zone)
    rows = [
        _formatted(local[i : i + 1], instants[i : i + 1], one, zone)[0].as_py()
        for i, one in enumerate(templates.to_pylist())
    ]
    return pa.array(rows, pa.string())


@function(
    "to_char(timestamp, text) -> text",
    scalars=True,
    examples={
        "to_char('2024-02-05 20:38:40.123456'::timestamp, 'YYYY-MM-DD HH24:MI:SS.US')": "2024-02-05 20:38:40.123456",
        "to_char('2024-02-05 20:38:40'::timestamp, 'Day, DDth FMMonth YYYY HH12')": "Monday   , 05th February 2024 08",
        "to_char('2024-02-05 20:38:40'::timestamp, 'HH12:MI:SS am')": "08:38:40 pm",
        "to_char('2024-02-05 00:38:40'::timestamp, 'Dy mon FMDD IYYY-IW ID')": "Mon feb 5 2024-06 1",
        "to_char('2024-02-05 00:38:40'::timestamp, 'DDD Q CC J WW W RM HH')": "036 1 21 2460346 06 1 II   12",
        "to_char('2024-02-05 20:38:40.5'::timestamp, '\"Year:\" Y,YYY MS FF3')": "Year: 2,024 500 500",
        "to_char('2024-02-05 20:38:40.5'::timestamp, 'SSSS BC P.M.')": "74320 AD P.M.",
        "to_char('infinity'::timestamp, 'YYYY')": "NULL",
        "to_char('2024-02-05'::timestamp, 'FMMM/FMDD/YY FMMS')": "2/5/24 000",
    },
)
def to_char(moment: Value, template: Value) -> Column:
    """The moment as the template shows it."""
    us = numbers(as_column(moment, len(template)) if isinstance(moment, pa.Scalar) else moment)
    return _by_template(template, us, us, None)


@function(
    "to_char(timestamptz, text) -> text",
    scalars=True,
    bound=True,
    volatility=STABLE,
    examples={
        "to_char('2024-02-05 20:38:40+00'::timestamptz, 'YYYY-MM-DD TZH:TZM OF TZ')": "2024-02-05 +00:00 +00 UTC"
    },
)
def to_char_local(call: BoundCall, moment: Value, template: Value) -> Column:
    """The moment on the session's clock, as the template shows it."""
    us = numbers(as_column(moment, len(template)) if isinstance(moment, pa.Scalar) else moment)
    zone = session_zone(call.context.settings)
    return _by_template(template, to_local(us, zone), us, zone.name)


@function(
    "to_char(interval, text) -> text",
    rowwise=True,
    examples={
        "to_char('15h 2m 12s'::interval, 'HH24:MI:SS')": "15:02:12",
        "to_char('3 days 30:05'::interval, 'DD HH24:MI')": "03 30:05",
    },
)
def to_char_interval(span: Interval, template: str) -> str | None:
    """The interval's fields as the template shows them."""
    if not template:
        return None
    sign = -1 if span.months < 0 else 1
    years, months = sign * (abs(span.months) // 12), sign * (abs(span.months) % 12)
    return rendered(template, Moment(years, months, span.days, span.days, span.us, span=True))
