"""A broker for the tests of a session, and its topics as the tests write and read them."""

import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pgstream.testing.kafka_broker import Broker, NoBrokerError

confluent_kafka = pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
Written = tuple[Any, Any] | tuple[Any, Any, dict[str, Any]]


class Topics:
    """Topics of one broker."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker

    def make(self, partitions: int = 1, name: str | None = None, **config: str) -> str:
        """A topic, of a name of its own where none is given; __ stands for a dot in settings."""
        from confluent_kafka.admin import AdminClient, NewTopic

        name = name or f"t{uuid.uuid4().hex[:10]}"
        settings = {key.replace("__", "."): value for key, value in config.items()}
        admin = AdminClient({"bootstrap.servers": self.broker.servers})
        for future in admin.create_topics([NewTopic(name, partitions, 1, config=settings)]).values():
            future.result(30)
        return name

    def grow(self, topic: str, partitions: int) -> None:
        """Gives a topic more partitions."""
        from confluent_kafka.admin import AdminClient, NewPartitions

        admin = AdminClient({"bootstrap.servers": self.broker.servers})
        for future in admin.create_partitions([NewPartitions(topic, partitions)]).values():
            future.result(30)

    def truncate(self, topic: str, partition: int, before: int) -> None:
        """Deletes the messages of a partition before an offset, as retention does."""
        from confluent_kafka import TopicPartition
        from confluent_kafka.admin import AdminClient

        admin = AdminClient({"bootstrap.servers": self.broker.servers})
        for future in admin.delete_records([TopicPartition(topic, partition, before)]).values():
            future.result(30)

    def write(self, topic: str, *messages: Written, **config: Any) -> None:
        """(key, value[, arguments of produce]) each; a value that is no bytes or None is written as JSON."""
        producer = confluent_kafka.Producer({"bootstrap.servers": self.broker.servers, **config})
        for key, value, *rest in messages:
            raw = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
            producer.produce(topic, raw, key, **(rest[0] if rest else {}))
            producer.poll(0)
        assert producer.flush(30) == 0

    def read(self, topic: str, partitions: int = 1, isolation: str = "read_committed") -> list[Any]:
        """All messages of a topic that readers see now."""
        config = {
            "bootstrap.servers": self.broker.servers, "group.id": "test", "enable.partition.eof": True,
            "isolation.level": isolation, "auto.offset.reset": "earliest",
        }  # fmt: skip
        consumer = confluent_kafka.Consumer(config)
        try:
            consumer.assign([confluent_kafka.TopicPartition(topic, p, 0) for p in range(partitions)])
            found, ended = [], 0
            while ended < partitions:
                message = consumer.poll(10)
                assert message is not None, "the broker does not answer"
                if message.error() is None:
                    found.append(message)
                else:
                    assert message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF, message.error()
                    ended += 1
            return found
        finally:
            consumer.close()

    def values(self, topic: str, partitions: int = 1) -> list[Any]:
        """The JSON values of a topic's messages."""
        return [json.loads(message.value()) for message in self.read(topic, partitions)]


def started_broker(directory: Path) -> Broker:
    """A broker that runs. Skips the test where there can be none."""
    try:
        broker = Broker(directory)
        broker.start()
    except NoBrokerError as error:
        pytest.skip(f"no Kafka broker: {error}")
    return broker


def options(topics: Topics, topic: str, *more: str) -> str:
    """WITH (…) for a topic."""
    given: Sequence[str] = ("connector = 'kafka'", f"topic = '{topic}'", *more)
    return f"WITH ({', '.join(given)}, properties.bootstrap.servers = '{topics.broker.servers}')"
