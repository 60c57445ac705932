"""`kill -9` at random moments under concurrent acknowledged inserts.

    python conformance/crash.py --kills 100 --seed 1

Writers insert rows and remember which were acknowledged. The server is killed at a random moment and started again;
then every acknowledged row must be there exactly once, no row that nobody sent, and every view must equal its query.
A transaction's two rows must both be there or both not. There are two databases: one where a source is read meanwhile,
whose views must agree too, and a calm one, whose small commits go into the journal.
"""

import argparse
import sys
import tempfile
import threading
import time
from random import Random

import psycopg

from pgstream.testing.server import Server

SCHEMA = """
CREATE TABLE ledger (id bigint PRIMARY KEY, account int, amount int);
CREATE TABLE accounts (account int PRIMARY KEY, owner text);
INSERT INTO accounts SELECT n, 'owner ' || n FROM generate_series(0, 19) AS g(n);
"""

SOURCE = """
CREATE SOURCE bid WITH (connector = 'nexmark', nexmark.table.type = 'bid', event_rate = '20000', seed = '7');
"""

VIEWS = {
    "balances": "SELECT account, count(*) AS entries, sum(amount) AS balance FROM ledger GROUP BY account",
    "owners": "SELECT a.owner, l.id, l.amount FROM accounts a LEFT JOIN ledger l ON l.account = a.account",
    "largest": "SELECT id, amount FROM ledger ORDER BY amount DESC, id LIMIT 10",
    "loaded": "SELECT owner FROM accounts a WHERE EXISTS (SELECT 1 FROM ledger l WHERE l.account = a.account)",
}

SOURCE_VIEWS = {
    "bids": "SELECT auction, count(*) AS bids, max(price) AS highest FROM bid GROUP BY auction",
}


class Writer(threading.Thread):
    """Inserts until its connection breaks. Even ids come alone, odd ones in pairs within a transaction."""

    def __init__(self, conninfo: str, ids: "Ids", seed: int) -> None:
        super().__init__(daemon=True)
        self._conninfo = conninfo
        self._ids = ids
        self._random = Random(seed)

    def run(self) -> None:
        try:
            with psycopg.connect(self._conninfo, autocommit=True) as connection:
                while True:
                    self._insert(connection)
        except psycopg.Error:
            return

    def _insert(self, connection: psycopg.Connection) -> None:  # type: ignore[type-arg]
        first = self._ids.take()
        rows = [(n, self._random.randrange(20), self._random.randrange(1000)) for n in (first, first + 1)]
        statement = "INSERT INTO ledger VALUES (%s, %s, %s)"
        if first % 4 == 0:
            for row in rows:
                self._ids.sent(row[0])
                connection.execute(statement, row)
                self._ids.acknowledged(row[0])
            return
        self._ids.sent(first, pair=True)
        with connection.transaction():
            for row in rows:
                connection.execute(statement, row)
        self._ids.acknowledged(first)
        self._ids.acknowledged(first + 1)


class Ids:
    """Which ids were handed out, sent, and acknowledged."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 0
        self.sent_ids: set[int] = set()
        self.acknowledged_ids: set[int] = set()
        self.pairs: set[int] = set()

    def take(self) -> int:
        with self._lock:
            self._next += 2
            return self._next

    def sent(self, number: int, pair: bool = False) -> None:
        with self._lock:
            self.sent_ids.add(number)
            if pair:
                self.sent_ids.add(number + 1)
                self.pairs.add(number)

    def acknowledged(self, number: int) -> None:
        with self._lock:
            self.acknowledged_ids.add(number)


class Site:
    """One database of the server, and what was written to it."""

    def __init__(self, server: Server, database: str, schema: str, views: dict[str, str]) -> None:
        self.conninfo = server.conninfo.replace("dbname=postgres", f"dbname={database}")
        self.ids, self.views = Ids(), views
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            connection.execute(schema)
            for name, query in views.items():
                connection.execute(f"CREATE MATERIALIZED VIEW {name} AS {query}")

    def check(self) -> int:
        """See `check`."""
        return check(self.conninfo, self.ids, self.views)


def sites(server: Server) -> list[Site]:
    """The databases under test."""
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        connection.execute("CREATE DATABASE calm")
    return [
        Site(server, "postgres", SCHEMA + SOURCE, VIEWS | SOURCE_VIEWS),
        Site(server, "calm", SCHEMA, VIEWS),
    ]


def check(conninfo: str, ids: Ids, views: dict[str, str]) -> int:
    """Compares what is there with what must be; returns the number of rows."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        found = [row[0] for row in connection.execute("SELECT id FROM ledger").fetchall()]
        there = set(found)
        assert len(found) == len(there), "a row is there twice"
        assert ids.acknowledged_ids <= there, f"lost: {sorted(ids.acknowledged_ids - there)[:10]}"
        assert there <= ids.sent_ids, f"never sent: {sorted(there - ids.sent_ids)[:10]}"
        torn = [n for n in ids.pairs if (n in there) != (n + 1 in there)]
        assert not torn, f"half a transaction: {torn[:10]}"
        for name, query in views.items():
            # one transaction reads one tick, so the source cannot move between the two
            with connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                view = sorted(map(str, connection.execute(f"SELECT * FROM {name}").fetchall()))
                answer = sorted(map(str, connection.execute(query).fetchall()))
            assert view == answer, f"{name} differs from its query: {len(view)} and {len(answer)} rows"
        return len(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--writers", type=int, default=4, help="to each of the databases")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    random, restarts = Random(arguments.seed), []
    rows = 0
    with tempfile.TemporaryDirectory() as folder, Server(folder) as server:
        under_test = sites(server)
        for kill in range(arguments.kills):
            every = [site for site in under_test for _ in range(arguments.writers)]
            writers = [Writer(site.conninfo, site.ids, random.random()) for site in every]
            for writer in writers:
                writer.start()
            time.sleep(random.uniform(0.05, 1.5))
            server.kill()
            for writer in writers:
                writer.join()
            started = time.monotonic()
            server.start()
            restarts.append(time.monotonic() - started)
            rows = sum(site.check() for site in under_test)
            print(f"kill {kill + 1}: {rows} rows, restart {restarts[-1]:.2f} s", flush=True)
    restarts.sort()
    acknowledged = sum(len(site.ids.acknowledged_ids) for site in under_test)
    print(
        f"{arguments.kills} kills, {acknowledged} acknowledged rows, each there exactly once; "
        f"{rows} rows in all; every view equal to its query; restart median {restarts[len(restarts) // 2]:.2f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
