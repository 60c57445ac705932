"""CSV as PostgreSQL's COPY reads it: quotes are doubled inside quotes, and an unquoted empty value is NULL.

Chunks go through pyarrow's reader, which knows the usual spellings of the usual types. Where it refuses, the chunk
is halved until the records that it cannot read stand alone; those are read one by one by the types' input functions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import pyarrow as pa
from pyarrow import csv as arrow_csv

from pgstream.delta import Column
from pgstream.errors import InvalidTableDefinition
from pgstream.formats.csv_encoder import CsvEncoder
from pgstream.formats.csv_slow import read_slowly
from pgstream.formats.format import Chunk, Cut, Decoded, Field, RecordFormat, Reject
from pgstream.formats.lines import cut_lines
from pgstream.formats.messages import LineMessages
from pgstream.formats.options import option
from pgstream.formats.sheet import null_column
from pgstream.formats.texts import is_text_itself, read_texts
from pgstream.kernels.bytes import memory_has
from pgstream.kernels.csv_records import skip_records

NATIVE = frozenset(("int2", "int4", "int8", "float8", "timestamp", "date"))
"""Types of which pyarrow's reader accepts nothing that PostgreSQL would read otherwise."""

SLOW_RECORDS = 32


def read_character(text: str) -> str:
    """One ASCII character, also spelled \\t or tab."""
    named = {"\\t": "\t", "tab": "\t", "t": "\t"}.get(text.lower() if len(text) > 1 else text, text)
    if len(named) != 1 or not named.isascii() or named in "\r\n":
        raise ValueError("a single one-byte character is expected")
    return named


@dataclass(frozen=True, kw_only=True)
class CsvOptions:
    """WITH options of `format = 'csv'`."""

    header: bool = option("header", "csv.header", default=False, doc="Files start with the columns' names.")
    without_header: bool = option("without_header", default=False, doc="RisingWave's way to say header = 'false'.")
    delimiter: str = option("delimiter", "csv.delimiter", default=",", read=read_character, doc="Between values.")
    quote: str = option("quote", "csv.quote", default='"', read=read_character, doc="Around values.")
    null: str = option("null", "csv.null", default="", doc="How NULL is written, unquoted.")

    @property
    def has_header(self) -> bool:
        return self.header and not self.without_header


class CsvDecoder:
    """Reads CSV into columns. `order` names the values of a record, as the file has them."""

    def __init__(self, fields: Sequence[Field], options: CsvOptions, order: Sequence[str] | None = None) -> None:
        self._fields = tuple(fields)
        self._options = options
        self._order = tuple(order) if order is not None else tuple(field.name for field in fields)
        missing = [field.name for field in fields if field.name not in self._order]
        if missing:
            raise InvalidTableDefinition(f'column "{missing[0]}" is not in the header: {", ".join(self._order)}')
        self._parse = arrow_csv.ParseOptions(
            delimiter=options.delimiter, quote_char=options.quote, newlines_in_values=True,
            ignore_empty_lines=len(self._order) > 1,
        )  # fmt: skip

    def cut(self, chunk: Chunk, rows_max: int, final: bool) -> Cut:
        start, end = chunk.address, chunk.address + chunk.size
        if not memory_has(start, end, ord(self._options.quote)):
            return cut_lines(chunk, rows_max, final)
        after, rows = skip_records(start, end, rows_max, ord(self._options.quote))
        if final and rows < rows_max and after < end:
            return Cut(chunk.size, rows + 1)
        return Cut(after - start, rows)

    def decode(self, chunk: Chunk, needed: frozenset[int]) -> Decoded:
        parts: list[Decoded] = []
        self._decode(chunk.part(0, chunk.size), 0, needed, parts)
        if len(parts) == 1:
            return parts[0]
        columns = tuple(pa.concat_arrays([part.columns[c] for part in parts]) for c in range(len(self._fields)))
        return Decoded(columns, sum(part.count for part in parts), tuple(r for part in parts for r in part.rejects))

    def _decode(self, raw: bytes, start: int, needed: frozenset[int], parts: list[Decoded]) -> None:
        """Appends what `raw` holds, which is at `start` of the chunk."""
        if not raw.strip(b"\r\n"):
            parts.append(self._full({}, raw.count(b"\n") if len(self._order) == 1 else 0, ()))
            return
        fast = self._fast(raw, needed)
        if fast is not None:
            parts.append(fast)
            return
        chunk = Chunk.of(raw)
        quote = ord(self._options.quote)
        _, records = skip_records(chunk.address, chunk.address + chunk.size, len(raw), quote)
        if records > SLOW_RECORDS:
            after, _ = skip_records(chunk.address, chunk.address + chunk.size, records // 2, quote)
            middle = after - chunk.address
            self._decode(raw[:middle], start, needed, parts)
            self._decode(raw[middle:], start + middle, needed, parts)
            return
        wanted = [self._fields[c] for c in sorted(needed)]
        columns, count, rejects = read_slowly(raw, start, self._order, wanted, self._options)
        parts.append(self._full(dict(zip(sorted(needed), columns, strict=True)), count, rejects))

    def _fast(self, raw: bytes, needed: frozenset[int]) -> Decoded | None:
        """What pyarrow reads of `raw`; None where it refuses."""
        wanted = sorted(needed) or [0]
        storages = {
            self._fields[c].name: self._fields[c].type.storage if self._fields[c].type.name in NATIVE else pa.string()
            for c in wanted
        }
        convert = arrow_csv.ConvertOptions(
            column_types=storages, include_columns=list(storages), null_values=[self._options.null],
            strings_can_be_null=True, quoted_strings_can_be_null=False,
        )  # fmt: skip
        reading = arrow_csv.ReadOptions(use_threads=False, block_size=len(raw) + 1, column_names=list(self._order))
        try:
            table = arrow_csv.read_csv(BytesIO(raw), reading, self._parse, convert)
        except (pa.ArrowInvalid, pa.ArrowKeyError):
            return None
        columns: dict[int, Column] = {}
        for c, chunked in zip(wanted, table.columns, strict=True):
            column, errors = self._finish(chunked.combine_chunks(), self._fields[c])
            if errors:
                return None
            columns[c] = column
        return self._full(columns, table.num_rows, ())

    def _finish(self, column: Column, field: Field) -> tuple[Column, dict[int, str]]:
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
        if field.type.name in NATIVE or is_text_itself(field.type):
            return column, {}
        return read_texts(column, field.type)

    def _full(self, columns: dict[int, Column], count: int, rejects: tuple[Reject, ...]) -> Decoded:
        every = [columns.get(c, null_column(f.type.storage, count)) for c, f in enumerate(self._fields)]
        return Decoded(tuple(every), count, rejects)


def headed(fields: Sequence[Field], options: CsvOptions, head: bytes) -> CsvDecoder:
    """The decoder of a file that starts with `head`."""
    from pgstream.formats.csv_slow import split_record

    names = [value.text for value in split_record(head.decode(errors="replace").strip("\r\n\ufeff"), options)]
    return CsvDecoder(fields, options, names)


CSV = RecordFormat(
    name="csv",
    doc="Values between delimiters, a record a line.",
    options=CsvOptions,
    decoder=CsvDecoder,
    encoder=CsvEncoder,
    messages=lambda fields, options: LineMessages(CsvDecoder(fields, options), newline=None),
    head_records=lambda options: int(options.has_header),
    headed=headed,
    suffixes=(".csv", ".tsv"),
)
