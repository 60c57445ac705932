"""Subscribers through `kill -9`, and a thousand of them.

    python -m conformance.subscribers --kills 20 --seed 1
    python -m conformance.subscribers --many 1000

Crashes: writers change tables while two subscribers follow a view, one by SUBSCRIBE … AS OF its last progress, one by a
subscription cursor SINCE its last time. The server is killed at a random moment and started again, the subscribers go
on where they were, and what they received must come to exactly what the view holds: no gap and no duplicate.

Many: clients that do nothing but read follow one view while rows are inserted one by one. Told: the time from just
before an INSERT is sent until each subscriber has its row, how long the INSERT itself took, and the memory that a
subscriber costs the server.
"""

import argparse
import asyncio
import resource
import struct
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any, Protocol

import numpy as np
import psycopg

from pgstream.testing.server import Server

SCHEMA = """
CREATE TABLE ledger (id bigint PRIMARY KEY, account int, amount int);
CREATE MATERIALIZED VIEW balances AS
    SELECT account, count(*) AS entries, sum(amount) AS balance FROM ledger GROUP BY account;
CREATE SUBSCRIPTION changes FROM balances WITH (retention = '1 hour');
"""

Connection = psycopg.Connection[Any]


class Subscriber(Protocol):
    """Somebody who follows the view, and goes on after a crash."""

    state: Counter[Any]

    def follow(self, connection: Connection) -> Iterator[None]:
        """Applies what comes, one complete tick after the other. Raises psycopg.Error when the server is gone."""


class Copying:
    """COPY (SUBSCRIBE … AS OF …): a tick is complete once the progress row behind it is there."""

    def __init__(self) -> None:
        self.state: Counter[Any] = Counter()
        self.complete = 0
        """All changes before this time are in the state."""

    def follow(self, connection: Connection) -> Iterator[None]:
        since = f", SNAPSHOT = false) AS OF {self.complete - 1}" if self.complete else ")"
        pending: list[tuple[Any, int]] = []
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY (SUBSCRIBE balances WITH (PROGRESS{since}) TO STDOUT") as copy,
        ):
            for time_ms, progressed, diff, *row in copy.rows():
                if progressed == "f":
                    assert int(time_ms) >= self.complete, f"{time_ms} was complete at {self.complete}"
                    pending.append((tuple(row), int(diff)))
                    continue
                for changed, weight in pending:
                    self.state[changed] += weight
                pending.clear()
                self.complete = max(self.complete, int(time_ms))  # the first tells only where it begins
                yield


class Fetching:
    """A subscription cursor: a tick is complete once a later one is there, and is read again until then."""

    def __init__(self) -> None:
        self.state: Counter[Any] = Counter()
        self.settled = Counter(self.state)
        self.last = 0

    def follow(self, connection: Connection) -> Iterator[None]:
        since = f"SINCE {self.last}" if self.last else "SINCE begin()"
        connection.execute(f"DECLARE c SUBSCRIPTION CURSOR FOR changes {since}")
        self.state = Counter(self.settled)
        while True:
            rows = connection.execute("FETCH 1000 FROM c WITH (timeout = '0.05s')").fetchall()
            for *row, op, time_ms in rows:
                assert time_ms >= self.last, f"{time_ms} after {self.last}"
                if time_ms > self.last:
                    self.settled, self.last = Counter(self.state), time_ms
                self.state[tuple(map(str, row))] += 1 if op.endswith("Insert") else -1
            yield


class Following(threading.Thread):
    """A subscriber on a connection of its own, until the server is gone."""

    def __init__(self, server: Server, subscriber: Subscriber) -> None:
        super().__init__(daemon=True)
        self._conninfo, self._subscriber = server.conninfo, subscriber
        self.failure: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            with psycopg.connect(self._conninfo, autocommit=True) as connection:
                for _ in self._subscriber.follow(connection):
                    pass
        except psycopg.OperationalError:
            return
        except BaseException as error:
            self.failure = error


