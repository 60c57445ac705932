"""Date and time text read as PostgreSQL's DecodeDateTime reads it, in the field order that DateStyle says."""

import math
import re
from dataclasses import dataclass

import numpy as np

from pgstream.errors import InvalidParameterValue
from pgstream.kernels.text_dates import civil_of, days_of, month_length
from pgstream.types.datetime_fields import (
    MONTH_WORDS,
    WEEKDAYS,
    BadFormat,
    Field,
    OutOfRange,
    ZoneOutOfRange,
    fields_of,
    reported,
)
from pgstream.types.zone_abbreviations import DAYLIGHT, STANDARD
from pgstream.types.zones import Zone, find_zone

YEAR, MONTH, DAY, TIME, ZONE, YEARDAY = (1 << bit for bit in range(6))
NOT_TIMES = frozenset(["today", "tomorrow", "yesterday", "infinity", "-infinity", "epoch", "j", "jd", "julian"])
DATE = YEAR | MONTH | DAY
DAY_US = 86_400_000_000
TIME_PARTS = re.compile(r"(\d+):(\d*)(?::(\d*))?(\.\d*)?", re.ASCII)
OFFSET = re.compile(r"([+-])(\d+)(?::(\d+)(?::(\d+))?)?", re.ASCII)


@dataclass
class Moment:
    """What a text says: a civil date and time, perhaps with a UTC offset (seconds east) or a zone.

    `special` is `infinity`, `-infinity` or `epoch`, and then nothing else means anything.
    """

    year: int = 0
    month: int = 1
    day: int = 1
    us: int = 0
    offset: int | None = None
    zone: Zone | None = None
    special: str | None = None
    has_date: bool = True

    @property
    def days(self) -> int:
        """The day number since 1970."""
        return int(days_of(self.year, self.month, self.day))


def moment_of(
    text: str, type_name: str, zone: Zone, now_us: int, time_only: bool = False, order: str = "MDY"
) -> Moment:
    """The moment `text` names in session zone `zone` at `now_us`, where 1/2/3 has its fields in `order`. Raises as
    PostgreSQL's input functions do."""
    try:
        return Reader(fields_of(text), zone, now_us, time_only, order).moment()
    except (BadFormat, OutOfRange, ZoneOutOfRange) as problem:
        raise reported(problem, text, type_name) from None


def rounded_fraction(digits: str) -> int:
    """Microseconds of `.ddd`, rounded half to even as rint does."""
    return round(float(digits) * 1e6) if len(digits) > 1 else 0


def offset_of(text: str) -> int:
    """Seconds east of UTC of `+hh`, `+hhmm`, `+hh:mm` or `+hh:mm:ss`."""
    found = OFFSET.match(text)
    if found is None:
        raise BadFormat
    hours, minutes, seconds = int(found[2]), int(found[3] or 0), int(found[4] or 0)
    if found[3] is None and len(found[2]) > 2:
        hours, minutes = divmod(hours, 100)
    if hours > 15 or minutes > 59 or seconds > 59:
        raise ZoneOutOfRange
    if found.end() != len(text):
        raise BadFormat
    east = hours * 3600 + minutes * 60 + seconds
    return -east if found[1] == "-" else east


def time_of(text: str) -> int:
    """Microseconds of `hh:mm[:ss[.f]]`, or of `mm:ss.f`."""
    found = TIME_PARTS.fullmatch(text)
    if found is None:
        raise BadFormat
    first, second, third = int(found[1]), int(found[2] or 0), found[3]
    fraction = rounded_fraction(found[4]) if found[4] else 0
    hour, minute, seconds = (0, first, second) if third is None and found[4] else (first, second, int(third or 0))
    return checked_time(hour, minute, seconds, fraction)


def checked_time(hour: int, minute: int, second: int, fraction: int) -> int:
    """Microseconds since midnight; 24:00:00 is the most there is."""
    us = ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction
    if minute > 59 or second > 60 or hour > 24 or us > DAY_US:
        raise OutOfRange
    return us


