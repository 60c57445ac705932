"""Secrets and connections: CREATE and ALTER of them, and of the options of whatever uses them."""

from dataclasses import replace

from pgstream.catalog.objects import Sink, Source
from pgstream.catalog.shared import Connection, Named, Secret
from pgstream.connectors import CONNECTION_KINDS, check_options
from pgstream.engine.draft import Draft, require_free
from pgstream.engine.head import Head
from pgstream.engine.outcome import Outcome
from pgstream.engine.outside import Outward, settings_of
from pgstream.engine.vault import Vault
from pgstream.sql.bind.alters import AlterOutside
from pgstream.sql.bind.connections import AlterSecret, CreateConnection, CreateSecret, ValidateConnection

Connecting = CreateSecret | AlterSecret | CreateConnection | ValidateConnection | AlterOutside


def connected(head: Head, statement: Connecting, vault: Vault, oid: int, tag: str) -> Draft:
    """What one of these statements makes of `head`; what is new gets `oid`."""
    match statement:
        case CreateSecret(schema_oid=schema, name=name, value=value):
            require_free(head.catalog, schema, name)
            catalog = head.catalog.put(Secret(oid, schema, name, vault.seal(oid, value), value))
        case AlterSecret(secret_oid=secret_oid, value=value):
            secret = head.catalog.objects[secret_oid]
            assert isinstance(secret, Secret)
            catalog = head.catalog.put(replace(secret, sealed=vault.seal(secret_oid, value), value=value))
        case CreateConnection():
            require_free(head.catalog, statement.schema_oid, statement.name)
            named = statement.named
            made = Connection(
                oid, statement.schema_oid, statement.name, statement.kind, statement.options, named, named.oids
            )
            _check(head, made, statement.validate)
            catalog = head.catalog.put(made)
        case ValidateConnection():
            connection = head.catalog.objects[statement.connection_oid]
            assert isinstance(connection, Connection)
            _check(head, connection, True)
            return Draft(head, Outcome(tag))
        case AlterOutside():
            return Draft(_altered(head, statement), Outcome(tag))
    return Draft(replace(head, catalog=catalog), Outcome(tag))


def _check(head: Head, connection: Connection, reach: bool) -> None:
    """Raises SqlError where a connection's options are wrong or, with `reach`, where nobody answers."""
    kind, settings = CONNECTION_KINDS[connection.kind], settings_of(head.catalog, connection)
    with settings.concealing():
        kind.check(settings.options)
        if reach:
            kind.reach(settings.options)


def _altered(head: Head, statement: AlterOutside) -> Head:
    """`head` with other options of something. Raises SqlError where these are wrong."""
    thing = head.catalog.objects[statement.oid]
    assert isinstance(thing, Outward)
    named = statement.named
    gone = statement.reset | {name for name, _ in (*statement.options, *named.secrets)}
    if "rate_limit" in gone:
        gone |= {"source_rate_limit"}
    options = tuple(option for option in thing.options if option[0] not in gone)
    secrets = tuple(secret for secret in thing.named.secrets if secret[0] not in gone)
    fresh = Named(thing.named.connections, (*secrets, *named.secrets))
    depends = (thing.depends - thing.named.oids) | fresh.oids
    made = replace(thing, options=(*options, *statement.options), named=fresh, depends=depends)
    if statement.watermark is not None and isinstance(made, Source):
        made = replace(made, watermark=statement.watermark)
    changed = replace(head, catalog=head.catalog.put(made))
    users = [thing for thing in changed.catalog.dependents(made.oid) if isinstance(thing, Source | Sink)]
    if isinstance(made, Connection):
        _check(changed, made, False)
    for user in users if isinstance(made, Connection) else [made]:
        assert isinstance(user, Source | Sink)
        settings = settings_of(changed.catalog, user)
        with settings.concealing():
            check_options(settings.options)
    return changed
