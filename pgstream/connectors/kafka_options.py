"""WITH options of `connector = 'kafka'`, in the spellings of RisingWave, Arroyo and Flink, and what librdkafka is
configured with for them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pgstream.errors import InvalidParameterValue
from pgstream.formats.options import option, read_duration_us

CLIENT_CONFIG = {
    "client.id": "pgstream",
    "log_level": 0,
    "socket.keepalive.enable": True,
    "reconnect.backoff.max.ms": 1000,
}


def read_offsets(text: str) -> dict[int, int]:
    """Offsets by partition: `partition:0,offset:42;partition:1,offset:300`, or `0:42,1:300`."""
    long = re.findall(r"partition:(\d+),offset:(\d+)(?:;|$)", text.replace(" ", ""))
    short = re.findall(r"(\d+):(\d+)(?:,|$)", text.replace(" ", ""))
    found = long or short
    if not found:
        raise ValueError("offsets such as 'partition:0,offset:42;partition:1,offset:300' are expected")
    return {int(partition): int(offset) for partition, offset in found}


def read_columns(text: str) -> tuple[str, ...]:
    """Names between commas or semicolons."""
    return tuple(name.strip() for name in re.split("[,;]", text) if name.strip())


def read_settings(text: str) -> dict[str, str]:
    """`key=value` between commas."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if not all(equals for _, equals, _ in pairs):
        raise ValueError("settings such as 'fetch.min.bytes=1,client.id=me' are expected")
    return {name.strip(): value.strip() for name, _, value in pairs}


STARTS = {
    "earliest": "earliest", "earliest-offset": "earliest", "latest": "latest", "latest-offset": "latest",
    "timestamp": "timestamp", "specific-offsets": "offsets", "group": "group", "group-offsets": "group",
}  # fmt: skip
GUARANTEES = ("exactly_once", "exactly-once", "at_least_once", "at-least-once")


@dataclass(frozen=True, kw_only=True)
class KafkaOptions:
    """WITH options of `connector = 'kafka'`."""

    servers: str = option(
        "properties.bootstrap.servers", "properties.bootstrap.server", "bootstrap_servers", "bootstrap.servers",
        doc="Brokers, as host:port between commas.",
    )  # fmt: skip
    topic: str = option("topic", doc="The topic that is read or written.")
    start: str = option(
        "scan.startup.mode", "source.offset", "start_from", default="earliest", choices=tuple(STARTS),
        doc="Where a source starts; partitions that appear later are read from their beginning.",
    )  # fmt: skip
    start_ms: int | None = option(
        "scan.startup.timestamp.millis", "scan.startup.timestamp-millis", default=None, minimum=0,
        doc="Start with the messages of this time, in milliseconds since 1970.",
    )  # fmt: skip
    start_offsets: Mapping[int, int] | None = option(
        "scan.startup.specific-offsets", default=None, read=read_offsets, doc="Start at these offsets."
    )
    bounded: str = option(
        "scan.bounded.mode", default="unbounded", choices=("unbounded", "latest-offset"),
        doc="latest-offset: the source ends where the topic ended when it was created.",
    )  # fmt: skip
    isolation: str = option(
        "source.read_mode", default="read_committed", choices=("read_committed", "read_uncommitted"),
        doc="Whether messages of transactions that are open or aborted are left out.",
    )  # fmt: skip
    group: str = option(
        "source.group_id", "properties.group.id", default="pgstream",
        doc="The consumer group that brokers know the source as. Offsets are kept in the store, not in the group.",
    )  # fmt: skip
    group_prefix: str = option(
        "source.group_id_prefix", "group.id.prefix", default="", doc="Put before the consumer group's name."
    )
    timeout_us: int = option(
        "timeout", default=10_000_000, read=read_duration_us, doc="How long a broker is waited for."
    )
    key: tuple[str, ...] = option(
        "primary_key", "key.fields", default=(), read=read_columns,
        doc="The columns that a sink makes the messages' keys of, as JSON objects.",
    )  # fmt: skip
    key_field: str | None = option("sink.key_field", default=None, doc="The column whose text is the messages' key.")
    timestamp_field: str | None = option(
        "sink.timestamp_field", default=None, doc="The column that is the messages' timestamp."
    )
    guarantee: str = option(
        "sink.commit_mode", "sink.delivery-guarantee", default="exactly_once", choices=GUARANTEES,
        doc="exactly_once: a commit's messages are one transaction of Kafka.",
    )  # fmt: skip
    transactional_id: str | None = option(
        "properties.transactional.id", "sink.transactional-id-prefix", default=None,
        doc="The name of the sink's transactions; by default one of its own.",
    )  # fmt: skip
    progress_topic: str = option(
        "sink.progress_topic", default="pgstream-progress", doc="The compacted topic where sinks note what they sent."
    )
    create_topic: bool = option("sink.create_topic", default=False, doc="The topic is made where it is not there yet.")
    partitions: int = option(
        "sink.topic.partitions", default=-1, doc="Of a topic that is made; -1: as brokers have it."
    )
    replication: int = option(
        "sink.topic.replication_factor", default=-1, doc="Of a topic that is made; -1: as brokers have it."
    )
    auth_type: str | None = option("auth.type", default=None, choices=("none", "sasl"), doc="Arroyo's way to use SASL.")
    auth: Mapping[str, str] = option(prefix="auth.", doc="protocol, mechanism, username and password of SASL.")
    api_key: str | None = option("key", default=None, doc="Confluent Cloud's API key: SASL over TLS.")
    api_secret: str | None = option("secret", default=None, doc="The secret of Confluent Cloud's API key.")
    columns: Mapping[str, str] = option(
        prefix="metadata.", doc="What of a message a column shows: INCLUDE writes this."
    )
    settled: Mapping[str, str] = option(
        prefix="pgstream.", doc="Where the source starts and ends, found at its creation."
    )
    configs: Mapping[str, str] | None = option(
        "client_configs", default=None, read=read_settings, doc="More settings of librdkafka: 'key=value,…'."
    )
    properties: Mapping[str, str] = option(
        prefix="properties.", doc="Any setting of librdkafka, such as sasl.username."
    )

    @property
    def exactly_once(self) -> bool:
        return self.guarantee.startswith("exactly")

    @property
    def timeout_s(self) -> float:
        return self.timeout_us / 1e6

    def client(self, errors: Any) -> dict[str, Any]:
        """What every client of these brokers is configured with; `errors` is told what goes wrong."""
        named = {f"sasl.{name}": value for name, value in self.auth.items() if name != "protocol"}
        if "protocol" in self.auth:
            named["security.protocol"] = self.auth["protocol"]
        if self.api_key is not None:
            named |= {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.username": self.api_key}
            named["sasl.password"] = self.api_secret or ""
        given: Mapping[str, str] = {**named, **(self.configs or {}), **self.properties}
        return {**CLIENT_CONFIG, "bootstrap.servers": self.servers, "error_cb": errors, **given}


def check(options: KafkaOptions) -> None:
    """Raises InvalidParameterValue where options do not go together."""
    mode = STARTS[options.start]
    if mode == "timestamp" and options.start_ms is None:
        raise InvalidParameterValue('option "scan.startup.timestamp.millis" is required to start at a timestamp')
    if mode == "offsets" and options.start_offsets is None:
        raise InvalidParameterValue('option "scan.startup.specific-offsets" is required to start at offsets')
