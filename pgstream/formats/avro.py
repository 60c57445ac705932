"""Avro: object container files, whose rows are numbered, and single datums as messages, bare or after the number that a
schema registry gave their schema."""

import io
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import InvalidTableDefinition, IoError
from pgstream.formats.avro_schema import AVRO_TYPES, columns_of, fastavro, parsed_schema, schema_of
from pgstream.formats.encoding import texts_of
from pgstream.formats.format import Decoded, Field, FileFormat, Reject
from pgstream.formats.nested import maps_written
from pgstream.formats.objects import rows_of
from pgstream.formats.options import option
from pgstream.formats.schema_registry import HEAD_BYTES, MAGIC, RegistryOptions, read_schema
from pgstream.types.composite import fields_of
from pgstream.types.definition import SqlType
from pgstream.types.map import is_map

Record = dict[str, Any]
SYNC_BYTES = 16


@dataclass(frozen=True, kw_only=True)
class AvroOptions(RegistryOptions):
    """WITH options of `format = 'avro'`."""

    schema: str | None = option("avro.schema", default=None, doc="The schema of messages, as JSON.")
    location: str | None = option("schema.location", default=None, doc="The file or URL of the messages' schema.")
    subject: str = option(
        "value.subject", default="", doc="What a sink registers its schema as; for Kafka '<topic>-value'."
    )
    key_subject: str = option(
        "key.subject", default="", doc="What a sink registers its keys' schema as: '<topic>-key'."
    )
    confluent: bool = option(
        "avro.confluent_schema_registry", default=False, doc="Messages start with their schema's number."
    )
    raw_datums: bool = option("avro.raw_datums", default=False, doc="Messages hold nothing but a datum, as they do.")
    compression: str = option(
        "avro.compression", default="deflate", choices=("null", "deflate"), doc="How a sink packs files."
    )

    def given_schema(self, fields: Sequence[Field]) -> Any:
        """The schema that the options name; else what the columns would be written with."""
        if self.schema is not None:
            return parsed_schema(self.schema)
        if self.location is not None:
            return parsed_schema(read_schema(self.location))
        return parsed_schema(json.dumps(schema_of(fields)))


class AvroRecords:
    """Datums to records, each with its schema: the one that `given` gives, or that whose number it starts with.
    Thread-safe."""

    def __init__(self, options: AvroOptions, given: Callable[[], Any]) -> None:
        self._read = fastavro().schemaless_reader
        self._registry = options.opened_registry()
        if self._registry is None and options.confluent:
            raise InvalidTableDefinition('option "schema.registry" is required to read the numbers of schemas')
        self._schema = given() if self._registry is None else None
        self._known: dict[int, Any] = {}

    def read(self, value: bytes) -> tuple[Record, Any]:
        """Raises whatever bytes that are no such datum make their reader stumble over."""
        datum, schema = value, self._schema
        if self._registry is not None:
            if len(value) < HEAD_BYTES or value[0] != MAGIC:
                raise ValueError("it does not start with the number of a schema")
            schema, datum = self._numbered(int.from_bytes(value[1:HEAD_BYTES], "big")), value[HEAD_BYTES:]
        source = io.BytesIO(datum)
        record = self._read(source, schema, None)
        if not isinstance(record, dict):
            raise ValueError("it is no record")
        if source.tell() != len(datum):
            raise ValueError("it is longer than its schema says")
        return record, schema

    def _numbered(self, number: int) -> Any:
        if number not in self._known:
            assert self._registry is not None
            self._known[number] = parsed_schema(self._registry.schema(number))
        return self._known[number]


class AvroMessages:
    """Datums to rows. Thread-safe."""

    def __init__(self, fields: Sequence[Field], options: AvroOptions, given: Callable[[], Any] | None = None) -> None:
        self._fields = tuple(fields)
        self._records = AvroRecords(options, given or partial(options.given_schema, fields))

    def decode(self, values: Sequence[bytes], needed: frozenset[int]) -> Decoded:
        records: list[Record] = []
        wrong: dict[int, Reject] = {}
        for number, value in enumerate(values):
            try:
                records.append(self._records.read(value)[0])
            except IoError:
                raise
            except Exception as error:  # a reader of bytes that are not Avro raises whatever it stumbles over
                records.append({})
                wrong[number] = Reject(number, value, f"invalid Avro datum: {error or type(error).__name__}")
        return rows_of(records, self._fields, needed, wrong)


def keys(fields: Sequence[Field], options: AvroOptions) -> AvroMessages:
    """The decoder of messages' keys: their schema is the registry's, or what a sink writes these columns with."""
    return AvroMessages(fields, options, lambda: parsed_schema(json.dumps(schema_of(fields))))


