"""Sources for tests: opened with a clock that stands still until it is moved."""

from dataclasses import dataclass
from pathlib import Path

import pgstream.types  # noqa: F401
from pgstream.connectors import NO_PLACES, Limits, Offset, Places, Rejected, Source, create_source, read
from pgstream.formats.format import Field
from pgstream.types.definition import SqlType

Row = tuple[object, ...]


@dataclass
class StillWorld:
    """A world whose clock the test moves."""

    us: int = 1_700_000_000_000_000

    def now_us(self) -> int:
        return self.us

    def monotonic(self) -> float:
        return self.us / 1e6

    def random_bytes(self, count: int) -> bytes:
        return bytes(count)

    def sleep(self, seconds: float) -> None:
        self.us += round(seconds * 1e6)


def fields_of(**types: str) -> tuple[Field, ...]:
    return tuple(Field(name, SqlType(type)) for name, type in types.items())


def opened(
    fields: tuple[Field, ...] | None = None,
    world: StillWorld | None = None,
    directory: Path = Path(),
    passed_over: Places = NO_PLACES,
    **options: str,
) -> Source:
    """A source with `options`, in which __ stands for a dot."""
    world = world or StillWorld()
    named = {name.replace("__", "."): value for name, value in options.items()}
    created_us = 1_700_000_000_000_000
    return create_source(
        named, fields, world=world, created_us=created_us, directory=directory, passed_over=passed_over
    )


def drain(
    source: Source,
    offset: Offset | None = None,
    limits: Limits = Limits(),  # noqa: B008
    until: Offset | None = None,
    needed: frozenset[int] | None = None,
) -> tuple[list[Row], list[Rejected], list[Offset]]:
    """All rows from `offset` on, until the source has nothing now; with the rejects and the offsets passed."""
    rows: list[Row] = []
    rejected: list[Rejected] = []
    at = source.start() if offset is None else offset
    offsets = [at]
    wanted = frozenset(range(len(source.fields))) if needed is None else needed
    while True:
        batch = read(source, at, limits, wanted, until)
        assert all(len(column) == batch.rows.count for column in batch.rows.columns)
        rows += zip(*(column.to_pylist() for column in batch.rows.columns), strict=True)
        rejected += batch.rows.rejected
        if batch.next != at:
            offsets.append(batch.next)
        if batch.exhausted or batch.next == at:
            return rows, rejected, offsets
        at = batch.next
