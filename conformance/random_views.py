"""Random views against PostgreSQL: a view must equal its query after any mix of inserts, updates and deletes.

    PGSTREAM_ORACLE="host=127.0.0.1 user=postgres" python conformance/random_views.py --seed 1 --rounds 20

A round makes three tables and `--views` random queries, each a materialized view in pgstream, and changes the tables
with `--batches` random batches, in both systems alike. After every batch each view is compared with PostgreSQL's
answer to its query. Half of the views are made before there is data, half while there is.
"""

import argparse
import os
import re
import sys
import tempfile
from collections import Counter
from random import Random

from conformance.queries import BIG, INT, NUM, TYPES, Field, QueryMaker, TableShape, literal
from pgstream.testing.server import Server
from pgstream.testing.slt import Failure, PsycopgTarget

CHOOSES = re.compile(
    r"DISTINCT|UNION|INTERSECT|EXCEPT|GROUP BY|min\(|max\(|greatest\(|least\(|PARTITION|WITHIN GROUP|_value\("
)
"""What shows one of several equal values. SQL leaves open which: 1.5 and 1.50 are equal and print differently."""

DECIMAL = re.compile(r"(?<![\d.:-])(-?\d+\.\d*?)0+(?![\d.])")


def spelled_alike(rows: list[str]) -> list[str]:
    """`rows` with every decimal fraction without its trailing zeros."""
    return sorted(DECIMAL.sub(lambda found: found.group(1).rstrip("."), row) for row in rows)


def random_tables(random: Random) -> list[TableShape]:
    """Three tables of three to six columns, some with a primary key."""
    tables = []
    for number in range(3):
        keyed = random.random() < 0.5
        types = [INT, *random.choices(TYPES, k=random.randint(2, 5))]
        tables.append(TableShape(f"t{number}", tuple(Field(f"k{i}", t) for i, t in enumerate(types)), keyed))
    return tables


def random_change(random: Random, table: TableShape, keys: dict[str, int]) -> str:
    """One INSERT, UPDATE or DELETE on `table`."""
    roll = random.random()
    key, *rest = table.fields
    if roll < 0.55:
        rows = []
        for _ in range(random.randint(1, 5)):
            keys[table.name] = keys.get(table.name, 0) + 1
            first = str(keys[table.name]) if table.keyed else literal(random, INT)
            rows.append(f"({', '.join([first, *(literal(random, f.type) for f in rest)])})")
        return f"INSERT INTO {table.name} VALUES {', '.join(rows)}"
    where = f"{key.name} % {random.randint(2, 4)} = {random.randint(0, 1)}"
    if roll < 0.8:
        changed = random.choice(rest)
        value = literal(random, changed.type)
        if changed.type in (INT, BIG, NUM) and random.random() < 0.4:
            value = f"{changed.name} + 1"
        return f"UPDATE {table.name} SET {changed.name} = {value} WHERE {where}"
    if roll < 0.97:
        return f"DELETE FROM {table.name} WHERE {where} AND {key.name} > {random.randint(-2, 30)}"
    return f"DELETE FROM {table.name}"


class Round:
    """One schema, its views, and both systems."""

    def __init__(self, seed: int, views: int, oracle: PsycopgTarget, subject: PsycopgTarget) -> None:
        self.random = Random(seed)
        self.seed = seed
        self.oracle = oracle
        self.subject = subject
        self.tables = random_tables(self.random)
        maker = QueryMaker(self.random, self.tables)
        self.queries = [maker.query() for _ in range(views)]
        self.live: dict[str, str] = {}
        self.history: list[str] = []
        self.refused: Counter[str] = Counter()
        self.keys: dict[str, int] = {}
        self.spellings = 0

    def both(self, sql: str) -> None:
        """Runs `sql` in both systems; they must agree on whether it is an error."""
        self.history.append(sql)
        outcomes = []
        for target in (self.oracle, self.subject):
            try:
                target.run(sql)
                outcomes.append("")
            except Failure as failure:
                outcomes.append(failure.state)
        assert outcomes[0] == outcomes[1], self._report(f"PostgreSQL: {outcomes[0]}, pgstream: {outcomes[1]}")

    def declare(self, queries: list[str]) -> None:
        """Makes the views of `queries`; what pgstream refuses as not supported is counted."""
        for sql in queries:
            name = f"v{len(self.live)}"
            try:
                self.oracle.run(sql)
            except Failure:
                continue  # the data makes PostgreSQL itself refuse: an overflow, a second row of a scalar subquery
            try:
                self.subject.run(f"CREATE MATERIALIZED VIEW {name} AS {sql}")
            except Failure as failure:
                if failure.state.startswith("0A000"):
                    self.refused[str(failure)] += 1
                    continue
                raise AssertionError(self._report(f"CREATE failed: {failure}\n{sql}")) from failure
            self.live[name] = sql

    def compare(self) -> int:
        """Compares every view with its query in PostgreSQL; returns how many comparisons that were."""
        for name, sql in self.live.items():
            want = sorted(self.oracle.run(sql))
            got = sorted(self.subject.run(f"SELECT * FROM {name}"))
            if got != want and CHOOSES.search(sql):
                self.spellings += 1
                want, got = spelled_alike(want), spelled_alike(got)
            assert got == want, self._report(f"{name}: {sql}\nwant {want[:30]}\ngot  {got[:30]}")
        return len(self.live)

    def _report(self, what: str) -> str:
        return "\n".join([f"seed {self.seed}", *(f"{sql};" for sql in self.history), what])

    def run(self, batches: int) -> int:
        """The whole round; the number of comparisons made."""
        for table in self.tables:
            self.both(f"DROP TABLE IF EXISTS {table.name} CASCADE")
            self.both(table.ddl())
        half = len(self.queries) // 2
        self.declare(self.queries[:half])
        compared = 0
        for batch in range(batches):
            for _ in range(self.random.randint(1, 4)):
                self.both(random_change(self.random, self.random.choice(self.tables), self.keys))
            if batch == 2:
                self.declare(self.queries[half:])
            compared += self.compare()
        return compared


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--views", type=int, default=25, help="random queries in a round")
    parser.add_argument("--batches", type=int, default=20)
    arguments = parser.parse_args()
    views = compared = spellings = 0
    database = f"random_views_{os.getpid()}"
    refused: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, Server(folder) as server:
        oracle, subject = PsycopgTarget(os.environ["PGSTREAM_ORACLE"]), PsycopgTarget(server.conninfo)
        for target in (oracle, subject):
            target.run(f"DROP DATABASE IF EXISTS {database}")
            target.run(f"CREATE DATABASE {database}")
            target.close()
        oracle = PsycopgTarget(f"{os.environ['PGSTREAM_ORACLE']} dbname={database}")
        subject = PsycopgTarget(f"{server.conninfo} dbname={database}")
        for number in range(arguments.rounds):
            one = Round(arguments.seed + number, arguments.views, oracle, subject)
            compared += one.run(arguments.batches)
            views += len(one.live)
            refused += one.refused
            spellings += one.spellings
            print(f"seed {one.seed}: {len(one.live)} views, no difference", flush=True)
        oracle.close()
        cleaner = PsycopgTarget(os.environ["PGSTREAM_ORACLE"])
        cleaner.run(f"DROP DATABASE {database}")
        cleaner.close()
    print(f"{views} views, {compared} comparisons, 0 differences, {refused.total()} queries refused as not supported")
    print(f"{spellings} times a value was shown in another of its equal spellings, such as 1.5 for 1.50")
    for reason, count in refused.most_common():
        print(f"  {count:5} {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
