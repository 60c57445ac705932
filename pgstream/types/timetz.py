"""time with time zone. Python form: `ZonedTime`, stored as the bytes of its two numbers."""

import struct
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import DatetimeFieldOverflow, InvalidDatetimeFormat
from pgstream.types.datetime_fields import TimeZoneDisplacement
from pgstream.types.datetime_styles import style_of
from pgstream.types.datetime_text import DAY_US, moment_of
from pgstream.types.definition import Settings, TypeDefinition, declare
from pgstream.types.integer import plain_value
from pgstream.types.lift import over_distinct
from pgstream.types.one_value import of_width
from pgstream.types.timestamp import precision_typmod, timeless
from pgstream.types.timestamptz import session_zone
from pgstream.types.zones import Zone

STORAGE = pa.binary()
SQL_NAME = "time with time zone"
STORED = struct.Struct("<qi")
WIRE = struct.Struct(">qi")
KEY = struct.Struct(">QI")
ZONE_LIMIT_SECONDS = 16 * 3600


class ZonedTime(NamedTuple):
    """Microseconds since midnight, and how many seconds west of UTC the clock stands that shows them."""

    us: int
    west: int

    @property
    def utc_us(self) -> int:
        """The same in UTC; what times are ordered by."""
        return self.us + self.west * 1_000_000


def stored(value: ZonedTime) -> bytes:
    """The bytes that are stored."""
    return STORED.pack(*value)


def unstored(content: bytes) -> ZonedTime:
    """The value that was stored."""
    return ZonedTime(*STORED.unpack(content))


def west_of(zone: Zone, local_us: int) -> int:
    """How far west of UTC `zone` is when its clocks show `local_us`."""
    utc = int(zone.to_utc(np.array([local_us]))[0])
    return (utc - local_us) // 1_000_000


def zoned_time_of(text: str, settings: Settings, now_us: int) -> ZonedTime:
    """The time of day `text` names, in the session's zone where it names none."""
    session = session_zone(settings)
    found = moment_of(text, SQL_NAME, session, now_us, time_only=True, order=style_of(settings)[1])
    if found.special is not None:
        raise InvalidDatetimeFormat(f'invalid input syntax for type {SQL_NAME}: "{text}"')
    if found.offset is not None:
        return ZonedTime(found.us, -found.offset)
    day = found.days if found.has_date else now_us // DAY_US
    return ZonedTime(found.us, west_of(found.zone or session, day * DAY_US + found.us))


def parse_at(text: Column, typmod: int, settings: Settings, now_us: int) -> Column:
    """Input in a session."""
    made = over_distinct(text, STORAGE, lambda word: stored(zoned_time_of(word, settings, now_us)))
    return apply_typmod(made, typmod, False)


def zoned_text(value: ZonedTime) -> str:
    """Output: `10:20:30.5+01`."""
    seconds, fraction = divmod(value.us, 1_000_000)
    point = f".{fraction:06d}".rstrip("0") if fraction else ""
    away = abs(value.west)
    shown = f"{'-' if value.west > 0 else '+'}{away // 3600:02d}"
    if away % 3600:
        shown += f":{away // 60 % 60:02d}"
    if away % 60:
        shown += f":{away % 60:02d}"
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{shown}"


def apply_typmod(column: Column, typmod: int, explicit: bool) -> Column:
    """Seconds rounded to timetz(p)."""
    if not 0 <= typmod < 6:
        return column
    unit = 10 ** (6 - typmod)

    def rounded(content: bytes) -> bytes:
        us, west = STORED.unpack(content)
        return STORED.pack((us + unit // 2) // unit * unit, west)

    return over_distinct(column, STORAGE, rounded)


def received(content: bytes) -> bytes:
    """Binary input: microseconds and seconds west."""
    us, west = WIRE.unpack(of_width(content, 12))
    if not 0 <= us <= DAY_US:
        raise DatetimeFieldOverflow("time out of range")
    if not -ZONE_LIMIT_SECONDS < west < ZONE_LIMIT_SECONDS:
        raise TimeZoneDisplacement("time zone displacement out of range")
    return STORED.pack(us, west)


def order_key(content: bytes) -> bytes:
    """Keys by the time in UTC, then by zone."""
    value = unstored(content)
    return KEY.pack(value.utc_us + (1 << 63), value.west + (1 << 31))


def to_python(plain: object) -> ZonedTime | None:
    """The value."""
    content = plain_value(plain)
    return None if content is None else unstored(content)


TIMETZ = declare(
    TypeDefinition(
        name="timetz",
        sql_name=SQL_NAME,
        oid=1266,
        array_oid=1270,
        category="D",
        storage=STORAGE,
        length=12,
        parse=lambda text, typmod: parse_at(timeless(text), typmod, {}, 0),
        format=lambda column, settings: over_distinct(column, pa.string(), lambda raw: zoned_text(unstored(raw))),
        receive=lambda content, typmod: apply_typmod(over_distinct(content, STORAGE, received), typmod, False),
        send=lambda column: over_distinct(column, pa.binary(), lambda raw: WIRE.pack(*STORED.unpack(raw))),
        order_key=lambda column: over_distinct(column, pa.binary(), order_key),
        to_python=to_python,
        from_python=lambda value: None if value is None else stored(value),
        apply_typmod=apply_typmod,
        typmod_in=lambda given: precision_typmod(given, f"TIME({given[0]}) WITH TIME ZONE"),
        typmod_out=lambda typmod: f"({typmod})",
        parse_at=parse_at,
        align="d",
        samples=(
            "00:00:00+00",
            "10:20-05",
            "10:20:30.5+05:30",
            "24:00:00+15:59:59",
            "15:20:00+00",
            "23:59:59.999999-12",
        ),
    )
)
