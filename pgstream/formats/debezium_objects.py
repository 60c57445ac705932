"""Debezium's envelope in Avro and Protobuf: records of `before`, `after` and `op`, as `debezium_json.py` reads them.

Of what Kafka Connect says about a value (`connect.name`), Debezium's times are read as times.
"""

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from pgstream.delta import Column
from pgstream.errors import InvalidTableDefinition, IoError
from pgstream.formats.avro import AvroEncoder, AvroOptions, AvroRecords, for_topic, key_encoder, number_of
from pgstream.formats.avro_schema import schema_of
from pgstream.formats.debezium_json import operation_of, wrong_envelope
from pgstream.formats.format import Decoded, Field, RecordFormat, Reject
from pgstream.formats.objects import rows_of
from pgstream.formats.protobuf import ProtobufEncoder, ProtobufOptions, ProtobufRecords, record_of, varint
from pgstream.formats.protobuf_schema import of_descriptor

Record = dict[str, Any]
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
US_OF = {
    "io.debezium.time.Timestamp": 1000, "io.debezium.time.MicroTimestamp": 1,
    "org.apache.kafka.connect.data.Timestamp": 1000,
}  # fmt: skip
"""Microseconds in the unit of a number that is a time."""


class Envelopes(Protocol):
    """What reads messages as records."""

    def envelope(self, value: bytes, names: Sequence[str]) -> tuple[str | None, Record | None, Record | None]:
        """The operation, and the row before and after, of which `names` are needed. Raises what `failures` names."""

    @property
    def failures(self) -> tuple[type[Exception], ...]: ...


class DebeziumMessages:
    """Messages to changes. Thread-safe."""

    def __init__(self, fields: Sequence[Field], envelopes: Envelopes, what: str) -> None:
        self._fields, self._envelopes, self._what = tuple(fields), envelopes, what

    def decode(self, values: Sequence[bytes], needed: frozenset[int]) -> Decoded:
        records: list[Record] = []
        wrong: dict[int, Reject] = {}
        deletes = np.zeros(len(values), np.bool_)
        names = [self._fields[position].name for position in sorted(needed)]
        for number, value in enumerate(values):
            row: Record | None = None
            try:
                operation, before, after = self._envelopes.envelope(value, names)
                row = before if operation == "d" else after
                if operation not in ("c", "r", "u", "d") or row is None:
                    wrong[number] = Reject(number, value, wrong_envelope(operation))
                deletes[number] = operation == "d"
            except IoError:
                raise
            except self._envelopes.failures as error:
                said = str(error) or type(error).__name__
                wrong[number] = Reject(number, value, f"invalid {self._what}: {said}")
            records.append(row or {})
        decoded = rows_of(records, self._fields, needed, wrong)
        gone = [reject.start for reject in decoded.rejects]
        raws = tuple(Reject(one.start, values[one.start], one.message) for one in decoded.rejects)
        return Decoded(decoded.columns, decoded.count, raws, np.delete(deletes, gone))


class AvroEnvelopes:
    """Envelopes in Avro."""

    failures = (Exception,)  # a reader of bytes that are not Avro raises whatever it stumbles over

    def __init__(self, options: AvroOptions) -> None:
        self._records = AvroRecords(options, lambda: options.given_schema(()))
        self._times: dict[int, dict[str, Callable[[Any], Any]]] = {}

    def envelope(self, value: bytes, names: Sequence[str]) -> tuple[str | None, Record | None, Record | None]:
        record, schema = self._records.read(value)
        times = self._times.get(id(schema))
        if times is None:
            times = self._times[id(schema)] = times_of(schema)
        operation = record.get("op")
        return operation, _timed(record.get("before"), times), _timed(record.get("after"), times)


def times_of(schema: Any) -> dict[str, Callable[[Any], Any]]:
    """How the columns of an envelope's rows are read that hold times as numbers."""
    found: dict[str, Callable[[Any], Any]] = {}
    rows = [part for field in schema.get("fields", ()) if field["name"] == "before" for part in _parts(field["type"])]
    for row in rows:
        for field in row.get("fields", ()) if isinstance(row, dict) else ():
            for part in _parts(field["type"]):
                unit = US_OF.get(part.get("connect.name", "")) if isinstance(part, dict) else None
                if unit is not None:
                    found[field["name"]] = partial(moment, unit)
    return found


