"""Comparisons of rows with the clock moved by months, as in `ts > now() - interval '1 month'`.

Months differ in length, so one moment of a row may be compared with several of the clock: a month before each of the
29th to the 31st of March is on the last of February, at the hour that it is. What holds may then change every day, and
back at midnight. So it is computed as PostgreSQL does; and of each row it is known at which moments it may change.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pgstream.circuit.operator import END_US
from pgstream.functions.calendar import civil, days_of, month_length, plus_months

Ints = NDArray[np.int64]
DAY_US = 86_400_000_000
DAYS_APART = 3
"""By how many days the ends of two months differ at most."""

COMPARED = {">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal, "=": np.equal}
YEARS_US = 1 << 57
"""Moments beyond this (some 4,500 years) are compared and never change."""


@dataclass(frozen=True, slots=True)
class CalendarBound:
    """A row's moment at `position` in comparison with the clock's and `before_us`, then `months`, then `after_us`."""

    position: int
    comparison: str
    before_us: int
    months: int
    after_us: int

    def holds(self, moments: Ints, now_us: Ints) -> NDArray[np.bool_]:
        """Whether it holds for each row at each moment of the clock."""
        clock = plus_months(now_us + self.before_us, np.full_like(now_us, self.months)) + self.after_us
        return np.asarray(COMPARED[self.comparison](moments, clock))

    def changes(self, moments: Ints, now_us: Ints) -> Ints:
        """When after each moment of the clock it may be otherwise; `END_US` where never."""
        known = np.abs(moments) < YEARS_US
        target = np.where(known, moments, 0) - self.after_us
        days, time = np.divmod(target, DAY_US)
        year, month, day = civil(days)
        last = day == month_length(year, month)
        index = year * 12 + month - 1 - self.months
        year, month = np.divmod(index, 12)
        length, first = month_length(year, month + 1), days_of(year, month + 1, np.ones_like(day)) * DAY_US
        found = np.full(len(moments), END_US)
        following = first + length * DAY_US
        candidates = [following]
        for more in range(DAYS_APART + 1):
            at = first + (day - 1 + more) * DAY_US
            there = (day + more <= length) & (last | (more == 0))
            candidates += [np.where(there, at + plus, following) for plus in (0, time, time + 1)]
        for candidate in candidates:
            moment = candidate - self.before_us
            found = np.where(known & (moment > now_us), np.minimum(found, moment), found)
        return found
