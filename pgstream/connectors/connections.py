"""Kinds of connections: options that sources and sinks share, and whether what they name can be reached."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pgstream.connectors.kafka_client import LastError, require_brokers
from pgstream.connectors.kafka_options import KafkaOptions
from pgstream.errors import InvalidParameterValue
from pgstream.formats.options import known_options, parse_options, refuse_unknown
from pgstream.formats.schema_registry import RegistryOptions


@dataclass(frozen=True, slots=True)
class ConnectionKind:
    """What `type` of CREATE CONNECTION names. `connector`: whose sources and sinks it is for, all where empty.

    `check` raises InvalidParameterValue for options that are wrong, `reach` IoError where nobody answers.
    """

    name: str
    connector: str
    check: Callable[[Mapping[str, str]], None]
    reach: Callable[[Mapping[str, str]], None]


def kafka_options(options: Mapping[str, str]) -> KafkaOptions:
    """The options of any topic of these brokers."""
    parsed, rest = parse_options(KafkaOptions, {"topic": "", **options})
    _, rest = parse_options(RegistryOptions, rest)
    refuse_unknown(rest, known_options(KafkaOptions, RegistryOptions))
    return parsed


def reach_kafka(options: Mapping[str, str]) -> None:
    require_brokers(kafka_options(options), LastError())


def registry_options(options: Mapping[str, str]) -> RegistryOptions:
    """The options of a schema registry."""
    parsed, rest = parse_options(RegistryOptions, options)
    refuse_unknown(rest, known_options(RegistryOptions))
    if parsed.registry is None:
        raise InvalidParameterValue('option "schema.registry" is required')
    return parsed


def reach_registry(options: Mapping[str, str]) -> None:
    registry = registry_options(options).opened_registry()
    assert registry is not None
    registry.subjects()


def _checks(read: Callable[[Mapping[str, str]], object]) -> Callable[[Mapping[str, str]], None]:
    def check(options: Mapping[str, str]) -> None:
        read(options)

    return check


CONNECTION_KINDS: Mapping[str, ConnectionKind] = {
    kind.name: kind
    for kind in (
        ConnectionKind("kafka", "kafka", _checks(kafka_options), reach_kafka),
        ConnectionKind("schema_registry", "", _checks(registry_options), reach_registry),
    )
}
