"""timestamp with time zone. Python form: int, microseconds since 1970-01-01 00:00:00 UTC."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.kernels import text_dates as kernels
from pgstream.types.buffers import number_column, numbers, string_column, strings, valid_rows
from pgstream.types.datetime_styles import abbreviations, style_of, styled
from pgstream.types.datetime_text import DAY_US, moment_of
from pgstream.types.definition import Settings, TypeDefinition, declare
from pgstream.types.integer import same
from pgstream.types.order import signed_keys
from pgstream.types.timestamp import (
    SPECIALS,
    apply_typmod,
    checked,
    count_of,
    finite,
    precision_typmod,
    receive_us,
    send_us,
    timeless,
)
from pgstream.types.zones import Zone, zone_named

STORAGE = pa.timestamp("us", "UTC")


def session_zone(settings: Settings) -> Zone:
    """The zone of the TimeZone setting."""
    return zone_named(settings.get("timezone", "UTC"))


def instant_of(text: str, zone: Zone, now_us: int, order: str) -> int:
    """The instant `text` names, in `zone` where it names none itself."""
    found = moment_of(text, "timestamp with time zone", zone, now_us, order=order)
    if found.special is not None:
        return SPECIALS[found.special]
    local = found.days * DAY_US + found.us
    if found.offset is not None:
        return checked(local - found.offset * 1_000_000, text)
    checked(local, text)
    return checked(int((found.zone or zone).to_utc(np.array([local]))[0]), text)


def parse_at(text: Column, typmod: int, settings: Settings, now_us: int) -> Column:
    """Input in a session."""
    zone = session_zone(settings)
    values, offsets, done = kernels.parse_timestamps(*strings(text))
    bare = offsets == kernels.NO_ZONE
    instants = values - np.where(bare, 0, offsets).astype(np.int64) * 1_000_000
    if bare.any():
        instants[bare] = zone.to_utc(values[bare])
    known: dict[str, int] = {}
    order = style_of(settings)[1]
    for row in np.flatnonzero(~done):
        word = text[int(row)].as_py()
        if word not in known:
            known[word] = instant_of(word, zone, now_us, order)
        instants[row] = known[word]
    return apply_typmod(number_column(STORAGE, instants, text), typmod, False)


def parse(text: Column, typmod: int) -> Column:
    """Input without a session: UTC, and no `now`."""
    return parse_at(timeless(text), typmod, {}, 0)


def local_offsets(values: NDArray[np.int64], zone: Zone) -> NDArray[np.int32]:
    """The UTC offset in seconds at each instant; 0 at the infinities."""
    return np.where(finite(values), zone.offsets_at(values), 0).astype(np.int32)


def format_instants(column: Column, settings: Settings) -> Column:
    """Output: `2024-01-05 10:20:30.5+01`, or as DateStyle says, in the session's zone."""
    values = numbers(column, np.int64)
    zones = local_offsets(values, session_zone(settings))
    offsets, content = kernels.format_timestamps(values, valid_rows(column), zones)
    text = string_column(offsets, content, column)
    if style_of(settings)[0] == "ISO":
        return text
    return styled(text, settings, abbreviations(values.tolist(), settings.get("timezone", "UTC")))


TIMESTAMPTZ = declare(
    TypeDefinition(
        name="timestamptz",
        sql_name="timestamp with time zone",
        oid=1184,
        array_oid=1185,
        category="D",
        storage=STORAGE,
        length=8,
        parse=parse,
        format=format_instants,
        receive=lambda content, typmod: apply_typmod(receive_us(content, STORAGE), typmod, False),
        send=send_us,
        order_key=lambda column: signed_keys(numbers(column, np.int64)),
        to_python=count_of,
        from_python=same,
        apply_typmod=apply_typmod,
        typmod_in=lambda given: precision_typmod(given, f"TIMESTAMP({given[0]}) WITH TIME ZONE"),
        typmod_out=lambda typmod: f"({typmod})",
        parse_at=parse_at,
        preferred=True,
        by_value=True,
        align="d",
        samples=(
            *("1970-01-01 00:00:00+00", "2024-01-05 10:20:30.5+05:30", "infinity", "-infinity", "2024-07-01 12:00 PDT"),
            *("4713-01-01 00:00:00+00 BC", "2024-02-29T00:00:00Z", "2024-03-10 02:30:00 America/New_York"),
        ),
    )
)
