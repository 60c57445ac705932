"""Protobuf: messages of one type, bare or after the numbers that a schema registry gave their schema; in files, each
after its length.

A field that is not set is NULL where its presence is known (messages, `optional`, `oneof`), and else its default.
"""

import base64
import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidTableDefinition
from pgstream.formats.encoding import texts_of
from pgstream.formats.format import Chunk, Cut, Decoded, Field, RecordFormat, Reject
from pgstream.formats.json import JsonDecoder, JsonOptions
from pgstream.formats.messages import LineMessages
from pgstream.formats.nested import is_nested, maps_written
from pgstream.formats.objects import rows_of
from pgstream.formats.options import option
from pgstream.formats.protobuf_schema import message_class, protobuf
from pgstream.formats.schema_registry import HEAD_BYTES, MAGIC, Registry, RegistryOptions, read_schema
from pgstream.types.composite import fields_of
from pgstream.types.definition import SqlType
from pgstream.types.map import is_map

TIMESTAMP = "google.protobuf.Timestamp"
WRAPPERS = frozenset(
    f"google.protobuf.{kind}Value"
    for kind in ("Bool", "Bytes", "Double", "Float", "Int32", "Int64", "String", "UInt32", "UInt64")
)


@dataclass(frozen=True, kw_only=True)
class ProtobufOptions(RegistryOptions):
    """WITH options of `format = 'protobuf'`."""

    message: str | None = option(
        "message", "protobuf.message", "proto.message", default=None, doc="The messages' type, with its package."
    )
    location: str | None = option(
        "schema.location", "protobuf.schema", default=None, doc="The file or URL of a descriptor set or a .proto text."
    )

    def given_class(self) -> Any:
        """The class of the messages. Raises InvalidTableDefinition where no schema is given."""
        if self.location is None:
            raise InvalidTableDefinition('option "schema.location" is required for Protobuf')
        return message_class(read_schema(self.location), self.message)


class ProtobufRecords:
    """Bytes to messages of one type. Thread-safe."""

    def __init__(self, options: ProtobufOptions) -> None:
        self._message = options.message
        self._registry = options.opened_registry()
        self._class: Any = options.given_class() if self._registry is None else None
        self._known: dict[int, Any] = {}
        self.failures: tuple[type[Exception], ...] = (protobuf().message.DecodeError, ValueError)

    def read(self, value: bytes) -> Any:
        """The message. Raises one of `failures`."""
        kind, content = self._class, value
        if self._registry is not None:
            kind, content = self._numbered(self._registry, value)
        return kind.FromString(content)

    def _numbered(self, registry: Registry, value: bytes) -> tuple[Any, bytes]:
        """The class of a message's schema, and what follows the schema's number and the path of the type in it."""
        if len(value) <= HEAD_BYTES or value[0] != MAGIC:
            raise ValueError("it does not start with the number of a schema")
        number = int.from_bytes(value[1:HEAD_BYTES], "big")
        if number not in self._known:
            self._known[number] = message_class(registry.schema(number).encode(), self._message)
        steps, at = read_varint(value, HEAD_BYTES)
        for _ in range(steps >> 1):
            _, at = read_varint(value, at)
        return self._known[number], value[at:]


class ProtobufMessages:
    """Messages to rows. Thread-safe."""

    def __init__(self, fields: Sequence[Field], options: ProtobufOptions) -> None:
        self._fields = tuple(fields)
        self._records = ProtobufRecords(options)

    def decode(self, values: Sequence[bytes], needed: frozenset[int]) -> Decoded:
        records: list[dict[str, Any]] = []
        wrong: dict[int, Reject] = {}
        names = [self._fields[c].name for c in sorted(needed)]
        for number, value in enumerate(values):
            try:
                records.append(record_of(self._records.read(value), names))
            except self._records.failures as error:
                records.append({})
                wrong[number] = Reject(number, value, f"invalid Protobuf message: {error}")
        return rows_of(records, self._fields, needed, wrong)


def record_of(message: Any, names: Sequence[str]) -> dict[str, Any]:
    """The fields of these names."""
    known = message.DESCRIPTOR.fields_by_name
    return {name: value_of(message, known[name]) for name in names if name in known}


def value_of(message: Any, field: Any) -> Any:
    """A field's value as a Python object: enums by name, messages as what their JSON form is."""
    if field.has_presence and not message.HasField(field.name):
        return None
    value = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return (
            protobuf().json_format.MessageToDict(message, preserving_proto_field_name=True)[field.name] if value else {}
        )
    return [single(item, field) for item in value] if is_repeated(field) else single(value, field)


def is_repeated(field: Any) -> bool:
    return bool(field.is_repeated) if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED


def single(value: Any, field: Any) -> Any:
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return value if known is None else known.name
    if field.message_type is None:
        return value
    name = field.message_type.full_name
    if name == TIMESTAMP:
        return value.ToDatetime(tzinfo=dt.UTC)
    if name in WRAPPERS:
        return value.value
    return protobuf().json_format.MessageToDict(value, preserving_proto_field_name=True)


def read_varint(content: bytes, at: int) -> tuple[int, int]:
    """A number of a variable length, and the position after it. Raises ValueError where there is none."""
    value = shift = 0
    while at < len(content) and shift < 64:
        byte = content[at]
        value |= (byte & 127) << shift
        shift, at = shift + 7, at + 1
        if byte < 128:
            return value, at
    raise ValueError("a length is cut off")


