"""timestamp without time zone. Python form: int, microseconds since 1970-01-01 00:00:00.

Infinity is the greatest int64, -infinity the least but one. PostgreSQL's range ends in the year 294276, ours in January
294247, where microseconds since 1970 leave 64 bits.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import DatetimeFieldOverflow, FeatureNotSupported, InvalidParameterValue
from pgstream.kernels import text_dates as kernels
from pgstream.types.binary import plain, receive_fixed, send_fixed
from pgstream.types.buffers import Strings, number_column, numbers, string_column, strings, valid_rows
from pgstream.types.datetime_styles import style_of, styled
from pgstream.types.datetime_text import DAY_US, moment_of
from pgstream.types.definition import Settings, TypeDefinition, declare
from pgstream.types.integer import same
from pgstream.types.lift import parsed
from pgstream.types.order import signed_keys
from pgstream.types.zones import zone_named

INFINITY = kernels.INFINITY
MINUS_INFINITY = kernels.MINUS_INFINITY
EPOCH_2000_US = 946_684_800_000_000
FIRST_US = -211813488000000000 + EPOCH_2000_US
"""4714-11-24 00:00:00 BC, PostgreSQL's first timestamp."""
SPECIALS = {"infinity": INFINITY, "-infinity": MINUS_INFINITY, "epoch": 0}


def finite(values: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where `values` is neither infinity."""
    found: NDArray[np.bool_] = (values != INFINITY) & (values != MINUS_INFINITY)
    return found


def checked(us: int, shown: str) -> int:
    """`us` if a timestamp can hold it; the error quotes `shown`."""
    if not FIRST_US <= us < INFINITY:
        raise DatetimeFieldOverflow(f'timestamp out of range: "{shown}"')
    return us


def timestamp_of(text: str, settings: Settings, now_us: int) -> int:
    """The timestamp `text` names; a zone in it is ignored."""
    zone = zone_named(settings.get("timezone", "UTC"))
    found = moment_of(text, "timestamp", zone, now_us, order=style_of(settings)[1])
    if found.special is not None:
        return SPECIALS[found.special]
    return checked(found.days * DAY_US + found.us, text)


def iso_kernel(memory: Strings) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
    """ISO timestamps, whose zone is ignored."""
    values, _, done = kernels.parse_timestamps(*memory)
    return values, done


def parse_at(text: Column, typmod: int, settings: Settings, now_us: int) -> Column:
    """Input in a session."""
    column = parsed(text, pa.timestamp("us"), iso_kernel, lambda word: timestamp_of(word, settings, now_us))
    return apply_typmod(column, typmod, False)


def needs_clock(word: str) -> bool:
    """Whether `word` means something else tomorrow."""
    return any(relative in word.lower() for relative in ("now", "today", "tomorrow", "yesterday"))


def timeless(text: Column) -> Column:
    """`text`, which must not name moments relative to a clock that the caller did not give."""
    content = strings(text).bytes.tobytes()
    if not any(letter in content for letter in b"wWyY"):  # now, tomorrow; today, yesterday
        return text
    for word in text.unique().to_pylist() if len(text) < 100_000 else ():
        if word is not None and needs_clock(word):
            raise FeatureNotSupported(f'"{word}" has no meaning outside of a session')
    return text


def parse(text: Column, typmod: int) -> Column:
    """Input without a session: UTC, and no `now`."""
    return parse_at(timeless(text), typmod, {}, 0)


def format_timestamps(column: Column, settings: Settings) -> Column:
    """Output: `2024-01-05 10:20:30.5`, or as DateStyle says."""
    no_zones = np.empty(0, np.int32)
    offsets, content = kernels.format_timestamps(numbers(column, np.int64), valid_rows(column), no_zones)
    return styled(string_column(offsets, content, column), settings)


def rounded_us(values: NDArray[np.int64], precision: int) -> NDArray[np.int64]:
    """`values` with at most `precision` digits of a second's fraction, halves away from 2000, as PostgreSQL's."""
    unit = 10 ** (6 - precision)
    since = values - EPOCH_2000_US
    rounded = np.where(since >= 0, (since + unit // 2) // unit * unit, -((unit // 2 - since) // unit * unit))
    return np.where(finite(values), rounded + EPOCH_2000_US, values)


def apply_typmod(column: Column, typmod: int, explicit: bool) -> Column:
    """Seconds rounded to timestamp(p)."""
    if not 0 <= typmod < 6:
        return column
    return number_column(column.type, rounded_us(numbers(column, np.int64), typmod), column)


def precision_typmod(numbers_: tuple[int, ...], type_name: str) -> int:
    """The typmod of time(p) and its kin: p, at most 6."""
    if len(numbers_) != 1:
        raise InvalidParameterValue("invalid type modifier")
    if numbers_[0] < 0:
        raise InvalidParameterValue(f"{type_name} precision must not be negative")
    return min(numbers_[0], 6)


def receive_us(content: Column, storage: pa.DataType) -> Column:
    """Binary input: microseconds since 2000."""
    raw = receive_fixed(content, ">i8").astype(np.int64)
    ends = np.iinfo(np.int64)
    if ((raw > INFINITY - EPOCH_2000_US) & (raw != ends.max) & valid_rows(content)).any():
        raise DatetimeFieldOverflow("timestamp out of range")
    safe = np.where(raw > INFINITY - EPOCH_2000_US, 0, raw) + EPOCH_2000_US
    values = np.where(raw == ends.max, INFINITY, np.where(raw == ends.min, MINUS_INFINITY, safe))
    return plain(storage, values, content)


def send_us(column: Column) -> Column:
    """Binary output: microseconds since 2000."""
    values = numbers(column, np.int64)
    ends = np.iinfo(np.int64)
    safe = np.where(values < ends.min + EPOCH_2000_US, 0, values) - EPOCH_2000_US
    wire = np.where(values == INFINITY, ends.max, np.where(values == MINUS_INFINITY, ends.min, safe))
    return send_fixed(wire, ">i8", column)


def count_of(value: Any) -> Any:
    """The number itself, whether it came as an Arrow scalar or plain."""
    return value.value if isinstance(value, pa.Scalar) else value


TIMESTAMP = declare(
    TypeDefinition(
        name="timestamp",
        sql_name="timestamp without time zone",
        oid=1114,
        array_oid=1115,
        category="D",
        storage=pa.timestamp("us"),
        length=8,
        parse=parse,
        format=format_timestamps,
        receive=lambda content, typmod: apply_typmod(receive_us(content, pa.timestamp("us")), typmod, False),
        send=send_us,
        order_key=lambda column: signed_keys(numbers(column, np.int64)),
        to_python=count_of,
        from_python=same,
        apply_typmod=apply_typmod,
        typmod_in=lambda given: precision_typmod(given, f"TIMESTAMP({given[0]})"),
        typmod_out=lambda typmod: f"({typmod})",
        parse_at=parse_at,
        by_value=True,
        align="d",
        samples=(
            *(
                "1970-01-01 00:00:00",
                "2024-01-05 10:20:30.5",
                "infinity",
                "-infinity",
                "epoch",
                "4713-01-01 00:00:00 BC",
            ),
            *("1999-12-31 23:59:59.999999", "0001-01-01 00:00:00", "12345-06-07 08:09:10", "2024-02-29"),
        ),
    )
)
