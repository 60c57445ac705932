"""Kafka topics as sinks, exactly once.

A transaction of Kafka cannot wait for ours: who opens it again after a crash finds it aborted. So the commit keeps the
messages itself: the cursor holds those of the last commit and that commit's number. To publish is one transaction of
Kafka, with the messages and, in a compacted topic beside them, a note of the number. Who opens a sink after a crash
reads the note, and sends what the cursor holds if it was not sent. See `docs/decisions/0011-kafka-sinks.md`.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from pgstream.connectors.connector import Opening
from pgstream.connectors.kafka_client import LastError, as_sql_errors, kafka, made, partitions_of, require_reachable
from pgstream.connectors.kafka_options import KafkaOptions
from pgstream.connectors.kafka_progress import PARTITION, last_sent, require_progress_topic, require_topic
from pgstream.connectors.outgoing import Outgoing, Record
from pgstream.connectors.sink import Changes, Cursor
from pgstream.errors import IoError

SCHEMA = pa.schema([("key", pa.large_binary()), ("value", pa.large_binary()), ("time_ms", pa.int64())])
QUEUED_MAX = 200_000
ANY = -1
"""Not a partition: the key chooses one."""

PRODUCER = {
    "linger.ms": 5,
    "partitioner": "murmur2_random",
    "queue.buffering.max.messages": QUEUED_MAX,
    "allow.auto.create.topics": False,
}


class KafkaSink:
    """One topic."""

    def __init__(self, options: KafkaOptions, opening: Opening, cursor: Cursor | None) -> None:
        self._options = options
        self._world = opening.world
        assert opening.format is not None
        named = opening.format.for_topic(opening.format_options, options.topic)
        self._outgoing = Outgoing(
            replace(opening, format_options=named),
            options.key,
            text_key=options.key_field,
            timestamp=options.timestamp_field,
        )
        self.append_only = self._outgoing.append_only
        self._last = LastError()
        self._number = 0
        self._id = options.transactional_id or f"pgstream-{opening.world.random_bytes(8).hex()}"
        self._sent = 0
        self._producer: Any = None
        if cursor is None:
            self._connected()
        else:
            self.publish(cursor)

    def prepare(self, changes: Changes) -> Cursor:
        records = self._outgoing.records(changes)
        head = {"id": self._id, "number": self._number + bool(records)}
        return json.dumps(head).encode() + b"\n" + (packed(records) if records else b"")

    def publish(self, cursor: Cursor) -> None:
        head, _, content = cursor.partition(b"\n")
        state = json.loads(head)
        self._id, self._number = state["id"], state["number"]
        producer = self._connected()
        if self._number <= self._sent:
            return
        try:
            with as_sql_errors(f'write to topic "{self._options.topic}"', self._last):
                self._send(producer, unpacked(content))
        except BaseException:
            self.close()  # the next one that is opened aborts what this one has begun
            raise
        self._sent = self._number

    def _send(self, producer: Any, records: Sequence[Record]) -> None:
        topic, timeout_s = self._options.topic, self._options.timeout_s
        if self._options.exactly_once:
            producer.begin_transaction()
        for key, value, time_ms in records:
            self._produce(producer, topic, key, value, max(0, time_ms))
        if self._options.exactly_once:
            note = json.dumps({"number": self._number}).encode()
            self._produce(producer, self._options.progress_topic, self._id.encode(), note, 0, PARTITION)
        self._flush(producer, 0)
        if self._undelivered:
            raise IoError(f'could not write to topic "{topic}": {self._undelivered.pop()}')
        if self._options.exactly_once:
            producer.commit_transaction(timeout_s)

    def _produce(
        self, producer: Any, topic: str, key: bytes | None, value: bytes | None, time_ms: int, partition: int = ANY
    ) -> None:
        while True:
            try:
                producer.produce(topic, value, key, partition, timestamp=time_ms)
                return
            except BufferError:
                self._flush(producer, QUEUED_MAX // 2)

    def _flush(self, producer: Any, left: int) -> None:
        """Waits until at most `left` messages wait for the broker. Raises IoError once it has taken none for long."""
        world, waiting = self._world, len(producer)
        patience = world.monotonic() + self._options.timeout_s
        while waiting > left:
            producer.flush(0.1)
            self._last.require_let_in(f'write to topic "{self._options.topic}"')
            if len(producer) < waiting:
                patience = world.monotonic() + self._options.timeout_s
            else:
                require_reachable(self._options.servers, f'write to topic "{self._options.topic}"')
            if world.monotonic() > patience:
                raise IoError(f'could not write to topic "{self._options.topic}": no answer in time{self._last}')
            waiting = len(producer)

    def _delivered(self, error: Any, message: Any) -> None:
        if error is not None:
            self._undelivered.append(error.str())

    def _connected(self) -> Any:
        """The producer; what it finds begun by the last one is aborted, and what that one has sent is known then."""
        if self._producer is not None:
            return self._producer
        options = self._options
        require_reachable(options.servers, f'write to topic "{options.topic}"')
        self._undelivered: list[str] = []
        if options.create_topic:
            made_as = {"partitions": options.partitions, "replication": options.replication}
            require_topic(options, options.topic, self._last, **made_as, config={})
        config = {**PRODUCER, "on_delivery": self._delivered, **options.client(self._last)}
        if not options.exactly_once:
            producer = made("Producer", config)
            partitions_of(producer, options.topic, options.timeout_s, self._last)
        else:
            producer = made("Producer", {**config, "transactional.id": self._id})
            partitions_of(producer, options.topic, options.timeout_s, self._last)
            require_progress_topic(options, self._last)
            with as_sql_errors(f'begin transactions on topic "{options.topic}"', self._last):
                producer.init_transactions(options.timeout_s)
            self._sent = self._found_sent() if self._number else 0
        self._producer = producer
        return producer

    def _found_sent(self) -> int:
        sent = last_sent(self._options, self._id, self._last)
        if sent > self._number:
            raise IoError(
                f'topic "{self._options.topic}" has been sent commits that this database does not know',
                detail=f"Commit {sent} has been sent; the last that is known is {self._number}.",
                hint="The database was restored from an older copy. Create the sink anew.",
            )
        return sent

    def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge(in_queue=True, in_flight=True, blocking=False)


def packed(records: Sequence[Record]) -> bytes:
    """Records as bytes."""
    keys, values, times = zip(*records, strict=True)
    columns = [pa.array(keys, SCHEMA[0].type), pa.array(values, SCHEMA[1].type), pa.array(times, SCHEMA[2].type)]
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, SCHEMA, options=pa.ipc.IpcWriteOptions(compression="zstd")) as stream:
        stream.write_batch(pa.RecordBatch.from_arrays(columns, schema=SCHEMA))
    content: bytes = out.getvalue().to_pybytes()
    return content


def unpacked(content: bytes) -> list[Record]:
    """The records that were packed."""
    columns = pa.ipc.open_stream(content).read_all().columns
    return list(map(Record, *(column.to_pylist() for column in columns)))


def open_sink(options: KafkaOptions, opening: Opening, cursor: Cursor | None) -> KafkaSink:
    """The topic of a CREATE SINK statement."""
    kafka()
    return KafkaSink(options, opening, cursor)
