"""interval. Python form: `Interval(months, days, us)`.

Stored as 16 bytes that numpy reads as `RECORD` (microseconds, days, months). In comparisons a month is 30 days and a
day 24 hours.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue
from pgstream.types.binary import receive_fixed
from pgstream.types.buffers import number_column, numbers, records_column
from pgstream.types.definition import Settings, TypeDefinition, declare
from pgstream.types.integer import plain_value
from pgstream.types.interval_styles import STYLES
from pgstream.types.interval_text import DAY_US, HOUR_US, Interval, interval_of
from pgstream.types.lift import over_distinct

STORAGE = pa.binary(16)
RECORD = np.dtype([("us", "<i8"), ("days", "<i4"), ("months", "<i4")])
WIRE = np.dtype([("us", ">i8"), ("days", ">i4"), ("months", ">i4")])
FULL_RANGE = 0x7FFF
FULL_PRECISION = 0xFFFF
MONTH, YEAR, DAY, HOUR, MINUTE, SECOND = (1 << bit for bit in (1, 2, 3, 10, 11, 12))
"""Bits of the range in an interval's typmod, as PostgreSQL's INTERVAL_MASK."""

RANGES = {
    YEAR: "year",
    MONTH: "month",
    DAY: "day",
    HOUR: "hour",
    MINUTE: "minute",
    SECOND: "second",
    YEAR | MONTH: "year to month",
    DAY | HOUR: "day to hour",
    DAY | HOUR | MINUTE: "day to minute",
    DAY | HOUR | MINUTE | SECOND: "day to second",
    HOUR | MINUTE: "hour to minute",
    HOUR | MINUTE | SECOND: "hour to second",
    MINUTE | SECOND: "minute to second",
}


def range_of(typmod: int) -> int:
    """The range bits of a typmod; FULL_RANGE where none is given."""
    return FULL_RANGE if typmod < 0 else typmod >> 16 & FULL_RANGE


def packed(span: Interval) -> bytes:
    """The stored form of one interval."""
    return (
        span.us.to_bytes(8, "little", signed=True)
        + span.days.to_bytes(4, "little", signed=True)
        + span.months.to_bytes(4, "little", signed=True)
    )


def unpacked(content: bytes) -> Interval:
    """One stored interval."""
    return Interval(
        int.from_bytes(content[12:], "little", signed=True),
        int.from_bytes(content[8:12], "little", signed=True),
        int.from_bytes(content[:8], "little", signed=True),
    )


def records(column: Column) -> NDArray[Any]:
    """The intervals as an array of RECORD, shared; meaningless where NULL."""
    return numbers(column, RECORD)


def interval_column(us: NDArray[Any], days: NDArray[Any], months: NDArray[Any], like: Column | None = None) -> Column:
    """The interval column of these parts, NULL where `like` is."""
    rows = np.empty(len(us), RECORD)
    rows["us"], rows["days"], rows["months"] = us, days, months
    return number_column(STORAGE, rows, like)


def parse(text: Column, typmod: int) -> Column:
    """Input, cut to the typmod's range and precision."""
    wanted = range_of(typmod)
    last_unit = "second" if wanted == FULL_RANGE else RANGES[wanted].split()[-1]
    minutes_first = wanted == MINUTE | SECOND
    column = over_distinct(text, STORAGE, lambda word: packed(interval_of(word, last_unit, minutes_first)))
    return apply_typmod(column, typmod, False)


def format_intervals(column: Column, settings: Settings) -> Column:
    """Output: `1 year 2 mons 3 days 04:05:06`, or as IntervalStyle says."""
    shown = STYLES[settings.get("intervalstyle", "postgres")]
    return over_distinct(column.cast(pa.binary()), pa.string(), lambda content: shown(unpacked(content)))


