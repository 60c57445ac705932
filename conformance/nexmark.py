"""Nexmark q0 to q22, in the SQL that Flink's Nexmark publishes, as views over recorded events: PostgreSQL's answers.

    python conformance/nexmark.py --events 100000

The events are made once by the generator and recorded as JSON lines. Each query runs in a database of its own, over
sources that read the record, and is created before the first row is read, so that it is maintained and not computed.
nexmark_sql/ holds the queries: flink/ as nexmark/nexmark publishes them; q5, q7 and q8 also as RisingWave and Arroyo
spell them; postgres/ what PostgreSQL is asked, over the same rows. Two results are equal as multisets of texts.

Printed are the rows of each and whether they are equal. What a query leaves open is compared as far as it decides:
of q19's bids of one price only the price and its rank; of q12's windows, which lie in processing time, the bids of
each bidder over all windows.
"""

import argparse
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from pgstream.bench.nexmark_input import generated
from pgstream.connectors.nexmark import TABLES
from pgstream.connectors.source import Rows
from pgstream.formats.format import Field
from pgstream.formats.json_encoder import JsonEncoder
from pgstream.testing.server import Server

Answer = Counter[tuple[str | None, ...]]
Connection = psycopg.Connection[Any]

SQL = Path(__file__).parent / "nexmark_sql"
WAIT_S = 300.0
EVENTS_PER_SECOND = 1000
"""By the events' own time. The time of an event is one of its own then, so that no query has ties in it."""

NAMES = {
    "flink": {
        "date_time": "dateTime", "email_address": "emailaddress", "credit_card": "creditcard", "item_name": "itemname",
        "initial_bid": "initialbid",
    },
    "arroyo": {"date_time": "datetime"},
    "risingwave": {},
}  # fmt: skip
"""What the columns are called that are not called as here."""

SOURCES = {
    "flink": "CREATE TABLE {table} ({columns}, WATERMARK FOR `dateTime` AS `dateTime` - INTERVAL '4' SECOND)"
    " WITH ('connector' = 'filesystem', 'path' = '{path}', 'format' = 'json')",
    "risingwave": "CREATE SOURCE {table} ({columns}, WATERMARK FOR date_time AS date_time - INTERVAL '4' SECOND)"
    " WITH (connector = 'posix_fs', posix_fs.root = '{path}') FORMAT PLAIN ENCODE JSON",
    "arroyo": "CREATE TABLE {table}s ({columns}) WITH (connector = 'single_file', path = '{path}', format = 'json',"
    " type = 'source', event_time_field = 'datetime')",
}

COUNT_CHAR = """CREATE FUNCTION count_char(word text, wanted text) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT length(word) - length(replace(word, wanted, '')) $$"""
"""q14's function, which is published in Java, in SQL."""


@dataclass(frozen=True)
class Case:
    """A query in a spelling. `asked` and `expected` wrap the view and PostgreSQL's answer where a part is compared."""

    query: str
    spelling: str = "flink"
    asked: str = "SELECT * FROM answer"
    expected: str = "{}"
    answer: str = ""


PARTS = {
    "q12": ("SELECT bidder, sum(bid_count) FROM answer GROUP BY bidder", "{}"),
    "q19": ("SELECT auction, price, rank_number FROM answer", "{}"),
}
CASES = [
    *(Case(f"q{i}", "flink", *PARTS.get(f"q{i}", ())) for i in range(23)),
    *(Case(query, "risingwave") for query in ("q5", "q8")),
    Case("q7", "risingwave", expected="SELECT auction, price, bidder, date_time FROM ({}) a"),
    *(Case(query, "arroyo") for query in ("q5", "q8")),
    Case("q7", "arroyo", expected="SELECT auction, bidder, price FROM ({}) a", answer="q7_in_window"),
]


def recorded(table: str, events: int, seed: int) -> Iterator[Rows]:
    """The rows of a table, in pieces."""
    return generated(
        {
            "connector": "nexmark",
            "seed": str(seed),
            "nexmark.table.type": table,
            "nexmark.event.num": str(events),
            "nexmark.first.event.rate": str(EVENTS_PER_SECOND),
        }
    )


class Record:
    """The recorded events: as JSON lines in each spelling's names, and in PostgreSQL."""

    def __init__(self, folder: Path, events: int, seed: int, oracle: Connection) -> None:
        self.folder = folder
        self.counts = dict.fromkeys(TABLES, 0)
        self._oracle = oracle
        for table, columns in TABLES.items():
            types = ", ".join(f"{name} {type}" for name, (type, _) in columns.items())
            oracle.execute(f"CREATE TEMPORARY TABLE {table} ({types})")
            for rows in recorded(table, events, seed):
                self._keep(table, rows)
        side = [(key, f"value {key}") for key in range(10_000)]
        (folder / "side_input.txt").write_text("".join(f"{key},{value}\n" for key, value in side))
        oracle.execute("CREATE TEMPORARY TABLE side_input (key bigint, value text)")
        with oracle.cursor() as cursor:
            cursor.executemany("INSERT INTO side_input VALUES (%s, %s)", side)
        oracle.execute("CREATE INDEX ON bid (auction)")
        oracle.execute("ANALYZE")

    def _keep(self, table: str, rows: Rows) -> None:
        self.counts[table] += rows.count
        for spelling, names in NAMES.items():
            fields = tuple(Field(names.get(name, name), type) for name, (type, _) in TABLES[table].items())
            self.path(spelling, table).parent.mkdir(exist_ok=True)
            with self.path(spelling, table).open("ab") as file:
                file.write(JsonEncoder(fields, None).encode(rows.columns, rows.count))
        values = [column.to_pylist() for column in rows.columns]
        with self._oracle.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            for row in zip(*values, strict=True):
                copy.write_row(row)

    def path(self, spelling: str, table: str) -> Path:
        return self.folder / spelling / f"nexmark_{table}s.json"

    def source(self, spelling: str, table: str) -> str:
        """The definition of a source over the record."""
        columns = ", ".join(f'"{NAMES[spelling].get(name, name)}" {type}' for name, (type, _) in TABLES[table].items())
        return SOURCES[spelling].format(table=table, columns=columns, path=self.path(spelling, table))


