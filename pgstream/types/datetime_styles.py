"""DateStyle: the other ways to print a date or a timestamp than ISO, and the order in which input has day and month."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa

from pgstream.delta import Column
from pgstream.kernels.text_dates import days_of
from pgstream.types.definition import Settings
from pgstream.types.zones import CYCLE_US, zone_names

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
ISO_TEXT = re.compile(r"(\d+)-(\d\d)-(\d\d)(?: (\d\d:\d\d:\d\d(?:\.\d+)?))?(?:[+-][\d:]+)?( BC)?")
ABBREVIATION_CHARACTERS_MAX = 10
FIRST_US, LAST_US = -62_135_596_800_000_000 + 86_400_000_000, 253_402_300_800_000_000 - 86_400_000_000
"""The years 1 to 9999, which Python's datetime knows, a day less at both ends."""


def style_of(settings: Settings) -> tuple[str, str]:
    """The style (ISO, SQL, Postgres, German) and the field order (MDY, DMY, YMD) of the DateStyle setting."""
    style, _, order = settings.get("datestyle", "ISO, MDY").partition(", ")
    return style, order


def styled(iso: Column, settings: Settings, zones: Sequence[str] = ()) -> Column:
    """`iso`, ISO texts of dates or timestamps, in the style of the settings; `zones` are the rows' abbreviations."""
    style, order = style_of(settings)
    if style == "ISO":
        return iso
    words = zones or [""] * len(iso)
    texts = [
        None if text is None else _styled(text, style, order, zone)
        for text, zone in zip(iso.to_pylist(), words, strict=True)
    ]
    return pa.array(texts, pa.string())


def _styled(iso: str, style: str, order: str, zone: str) -> str:
    found = ISO_TEXT.fullmatch(iso)
    if found is None:
        return iso
    year, month, day, time, era = found.groups()
    era = era or ""
    if style == "Postgres" and time is not None:
        number = 1 - int(year) if era else int(year)
        weekday = WEEKDAYS[(int(days_of(number, int(month), int(day))) + 4) % 7]
        name = MONTHS[int(month) - 1]
        middle = f"{day} {name}" if order == "DMY" else f"{name} {day}"
        return f"{weekday} {middle} {time} {year}{zone and ' ' + zone}{era}"
    first, second = (day, month) if order == "DMY" or style == "German" else (month, day)
    mark = {"SQL": "/", "German": ".", "Postgres": "-"}[style]
    date = f"{first}{mark}{second}{mark}{year}"
    return f"{date}{'' if time is None else ' ' + time}{zone and ' ' + zone}{era}"


def abbreviations(instants_us: Sequence[int], zone: str) -> list[str]:
    """What the zone called `zone` is called at each instant: EST, EDT, +0545."""
    posix = re.match(r"<([^>]+)>|([A-Za-z]{3,})(?=[+-]?\d|$)", zone)
    name = zone_names().get(zone.lower())
    if name is None:
        shown = (posix[1] or posix[2]) if posix else zone
        return [shown[:ABBREVIATION_CHARACTERS_MAX]] * len(instants_us)
    source = ZoneInfo(name)
    return [_abbreviation(us, source) for us in instants_us]


def _abbreviation(us: int, source: ZoneInfo) -> str:
    if us > LAST_US:
        us -= ((us - LAST_US) // CYCLE_US + 1) * CYCLE_US
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=max(us, FIRST_US))
    return (moment.astimezone(source).tzname() or "")[:ABBREVIATION_CHARACTERS_MAX]