def apply_typmod(column: Column, typmod: int, explicit: bool) -> Column:
    """Parts below the range's last field are dropped; seconds are rounded to the precision."""
    if typmod < 0:
        return column
    rows = records(column)
    us, days, months = rows["us"], rows["days"], rows["months"]
    last = 0 if range_of(typmod) == FULL_RANGE else 1 << (range_of(typmod).bit_length() - 1)
    if range_of(typmod) == YEAR:
        months = np.sign(months) * (np.abs(months) // 12 * 12)
    if last in (YEAR, MONTH):
        us, days = np.zeros_like(us), np.zeros_like(days)
    elif last == DAY:
        us = np.zeros_like(us)
    elif last in (HOUR, MINUTE):
        unit = HOUR_US if last == HOUR else 60_000_000
        us = np.sign(us) * (np.abs(us) // unit * unit)
    precision = typmod & FULL_PRECISION
    if precision < 6:
        unit = 10 ** (6 - precision)
        us = np.sign(us) * ((np.abs(us) + unit // 2) // unit * unit)
    return interval_column(us, days, months, column)


def typmod_in(given: tuple[int, ...]) -> int:
    """The typmod of (range bits) or (range bits, precision), as PostgreSQL's grammar gives them."""
    if len(given) not in (1, 2) or (given[0] != FULL_RANGE and given[0] not in RANGES):
        raise InvalidParameterValue("invalid INTERVAL type modifier")
    if len(given) == 1:
        return -1 if given[0] == FULL_RANGE else given[0] << 16 | FULL_PRECISION
    if given[1] < 0:
        raise InvalidParameterValue(f"INTERVAL({given[1]}) precision must not be negative")
    return given[0] << 16 | min(given[1], 6)


def typmod_out(typmod: int) -> str:
    """` day to second(3)`, as format_type prints it."""
    fields = "" if range_of(typmod) == FULL_RANGE else " " + RANGES[range_of(typmod)]
    precision = typmod & FULL_PRECISION
    return fields if precision == FULL_PRECISION else f"{fields}({precision})"


def comparable(column: Column) -> NDArray[Any]:
    """(days, microseconds below one day) of each interval, months and hours turned into days: their order is SQL's."""
    rows = records(column)
    pairs = np.empty((len(rows), 2), np.int64)
    whole_days = rows["us"] // DAY_US
    pairs[:, 0] = rows["months"].astype(np.int64) * 30 + rows["days"] + whole_days
    pairs[:, 1] = rows["us"] - whole_days * DAY_US
    return pairs


def order_key(column: Column) -> Column:
    """Keys by length."""
    unsigned = comparable(column).view(np.uint64) ^ np.uint64(1 << 63)
    return records_column(unsigned.astype(">u8"))


def receive(content: Column, typmod: int) -> Column:
    """Binary input: microseconds, days, months."""
    values = receive_fixed(content, "V16").view(WIRE)
    return apply_typmod(number_column(STORAGE, values.astype(RECORD), content), typmod, False)


def to_python(plain: object) -> Interval | None:
    """The three parts."""
    content = plain_value(plain)
    return None if content is None else unpacked(content)


def from_python(value: Interval | None) -> bytes | None:
    """The stored form."""
    return None if value is None else packed(value)


INTERVAL = declare(
    TypeDefinition(
        name="interval",
        sql_name="interval",
        oid=1186,
        array_oid=1187,
        category="T",
        storage=STORAGE,
        length=16,
        parse=parse,
        format=format_intervals,
        receive=receive,
        send=lambda column: records_column(records(column).astype(WIRE), column),
        order_key=order_key,
        to_python=to_python,
        from_python=from_python,
        equality_key=lambda column: number_column(STORAGE, comparable(column), column),
        apply_typmod=apply_typmod,
        typmod_in=typmod_in,
        typmod_out=typmod_out,
        preferred=True,
        align="d",
        samples=(
            *(
                "0",
                "1 day 02:03:04",
                "1 year 2 mons",
                "-1 days",
                "P1DT2H",
                "@ 1 minute ago",
                "10 s",
                "1.5 months",
                "1-2",
            ),
            *("30 days", "1 mon", "24:00:00", "-1-2 +3 -4:05:06", "1 mon -1 days", "-00:00:01.5", "00:00:00.000001"),
            *("178956970 years", "-178956970 years", "2147483647 days", "1 day -00:00:01", "P0001-02-03T04:05:06"),
        ),
    )
)
