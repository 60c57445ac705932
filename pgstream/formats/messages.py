"""Messages: records that a connector brings one by one, each with its own bytes, instead of end to end in a chunk."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.formats.format import Chunk, Decoded, Decoder, Field, Reject
from pgstream.formats.texts import read_texts


class LineMessages:
    """Messages that are lines of a chunk for `lines`. What stands for a newline within one is `newline`; where that
    is None, such a message is refused."""

    def __init__(self, lines: Decoder, newline: bytes | None = b" ") -> None:
        self._lines = lines
        self._newline = newline

    def decode(self, values: Sequence[bytes], needed: frozenset[int]) -> Decoded:
        rejects: list[Reject] = []
        kept = self._kept(values, rejects)
        texts = [values[i].strip() for i in kept]
        if self._newline is not None:
            texts = [text.replace(b"\n", self._newline) if b"\n" in text else text for text in texts]
        decoded = self._lines.decode(Chunk.of(b"\n".join([*texts, b""])), needed)
        starts = line_starts(texts) if decoded.rejects else np.empty(0, np.int64)
        for start, _, message in decoded.rejects:
            number = kept[int(np.searchsorted(starts, start))]
            rejects.append(Reject(number, values[number], message))
        return Decoded(decoded.columns, decoded.count, tuple(sorted(rejects)), decoded.deletes)

    def _kept(self, values: Sequence[bytes], rejects: list[Reject]) -> Sequence[int]:
        """The numbers of the messages that a line can hold."""
        if self._newline is not None and all(values) and not any(map(bytes.isspace, values)):
            return range(len(values))
        kept = []
        for number, value in enumerate(values):
            text = value.strip()
            if not text:
                rejects.append(Reject(number, value, "the message is empty"))
            elif self._newline is None and b"\n" in text:
                rejects.append(Reject(number, value, "the message holds more than one line"))
            else:
                kept.append(number)
        return kept


def line_starts(lines: Sequence[bytes]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Where each line starts in a chunk of all of them, with a newline behind each."""
    sizes = np.fromiter(map(len, lines), np.int64, len(lines)) + 1
    return np.cumsum(sizes) - sizes


class TextMessages:
    """Messages each of which is the text of a value of the only column."""

    def __init__(self, field: Field) -> None:
        self._field = field

    def decode(self, values: Sequence[bytes], needed: frozenset[int]) -> Decoded:
        texts: list[str] = []
        numbers: list[int] = []
        rejects: list[Reject] = []
        for number, value in enumerate(values):
            try:
                if b"\0" in value:
                    raise ValueError
                texts.append(value.decode())
                numbers.append(number)
            except ValueError:
                rejects.append(Reject(number, value, 'invalid byte sequence for encoding "UTF8"'))
        column, bad = read_texts(pa.array(texts, pa.string()), self._field.type)
        rejects += [Reject(numbers[row], values[numbers[row]], message) for row, message in bad.items()]
        column = without_rows(column, bad)
        return Decoded((column,), len(column), tuple(sorted(rejects)))


def without_rows(column: Column, bad: "dict[int, str] | set[int]") -> Column:
    """`column` without the rows that are `bad`."""
    if not bad:
        return column
    keep = np.ones(len(column), np.bool_)
    keep[list(bad)] = False
    return column.filter(pa.array(keep))