class Writing(threading.Thread):
    """Inserts, updates and deletes, alone and in transactions, until the server is gone or it is told to stop."""

    def __init__(self, server: Server, first: int, random: Random) -> None:
        super().__init__(daemon=True)
        self._conninfo, self._next, self._random = server.conninfo, first, random
        self.stopping = False
        self.start()

    def run(self) -> None:
        try:
            with psycopg.connect(self._conninfo, autocommit=True) as connection:
                while not self.stopping:
                    self._change(connection)
        except psycopg.OperationalError:
            return

    def _change(self, connection: Connection) -> None:
        random = self._random
        with connection.transaction() if random.random() < 0.3 else connection.cursor():
            for _ in range(random.randrange(1, 4)):
                self._next += 1
                row = (self._next, random.randrange(50), random.randrange(1000))
                connection.execute("INSERT INTO ledger VALUES (%s, %s, %s)", row)
            older = self._next - random.randrange(50)
            if random.random() < 0.5:
                connection.execute("UPDATE ledger SET amount = amount + 1 WHERE id = %s", [older])
            elif random.random() < 0.5:
                connection.execute("DELETE FROM ledger WHERE id = %s", [older])


def view(server: Server) -> Counter[Any]:
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        rows = connection.execute("SELECT * FROM balances").fetchall()
    return Counter(tuple(map(str, row)) for row in rows)


def counted(state: Counter[Any]) -> Counter[Any]:
    assert all(count in (0, 1) for count in state.values()), "a row is there twice, or was taken away before it came"
    return +state


def settle(server: Server, followers: list[Following], subscribers: Iterable[Subscriber]) -> None:
    """Waits until every subscriber has what the view holds."""
    expected, deadline = view(server), time.monotonic() + 60
    for subscriber in subscribers:
        while +subscriber.state != expected:
            for follower in followers:
                if follower.failure is not None:
                    raise follower.failure
            assert time.monotonic() < deadline, "a subscriber never came to what the view holds"
            time.sleep(0.02)
        assert counted(subscriber.state) == expected


def crashes(kills: int, seed: int) -> None:
    """See the module's description."""
    random = Random(seed)
    subscribers: list[Subscriber] = [Copying(), Fetching()]
    with tempfile.TemporaryDirectory() as folder, Server(folder) as server:
        with psycopg.connect(server.conninfo, autocommit=True) as connection:
            for statement in SCHEMA.split(";")[:-1]:
                connection.execute(statement)
        for number in range(kills + 1):
            followers = [Following(server, subscriber) for subscriber in subscribers]
            settle(server, followers, subscribers)
            writers = [Writing(server, (number * 4 + i) * 1_000_000, Random(seed + number * 4 + i)) for i in range(4)]
            time.sleep(random.uniform(0.2, 2.5))
            if number == kills:
                for writer in writers:
                    writer.stopping = True
                    writer.join()
                settle(server, followers, subscribers)
            server.kill()
            for thread in (*writers, *followers):
                thread.join(60)
            for follower in followers:
                if follower.failure is not None:
                    raise follower.failure
            server.start()
            print(f"kill {number + 1}: {len(view(server))} rows in the view", flush=True)
    print(f"PASS: {kills + 1} kills, {len(subscribers)} subscribers, no gap and no duplicate")


# -- many


