"""State of several times `--memory`, fed over time: what stays resident, and what that costs.

    python conformance/memory.py --memory 128MB --times 4

A join view over two tables is fed with wide rows in batches, and updated, until its arrangements and tables hold
`--times` as many bytes as `--memory` allows. Printed over time are the process's own memory (RssAnon), the mapped
pages it has in memory (RssFile), the size of the file, and rows a second. RssAnon must not grow with the state.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from pgstream.config import bytes_of
from pgstream.testing.server import Server

SCHEMA = """
CREATE TABLE orders (id bigint PRIMARY KEY, item int, note text);
CREATE TABLE stock (item int, batch int, note text);
CREATE MATERIALIZED VIEW reserved AS
    SELECT o.id, s.batch, o.note AS order_note, s.note AS stock_note FROM orders o JOIN stock s ON s.item = o.item;
CREATE MATERIALIZED VIEW per_item AS SELECT item, count(*) AS n, max(note) AS note FROM orders GROUP BY item;
"""
BATCH_ROWS = 20_000
WIDTH = 7  # md5 sums of 32 characters, so that nothing compresses and nothing is shared


def resident(pid: int) -> dict[str, int]:
    """RssAnon and RssFile of a process, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines if ":" in line)
    return {name: int(found[name].split()[0]) >> 10 for name in ("RssAnon", "RssFile")}


def feed(connection: psycopg.Connection, batch: int) -> int:  # type: ignore[type-arg]
    """Inserts a batch of orders with a tenth as much stock, and updates some; returns how many rows that was."""
    first = batch * BATCH_ROWS
    note = " || ".join(f"md5((n * {i + 3})::text)" for i in range(WIDTH))
    connection.execute(
        f"INSERT INTO orders SELECT n, n::bigint * 7919 % 1000003, {note} "
        f"FROM generate_series({first}, {first + BATCH_ROWS - 1}) AS g(n)"
    )
    connection.execute(
        f"INSERT INTO stock SELECT n::bigint * 7919 % 1000003, {batch}, {note} "
        f"FROM generate_series({first}, {first + BATCH_ROWS - 1}, 10) AS g(n)"
    )
    changed = connection.execute(
        f"UPDATE orders SET note = note || '!' WHERE id BETWEEN {first // 2} AND {first // 2 + 999}"
    ).rowcount
    return BATCH_ROWS + BATCH_ROWS // 10 + 2 * changed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory", default="128MB")
    parser.add_argument("--times", type=float, default=4)
    parser.add_argument("--report", type=int, default=5, help="batches between two lines")
    arguments = parser.parse_args()
    wanted = bytes_of(arguments.memory) * arguments.times
    with tempfile.TemporaryDirectory() as folder, Server(folder, ["--memory", arguments.memory]) as server:
        file = Path(folder) / "data" / "data.mdb"
        with psycopg.connect(server.conninfo, autocommit=True) as connection:
            connection.execute(SCHEMA)
            state, batch, rows, started, peak = 0, 0, 0, time.monotonic(), 0
            while state < wanted:
                rows += feed(connection, batch)
                batch += 1
                # a row is in the table, the join's arrangement of it and (a tenth of them) in the view
                state = batch * BATCH_ROWS * (32 * WIDTH + 48) * 2
                now = resident(server.pid)
                peak = max(peak, now["RssAnon"])
                if batch % arguments.report == 0:
                    seconds, stored = time.monotonic() - started, file.stat().st_blocks * 512 >> 20
                    print(
                        f"about {state >> 20} MB of state: RssAnon {now['RssAnon']} MB, RssFile {now['RssFile']} MB, "
                        f"file {stored} MB, {rows / seconds:.0f} rows/s",
                        flush=True,
                    )
                    rows, started = 0, time.monotonic()
            check(connection)
            now = resident(server.pid)
            print(f"at the end: RssAnon {now['RssAnon']} MB (peak {peak} MB), RssFile {now['RssFile']} MB")
    return 0


def check(connection: psycopg.Connection) -> None:  # type: ignore[type-arg]
    """The view equals its query, by count and by sums that every row enters."""
    sums = "count(*), sum(id), sum(batch), sum(length(order_note) + length(stock_note))"
    query = "SELECT o.id, s.batch, o.note AS order_note, s.note AS stock_note FROM orders o JOIN stock s USING (item)"
    view = connection.execute(f"SELECT {sums} FROM reserved").fetchone()
    answer = connection.execute(f"SELECT {sums} FROM ({query}) AS q").fetchone()
    assert view == answer, (view, answer)


if __name__ == "__main__":
    sys.exit(main())
