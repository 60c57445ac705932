"""IntervalStyle: the four ways to print an interval, after PostgreSQL's EncodeInterval."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pgstream.types.interval_text import Interval, interval_text


class Parts(NamedTuple):
    """An interval's fields as they are printed: years and months, days, and the parts of its time, signed alike."""

    years: int
    months: int
    days: int
    hours: int
    minutes: int
    seconds: int
    us: int


def parts_of(span: Interval) -> Parts:
    """Whole years of the months, and the time cut into fields."""
    years, months = divmod(abs(span.months), 12)
    left, us = divmod(abs(span.us), 1_000_000)
    left, seconds = divmod(left, 60)
    hours, minutes = divmod(left, 60)
    if span.months < 0:
        years, months = -years, -months
    if span.us < 0:
        hours, minutes, seconds, us = -hours, -minutes, -seconds, -us
    return Parts(years, months, span.days, hours, minutes, seconds, us)


def seconds_text(parts: Parts, width: int = 1) -> str:
    """The seconds without a sign, with the fraction they have."""
    whole = f"{abs(parts.seconds):0{width}d}"
    return f"{whole}.{abs(parts.us):06d}".rstrip("0") if parts.us else whole


def sql_standard(span: Interval) -> str:
    """`1-2`, `3 4:05:06`; both with signs where the standard has no form for them."""
    parts = parts_of(span)
    negative, positive = any(part < 0 for part in parts), any(part > 0 for part in parts)
    if not negative and not positive:
        return "0"
    has_months, has_time = bool(span.months), bool(span.days or span.us)
    time = f"{abs(parts.hours)}:{abs(parts.minutes):02d}:{seconds_text(parts, 2)}"
    months = f"{abs(parts.years)}-{abs(parts.months)}"
    if (negative and positive) or (has_months and has_time):
        signs = ["-" if part < 0 else "+" for part in (span.months, span.days, span.us)]
        return f"{signs[0]}{months} {signs[1]}{abs(parts.days)} {signs[2]}{time}"
    sign = "-" if negative else ""
    if has_months:
        return sign + months
    return f"{sign}{abs(parts.days)} {time}" if span.days else sign + time


def iso_8601(span: Interval) -> str:
    """`P1Y2M3DT4H5M6S`."""
    parts = parts_of(span)
    dates = zip(parts[:3], "YMD", strict=True)
    text = "P" + "".join(f"{value}{unit}" for value, unit in dates if value)
    if span.us:
        text += "T" + "".join(f"{value}{unit}" for value, unit in zip(parts[3:5], "HM", strict=True) if value)
        if parts.seconds or parts.us:
            text += f"{'-' if span.us < 0 else ''}{seconds_text(parts)}S"
    return "PT0S" if text == "P" else text


_UNITS = ("year", "mon", "day", "hour", "min")


def postgres_verbose(span: Interval) -> str:
    """`@ 1 year 2 mons 3 days 4 hours 5 mins 6 secs ago`: `ago` and the signs are relative to the first field."""
    parts = parts_of(span)
    first = next((part for part in parts if part), 0)
    sign = -1 if first < 0 else 1
    words = ["@"]
    for value, unit in zip(parts, _UNITS, strict=False):
        if value:
            words.append(f"{sign * value} {unit}{'' if sign * value == 1 else 's'}")
    if parts.seconds or parts.us:
        minus = "-" if (span.us < 0) != (sign < 0) else ""
        words.append(f"{minus}{seconds_text(parts)} sec{'' if abs(parts.seconds) == 1 and not parts.us else 's'}")
    if len(words) == 1:
        words.append("0")
    return " ".join(words) + (" ago" if sign < 0 else "")


STYLES: Mapping[str, Callable[[Interval], str]] = {
    "postgres": interval_text,
    "postgres_verbose": postgres_verbose,
    "sql_standard": sql_standard,
    "iso_8601": iso_8601,
}
