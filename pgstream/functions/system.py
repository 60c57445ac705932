"""What functions tell about the session and the server, and those that belong to no other family."""

import os
import struct
import time

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import FeatureNotSupported, InvalidParameterValue, UndefinedObject
from pgstream.functions.registry import IMMUTABLE, STABLE, VOLATILE, BoundCall, function
from pgstream.functions.vector import column_of
from pgstream.types.uuid import UUID

VERSION = "PostgreSQL 15.6 (pgstream 0.1.0) on x86_64-pc-linux-gnu, compiled by Python 3.11"


@function("version() -> text", volatility=STABLE, rowwise=True, oid=89, examples={"length(version()) > 10": "t"})
def version() -> str:
    """The server's version."""
    return VERSION


@function(
    "current_database() -> name",
    volatility=STABLE,
    rowwise=True,
    bound=True,
    oid=861,
    examples={"current_database() IS NULL": "f"},
)
def current_database(call: BoundCall) -> str | None:
    """The database of the session."""
    return getattr(call.context.session, "database", None)


@function(
    "current_user() -> name",
    volatility=STABLE,
    rowwise=True,
    bound=True,
    oid=745,
    examples={"current_user IS NULL": "f"},
)
def current_user(call: BoundCall) -> str | None:
    """The user of the session."""
    return getattr(call.context.session, "user", None)


@function(
    "session_user() -> name",
    volatility=STABLE,
    rowwise=True,
    bound=True,
    oid=746,
    examples={"session_user IS NULL": "f"},
)
def session_user(call: BoundCall) -> str | None:
    """The user of the session."""
    return getattr(call.context.session, "user", None)


def path_of(call: BoundCall) -> list[str]:
    """The schemas of search_path that name none that cannot be: `"$user"` is left out."""
    names = [part.strip().strip('"') for part in call.context.settings.get("search_path", "public").split(",")]
    return [name for name in names if name and name != "$user"]


@function(
    "current_schema() -> name",
    volatility=STABLE,
    rowwise=True,
    bound=True,
    oid=1402,
    examples={"current_schema()": "public"},
)
def current_schema(call: BoundCall) -> str | None:
    """The first schema of the search path."""
    return next(iter(path_of(call)), None)


@function(
    "current_schemas(bool) -> _name",
    volatility=STABLE,
    rowwise=True,
    bound=True,
    oid=1403,
    examples={"current_schemas(true)": "{pg_catalog,public}", "current_schemas(false)": "{public}"},
)
def current_schemas(call: BoundCall, implicit: bool) -> list[str]:
    """The schemas of the search path, with pg_catalog if asked."""
    path = path_of(call)
    return ["pg_catalog", *path] if implicit and "pg_catalog" not in path else path


def _setting(call: BoundCall, name: str, missing_ok: bool | None = False) -> str | None:
    now = getattr(call.context.session, "setting", None) or call.context.settings.get
    value: str | None = now(name.lower())
    if value is None and not missing_ok:
        raise UndefinedObject(f'unrecognized configuration parameter "{name}"')
    return value


function(
    "current_setting(text) -> text",
    volatility=STABLE,
    rowwise=True,
    bound=True,
    oid=2077,
    doc="A setting's value.",
    examples={"current_setting('datestyle')": "ISO, MDY"},
)(_setting)
function(
    "current_setting(text, bool) -> text",
    volatility=STABLE,
    rowwise=True,
    bound=True,
    oid=3294,
    doc="A setting's value; NULL for an unknown one if so asked.",
    examples={"current_setting('no.such', true)": "NULL"},
)(_setting)


@function("set_config(text, text, bool) -> text", volatility=VOLATILE, strict=False, rowwise=True, bound=True, oid=2078)
def set_config(call: BoundCall, name: str | None, value: str | None, local: bool | None) -> str:
    """Sets a parameter of the session and returns its new value."""
    if name is None:
        raise InvalidParameterValue("SET requires parameter name")
    assign = getattr(call.context.session, "assign", None)
    if assign is None:
        raise FeatureNotSupported("set_config is not available here")
    return str(assign(name, value, bool(local)))


@function("pg_notify(text, text) -> void", volatility=VOLATILE, strict=False, bound=True, oid=3036)
def pg_notify(call: BoundCall, channel: Column, payload: Column) -> Column:
    """Sends a notification to the channel's listeners."""
    notify = getattr(call.context.session, "notify", None)
    if notify is None:
        raise FeatureNotSupported("pg_notify is not available here")
    for name, text in zip(channel.to_pylist(), payload.to_pylist(), strict=True):
        if not name:
            raise InvalidParameterValue("channel name cannot be empty")
        notify(name, text or "")
    return pa.nulls(len(channel))


@function("pg_sleep(float8) -> void", volatility=VOLATILE, bound=True, oid=2626)
def pg_sleep(call: BoundCall, seconds: Column) -> Column:
    """Waits; a cancelled statement wakes up."""
    check = getattr(call.context.session, "check_interrupts", None)
    for wait in seconds.to_pylist():
        until = time.monotonic() + wait
        while (left := until - time.monotonic()) > 0:
            if check is not None:
                check()
            time.sleep(min(left, 0.02))
    return pa.nulls(len(seconds))


