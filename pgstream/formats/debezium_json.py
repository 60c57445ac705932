"""Debezium's envelope in JSON: `{"before": {…}, "after": {…}, "op": "c" | "r" | "u" | "d"}`, bare or as the `payload`
beside its `schema`. A record replaces the row with the key of its `after`, or deletes that with the key of `before`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.formats.encoding import joined
from pgstream.formats.format import Chunk, Cut, Decoded, Field, RecordFormat, Reject
from pgstream.formats.json import JsonDecoder, JsonOptions
from pgstream.formats.json_encoder import JsonEncoder
from pgstream.formats.lines import cut_lines
from pgstream.formats.messages import LineMessages, line_starts
from pgstream.formats.options import option
from pgstream.types.definition import SqlType

TEXT, DOCUMENT = SqlType("text"), SqlType("json")
ENVELOPE = (Field("op", TEXT), Field("before", DOCUMENT), Field("after", DOCUMENT), Field("payload", DOCUMENT))
EVERY = frozenset(range(len(ENVELOPE)))
OPERATIONS = pa.array(["c", "r", "u", "d"])


@dataclass(frozen=True, kw_only=True)
class DebeziumOptions:
    """WITH options of `format = 'debezium_json'`, and of `FORMAT DEBEZIUM ENCODE JSON`."""

    timestamp_format: str = option(
        "json.timestamp_format", "debezium_json.timestamp_format", "timestamp.handling.mode",
        default="unix_millis", choices=("rfc3339", "unix_millis", "milli"),
        doc="What a number is for a timestamp: milliseconds since 1970, or an error.",
    )  # fmt: skip


class DebeziumDecoder:
    """Reads a change a line. Thread-safe."""

    def __init__(self, fields: Sequence[Field], options: DebeziumOptions) -> None:
        self._envelope = JsonDecoder(ENVELOPE, JsonOptions())
        self._rows = JsonDecoder(fields, JsonOptions(timestamp_format=options.timestamp_format))

    def cut(self, chunk: Chunk, rows_max: int, final: bool) -> Cut:
        return cut_lines(chunk, rows_max, final)

    def decode(self, chunk: Chunk, needed: frozenset[int]) -> Decoded:
        envelopes = self._envelope.decode(chunk, EVERY)
        payloads = envelopes.columns[3]
        if payloads.null_count == len(payloads):
            return self._opened(chunk, envelopes, needed)
        lines = accepted_lines(chunk, envelopes.rejects)
        paired = zip(payloads.to_pylist(), lines, strict=True)
        texts = [raw if inner is None else inner.encode() for inner, (_, raw) in paired]
        bare = Chunk.of(b"\n".join([*texts, b""]))
        decoded = self._opened(bare, self._envelope.decode(bare, EVERY), needed)
        numbers = np.searchsorted(line_starts(texts), [reject.start for reject in decoded.rejects]).tolist()
        wrong = [rejected(lines[n], reject.message) for n, reject in zip(numbers, decoded.rejects, strict=True)]
        rejects = tuple(sorted([*envelopes.rejects, *wrong]))
        return Decoded(decoded.columns, decoded.count, rejects, decoded.deletes)

    def _opened(self, chunk: Chunk, envelopes: Decoded, needed: frozenset[int]) -> Decoded:
        """The rows that the envelopes of a chunk's lines hold."""
        operation, before, after, _ = envelopes.columns
        deletes = pc.fill_null(pc.equal(operation, "d"), False)
        texts = pc.if_else(deletes, before, after)
        good = pc.and_(pc.is_in(operation, OPERATIONS), pc.is_valid(texts))
        if not pc.all(good).as_py():
            texts, deletes = texts.filter(good), deletes.filter(good)
        rows = joined([texts, "\n"], len(texts))
        decoded = self._rows.decode(Chunk.of(rows), needed)
        deleted = np.asarray(deletes)
        if decoded.count == envelopes.count:
            return Decoded(decoded.columns, decoded.count, envelopes.rejects, deleted)
        return self._with_rejects(chunk, envelopes, np.asarray(good), decoded, (texts, deleted))

    def _with_rejects(
        self, chunk: Chunk, envelopes: Decoded, good: Any, decoded: Decoded, kept: tuple[Column, Any]
    ) -> Decoded:
        """`decoded` of the `kept` texts, with what is wrong in the envelopes and in the rows within."""
        lines = accepted_lines(chunk, envelopes.rejects)
        texts, deleted = kept
        places = np.flatnonzero(good)
        starts = line_starts([text.encode() for text in texts.to_pylist()])
        bad = np.searchsorted(starts, [reject.start for reject in decoded.rejects])
        rejects = [*envelopes.rejects]
        for place, reject in zip(places[bad].tolist(), decoded.rejects, strict=True):
            rejects.append(rejected(lines[place], reject.message))
        for place in np.flatnonzero(~good).tolist():
            rejects.append(rejected(lines[place], wrong_envelope(envelopes.columns[0][place].as_py())))
        left = np.delete(deleted, bad)
        return Decoded(decoded.columns, decoded.count, tuple(sorted(rejects)), left)


