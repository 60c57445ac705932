"""Generators: sources whose rows are made from their numbers, at a pace or as fast as they are asked.

An offset is the number of rows given. Row n of a paced generator is available `n / rate` seconds after the source
was created, by the world's clock, so a restart finds what has become due meanwhile.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypedDict

from pgstream.connectors.places import Places
from pgstream.connectors.source import Limits, Offset, Reading, Rows
from pgstream.errors import FeatureNotSupported
from pgstream.formats.format import Field
from pgstream.world import World

STREAM = "row"
"""What the places of generated rows are in."""


def row_offset(row: int) -> Offset:
    """The offset before row `row`."""
    return json.dumps({"row": row}).encode()


def offset_row(offset: Offset) -> int:
    """The row that `offset` stands before."""
    return int(json.loads(offset)["row"])


@dataclass(frozen=True, slots=True)
class PacedSource:
    """A generator: `make(first, count, needed)` gives the rows, `total` is how many there are (None: endless).

    `due_ns(row)` says how long after creation a row is available; None for a generator that is not paced.
    `row_bytes` is about how much memory a row takes.
    """

    fields: tuple[Field, ...]
    make: Callable[[int, int, frozenset[int]], Rows]
    total: int | None
    due_ns: Callable[[int], int] | None
    rows_due: Callable[[int], int] | None
    world: World
    created_us: int
    row_bytes: int
    passed_over: Places

    def start(self) -> Offset:
        return row_offset(0)

    def plan(self, offset: Offset, limits: Limits, needed: frozenset[int], until: Offset | None = None) -> Reading:
        first = offset_row(offset)
        end = first + max(1, min(limits.rows, limits.bytes // self.row_bytes))
        last = self.total if until is None else offset_row(until)
        wait_until = None
        if last is not None:
            end = min(end, last)
        if until is None and self.rows_due is not None and self.due_ns is not None:
            elapsed_ns = (self.world.now_us() - self.created_us) * 1000
            end = max(first, min(end, self.rows_due(elapsed_ns)))
            if end == first:
                wait_until = self.world.monotonic() + max(0, self.due_ns(first) - elapsed_ns) / 1e9
        passed = self.passed_over.next(STREAM, first)
        skipped = 1 if passed == first < end else 0
        if passed is not None:
            end = min(end, passed + skipped)
        exhausted = last is not None and end >= last

        def fetch() -> Rows:
            return replace(self.make(first, end - first - skipped, needed), place=f"{STREAM}:{first}")

        return Reading(row_offset(end), fetch, exhausted, None if exhausted else wait_until)

    def at(self, place: str) -> tuple[Offset, Offset | None]:
        row = int(place.rpartition(":")[2])
        return row_offset(row), row_offset(row + 1)

    def amended(self, place: str, raw: bytes, needed: frozenset[int]) -> Rows:
        raise FeatureNotSupported("a generated row cannot be corrected")

    def close(self) -> None:
        """Nothing is held."""


class Pace(TypedDict):
    """The two sides of a pace, as PacedSource takes them."""

    due_ns: Callable[[int], int] | None
    rows_due: Callable[[int], int] | None


def pace(rate: float | None) -> Pace:
    """`rate` rows a second, the first at once; no pace where it is None."""
    if rate is None:
        return {"due_ns": None, "rows_due": None}
    return {"due_ns": lambda row: math.ceil(row * 1e9 / rate), "rows_due": lambda ns: int(ns * rate / 1e9) + 1}
