"""JSON documents: each line or message, whatever it says, is the value of the only column (jsonb, json or text)."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidTableDefinition
from pgstream.formats.encoding import joined, texts_of
from pgstream.formats.format import Chunk, Cut, Decoded, Field, Reject
from pgstream.formats.lines import cut_lines
from pgstream.formats.messages import line_starts, without_rows
from pgstream.formats.texts import is_text_itself, read_texts
from pgstream.types.definition import SqlType

DOCUMENT = SqlType("json")


class JsonDocuments:
    """Documents to values of the only column, and back. A text column holds the document as it was written."""

    def __init__(self, fields: Sequence[Field], options: Any) -> None:
        if len(fields) != 1 or not (fields[0].type.name in ("json", "jsonb") or is_text_itself(fields[0].type)):
            raise InvalidTableDefinition("unstructured JSON has one column, of type jsonb, json or text")
        self._field = fields[0]

    def cut(self, chunk: Chunk, rows_max: int, final: bool) -> Cut:
        return cut_lines(chunk, rows_max, final)

    def decode(self, chunk: Chunk, needed: frozenset[int]) -> Decoded:
        raw = chunk.part(0, chunk.size)
        lines = raw.split(b"\n")
        starts = line_starts(lines).tolist()
        texts: list[str] = []
        places: list[int] = []
        rejects: list[Reject] = []
        for place, line in enumerate(lines):
            if not line.strip():
                continue
            try:
                texts.append(line.strip().decode())
                places.append(place)
            except UnicodeDecodeError:
                rejects.append(Reject(starts[place], line, 'invalid byte sequence for encoding "UTF8"'))
        column = pa.array(texts, pa.string())
        checked, bad = read_texts(column, DOCUMENT if is_text_itself(self._field.type) else self._field.type)
        column = without_rows(column if is_text_itself(self._field.type) else checked, bad)
        rejects += [Reject(starts[places[row]], lines[places[row]], message) for row, message in bad.items()]
        return Decoded((column,), len(column), tuple(sorted(rejects)))

    def head(self) -> bytes:
        return b""

    def encode(self, columns: Sequence[Column], count: int) -> bytes:
        return joined([texts_of(columns[0], self._field.type).fill_null("null"), "\n"], count)

    def messages(self, columns: Sequence[Column], count: int) -> list[bytes]:
        """The bytes of each record, on its own."""
        return [(text or "null").encode() for text in texts_of(columns[0], self._field.type).to_pylist()]
