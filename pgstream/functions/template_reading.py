"""to_date and to_timestamp: texts read as a template says."""

import re
from typing import Any

import numpy as np

from pgstream.errors import DatetimeFieldOverflow, InvalidDatetimeFormat
from pgstream.functions.calendar import (
    DAY_US,
    SECOND_US,
    checked_moments,
    days_of,
    month_length,
)
from pgstream.functions.datetime import to_instant
from pgstream.functions.registry import STABLE, BoundCall, function
from pgstream.functions.template_words import DAYS, MONTHS, Token, tokens_of
from pgstream.types.timestamptz import session_zone

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
