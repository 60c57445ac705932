"""to_char, to_date and to_timestamp over moments: templates such as YYYY-MM-DD HH24:MI:SS."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import DatetimeFieldOverflow, InvalidDatetimeFormat
from pgstream.functions.calendar import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    SECOND_US,
    checked_moments,
    civil,
    days_of,
    finite,
    month_length,
)
from pgstream.functions.calling import Value, as_column
from pgstream.functions.datetime import to_instant, to_local
from pgstream.functions.extract import iso_week
from pgstream.functions.registry import STABLE, BoundCall, function
from pgstream.functions.vector import column_of, numbers
from pgstream.types.interval_text import Interval
from pgstream.types.timestamptz import session_zone

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_DATE_WORDS = (
    "Y,YYY",
    "YYYY",
    "YYY",
    "YY",
    "Y",
    "IYYY",
    "IYY",
    "IY",
    "I",
    "MONTH",
    "MON",
    "MM",
    "DAY",
    "DY",
    "IDDD",
    "DDD",
    "DD",
    "ID",
    "D",
    "IW",
    "WW",
    "W",
    "CC",
    "J",
    "Q",
    "RM",
    "B.C.",
    "A.D.",
    "BC",
    "AD",
)
_CLOCK_WORDS = (
    "HH24",
    "HH12",
    "HH",
    "MI",
    "SSSSS",
    "SSSS",
    "SS",
    "MS",
    "US",
    "FF1",
    "FF2",
    "FF3",
    "FF4",
    "FF5",
    "FF6",
    "A.M.",
    "P.M.",
    "AM",
    "PM",
    "TZH",
    "TZM",
    "TZ",
    "OF",
)
_WORDS = sorted(_DATE_WORDS + _CLOCK_WORDS, key=len, reverse=True)
_CAPITALISED = ("Month", "Mon", "Day", "Dy")


class Token(NamedTuple):
    """A part of a template: a keyword in upper case, or with no keyword the literal text."""

    word: str
    text: str
    fill: bool = True
    ordinal: str = ""


@lru_cache(256)
def tokens_of(template: str) -> tuple[Token, ...]:
    """The parts of `template`."""
    made, at, fill = [], 0, True
    while at < len(template):
        if template[at : at + 2].upper() == "FM":
            fill, at = False, at + 2
            continue
        if template[at : at + 2].upper() in ("FX", "TM"):
            at += 2
            continue
        word = _word_at(template, at)
        if word:
            spelled = template[at : at + len(word)]
            at += len(word)
            ordinal = template[at : at + 2] if template[at : at + 2] in ("TH", "th") else ""
            at += len(ordinal)
            made.append(Token(word, spelled, fill, ordinal))
            fill = True
        else:
            text, at = _literal(template, at)
            made.append(Token("", text))
    return tuple(made)


def _word_at(template: str, at: int) -> str:
    for word in _WORDS:
        spelled = template[at : at + len(word)]
        if spelled in (word, word.lower()) or (spelled in _CAPITALISED and spelled.upper() == word):
            return word
    return ""


def _literal(template: str, at: int) -> tuple[str, int]:
    if template[at] == '"':
        found = re.compile(r'"((?:\\.|[^"\\])*)"?', re.DOTALL).match(template, at)
        assert found is not None
        return re.sub(r"\\(.)", r"\1", found[1]), found.end()
    if template[at] == "\\" and template[at + 1 : at + 2] == '"':
        return '"', at + 2
    return template[at], at + 1


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
    daily = all(token.word == "" or token.word in _DATE_WORDS for token in tokens_of(template))
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
        "to_char('2024-02-05 20:38:40'::timestamp, 'Day, DDth FMMonth YYYY HH12:MI:SS am')": "Monday   , 05th February 2024 08:38:40 pm",
        "to_char('2024-02-05 00:38:40'::timestamp, 'Dy mon FMDD IYYY-IW ID DDD Q CC J WW W RM HH')": "Mon feb 5 2024-06 1 036 1 21 2460346 06 1 II   12",
        "to_char('2024-02-05 20:38:40.5'::timestamp, '\"Year:\" Y,YYY MS FF3 SSSS BC P.M.')": "Year: 2,024 500 500 74320 AD P.M.",
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
        "to_char('2024-02-05 20:38:40+00'::timestamptz, 'YYYY-MM-DD HH24 TZH:TZM OF TZ')": "2024-02-05 20 +00:00 +00 UTC"
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


_READ = {
    "HH24": 2,
    "HH12": 2,
    "HH": 2,
    "MI": 2,
    "SS": 2,
    "SSSS": 5,
    "SSSSS": 5,
    "MS": 3,
    "US": 6,
    "YYYY": 4,
    "YYY": 3,
    "YY": 2,
    "Y": 1,
    "IYYY": 4,
    "MM": 2,
    "DD": 2,
    "DDD": 3,
    "J": 7,
    "Q": 1,
    "CC": 2,
    "WW": 2,
    "IW": 2,
    "D": 1,
    "ID": 1,
    "W": 1,
    "TZH": 3,
    "TZM": 2,
}


def read_fields(text: str, template: str) -> dict[str, Any]:
    """The fields of `text`, which is written as `template` says."""
    found: dict[str, Any] = {}
    at = 0
    tokens = tokens_of(template)
    for position, token in enumerate(tokens):
        if not token.word:
            at = _skip_literal(text, at, token.text)
            continue
        while at < len(text) and text[at].isspace():
            at += 1
        if at >= len(text):
            break
        following = tokens[position + 1] if position + 1 < len(tokens) else None
        alone = following is None or not following.word
        at = _read(token, text, at, found, alone or not token.fill)
    return found


def _skip_literal(text: str, at: int, literal: str) -> int:
    for letter in literal:
        if at >= len(text):
            return at
        if letter.isspace() or not letter.isalnum():
            while at < len(text) and text[at].isspace() and not letter.isspace():
                at += 1
            if (at < len(text) and not text[at].isalnum() and text[at] not in "+-") or text[at : at + 1] == letter:
                at += 1
        else:
            at += 1
    return at


def _read(token: Token, text: str, at: int, found: dict[str, Any], greedy: bool) -> int:
    word = token.word
    for names, short, key in ((MONTHS, "MON", "month"), (DAYS, "DY", "")):
        if word in (short, "MONTH" if short == "MON" else "DAY"):
            return _read_name(token, text, at, found, names, key)
    if word in ("AM", "PM", "A.M.", "P.M."):
        found["pm"] = text[at].lower() == "p"
        return at + len(word)
    if word in ("BC", "AD", "B.C.", "A.D."):
        found["bc"] = text[at].lower() == "b"
        return at + len(word)
    width = 6 if word.startswith("FF") else _READ.get(word, 0)
    pattern = (
        r"[+-]?\d+"
        if greedy and word not in ("MS", "US") and not word.startswith("FF")
        else rf"[+-]?\d{{1,{max(width, 1)}}}"
    )
    match = re.compile(pattern).match(text, at)
    if match is None:
        piece = text[at : at + max(width, 1)]
        raise InvalidDatetimeFormat(f'invalid value "{piece}" for "{token.text}"', detail="Value must be an integer.")
    found["US" if word.startswith("FF") else word] = match[0]
    return match.end()


def _read_name(token: Token, text: str, at: int, found: dict[str, Any], names: tuple[str, ...], key: str) -> int:
    rest = text[at:].lower()
    for index, name in enumerate(names):
        for form in (name.lower(), name[:3].lower()):
            if rest.startswith(form) and (token.word not in ("MON", "DY") or len(form) == 3):
                if key:
                    found["MM"] = str(index + 1)
                return at + len(form)
    word = re.match(r"\S*", text[at:])
    raise InvalidDatetimeFormat(
        f'invalid value "{word[0] if word else ""}" for "{token.text}"',
        detail="The given value did not match any of the allowed values for this field.",
    )


def _full_year(found: dict[str, Any]) -> int:
    for word in ("YYYY", "YYY", "YY", "Y", "IYYY"):
        if word in found:
            year, digits = int(found[word]), len(found[word])
            if word in ("YYYY", "IYYY") and digits > 2:
                break
            if digits <= 2 and word in ("YY", "Y", "YYYY") and word != "YYYY":
                year += 2000 if year < 70 else 1900
            elif word == "YYY" and digits <= 3:
                year += 2000 if year < 520 else 1000
            break
    else:
        year = (int(found["CC"]) - 1) * 100 + 1 if "CC" in found else 0
    return 1 - year if found.get("bc") else year


def _local_us(text: str, template: str) -> int:
    found = read_fields(text, template)
    number = {key: int(value) for key, value in found.items() if isinstance(value, str)}
    wrong = DatetimeFieldOverflow(f'date/time field value out of range: "{text}"')
    if "J" in number:
        days = number["J"] - 2440588
    elif "DDD" in number:
        days = int(days_of(_full_year(found), 1, 1)) + number["DDD"] - 1
    else:
        year = _full_year(found)
        year = year if year or (any(k.startswith("Y") for k in found) and year) else (0 if not found else year)
        month, day = number.get("MM", 1), number.get("DD", 1)
        if not 1 <= month <= 12 or not 1 <= day <= int(month_length(np.array([year]), np.array([month]))[0]):
            raise wrong
        days = int(days_of(year, month, day))
    hour = number.get("HH24", 0)
    for word in ("HH12", "HH"):
        if word in number:
            hour = number[word]
            if not 1 <= hour <= 12:
                raise DatetimeFieldOverflow(
                    f'hour "{hour}" is invalid for the 12-hour clock',
                    hint="Use the 24-hour clock, or give an hour between 1 and 12.",
                )
    if "pm" in found and hour <= 12:
        hour = hour % 12 + (12 if found["pm"] else 0)
    minute, second = number.get("MI", 0), number.get("SS", 0)
    if hour > 24 or minute > 59 or second > 59:
        raise wrong
    us = ((hour * 60 + minute) * 60 + second) * SECOND_US
    if "SSSS" in number or "SSSSS" in number:
        us = number.get("SSSS", number.get("SSSSS", 0)) * SECOND_US
    if "MS" in found:
        us += int(found["MS"].ljust(3, "0")) * 1000
    if "US" in found:
        us += int(found["US"].ljust(6, "0")[:6])
    return days * DAY_US + us


@function(
    "to_date(text, text) -> date",
    rowwise=True,
    volatility=STABLE,
    examples={
        "to_date('05 Dec 2000', 'DD Mon YYYY')": "2000-12-05",
        "to_date('20240229', 'YYYYMMDD')": "2024-02-29",
        "to_date('2024-13-01', 'YYYY-MM-DD')": 'ERROR: 22008 date/time field value out of range: "2024-13-01"',
        "to_date('2024-366', 'YYYY-DDD')": "2024-12-31",
    },
)
def to_date(text: str, template: str) -> int:
    """The date that `text` names, written as the template says."""
    return _local_us(text, template) // DAY_US


@function(
    "to_timestamp(text, text) -> timestamptz",
    rowwise=True,
    bound=True,
    volatility=STABLE,
    examples={
        "to_timestamp('05 Dec 2000 14:30:15', 'DD Mon YYYY HH24:MI:SS')": "2000-12-05 14:30:15+00",
        "to_timestamp('2024-01-05 02:03:04.56 PM', 'YYYY-MM-DD HH12:MI:SS.US AM')": "2024-01-05 14:03:04.56+00",
        "to_timestamp('15:12:02.020.001230', 'HH24:MI:SS.MS.US') IS NULL": "f",
    },
)
def to_timestamp(call: BoundCall, text: str, template: str) -> int:
    """The moment that `text` names on the session's clock, written as the template says."""
    local = checked_moments(np.array([_local_us(text, template)]))
    return int(to_instant(local, session_zone(call.context.settings))[0])
