"""What a source is: a replayable sequence of rows, read from any offset.

An offset is opaque bytes (JSON text inside), a position between two records. Everything a source gives is a
function of its options and the offsets: the rows and rejects between two offsets are the same however often they
are read and however the reads are cut. So an engine that commits the offset with the rows resumes exactly once.
Only *when* something becomes available depends on the world: a file grows, a paced generator waits.

Reading has two halves. `plan` finds out how far the next batch goes; it is quick and ordered, since each offset
follows from the one before. `Reading.fetch` does the work (decoding, generating); it holds the GIL little, and
several readings may be fetched at once, by any threads.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pgstream.delta import Column, Delta
from pgstream.formats.format import Field

Offset = bytes


class Limits(NamedTuple):
    """How much one reading may hold: at most `rows` records, and about `bytes` of input (one record at least)."""

    rows: int = 131_072
    bytes: int = 32 << 20


class Rejected(NamedTuple):
    """A record that gives no row: its bytes, why, and the place where it stands (`places.py`)."""

    raw: bytes
    message: str
    place: str


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """`count` rows: a column for each field of the source, in order, and the records that gave no row.

    Columns that were not needed are there too, but all NULL; they cost no memory. `place` is where the first record
    stands. `deletes` are the rows that remove what their key names, where the source gives changes by key.
    """

    columns: tuple[Column, ...]
    count: int
    rejected: tuple[Rejected, ...] = ()
    place: str = ""
    deletes: NDArray[np.bool_] | None = None

    @property
    def delta(self) -> Delta:
        """The rows in their order, with weight 1, and -1 where they delete."""
        made = Delta.of(self.columns)
        return made if self.deletes is None else Delta(made.columns, np.where(self.deletes, -1, 1))


@dataclass(frozen=True, slots=True)
class Reading:
    """The next rows of a source, not yet made.

    `next` is the offset after them. With `next` equal to the offset asked for there is nothing to read now: for
    ever when `exhausted`, else until `wait_until` (seconds on the world's monotonic clock), or for an unknown time
    when that is None, so that the engine polls.
    """

    next: Offset
    fetch: Callable[[], Rows]
    exhausted: bool = False
    wait_until: float | None = None


class Source(Protocol):
    """A replayable sequence of rows. `plan` is called by one thread at a time."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The columns: as declared, or as the source knows them."""

    def start(self) -> Offset:
        """The offset before the first row."""

    def plan(self, offset: Offset, limits: Limits, needed: frozenset[int], until: Offset | None = None) -> Reading:
        """The rows after `offset`, as far as `limits` goes, but not beyond `until`, an offset reached before:
        with it pacing is off, and the reading at `until` is exhausted. `needed` are positions of columns.

        Raises SqlError where the source cannot be read (a file is gone) or no longer holds `offset`.
        """

    def close(self) -> None:
        """Releases what the source holds. Readings not yet fetched may fail."""


@runtime_checkable
class Measured(Protocol):
    """A source that knows where it ends now."""

    def end(self) -> Offset:
        """The offset after everything that there is now."""


@runtime_checkable
class Settling(Protocol):
    """A source whose start depends on when it is created, unless its options say where it is."""

    def settled(self) -> dict[str, str]:
        """The options by which it starts, whenever it is opened, where it would now."""


@runtime_checkable
class Partitioned(Protocol):
    """A source that knows its streams (see `places.py`)."""

    def streams(self, offset: Offset) -> "Streams":
        """Those that are yet to be read at `offset`."""


class Streams(NamedTuple):
    """The streams that have given nothing or not everything yet. `only`: no other one will give anything; else those
    that were read before may go on."""

    waiting: frozenset[str]
    only: bool


@runtime_checkable
class Lagging(Protocol):
    """A source that knows how much is left to read."""

    def lags(self, offset: Offset) -> "Sequence[Lag]":
        """How far each partition is read at `offset`, without asking anybody."""


class Lag(NamedTuple):
    """The number of the next record of a partition, and of the one after its last, None where that is not known."""

    partition: str
    at: int
    end: int | None


@runtime_checkable
class Replayable(Protocol):
    """A source of records that can be read one by one, by the places where they stand."""

    def at(self, place: str) -> tuple[Offset, Offset | None]:
        """The offset before a record, and one that is not before it and keeps what is read after it away, if any."""

    def amended(self, place: str, raw: bytes, needed: frozenset[int]) -> Rows:
        """The rows of a record as if `raw` stood in its place. Raises FeatureNotSupported where that cannot be told."""


class Batch(NamedTuple):
    """A reading and its rows."""

    rows: Rows
    next: Offset
    exhausted: bool
    wait_until: float | None


def read(source: Source, offset: Offset, limits: Limits, needed: frozenset[int], until: Offset | None = None) -> Batch:
    """Plans and fetches at once."""
    reading = source.plan(offset, limits, needed, until)
    return Batch(reading.fetch(), reading.next, reading.exhausted, reading.wait_until)
