"""Restart: how long from the start of the process to the first answer, over little state and over much.

    python conformance/restart.py --small 10MB --large 2GB

Each size is built with INSERT … SELECT into a table with a primary key, an index and three views, killed, and
started `--starts` times; the fastest and the median start are printed. Opening reads no rows, so both should take the
same time: that of starting Python.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from pgstream.config import bytes_of
from pgstream.testing.server import Server

SCHEMA = """
CREATE TABLE t (id bigint PRIMARY KEY, g int, note text);
CREATE INDEX ON t (g);
CREATE MATERIALIZED VIEW by_group AS SELECT g, count(*) AS n, sum(id) AS total FROM t GROUP BY g;
CREATE MATERIALIZED VIEW largest AS SELECT id, note FROM t ORDER BY id DESC LIMIT 10;
CREATE MATERIALIZED VIEW notes AS SELECT g, max(note) AS note FROM t GROUP BY g;
"""
BATCH_ROWS = 100_000


def build(server: Server, size: int) -> int:
    """Fills the table until the file has `size` bytes; returns the number of rows."""
    file, rows = server.folder / "data" / "data.mdb", 0
    batch = min(BATCH_ROWS, size // 2000)
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        connection.execute(SCHEMA)
        while file.stat().st_blocks * 512 < size:
            note = "md5(n::text) || md5((n + 1)::text) || md5((n + 2)::text)"
            connection.execute(
                f"INSERT INTO t SELECT n, n % 1000, {note} FROM generate_series({rows}, {rows + batch - 1}) AS s(n)"
            )
            rows += batch
    return rows


def cpu_seconds(pid: int) -> float:
    """What a process has computed so far, which other processes do not prolong."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def first_answer(server: Server) -> tuple[float, float]:
    """Seconds, and CPU seconds, from the start of the process until a view has answered."""
    started = time.monotonic()
    server.start()
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        assert connection.execute("SELECT n FROM by_group WHERE g = 7").fetchone() is not None
    return time.monotonic() - started, cpu_seconds(server.pid)


def measure(size: int, starts: int) -> None:
    with tempfile.TemporaryDirectory() as folder, Server(folder) as server:
        rows = build(server, size)
        stored = Path(folder, "data", "data.mdb").stat().st_blocks * 512 >> 20
        times = []
        for _ in range(starts):
            server.kill()
            times.append(first_answer(server))
        (best, cpu), (median, _) = min(times), sorted(times)[len(times) // 2]
        print(
            f"{stored} MB, {rows} rows: first answer after {best:.2f} s at best (CPU {cpu:.2f} s), {median:.2f} s in "
            "the median",
            flush=True,
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", default="10MB")
    parser.add_argument("--large", default="2GB")
    parser.add_argument("--starts", type=int, default=5)
    arguments = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installation has its modules compiled
    for size in (arguments.small, arguments.large):
        measure(bytes_of(size), arguments.starts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
