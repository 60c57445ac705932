"""`pgstream run script.sql`: a file of statements, run to the end of its bounded sources.

Statements run one after another, each on its own. What a SELECT reads is complete first: sources that it needs are
read to their end. Rows go to stdout, progress, notices and what was left out of the records to stderr.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pgstream.catalog.objects import Source
from pgstream.engine import Engine
from pgstream.errors import SqlError
from pgstream.local_client import Answered, LocalClient
from pgstream.logs import Log
from pgstream.roles import with_role
from pgstream.sql.parse import statement_spans
from pgstream.world import RealWorld

POLL_S = 0.02
PROGRESS_S = 1.0
_READING = "pgstream_run_reads"
"""The view that makes a SELECT's sources run."""


@dataclass
class Failed(Exception):
    """A statement that failed: where in the script, and what was said."""

    position: int
    fields: dict[str, str]


def run(script: str, text: str, dialect: str, data_dir: Path | None) -> int:
    """Runs the script of that name; its exit status."""
    with tempfile.TemporaryDirectory(prefix="pgstream-run-") as folder:
        world = RealWorld()
        engine = Engine.open(data_dir or Path(folder), world)
        try:
            asyncio.run(_run(engine, world, text, dialect))
        except Failed as failed:
            _tell_failure(script, text, failed)
            return 1
        finally:
            engine.close()
    return 0


async def _run(engine: Engine, world: RealWorld, text: str, dialect: str) -> None:
    client = LocalClient(engine, world, Log(world, level="warning"))
    try:
        done = await client.run(f"SET pgstream.dialect = '{dialect}'")
        if done.error is not None:
            raise Failed(-1, done.error)
        for start, end in _spans(client, text):
            flink = client.session.settings.current["pgstream.dialect"] == "flink"
            await _statement(client, with_role(text[start:end], text) if flink else text[start:end], start)
        await _finished(client)
        await _tell_left_out(client)
        for sink in client.database.sinks():
            if sink.error is not None:
                name = client.database.autocommit.snapshot().catalog.objects[sink.oid].name
                raise Failed(-1, {"C": sink.sqlstate or "", "M": f'sink "{name}": {sink.error}'})
    finally:
        await client.end()


def _spans(client: LocalClient, text: str) -> Iterator[tuple[int, int]]:
    """Where each statement stands, read in the dialect that those before it have left set."""
    at = 0
    while True:
        dialect = client.session.settings.current["pgstream.dialect"]
        try:
            spans = statement_spans(text[at:], dialect)
        except SqlError as error:
            raise Failed(at + (error.position or 0), {"C": error.sqlstate, "M": error.message}) from None
        for start, end in spans:
            yield at + start, at + end
            if client.session.settings.current["pgstream.dialect"] != dialect:
                at += end + 1
                break
        else:
            return


async def _statement(client: LocalClient, statement: str, start: int) -> None:
    word = statement.split(None, 1)[0].upper().strip("(")
    if word in ("SELECT", "WITH", "FROM") and _streams(client):
        reading = await client.run(f"CREATE MATERIALIZED VIEW {_READING} AS {statement}")
        await _finished(client)
        if reading.error is None:
            await client.run(f"DROP MATERIALIZED VIEW {_READING}")
    done = await client.run(statement)
    for notice in done.notices:
        print(f"{notice.get('S')}: {notice.get('M')}", file=sys.stderr)
    if done.error is not None:
        place = int(done.error.get("P", "1")) - 1
        raise Failed(start + place, done.error)
    if done.columns is not None:
        _print_rows(done)
    else:
        print(done.tag, file=sys.stderr)


def _streams(client: LocalClient) -> bool:
    """Whether there is a source."""
    catalog = client.database.autocommit.snapshot().catalog
    return any(type(thing).__name__ == "Source" for thing in catalog.objects.values())


async def _finished(client: LocalClient) -> None:
    """Waits until every source that is read is at its end, and says so while that takes long."""
    started = told = time.monotonic()
    while not await asyncio.to_thread(client.database.exhausted):
        await asyncio.sleep(POLL_S)
        now = time.monotonic()
        if now - told >= PROGRESS_S:
            told = now
            rows = sum(facts.rows for facts in client.database.sources())
            print(f"reading sources for {now - started:.0f} s: {rows:,} rows", file=sys.stderr)


async def _tell_left_out(client: LocalClient) -> None:
    """Warns of records that a source has refused, and of rows that came too late: where nothing is kept, nobody could
    look for them afterwards."""
    catalog = client.database.autocommit.snapshot().catalog
    for source in catalog.objects.values():
        if not isinstance(source, Source):
            continue
        schema = catalog.schema_name(source.schema_oid)
        for name, what in ((source.errors_name, "records were refused"), (source.late_name, "rows came too late")):
            if catalog.lookup(schema, name, ()) is None:
                continue
            first = "min(message)" if name == source.errors_name else "NULL"
            found = await client.run(f"SELECT count(*), {first} FROM {_quoted(schema)}.{_quoted(name)}")
            [[count, message]] = found.rows
            if count != "0":
                why = f", such as: {message}" if message else ""
                print(f'WARNING: source "{source.name}": {count} {what}{why}', file=sys.stderr)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _print_rows(done: Answered) -> None:
    """Rows as psql prints them."""
    assert done.columns is not None
    shown = [["" if value is None else value for value in row] for row in done.rows]
    widths = [max(map(len, column)) for column in zip(done.columns, *shown, strict=True)]
    print("|".join(f" {name:^{width}} " for name, width in zip(done.columns, widths, strict=True)).rstrip())
    print("+".join("-" * (width + 2) for width in widths))
    for row in shown:
        print("|".join(f" {value:<{width}} " for value, width in zip(row, widths, strict=True)).rstrip())
    print(f"({len(shown)} row{'s' * (len(shown) != 1)})\n", flush=True)


def _tell_failure(script: str, text: str, failed: Failed) -> None:
    """`file:line:column: ERROR: …` with the line and a caret, as compilers do."""
    place = script
    lines: list[str] = []
    if failed.position >= 0:
        before = text[: failed.position]
        column = len(before) - (before.rfind("\n") + 1)
        place += f":{before.count(chr(10)) + 1}:{column + 1}"
        lines = [text.splitlines()[before.count("\n")] if text.strip() else "", " " * column + "^"]
    print(f"{place}: ERROR: {failed.fields.get('M')} ({failed.fields.get('C')})", *lines, sep="\n", file=sys.stderr)
    for letter, name in (("D", "DETAIL"), ("H", "HINT")):
        if letter in failed.fields:
            print(f"{name}: {failed.fields[letter]}", file=sys.stderr)