class Reader:
    """The state of reading one text's fields: what is known so far, as a mask and values."""

    def __init__(self, fields: list[Field], zone: Zone, now_us: int, time_only: bool, order: str) -> None:
        self.fields = fields
        self.zone = zone
        self.now_us = now_us
        self.time_only = time_only
        self.order = order
        self.known = 0
        self.moment_ = Moment()
        self.text_month = False
        self.two_digit_year = False
        self.era_bc = False
        self.half: str | None = None
        self.julian: int | None = None
        self.expects: str | None = None

    def moment(self) -> Moment:
        """The moment all fields name together."""
        if not self.fields:
            raise BadFormat
        for index, field in enumerate(self.fields):
            self.take(index, field)
        self.check_date()
        self.apply_half()
        found = self.moment_
        if found.special is None and (self.known & DATE) != DATE:
            if not self.time_only or self.known & DATE or not self.known & TIME:
                raise BadFormat
            if found.zone is not None and len(found.zone.offsets) > 1:
                raise BadFormat
            found.has_date = False
        elif self.time_only and found.special is None and not self.known & TIME:
            raise BadFormat
        return found

    def learn(self, mask: int) -> None:
        """Notes that the fields in `mask` are known; each may be given once."""
        if self.known & mask:
            raise BadFormat
        self.known |= mask

    def take(self, index: int, field: Field) -> None:
        """Reads one field."""
        if field.kind == "time":
            if self.expects not in (None, "time"):
                raise BadFormat
            self.expects = None
            self.learn(TIME)
            self.moment_.us = time_of(field.text)
        elif field.kind == "zone":
            self.take_offset(index, field.text)
        elif field.kind == "date":
            self.take_date(field.text)
        elif field.kind == "number":
            self.take_number_field(field.text)
        else:
            self.take_word(index, field.text)

    def take_offset(self, index: int, text: str) -> None:
        """A signed offset; after a zone's abbreviation (EST+3) it is added to that."""
        offset = offset_of(text)
        if self.known & ZONE and index and self.fields[index - 1].kind == "string" and self.moment_.offset is not None:
            self.moment_.offset -= -offset
            return
        self.learn(ZONE)
        self.moment_.offset = offset

    def take_date(self, text: str) -> None:
        """A field with delimiters: a date, or after one a zone's name or a run-together time with offset."""
        if (self.known & DATE) == DATE or self.expects is not None or (self.time_only and text[0].isalpha()):
            if text[0].isdigit() or self.expects is not None:
                cut = text.find("-")
                if self.expects not in (None, "time") or cut < 0 or self.known & TIME:
                    raise BadFormat
                self.expects = None
                self.learn(ZONE)
                self.moment_.offset = offset_of(text[cut:])
                self.take_run_together(text[:cut], self.known | DATE)
                return
            self.take_zone_name(text)
            return
        self.take_delimited_date(text)

    def take_zone_name(self, name: str) -> None:
        """A full zone name such as america/new_york."""
        zone = find_zone(name)
        if zone is None:
            if "/" in name or "-" in name[1:] or "+" in name[1:]:
                raise InvalidParameterValue(f'time zone "{name}" not recognized')
            raise BadFormat
        self.learn(ZONE)
        self.moment_.zone = zone

    def take_delimited_date(self, text: str) -> None:
        """`2024-1-5`, `1/5/2024`, `5-Jan-2024` and so on (DecodeDate)."""
        parts = re.findall(r"\d+|[a-z]+", text)
        if not parts or (not text[-2:-1].isalnum() and not text[-1].isalnum()):
            raise BadFormat
        numbers = []
        for part in parts:
            if part[0].isdigit():
                numbers.append(part)
            elif part in MONTH_WORDS:
                self.learn(MONTH)
                self.moment_.month = MONTH_WORDS[part]
                self.text_month = True
            elif part not in ("at", "on") and part not in WEEKDAYS:
                raise BadFormat
        for number in numbers:
            self.take_number(number)
        if (self.known & ~(YEARDAY | ZONE | TIME)) != DATE:
            raise BadFormat

    def take_number_field(self, text: str) -> None:
        """A field of digits, perhaps with a fraction."""
        if self.expects is not None:
            self.take_expected_number(text)
            return
        whole, point, _ = text.partition(".")
        if self.time_only:
            if point and len(whole) < 3:
                raise BadFormat
            self.take_run_together(text, self.known | DATE)
        elif point and not self.known & DATE:
            self.take_delimited_date(text)
        elif (point and len(whole) > 2) or (len(text) >= 6 and (not self.known & DATE or not self.known & TIME)):
            self.take_run_together(text, self.known)
        else:
            self.take_number(text)

    def take_expected_number(self, text: str) -> None:
        """The number after `J` (a Julian day) or `T` (a time)."""
        expects, self.expects = self.expects, None
        if expects == "time":
            self.take_run_together(text, self.known | DATE)
            return
        whole, _, fraction = text.partition(".")
        self.learn(DATE)
        self.set_days(int(whole or 0) - 2440588)
        if fraction:
            self.learn(TIME)
            self.moment_.us = math.floor(float("0." + fraction) * DAY_US)

    def set_days(self, days: int) -> None:
        """Sets the civil date by day number."""
        self.moment_.year, self.moment_.month, self.moment_.day = (int(part) for part in civil_of(days))
        self.julian = days

    def take_number(self, text: str) -> None:
        """One number whose place among year, month and day follows from what is known (DecodeNumber)."""
        whole, point, _ = text.partition(".")
        if point and len(whole) > 2:
            self.take_run_together(text, self.known | DATE)
            return
        value, size, have = int(whole), len(text), self.known & DATE
        if value > 2**31 - 1:
            raise OutOfRange
        if size == 3 and have == YEAR and 1 <= value <= 366:
            self.learn(YEARDAY | MONTH | DAY)
            self.set_yearday(value)
        elif have == DATE:
            self.take_run_together(text, self.known)
        elif have in (YEAR, DAY) or (have == 0 and size < 3 and self.order == "MDY"):
            self.learn(MONTH)
            self.moment_.month = value
        elif have == YEAR | MONTH and self.text_month and size >= 3 and self.two_digit_year:
            self.learn(DAY)
            self.moment_.day, self.moment_.year = self.moment_.year, value
            self.two_digit_year = False
        elif self.is_day(have, size):
            self.learn(DAY)
            self.moment_.day = value
        else:
            self.learn(YEAR)
            self.moment_.year = value
            self.two_digit_year = size <= 2

    def is_day(self, have: int, size: int) -> bool:
        """Whether a number of `size` digits is the day, where `have` of the date is known."""
        if not have:
            return size < 3 and self.order == "DMY"
        return have == YEAR | MONTH or (have == MONTH and not (self.text_month and (size >= 3 or self.order == "YMD")))

    def set_yearday(self, yearday: int) -> None:
        """Sets month and day by the day of the year."""
        days = int(days_of(self.moment_.year, 1, 1)) + yearday - 1
        year = self.moment_.year
        self.set_days(days)
        self.julian = None
        if self.moment_.year != year:
            raise OutOfRange

    def take_run_together(self, text: str, known: int) -> None:
        """`yyyymmdd`, `yymmdd`, `hhmmss[.f]` or `hhmm` (DecodeNumberField)."""
        whole, point, fraction = text.partition(".")
        if not point and (known & DATE) != DATE and len(whole) >= 6:
            self.learn(DATE)
            self.moment_.year, self.moment_.month = int(whole[:-4]), int(whole[-4:-2])
            self.moment_.day = int(whole[-2:])
            self.two_digit_year = len(whole) == 6
            return
        if known & TIME or len(whole) not in (4, 6):
            raise BadFormat
        self.learn(TIME)
        second = int(whole[4:] or 0)
        part = rounded_fraction("." + fraction) if point else 0
        self.moment_.us = checked_time(int(whole[:2]), int(whole[2:4]), second, part)

    def take_word(self, index: int, word: str) -> None:
        """A month, a zone, am/pm, an era, or a word such as `today`."""
        if word in STANDARD or word in DAYLIGHT:
            self.learn(ZONE)
            self.moment_.offset = STANDARD[word] if word in STANDARD else DAYLIGHT[word]
        elif self.time_only and (word in MONTH_WORDS or word in NOT_TIMES):
            raise BadFormat
        elif word in MONTH_WORDS:
            self.take_month(MONTH_WORDS[word])
        elif word in WEEKDAYS or word in ("at", "on"):
            return
        elif word in ("am", "pm"):
            self.half = word
        elif word in ("ad", "bc"):
            self.era_bc = word == "bc"
        elif word == "t":
            if index + 1 >= len(self.fields) or self.fields[index + 1].kind not in ("number", "time", "date"):
                raise BadFormat
            self.expects = "time"
        elif word in ("j", "jd", "julian"):
            self.expects = "julian"
        else:
            self.take_special(word)

    def take_month(self, month: int) -> None:
        """A month's name; a number that was taken for the month is the day then."""
        if self.known & MONTH and not self.text_month and not self.known & DAY and 1 <= self.moment_.month <= 31:
            self.moment_.day = self.moment_.month
            self.known |= DAY
        else:
            self.learn(MONTH)
        self.text_month = True
        self.moment_.month = month

    def take_special(self, word: str) -> None:
        """`now`, `today`, `infinity` and their kin, or a zone's name."""
        if word in ("infinity", "-infinity", "epoch"):
            self.learn(DATE | TIME | ZONE)
            self.moment_.special = word
        elif word in ("now", "today", "tomorrow", "yesterday"):
            local = self.now_us + int(self.zone.offsets_at(np.array([self.now_us]))[0]) * 1_000_000
            days, us = divmod(local, DAY_US)
            self.learn(DATE | TIME | ZONE if word == "now" else DATE)
            self.set_days(days + {"tomorrow": 1, "yesterday": -1}.get(word, 0))
            if word == "now":
                self.moment_.us = us
                self.moment_.offset = int(self.zone.offsets_at(np.array([self.now_us]))[0])
        elif word == "allballs":
            self.learn(TIME | ZONE)
            self.moment_.offset = 0
        else:
            self.take_zone_name(word)

    def check_date(self) -> None:
        """The year's era and century, and that the day exists (ValidateDate)."""
        found = self.moment_
        if found.special is not None or self.julian is not None:
            return
        if self.known & YEAR:
            if self.era_bc:
                if found.year <= 0:
                    raise OutOfRange
                found.year = 1 - found.year
            elif self.two_digit_year:
                found.year += 2000 if found.year < 70 else 1900
            elif found.year <= 0:
                raise OutOfRange
        if self.known & MONTH and not 1 <= found.month <= 12:
            raise OutOfRange(month_day=True)
        if self.known & DAY and not 1 <= found.day <= 31:
            raise OutOfRange(month_day=True)
        if (self.known & DATE) == DATE and found.day > month_length(found.year, found.month):
            raise OutOfRange

    def apply_half(self) -> None:
        """am and pm."""
        if self.half is None:
            return
        hour = self.moment_.us // 3_600_000_000
        if hour > 12:
            raise OutOfRange
        if self.half == "am" and hour == 12:
            self.moment_.us -= 12 * 3_600_000_000
        elif self.half == "pm" and hour != 12:
            self.moment_.us += 12 * 3_600_000_000
