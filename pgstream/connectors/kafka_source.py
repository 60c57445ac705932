"""Kafka topics as sources.

An offset maps partitions to the offsets of their next messages. A reading holds messages of one partition: so the rows
between two offsets come in the same order however often they are read. Where the source starts (and ends, if it is
bounded) is found once, when it is created, and kept among its options; partitions that appear later are read from their
beginning. Which messages a topic still holds is the broker's business: one that is gone when it is read again is an
error.
"""

import json
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pgstream.connectors.connector import Opening
from pgstream.connectors.kafka_client import (
    LastError,
    Partition,
    as_sql_errors,
    consumer,
    ends_of,
    kafka,
    partitions_of,
    require_reachable,
)
from pgstream.connectors.kafka_options import STARTS, KafkaOptions, check
from pgstream.connectors.kafka_rows import Amended, MessageRows
from pgstream.connectors.places import Places
from pgstream.connectors.source import Lag, Limits, Offset, Reading, Rows, Streams
from pgstream.errors import InvalidTableDefinition, IoError
from pgstream.formats.format import Field
from pgstream.formats.sheet import null_column
from pgstream.world import World

POLL_S = 0.05
PARTITIONS_SOUGHT_S = 30.0
METADATA_S = 1.0
"""How long a reader waits for the answer whether there are new partitions."""

QUEUED_MAX = 1 << 17

Message = Any
Positions = dict[Partition, int]


