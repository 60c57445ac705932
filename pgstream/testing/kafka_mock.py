"""librdkafka's mock of a Kafka cluster: speaks the protocol, needs no Java, and holds nothing longer than this process.

It takes transactions without hiding what is aborted, makes topics of four partitions whenever one is asked for, and
knows no other request of administrators. What needs more needs the real broker (`kafka_broker.py`).
"""

import json
from typing import Any

PARTITIONS = 4
PATIENCE_S = 30.0


class MockBroker:
    """A cluster of one broker, and its topics as tests write and read them."""

    def __init__(self) -> None:
        from confluent_kafka import Producer

        config = {"test.mock.num.brokers": 1, "bootstrap.servers": "none", "log_level": 0}
        self._cluster = Producer(config)
        brokers = self._cluster.list_topics(timeout=PATIENCE_S).brokers.values()
        self.servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)

    def make(self, topic: str) -> str:
        """Has the topic be there."""
        found = self._cluster.list_topics(topic, timeout=PATIENCE_S).topics[topic]
        assert len(found.partitions) == PARTITIONS, found.error
        return topic

    def write(self, topic: str, *messages: tuple[bytes | None, Any], partition: int = 0) -> None:
        """(key, value) each; a value that is no bytes or None is written as JSON."""
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": self.servers, "log_level": 0})
        for key, value in messages:
            raw = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
            producer.produce(topic, raw, key, partition)
            producer.poll(0)
        assert producer.flush(PATIENCE_S) == 0

    def read(self, topic: str) -> list[tuple[bytes | None, bytes | None]]:
        """Key and value of all messages of a topic, partition after partition."""
        from confluent_kafka import Consumer, TopicPartition

        config = {"bootstrap.servers": self.servers, "group.id": "test", "enable.partition.eof": True, "log_level": 0}
        consumer = Consumer(config)
        try:
            consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
            found, ended = [], 0
            while ended < PARTITIONS:
                message = consumer.poll(PATIENCE_S)
                assert message is not None, "the cluster does not answer"
                if message.error() is None:
                    found.append((message.partition(), message.offset(), message.key(), message.value()))
                else:
                    ended += 1
            return [(key, value) for _, _, key, value in sorted(found, key=lambda each: each[:2])]
        finally:
            consumer.close()
