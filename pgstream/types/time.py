"""time without time zone. Python form: int, microseconds since midnight, 0 to 24:00:00."""

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import DatetimeFieldOverflow, InvalidDatetimeFormat
from pgstream.kernels import text_dates as kernels
from pgstream.types.binary import plain, receive_fixed, send_fixed
from pgstream.types.buffers import number_column, numbers, string_column, valid_rows
from pgstream.types.datetime_styles import style_of
from pgstream.types.datetime_text import DAY_US, moment_of
from pgstream.types.definition import Settings, TypeDefinition, declare
from pgstream.types.integer import same
from pgstream.types.lift import parsed
from pgstream.types.order import signed_keys
from pgstream.types.timestamp import count_of, precision_typmod, timeless
from pgstream.types.timestamptz import session_zone

STORAGE = pa.time64("us")


def time_of(text: str, settings: Settings, now_us: int) -> int:
    """The time of day `text` names; a date and a zone in it are ignored."""
    found = moment_of(text, "time", session_zone(settings), now_us, time_only=True, order=style_of(settings)[1])
    if found.special is not None:
        raise InvalidDatetimeFormat(f'invalid input syntax for type time: "{text}"')
    return found.us


def parse_at(text: Column, typmod: int, settings: Settings, now_us: int) -> Column:
    """Input in a session."""
    column = parsed(
        text, STORAGE, lambda memory: kernels.parse_times(*memory), lambda word: time_of(word, settings, now_us)
    )
    return apply_typmod(column, typmod, False)


def parse(text: Column, typmod: int) -> Column:
    """Input without a session: no `now`."""
    return parse_at(timeless(text), typmod, {}, 0)


def format_times(column: Column, settings: Settings) -> Column:
    """Output: `10:20:30.5`."""
    offsets, content = kernels.format_times(numbers(column, np.int64), valid_rows(column))
    return string_column(offsets, content, column)


def apply_typmod(column: Column, typmod: int, explicit: bool) -> Column:
    """Seconds rounded to time(p)."""
    if not 0 <= typmod < 6:
        return column
    unit = 10 ** (6 - typmod)
    return number_column(STORAGE, (numbers(column, np.int64) + unit // 2) // unit * unit, column)


def receive(content: Column, typmod: int) -> Column:
    """Binary input: microseconds."""
    values = receive_fixed(content, ">i8").astype(np.int64)
    if (((values < 0) | (values > DAY_US)) & valid_rows(content)).any():
        raise DatetimeFieldOverflow("time out of range")
    return apply_typmod(plain(STORAGE, values, content), typmod, False)


TIME = declare(
    TypeDefinition(
        name="time",
        sql_name="time without time zone",
        oid=1083,
        array_oid=1183,
        category="D",
        storage=STORAGE,
        length=8,
        parse=parse,
        format=format_times,
        receive=receive,
        send=lambda column: send_fixed(numbers(column, np.int64), ">i8", column),
        order_key=lambda column: signed_keys(numbers(column, np.int64)),
        to_python=count_of,
        from_python=same,
        apply_typmod=apply_typmod,
        typmod_in=lambda given: precision_typmod(given, f"TIME({given[0]})"),
        typmod_out=lambda typmod: f"({typmod})",
        parse_at=parse_at,
        by_value=True,
        align="d",
        samples=("00:00:00", "10:20", "10:20:30.5", "24:00:00", "10:20 PM", "102030", "allballs", "23:59:59.999999"),
    )
)
