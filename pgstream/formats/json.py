"""JSON lines: an object a line, its keys the columns' names.

Every scalar is read as PostgreSQL's input function reads its text, quoted or not: `"12"` and `12` are both an int8,
`1.5` is none. A missing key and `null` are NULL; unknown keys are skipped. Nested values go to json, jsonb, array
and text columns, and to composite ones, whose attributes are the keys of an object.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.formats.encoding import joined
from pgstream.formats.format import Chunk, Cut, Decoded, Decoder, Field, RecordFormat, Reject
from pgstream.formats.json_documents import JsonDocuments
from pgstream.formats.json_encoder import JsonEncoder
from pgstream.formats.json_slow import READER, read_slowly, value_text
from pgstream.formats.json_steps import NOTHING_LEARNED, Steps, learn
from pgstream.formats.lines import cut_lines
from pgstream.formats.messages import LineMessages
from pgstream.formats.nested import Read, is_nested, lists_read, maps_read, valid_mask
from pgstream.formats.options import option, read_lenient
from pgstream.formats.sheet import Sheet, is_finished, null_column, put_rows, target
from pgstream.formats.texts import first_errors, read_texts
from pgstream.kernels.bytes import count_lines
from pgstream.kernels.json_lines import read_lines
from pgstream.types.composite import composite_column
from pgstream.types.definition import SqlType
from pgstream.types.map import is_map


@dataclass(frozen=True, kw_only=True)
class JsonOptions:
    """WITH options of `format = 'json'`."""

    timestamp_format: str = option(
        "json.timestamp_format",
        "timestamp.handling.mode",
        default="rfc3339",
        choices=("rfc3339", "unix_millis", "milli"),
        doc="How timestamps are written: as text, or as milliseconds since 1970.",
    )
    unstructured: bool = option(
        "json.unstructured", default=False, doc="Each document, whatever it is, is the value of the only column."
    )

    ignore_errors: bool = option(
        "json.ignore-parse-errors", default=True, doc="Accepted: a bad record stops nothing and lies among the errors."
    )
    fail_on_missing: bool = option(
        "json.fail-on-missing-field", default=False, read=read_lenient, doc="Accepted where false: it is NULL."
    )
    standard: str = option(
        "json.timestamp-format.standard", default="SQL", choices=("SQL", "ISO-8601"),
        doc="Accepted: timestamps are read in both, and written as json.timestamp_format says.",
    )  # fmt: skip

    @property
    def milliseconds(self) -> bool:
        return self.timestamp_format != "rfc3339"


class JsonDecoder:
    """Reads JSON lines into columns. Thread-safe: what it learns is replaced as a whole."""

    def __init__(self, fields: Sequence[Field], options: JsonOptions) -> None:
        self._fields = tuple(fields)
        self._every = frozenset(range(len(self._fields)))
        self._options = options
        self._milliseconds = options.milliseconds
        self._targets = tuple(target(field.name, field.type, options.milliseconds) for field in fields)
        self._learned: dict[frozenset[int], Steps] = {}
        self._within: dict[SqlType, JsonDecoder] = {}

    def cut(self, chunk: Chunk, rows_max: int, final: bool) -> Cut:
        return cut_lines(chunk, rows_max, final)

    def decode(self, chunk: Chunk, needed: frozenset[int]) -> Decoded:
        columns, count, bad, lines = self._rows(chunk, needed)
        full = iter(columns)
        every = [next(full) if c in needed else null_column(f.type.storage, count) for c, f in enumerate(self._fields)]
        rejects = self._rejects(chunk, bad, *lines) if bad else ()
        return drop_rows(every, count, rejects, bad)

    def _rows(
        self, chunk: Chunk, needed: frozenset[int]
    ) -> tuple[list[Column], int, dict[int, str], tuple[Any, list[bytes]]]:
        """The needed columns of all records, how many these are, and what is wrong with bad ones. Last where the slow
        ones stand, and their bytes."""
        wanted = sorted(needed)
        start, end = chunk.address, chunk.address + chunk.size
        rows_max = 1 + (count_lines(start, end) if chunk.rows_max is None else chunk.rows_max)
        sheet = Sheet([self._targets[c] for c in wanted], rows_max, chunk.size)
        steps = self._steps(chunk, wanted, needed)
        slow = np.empty((rows_max, 3), np.int64)
        count, slow_count = read_lines(start, end, sheet.table, steps.table, steps.words, slow)
        if slow_count * 4 > count:
            self._learned.pop(needed, None)
        slow = slow[:slow_count]
        raws = [chunk.part(at - start, at - start + size).rstrip(b"\r") for _, at, size in slow.tolist()]
        columns, bad = self._columns(sheet, wanted, count, slow[:, 0].tolist(), raws)
        return columns, count, bad, (slow, raws)

    def _steps(self, chunk: Chunk, wanted: Sequence[int], needed: frozenset[int]) -> Steps:
        steps = self._learned.get(needed)
        if steps is None:
            line = chunk.part(0, min(chunk.size, 1 << 16)).partition(b"\n")[0]
            steps = learn(line, {self._fields[c].name: i for i, c in enumerate(wanted)}) if line else NOTHING_LEARNED
            self._learned[needed] = steps
        return steps

    def _columns(
        self, sheet: Sheet, wanted: Sequence[int], count: int, slow_rows: list[int], raws: list[bytes]
    ) -> tuple[list[Column], dict[int, str]]:
        """The wanted columns, slow rows merged in, and what is wrong with bad rows."""
        names = [self._fields[c].name for c in wanted]
        types = [self._fields[c].type for c in wanted]
        slow, slow_bad = read_slowly(raws, names, types, self._milliseconds, self._read) if raws else ([], {})
        columns, errors = [], []
        for i, type in enumerate(types):
            column = sheet.column(i, count)
            wrong: dict[int, str] = {}
            if not is_finished(sheet.targets[i]):
                if slow_rows:
                    column = put_rows(column, slow_rows, pa.nulls(len(slow_rows), pa.string()))
                column, wrong = self._read(column, type)
            columns.append(put_rows(column, slow_rows, slow[i]) if slow_rows else column)
            errors.append(wrong)
        bad = {slow_rows[i]: message for i, message in slow_bad.items()}
        return columns, bad | first_errors(names, errors)

    def _read(self, texts: Column, type: SqlType) -> Read:
        """Texts as values of `type`: JSON objects and arrays of them as rows, others by their input function."""
        if not is_nested(type):
            return read_texts(texts, type)
        if type.element is None and not is_map(type):
            return self._read_rows(texts, type)
        expected = "a JSON array is expected"
        values = [None if text is None else READER.decode(text) for text in texts.to_pylist()]

        def elements(items: Sequence[Any], element: SqlType) -> Read:
            made = [value_text(item, element, False) for item in items]
            return self._read(pa.array(made, pa.string()), element)

        if type.element is None:
            return maps_read(values, type, elements, "a JSON object is expected")
        return lists_read(values, type.element, elements, expected)

    def _read_rows(self, texts: Column, type: SqlType) -> Read:
        """JSON objects as rows, by a decoder of their own."""
        within = self._within.get(type)
        if within is None:
            attributes = type.definition.attributes or ()
            within = self._within[type] = JsonDecoder([Field(*one) for one in attributes], self._options)
        lines = pc.replace_substring_regex(pc.fill_null(texts, "{}"), r"[\r\n]", " ")
        chunk = Chunk.of(joined([lines, "\n"], len(lines)))
        fields, _, bad, _ = within._rows(chunk, within._every)
        return composite_column(fields, type.storage, valid_mask(texts, bad)), bad

    def _rejects(self, chunk: Chunk, bad: dict[int, str], slow: Any, raws: list[bytes]) -> tuple[Reject, ...]:
        """The bad rows as rejects. Where a line stands is known for slow ones; others are found again."""
        known = {row: (at - chunk.address, raw) for (row, at, _), raw in zip(slow.tolist(), raws, strict=True)}
        if not bad.keys() <= known.keys():
            at = 0
            row = 0
            for line in chunk.part(0, chunk.size).split(b"\n"):
                if line.strip(b" \t\r"):
                    known.setdefault(row, (at, line.rstrip(b"\r")))
                    row += 1
                at += len(line) + 1
        return tuple(Reject(*known[row], message) for row, message in sorted(bad.items()))


def decoder(fields: Sequence[Field], options: JsonOptions) -> Decoder:
    """The decoder of these columns, or of whole documents."""
    return JsonDocuments(fields, options) if options.unstructured else JsonDecoder(fields, options)


JSON = RecordFormat(
    name="json",
    doc="A JSON object a line.",
    options=JsonOptions,
    decoder=decoder,
    encoder=lambda fields, options: (JsonDocuments if options.unstructured else JsonEncoder)(fields, options),
    messages=lambda fields, options: LineMessages(decoder(fields, options)),
    suffixes=(".json", ".jsonl", ".ndjson"),
)


def drop_rows(columns: Sequence[Column], count: int, rejects: tuple[Reject, ...], bad: dict[int, str]) -> Decoded:
    """The rows that are not `bad`."""
    if not bad:
        return Decoded(tuple(columns), count, ())
    keep = np.ones(count, np.bool_)
    keep[list(bad)] = False
    mask = pa.array(keep)
    return Decoded(tuple(pc.filter(column, mask) for column in columns), int(keep.sum()), rejects)