def varint(value: int) -> bytes:
    """A number in as few bytes as it needs."""
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


class ProtobufDecoder:
    """Messages of a file, each after its length."""

    def __init__(self, fields: Sequence[Field], options: ProtobufOptions) -> None:
        self._messages = ProtobufMessages(fields, options)

    def cut(self, chunk: Chunk, rows_max: int, final: bool) -> Cut:
        ends = self._ends(chunk.part(0, chunk.size), rows_max)
        if final and len(ends) < rows_max and (ends[-1][1] if ends else 0) < chunk.size:
            return Cut(chunk.size, len(ends) + 1)
        return Cut(ends[-1][1] if ends else 0, len(ends))

    def decode(self, chunk: Chunk, needed: frozenset[int]) -> Decoded:
        content = chunk.part(0, chunk.size)
        ends = self._ends(content, chunk.size)
        starts = [0, *(end for _, end in ends)]
        decoded = self._messages.decode([content[start:end] for start, end in ends], needed)
        rejects = [Reject(starts[reject.start], reject.raw, reject.message) for reject in decoded.rejects]
        if starts[-1] < len(content):
            rejects.append(Reject(starts[-1], content[starts[-1] :], "invalid Protobuf message: its length is wrong"))
        return Decoded(decoded.columns, decoded.count, tuple(rejects))

    @staticmethod
    def _ends(content: bytes, rows_max: int) -> list[tuple[int, int]]:
        """Where each whole message starts and ends."""
        found: list[tuple[int, int]] = []
        at = 0
        while at < len(content) and len(found) < rows_max:
            try:
                size, start = read_varint(content, at)
            except ValueError:
                break
            if start + size > len(content):
                break
            at = start + size
            found.append((start, at))
        return found


class ProtobufEncoder:
    """Writes messages of the type that the options name."""

    def __init__(self, fields: Sequence[Field], options: ProtobufOptions, kind: Any = None) -> None:
        """`kind` is the class of messages that are not of the type that the options name."""
        self._fields = tuple(fields)
        self._class = options.given_class() if kind is None else kind
        missing = [field.name for field in fields if field.name not in self._class.DESCRIPTOR.fields_by_name]
        if missing:
            raise InvalidTableDefinition(f'message "{self._class.DESCRIPTOR.full_name}" has no field "{missing[0]}"')

    def head(self) -> bytes:
        return b""

    def encode(self, columns: Sequence[Column], count: int) -> bytes:
        return b"".join(varint(len(message)) + message for message in self.messages(columns, count))

    def messages(self, columns: Sequence[Column], count: int) -> list[bytes]:
        """The bytes of each record, on its own."""
        values = [plain_values(column, field) for column, field in zip(columns, self._fields, strict=True)]
        parse = protobuf().json_format.ParseDict
        made = []
        for row in zip(*values, strict=True):
            record = {f.name: value for f, value in zip(self._fields, row, strict=True) if value is not None}
            made.append(parse(record, self._class()).SerializeToString())
        return made


def plain_values(column: Column, field: Field) -> list[Any]:
    """A column's values in the JSON form of Protobuf."""
    type = field.type
    attributes = type.definition.attributes
    if attributes is not None:
        return _row_values(column, attributes)
    if is_map(type):
        return maps_written(column, type, lambda values, own: plain_values(values, Field(field.name, own)))
    if is_nested(type):
        assert type.element is not None
        items = iter(plain_values(column.flatten(), Field(field.name, type.element)))
        lengths = column.value_lengths().to_pylist()
        return [None if length is None else [next(items) for _ in range(length)] for length in lengths]
    if type.name == "bytea":
        return [None if value is None else base64.b64encode(value).decode() for value in column.to_pylist()]
    if type.name in ("json", "jsonb"):
        return [None if text is None else json.loads(text) for text in column.to_pylist()]
    if pa.types.is_timestamp(column.type):
        zoned = column.cast(pa.timestamp("us", "UTC"))
        return [None if value is None else value.isoformat().replace("+00:00", "Z") for value in zoned.to_pylist()]
    if type.element is not None or type.name in ("int2", "int4", "int8", "float4", "float8", "bool"):
        values: list[Any] = column.to_pylist()
        return values
    texts: list[Any] = texts_of(column, type).to_pylist()
    return texts


def _row_values(column: Column, attributes: Sequence[tuple[str, SqlType]]) -> list[Any]:
    """Rows as objects of those of their fields that are not NULL."""
    cells = [plain_values(field, Field(*one)) for field, one in zip(fields_of(column), attributes, strict=True)]
    rows = zip(*cells, strict=True) if cells else [()] * len(column)
    return [
        {name: cell for (name, _), cell in zip(attributes, row, strict=True) if cell is not None} if there else None
        for row, there in zip(rows, column.is_valid().to_pylist(), strict=True)
    ]


PROTOBUF = RecordFormat(
    name="protobuf",
    doc="Protocol Buffers: messages of one type.",
    options=ProtobufOptions,
    decoder=ProtobufDecoder,
    encoder=ProtobufEncoder,
    messages=ProtobufMessages,
    keys=lambda fields, options: LineMessages(JsonDecoder(fields, JsonOptions())),
    suffixes=(".pb",),
)
