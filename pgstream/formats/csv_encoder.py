"""Columns to CSV, as PostgreSQL's COPY TO writes it."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.formats.encoding import joined, texts_of
from pgstream.formats.format import Field


class CsvEncoder:
    """Writes CSV: values are quoted where they must be, NULL is the null text, the empty text is quoted."""

    def __init__(self, fields: Sequence[Field], options: Any) -> None:
        self._fields = tuple(fields)
        self._options = options

    def head(self) -> bytes:
        if not self._options.has_header:
            return b""
        names = pa.array([field.name for field in self._fields], pa.string())
        line: str = self._options.delimiter.join(self._quoted(names).to_pylist())
        return line.encode() + b"\n"

    def encode(self, columns: Sequence[Column], count: int) -> bytes:
        parts: list[Any] = []
        for field, column in zip(self._fields, columns, strict=True):
            text = self._quoted(texts_of(column, field.type))
            parts += [pc.fill_null(text, self._options.null), self._options.delimiter]
        return joined([*parts[:-1], "\n"], count)

    def messages(self, columns: Sequence[Column], count: int) -> list[bytes]:
        """The bytes of each record, on its own."""
        return [self.encode([c.slice(row, 1) for c in columns], 1).removesuffix(b"\n") for row in range(count)]

    def _quoted(self, text: Column) -> Column:
        """`text` with quotes around the values that need them."""
        quote = self._options.quote
        special = "[" + "".join(f"\\x{ord(c):02x}" for c in (self._options.delimiter, quote, "\n", "\r")) + "]"
        needs = pc.or_(pc.match_substring_regex(text, special), pc.equal(text, self._options.null))
        if not pc.any(needs).as_py():
            return text
        doubled = pc.binary_join_element_wise(quote, pc.replace_substring(text, quote, quote * 2), quote, "")
        return pc.if_else(needs, doubled, text)
