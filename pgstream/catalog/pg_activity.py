"""pg_settings, pg_stat_activity and what else changes from one query to the next."""

from collections.abc import Iterator, Sequence

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.parameters import parameters
from pgstream.catalog.pg_server import database_oids, role_oids, session_of
from pgstream.catalog.session_facts import Activity, SessionFacts
from pgstream.catalog.system import Row, relations_by_name, rows_of
from pgstream.functions.registry import EvalContext


def settings_rows(context: EvalContext) -> Iterator[Row]:
    """Every parameter as pg_settings shows it: numbers in the parameter's own unit."""
    current = context.settings
    for key, known in parameters().items():
        default = known.stored(known.setting)
        value = known.stored(current.get(key, known.setting))
        yield {
            "name": known.name,
            "setting": value,
            "unit": known.unit or None,
            "category": known.category,
            "short_desc": known.description,
            "context": known.context,
            "vartype": known.vartype,
            "source": "default" if value == default else "session",
            "min_val": known.low or None,
            "max_val": known.high or None,
            "enumvals": list(known.choices) or None,
            "boot_val": default,
            "reset_val": default,
            "pending_restart": False,
        }


@rows_of("pg_catalog", "pg_settings", per_session=True)
def pg_settings(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    yield from settings_rows(context)


def activities_of(session: SessionFacts) -> Sequence[Activity]:
    """Every connection; the asking one alone where nobody knows the others."""
    if session.activities is not None:
        return session.activities()
    start = session.backend_start_us
    return [
        Activity(
            session.pid,
            session.user,
            session.database,
            session.application_name,
            session.client_address,
            session.client_port,
            *(start, start, start, start),
            "active",
            "",
        )
    ]


@rows_of("pg_catalog", "pg_stat_activity", per_session=True)
def pg_stat_activity(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """Every connection of the server."""
    session = session_of(context)
    databases = database_oids(session)
    for one in activities_of(session):
        idle = one.state.startswith("idle")
        yield {
            "datid": databases.get(one.database),
            "datname": one.database,
            "pid": one.pid,
            "usesysid": role_oids(one.user)[one.user],
            "usename": one.user,
            "application_name": one.application_name,
            "client_addr": one.client_address or None,
            "client_port": one.client_port,
            "backend_start": one.backend_start_us,
            "xact_start": one.transaction_start_us or None,
            "query_start": one.query_start_us or None,
            "state_change": one.state_change_us or None,
            "wait_event_type": "Client" if idle else None,
            "wait_event": "ClientRead" if idle else None,
            "state": one.state,
            "query": one.query,
            "backend_type": "client backend",
        }


@rows_of("pg_catalog", "pg_stat_database", per_session=True)
def pg_stat_database(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """Connections by database; nothing else is counted."""
    session = session_of(context)
    connected = [one.database for one in activities_of(session)]
    counts = [
        column.name
        for column in relations_by_name()["pg_catalog", "pg_stat_database"].columns
        if column.type.name in ("int8", "float8")
    ]
    for name, oid in database_oids(session).items():
        yield {
            **{column: 0 for column in counts if not column.startswith("checksum")},
            "datid": oid,
            "datname": name,
            "numbackends": connected.count(name),
        }


@rows_of("pg_catalog", "pg_cursors", per_session=True)
def pg_cursors(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """The cursors that the session has open."""
    ask = session_of(context).cursors
    for cursor in () if ask is None else ask():
        yield {
            "name": cursor.name,
            "statement": cursor.statement,
            "is_holdable": cursor.hold,
            "is_binary": cursor.binary,
            "is_scrollable": cursor.scroll,
            "creation_time": cursor.created_us,
        }
