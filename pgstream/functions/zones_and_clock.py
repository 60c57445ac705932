"""AT TIME ZONE, and the clock: now() and its kin."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue
from pgstream.functions.calendar import (
    DATE,
    DAY_US,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    Ints,
    finite,
    finite_days,
    moment_column,
    spans_of,
)
from pgstream.functions.calling import as_column
from pgstream.functions.datetime import later, to_instant, to_local
from pgstream.functions.registry import STABLE, VOLATILE, BoundCall, function
from pgstream.functions.system import pg_sleep
from pgstream.functions.vector import column_of, numbers
from pgstream.types.timestamptz import session_zone
from pgstream.types.zones import Zone, find_zone


def zone_of(name: str) -> Zone:
    """The zone AT TIME ZONE names."""
    found = find_zone(name)
    if found is None:
        raise InvalidParameterValue(f'time zone "{name}" not recognized')
    return found


def _by_zone(names: Column, us: Ints, convert: Callable[[Ints, Zone], Ints]) -> Ints:
    encoded = names.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    made = us.copy()
    for code, name in enumerate(encoded.dictionary.to_pylist()):
        rows = slice(None) if len(encoded.dictionary) == 1 else codes == code
        made[rows] = convert(us[rows], zone_of(name))
    return made


@function(
    "timezone(text, timestamptz) -> timestamp",
    examples={"'2024-07-01 12:00+00'::timestamptz AT TIME ZONE 'Europe/Berlin'": "2024-07-01 14:00:00"},
)
def at_zone(zone: Column, moment: Column) -> Column:
    """What the clocks of `zone` show."""
    return moment_column(_by_zone(zone, numbers(moment), to_local), TIMESTAMP)


@function(
    "timezone(text, timestamp) -> timestamptz",
    examples={"'2024-07-01 12:00'::timestamp AT TIME ZONE 'Europe/Berlin'": "2024-07-01 10:00:00+00"},
)
def from_zone(zone: Column, moment: Column) -> Column:
    """When the clocks of `zone` show `moment`."""
    return moment_column(_by_zone(zone, numbers(moment), to_instant), TIMESTAMPTZ)


function(
    "timezone(interval, timestamptz) -> timestamp",
    doc="What clocks show that are this far ahead of UTC.",
    examples={"'2024-07-01 12:00+00'::timestamptz AT TIME ZONE '02:00'::interval": "2024-07-01 14:00:00"},
)(lambda offset, moment: moment_column(numbers(moment) + spans_of(offset).us, TIMESTAMP))
function(
    "timezone(interval, timestamp) -> timestamptz",
    doc="When clocks that are this far ahead of UTC show the moment.",
    examples={"'2024-07-01 12:00'::timestamp AT TIME ZONE '02:00'::interval": "2024-07-01 10:00:00+00"},
)(lambda offset, moment: moment_column(numbers(moment) - spans_of(offset).us, TIMESTAMPTZ))

for _name in ("now", "transaction_timestamp", "statement_timestamp", "mz_now"):
    function(
        f"{_name}() -> timestamptz",
        bound=True,
        volatility=STABLE,
        doc="When the transaction started.",
        examples={f"{_name}() > '2020-01-01'": "t"},
    )(lambda call, count: moment_column(np.full(count, call.context.now_us), TIMESTAMPTZ))


@function(
    "clock_timestamp() -> timestamptz",
    bound=True,
    volatility=VOLATILE,
    examples={"clock_timestamp() > '2020-01-01'": "t"},
)
def clock_timestamp(call: BoundCall, count: int) -> Column:
    """The time of the statement's clock."""
    return moment_column(np.full(count, call.context.now_us), TIMESTAMPTZ)


@function("timeofday() -> text", bound=True, volatility=VOLATILE, examples={"length(timeofday()) > 30": "t"})
def timeofday(call: BoundCall, count: int) -> Column:
    """The time of the statement's clock, as a text."""
    from pgstream.functions.templates import to_char_local

    shown = to_char_local(call, clock_timestamp(call, count), pa.scalar("Dy Mon DD HH24:MI:SS.US YYYY TZ"))
    return as_column(shown, count)


def _asleep(call: BoundCall, until: Column) -> Column:
    seconds = [max(0, moment - call.context.now_us) / 1e6 for moment in numbers(until).tolist()]
    return pg_sleep(call, pa.array(seconds, pa.float64()))


@function(
    "pg_sleep_for(interval) -> void",
    bound=True,
    volatility=VOLATILE,
    examples={"pg_typeof(pg_sleep_for('1 us'))::oid::int8": "2278"},
)
def pg_sleep_for(call: BoundCall, span: Column) -> Column:
    """Waits for a time."""
    now = np.full(len(span), call.context.now_us)
    ends = later(now, spans_of(span), session_zone(call.context.settings))
    return _asleep(call, moment_column(ends, TIMESTAMPTZ))


@function(
    "pg_sleep_until(timestamptz) -> void",
    bound=True,
    volatility=VOLATILE,
    examples={"pg_typeof(pg_sleep_until(now()))::oid::int8": "2278"},
)
def pg_sleep_until(call: BoundCall, moment: Column) -> Column:
    """Waits until a moment."""
    return _asleep(call, moment)


@function("proctime() -> timestamptz", bound=True, volatility=VOLATILE, examples={"proctime() > '2020-01-01'": "t"})
def proctime(call: BoundCall, count: int) -> Column:
    """When the row is processed: in a kept query the time of the tick in which it came, which it keeps."""
    return moment_column(np.full(count, call.context.now_us), TIMESTAMPTZ)


@function(
    "localtimestamp() -> timestamp", bound=True, volatility=STABLE, examples={"LOCALTIMESTAMP > '2020-01-01'": "t"}
)
def localtimestamp(call: BoundCall, count: int) -> Column:
    """When the transaction started, on the session's clock."""
    local = to_local(np.full(count, call.context.now_us), session_zone(call.context.settings))
    return moment_column(local, TIMESTAMP)


@function("localtime() -> time", bound=True, volatility=STABLE, examples={"LOCALTIME >= '00:00'": "t"})
def localtime(call: BoundCall, count: int) -> Column:
    """The time of day at which the transaction started, on the session's clock."""
    local = to_local(np.full(count, call.context.now_us), session_zone(call.context.settings))
    return moment_column(local % DAY_US, TIME)


@function("current_date() -> date", bound=True, volatility=STABLE, examples={"CURRENT_DATE > '2020-01-01'": "t"})
def current_date(call: BoundCall, count: int) -> Column:
    """The day on which the transaction started, in the session's zone."""
    local = to_local(np.full(count, call.context.now_us), session_zone(call.context.settings))
    return column_of(local // DAY_US, DATE.storage)


for _kind, _value in (
    ("date", "'infinity'::date"),
    ("timestamp", "'2024-01-01'::timestamp"),
    ("timestamptz", "'-infinity'::timestamptz"),
):
    function(
        f"isfinite({_kind}) -> bool",
        doc="Whether it is neither infinity.",
        examples={f"isfinite({_value})": "f" if "inf" in _value else "t"},
    )(lambda column: pa.array(finite_days(numbers(column)) if column.type == pa.date32() else finite(numbers(column))))
function(
    "isfinite(interval) -> bool", doc="True: intervals are finite.", examples={"isfinite('1 day'::interval)": "t"}
)(lambda column: pa.array(np.ones(len(column), np.bool_)))
