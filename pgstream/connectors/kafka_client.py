"""What of confluent-kafka the Kafka connector uses, imported where it is used, and its errors as ours."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from pgstream.connectors.kafka_options import KafkaOptions
from pgstream.errors import FeatureNotSupported, InvalidParameterValue, IoError

Partition = int

DEFAULT_PORT = 9092
ASKED_S = 1.0
"""How long one try of a question may take."""

PROBE_S = 0.5
"""How long a broker is given to take a connection when it is only asked whether it is there."""


def kafka() -> Any:
    """The package confluent_kafka. Raises FeatureNotSupported where it is not installed."""
    try:
        import confluent_kafka
    except ImportError:
        raise FeatureNotSupported(
            "Kafka needs the package confluent-kafka", hint="Install it with: pip install 'pgstream[kafka]'"
        ) from None
    return confluent_kafka


class LastError:
    """The last thing that librdkafka said went wrong with the brokers; `refused` once they did not let us in, which
    waiting does not mend."""

    def __init__(self) -> None:
        self.text = ""
        self.refused = False

    def __call__(self, error: Any) -> None:
        codes = kafka().KafkaError
        refuses = error.code() in (codes._AUTHENTICATION, codes._SSL)
        if refuses or not self.refused:
            self.text = str(error.str())
        self.refused = self.refused or refuses

    def __str__(self) -> str:
        return f": {self.text}" if self.text else ""

    def require_let_in(self, doing: str) -> None:
        """Raises IoError where the brokers have refused us."""
        if self.refused:
            raise IoError(f"could not {doing}{self}")


@contextmanager
def as_sql_errors(doing: str, last: LastError | None = None) -> Iterator[None]:
    """Turns what confluent-kafka raises into an IoError that says what could not be done."""
    package = kafka()
    try:
        yield
    except package.KafkaException as error:
        told = error.args[0]
        reason = told.str() if hasattr(told, "str") else str(told)
        raise IoError(f"could not {doing}: {reason}{last or ''}") from None
    except BufferError as error:
        raise IoError(f"could not {doing}: {error}") from None


def require_reachable(servers: str, doing: str) -> None:
    """Raises IoError where none of the brokers listens: librdkafka would wait for one in silence, and whoever asks
    may be holding up others."""
    reason = "no broker is named"
    for server in servers.split(","):
        address = server.strip().rpartition("://")[2]
        host, _, port = address.rpartition(":")
        where = (host.strip("[]"), int(port)) if host and port.isdigit() else (address, DEFAULT_PORT)
        try:
            socket.create_connection(where, PROBE_S).close()
            return
        except OSError as error:
            reason = f"{address}: {error.strerror or error}"
    raise IoError(f"could not {doing}: {reason}")


def require_brokers(options: KafkaOptions, last: LastError) -> None:
    """Raises IoError where no broker lets us in."""
    from confluent_kafka.admin import AdminClient

    require_reachable(options.servers, "connect to Kafka")
    client = AdminClient(options.client(last))
    answered(client, client.list_topics, options.timeout_s, "connect to Kafka", last)


def answered(client: Any, ask: Callable[..., Any], timeout_s: float, doing: str, last: LastError) -> Any:
    """What the brokers answer to `ask(timeout=…)`, which is asked again until it is late. Raises IoError, and at once
    where they do not let us in."""
    deadline = time.monotonic() + timeout_s
    while True:
        left = deadline - time.monotonic()
        try:
            return ask(timeout=max(0.1, min(ASKED_S, left)))
        except kafka().KafkaException as error:
            client.poll(0)  # tells `last`
            last.require_let_in(doing)
            if left > ASKED_S and error.args[0].code() in (
                kafka().KafkaError._TRANSPORT,
                kafka().KafkaError._TIMED_OUT,
            ):
                continue
            with as_sql_errors(doing, last):
                raise


def made(kind: str, config: dict[str, Any]) -> Any:
    """A Consumer or Producer. Raises InvalidParameterValue for a property that librdkafka does not take."""
    package = kafka()
    try:
        return getattr(package, kind)(config)
    except package.KafkaException as error:
        raise InvalidParameterValue(f"Kafka client: {error.args[0].str()}") from None
    except (TypeError, ValueError) as error:
        raise InvalidParameterValue(f"Kafka client: {error}") from None


def consumer(options: KafkaOptions, last: LastError, isolation: str | None = None) -> Any:
    """A consumer that is told where to read, keeps no offsets with the broker, and says where a partition ends."""
    config = {
        "group.id": options.group_prefix + options.group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "isolation.level": isolation or options.isolation,
        "allow.auto.create.topics": False,
        "fetch.wait.max.ms": 100,
        "fetch.error.backoff.ms": 100,
        "fetch.message.max.bytes": 4 << 20,
        "queued.min.messages": 500_000,
        "queued.max.messages.kbytes": 128 << 10,
    }
    return made("Consumer", {**config, **options.client(last)})


def partitions_of(client: Any, topic: str, timeout_s: float, last: LastError) -> list[Partition]:
    """The partitions of a topic. Raises IoError where there is no such topic or no broker."""
    doing = f'read the metadata of topic "{topic}"'
    found = answered(client, partial(client.list_topics, topic), timeout_s, doing, last).topics[topic]
    with as_sql_errors(doing, last):
        if found.error is not None:
            raise kafka().KafkaException(found.error)
        return sorted(found.partitions)


def ends_of(client: Any, topic: str, partition: Partition, timeout_s: float, last: LastError) -> tuple[int, int]:
    """The offset of the first message of a partition, and the offset after the last."""
    with as_sql_errors(f'find the ends of partition {partition} of topic "{topic}"', last):
        where = kafka().TopicPartition(topic, partition)
        low, high = client.get_watermark_offsets(where, timeout=timeout_s)
        return int(low), int(high)
