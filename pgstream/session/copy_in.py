"""COPY FROM STDIN: bytes of any cut in, columns out.

A `CopyReader` takes the client's chunks as they come and turns every few megabytes of whole rows into columns, so
that reading and parsing overlap; `finish` gives all rows at once. It knows nothing of the connection.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import BadCopyFileFormat, CharacterNotInRepertoire, InvalidBinaryRepresentation, SqlError
from pgstream.kernels import copy_fields
from pgstream.kernels import copy_text as cut
from pgstream.kernels.bytes import PADDING, is_utf8
from pgstream.session.copy_options import CopyOptions
from pgstream.types.buffers import string_column
from pgstream.types.definition import SqlType

PARSE_BYTES = 1 << 20
"""How much input is parsed at a time: what stays in the processor's cache."""

FIELDS_MAX = 1 << 17
"""How many fields are cut at a time."""

SHOWN_CHARACTERS_MAX = 100
"""How much of a line or value an error shows."""

_PADDING = bytes(PADDING)

SIGNATURE = b"PGCOPY\n\xff\r\n\0"


@dataclass(frozen=True, slots=True)
class CopyTarget:
    """What is copied into: the relation's name, and its copied columns in the order of the input."""

    relation: str
    names: tuple[str, ...]
    types: tuple[SqlType, ...]