def key_encoder(fields: Sequence[Field], options: AvroOptions) -> "AvroEncoder":
    """The encoder of messages' keys."""
    return AvroEncoder(fields, replace(options, subject=options.key_subject))


def for_topic(options: AvroOptions, topic: str) -> AvroOptions:
    """The options with the usual names of a topic's schemas, where others are not given."""
    subject, of_keys = options.subject or f"{topic}-value", options.key_subject or f"{topic}-key"
    return replace(options, subject=subject, key_subject=of_keys)


class Block(NamedTuple):
    """Some rows of a container: where their bytes start, how many these are, and the numbers of the first and last.

    A block that cannot be made out counts as one row, which is refused for `wrong`.
    """

    at: int
    size: int
    first: int
    rows: int
    wrong: str = ""


class AvroFile:
    """A container open for reading by row number."""

    def __init__(self, path: Path, fields: Sequence[Field], options: AvroOptions) -> None:
        self._fields = tuple(fields)
        try:
            self._content = path.read_bytes()
        except OSError as error:
            raise IoError(f'could not open file "{path}" for reading: {error.strerror}') from None
        source = io.BytesIO(self._content)
        try:
            head = fastavro().block_reader(source)
        except (ValueError, EOFError, KeyError) as error:
            raise IoError(f'file "{path}" is no Avro container: {error}') from None
        self._codec = head.metadata.get("avro.codec", "null")
        self._schema = parsed_schema(head.metadata["avro.schema"])
        self._sync = self._content[source.tell() - SYNC_BYTES : source.tell()]
        names = {field.name for field in columns_of(self._schema)}
        missing = [field.name for field in fields if field.name not in names]
        if missing:
            raise InvalidTableDefinition(f'file "{path}" has no column "{missing[0]}"')
        self._blocks = self._found(source.tell())
        self._firsts = np.array([block.first for block in self._blocks], np.int64)

    @property
    def rows(self) -> int:
        return self._blocks[-1].first + self._blocks[-1].rows if self._blocks else 0

    def _found(self, at: int) -> list[Block]:
        """The blocks from a position on; where one cannot be made out, the next mark is sought."""
        blocks: list[Block] = []
        row = 0
        while at < len(self._content):
            rows, start = read_long(self._content, at)
            size, start = read_long(self._content, start)
            end = start + size
            if 0 < rows <= size + 1 and size >= 0 and self._content[end : end + SYNC_BYTES] == self._sync:
                blocks.append(Block(start, size, row, rows))
                row, at = row + rows, end + SYNC_BYTES
                continue
            mark = self._content.find(self._sync, at)
            after = len(self._content) if mark < 0 else mark
            blocks.append(Block(at, after - at, row, 1, "a block of the Avro container is damaged"))
            row, at = row + 1, after + SYNC_BYTES
        return blocks

    def read(self, first: int, count: int, needed: frozenset[int]) -> Decoded:
        records: list[Record] = []
        wrong: dict[int, Reject] = {}
        number = int(np.searchsorted(self._firsts, first, "right")) - 1
        while len(records) < count:
            block = self._blocks[number]
            skipped = first + len(records) - block.first
            self._take(block, skipped, min(block.rows - skipped, count - len(records)), records, wrong)
            number += 1
        decoded = rows_of(records, self._fields, needed, wrong)
        rejects = tuple(Reject(first + reject.start, reject.raw, reject.message) for reject in decoded.rejects)
        return Decoded(decoded.columns, decoded.count, rejects)

    def _take(self, block: Block, skipped: int, count: int, records: list[Record], wrong: dict[int, Reject]) -> None:
        """Appends `count` records of a block. What comes after one that cannot be read cannot be found."""
        raw = self._content[block.at : block.at + block.size]
        message = block.wrong
        try:
            source = io.BytesIO(DECOMPRESS[self._codec](raw) if not message else b"")
            read = fastavro().schemaless_reader
            for row in range(0 if message else skipped + count):
                record = read(source, self._schema, None)
                if row >= skipped:
                    records.append(record)
                    count -= 1
        except Exception as error:  # see AvroMessages
            message = f"invalid Avro block: {error or type(error).__name__}"
        for _ in range(count):
            wrong[len(records)] = Reject(len(records), raw, message)
            records.append({})


def read_long(content: bytes, at: int) -> tuple[int, int]:
    """A variable-length number, and the position after it; -1 where there is none."""
    value = shift = 0
    while at < len(content) and shift < 64:
        byte = content[at]
        value |= (byte & 127) << shift
        shift, at = shift + 7, at + 1
        if byte < 128:
            return (value >> 1) ^ -(value & 1), at
    return -1, at