def wrong_envelope(operation: str | None) -> str:
    """What is wrong with an envelope of which no row can be made."""
    if operation is None:
        return 'a Debezium record has no "op"'
    if operation not in ("c", "r", "u", "d"):
        return f'operation "{operation}" of a Debezium record is none of c, r, u and d'
    return f'a Debezium record of operation "{operation}" has no "{"before" if operation == "d" else "after"}"'


def rejected(line: tuple[int, bytes], message: str) -> Reject:
    """A line that gives no row."""
    start, raw = line
    return Reject(start, raw, message)


def accepted_lines(chunk: Chunk, rejects: Sequence[Reject]) -> list[tuple[int, bytes]]:
    """(where it starts, its bytes) of each line of a chunk that gave a row."""
    refused = {reject.start for reject in rejects}
    found, at = [], 0
    for line in chunk.part(0, chunk.size).split(b"\n"):
        if line.strip(b" \t\r") and at not in refused:
            found.append((at, line.rstrip(b"\r")))
        at += len(line) + 1
    return found


class DebeziumEncoder:
    """Writes what is inserted as records of operation c."""

    def __init__(self, fields: Sequence[Field], options: Any) -> None:
        self._rows = JsonEncoder(fields, options)

    def head(self) -> bytes:
        return b""

    def encode(self, columns: Sequence[Column], count: int) -> bytes:
        return b"".join(message + b"\n" for message in self.messages(columns, count))

    def messages(self, columns: Sequence[Column], count: int) -> list[bytes]:
        """The bytes of each record, on its own."""
        return [change_record(None, row) for row in self._rows.messages(columns, count)]


class JsonChanges(JsonEncoder):
    """Changes of rows as JSON objects."""

    def change(self, before: bytes | None, after: bytes | None) -> bytes:
        """The record of one change."""
        return change_record(before, after)


def change_record(before: bytes | None, after: bytes | None) -> bytes:
    """The envelope of one change of a row, whose JSON texts these are."""
    return b'{"before":%b,"after":%b,"op":"%b"}' % (before or b"null", after or b"null", operation_of(before, after))


def operation_of(before: bytes | None, after: bytes | None) -> bytes:
    """What Debezium calls a change."""
    return b"d" if after is None else b"c" if before is None else b"u"


DEBEZIUM_JSON = RecordFormat(
    name="debezium_json",
    doc="Debezium's envelope around JSON objects: changes of a table with a primary key.",
    options=DebeziumOptions,
    decoder=DebeziumDecoder,
    encoder=DebeziumEncoder,
    messages=lambda fields, options: LineMessages(DebeziumDecoder(fields, options)),
    changes=JsonChanges,
)
