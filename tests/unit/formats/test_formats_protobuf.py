"""Protobuf: schemas from texts and descriptor sets, all kinds of fields, garbage, files and a registry's numbers."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import pgstream.types  # noqa: F401
from pgstream.errors import InvalidTableDefinition, UndefinedObject
from pgstream.formats.format import Chunk, Decoded, Field
from pgstream.formats.options import parse_options
from pgstream.formats.protobuf import PROTOBUF, varint
from pgstream.formats.protobuf_schema import _compiled, message_class
from pgstream.types.definition import SqlType, array_of
from tests.unit.connectors.sources import drain, fields_of, opened

pytest.importorskip("grpc_tools")

SCHEMA = b"""
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum Kind { UNKNOWN = 0; BOOK = 1; }
message Item { string name = 1; int32 count = 2; }
message Order {
  int64 id = 1;
  optional string note = 2;
  Kind kind = 3;
  double price = 4;
  bytes raw = 5;
  google.protobuf.Timestamp at = 6;
  Item first = 7;
  repeated int32 parts = 8;
  map<string, int32> counts = 9;
  google.protobuf.StringValue wrapped = 10;
  bool paid = 11;
  uint64 big = 12;
}
"""
FIELDS = (
    Field("id", SqlType("int8")), Field("note", SqlType("text")), Field("kind", SqlType("text")),
    Field("price", SqlType("float8")), Field("raw", SqlType("bytea")), Field("at", SqlType("timestamptz")),
    Field("first", SqlType("jsonb")), Field("parts", array_of(SqlType("int4"))), Field("counts", SqlType("jsonb")),
    Field("wrapped", SqlType("text")), Field("paid", SqlType("bool")), Field("big", SqlType("numeric")),
)  # fmt: skip
EVERY = frozenset(range(len(FIELDS)))
FULL = (
    7, "n", "BOOK", 1.5, b"\xff", 1_700_000_000_500_000, '{"name": "a", "count": 2}', [1, 2], '{"x": 1}', "w", True,
    "18446744073709551615",
)  # fmt: skip
EMPTY = (0, None, "UNKNOWN", 0.0, b"", None, None, [], "{}", None, False, "0")


@pytest.fixture(params=["text", "set"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    path = tmp_path / "schema"
    path.write_bytes(SCHEMA if request.param == "text" else _compiled(SCHEMA))
    return f"file://{path}"


def settings(location: str, message: str = "shop.Order") -> Any:
    return parse_options(PROTOBUF.options, {"schema.location": location, "message": message})[0]


def rows(decoded: Decoded) -> list[tuple[object, ...]]:
    columns = [c.cast(pa.int64()) if pa.types.is_timestamp(c.type) else c for c in decoded.columns]
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


def order(**values: Any) -> bytes:
    message: bytes = message_class(SCHEMA, "shop.Order")(**values).SerializeToString()
    return message


def full() -> bytes:
    kind = message_class(SCHEMA, "shop.Order")
    message = kind(id=7, note="n", kind=1, price=1.5, raw=b"\xff", parts=[1, 2], paid=True, big=(1 << 64) - 1)
    message.at.FromMilliseconds(1_700_000_000_500)
    message.first.name, message.first.count = "a", 2
    message.counts["x"] = 1
    message.wrapped.value = "w"
    made: bytes = message.SerializeToString()
    return made


def test_every_kind_of_field(location: str) -> None:
    decoded = PROTOBUF.messages(FIELDS, settings(location)).decode([full(), b""], EVERY)  # type: ignore[misc]
    assert rows(decoded) == [FULL, EMPTY]
    assert PROTOBUF.messages(FIELDS[:1], settings(location)).decode([full()], frozenset()).count == 1  # type: ignore[misc]
    with pytest.raises(UndefinedObject):
        PROTOBUF.messages(FIELDS, settings(location, "shop.Nothing"))  # type: ignore[misc]


def test_what_is_written_is_read_again(location: str) -> None:
    columns = [pa.array([value], field.type.storage) for value, field in zip(FULL, FIELDS, strict=True)]
    encoder = PROTOBUF.encoder(FIELDS, settings(location))  # type: ignore[misc]
    read = PROTOBUF.messages(FIELDS, settings(location)).decode(encoder.messages(columns, 1), EVERY)  # type: ignore[misc]
    assert rows(read) == [FULL]
    chunk = Chunk.of(encoder.encode([pa.concat_arrays([c, c]) for c in columns], 2))
    decoder = PROTOBUF.decoder(FIELDS, settings(location))  # type: ignore[misc]
    assert decoder.cut(chunk, 1, True).rows == 1
    assert rows(decoder.decode(chunk, EVERY)) == [FULL, FULL]
    with pytest.raises(InvalidTableDefinition):
        PROTOBUF.encoder((Field("nothing", SqlType("text")),), settings(location))  # type: ignore[misc]


def test_garbage_messages_keep_their_numbers(location: str) -> None:
    values = [order(id=1), b"garbage", order(id=2), b"\x0a\xff"]
    decoded = PROTOBUF.messages(FIELDS[:1], settings(location)).decode(values, frozenset((0,)))  # type: ignore[misc]
    assert rows(decoded) == [(1,), (2,)]
    assert [(reject.start, reject.raw) for reject in decoded.rejects] == [(1, values[1]), (3, values[3])]


def test_files_of_messages_after_their_lengths(location: str, tmp_path: Path) -> None:
    messages = [order(id=1, note="a" * 200), b"garbage", order(id=2)]
    path = tmp_path / "orders.pb"
    path.write_bytes(b"".join(varint(len(message)) + message for message in messages) + b"\xff\x01cut")
    options = {"schema__location": location, "message": "shop.Order", "format": "protobuf"}
    source = opened(fields_of(id="int8"), connector="filesystem", path=str(path), **options)
    found, rejected, _ = drain(source)
    assert found == [(1,), (2,)]
    assert [reject.raw for reject in rejected] == [b"garbage", b"\xff\x01cut"]
