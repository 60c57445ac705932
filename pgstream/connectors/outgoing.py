"""Changes as records with keys, as upserts or in Debezium's envelope: what sinks of messages send.

Plain records are rows, which cannot be retracted. Of upserts and Debezium's records a commit sends what it changes in
sum: one record for each key, or for each row where there is no key.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pgstream.connectors.changelog import copies, inserted
from pgstream.connectors.connector import Opening
from pgstream.connectors.sink import Changes
from pgstream.delta import Column, Delta, concat
from pgstream.errors import DatatypeMismatch, InvalidParameterValue, UndefinedColumn
from pgstream.formats.encoding import texts_of
from pgstream.formats.format import ChangeEncoder, Field, MessageEncoder, RecordFormat
from pgstream.formats.json_encoder import JsonEncoder
from pgstream.storage.consolidate import consolidate


class Record(NamedTuple):
    """One message; `time_ms` is its timestamp in milliseconds since 1970, -1 for that of its sending."""

    key: bytes | None
    value: bytes | None
    time_ms: int = -1


class Outgoing:
    """Makes records of changes, for one sink. `key` are columns; a `text_key` is the bare text of one."""

    def __init__(
        self,
        opening: Opening,
        key: Sequence[str] = (),
        *,
        text_key: str | None = None,
        timestamp: str | None = None,
    ) -> None:
        form, fields = opening.format, opening.fields
        assert fields is not None
        assert form is not None
        self._fields = fields
        self._envelope = opening.envelope
        self._key = tuple(place_of(fields, name) for name in key)
        self._text_key = None if text_key is None else place_of(fields, text_key)
        if self._envelope == "upsert" and not key:
            raise InvalidParameterValue('option "primary_key" is required for upserts')
        options = opening.format_options
        wraps = form.changes if isinstance(form, RecordFormat) and self._envelope == "debezium" else None
        self._changes = None if wraps is None else wraps(fields, options)
        if self._changes is None and (form.message_encoder is None or self._envelope == "debezium"):
            raise InvalidParameterValue(f'format "{form.name}" cannot be written as messages')
        self._rows: MessageEncoder | ChangeEncoder
        if self._changes is not None:
            self._rows = self._changes
        else:
            assert form.message_encoder is not None
            self._rows = form.message_encoder(fields, options)
        of_key = [fields[place] for place in self._key]
        own = form.key_encoder if of_key else None
        self._keys: MessageEncoder = JsonEncoder(of_key, options) if own is None else own(of_key, options)
        self._timestamp = None if timestamp is None else place_of(fields, timestamp)
        if self._timestamp is not None and not pa.types.is_timestamp(fields[self._timestamp].type.storage):
            raise DatatypeMismatch(f'column "{timestamp}" is no timestamp')

    @property
    def append_only(self) -> bool:
        return self._envelope == "plain"

    def records(self, changes: Changes) -> list[Record]:
        """The records of a commit, in order. Raises FeatureNotSupported for a retraction that cannot be sent."""
        if self._envelope == "plain":
            return self._plain(changes)
        parts = [delta for _, delta in changes.ticks if len(delta)]
        if not parts:
            return []
        net = consolidate(concat(parts))
        gone, come = net.filter(net.weights < 0), net.filter(net.weights > 0)
        if not self._key:
            return self._each(copies(gone), copies(come))
        before, after = self._by_key(gone), self._by_key(come)
        if self._envelope == "upsert":
            removed = [Record(key, None) for key in before if key not in after]
            return [*removed, *(Record(key, value, time) for key, (value, time) in after.items())]
        found = [Record(key, self._change(value, None)) for key, (value, _) in before.items() if key not in after]
        for key, (value, time) in after.items():
            old = before.get(key)
            found.append(Record(key, self._change(None if old is None else old[0], value), time))
        return found

    def _plain(self, changes: Changes) -> list[Record]:
        columns, count = inserted(changes)
        if not count:
            return []
        values = self._rows.messages(columns, count)
        return list(map(Record, self._made_keys(columns, count), values, self._times(columns, count)))

    def _change(self, before: bytes | None, after: bytes | None) -> bytes:
        assert self._changes is not None
        return self._changes.change(before, after)

    def _each(self, gone: Delta, come: Delta) -> list[Record]:
        """Every row on its own: a row that changed is deleted and created."""
        removed = self._rows.messages(gone.columns, len(gone)) if len(gone) else []
        made = self._rows.messages(come.columns, len(come)) if len(come) else []
        times = self._times(come.columns, len(come))
        return [
            *(Record(None, self._change(row, None)) for row in removed),
            *(Record(None, self._change(None, row), time) for row, time in zip(made, times, strict=True)),
        ]

    def _by_key(self, delta: Delta) -> dict[bytes | None, tuple[bytes, int]]:
        """The value and the time of each key; the last, where several rows have it."""
        if not len(delta):
            return {}
        keys = self._made_keys(delta.columns, len(delta))
        values = self._rows.messages(delta.columns, len(delta))
        return dict(zip(keys, zip(values, self._times(delta.columns, len(delta)), strict=True), strict=True))

    def _made_keys(self, columns: Sequence[Column], count: int) -> Sequence[bytes | None]:
        if self._text_key is not None:
            texts = texts_of(columns[self._text_key], self._fields[self._text_key].type).to_pylist()
            return [None if text is None else text.encode() for text in texts]
        if not self._key:
            return [None] * count
        return self._keys.messages([columns[place] for place in self._key], count)

    def _times(self, columns: Sequence[Column], count: int) -> Sequence[int]:
        if self._timestamp is None:
            return [-1] * count
        micros = columns[self._timestamp].cast(pa.int64()).fill_null(-1000)
        return [max(-1, ms) for ms in np.floor_divide(np.asarray(micros), 1000).tolist()]


def place_of(fields: Sequence[Field], name: str) -> int:
    """The position of a column. Raises UndefinedColumn."""
    for place, field in enumerate(fields):
        if field.name == name:
            return place
    raise UndefinedColumn(f'column "{name}" does not exist')
