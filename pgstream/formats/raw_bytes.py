"""Raw bytes: a message is the value of the only column, a bytea; in a file, a line is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidTableDefinition
from pgstream.formats.format import Chunk, Cut, Decoded, Field, RecordFormat
from pgstream.formats.lines import cut_lines


@dataclass(frozen=True, kw_only=True)
class RawBytesOptions:
    """Raw bytes have no options."""


class RawBytesCodec:
    """Lines or messages to values of the only column, and back."""

    def __init__(self, fields: Sequence[Field], options: Any) -> None:
        if len(fields) != 1 or fields[0].type.name != "bytea":
            raise InvalidTableDefinition("raw bytes have one column, of type bytea")

    def cut(self, chunk: Chunk, rows_max: int, final: bool) -> Cut:
        return cut_lines(chunk, rows_max, final)

    def decode(self, chunk: Chunk, needed: frozenset[int]) -> Decoded:
        lines = chunk.part(0, chunk.size).split(b"\n")
        return self._decoded(lines if lines[-1] else lines[:-1])

    def head(self) -> bytes:
        return b""

    def encode(self, columns: Sequence[Column], count: int) -> bytes:
        return b"".join(value + b"\n" for value in self.messages(columns, count))

    def messages(self, columns: Sequence[Column], count: int) -> list[bytes]:
        """The bytes of each record, on its own."""
        return [value or b"" for value in columns[0].to_pylist()]

    def _decoded(self, values: Sequence[bytes]) -> Decoded:
        return Decoded((pa.array(values, pa.binary()),), len(values), ())


class RawBytesMessages(RawBytesCodec):
    """Messages to values of the only column."""

    def decode(self, values: Sequence[bytes], needed: frozenset[int]) -> Decoded:  # type: ignore[override]
        return self._decoded(values)


RAW_BYTES = RecordFormat(
    name="raw_bytes",
    doc="A message is a bytea; in a file, a line is.",
    options=RawBytesOptions,
    decoder=RawBytesCodec,
    encoder=RawBytesCodec,
    messages=RawBytesMessages,
    suffixes=(),
    aliases=("bytes",),
)