def unpack_snappy(raw: bytes) -> bytes:
    """A block's content; four bytes of a checksum follow it."""
    size = shift = 0
    for byte in raw[:5]:
        size |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    return bytes(pa.decompress(raw[:-4], decompressed_size=size, codec="snappy"))


def unpack_zstd(raw: bytes) -> bytes:
    return bytes(pa.CompressedInputStream(pa.BufferReader(raw), "zstd").read())


DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "null": bytes,
    "deflate": lambda raw: zlib.decompress(raw, -15),
    "snappy": unpack_snappy,
    "zstandard": unpack_zstd,
}


def number_of(options: AvroOptions, schema: str) -> bytes:
    """What messages start with: the number under which the registry keeps their schema; nothing without a registry."""
    registry = options.opened_registry()
    if registry is None:
        return b""
    if not options.subject:
        raise InvalidTableDefinition('option "value.subject" is required to register a schema')
    return bytes([MAGIC]) + registry.register(options.subject, schema, "AVRO").to_bytes(4, "big")


class AvroEncoder:
    """Writes container files, and datums as messages."""

    def __init__(self, fields: Sequence[Field], options: AvroOptions) -> None:
        self._fields = tuple(fields)
        self._codec = options.compression
        text = json.dumps(schema_of(fields))
        self._schema = parsed_schema(text)
        self._head = number_of(options, text)

    def head(self) -> bytes:
        return b""

    def encode(self, columns: Sequence[Column], count: int) -> bytes:
        target = io.BytesIO()
        fastavro().writer(target, self._schema, self._records(columns, count), codec=self._codec)
        return target.getvalue()

    def messages(self, columns: Sequence[Column], count: int) -> list[bytes]:
        """The bytes of each record, on its own."""
        write = fastavro().schemaless_writer
        made = []
        for record in self._records(columns, count):
            target = io.BytesIO()
            target.write(self._head)
            write(target, self._schema, record)
            made.append(target.getvalue())
        return made

    def _records(self, columns: Sequence[Column], count: int) -> list[Record]:
        names = [field.name for field in self._fields]
        values = [plain_values(column, field.type) for column, field in zip(columns, self._fields, strict=True)]
        return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)] if values else [{}] * count


def plain_values(column: Column, type: SqlType) -> list[Any]:
    """A column's values as they are written."""
    if type.element is not None:
        flat, element = column.flatten(), type.element
        lengths = column.value_lengths().to_pylist()
        items = iter(plain_values(flat, element))
        return [None if length is None else [next(items) for _ in range(length)] for length in lengths]
    if is_map(type):
        return maps_written(column, type, plain_values)
    attributes = type.definition.attributes
    if attributes is not None:
        cells = [plain_values(field, own) for field, (_, own) in zip(fields_of(column), attributes, strict=True)]
        rows = zip(*cells, strict=True) if cells else [()] * len(column)
        names = [name for name, _ in attributes]
        known = column.is_valid().to_pylist()
        return [dict(zip(names, row, strict=True)) if there else None for row, there in zip(rows, known, strict=True)]
    if type.name not in AVRO_TYPES:
        texts: list[Any] = texts_of(column, type).to_pylist()
        return texts
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    elif pa.types.is_date(column.type):
        column = column.cast(pa.int32())
    values: list[Any] = column.to_pylist()
    return values


def infer(path: Path) -> tuple[Field, ...]:
    """The columns of a container file."""
    with path.open("rb") as file:
        try:
            return columns_of(parsed_schema(fastavro().block_reader(file).metadata["avro.schema"]))
        except (ValueError, EOFError) as error:
            raise IoError(f'file "{path}" is no Avro container: {error}') from None


def told(options: AvroOptions, topic: str) -> tuple[Field, ...] | None:
    """The columns of the newest schema that the registry has of a topic's values, or of the schema that is given."""
    registry = options.opened_registry()
    if registry is not None:
        return columns_of(parsed_schema(registry.latest(options.subject or f"{topic}-value")[1]))
    return columns_of(options.given_schema(())) if options.schema or options.location else None


AVRO = FileFormat(
    name="avro",
    doc="Apache Avro: container files, and datums as messages.",
    options=AvroOptions,
    reader=AvroFile,
    infer=infer,
    encoder=AvroEncoder,
    messages=AvroMessages,
    message_encoder=AvroEncoder,
    told=told,
    keys=keys,
    key_encoder=key_encoder,
    for_topic=for_topic,
    suffixes=(".avro",),
)
