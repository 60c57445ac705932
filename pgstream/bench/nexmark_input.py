"""Nexmark tables as files, made once and kept."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from pgstream.bench.nexmark_queries import columns_of
from pgstream.connectors import Limits, create_source
from pgstream.connectors.source import Rows, read
from pgstream.formats.json_encoder import JsonEncoder
from pgstream.world import RealWorld

GENERATOR_OPTIONS = {"connector": "nexmark", "seed": "42", "nexmark.first.event.rate": "10000"}
SUFFIXES = {"json": "jsonl", "parquet": "parquet"}


def generator(table: str, events: int) -> dict[str, str]:
    """The WITH options of a table's generator."""
    return GENERATOR_OPTIONS | {"nexmark.table.type": table, "nexmark.event.num": str(events)}


def source_options(table: str, events: int, kind: str, cache: Path) -> dict[str, str]:
    """The WITH options of a table as input of `kind`: its generator, or its file."""
    if kind == "generator":
        return generator(table, events)
    return {"connector": "filesystem", "path": str(file_of(table, events, kind, cache)), "format": kind}


def file_of(table: str, events: int, kind: str, cache: Path) -> Path:
    """Where the file of a table is kept."""
    return cache / f"{table}-{events}.{SUFFIXES[kind]}"


def row_count(table: str, events: int) -> int:
    """How many of the first `events` events are rows of `table`."""
    share, shift = {"person": (1, 0), "auction": (3, 1), "bid": (46, 4)}[table]
    return events // 50 * share + min(max(events % 50 - shift, 0), share)


def generated(options: Mapping[str, str]) -> Iterator[Rows]:
    """All rows of a nexmark source with these options, in pieces."""
    source = create_source(options, None, world=RealWorld(), created_us=0)
    everything, offset = frozenset(range(len(source.fields))), source.start()
    while True:
        batch = read(source, offset, Limits(rows=1 << 16, bytes=1 << 30), everything)
        yield batch.rows
        if batch.exhausted:
            return
        offset = batch.next


def make_file(table: str, events: int, kind: str, cache: Path, tell: Callable[[str], None]) -> None:
    """Makes the file of a table where it is not there yet."""
    path = file_of(table, events, kind, cache)
    if path.exists():
        return
    tell(f"making {path}")
    cache.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.part")
    if kind == "json":
        write_json(table, events, unfinished)
    else:
        write_parquet(table, events, unfinished)
    unfinished.rename(path)


def write_json(table: str, events: int, path: Path) -> None:
    """The table as JSON lines; timestamps as text, with milliseconds."""
    encoder = JsonEncoder(columns_of(table), None)
    with path.open("wb") as file:
        for rows in generated(generator(table, events)):
            file.write(encoder.encode(rows.columns, rows.count))


def write_parquet(table: str, events: int, path: Path) -> None:
    """The table as Parquet, a row group a piece."""
    schema = pa.schema([(field.name, field.type.storage) for field in columns_of(table)])
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for rows in generated(generator(table, events)):
            writer.write_table(pa.table(list(rows.columns), schema=schema), row_group_size=max(1, rows.count))