@function(
    "pg_backend_pid() -> int4",
    volatility=STABLE,
    rowwise=True,
    bound=True,
    oid=2026,
    examples={"pg_backend_pid() > 0": "t"},
)
def pg_backend_pid(call: BoundCall) -> int:
    """The session's number, which a cancel request names."""
    return int(getattr(call.context.session, "pid", 0) or 0)


@function(
    "pg_typeof(any) -> regtype",
    volatility=STABLE,
    strict=False,
    bound=True,
    oid=1619,
    examples={"pg_typeof(1)::oid::int8": "23", "pg_typeof('a'::varchar(3))::oid::int8": "1043"},
)
def pg_typeof(call: BoundCall, value: Column) -> Column:
    """The argument's type."""
    return column_of(np.full(len(value), call.arguments[0].oid, np.int64), pa.int64())


def _count_nulls(args: tuple[Column, ...], wanted: bool) -> Column:
    counts = sum(
        np.asarray((arg.is_null() if wanted else arg.is_valid()).to_numpy(zero_copy_only=False), np.int32)
        for arg in args
    )
    return pa.array(counts, pa.int32())


function(
    "num_nulls(VARIADIC any) -> int4",
    strict=False,
    volatility=IMMUTABLE,
    doc="How many arguments are NULL.",
    examples={"num_nulls(1, NULL, 2)": "1"},
)(lambda *args: _count_nulls(args, True))
function(
    "num_nonnulls(VARIADIC any) -> int4",
    strict=False,
    volatility=IMMUTABLE,
    doc="How many arguments are not NULL.",
    examples={"num_nonnulls(1, NULL, 2)": "2"},
)(lambda *args: _count_nulls(args, False))


@function("gen_random_uuid() -> uuid", volatility=VOLATILE, examples={"length(gen_random_uuid()::text)": "36"})
def gen_random_uuid(count: int) -> Column:
    """A random UUID (version 4)."""
    content = bytearray(os.urandom(16 * count))
    for at in range(0, len(content), 16):
        content[at + 6] = content[at + 6] & 0x0F | 0x40
        content[at + 8] = content[at + 8] & 0x3F | 0x80
    return pa.array([bytes(content[at : at + 16]) for at in range(0, len(content), 16)], UUID.storage)


def _rotate(value: int, by: int) -> int:
    value &= 0xFFFFFFFF
    return (value << by | value >> (32 - by)) & 0xFFFFFFFF


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for by, step in zip((4, 6, 8, 16, 19, 4), range(6), strict=True):
        if step % 3 == 0:
            a, c = (a - c ^ _rotate(c, by)) & 0xFFFFFFFF, (c + b) & 0xFFFFFFFF
        elif step % 3 == 1:
            b, a = (b - a ^ _rotate(a, by)) & 0xFFFFFFFF, (a + c) & 0xFFFFFFFF
        else:
            c, b = (c - b ^ _rotate(b, by)) & 0xFFFFFFFF, (b + a) & 0xFFFFFFFF
    return a, b, c


def hash_bytes(key: bytes) -> int:
    """PostgreSQL's hash_bytes (Bob Jenkins' lookup3), as a signed 32-bit integer."""
    a = b = c = (0x9E3779B9 + len(key) + 3923095) & 0xFFFFFFFF
    while len(key) >= 12:
        x, y, z = struct.unpack_from("<III", key)
        a, b, c = _mix((a + x) & 0xFFFFFFFF, (b + y) & 0xFFFFFFFF, (c + z) & 0xFFFFFFFF)
        key = key[12:]
    tail = key.ljust(12, b"\0")
    x, y = struct.unpack_from("<II", tail)
    z = int.from_bytes(tail[8:11], "little") << 8
    a, b, c = (a + x) & 0xFFFFFFFF, (b + y) & 0xFFFFFFFF, (c + z) & 0xFFFFFFFF
    c = (c ^ b) - _rotate(b, 14) & 0xFFFFFFFF
    a = (a ^ c) - _rotate(c, 11) & 0xFFFFFFFF
    b = (b ^ a) - _rotate(a, 25) & 0xFFFFFFFF
    c = (c ^ b) - _rotate(b, 16) & 0xFFFFFFFF
    a = (a ^ c) - _rotate(c, 4) & 0xFFFFFFFF
    b = (b ^ a) - _rotate(a, 14) & 0xFFFFFFFF
    c = (c ^ b) - _rotate(b, 24) & 0xFFFFFFFF
    return int(c - (1 << 32) if c >= 1 << 31 else c)


function(
    "hashtext(text) -> int4",
    rowwise=True,
    doc="PostgreSQL's 32-bit hash of a text.",
    examples={
        "hashtext('abc')": "-785388649",
        "hashtext('')": "-1477818771",
        "hashtext('a longer text than twelve')": "2136312880",
    },
)(lambda text: hash_bytes(text.encode()))
