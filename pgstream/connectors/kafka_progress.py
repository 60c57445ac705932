"""Notes of what sinks have sent: a compacted topic with one message a commit, keyed by the sink's transactional id."""

import json
import time
from typing import Any

from pgstream.connectors.kafka_client import LastError, as_sql_errors, consumer, ends_of, kafka
from pgstream.connectors.kafka_options import KafkaOptions
from pgstream.errors import IoError

PARTITION = 0
FIRST_LOOK = 1000
"""How many messages before the end are looked at first; four times as many each time that the note is not there."""


def require_progress_topic(options: KafkaOptions, last: LastError) -> None:
    """Makes the topic of the notes where it is not there yet."""
    compacted = {"cleanup.policy": "compact"}
    require_topic(options, options.progress_topic, last, partitions=1, replication=-1, config=compacted)


def require_topic(
    options: KafkaOptions, topic: str, last: LastError, *, partitions: int, replication: int, config: dict[str, str]
) -> None:
    """Makes a topic where it is not there yet."""
    from confluent_kafka.admin import AdminClient, NewTopic

    package = kafka()
    with as_sql_errors(f'make topic "{topic}"', last):
        admin = AdminClient(options.client(last))
        if topic in admin.list_topics(timeout=options.timeout_s).topics:
            return
        wanted = NewTopic(topic, num_partitions=partitions, replication_factor=replication, config=config)
        try:
            admin.create_topics([wanted], operation_timeout=options.timeout_s)[topic].result(options.timeout_s)
        except package.KafkaException as error:
            if error.args[0].code() != package.KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def last_sent(options: KafkaOptions, id: str, last: LastError) -> int:
    """The number of the last commit that the sink of this transactional id has sent; 0 where it has sent none.

    Everything that was in the topic when this was called is waited for: other sinks' transactions, while they are
    open, keep readers from what stands behind them.
    """
    counting = consumer(options, last, "read_uncommitted")
    reading = consumer(options, last, "read_committed")
    try:
        low, high = ends_of(counting, options.progress_topic, PARTITION, options.timeout_s, last)
        look = FIRST_LOOK
        while high > low:
            start = max(low, high - look)
            found = _in_messages(reading, options, id, (start, high), last)
            if found is not None or start == low:
                return found or 0
            look *= 4
        return 0
    finally:
        counting.close()
        reading.close()


def _in_messages(reading: Any, options: KafkaOptions, id: str, span: tuple[int, int], last: LastError) -> int | None:
    """The last number that is noted for `id` between two offsets."""
    package, topic = kafka(), options.progress_topic
    start, end = span
    found = None
    deadline = time.monotonic() + options.timeout_s
    with as_sql_errors(f'read topic "{topic}"', last):
        reading.assign([package.TopicPartition(topic, PARTITION, start)])
        while True:
            message = reading.poll(0.1)
            if message is not None and message.error() is None and message.offset() < end:
                if message.key() == id.encode():
                    found = int(json.loads(message.value())["number"])
                continue
            ended = message is not None and message.error() is None
            if message is not None and not ended:
                ended = message.error().code() == package.KafkaError._PARTITION_EOF
                if not ended and not message.error().retriable():
                    raise package.KafkaException(message.error())
            if ended and message.offset() >= end:
                return found
            if time.monotonic() > deadline:
                raise IoError(f'could not read topic "{topic}" to its end in time{last}')