def moment(unit_us: int, number: int) -> dt.datetime:
    """The time that is so many units after 1970."""
    return EPOCH + dt.timedelta(microseconds=number * unit_us)


def _parts(schema: Any) -> list[Any]:
    return schema if isinstance(schema, list) else [schema]


def _timed(row: Record | None, times: Mapping[str, Callable[[Any], Any]]) -> Record | None:
    if row is None or not times:
        return row
    return row | {name: read(row[name]) for name, read in times.items() if isinstance(row.get(name), int)}


class ProtobufEnvelopes:
    """Envelopes in Protobuf: fields of messages by the names of Debezium's."""

    def __init__(self, options: ProtobufOptions) -> None:
        self._records = ProtobufRecords(options)

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        return self._records.failures

    def envelope(self, value: bytes, names: Sequence[str]) -> tuple[str | None, Record | None, Record | None]:
        message = self._records.read(value)
        known = message.DESCRIPTOR.fields_by_name
        if "op" not in known:
            raise ValueError('a Debezium record has no "op"')
        rows = [
            record_of(getattr(message, name), names) if name in known and message.HasField(name) else None
            for name in ("before", "after")
        ]
        return message.op or None, rows[0], rows[1]


ENVELOPE = "pgstream.Envelope"


class AvroChanges:
    """Changes of rows in Avro. An envelope's bytes are those of its parts, one after the other."""

    def __init__(self, fields: Sequence[Field], options: AvroOptions) -> None:
        row = schema_of(fields)
        envelope = {
            "type": "record",
            "name": ENVELOPE,
            "fields": [
                {"name": "before", "type": ["null", row], "default": None},
                {"name": "after", "type": ["null", row["name"]], "default": None},
                {"name": "op", "type": "string"},
            ],
        }
        self._head = number_of(options, json.dumps(envelope))
        self._rows = AvroEncoder(fields, replace(options, registry=None))

    def messages(self, columns: Sequence[Column], count: int) -> list[bytes]:
        """The bytes of each row."""
        return self._rows.messages(columns, count)

    def change(self, before: bytes | None, after: bytes | None) -> bytes:
        """The record of one change: a part is a zero, or a two and the row."""
        parts = [b"\0" if row is None else b"\2" + row for row in (before, after)]
        return b"".join((self._head, *parts, b"\2", operation_of(before, after)))


class ProtobufChanges:
    """Changes of rows in Protobuf, in the envelope that the options name."""

    def __init__(self, fields: Sequence[Field], options: ProtobufOptions) -> None:
        envelope = options.given_class().DESCRIPTOR
        places = envelope.fields_by_name
        if not {"before", "after", "op"} <= set(places) or places["after"].message_type is None:
            raise InvalidTableDefinition(f'message "{envelope.full_name}" has no fields before, after and op')
        self._tags = {name: varint(places[name].number << 3 | 2) for name in ("before", "after", "op")}
        self._rows = ProtobufEncoder(fields, options, of_descriptor(places["after"].message_type))

    def messages(self, columns: Sequence[Column], count: int) -> list[bytes]:
        """The bytes of each row."""
        return self._rows.messages(columns, count)

    def change(self, before: bytes | None, after: bytes | None) -> bytes:
        """The record of one change: fields in any order, each after its tag and its length."""
        parts = (("before", before), ("after", after), ("op", operation_of(before, after)))
        return b"".join(self._tags[name] + varint(len(part)) + part for name, part in parts if part is not None)


def avro_messages(fields: Sequence[Field], options: AvroOptions) -> DebeziumMessages:
    return DebeziumMessages(fields, AvroEnvelopes(options), "Avro datum")


def protobuf_messages(fields: Sequence[Field], options: ProtobufOptions) -> DebeziumMessages:
    return DebeziumMessages(fields, ProtobufEnvelopes(options), "Protobuf message")


DEBEZIUM_AVRO = RecordFormat(
    name="debezium_avro",
    doc="Debezium's envelope in Avro: changes of a table with a primary key.",
    options=AvroOptions,
    decoder=None,
    encoder=None,
    messages=avro_messages,
    changes=AvroChanges,
    key_encoder=key_encoder,
    for_topic=for_topic,
)
DEBEZIUM_PROTOBUF = RecordFormat(
    name="debezium_protobuf",
    doc="Debezium's envelope in Protobuf: changes of a table with a primary key.",
    options=ProtobufOptions,
    decoder=None,
    encoder=None,
    messages=protobuf_messages,
    changes=ProtobufChanges,
)
