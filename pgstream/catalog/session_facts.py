"""What functions and system relations may know of the session that asks."""

from collections.abc import Callable
from dataclasses import dataclass, field


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
    databases: tuple[str, ...] = ()
    """Every database of the server, for pg_database."""
    assign: Callable[[str, str | None, bool], str] | None = field(default=None, compare=False, repr=False)
    """`set_config(name, value, is_local)`: sets a parameter of the session and returns the value it has now."""
    notify: Callable[[str, str], None] | None = field(default=None, compare=False, repr=False)
    """`pg_notify(channel, payload)`."""
    listening: Callable[[], tuple[str, ...]] | None = field(default=None, compare=False, repr=False)
    """`pg_listening_channels()`."""
    check_interrupts: Callable[[], None] | None = field(default=None, compare=False, repr=False)
    """Raises QueryCanceled once the running statement was cancelled or timed out; `pg_sleep` asks often."""


NOBODY = SessionFacts("postgres", "postgres")
"""The session of work that no client asked for."""
