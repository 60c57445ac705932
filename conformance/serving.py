"""Serving and ingest measured from outside, beside PostgreSQL in the same run.

    PGSTREAM_ORACLE="host=127.0.0.1 user=postgres" python -m conformance.serving --seconds 3

Point reads of a view by key through prepared statements, durable single-row INSERTs into a table that has an aggregate
view, both from 1, 8 and 32 asyncpg clients; pipelined executemany; COPY with an aggregate view. PostgreSQL reads a
table with a primary key instead of the view, and maintains no aggregate. The clients share the machine with the server.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

import asyncpg
import psycopg
import uvloop

from pgstream.testing.server import Server

CLIENTS = (1, 8, 32)
KEYS = 10_000

SCHEMA = """
DROP SCHEMA IF EXISTS serving CASCADE;
CREATE SCHEMA serving;
CREATE TABLE serving.items (id bigint PRIMARY KEY, name text, amount bigint);
INSERT INTO serving.items SELECT n, 'item ' || n, n * 7 FROM generate_series(1, 10000) AS g(n);
CREATE TABLE serving.entries (id bigint PRIMARY KEY, account bigint, amount bigint, note text);
CREATE TABLE serving.bids (auction bigint, bidder bigint, price bigint, channel text, date_time timestamp);
"""

VIEWS = """
CREATE MATERIALIZED VIEW serving.answers AS
    SELECT id, count(*) AS entries, max(name) AS name, sum(amount) AS amount FROM serving.items GROUP BY id;
CREATE MATERIALIZED VIEW serving.balances AS
    SELECT account, count(*) AS entries, sum(amount) AS balance FROM serving.entries GROUP BY account;
CREATE MATERIALIZED VIEW serving.auctions AS
    SELECT auction, count(*) AS bids, sum(price) AS spent FROM serving.bids GROUP BY auction;
"""

INSERT = "INSERT INTO serving.entries VALUES ($1, $2, $3, $4)"


@dataclass(frozen=True)
class Subject:
    """One server under test, and the relation its point reads go to."""

    name: str
    conninfo: str
    reads: str

    async def connect(self) -> asyncpg.Connection:
        parts = dict(part.split("=", 1) for part in self.conninfo.split())
        return await asyncpg.connect(
            host=parts["host"], port=int(parts.get("port", 5432)), user=parts["user"], database="postgres"
        )


class Ids:
    """Primary keys that nobody used yet."""

    def __init__(self) -> None:
        self.next = 0

    def take(self, count: int = 1) -> int:
        first, self.next = self.next, self.next + count
        return first


async def rate(subject: Subject, clients: int, seconds: float, work: "Work") -> float:
    """How often per second all clients together did `work`."""
    connections = [await subject.connect() for _ in range(clients)]
    try:
        acts = [await work(connection, Random(i)) for i, connection in enumerate(connections)]
        for act in acts:
            await act()
        started = time.perf_counter()
        counts = await asyncio.gather(*(_repeat(act, started + seconds) for act in acts))
        return sum(counts) / (time.perf_counter() - started)
    finally:
        for connection in connections:
            await connection.close()


async def _repeat(act: Callable[[], Awaitable[object]], until: float) -> int:
    count = 0
    while time.perf_counter() < until:
        await act()
        count += 1
    return count


Work = Callable[[asyncpg.Connection, Random], Awaitable[Callable[[], Awaitable[object]]]]


def point_reads(subject: Subject) -> Work:
    async def work(connection: asyncpg.Connection, random: Random) -> Callable[[], Awaitable[object]]:
        statement = await connection.prepare(f"SELECT name, amount FROM {subject.reads} WHERE id = $1")
        return lambda: statement.fetchrow(random.randint(1, KEYS))

    return work


def inserts(ids: Ids) -> Work:
    async def work(connection: asyncpg.Connection, random: Random) -> Callable[[], Awaitable[object]]:
        statement = await connection.prepare(INSERT)
        return lambda: statement.fetch(ids.take(), random.randrange(1000), random.randrange(10**6), "a note")

    return work


async def pipelined(subject: Subject, ids: Ids, rows: int) -> float:
    """Rows per second of one executemany."""
    connection = await subject.connect()
    first, random = ids.take(rows), Random(1)
    records = [(first + i, random.randrange(1000), i, "a note") for i in range(rows)]
    started = time.perf_counter()
    await connection.executemany(INSERT, records)
    taken = time.perf_counter() - started
    await connection.close()
    return rows / taken


def bid_lines(rows: int) -> bytes:
    """Rows of `bids` as CSV."""
    random = Random(7)
    channels = ("Google", "Facebook", "Baidu", "Apple")
    lines = [
        f"{1000 + random.randrange(1 + i // 50)},{random.randrange(100_000)},{random.randrange(10**7)},"
        f"{channels[i & 3]},2026-01-01 00:{i // 60_000 % 60:02}:{i // 1000 % 60:02}.{i % 1000:03}\n"
        for i in range(rows)
    ]
    return "".join(lines).encode()


def copied(subject: Subject, lines: bytes, rows: int) -> float:
    """Rows per second of one COPY."""
    with psycopg.connect(subject.conninfo, autocommit=True) as connection:
        started = time.perf_counter()
        with connection.cursor().copy("COPY serving.bids FROM STDIN (FORMAT csv)") as copy:
            for start in range(0, len(lines), 1 << 20):
                copy.write(lines[start : start + (1 << 20)])
        return rows / (time.perf_counter() - started)


def measure(subjects: list[Subject], seconds: float, rows: int, only: set[str]) -> list[tuple[str, list[float]]]:
    """One line per test: its name and each subject's rate."""
    table: list[tuple[str, list[float]]] = []
    ids = {subject.name: Ids() for subject in subjects}

    def add(name: str, one: Callable[[Subject], float]) -> None:
        if only and name.split(",")[0].replace(" ", "-") not in only:
            return
        table.append((name, [one(subject) for subject in subjects]))
        print(f"{name:34}" + "".join(f"{rate:14,.0f}" for rate in table[-1][1]), flush=True)

    for clients in CLIENTS:
        add(f"point reads, {clients} clients", lambda s, n=clients: uvloop.run(rate(s, n, seconds, point_reads(s))))
    for clients in CLIENTS:
        add(f"inserts, {clients} clients", lambda s, n=clients: uvloop.run(rate(s, n, seconds, inserts(ids[s.name]))))
    add("executemany, rows", lambda s: uvloop.run(pipelined(s, ids[s.name], rows // 10)))
    lines = bid_lines(rows)
    add("copy, rows", lambda s: copied(s, lines, rows))
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each rate")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the COPY; executemany has a tenth")
    parser.add_argument("--only", nargs="*", default=[], help="point-reads, inserts, executemany, copy")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Server(folder) as server:
        subjects = [Subject("pgstream", server.conninfo, "serving.answers")]
        oracle = os.environ.get("PGSTREAM_ORACLE")
        if oracle is not None:
            subjects.append(Subject("PostgreSQL", oracle, "serving.items"))
        for subject in subjects:
            with psycopg.connect(subject.conninfo, autocommit=True) as connection:
                connection.execute(SCHEMA + (VIEWS if subject.name == "pgstream" else ""))
        for subject in subjects:
            with psycopg.connect(subject.conninfo) as connection:
                found = connection.execute("SELECT setting FROM pg_settings WHERE name = 'fsync'").fetchone()
            print(f"{subject.name}: fsync {'on' if found is None else found[0]}")
        print(" " * 34 + "".join(f"{subject.name:>14}" for subject in subjects))
        measure(subjects, arguments.seconds, arguments.rows, set(arguments.only))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
