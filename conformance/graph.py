"""A recursive view over a random graph: what a single edge more or less costs, beside computing it anew.

    python -m conformance.graph [--nodes 40000] [--edges 100000] [--changes 1000]

The view holds what can be reached from one node; after every hundredth change, and at the end, it is compared with the
answer to its query. The changes are half new edges, half deleted ones, each a statement of its own on one connection.
"""

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from pgstream.testing.server import Server

REACHED = "WITH RECURSIVE r(n) AS (SELECT 1 UNION SELECT b FROM r JOIN edge ON a = n) SELECT n FROM r"


def fill(connection: Any, nodes: int, edges: int, chance: random.Random) -> dict[int, tuple[int, int]]:
    """Makes the table and its view; the edges by id."""
    made = {id: (chance.randrange(nodes), chance.randrange(nodes)) for id in range(edges)}
    made[0] = (1, made[0][1])
    connection.execute("CREATE TABLE edge (id int PRIMARY KEY, a int, b int)")
    with connection.cursor().copy("COPY edge FROM STDIN") as copy:
        copy.write("".join(f"{id}\t{a}\t{b}\n" for id, (a, b) in made.items()))
    started = time.perf_counter()
    connection.execute(f"CREATE MATERIALIZED VIEW reached AS {REACHED}")
    (count,) = connection.execute("SELECT count(*) FROM reached").fetchone()
    print(f"{edges} edges, {nodes} nodes, {count} reached; the view was made in {time.perf_counter() - started:.2f} s")
    return made


def change(connection: Any, edges: dict[int, tuple[int, int]], nodes: int, chance: random.Random, id: int) -> float:
    """Adds or deletes one edge; the milliseconds it took."""
    if id % 2:
        edges[id] = chance.randrange(nodes), chance.randrange(nodes)
        text, values = "INSERT INTO edge VALUES (%s, %s, %s)", (id, *edges[id])
    else:
        gone = chance.choice(list(edges))
        del edges[gone]
        text, values = "DELETE FROM edge WHERE id = %s", (gone,)
    started = time.perf_counter()
    connection.execute(text, values)
    return (time.perf_counter() - started) * 1000


def check(connection: Any) -> float:
    """Compares the view with its query; the milliseconds that the query took."""
    started = time.perf_counter()
    answer = sorted(connection.execute(REACHED).fetchall())
    spent = (time.perf_counter() - started) * 1000
    kept = sorted(connection.execute("TABLE reached").fetchall())
    if kept != answer:
        raise SystemExit(f"the view has {len(kept)} rows, its query {len(answer)}")
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=40_000)
    parser.add_argument("--edges", type=int, default=100_000)
    parser.add_argument("--changes", type=int, default=1000)
    options = parser.parse_args()
    chance = random.Random(7)
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(Path(folder)) as server,
        psycopg.connect(server.conninfo, autocommit=True) as connection,
    ):
        edges = fill(connection, options.nodes, options.edges, chance)
        spent: dict[str, list[float]] = {"insert": [], "delete": []}
        anew = []
        for number in range(1, options.changes + 1):
            kind = "insert" if (options.edges + number) % 2 else "delete"
            spent[kind].append(change(connection, edges, options.nodes, chance, options.edges + number))
            if number % 100 == 0 or number == options.changes:
                anew.append(check(connection))
        for kind, times in spent.items():
            times.sort()
            median, last = statistics.median(times), times[int(len(times) * 0.99)]
            print(
                f"{kind} of one edge: {median:.1f} ms in the median, {last:.1f} ms at p99, {times[-1]:.1f} ms at most"
            )
        print(f"the query anew: {statistics.median(anew):.1f} ms; {len(anew)} comparisons, no difference")


if __name__ == "__main__":
    main()
