"""What a format is: it turns the bytes of records into columns and back, and knows where a record ends.

Formats of records (JSON lines, CSV, raw text) work on any chunk of whole records, whatever connector brought it.
Formats of files (Parquet) need the file, and number its rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.formats.arenas import ARENAS, Memory
from pgstream.kernels.bytes import PADDING
from pgstream.types.definition import SqlType


class Field(NamedTuple):
    """A column as the user declared it."""

    name: str
    type: SqlType


class Chunk(NamedTuple):
    """`size` bytes at the start of `memory`, which has at least PADDING more bytes that may be read.

    `rows_max`: there are no more records than that, where it is known.
    """

    memory: Memory
    size: int
    rows_max: int | None = None

    @staticmethod
    def room(capacity: int) -> "Chunk":
        """An empty chunk that can hold `capacity` bytes."""
        return Chunk(ARENAS.take(capacity + PADDING), 0)

    @staticmethod
    def of(content: bytes | memoryview) -> "Chunk":
        """A copy of `content`."""
        chunk = Chunk.room(len(content))
        chunk.memory[: len(content)] = np.frombuffer(content, np.uint8)
        chunk.memory[len(content) : len(content) + PADDING] = 0
        return Chunk(chunk.memory, len(content))

    def part(self, start: int, end: int) -> bytes:
        """A copy of the bytes from `start` to before `end`."""
        return self.memory[start:end].tobytes()

    @property
    def address(self) -> int:
        return int(self.memory.ctypes.data)


class Reject(NamedTuple):
    """A record that could not be read: where it starts in its chunk, its bytes, and why."""

    start: int
    raw: bytes
    message: str


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """The rows of a chunk, a column for each declared one, and the records that gave no row.

    `deletes` tells of the rows of a changelog which of them remove what their key names; None where none does.
    """

    columns: tuple[Column, ...]
    count: int
    rejects: tuple[Reject, ...]
    deletes: NDArray[np.bool_] | None = None


class Cut(NamedTuple):
    """How much of a chunk is whole records: `size` bytes, holding at most `rows` records."""

    size: int
    rows: int


class Decoder(Protocol):
    """A format compiled for one list of columns. Its methods may run in several threads at once."""

    def cut(self, chunk: Chunk, rows_max: int, final: bool) -> Cut:
        """The longest prefix of whole records, at most `rows_max` of them. `final`: no bytes will follow."""

    def decode(self, chunk: Chunk, needed: frozenset[int]) -> Decoded:
        """The records of a chunk. Columns whose positions are not `needed` come as all NULL, and a record that is
        bad only there may come as a row."""


class Encoder(Protocol):
    """A format's writer, compiled for one list of columns."""

    def head(self) -> bytes:
        """What a file starts with."""

    def encode(self, columns: Sequence[Column], count: int) -> bytes:
        """The bytes of `count` records, each complete with its ending."""


class MessageDecoder(Protocol):
    """A format compiled for one list of columns, for records that come one by one. Thread-safe."""

    def decode(self, values: Sequence[bytes], needed: frozenset[int]) -> Decoded:
        """A row or a reject for each message, in their order; the `start` of a reject is its message's number."""


class MessageEncoder(Encoder, Protocol):
    """A writer of records that may also go out one by one."""

    def messages(self, columns: Sequence[Column], count: int) -> list[bytes]:
        """The bytes of each of `count` records, on its own."""


class ChangeEncoder(Protocol):
    """A writer of changes, each of which may hold a row as it was and as it is."""

    def messages(self, columns: Sequence[Column], count: int) -> list[bytes]:
        """The bytes of each of `count` rows, as `change` takes them."""

    def change(self, before: bytes | None, after: bytes | None) -> bytes:
        """The record of one change."""


@dataclass(frozen=True, slots=True)
class RecordFormat:
    """A format of records: WITH options, and how to compile a decoder and an encoder from them.

    A file may start with `head_records` records that tell about the others (a CSV header); `headed` compiles the
    decoder of such a file from them. `messages` compiles the decoder of records that come one by one, `keys` and
    `key_encoder` those of their keys (else as values are read, and JSON), once `for_topic` has named what is not named.
    `changes` compiles the writer of an envelope of changes.
    """

    name: str
    doc: str
    options: type
    decoder: Callable[[Sequence[Field], Any], Decoder] | None
    encoder: Callable[[Sequence[Field], Any], MessageEncoder] | None
    messages: Callable[[Sequence[Field], Any], MessageDecoder] | None
    head_records: Callable[[Any], int] = lambda options: 0
    headed: Callable[[Sequence[Field], Any, bytes], Decoder] | None = None
    changes: Callable[[Sequence[Field], Any], ChangeEncoder] | None = None
    told: Callable[[Any, str], tuple[Field, ...] | None] = lambda options, topic: None
    keys: Callable[[Sequence[Field], Any], MessageDecoder] | None = None
    key_encoder: Callable[[Sequence[Field], Any], MessageEncoder] | None = None
    for_topic: Callable[[Any, str], Any] = lambda options, topic: options
    suffixes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def message_encoder(self) -> Callable[[Sequence[Field], Any], MessageEncoder] | None:
        return self.encoder


class RowReader(Protocol):
    """A file open for reading by row number."""

    @property
    def rows(self) -> int:
        """How many rows the file has."""

    def read(self, first: int, count: int, needed: frozenset[int]) -> Decoded:
        """Rows first..first+count-1, as `Decoder.decode` gives them."""


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A format of whole files, whose rows are numbered. `infer` tells the columns of a file.

    `messages` and `message_encoder` read and write records one by one, where the format has such a form too; `told` are
    the columns of a topic's messages, where somebody tells them.
    """

    name: str
    doc: str
    options: type
    reader: Callable[[Path, Sequence[Field], Any], RowReader]
    infer: Callable[[Path], tuple[Field, ...]]
    encoder: Callable[[Sequence[Field], Any], Encoder] | None
    messages: Callable[[Sequence[Field], Any], MessageDecoder] | None = None
    message_encoder: Callable[[Sequence[Field], Any], MessageEncoder] | None = None
    told: Callable[[Any, str], tuple[Field, ...] | None] = lambda options, topic: None
    keys: Callable[[Sequence[Field], Any], MessageDecoder] | None = None
    key_encoder: Callable[[Sequence[Field], Any], MessageEncoder] | None = None
    for_topic: Callable[[Any, str], Any] = lambda options, topic: options
    suffixes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
