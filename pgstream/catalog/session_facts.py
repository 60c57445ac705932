"""What functions and system relations may know of the session that asks, and of the others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Activity:
    """One connection as pg_stat_activity shows it. Times are microseconds since 1970-01-01 UTC, 0 for none."""

    pid: int
    user: str
    database: str
    application_name: str
    client_address: str
    client_port: int
    backend_start_us: int
    transaction_start_us: int
    query_start_us: int
    state_change_us: int
    state: str
    query: str


class Mishaps(NamedTuple):
    """How often something failed since the server started, and the last failure with its time."""

    times: int
    last: str | None
    at_us: int | None


NO_MISHAPS = Mishaps(0, None, None)


class PartitionFacts(NamedTuple):
    """A partition of a source: the numbers of the next record, and of the one after the last, where that is known."""

    name: str
    at: int
    end: int | None


@dataclass(frozen=True, slots=True)
class SinkFacts:
    """A sink, as pgstream_sinks shows it: running, paused, failing or blocked (why, since when, and how often it was
    tried), the changes of how many commits wait for it, and what it was given since the server started."""

    oid: int
    state: str
    sqlstate: str | None
    error: str | None
    since_us: int | None
    failures: int
    waiting: int
    rows: int
    rate: float
    mishaps: Mishaps


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """A source, as pgstream_sources shows it: unread, running, failing (why, and since when) or ended; how far it is
    read, what came since the server started, rows a second lately, and how many records are left, where it knows."""

    oid: int
    state: str
    sqlstate: str | None
    error: str | None
    since_us: int | None
    offset: str | None
    rows: int
    rate: float
    rejected: int
    behind: int | None
    mishaps: Mishaps
    partitions: tuple[PartitionFacts, ...]


@dataclass(frozen=True, slots=True)
class WatermarkFacts:
    """A watermark, as pgstream_watermarks shows it: whether it is moving, idle or ended, how far it has come (None:
    nowhere, or past the end), which of how many partitions holds it, and those that nobody waits for. `late` is how
    many rows lie in the relation of late rows, where there is one."""

    oid: int
    state: str
    watermark_us: int | None
    held_by: str | None
    partitions: int
    idle: tuple[str, ...]
    late: int | None = None


@dataclass(frozen=True, slots=True)
class StalledView:
    """A view that fails on what the passing of time brings, or has to wait for one, as pgstream_stalled shows it."""

    sqlstate: str
    error: str
    since_us: int


@dataclass(frozen=True, slots=True)
class CursorFacts:
    """A cursor of the session, as pg_cursors shows it."""

    name: str
    statement: str
    hold: bool
    binary: bool
    scroll: bool
    created_us: int


@dataclass(frozen=True, slots=True)
class SubscriptionFacts:
    """A subscription, as pgstream_subscriptions shows it: since when it remembers all changes, up to when these are
    told, and how many changes of rows those are."""

    oid: int
    since_ms: int
    until_ms: int
    changes: int


@dataclass(frozen=True, slots=True)
class SubscriberFacts:
    """Who follows a relation or query, as pgstream_subscribers shows it: up to when all changes are on their way to the
    client, up to when there are any, and how many of them wait (None: more than are known)."""

    pid: int
    oid: int
    told_ms: int
    until_ms: int
    waiting: int | None


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """One connection, as `current_user`, `current_database()` and pg_stat_activity show it.

    `backend_start_us` is microseconds since 1970-01-01 UTC.
    """

    user: str
    database: str
    pid: int = 0
    application_name: str = ""
    client_address: str = ""
    backend_start_us: int = 0
    client_port: int = -1
    server_port: int = 0
    server_start_us: int = 0
    databases: Callable[[], tuple[str, ...]] | None = field(default=None, compare=False, repr=False)
    """Every database of the server, for pg_database."""
    activities: Callable[[], Sequence[Activity]] | None = field(default=None, compare=False, repr=False)
    """Every connection of the server, for pg_stat_activity."""
    signal: Callable[[int, bool], bool] | None = field(default=None, compare=False, repr=False)
    """`signal(pid, end)`: cancels what the session of `pid` runs, or ends it; False where there is none."""
    stored_bytes: Callable[[int], int] | None = field(default=None, compare=False, repr=False)
    """How much memory the rows of a relation or index take, by its OID; 0 for one that keeps none."""
    sinks: Callable[[], Sequence[SinkFacts]] | None = field(default=None, compare=False, repr=False)
    """The sinks of the database."""
    sources: Callable[[], Sequence[SourceFacts]] | None = field(default=None, compare=False, repr=False)
    """The sources of the database."""
    watermarks: Callable[[], Sequence[WatermarkFacts]] | None = field(default=None, compare=False, repr=False)
    """The watermarks of the database."""
    subscriptions: Callable[[], Sequence[SubscriptionFacts]] | None = field(default=None, compare=False, repr=False)
    """The subscriptions of the database."""
    subscribers: Callable[[], Sequence[SubscriberFacts]] | None = field(default=None, compare=False, repr=False)
    """Who is told of changes in the database."""
    stalled: Callable[[], Mapping[int, StalledView]] | None = field(default=None, compare=False, repr=False)
    """The views, sinks and feeds of the database for which time stands still, by OID."""
    cursors: Callable[[], Sequence[CursorFacts]] | None = field(default=None, compare=False, repr=False)
    """The cursors that the session has open."""
    assign: Callable[[str, str | None, bool], str] | None = field(default=None, compare=False, repr=False)
    """`set_config(name, value, is_local)`: sets a parameter of the session and returns the value it has now."""
    setting: Callable[[str], str | None] | None = field(default=None, compare=False, repr=False)
    """The value that a parameter has now, after what the running statement itself has set; None for unknown ones."""
    notify: Callable[[str, str], None] | None = field(default=None, compare=False, repr=False)
    """`pg_notify(channel, payload)`."""
    listening: Callable[[], tuple[str, ...]] | None = field(default=None, compare=False, repr=False)
    """`pg_listening_channels()`."""
    given: dict[int, int] = field(default_factory=dict, compare=False, repr=False)
    """The values that sequences gave the session last, by OID; under 0 that of the last one of them."""
    check_interrupts: Callable[[], None] | None = field(default=None, compare=False, repr=False)
    """Raises QueryCanceled once the running statement was cancelled or timed out; `pg_sleep` asks often."""


NOBODY = SessionFacts("postgres", "postgres")
"""The session of work that no client asked for."""
