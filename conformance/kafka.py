"""Kafka → a join of two topics → Kafka, exactly once, through `kill -9` of the server and restarts of the broker.

    python conformance/kafka.py --messages 1000000 --kills 20 --broker-restarts 2 --seed 1

Orders and payments are written to two topics while a view joins them into a third. The server is killed at random
moments and started again; the broker is killed and stopped in turn. At the end the output topic, read committed, must
be exactly the multiset that the two input topics, read committed, join to.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from random import Random

import psycopg
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from pgstream.testing.kafka_broker import Broker
from pgstream.testing.server import Server

PARTITIONS = 4
SETTLE_S = 300.0

SQL = """
CREATE SOURCE orders (id bigint, amount int) WITH (connector = 'kafka', topic = 'orders', {servers})
FORMAT PLAIN ENCODE JSON;
CREATE SOURCE payments (order_id bigint, paid int) WITH (connector = 'kafka', topic = 'payments', {servers})
FORMAT PLAIN ENCODE JSON;
CREATE MATERIALIZED VIEW totals AS
SELECT count(*) AS n, sum(p.paid) AS paid FROM orders o JOIN payments p ON p.order_id = o.id;
CREATE SINK matched AS SELECT o.id, o.amount, p.paid FROM orders o JOIN payments p ON p.order_id = o.id
WITH (connector = 'kafka', topic = 'matched', sink.key_field = 'id', timeout = '3 s', {servers})
FORMAT PLAIN ENCODE JSON;
"""

Row = tuple[int, int]


class Writing(threading.Thread):
    """Writes `count` messages to both topics together, in about `seconds`."""

    def __init__(self, servers: str, count: int, seconds: float, seed: int) -> None:
        super().__init__(daemon=True)
        self._count, self._seconds, self._random = count, seconds, Random(seed)
        config = {"bootstrap.servers": servers, "enable.idempotence": True, "linger.ms": 20, "log_level": 0}
        self._producer = Producer({**config, "message.timeout.ms": 300_000})
        self.written = 0

    def run(self) -> None:
        started, orders = time.monotonic(), self._count // 2
        for number in range(self._count):
            order = self._random.randrange(orders)
            if number % 2:
                topic, row = "payments", {"order_id": order, "paid": self._random.randrange(1000)}
            else:
                topic, row = "orders", {"id": order, "amount": self._random.randrange(1000)}
            self._produce(topic, b"%d" % order, json.dumps(row).encode())
            self.written += 1
            if number % 1000 == 0:
                time.sleep(max(0.0, started + number / self._count * self._seconds - time.monotonic()))
        assert self._producer.flush(SETTLE_S) == 0

    def _produce(self, topic: str, key: bytes, value: bytes) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key)
                self._producer.poll(0)
                return
            except BufferError:
                self._producer.poll(0.1)


def read(servers: str, topic: str) -> list[dict[str, int]]:
    """The values of all committed messages of a topic."""
    config = {
        "bootstrap.servers": servers, "group.id": "judge", "isolation.level": "read_committed",
        "enable.partition.eof": True, "log_level": 0,
    }  # fmt: skip
    consumer = Consumer(config)
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    values, ended = [], 0
    while ended < PARTITIONS:
        for message in consumer.consume(10_000, 1.0):
            if message.error() is None:
                values.append(json.loads(message.value()))
            else:
                assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                ended += 1
    consumer.close()
    return values


def expected(servers: str) -> Counter[tuple[int, int, int]]:
    """What the two input topics join to."""
    paid: dict[int, list[int]] = {}
    for row in read(servers, "payments"):
        paid.setdefault(row["order_id"], []).append(row["paid"])
    orders = read(servers, "orders")
    return Counter((row["id"], row["amount"], each) for row in orders for each in paid.get(row["id"], ()))


def interrupt(server: Server, broker: Broker, writing: Writing, arguments: argparse.Namespace) -> None:
    """Kills the server again and again while messages come, and now and then the broker."""
    random = Random(arguments.seed)
    every = arguments.kills // (arguments.broker_restarts + 1)
    for kill in range(1, arguments.kills + 1):
        time.sleep(random.uniform(0.2, 2.0 * arguments.seconds / arguments.kills))
        if kill % every == 0 and kill // every <= arguments.broker_restarts:
            (broker.kill if kill // every % 2 else broker.stop)()
            time.sleep(random.uniform(0.0, 3.0))
            server.kill()
            broker.start()
            print(f"broker restarted after {writing.written} messages", flush=True)
        else:
            server.kill()
        started = time.monotonic()
        server.start()
        print(f"kill {kill}: {writing.written} messages, restart {time.monotonic() - started:.2f} s", flush=True)


def check(servers: str, server: Server) -> tuple[int, float]:
    """Waits until the output is complete, and compares. Returns how many rows there are, and how long it took."""
    wanted = expected(servers)
    total = sum(wanted.values())
    started = time.monotonic()
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        while time.monotonic() < started + SETTLE_S:
            there = connection.execute("SELECT n FROM totals").fetchone()
            if there is not None and there[0] >= total:
                break
            time.sleep(0.2)
    found: Counter[tuple[int, int, int]] = Counter()
    while time.monotonic() < started + SETTLE_S and sum(found.values()) < total:
        time.sleep(0.5)
        found = Counter((row["id"], row["amount"], row["paid"]) for row in read(servers, "matched"))
    took = time.monotonic() - started
    time.sleep(3)
    found = Counter((row["id"], row["amount"], row["paid"]) for row in read(servers, "matched"))
    lost, doubled = wanted - found, found - wanted
    assert not lost, f"{sum(lost.values())} rows lost, such as {next(iter(lost))}"
    assert not doubled, f"{sum(doubled.values())} rows too many, such as {next(iter(doubled))}"
    return total, took


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--broker-restarts", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=60.0, help="about how long messages are written")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder) / "broker")
        broker.start()
        try:
            topics = [NewTopic(name, PARTITIONS, 1) for name in ("orders", "payments", "matched")]
            admin = AdminClient({"bootstrap.servers": broker.servers, "log_level": 0})
            for future in admin.create_topics(topics).values():
                future.result(30)
            with Server(folder) as server:
                with psycopg.connect(server.conninfo, autocommit=True) as connection:
                    connection.execute(SQL.format(servers=f"properties.bootstrap.servers = '{broker.servers}'"))
                writing = Writing(broker.servers, arguments.messages, arguments.seconds, arguments.seed)
                writing.start()
                interrupt(server, broker, writing, arguments)
                writing.join()
                rows, took = check(broker.servers, server)
        finally:
            broker.stop()
    print(
        f"{arguments.messages} messages, {arguments.kills} kills, {arguments.broker_restarts} broker restarts: the"
        f" {rows} rows of the join are there exactly once, {took:.1f} s after the last message"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
