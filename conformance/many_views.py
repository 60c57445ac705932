"""Many small materialized views over many tables: what one more costs, and what all of them cost a restart.

    python conformance/many_views.py --views 10000 --tables 100

Views of four shapes (filter, GROUP BY, projection, join with a dimension) are created one by one, with CPU time per
view printed in tenths: it must not grow. Then come inserts into a table that a hundredth of the views read, what psql
asks, a kill and a restart, and DROP … CASCADE of a table and of the dimension. CPU times are the server's own.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from pgstream.testing.server import Server

SHAPES = (
    "SELECT id, v, note FROM {table} WHERE g = {number}",
    "SELECT g, count(*) AS n, sum(v) AS total FROM {table} WHERE v > {number} GROUP BY g",
    "SELECT id, v * {number} AS scaled FROM {table} WHERE v % 7 = {number} % 7",
    "SELECT a.id, b.name FROM {table} a JOIN dim b ON b.g = a.g WHERE a.v > {number}",
)
ASKED = (
    r"\d",
    r"\dm",
    r"\d t0",
    r"\d v7",
    "SELECT count(*) FROM pg_class",
    "SELECT * FROM pg_matviews WHERE matviewname = 'v7'",
    "SELECT count(*) FROM information_schema.columns",
)


class Gauge:
    """A server, and how long things take it."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def cpu_seconds(self) -> float:
        """What the process has computed so far."""
        fields = Path(f"/proc/{self.server.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def anonymous_mb(self) -> int:
        """The process's own memory."""
        lines = Path(f"/proc/{self.server.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("RssAnon"))

    @contextmanager
    def timed(self, what: str, count: int = 1) -> Iterator[None]:
        """Prints what a block costs, per one of `count`."""
        wall, cpu = time.monotonic(), self.cpu_seconds()
        yield
        wall, cpu = time.monotonic() - wall, self.cpu_seconds() - cpu
        each = f", {wall / count * 1e3:.2f} ms each (CPU {cpu / count * 1e3:.2f} ms)" if count > 1 else ""
        print(f"{what}: {wall:.2f} s (CPU {cpu:.2f} s){each}, RssAnon {self.anonymous_mb()} MB", flush=True)


def build(gauge: Gauge, views: int, tables: int) -> None:
    """Makes the tables and the views over them."""
    with psycopg.connect(gauge.server.conninfo, autocommit=True) as connection:
        connection.execute("CREATE TABLE dim (g int PRIMARY KEY, name text)")
        connection.execute("INSERT INTO dim SELECT n, 'd' || n FROM generate_series(0, 9) AS s(n)")
        for table in range(tables):
            connection.execute(f"CREATE TABLE t{table} (id bigint PRIMARY KEY, g int, v int, note text)")
            rows = "SELECT n, n % 10, n, md5(n::text) FROM generate_series(1, 100) AS s(n)"
            connection.execute(f"INSERT INTO t{table} {rows}")
        for first in range(0, views, max(1, views // 10)):
            some = range(first, min(views, first + max(1, views // 10)))
            with gauge.timed(f"views from {first}", len(some)):
                for view in some:
                    number, table = divmod(view, tables)
                    query = SHAPES[number % len(SHAPES)].format(table=f"t{table}", number=number)
                    connection.execute(f"CREATE MATERIALIZED VIEW v{view} AS {query}")


def change(gauge: Gauge, inserts: int) -> None:
    """Single-row INSERTs into one of the tables."""
    connecting = psycopg.connect(gauge.server.conninfo, autocommit=True)
    with connecting as connection, gauge.timed("INSERTs into one table", inserts):
        for row in range(inserts):
            connection.execute(f"INSERT INTO t0 VALUES ({100_000 + row}, {row % 10}, {row * 100}, 'x')")


def ask(gauge: Gauge) -> None:
    """What psql's commands ask, each in a psql of its own."""
    for command in ASKED:
        with gauge.timed(f"psql -c '{command}'"):
            psql = ["psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(gauge.server.port), "-U", "postgres"]
            subprocess.run([*psql, "-c", command], check=True, stdout=subprocess.DEVNULL)


def restart(gauge: Gauge) -> None:
    """Kills the server; prints how long the next start takes to its first answer."""
    gauge.server.kill()
    started = time.monotonic()
    gauge.server.start()
    with psycopg.connect(gauge.server.conninfo, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM v1").fetchone() is not None
    took = time.monotonic() - started
    print(f"first answer after a restart: {took:.2f} s (CPU {gauge.cpu_seconds():.2f} s)", flush=True)


def drop(gauge: Gauge) -> None:
    with psycopg.connect(gauge.server.conninfo, autocommit=True) as connection:
        for table in ("t0", "dim"):
            with gauge.timed(f"DROP TABLE {table} CASCADE"):
                connection.execute(f"DROP TABLE {table} CASCADE")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--views", type=int, default=10_000)
    parser.add_argument("--tables", type=int, default=100)
    parser.add_argument("--inserts", type=int, default=50)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Server(folder) as server:
        gauge = Gauge(server)
        build(gauge, arguments.views, arguments.tables)
        change(gauge, arguments.inserts)
        ask(gauge)
        restart(gauge)
        drop(gauge)
    return 0


if __name__ == "__main__":
    sys.exit(main())
