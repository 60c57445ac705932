"""Time zones as whole columns need them: UTC offsets of many instants, and instants of many local times."""

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
from numpy.typing import NDArray

from pgstream.errors import InvalidParameterValue

POSIX = re.compile(r"(?:<[^>]+>|[A-Za-z]*)([+-]?\d{1,3})(?::(\d{1,2}))?(?::(\d{1,2}))?", re.ASCII)
CYCLE_US = 146097 * 86_400_000_000
FIRST_US = int(datetime(1800, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
LAST_US = int(datetime(2400, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
STEP_SECONDS = 6 * 86400


class Zone:
    """A time zone: sorted `starts` (µs since 1970) from which `offsets` (seconds east of UTC) hold.

    The transitions of 1800 to 2400 are known; later instants repeat the last 400-year cycle of the calendar.
    """

    def __init__(self, name: str, starts: NDArray[np.int64], offsets: NDArray[np.int32]) -> None:
        self.name = name
        self.starts = starts
        self.offsets = offsets

    def offsets_at(self, instants_us: NDArray[np.int64]) -> NDArray[np.int32]:
        """The UTC offset in seconds at each instant."""
        if len(self.offsets) == 1:
            return np.full(len(instants_us), self.offsets[0], np.int32)
        late = np.maximum(instants_us - LAST_US, -1) // CYCLE_US + 1
        places = np.searchsorted(self.starts, instants_us - late * CYCLE_US, "right") - 1
        found: NDArray[np.int32] = self.offsets[np.maximum(places, 0)]
        return found

    def to_utc(self, local_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """The instants of local times. In a gap the offset before it holds, in an overlap the one after it."""
        day = 86_400_000_000
        before = self.offsets_at(local_us - day).astype(np.int64) * 1_000_000
        after = self.offsets_at(local_us + day).astype(np.int64) * 1_000_000
        first = local_us - before
        second = local_us - after
        valid_second = self.offsets_at(second).astype(np.int64) * 1_000_000 == after
        return np.where(valid_second, second, first)


def fixed_zone(name: str, seconds: int) -> Zone:
    """A zone that is always `seconds` east of UTC."""
    return Zone(name, np.zeros(1, np.int64), np.array([seconds], np.int32))


@cache
def zone_names() -> dict[str, str]:
    """Every zone's name by its lower-case form."""
    return {name.lower(): name for name in available_timezones()}


@cache
def find_zone(name: str) -> Zone | None:
    """The zone that PostgreSQL's TimeZone setting calls `name`; None where there is none."""
    lower = name.lower()
    if lower in ("utc", "gmt", "z", "etc/utc", "etc/gmt", "utc0"):
        return fixed_zone(zone_names().get(lower, name.upper()), 0)
    if lower in zone_names():
        return zone_of_file(zone_names()[lower])
    posix = POSIX.fullmatch(name)
    if posix is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in posix.groups())
    if abs(hours) > 167:
        return None
    east = -(abs(hours) * 3600 + minutes * 60 + seconds) * (-1 if posix[1].startswith("-") else 1)
    return fixed_zone(name, east)


def zone_named(name: str) -> Zone:
    """The zone called `name`. Raises what SET TimeZone raises."""
    found = find_zone(name)
    if found is None:
        raise InvalidParameterValue(f'time zone "{name}" not recognized')
    return found


def zone_of_file(name: str) -> Zone:
    """The zone of the tz database called `name`, its transitions found by asking at every sixth day and bisecting."""
    source = ZoneInfo(name)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)

    def offset_at(second: int) -> int:
        local = (epoch + timedelta(seconds=second)).astimezone(source).utcoffset()
        assert local is not None
        return round(local.total_seconds())

    starts, offsets = [FIRST_US], [offset_at(FIRST_US // 1_000_000)]
    for left in range(FIRST_US // 1_000_000, LAST_US // 1_000_000, STEP_SECONDS):
        right = left + STEP_SECONDS
        if offset_at(right) != offsets[-1]:
            low = left
            while right - low > 1:
                middle = (low + right) // 2
                if offset_at(middle) == offsets[-1]:
                    low = middle
                else:
                    right = middle
            starts.append(right * 1_000_000)
            offsets.append(offset_at(right))
    return Zone(name, np.array(starts, np.int64), np.array(offsets, np.int32))