class KafkaSource:
    """One topic. Nothing is connected before something is asked for."""

    def __init__(self, options: KafkaOptions, opening: Opening) -> None:
        assert opening.format is not None
        fields = opening.fields or opening.format.told(opening.format_options, options.topic)
        if not fields:
            raise InvalidTableDefinition("a column definition list is required for a source of Kafka")
        self.fields: tuple[Field, ...] = fields
        opening = replace(opening, fields=fields)
        self._options = options
        self._world: World = opening.world
        self._rows = MessageRows(opening, options.columns)
        self._passed_over: Places = opening.passed_over
        self._last = LastError()
        self._lock = threading.Lock()
        self._client: Any = None
        self._given: Positions | None = None
        self._bounds: Positions | None = None
        self._queues: dict[Partition, deque[Message]] = {}
        self._queued = 0
        self._ended: dict[Partition, int] = {}
        self._sought = float("-inf")

    # -- where it starts and ends

    def settled(self) -> dict[str, str]:
        """The options by which the source starts, and ends, where it would now, whenever it is opened."""
        found = {"pgstream.start": json.dumps(self._found_start())}
        if self._options.bounded != "unbounded":
            found["pgstream.end"] = json.dumps(self._ends())
        return found

    def start(self) -> Offset:
        settled = self._options.settled.get("start")
        return pack(unpack(settled.encode()) if settled else self._found_start())

    def end(self) -> Offset:
        """The offset after everything that there is now."""
        settled = self._options.settled.get("end")
        return settled.encode() if settled else pack(self._ends())

    def streams(self, offset: Offset) -> Streams:
        settled, ended = self._options.settled.get("start"), self._options.settled.get("end")
        positions = unpack(offset)
        if ended is not None:
            waiting = (p for p, end in unpack(ended.encode()).items() if positions.get(p, 0) < end)
            return Streams(frozenset(f"{self._options.topic}/{partition}" for partition in waiting), True)
        begun = unpack(settled.encode()) if settled else {}
        unread = (partition for partition, position in positions.items() if begun.get(partition) == position)
        return Streams(frozenset(f"{self._options.topic}/{partition}" for partition in unread), False)

    def _found_start(self) -> Positions:
        options, mode = self._options, STARTS[self._options.start]
        wanted: Mapping[Partition, int] = options.start_offsets or {}
        if options.start_ms is not None:
            return self._at_time(options.start_ms)
        if mode == "group":
            wanted = self._of_group()
        found: Positions = {}
        for partition in self._partitions():
            low, high = ends_of(self._connected(), options.topic, partition, options.timeout_s, self._last)
            found[partition] = high if mode == "latest" else max(low, wanted.get(partition, low))
        return found

    def _at_time(self, milliseconds: int) -> Positions:
        """The first messages of this time or later; the ends where there is none."""
        options = self._options
        asked = [kafka().TopicPartition(options.topic, p, milliseconds) for p in self._partitions()]
        with as_sql_errors(f'find a time in topic "{options.topic}"', self._last):
            found = self._connected().offsets_for_times(asked, timeout=options.timeout_s)
        ends = self._ends()
        return {each.partition: each.offset if each.offset >= 0 else ends[each.partition] for each in found}

    def _of_group(self) -> Positions:
        options = self._options
        asked = [kafka().TopicPartition(options.topic, partition) for partition in self._partitions()]
        with as_sql_errors(f'read the offsets of group "{options.group}"', self._last):
            found = self._connected().committed(asked, timeout=options.timeout_s)
        return {each.partition: each.offset for each in found if each.offset >= 0}

    def _ends(self) -> Positions:
        options = self._options
        return {
            partition: ends_of(self._connected(), options.topic, partition, options.timeout_s, self._last)[1]
            for partition in self._partitions()
        }

    def _partitions(self) -> Sequence[Partition]:
        require_reachable(self._options.servers, f'read topic "{self._options.topic}"')
        return partitions_of(self._connected(), self._options.topic, self._options.timeout_s, self._last)

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = consumer(self._options, self._last)
            return self._client

    # -- reading

    def plan(self, offset: Offset, limits: Limits, needed: frozenset[int], until: Offset | None = None) -> Reading:
        positions = unpack(offset)
        settled = self._options.settled.get("end")
        bounds = unpack(until) if until is not None else unpack(settled.encode()) if settled else None
        if positions != self._given or bounds != self._bounds or self._new_partitions(positions):
            self._assign(positions, bounds)
        patience = self._world.monotonic() + self._options.timeout_s
        while True:
            self._receive(limits)
            reading = self._next(positions, limits, needed)
            if reading is not None or bounds is None:
                return reading or Reading(offset, self._nothing)
            if all(positions.get(p, 0) >= end for p, end in bounds.items()):
                return Reading(offset, self._nothing, exhausted=True)
            if self._world.monotonic() > patience:
                raise IoError(f'could not read topic "{self._options.topic}": no answer in time{self._last}')

    def _new_partitions(self, positions: Positions) -> bool:
        """Whether the topic has got partitions that are not read yet; `positions` then has them."""
        now = self._world.monotonic()
        if self._bounds is not None or now < self._sought + PARTITIONS_SOUGHT_S:
            return False
        self._sought = now
        try:
            there = partitions_of(self._connected(), self._options.topic, METADATA_S, self._last)
        except IoError:  # a broker that is away is waited for, and is asked again
            return False
        fresh = [partition for partition in there if partition not in positions]
        positions.update(dict.fromkeys(fresh, 0))
        return bool(fresh)

    def _assign(self, positions: Positions, bounds: Positions | None) -> None:
        """Starts reading at `positions`, all that is before `bounds`."""
        topic, package = self._options.topic, kafka()
        if bounds is not None:
            positions.update({partition: 0 for partition in bounds if partition not in positions})
        read = {p: at for p, at in positions.items() if bounds is None or at < bounds.get(p, 0)}
        with as_sql_errors(f'read topic "{topic}"', self._last):
            self._connected().assign([package.TopicPartition(topic, p, at) for p, at in read.items()])
        self._queues = {partition: deque() for partition in read}
        self._queued, self._ended = 0, {}
        self._given, self._bounds = dict(positions), bounds

    def _receive(self, limits: Limits) -> None:
        """Queues the messages that have come; waits a moment where none has and none is queued."""
        if not self._queues or self._queued >= QUEUED_MAX:
            return
        client = self._connected()
        with as_sql_errors(f'read topic "{self._options.topic}"', self._last):
            first = client.poll(0 if self._queued else POLL_S)
            rest = client.consume(min(limits.rows, QUEUED_MAX), 0) if first is not None else []
        self._last.require_let_in(f'read topic "{self._options.topic}"')
        for message in (first, *rest) if first is not None else ():
            if message.error() is not None:
                self._told(message)
                continue
            queue = self._queues.get(message.partition())
            if queue is not None:
                queue.append(message)
                self._queued += 1

    def _told(self, message: Message) -> None:
        """What librdkafka says in a message's place: that a partition has no more, or an error."""
        error, codes, topic = message.error(), kafka().KafkaError, self._options.topic
        if error.code() == codes._PARTITION_EOF:
            self._ended[message.partition()] = message.offset()
        elif error.code() in (codes._AUTO_OFFSET_RESET, codes.OFFSET_OUT_OF_RANGE):
            partition, self._given = message.partition(), None
            low, high = ends_of(self._connected(), topic, partition, self._options.timeout_s, self._last)
            raise IoError(
                f'topic "{topic}" no longer holds what is to be read of its partition {partition}',
                detail=f"It holds the offsets from {low} to before {high}.",
                hint="Its retention has deleted messages, or it was made anew. A new source starts with what is there.",
            )
        elif not error.retriable() and error.code() not in (codes._ALL_BROKERS_DOWN, codes._TRANSPORT):
            self._given = None
            raise IoError(f'could not read topic "{topic}": {error.str()}')

    def _next(self, positions: Positions, limits: Limits, needed: frozenset[int]) -> Reading | None:
        """The messages of the partition whose turn it is, as a reading; None where none has any."""
        for partition in list(self._queues):
            queue = self._queues.pop(partition)
            self._queues[partition] = queue  # behind the others
            bound = None if self._bounds is None else self._bounds.get(partition, 0)
            taken = self._taken(queue, limits, bound)
            after = taken[-1].offset() + 1 if taken else positions[partition]
            beyond = bool(queue) if bound is not None and not self._within(queue, bound) else False
            if bound is not None and (beyond or (not queue and self._ended.get(partition, -1) >= bound)):
                after = bound
            if after == positions[partition]:
                continue
            if bound is not None and after >= bound:
                self._queued -= len(queue)
                del self._queues[partition]
            self._given = {**positions, partition: after}
            return Reading(pack(self._given), lambda: self._made(taken, needed, partition))  # noqa: B023
        return None

    @staticmethod
    def _within(queue: "deque[Message]", bound: int | None) -> bool:
        """Whether the queue's first message is before `bound`."""
        return bool(queue) and (bound is None or queue[0].offset() < bound)

    def _taken(self, queue: "deque[Message]", limits: Limits, bound: int | None) -> list[Message]:
        taken: list[Message] = []
        size = 0
        while self._within(queue, bound) and len(taken) < limits.rows and (size < limits.bytes or not taken):
            message = queue.popleft()
            size += len(message)
            taken.append(message)
        self._queued -= len(taken)
        return taken

    def _made(self, messages: Sequence[Message], needed: frozenset[int], partition: Partition) -> Rows:
        stream = f"{self._options.topic}/{partition}"
        if messages:
            passed = self._passed_over.next(stream, messages[0].offset())
            if passed is not None and passed <= messages[-1].offset():
                messages = [m for m in messages if self._passed_over.next(stream, m.offset()) != m.offset()]
        return self._rows.rows(messages, needed, stream) if messages else self._nothing()

    def lags(self, offset: Offset) -> list[Lag]:
        return [Lag(str(partition), at, self._known_end(partition, at)) for partition, at in unpack(offset).items()]

    def _known_end(self, partition: Partition, at: int) -> int | None:
        """Where a partition ends, as far as is known without asking."""
        client = self._client
        if client is None:
            return None
        where = kafka().TopicPartition(self._options.topic, partition)
        try:
            _, high = client.get_watermark_offsets(where, cached=True)
        except (RuntimeError, kafka().KafkaException):  # closed meanwhile
            return None
        return None if high < 0 else max(high, at)

    # -- one by one

    def at(self, place: str) -> tuple[Offset, Offset | None]:
        stream, _, offset = place.rpartition(":")
        partition = int(stream.rpartition("/")[2])
        return pack({partition: int(offset)}), pack({partition: int(offset) + 1})

    def amended(self, place: str, raw: bytes, needed: frozenset[int]) -> Rows:
        before, until = self.at(place)
        patience = self._world.monotonic() + self._options.timeout_s
        (partition, offset), *_ = unpack(before).items()
        self._assign(unpack(before), None if until is None else unpack(until))
        while not self._queues[partition]:
            self._receive(Limits(rows=1))
            if self._world.monotonic() > patience:
                raise IoError(f'could not read topic "{self._options.topic}": no answer in time{self._last}')
        message = self._queues[partition].popleft()
        self._given = None
        if message.offset() != offset:
            raise IoError(f'topic "{self._options.topic}" no longer holds the message at {place}')
        return self._rows.rows([Amended(message, raw)], needed, f"{self._options.topic}/{partition}")

    def _nothing(self) -> Rows:
        return Rows(tuple(null_column(field.type.storage, 0) for field in self.fields), 0)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def pack(positions: Positions) -> Offset:
    """The offset of these positions."""
    return json.dumps(positions, separators=(",", ":")).encode()


def unpack(offset: Offset) -> Positions:
    """The positions of an offset."""
    return {int(partition): int(at) for partition, at in json.loads(offset).items()}


def open_source(options: KafkaOptions, opening: Opening) -> KafkaSource:
    """The topic of a CREATE SOURCE statement."""
    check(options)
    return KafkaSource(options, opening)