class CopyReader:
    """The rows of one COPY. `feed` and `finish` may run on any thread, one at a time."""

    def __init__(self, target: CopyTarget, options: CopyOptions) -> None:
        self._target = target
        self._options = options
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._batches: list[tuple[Column, ...]] = []
        self._lines = 0
        self._eol = cut.UNKNOWN_EOL
        self._header = options.format == "binary" or options.header != "off"
        self._ended = False
        room = max(1, FIELDS_MAX // len(target.types)) * len(target.types)
        self._room = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.uint8)
        self.rows = 0

    @property
    def ready(self) -> bool:
        """Whether enough has come in for `parse` to be worth while."""
        return self._pending_bytes >= PARSE_BYTES

    def feed(self, chunk: bytes) -> None:
        """More input."""
        self._pending.append(chunk)
        self._pending_bytes += len(chunk)

    def parse(self, final: bool = False) -> None:
        """Parses what is whole of the input so far. Raises what PostgreSQL's COPY raises."""
        content = b"".join(self._pending)
        consumed = len(content) if self._ended else self._parse(content, final)
        self._pending = [content[consumed:]] if consumed < len(content) else []
        self._pending_bytes = len(content) - consumed

    def finish(self) -> tuple[tuple[Column, ...], int]:
        """All columns and the number of rows, once the input is complete."""
        self.parse(final=True)
        if not self._batches:
            return tuple(pa.array([], type.storage) for type in self._target.types), 0
        if len(self._batches) == 1:
            return self._batches[0], self.rows
        width = len(self._target.types)
        merged = tuple(pa.concat_arrays([batch[i] for batch in self._batches]) for i in range(width))
        return merged, self.rows

    def _parse(self, content: bytes, final: bool) -> int:
        """Parses whole rows of `content`; returns how many bytes are done with."""
        start = self._skip_header(content, final)
        if start < 0:
            return 0
        if self._options.format != "binary":
            self._require_utf8(content, final)
        memory = np.frombuffer(content + _PADDING, np.uint8)
        while start < len(content) and not self._ended:
            pieces = self._cut(memory, start, len(content), final)
            self._keep(pieces)
            start = pieces.position
            if pieces.status == cut.END:
                self._ended = True
                return len(content)
            if pieces.status not in (cut.MORE, cut.FULL):
                raise self._malformed(pieces.status, content, start)
            if pieces.status == cut.MORE:
                break
        if final and start < len(content):
            raise BadCopyFileFormat("unexpected EOF in COPY data")
        return start

    def _cut(self, memory: NDArray[np.uint8], start: int, end: int, final: bool) -> "_Pieces":
        """The fields of as many rows as there is room for."""
        columns = len(self._target.types)
        starts, stops, marks = self._room
        options = self._options
        if options.format == "binary":
            found = cut.cut_binary(memory, start, end, columns, starts, stops, marks)
        else:
            if self._eol == cut.UNKNOWN_EOL:
                self._eol = self._line_end(memory, start, end)
            delimiter = options.delimiter[0]
            if options.format == "csv":
                found = cut.cut_csv(
                    memory, start, end, final, columns, delimiter, options.quote[0], options.escape[0], self._eol,
                    starts, stops, marks,
                )  # fmt: skip
            else:
                found = cut.cut_text(
                    memory, start, end, final, columns, delimiter, self._eol, starts, stops, marks
                )  # fmt: skip
        return _Pieces(memory, starts, stops, marks, *found)

    def _line_end(self, memory: NDArray[np.uint8], start: int, end: int) -> int:
        csv = self._options.format == "csv"
        quote, escape = (self._options.quote[0], self._options.escape[0]) if csv else (-1, ord("\\"))
        return int(cut.line_end_kind(memory, start, end, quote, escape))

    def _keep(self, pieces: "_Pieces") -> None:
        if pieces.rows == 0:
            return
        width = len(self._target.types)
        escaped = bool((pieces.marks[: pieces.rows * width] == cut.ESCAPED).any())
        texts = [self._gathered(pieces, i, escaped) for i in range(width)]
        columns = []
        for i, text in enumerate(texts):
            try:
                columns.append(self._read(text, i))
            except SqlError:
                raise self._first_error(texts) from None
        self._batches.append(tuple(columns))
        self.rows += pieces.rows
        self._lines += pieces.rows

    def _gathered(self, pieces: "_Pieces", column: int, escaped: bool) -> Column:
        """One column's fields, escapes and quotes undone, as a string (or binary) column."""
        width = len(self._target.types)
        given = (pieces.memory, pieces.starts, pieces.stops, pieces.marks, pieces.rows, column, width)
        options = self._options
        null = np.frombuffer(options.null, np.uint8)
        if options.format == "binary":
            offsets, values, valid = copy_fields.gather_binary(*given)
        elif options.format == "csv":
            offsets, values, valid = copy_fields.gather_csv(
                *given, null, options.quote[0], options.escape[0],
                column in options.force_not_null, column in options.force_null,
            )  # fmt: skip
        else:
            offsets, values, valid = copy_fields.gather_text(*given, null)
            if escaped and not is_utf8(values.ctypes.data, values.ctypes.data + len(values)):
                raise CharacterNotInRepertoire('invalid byte sequence for encoding "UTF8"')
        storage = pa.binary() if options.format == "binary" else pa.string()
        column_of_text = string_column(offsets, values, storage=storage)
        if valid.all():
            return column_of_text
        bitmap = pa.py_buffer(np.packbits(valid, bitorder="little"))
        return pa.Array.from_buffers(storage, len(valid), [bitmap, *column_of_text.buffers()[1:]])

    def _read(self, fields: Column, position: int) -> Column:
        """Fields as values of their column's type."""
        type = self._target.types[position]
        definition = type.definition
        if self._options.format == "binary":
            return definition.receive(fields, type.typmod)
        return definition.parse(fields, type.typmod)

    def _first_error(self, texts: Sequence[Column]) -> SqlError:
        """The error of the first row that has one, in its first such column, as a row-by-row reader meets it."""
        first: tuple[int, int, SqlError] | None = None
        for i, text in enumerate(texts):
            stop = len(text) if first is None else first[0]
            found = self._failing_row(text.slice(0, stop), i)
            if found is not None:
                first = (found[0], i, found[1])
        assert first is not None
        row, i, error = first
        value = texts[i][row].as_py()
        shown = ": null input" if value is None else "" if isinstance(value, bytes) else f': "{_limited(value)}"'
        error.context = (
            f"COPY {self._target.relation}, line {self._lines + row + 1}, column {self._target.names[i]}{shown}"
        )
        return error

    def _failing_row(self, fields: Column, position: int) -> tuple[int, SqlError] | None:
        """The first row of `fields` that is no value of its type, found by halving."""
        start, stop = 0, len(fields)
        error = self._error_of(fields, position)
        if error is None:
            return None
        while stop - start > 1:
            middle = (start + stop) // 2
            in_first_half = self._error_of(fields.slice(start, middle - start), position)
            if in_first_half is not None:
                stop, error = middle, in_first_half
            else:
                start = middle
        return start, self._error_of(fields.slice(start, 1), position) or error

    def _error_of(self, fields: Column, position: int) -> SqlError | None:
        try:
            self._read(fields, position)
        except SqlError as error:
            return error
        return None

    def _skip_header(self, content: bytes, final: bool) -> int:
        """Where the rows start; -1 while the header is incomplete."""
        if not self._header:
            return 0
        if self._options.format == "binary":
            return self._skip_binary_header(content, final)
        stop = content.find(b"\n")
        if stop < 0 and not final:
            return -1
        line = content if stop < 0 else content[:stop]
        self._eol = self._line_end(np.frombuffer(content, np.uint8), 0, len(content))
        if self._options.header == "match":
            self._match_header(line.removesuffix(b"\r"))
        self._header = False
        self._lines += 1
        return len(content) if stop < 0 else stop + 1

    def _match_header(self, line: bytes) -> None:
        names = [name.strip('"') for name in line.decode("utf-8", "replace").split(self._options.delimiter.decode())]
        expected = self._target.names
        error: BadCopyFileFormat | None = None
        if len(names) != len(expected):
            error = BadCopyFileFormat(
                f"wrong number of fields in header line: got {len(names)}, expected {len(expected)}"
            )
        for i, (name, wanted) in enumerate(zip(names, expected, strict=False)):
            if error is None and name != wanted:
                error = BadCopyFileFormat(
                    f'column name mismatch in header line field {i + 1}: got "{name}", expected "{wanted}"'
                )
        if error is not None:
            shown = _limited(line.decode("utf-8", "replace"))
            error.context = f'COPY {self._target.relation}, line 1: "{shown}"'
            raise error

    def _skip_binary_header(self, content: bytes, final: bool) -> int:
        if len(content) < 19:
            if final or not SIGNATURE.startswith(content[: len(SIGNATURE)]):
                raise BadCopyFileFormat("COPY file signature not recognized")
            return -1
        if not content.startswith(SIGNATURE):
            raise BadCopyFileFormat("COPY file signature not recognized")
        if int.from_bytes(content[11:15], "big") >> 16:
            raise BadCopyFileFormat("unrecognized critical flags in COPY file header")
        extension = int.from_bytes(content[15:19], "big")
        if len(content) < 19 + extension:
            return -1
        self._header = False
        return 19 + extension

    def _require_utf8(self, content: bytes, final: bool) -> None:
        """The check of a chunk stops before a character that the cut went through."""
        memory = np.frombuffer(content, np.uint8)
        end = len(content)
        if not final:
            while end > 0 and end > len(content) - 4 and content[end - 1] >= 0x80:
                end -= 1
        start = memory.ctypes.data
        if end and (not is_utf8(start, start + end) or b"\0" in content):
            _raise_not_utf8(content[:end])

    def _malformed(self, status: int, content: bytes, start: int) -> SqlError:
        """The error for a row that cannot be cut, which starts at `start`."""
        names = self._target.names
        if status == cut.BAD_COUNT:
            count = int.from_bytes(content[start : start + 2], "big", signed=True)
            return self._at_line(BadCopyFileFormat(f"row field count is {count}, expected {len(names)}"), None)
        if status == cut.BAD_LENGTH:
            return self._at_line(InvalidBinaryRepresentation("invalid field size"), None)
        stop = content.find(b"\n", start)
        line = content[start:] if stop < 0 or status == cut.UNQUOTED_END else content[start:stop].removesuffix(b"\r")
        messages = {
            cut.EXTRA: ("extra data after last expected column", None),
            cut.UNQUOTED_END: ("unterminated CSV quoted field", None),
            cut.BARE_NEWLINE: self._bare("newline", "\\n"),
            cut.BARE_RETURN: self._bare("carriage return", "\\r"),
        }
        if status == cut.MISSING:
            message, hint = f'missing data for column "{self._missing_column(line)}"', None
        else:
            message, hint = messages[status]
        return self._at_line(BadCopyFileFormat(message, hint=hint), line)

    def _missing_column(self, line: bytes) -> str:
        """The first column that `line` has no field for."""
        memory = np.frombuffer(line + _PADDING, np.uint8)
        names = self._target.names
        for width in range(1, len(names)):
            reader = CopyReader(CopyTarget("", names[:width], self._target.types[:width]), self._options)
            if reader._cut(memory, 0, len(line), True).status != cut.EXTRA:
                return names[width]
        return names[-1]

    def _bare(self, name: str, escape: str) -> tuple[str, str]:
        if self._options.format == "csv":
            return f"unquoted {name} found in data", f"Use quoted CSV field to represent {name}."
        return f"literal {name} found in data", f'Use "{escape}" to represent {name}.'

    def _at_line(self, error: SqlError, line: bytes | None) -> SqlError:
        shown = "" if line is None else f': "{_limited(line.decode("utf-8", "replace"))}"'
        error.context = f"COPY {self._target.relation}, line {self._lines + 1}{shown}"
        return error


@dataclass(frozen=True, slots=True, eq=False)
class _Pieces:
    """The fields of `rows` rows, row-major; `position` is where the next row starts."""

    memory: NDArray[np.uint8]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    marks: NDArray[np.uint8]
    rows: int
    position: int
    status: int


def _limited(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS_MAX else text[:SHOWN_CHARACTERS_MAX] + "..."


def _raise_not_utf8(content: bytes) -> None:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        shown = " ".join(f"0x{byte:02x}" for byte in content[error.start : error.end])
        raise CharacterNotInRepertoire(f'invalid byte sequence for encoding "UTF8": {shown}') from None
    if b"\0" in content:
        raise CharacterNotInRepertoire('invalid byte sequence for encoding "UTF8": 0x00')
