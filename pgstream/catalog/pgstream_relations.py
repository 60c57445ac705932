"""What pgstream tells of itself beside what PostgreSQL has: pgstream_sources, pgstream_sinks, pgstream_watermarks."""

import json
from collections.abc import Iterator

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.hiding import shown
from pgstream.catalog.objects import Connection, Schema, Secret, Sink, Source, Table
from pgstream.catalog.pg_server import session_of
from pgstream.catalog.system import Row, rows_of
from pgstream.functions.registry import EvalContext


@rows_of("pg_catalog", "pgstream_sinks", per_session=True)
def pgstream_sinks(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """Every sink, and why it is paused where it is."""
    ask = session_of(context).paused_sinks
    paused = {} if ask is None else ask()
    for sink in catalog.objects.values():
        if not isinstance(sink, Sink):
            continue
        failure = paused.get(sink.oid)
        yield {
            "sinkid": sink.oid,
            "schemaname": catalog.schema_name(sink.schema_oid),
            "sinkname": sink.name,
            "state": "running" if failure is None else "paused",
            "sqlstate": None if failure is None else failure.sqlstate,
            "error": None if failure is None else failure.error,
            "failing_since": None if failure is None else failure.since_us,
            "failures": 0 if failure is None else failure.failures,
            "waiting_commits": 0 if failure is None else failure.waiting,
        }


@rows_of("pg_catalog", "pgstream_sources", per_session=True)
def pgstream_sources(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """Every source: whether it is read, how far, how fast, and why not where it is not."""
    ask = session_of(context).sources
    for facts in () if ask is None else ask():
        source = catalog.objects.get(facts.oid)
        if not isinstance(source, Source):
            continue
        yield {
            "sourceid": facts.oid,
            "schemaname": catalog.schema_name(source.schema_oid),
            "sourcename": source.name,
            "state": facts.state,
            "sqlstate": facts.sqlstate,
            "error": facts.error,
            "failing_since": facts.since_us,
            "read_to": facts.offset,
            "rows_read": facts.rows,
            "rows_per_second": facts.rate,
            "records_rejected": facts.rejected,
            "records_behind": facts.behind,
        }


@rows_of("pg_catalog", "pgstream_secrets")
def pgstream_secrets(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """Every secret, and what has it among its options. Nothing tells its value."""
    for secret in catalog.in_order():
        if isinstance(secret, Secret):
            yield {
                "secretid": secret.oid,
                "schemaname": catalog.schema_name(secret.schema_oid),
                "secretname": secret.name,
                "used_by": [user.name for user in catalog.dependents(secret.oid)],
            }


@rows_of("pg_catalog", "pgstream_connections")
def pgstream_connections(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """Every connection with its options; a password that stands among them instead of being a secret is not shown."""
    for connection in catalog.in_order():
        if isinstance(connection, Connection):
            options = {name: shown(name, value) for name, value in connection.options}
            options |= {name: f"secret {catalog.objects[oid].name}" for name, oid in connection.named.secrets}
            yield {
                "connectionid": connection.oid,
                "schemaname": catalog.schema_name(connection.schema_oid),
                "connectionname": connection.name,
                "type": connection.kind,
                "options": json.dumps(options, ensure_ascii=False),
            }


@rows_of("pg_catalog", "pgstream_stalled", per_session=True)
def pgstream_stalled(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """Every view, sink and feed for which time stands still, because it or what it shares with others fails."""
    ask = session_of(context).stalled
    for oid, facts in () if ask is None else ask().items():
        thing = catalog.objects.get(oid)
        if thing is not None and not isinstance(thing, Schema):
            yield {
                "relid": oid,
                "schemaname": catalog.schema_name(thing.schema_oid),
                "relname": thing.name,
                "sqlstate": facts.sqlstate,
                "error": facts.error,
                "stalled_since": facts.since_us,
            }


@rows_of("pg_catalog", "pgstream_watermarks", per_session=True)
def pgstream_watermarks(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """Every watermark: how far it has come, and who holds it."""
    ask = session_of(context).watermarks
    for facts in () if ask is None else ask():
        relation = catalog.objects.get(facts.oid)
        if not isinstance(relation, Source | Table):
            continue
        yield {
            "relid": facts.oid,
            "schemaname": catalog.schema_name(relation.schema_oid),
            "relname": relation.name,
            "state": facts.state,
            "watermark": facts.watermark_us,
            "held_by": facts.held_by,
            "partitions": facts.partitions,
            "idle_partitions": list(facts.idle),
        }
