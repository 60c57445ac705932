"""A garbage record in the middle of each format: quarantined, visible, and replayed once it is mended.

    python -m conformance.garbage

Ten records, of which one is no record, go through a server: as messages of a (mocked) Kafka cluster and as files. The
nine others must arrive, the tenth must be in the errors relation with its bytes and its place, and after CALL
pgstream.replay it must be in the view that was there, and in one that is made later. Prints a line for each format.
"""

import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastavro
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from pgstream.formats.protobuf_schema import message_class
from pgstream.testing.kafka_mock import MockBroker
from pgstream.testing.server import Server

ROWS, BAD = 10, 5
PATIENCE_S = 30.0
GARBAGE = b"\x0a\xffgarbage"
PROTO = 'syntax = "proto3"; message Row { int64 id = 1; int32 v = 2; }\n'
PROTO += "message Change { Row before = 1; Row after = 2; string op = 3; }"
AVRO: dict[str, Any] = {
    "type": "record",
    "name": "row",
    "fields": [{"name": "id", "type": "long"}, {"name": "v", "type": "int"}],
}
ENVELOPE: dict[str, Any] = {
    "type": "record",
    "name": "change",
    "fields": [
        {"name": "before", "type": ["null", AVRO]},
        {"name": "after", "type": ["null", "row"]},
        {"name": "op", "type": "string"},
    ],
}
COLUMNS = "id bigint, v int"
ROW = "id, v"


def as_json(id: int) -> bytes:
    return b'{"id": %d, "v": %d}' % (id, id * 2)


def as_csv(id: int) -> bytes:
    return b"%d,%d" % (id, id * 2)


def as_text(id: int) -> bytes:
    return b"%d" % id


def as_debezium(id: int) -> bytes:
    return b'{"op": "c", "before": null, "after": %b}' % as_json(id)


def as_avro(id: int) -> bytes:
    target = io.BytesIO()
    fastavro.schemaless_writer(target, fastavro.parse_schema(AVRO), {"id": id, "v": id * 2})
    return target.getvalue()


def as_debezium_avro(id: int) -> bytes:
    target = io.BytesIO()
    change = {"op": "c", "before": None, "after": {"id": id, "v": id * 2}}
    fastavro.schemaless_writer(target, fastavro.parse_schema(ENVELOPE), change)
    return target.getvalue()


def as_debezium_protobuf(id: int) -> bytes:
    made: bytes = message_class(PROTO.encode(), "Change")(op="c", after={"id": id, "v": id * 2}).SerializeToString()
    return made


def as_protobuf(id: int) -> bytes:
    made: bytes = message_class(PROTO.encode(), "Row")(id=id, v=id * 2).SerializeToString()
    return made


@dataclass(frozen=True, slots=True)
class Messages:
    """A format as messages. `garbage` is what one of them is in the place of `encode`; with `keyed` records change rows
    by key, and a replay is refused, since a later record of the key may have come."""

    name: str
    clause: str
    encode: Callable[[int], bytes]
    garbage: bytes = GARBAGE
    columns: str = COLUMNS
    row: str = ROW
    keyed: bool = False


@dataclass(frozen=True, slots=True)
class Files:
    """A format as a file; `write` writes one, with garbage in the middle or without."""

    name: str
    options: str
    write: Callable[[Path, bool], None]
    raw: Callable[[int], bytes] | None
    """What CALL pgstream.replay is given; None where the file itself is mended."""


def written_lines(encode: Callable[[int], bytes], end: bytes = b"\n") -> Callable[[Path, bool], None]:
    def write(path: Path, bad: bool) -> None:
        garbage = GARBAGE.replace(b"\n", b"")
        path.write_bytes(b"".join((garbage if bad and id == BAD else encode(id)) + end for id in range(ROWS)))

    return write


def write_protobuf(path: Path, bad: bool) -> None:
    records = [GARBAGE if bad and id == BAD else as_protobuf(id) for id in range(ROWS)]
    path.write_bytes(b"".join(bytes([len(record)]) + record for record in records))


def write_avro(path: Path, bad: bool) -> None:
    """A block for each record, of which one is damaged."""
    with path.open("wb") as file:
        fastavro.writer(file, AVRO, ({"id": id, "v": id * 2} for id in range(ROWS)), codec="null", sync_interval=1)
    if bad:
        content = path.read_bytes()
        damaged = as_avro(BAD)
        assert content.count(damaged) == 1
        path.write_bytes(content.replace(damaged, b"\xff" * len(damaged)))


def write_parquet(path: Path, bad: bool) -> None:
    """A column of texts, of which one is no number."""
    texts = ["garbage" if bad and id == BAD else str(id * 2) for id in range(ROWS)]
    pq.write_table(pa.table({"id": list(range(ROWS)), "v": texts}), path)


