"""Functions about the session and the server's state that pools and drivers call when they probe or reset."""

import datetime
import zoneinfo
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.pg_activity import settings_rows
from pgstream.catalog.pg_server import session_of
from pgstream.catalog.system import Row, relations_by_name, rows_of
from pgstream.delta import Column
from pgstream.functions.registry import STABLE, VOLATILE, BoundCall, EvalContext, function
from pgstream.types.interval_text import Interval


@function("pg_advisory_unlock_all() -> void", volatility=VOLATILE, rowwise=True, oid=2892)
def pg_advisory_unlock_all() -> None:
    """Releases the session's advisory locks, of which there are none: no function takes one."""


@function(
    "pg_is_in_recovery() -> bool", volatility=VOLATILE, rowwise=True, oid=3810, examples={"pg_is_in_recovery()": "f"}
)
def pg_is_in_recovery() -> bool:
    """Whether the server is a standby; pgstream never is."""
    return False


@function("pg_listening_channels() -> SETOF text", volatility=STABLE, bound=True, oid=3035)
def pg_listening_channels(call: BoundCall, count: int) -> tuple[NDArray[np.int64], tuple[Column, ...]]:
    """The channels the session listens to."""
    listening = session_of(call.context).listening
    names = () if listening is None else listening()
    return np.repeat(np.arange(count), len(names)), (pa.array(names * count, pa.string()),)


@function("getdatabaseencoding() -> name", volatility=STABLE, rowwise=True, oid=1039)
def getdatabaseencoding() -> str:
    """The encoding of the database: always UTF8."""
    return "UTF8"


@function("inet_client_addr() -> text", volatility=STABLE, rowwise=True, bound=True, oid=2196)
def inet_client_addr(call: BoundCall) -> str | None:
    """The address the client connects from."""
    return session_of(call.context).client_address or None


@function("inet_client_port() -> int4", volatility=STABLE, rowwise=True, bound=True, oid=2197)
def inet_client_port(call: BoundCall) -> int:
    """The port the client connects from."""
    return session_of(call.context).client_port


@function("inet_server_port() -> int4", volatility=STABLE, rowwise=True, bound=True, oid=2199)
def inet_server_port(call: BoundCall) -> int:
    """The port the client is connected to."""
    return session_of(call.context).server_port


def _started(call: BoundCall) -> int:
    return session_of(call.context).server_start_us


for _name, _oid, _doc in (
    ("pg_postmaster_start_time", 2560, "When the server was started."),
    ("pg_conf_load_time", 2034, "When the configuration was read: at the start."),
):
    function(f"{_name}() -> timestamptz", volatility=STABLE, rowwise=True, bound=True, oid=_oid, doc=_doc)(_started)


def _signalled(call: BoundCall, pid: int, end: bool) -> bool:
    signal = session_of(call.context).signal
    return signal is not None and signal(pid, end)


@function("pg_cancel_backend(int4) -> bool", volatility=VOLATILE, rowwise=True, bound=True, oid=2171)
def pg_cancel_backend(call: BoundCall, pid: int) -> bool:
    """Cancels what another session runs; False where there is no such session."""
    return _signalled(call, pid, False)


def _terminated(call: BoundCall, pid: int, timeout: int = 0) -> bool:
    return _signalled(call, pid, True)


function(
    "pg_terminate_backend(int4, int8) -> bool",
    volatility=VOLATILE,
    rowwise=True,
    bound=True,
    oid=2096,
    defaults=1,
    doc="Ends another session; False where there is no such session.",
)(_terminated)


@function("pg_blocking_pids(int4) -> _int4", volatility=VOLATILE, rowwise=True, oid=2561)
def pg_blocking_pids(pid: int) -> list[int]:
    """The sessions that a session waits for: none, as no session waits for another's locks."""
    return []


for _signature, _oid, _value, _answer, _doc in (
    ("pg_jit_available() -> bool", 315, False, None, "Whether queries are compiled: not as PostgreSQL does."),
    ("pg_notification_queue_usage() -> float8", 3296, 0.0, "0", "How full the queue of notifications is."),
    ("pg_trigger_depth() -> int4", 3163, 0, "0", "How deep in triggers it runs: there are none."),
):
    _name = _signature.partition(" ")[0]
    function(
        _signature, volatility=STABLE, rowwise=True, oid=_oid, doc=_doc, examples={_name: _answer} if _answer else {}
    )(lambda value=_value: value)


@function("pg_safe_snapshot_blocking_pids(int4) -> _int4", volatility=VOLATILE, rowwise=True, oid=3376)
def pg_safe_snapshot_blocking_pids(pid: int) -> list[int]:
    """The sessions that keep a session from a safe snapshot: none, as every snapshot is."""
    return []


@function("current_query() -> text", volatility=VOLATILE, rowwise=True, bound=True, oid=817)
def current_query(call: BoundCall) -> str | None:
    """The statement that the session runs, as the client sent it."""
    session = session_of(call.context)
    running = () if session.activities is None else session.activities()
    return next((each.query for each in running if each.pid == session.pid), None)


_SETTINGS = tuple(relations_by_name()["pg_catalog", "pg_settings"].columns)


@function(
    f"pg_show_all_settings() -> TABLE({', '.join(f'{c.name} {c.type.name}' for c in _SETTINGS)})",
    volatility=STABLE,
    bound=True,
    oid=2084,
)
def pg_show_all_settings(call: BoundCall, count: int) -> tuple[NDArray[np.int64], tuple[Column, ...]]:
    """Every parameter, as in pg_settings."""
    rows = list(settings_rows(call.context)) * count
    made = tuple(pa.array([row.get(column.name) for row in rows], column.type.storage) for column in _SETTINGS)
    return np.repeat(np.arange(count), len(rows) // count), made


@cache
def _zone_names() -> tuple[str, ...]:
    return tuple(sorted(zoneinfo.available_timezones()))


@rows_of("pg_catalog", "pg_timezone_names", per_session=True)
def timezone_rows(catalog: Catalog, context: EvalContext) -> list[Row]:
    """The time zones, with what they are called now and how far from UTC they are."""
    now = datetime.datetime.fromtimestamp(context.now_us / 1e6, datetime.UTC)
    rows: list[Row] = []
    for name in _zone_names():
        local = now.astimezone(zoneinfo.ZoneInfo(name))
        offset = local.utcoffset() or datetime.timedelta()
        rows.append(
            {
                "name": name,
                "abbrev": local.tzname(),
                "utc_offset": Interval(months=0, days=0, us=int(offset.total_seconds()) * 1_000_000),
                "is_dst": bool(local.dst()),
            }
        )
    return rows


@function(
    "pg_timezone_names() -> TABLE(name text, abbrev text, utc_offset interval, is_dst bool)",
    volatility=STABLE,
    bound=True,
    oid=2856,
)
def pg_timezone_names(call: BoundCall, count: int) -> tuple[NDArray[np.int64], tuple[Column, ...]]:
    """The time zones, as in the view of that name."""
    found = relations_by_name()["pg_catalog", "pg_timezone_names"].contents(call.context.catalog, call.context)
    rows = np.tile(np.arange(len(found[0])), count)
    return np.repeat(np.arange(count), len(found[0])), tuple(column.take(pa.array(rows)) for column in found)