def view(case: Case, record: Record) -> list[str]:
    """The statements that make the case's query, as published, a view called answer."""
    text = (SQL / case.spelling / f"{case.query}.sql").read_text().strip().rstrip(";")
    if case.spelling == "risingwave":
        return [re.sub(r"VIEW nexmark_q\d+", "VIEW answer", text)]
    before, query = re.split(r"INSERT INTO \w+\n", text)
    made: list[str] = re.findall(r"CREATE VIEW.*?;", before, re.DOTALL)
    if case.query == "q13":
        made.append(
            "CREATE TABLE side_input (key BIGINT, `value` VARCHAR)"
            f" WITH ('connector' = 'filesystem', 'path' = '{record.folder}/side_input.txt', 'format' = 'csv')"
        )
    if case.query == "q14":
        made.append(COUNT_CHAR)
    return [*made, f"CREATE MATERIALIZED VIEW answer ({', '.join(sink_columns(before))}) AS\n{query}"]


def sink_columns(text: str) -> list[str]:
    """The names of the columns of the last table that `text` defines."""
    body = re.split(r"CREATE TABLE \w+ \(\n", text)[-1]
    return re.findall(r"^ +(`?\w+`?) +\w", body.partition("\n) ")[0], re.MULTILINE)


def rows_of(connection: Connection, sql: str) -> Answer:
    """A query's rows as texts, each with how often it is there."""
    result = connection.pgconn.exec_params(sql.encode(), [])
    if result.status != psycopg.pq.ExecStatus.TUPLES_OK:
        raise psycopg.errors.DatabaseError(result.error_message.decode().strip())
    columns = range(result.nfields)
    values = ([result.get_value(i, j) for j in columns] for i in range(result.ntuples))
    return Counter(tuple(None if value is None else value.decode() for value in row) for row in values)


def answered(server: Server, case: Case, record: Record) -> Answer:
    """The case's rows when all events have been read."""
    database = f"{case.query}_{case.spelling}"
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database}")
    conninfo = server.conninfo.replace("dbname=postgres", f"dbname={database}")
    suffix = "s" if case.spelling == "arroyo" else ""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"SET pgstream.dialect = '{case.spelling}'")
        connection.execute("BEGIN")
        for table in TABLES:
            connection.execute(record.source(case.spelling, table))
            connection.execute(f"CREATE MATERIALIZED VIEW {table}_count AS SELECT count(*) AS n FROM {table}{suffix}")
        for statement in view(case, record):
            connection.execute(statement)
        connection.execute("COMMIT")
        wait(connection, record.counts)
        return rows_of(connection, case.asked)


def wait(connection: Connection, counts: dict[str, int]) -> None:
    """Until as many rows of each table have been read."""
    deadline = time.monotonic() + WAIT_S
    asked = " UNION ALL ".join(f"SELECT '{table}', n FROM {table}_count" for table in counts)
    while dict(connection.execute(asked).fetchall()) != counts:
        if time.monotonic() > deadline:
            raise TimeoutError("the events have not all been read")
        time.sleep(0.1)


def verdict(server: Server, oracle: Connection, case: Case, record: Record) -> tuple[str, str]:
    """How many rows a case has, and whether they are PostgreSQL's."""
    wanted = (SQL / "postgres" / f"{case.answer or case.query}.sql").read_text()
    expected = rows_of(oracle, case.expected.format(wanted))
    try:
        got = answered(server, case, record)
    except (psycopg.Error, TimeoutError) as error:
        return str(expected.total()), f"no: {str(error).splitlines()[0]}"
    if got == expected:
        return str(expected.total()), "yes"
    missing, extra = expected - got, got - expected
    shown = f"{min(missing.elements(), default=None, key=str)} against {min(extra.elements(), default=None, key=str)}"
    return str(expected.total()), f"no: {missing.total()} missing, {extra.total()} too many: {shown[:300]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000, help="how many events there are, of all kinds")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("queries", nargs="*", help="q0 q1 …; all where none is named")
    asked = parser.parse_args()
    wrong = 0
    with (
        tempfile.TemporaryDirectory(prefix="pgstream-nexmark-") as folder,
        psycopg.connect(os.environ["PGSTREAM_ORACLE"], autocommit=True) as oracle,
        Server(Path(folder)) as server,
    ):
        record = Record(Path(folder), asked.events, asked.seed, oracle)
        print(f"{'query':6} {'spelling':11} {'rows':>8} equal")
        for case in CASES:
            if not asked.queries or case.query in asked.queries:
                rows, equal = verdict(server, oracle, case, record)
                wrong += equal != "yes"
                print(f"{case.query:6} {case.spelling:11} {rows:>8} {equal}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
