"""Kafka messages to rows: the value by the format, the other columns from what is around it, and deletions by key."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from pgstream.connectors.connector import Opening
from pgstream.connectors.kafka_columns import Shown, read_shown, shown_columns
from pgstream.connectors.source import Rejected, Rows
from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue
from pgstream.formats.format import Decoded, Field, MessageDecoder
from pgstream.formats.messages import without_rows
from pgstream.formats.sheet import null_column

Message = Any
NO_VALUE = "the message has no value"


class Amended:
    """A message with another value."""

    def __init__(self, message: Message, raw: bytes) -> None:
        self._message, self._raw = message, raw

    def value(self) -> bytes:
        return self._raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._message, name)


class Part(NamedTuple):
    """Some messages' rows: the number of each row's message, the columns of the value, and which rows delete."""

    numbers: np.ndarray[tuple[int], np.dtype[np.int64]]
    columns: tuple[Column, ...]
    deletes: np.ndarray[tuple[int], np.dtype[np.bool_]]


class MessageRows:
    """Compiled for one source. Thread-safe."""

    def __init__(self, opening: Opening, columns: Mapping[str, str]) -> None:
        fields, form = opening.fields or (), opening.format
        assert form is not None
        if form.messages is None:
            raise InvalidParameterValue(f'format "{form.name}" cannot be read from Kafka')
        self._fields = fields
        self._shown: tuple[Shown, ...] = shown_columns(fields, columns)
        outside = {shown.position for shown in self._shown}
        self._valued = [position for position in range(len(fields)) if position not in outside]
        values: tuple[Field, ...] = tuple(fields[position] for position in self._valued)
        self._decoder: MessageDecoder | None = form.messages(values, opening.format_options) if values else None
        self._upserts = opening.envelope == "upsert"
        self._changes = opening.envelope == "debezium"
        self._in_key = [self._valued.index(position) for position in opening.key if position not in outside]
        of_key = [values[place] for place in self._in_key]
        own = form.keys is not None and bool(of_key)
        self._keys = form.keys(of_key, opening.format_options) if form.keys is not None and own else None

    def rows(self, messages: Sequence[Message], needed: frozenset[int], stream: str) -> Rows:
        """The rows of messages of one partition, in their order; `stream` is what their places are in."""
        values = [message.value() for message in messages]
        rejected: dict[int, str] = {}
        wanted = frozenset(i for i, position in enumerate(self._valued) if position in needed)
        parts = [self._decoded([i for i, v in enumerate(values) if v is not None], values, wanted, rejected, False)]
        gone = [number for number, value in enumerate(values) if value is None]
        if gone and self._upserts:
            keys = [message.key() or b"" for message in messages]
            parts.append(self._decoded(gone, keys, wanted, rejected, True))
        elif gone and not self._changes:  # after a deletion, Debezium sends a tombstone for Kafka's own sake
            rejected |= dict.fromkeys(gone, NO_VALUE)
        return self._whole(_merged(parts), messages, needed, stream, rejected)

    def _decoded(
        self,
        numbers: list[int],
        records: Sequence[bytes | None],
        wanted: frozenset[int],
        rejected: dict[int, str],
        deletes: bool,
    ) -> Part:
        """The rows of the messages of these numbers, read from `records`."""
        if self._decoder is None or (deletes and not self._in_key):
            nothing = tuple(null_column(self._fields[p].type.storage, len(numbers)) for p in self._valued)
            return Part(np.array(numbers, np.int64), nothing, np.full(len(numbers), deletes))
        given = [records[number] or b"" for number in numbers]
        decoded = self._of_keys(given) if deletes and self._keys is not None else self._decoder.decode(given, wanted)
        left = np.array(numbers, np.int64)
        if decoded.rejects:
            rejected |= {numbers[reject.start]: reject.message for reject in decoded.rejects}
            left = np.delete(left, [reject.start for reject in decoded.rejects])
        assert len(left) == decoded.count, "each message gives a row or a reject"
        removing = np.full(len(left), deletes) if decoded.deletes is None else decoded.deletes
        return Part(left, decoded.columns, removing)

    def _of_keys(self, keys: Sequence[bytes]) -> Decoded:
        """Keys as rows in which every other column is NULL."""
        assert self._keys is not None
        decoded = self._keys.decode(keys, frozenset(range(len(self._in_key))))
        columns = [null_column(self._fields[p].type.storage, decoded.count) for p in self._valued]
        for place, column in zip(self._in_key, decoded.columns, strict=True):
            columns[place] = column
        return Decoded(tuple(columns), decoded.count, decoded.rejects)

    def _whole(
        self, part: Part, messages: Sequence[Message], needed: frozenset[int], stream: str, rejected: dict[int, str]
    ) -> Rows:
        kept = messages if len(part.numbers) == len(messages) else [messages[n] for n in part.numbers.tolist()]
        columns = dict(zip(self._valued, part.columns, strict=True))
        bad: dict[int, str] = {}
        for shown in self._shown:
            if shown.position not in needed:
                columns[shown.position] = null_column(shown.field.type.storage, len(kept))
                continue
            columns[shown.position], wrong = read_shown(shown, kept)
            bad |= {row: f'column "{shown.field.name}": {message}' for row, message in wrong.items()}
        rejected |= {int(part.numbers[row]): message for row, message in bad.items()}
        every = tuple(without_rows(columns[position], bad) for position in range(len(self._fields)))
        deletes = np.delete(part.deletes, list(bad)) if bad else part.deletes
        errors = tuple(
            Rejected(messages[n].value() or messages[n].key() or b"", why, f"{stream}:{messages[n].offset()}")
            for n, why in sorted(rejected.items())
        )
        first = messages[0].offset() if messages else 0
        changes = deletes if self._upserts or self._changes else None
        return Rows(every, len(kept) - len(bad), errors, f"{stream}:{first}", changes)


def _merged(parts: Sequence[Part]) -> Part:
    """The rows of all parts in the order of their messages."""
    if len(parts) == 1:
        return parts[0]
    numbers = np.concatenate([part.numbers for part in parts])
    order = np.argsort(numbers, kind="stable")
    picks = pa.array(order)
    columns = zip(*(part.columns for part in parts), strict=True)
    whole = tuple(pa.concat_arrays(list(pieces)).take(picks) for pieces in columns)
    return Part(numbers[order], whole, np.concatenate([part.deletes for part in parts])[order])
