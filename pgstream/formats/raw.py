"""Raw text: each line is the value of the only column, by its type's input function."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidTableDefinition
from pgstream.formats.encoding import joined, texts_of
from pgstream.formats.format import Chunk, Cut, Decoded, Field, RecordFormat, Reject
from pgstream.formats.lines import cut_lines
from pgstream.formats.messages import TextMessages
from pgstream.formats.texts import read_texts


@dataclass(frozen=True, kw_only=True)
class RawOptions:
    """Raw text has no options."""


class RawCodec:
    """Lines to values of the only column, and back."""

    def __init__(self, fields: Sequence[Field], options: Any) -> None:
        if len(fields) != 1:
            raise InvalidTableDefinition(f"raw text has one column, not {len(fields)}")
        self._field = fields[0]

    def cut(self, chunk: Chunk, rows_max: int, final: bool) -> Cut:
        return cut_lines(chunk, rows_max, final)

    def decode(self, chunk: Chunk, needed: frozenset[int]) -> Decoded:
        starts, texts, rejects, at = [], [], [], 0
        lines = chunk.part(0, chunk.size).split(b"\n")
        for line in lines if lines[-1] else lines[:-1]:
            start, at = at, at + len(line) + 1
            try:
                if b"\0" in line:
                    raise ValueError
                texts.append(line.rstrip(b"\r").decode())
                starts.append((start, line))
            except ValueError:
                rejects.append(Reject(start, line, 'invalid byte sequence for encoding "UTF8"'))
        column, bad = read_texts(pa.array(texts, pa.string()), self._field.type)
        rejects += [Reject(*starts[row], message) for row, message in bad.items()]
        if bad:
            column = column.filter(pa.array([row not in bad for row in range(len(texts))], pa.bool_()))
        return Decoded((column,), len(column), tuple(sorted(rejects)))

    def head(self) -> bytes:
        return b""

    def encode(self, columns: Sequence[Column], count: int) -> bytes:
        return joined([texts_of(columns[0], self._field.type).fill_null(""), "\n"], count)

    def messages(self, columns: Sequence[Column], count: int) -> list[bytes]:
        """The bytes of each record, on its own."""
        return [(text or "").encode() for text in texts_of(columns[0], self._field.type).to_pylist()]


def messages(fields: Sequence[Field], options: Any) -> TextMessages:
    """The decoder of messages that are texts."""
    if len(fields) != 1:
        raise InvalidTableDefinition(f"raw text has one column, not {len(fields)}")
    return TextMessages(fields[0])


RAW = RecordFormat(
    name="raw_string",
    doc="A line is a value.",
    options=RawOptions,
    decoder=RawCodec,
    encoder=RawCodec,
    messages=messages,
    suffixes=(".txt", ".log"),
    aliases=("text", "raw"),
)