class Reader(asyncio.Protocol):
    """A client that subscribes, and notes when each row came. It speaks just enough of the protocol."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._input = bytearray()
        self._transport: Any = None
        self.ready = asyncio.get_running_loop().create_future()
        self.arrived: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        body = struct.pack("!i", 0x0003_0000) + b"user\0postgres\0database\0postgres\0\0"
        self._transport.write((len(body) + 4).to_bytes(4, "big") + body)

    def data_received(self, chunk: bytes) -> None:
        now = time.perf_counter()
        self._input += chunk
        while len(self._input) >= 5:
            size = 1 + int.from_bytes(self._input[1:5], "big")
            if len(self._input) < size:
                return
            kind = self._input[:1]
            del self._input[:size]
            if kind == b"d":
                self.arrived.append(now)
            elif kind == b"Z":
                body = self._query.encode() + b"\0"
                self._transport.write(b"Q" + (len(body) + 4).to_bytes(4, "big") + body)
            elif kind == b"H":
                self.ready.set_result(None)
            assert kind != b"E", "the server refused a subscriber"

    def close(self) -> None:
        self._transport.abort()


def resident_bytes(pid: int) -> int:
    """What of the server is in memory and its own."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) * 1024


async def follow_many(server: Server, count: int, rows: int, pause_s: float) -> None:
    """See the module's description."""
    loop = asyncio.get_running_loop()
    writer = await psycopg.AsyncConnection.connect(server.conninfo, autocommit=True)
    await writer.execute("INSERT INTO ledger VALUES (0, 0, 0)")
    before = resident_bytes(server.pid)
    readers: list[Reader] = []
    query = "COPY (SUBSCRIBE balances WITH (SNAPSHOT = false)) TO STDOUT"
    for _ in range(count):
        _, reader = await loop.create_connection(lambda: Reader(query), "127.0.0.1", server.port)
        await reader.ready
        readers.append(reader)
    each = (resident_bytes(server.pid) - before) / count
    sent, took = [], []
    cpu = cpu_seconds(server.pid)
    for number in range(rows):
        began = time.perf_counter()
        await writer.execute("INSERT INTO ledger VALUES (%s, %s, %s)", [number + 1, number + 1, number])
        sent.append(began)
        took.append(time.perf_counter() - began)
        await asyncio.sleep(pause_s)
    await asyncio.sleep(1)
    cpu = cpu_seconds(server.pid) - cpu
    assert all(len(reader.arrived) == rows for reader in readers), "a subscriber missed a row, or had it twice"
    latencies = np.concatenate([np.array(reader.arrived) - np.array(sent) for reader in readers]) * 1000
    p50, p99 = np.percentile(latencies, [50, 99])
    insert50, insert99 = np.percentile(np.array(took) * 1000, [50, 99])
    print(f"{count} subscribers, {rows} rows: p50 {p50:.1f} ms, p99 {p99:.1f} ms, at most {latencies.max():.1f} ms")
    print(f"INSERT: p50 {insert50:.1f} ms, p99 {insert99:.1f} ms")
    print(f"server: {each / 1024:.0f} kB a subscriber, {cpu / rows * 1000:.1f} ms CPU a row with all its subscribers")
    for reader in readers:
        reader.close()
    await writer.close()


def cpu_seconds(pid: int) -> float:
    """What the server has used of the processors."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def many(count: int, rows: int, pause_s: float) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(4096, 2 * count),) * 2)
    with tempfile.TemporaryDirectory() as folder, Server(folder, ["--max-connections", str(count + 10)]) as server:
        with psycopg.connect(server.conninfo, autocommit=True) as connection:
            for statement in SCHEMA.split(";")[:-1]:
                connection.execute(statement)
        for subscribers in sorted({1, count}):
            asyncio.run(follow_many_of(server, subscribers, rows, pause_s))


async def follow_many_of(server: Server, count: int, rows: int, pause_s: float) -> None:
    await follow_many(server, count, rows, pause_s)
    async with await psycopg.AsyncConnection.connect(server.conninfo, autocommit=True) as connection:
        await connection.execute("DELETE FROM ledger")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--many", type=int, default=0, help="how many subscribers")
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--pause", type=float, default=0.1, help="seconds between two rows")
    options = parser.parse_args()
    if not (options.kills or options.many):
        parser.error("say how many --kills or how --many subscribers")
    if options.kills:
        crashes(options.kills, options.seed)
    if options.many:
        many(options.many, options.rows, options.pause)


if __name__ == "__main__":
    main()