def cases(folder: Path) -> list[Messages | Files]:
    """The formats."""
    (folder / "row.proto").write_text(PROTO)
    (folder / "row.avsc").write_text(json.dumps(AVRO))
    (folder / "change.avsc").write_text(json.dumps(ENVELOPE))
    avro = f"ENCODE AVRO (schema.location = 'file://{folder}/row.avsc')"
    protobuf = f"ENCODE PROTOBUF (schema.location = 'file://{folder}/row.proto', message = 'Row')"
    return [
        Messages("json", "FORMAT PLAIN ENCODE JSON", as_json),
        Messages(
            "json, unstructured", "FORMAT PLAIN ENCODE JSON (json.unstructured = true)", as_json, columns="doc jsonb",
            row="(doc->>'id')::bigint, (doc->>'v')::int",
        ),
        Messages("csv", "FORMAT PLAIN ENCODE CSV", as_csv),
        Messages("avro", f"FORMAT PLAIN {avro}", as_avro),
        Messages("protobuf", f"FORMAT PLAIN {protobuf}", as_protobuf),
        Messages("raw text", "FORMAT PLAIN ENCODE TEXT", as_text, columns="line text",
                 row="line::bigint, line::int * 2"),
        Messages("debezium json", "FORMAT DEBEZIUM ENCODE JSON",
                 as_debezium, keyed=True),
        Messages("debezium avro", f"FORMAT DEBEZIUM ENCODE AVRO (schema.location = 'file://{folder}/change.avsc')",
                 as_debezium_avro, keyed=True),
        Messages("debezium protobuf", f"FORMAT DEBEZIUM {protobuf.replace('Row', 'Change')}", as_debezium_protobuf,
                 keyed=True),
        Messages("upsert json", "FORMAT UPSERT ENCODE JSON", as_json, keyed=True),
        Messages("upsert avro", f"FORMAT UPSERT {avro}", as_avro, keyed=True),
        Files("json file", "format = 'json'", written_lines(as_json), as_json),
        Files("csv file", "format = 'csv'", written_lines(as_csv), as_csv),
        Files("protobuf file", f"format = 'protobuf', schema.location = '{folder}/row.proto', message = 'Row'",
              write_protobuf, as_protobuf),
        Files("avro file", "format = 'avro'", write_avro, None),
        Files("parquet file", "format = 'parquet'", write_parquet, None),
    ]  # fmt: skip


class Judge:
    """One server, one broker, and the verdict about each format."""

    def __init__(self, folder: Path, broker: MockBroker, client: "psycopg.Connection[Any]") -> None:
        self._folder, self._broker, self._client = folder, broker, client

    def rows(self, text: str) -> list[Any]:
        return self._client.execute(text.encode()).fetchall()

    def until(self, text: str, wanted: Sequence[Any]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while (found := self.rows(text)) != list(wanted):
            assert time.monotonic() < deadline, f"{text}: {found} instead of {wanted}"
            time.sleep(0.02)

    def judge(self, number: int, case: Messages | Files) -> str:
        """What to print of a format. Raises AssertionError."""
        name = f"s{number}"
        path = self._folder / f"{name}.data"
        if isinstance(case, Messages):
            self._send(name, case)
        else:
            case.write(path, True)
            given = f"connector = 'filesystem', path = '{path}', {case.options}"
            self._client.execute(f"CREATE SOURCE {name} ({COLUMNS}) WITH ({given})".encode())
        row = case.row if isinstance(case, Messages) else ROW
        self._client.execute(f"CREATE MATERIALIZED VIEW {name}_a AS SELECT {row} FROM {name}".encode())
        every = [(id, id * 2) for id in range(ROWS)]
        kept = [one for one in every if one[0] != BAD]
        self.until(f"SELECT * FROM {name}_a ORDER BY 1", kept)
        self.until(f"SELECT count(*) FROM {name}_errors", [(1,)])
        ((place, message),) = self.rows(f"SELECT place, message FROM {name}_errors")
        told = f"{len(kept)} of {ROWS} rows; quarantined at {Path(place).name}: {message[:60]}"
        if isinstance(case, Messages) and case.keyed:
            return f"{told}; {self._mended_by_key(name, case, every)}"
        raw = case.encode if isinstance(case, Messages) else case.raw
        if raw is None:
            assert isinstance(case, Files)
            case.write(path, False)
            self._client.execute(f"CALL pgstream.replay('{name}')".encode())
        else:
            self._client.execute(rf"CALL pgstream.replay('{name}', raw => '\x{raw(BAD).hex()}')".encode())
        self.until(f"SELECT * FROM {name}_a ORDER BY 1", every)
        self._client.execute(f"CREATE MATERIALIZED VIEW {name}_b AS SELECT {row} FROM {name}".encode())
        self.until(f"SELECT * FROM {name}_b ORDER BY 1", every)
        return f"{told}; replayed {'as it was corrected' if raw else 'from the mended file'}: {len(every)}"

    def _send(self, name: str, case: Messages) -> None:
        self._broker.make(name)
        values = [case.garbage if id == BAD else case.encode(id) for id in range(ROWS)]
        self._broker.write(name, *((b'{"id": %d}' % id, value) for id, value in enumerate(values)))
        columns = case.columns.replace("id bigint", "id bigint PRIMARY KEY") if case.keyed else case.columns
        self._client.execute(
            f"CREATE SOURCE {name} ({columns}) WITH (connector = 'kafka', topic = '{name}',"
            f" properties.bootstrap.servers = '{self._broker.servers}') {case.clause}".encode()
        )

    def _mended_by_key(self, name: str, case: Messages, every: list[tuple[int, int]]) -> str:
        refused = ""
        try:
            self._client.execute(f"CALL pgstream.replay('{name}')".encode())
        except psycopg.errors.FeatureNotSupported as error:
            refused = str(error)
        assert "cannot be replayed" in refused, refused or "a record of changes by key was replayed"
        self._broker.write(name, (b'{"id": %d}' % BAD, case.encode(BAD)))
        self.until(f"SELECT * FROM {name}_a ORDER BY 1", every)
        return f"mended by a later record of its key, as changes by key are: {len(every)}"


def main() -> int:
    failed = 0
    with tempfile.TemporaryDirectory() as place, Server(place) as server:
        folder = Path(place)
        with psycopg.connect(server.conninfo, autocommit=True) as client:
            judge = Judge(folder, MockBroker(), client)
            for number, case in enumerate(cases(folder)):
                try:
                    told = judge.judge(number, case)
                except (AssertionError, psycopg.Error) as error:
                    failed += 1
                    told = f"FAILED: {error}"
                print(f"{case.name:20} {told}", flush=True)
    print(f"{'raw bytes':20} cannot be bad: every message is a value")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
