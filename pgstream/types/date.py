"""date. Python form: int, days since 1970-01-01; infinity is the greatest int32, -infinity the least."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import DatetimeFieldOverflow
from pgstream.kernels import text_dates as kernels
from pgstream.types.binary import plain, receive_fixed, send_fixed
from pgstream.types.buffers import Strings, numbers, string_column, valid_rows
from pgstream.types.datetime_styles import style_of, styled
from pgstream.types.datetime_text import moment_of
from pgstream.types.definition import Settings, TypeDefinition, declare
from pgstream.types.integer import same
from pgstream.types.lift import parsed
from pgstream.types.order import signed_keys
from pgstream.types.timestamp import count_of, timeless
from pgstream.types.timestamptz import session_zone

INFINITY = kernels.DATE_INFINITY
MINUS_INFINITY = kernels.DATE_MINUS_INFINITY
EPOCH_2000_DAYS = 10957
FIRST, LAST = -2440588, 2145042905
"""4714-11-24 BC and 5874897-12-31, PostgreSQL's first and last dates."""
SPECIALS = {"infinity": INFINITY, "-infinity": MINUS_INFINITY, "epoch": 0}


def date_of(text: str, settings: Settings, now_us: int) -> int:
    """The day number of the date `text` names."""
    found = moment_of(text, "date", session_zone(settings), now_us, order=style_of(settings)[1])
    if found.special is not None:
        return SPECIALS[found.special]
    if not FIRST <= found.days <= LAST:
        raise DatetimeFieldOverflow(f'date out of range: "{text}"')
    return found.days


def iso_kernel(memory: Strings) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
    """YYYY-MM-DD."""
    values, done = kernels.parse_dates(*memory)
    return values.astype(np.int32), done


def parse_at(text: Column, typmod: int, settings: Settings, now_us: int) -> Column:
    """Input in a session."""
    return parsed(text, pa.date32(), iso_kernel, lambda word: date_of(word, settings, now_us))


def parse(text: Column, typmod: int) -> Column:
    """Input without a session: no `today`."""
    return parse_at(timeless(text), typmod, {}, 0)


def format_dates(column: Column, settings: Settings) -> Column:
    """Output: `2024-01-05`, or as DateStyle says."""
    offsets, content = kernels.format_dates(numbers(column, np.int32), valid_rows(column))
    return styled(string_column(offsets, content, column), settings)


def shifted(days: NDArray[np.int32], by: int) -> NDArray[np.int32]:
    """`days` counted from another day; the infinities stay."""
    moved = np.clip(days.astype(np.int64) + by, MINUS_INFINITY, INFINITY)
    return np.where((days == INFINITY) | (days == MINUS_INFINITY), days, moved).astype(np.int32)


def receive(content: Column, typmod: int) -> Column:
    """Binary input: days since 2000."""
    days = shifted(receive_fixed(content, ">i4").astype(np.int32), EPOCH_2000_DAYS)
    ends = (days == INFINITY) | (days == MINUS_INFINITY)
    if (((days < FIRST) | (days > LAST)) & ~ends & valid_rows(content)).any():
        raise DatetimeFieldOverflow("date out of range")
    return plain(pa.date32(), days, content)


def send(column: Column) -> Column:
    """Binary output: days since 2000."""
    return send_fixed(shifted(numbers(column, np.int32), -EPOCH_2000_DAYS), ">i4", column)


DATE = declare(
    TypeDefinition(
        name="date",
        sql_name="date",
        oid=1082,
        array_oid=1182,
        category="D",
        storage=pa.date32(),
        length=4,
        parse=parse,
        format=format_dates,
        receive=receive,
        send=send,
        order_key=lambda column: signed_keys(numbers(column, np.int32)),
        to_python=count_of,
        from_python=same,
        parse_at=parse_at,
        by_value=True,
        samples=(
            *("1970-01-01", "2024-02-29", "Jan 5 2024", "20240105", "infinity", "-infinity", "0044-03-15 BC"),
            *("4713-01-01 BC", "5874897-12-31", "1/2/2024", "2024-1-5", "2024.060", "1999-12-31"),
        ),
    )
)
