"""What pgstream tells of itself beside what PostgreSQL has: the relations pgstream_*."""

import json
from collections.abc import Iterator

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.definitions import quoted
from pgstream.catalog.hiding import shown
from pgstream.catalog.objects import Schema, Sink, Source, Subscription, Table
from pgstream.catalog.pg_server import session_of
from pgstream.catalog.session_facts import Mishaps
from pgstream.catalog.shared import Connection, Secret
from pgstream.catalog.system import Row, rows_of
from pgstream.functions.registry import EvalContext
from pgstream.types.interval_text import Interval

_WAY_OUT = (
    "ALTER SINK {0} SET (force_append_only = true) leaves retractions out. To send them, drop the sink and create one "
    "with FORMAT UPSERT or DEBEZIUM, or with envelope = 'changelog'."
)


@rows_of("pg_catalog", "pgstream_sinks", per_session=True)
def pgstream_sinks(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """Every sink: whether it is written to, how fast, and why not where it is not."""
    ask = session_of(context).sinks
    for facts in () if ask is None else ask():
        sink = catalog.objects.get(facts.oid)
        if not isinstance(sink, Sink):
            continue
        yield {
            "sinkid": sink.oid,
            "schemaname": catalog.schema_name(sink.schema_oid),
            "sinkname": sink.name,
            "state": facts.state,
            "sqlstate": facts.sqlstate,
            "error": facts.error,
            "hint": _WAY_OUT.format(quoted(sink.name)) if facts.state == "blocked" else None,
            "failing_since": facts.since_us,
            "failures": facts.failures,
            "waiting_commits": facts.waiting,
            "rows_written": facts.rows,
            "rows_per_second": facts.rate,
            **_mishaps(facts.mishaps),
        }


def _mishaps(mishaps: Mishaps) -> Row:
    return {"errors": mishaps.times, "last_error": mishaps.last, "last_error_at": mishaps.at_us}


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
            **_mishaps(facts.mishaps),
        }


@rows_of("pg_catalog", "pgstream_source_partitions", per_session=True)
def pgstream_source_partitions(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """Every partition of the sources that know theirs: how far it is read, and how much is left."""
    ask = session_of(context).sources
    for facts in () if ask is None else ask():
        source = catalog.objects.get(facts.oid)
        if not isinstance(source, Source):
            continue
        for part in facts.partitions:
            yield {
                "sourceid": facts.oid,
                "schemaname": catalog.schema_name(source.schema_oid),
                "sourcename": source.name,
                "partition": part.name,
                "read_to": part.at,
                "high_watermark": part.end,
                "records_behind": None if part.end is None else part.end - part.at,
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
        declared = relation.watermark if isinstance(relation, Source | Table) else None
        if not isinstance(relation, Source | Table) or declared is None:
            continue
        yield {
            "relid": facts.oid,
            "schemaname": catalog.schema_name(relation.schema_oid),
            "relname": relation.name,
            "column_name": relation.columns[declared.column].name,
            "expression": declared.expression or None,
            "idle_timeout": Interval(0, 0, declared.idle_us),
            "max_ahead": Interval(0, 0, declared.ahead_us),
            "late_rows": facts.late,
            "state": facts.state,
            "watermark": facts.watermark_us,
            "held_by": facts.held_by,
            "partitions": facts.partitions,
            "idle_partitions": list(facts.idle),
        }


@rows_of("pg_catalog", "pgstream_subscriptions", per_session=True)
def pgstream_subscriptions(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """Every subscription, and which changes it remembers."""
    ask = session_of(context).subscriptions
    for facts in () if ask is None else ask():
        subscription = catalog.objects.get(facts.oid)
        if not isinstance(subscription, Subscription):
            continue
        relation = catalog.objects[subscription.relation_oid]
        yield {
            "subscriptionid": facts.oid,
            "schemaname": catalog.schema_name(subscription.schema_oid),
            "subscriptionname": subscription.name,
            "relid": relation.oid,
            "relname": relation.name,
            "retention": Interval(0, 0, subscription.retention_ms * 1000),
            "remembers_since": facts.since_ms * 1000,
            "remembers_until": facts.until_ms * 1000,
            "since_ms": facts.since_ms,
            "changes": facts.changes,
        }


@rows_of("pg_catalog", "pgstream_subscribers", per_session=True)
def pgstream_subscribers(catalog: Catalog, context: EvalContext) -> Iterator[Row]:
    """Every client that is told of changes: how far, and how far behind."""
    ask = session_of(context).subscribers
    for facts in () if ask is None else ask():
        relation = catalog.objects.get(facts.oid)
        yield {
            "pid": facts.pid,
            "relid": None if relation is None else facts.oid,
            "relname": None if relation is None else relation.name,
            "told_until": facts.told_ms * 1000,
            "told_ms": facts.told_ms,
            "lag": Interval(0, 0, 0 if facts.waiting == 0 else (facts.until_ms - facts.told_ms) * 1000),
            "waiting_changes": facts.waiting,
        }
