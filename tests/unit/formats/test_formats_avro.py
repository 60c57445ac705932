"""Avro: containers by row number, damaged ones too; datums bare and with a registry's numbers; all types both ways."""

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import pgstream.types  # noqa: F401
from pgstream.errors import InvalidParameterValue, InvalidTableDefinition, IoError
from pgstream.formats.avro import AVRO, AvroFile, infer
from pgstream.formats.format import Decoded, Field
from pgstream.formats.options import parse_options
from pgstream.types.definition import SqlType, array_of
from tests.unit.connectors.sources import drain, fields_of, opened

fastavro = pytest.importorskip("fastavro")
FIELDS = (Field("id", SqlType("int4")), Field("v", SqlType("text")))
EVERY = frozenset((0, 1))


def settings(**options: str) -> Any:
    return parse_options(AVRO.options, {name.replace("__", "."): value for name, value in options.items()})[0]


def rows(decoded: Decoded) -> list[tuple[object, ...]]:
    return list(zip(*(column.to_pylist() for column in decoded.columns), strict=True))


def container(count: int, codec: str = "null", block: int = 100) -> bytes:
    schema = {"type": "record", "name": "r", "fields": [{"name": "id", "type": "int"}, {"name": "v", "type": "string"}]}
    target = io.BytesIO()
    records = ({"id": n, "v": f"v{n}"} for n in range(count))
    fastavro.writer(target, schema, records, codec=codec, sync_interval=block)
    return target.getvalue()


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_containers_by_row_number(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "a.avro"
    path.write_bytes(container(1000, codec))
    file = AvroFile(path, FIELDS, settings())
    assert file.rows == 1000
    assert [field.name for field in infer(path)] == ["id", "v"]
    for first, count in ((0, 1000), (0, 1), (37, 200), (999, 1)):
        assert rows(file.read(first, count, EVERY)) == [(n, f"v{n}") for n in range(first, first + count)]
    assert file.read(5, 2, frozenset((1,))).columns[0].null_count == 2
    with pytest.raises(InvalidTableDefinition):
        AvroFile(path, (Field("w", SqlType("text")),), settings())


@pytest.mark.parametrize("damage", ["head of a block", "inside a block", "end"])
def test_damaged_containers(tmp_path: Path, damage: str) -> None:
    """What can be read is; what cannot is refused, at its own place, however the reads are cut."""
    whole = bytearray(container(200))
    sync = bytes(whole[-16:])
    marks = [at for at in range(len(whole) - 16) if whole[at : at + 16] == sync]
    if damage == "head of a block":
        whole[marks[2] + 16 : marks[2] + 19] = b"\xff\xff\xff"
    elif damage == "inside a block":
        whole[marks[2] + 40 : marks[2] + 43] = b"\xff\xff\xff"
    else:
        del whole[-25:]
    path = tmp_path / "a.avro"
    path.write_bytes(bytes(whole))
    source = opened(fields_of(id="int4", v="text"), connector="filesystem", path=str(path))
    found, rejected, _ = drain(source)
    assert rejected
    assert found == [(n, f"v{n}") for n in sorted({id for id, _ in found})]
    assert 150 < len(found) < 200
    file = AvroFile(path, FIELDS, settings())
    pieces = [file.read(n, 1, EVERY) for n in range(file.rows)]
    assert [row for piece in pieces for row in rows(piece)] == found
    assert sum(len(piece.rejects) for piece in pieces) == len(rejected)
    path.write_bytes(b"no container")
    with pytest.raises(IoError):
        AvroFile(path, FIELDS, settings())


TYPES = {
    "b": (SqlType("bool"), [True, None, False]), "i": (SqlType("int2"), [1, -2, None]),
    "l": (SqlType("int8"), [1 << 60, None, 0]), "f": (SqlType("float8"), [1.5, None, float("inf")]),
    "n": (SqlType("numeric"), ["1.50", "NaN", None]), "t": (SqlType("text"), ['"é', "", None]),
    "y": (SqlType("bytea"), [b"\0\xff", None, b""]), "j": (SqlType("jsonb"), ['{"a": [1, null]}', "1", None]),
    "d": (SqlType("date"), [0, -700000, None]), "s": (SqlType("timestamp"), [1_700_000_000_123_456, -1, None]),
    "z": (SqlType("timestamptz"), [1_700_000_000_123_456, 0, None]),
    "a": (array_of(SqlType("int4")), [[1, None], [], None]),
}  # fmt: skip


def test_all_types_there_and_back(tmp_path: Path) -> None:
    fields = tuple(Field(name, type) for name, (type, _) in TYPES.items())
    columns = [pa.array(values, type.storage) for type, values in TYPES.values()]
    encoder = AVRO.encoder(fields, settings())  # type: ignore[misc]
    every = frozenset(range(len(fields)))
    messages = AVRO.message_encoder(fields, settings()).messages(columns, 3)  # type: ignore[misc]
    read = AVRO.messages(fields, settings()).decode(messages, every)  # type: ignore[misc]
    assert [list(c.to_pylist()) for c in read.columns] == [list(c.to_pylist()) for c in columns]
    path = tmp_path / "a.avro"
    path.write_bytes(encoder.encode(columns, 3))
    again = AvroFile(path, fields, settings()).read(0, 3, every)
    assert [list(c.to_pylist()) for c in again.columns] == [list(c.to_pylist()) for c in columns]
    with path.open("rb") as file:
        assert next(iter(fastavro.reader(file)))["n"] == "1.50"


def test_garbage_messages_keep_their_numbers() -> None:
    encoder = AVRO.message_encoder(FIELDS, settings())  # type: ignore[misc]
    good = encoder.messages([pa.array([1, 2], pa.int32()), pa.array(["a", "b"])], 2)
    values = [good[0], b"", b"\x04garbage", good[1] + b"!", good[1]]
    decoded = AVRO.messages(FIELDS, settings()).decode(values, EVERY)  # type: ignore[misc]
    assert rows(decoded) == [(1, "a"), (2, "b")]
    assert [(reject.start, reject.raw) for reject in decoded.rejects] == [(n, values[n]) for n in (1, 2, 3)]
    wide = {"type": "record", "name": "r", "fields": [{"name": "id", "type": "long"}, {"name": "w", "type": "int"}]}
    target = io.BytesIO()
    fastavro.schemaless_writer(target, fastavro.parse_schema(wide), {"id": 1 << 40, "w": 1})
    narrow = AVRO.messages(FIELDS, settings(avro__schema=json.dumps(wide)))  # type: ignore[misc]
    (reject,) = narrow.decode([target.getvalue()], EVERY).rejects
    assert reject.message == 'column "id": value "1099511627776" is out of range for type integer'


class Registry(BaseHTTPRequestHandler):
    """A schema registry of one process."""

    schemas: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        number = int(self.path.rpartition("/")[2])
        known = 0 < number <= len(self.schemas)
        self._answer(200 if known else 404, {"schema": self.schemas[number - 1]} if known else {})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if body["schema"] not in self.schemas:
            self.schemas.append(body["schema"])
        self._answer(200, {"id": self.schemas.index(body["schema"]) + 1})

    def _answer(self, code: int, body: object) -> None:
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def registry() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Registry.schemas.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_numbers_of_a_registry(registry: str) -> None:
    given = settings(schema__registry=registry, value__subject="t-value")
    columns = [pa.array([1], pa.int32()), pa.array(["a"])]
    (message,) = AVRO.message_encoder(FIELDS, given).messages(columns, 1)  # type: ignore[misc]
    assert message[:5] == b"\0\0\0\0\x01"
    older = {"type": "record", "name": "r", "fields": [{"name": "id", "type": "int"}]}
    Registry.schemas.append(json.dumps(older))
    target = io.BytesIO()
    fastavro.schemaless_writer(target, fastavro.parse_schema(older), {"id": 7})
    values = [message, b"\0\0\0\0\x02" + target.getvalue(), b"\x01garbage", b"\0"]
    decoded = AVRO.messages(FIELDS, given).decode(values, EVERY)  # type: ignore[misc]
    assert rows(decoded) == [(1, "a"), (7, None)]
    assert [reject.start for reject in decoded.rejects] == [2, 3]
    with pytest.raises(IoError):
        AVRO.messages(FIELDS, given).decode([b"\0\0\0\0\x09x"], EVERY)  # type: ignore[misc]
    with pytest.raises(InvalidParameterValue):
        AVRO.messages(FIELDS, settings(schema__location="/nowhere.avsc"))  # type: ignore[misc]
