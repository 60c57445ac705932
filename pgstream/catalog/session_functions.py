"""Functions about the session and the server's state that pools and drivers call when they probe or reset."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.catalog.pg_server import session_of
from pgstream.delta import Column
from pgstream.functions.registry import STABLE, VOLATILE, BoundCall, function


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
