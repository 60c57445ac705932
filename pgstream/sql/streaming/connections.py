"""Secrets and connections, in the words of RisingWave and of Materialize.

CREATE SECRET [IF NOT EXISTS] name [WITH (backend = 'meta')] AS 'value'
ALTER SECRET name [WITH (backend = 'meta')] AS 'value'
CREATE CONNECTION [IF NOT EXISTS] name WITH (type = 'kafka', key = value, …)
CREATE CONNECTION [IF NOT EXISTS] name TO KAFKA | CONFLUENT SCHEMA REGISTRY (KEY value, …) [WITH (VALIDATE = false)]
VALIDATE CONNECTION name
"""

from dataclasses import dataclass

from pgstream.errors import FeatureNotSupported
from pgstream.sql.streaming.options import Option, parse_options, parse_phrases
from pgstream.sql.streaming.reader import Node, Reader

KAFKA, REGISTRY = "kafka", "schema_registry"
_KINDS = {("KAFKA",): KAFKA, ("CONFLUENT", "SCHEMA", "REGISTRY"): REGISTRY}
_OTHERS = ("AWS", "MYSQL", "POSTGRES", "SQL", "SSH", "ICEBERG")

_PHRASES = {
    KAFKA: {
        "broker": "properties.bootstrap.servers", "brokers": "properties.bootstrap.servers",
        "security protocol": "properties.security.protocol", "sasl mechanisms": "properties.sasl.mechanism",
        "sasl mechanism": "properties.sasl.mechanism", "sasl username": "properties.sasl.username",
        "sasl password": "properties.sasl.password", "ssl key": "properties.ssl.key.pem",
        "ssl certificate": "properties.ssl.certificate.pem",
        "ssl certificate authority": "properties.ssl.ca.pem", "progress topic": "sink.progress_topic",
    },
    REGISTRY: {
        "url": "schema.registry", "username": "schema.registry.username", "password": "schema.registry.password",
    },
}  # fmt: skip
"""What Materialize's words are here."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SecretStmt:
    """CREATE SECRET, or ALTER SECRET where it `alters`."""

    relation: Node
    value: str
    alters: bool
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class CreateConnectionStmt:
    """CREATE CONNECTION; without `validate` nobody looks whether it can be reached."""

    relation: Node
    kind: str
    options: tuple[Option, ...]
    if_not_exists: bool
    validate: bool
    position: int


@dataclass(frozen=True, slots=True, eq=False)
class ValidateConnectionStmt:
    """VALIDATE CONNECTION."""

    relation: Node


def parse_secret(reader: Reader, *, alters: bool) -> SecretStmt:
    """What follows CREATE SECRET, or ALTER SECRET."""
    if_not_exists = not alters and reader.accept("IF", "NOT", "EXISTS")
    relation = reader.relation()
    for option in parse_options(reader) if reader.accept("WITH") else ():
        if (option.name, option.value.lower()) != ("backend", "meta"):
            raise FeatureNotSupported(
                "secrets are kept in the store: backend = 'meta' is the only one", position=option.position
            )
    reader.expect("AS")
    if reader.at >= len(reader.tokens) or reader.tokens[reader.at].name not in ("SCONST", "USCONST"):
        reader.fail()
    value = reader.grammar.string(reader.spelled(reader.at))
    reader.at += 1
    reader.end()
    return SecretStmt(relation, value, alters, if_not_exists)


def parse_create_connection(reader: Reader) -> CreateConnectionStmt:
    """What follows CREATE CONNECTION."""
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    relation = reader.relation()
    position = reader.position()
    kind = ""
    options: tuple[Option, ...] = ()
    if reader.accept("TO") or reader.accept("FOR"):
        kind = _kind(reader)
        options = said_plainly(kind, parse_phrases(reader))
        if kind == KAFKA:
            options = (*options, *_secured(options, position))
    else:
        reader.expect("WITH")
        options = parse_options(reader)
        kind = next((option.value.lower() for option in options if option.name == "type"), "")
        options = tuple(option for option in options if option.name != "type")
    more = parse_phrases(reader) if reader.accept("WITH") else ()
    reader.end()
    validate = next((each.value for each in (*options, *more) if each.name == "validate"), "true")
    kept = tuple(option for option in options if option.name != "validate")
    return CreateConnectionStmt(relation, kind, kept, if_not_exists, validate.lower() != "false", position)


def _kind(reader: Reader) -> str:
    for words, kind in _KINDS.items():
        if reader.accept(*words):
            return kind
    if reader.word() not in _OTHERS:
        reader.fail()
    raise FeatureNotSupported(f"a connection to {reader.word()} is not supported yet", position=reader.position())


def said_plainly(kind: str, options: tuple[Option, ...]) -> tuple[Option, ...]:
    """Materialize's words as the options that they are."""
    named = _PHRASES.get(kind, {})
    return tuple(Option(named.get(one.name, one.name), one.value, one.position, one.named) for one in options)


def _secured(options: tuple[Option, ...], position: int) -> tuple[Option, ...]:
    """The protocol where none is said: Materialize speaks TLS then."""
    names = {option.name for option in options}
    if "properties.security.protocol" in names:
        return ()
    sasl = any(name.startswith("properties.sasl.") for name in names)
    return (Option("properties.security.protocol", "SASL_SSL" if sasl else "SSL", position),)


def parse_validate(reader: Reader) -> ValidateConnectionStmt:
    """What follows VALIDATE CONNECTION."""
    relation = reader.relation()
    reader.end()
    return ValidateConnectionStmt(relation)
