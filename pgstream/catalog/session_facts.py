"""What functions and system relations may know of the session that asks."""

from dataclasses import dataclass


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


NOBODY = SessionFacts("postgres", "postgres")
"""The session of work that no client asked for."""
