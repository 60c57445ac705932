"""TPC-H's 22 queries as materialized views under refreshes, equal to PostgreSQL's and timed beside its REFRESH.

    python -m conformance.tpch [--scale 0.1] [--refreshes 3] [q1 q2 ...]

A refresh is what the specification's RF1 and RF2 do, in one transaction: a thousandth of new orders with their line
items comes, and as many orders go. After each, every view is compared with the one that PostgreSQL refreshed, value by
value in the order of its query.

Printed per query, in the median over the refreshes: the milliseconds that the operators of its view took, those that
several views share counted for each of them; PostgreSQL's REFRESH MATERIALIZED VIEW; and how often the one goes into
the other. q2, q11 and q16 read nothing that a refresh changes, and are left out of the median. The last line is one
transaction as a client sees it, until all views are up to date and it is durable, beside all of PostgreSQL's refreshes.
PostgreSQL has the same indexes, and has analyzed its tables.
"""

import argparse
import os
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa

from conformance.tpch_input import Market, copied
from pgstream.testing.server import Server

SQL = Path(__file__).parent / "tpch_sql"
QUERIES = [f"q{number}" for number in range(1, 23)]
UNTOUCHED = ("q2", "q11", "q16")

Connection = psycopg.Connection[Any]


def statements(name: str) -> list[str]:
    return [text.strip() for text in (SQL / name).read_text().split(";") if text.strip()]


def query(name: str, scale: float) -> str:
    return (SQL / f"{name}.sql").read_text().replace("{fraction}", f"{0.0001 / scale:.10f}")


def ordered(name: str) -> str:
    """A query for the rows of a view, in the order of its query."""
    found = re.findall(r"^order by (.*)$", (SQL / f"{name}.sql").read_text(), re.MULTILINE)
    return f"SELECT * FROM {name}" + (f" ORDER BY {found[-1]}" if found else "")


def rows_of(connection: Connection, sql: str) -> list[tuple[bytes | None, ...]]:
    """A query's rows, as the texts that came."""
    result = connection.pgconn.exec_params(sql.encode(), [])
    if result.status != psycopg.pq.ExecStatus.TUPLES_OK:
        raise psycopg.errors.DatabaseError(result.error_message.decode().strip())
    return [tuple(result.get_value(i, j) for j in range(result.nfields)) for i in range(result.ntuples)]


def copy(connection: Connection, name: str, rows: pa.Table) -> None:
    with connection.cursor().copy(f"COPY {name} FROM STDIN") as into:
        into.write(copied(rows))


def fill(connection: Connection, tables: dict[str, pa.Table], queries: Sequence[str], scale: float) -> None:
    """Makes the tables, and the views over them."""
    for statement in statements("schema.sql"):
        connection.execute(statement.encode())
    for name, rows in tables.items():
        copy(connection, name, rows)
    for statement in statements("indexes.sql"):
        connection.execute(statement.encode())
    connection.execute("ANALYZE")
    for name in queries:
        started = time.perf_counter()
        connection.execute(f"CREATE MATERIALIZED VIEW {name} AS {query(name, scale)}".encode())
        print(f"{name} {time.perf_counter() - started:.2f}", end=" ", flush=True)
    print()


def refresh(connection: Connection, orders: pa.Table, items: pa.Table, gone: list[int]) -> float:
    """New orders come and others go; the milliseconds until that is durable."""
    keys = ", ".join(map(str, gone))
    started = time.perf_counter()
    with connection.transaction():
        copy(connection, "orders", orders)
        copy(connection, "lineitem", items)
        connection.execute(f"DELETE FROM lineitem WHERE l_orderkey IN ({keys})".encode())
        connection.execute(f"DELETE FROM orders WHERE o_orderkey IN ({keys})".encode())
    return (time.perf_counter() - started) * 1000


def operators_ms(connection: Connection, name: str) -> float:
    """What the operators of a view have taken since the server began."""
    told = connection.execute(f"EXPLAIN (OPERATORS, FORMAT JSON) TABLE {name}".encode()).fetchall()
    spent: dict[int, float] = {}

    def gather(plan: dict[str, Any]) -> None:
        spent.setdefault(plan["Node"], plan.get("ms", 0.0))
        for below in plan.get("Plans", ()):
            gather(below)

    gather(told[0][0][0]["Plan"])
    return sum(spent.values())


def anew(connection: Connection, name: str) -> float:
    """The milliseconds of PostgreSQL's way to bring a view up to date."""
    started = time.perf_counter()
    connection.execute(f"REFRESH MATERIALIZED VIEW {name}".encode())
    return (time.perf_counter() - started) * 1000


def differences(connection: Connection, oracle: Connection, queries: Sequence[str]) -> list[str]:
    """Which views are not PostgreSQL's, and how."""
    wrong = []
    for name in queries:
        got, wanted = rows_of(connection, ordered(name)), rows_of(oracle, ordered(name))
        if got != wanted:
            first = next((pair for pair in zip(got, wanted, strict=False) if pair[0] != pair[1]), None)
            wrong.append(f"{name}: {len(got)} rows, PostgreSQL has {len(wanted)}; {first}")
    return wrong


class Spent:
    """The milliseconds of each refresh: of each view here and there, and of all of them."""

    def __init__(self, queries: Sequence[str]) -> None:
        self.here: dict[str, list[float]] = {name: [] for name in queries}
        self.there: dict[str, list[float]] = {name: [] for name in queries}
        self.transactions: list[float] = []

    def measure(self, connection: Connection, oracle: Connection, change: tuple[pa.Table, pa.Table, list[int]]) -> None:
        before = {name: operators_ms(connection, name) for name in self.here}
        self.transactions.append(refresh(connection, *change))
        for name, times in self.here.items():
            times.append(operators_ms(connection, name) - before[name])
        refresh(oracle, *change)
        for name, times in self.there.items():
            times.append(anew(oracle, name))

    def show(self) -> None:
        print(f"{'query':6} {'here ms':>8} {'anew ms':>8} {'ratio':>7}")
        ratios = []
        for name in self.here:
            here, there = statistics.median(self.here[name]), statistics.median(self.there[name])
            if name in UNTOUCHED:
                print(f"{name:6} {here:8.1f} {there:8.1f}")
                continue
            ratios.append(there / max(here, 0.001))
            print(f"{name:6} {here:8.1f} {there:8.1f} {ratios[-1]:7.1f}")
        here = statistics.median(self.transactions)
        there = sum(map(statistics.median, self.there.values()))
        if ratios:
            print(f"{'median':6} {'':8} {'':8} {statistics.median(ratios):7.1f}")
        print(f"{'all':6} {here:8.1f} {there:8.1f} {there / here:7.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.1, help="0.01 or more")
    parser.add_argument("--refreshes", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("queries", nargs="*", help="q1 q2 ...; all where none is named")
    options = parser.parse_args()
    if options.scale < 0.01:
        parser.error("with fewer suppliers a part would have one twice")
    queries = options.queries or QUERIES
    market = Market(options.scale, options.seed)
    tables = market.tables()
    wrong: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="pgstream-tpch-") as folder,
        psycopg.connect(os.environ["PGSTREAM_ORACLE"], autocommit=True) as oracle,
        Server(Path(folder)) as server,
        psycopg.connect(server.conninfo, autocommit=True) as connection,
    ):
        schema = f"tpch_{os.getpid()}"
        oracle.execute(f"CREATE SCHEMA {schema}".encode())
        oracle.execute(f"SET search_path = {schema}".encode())
        try:
            for place, over in (("PostgreSQL", oracle), ("pgstream", connection)):
                print(f"{place}, seconds to make each view:", end=" ")
                fill(over, tables, queries, options.scale)
            wrong += differences(connection, oracle, queries)
            spent = Spent(queries)
            for _ in range(options.refreshes):
                spent.measure(connection, oracle, market.refresh())
                wrong += differences(connection, oracle, queries)
        finally:
            oracle.execute(f"DROP SCHEMA {schema} CASCADE".encode())
    spent.show()
    compared = len(queries) * (options.refreshes + 1)
    print("\n".join(wrong) or f"{compared} comparisons with PostgreSQL, no difference")
    if wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
