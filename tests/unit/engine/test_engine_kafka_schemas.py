"""Changes by key in Avro and Protobuf, with a schema registry and without one."""

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pgstream.formats.protobuf_schema import message_class
from pgstream.testing.kafka_mock import MockBroker
from pgstream.testing.schema_registry import MockRegistry
from tests.unit.engine.conftest import Opened
from tests.unit.engine.engine_sql import Sql, eventually

fastavro = pytest.importorskip("fastavro")
pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")

ROW = {
    "type": "record", "name": "Value", "fields": [
        {"name": "id", "type": "int"}, {"name": "v", "type": ["null", "string"], "default": None},
        {"name": "at", "type": ["null", {"type": "long", "connect.name": "io.debezium.time.MicroTimestamp"}]},
    ],
}  # fmt: skip
ENVELOPE = {
    "type": "record", "name": "Envelope", "fields": [
        {"name": "before", "type": ["null", ROW], "default": None},
        {"name": "after", "type": ["null", "Value"], "default": None}, {"name": "op", "type": "string"},
        {"name": "ts_ms", "type": ["null", "long"], "default": None},
    ],
}  # fmt: skip
PROTO = """
syntax = "proto3";
message Value { int32 id = 1; optional string v = 2; int64 n = 3; }
message Envelope { Value before = 1; Value after = 2; string op = 3; }
"""


@pytest.fixture(scope="module")
def broker() -> MockBroker:
    made = MockBroker()
    made.make("pgstream-progress")
    return made


@pytest.fixture
def registry() -> Iterator[MockRegistry]:
    word = base64.b64encode(b"me:mine").decode()
    made = MockRegistry(f"Basic {word}")
    yield made
    made.close()


def connected(sql: Sql, broker: MockBroker, registry: MockRegistry) -> None:
    sql.run(
        f"CREATE SECRET pw AS 'mine'; CREATE CONNECTION k WITH (type = 'kafka', bootstrap_servers = '{broker.servers}')"
    )
    sql.run(
        f"CREATE CONNECTION r TO CONFLUENT SCHEMA REGISTRY (URL '{registry.url}', USERNAME 'me', PASSWORD SECRET pw)"
    )


def avro(schema: Any, record: Any, number: int | None = None) -> bytes:
    target = io.BytesIO()
    target.write(b"" if number is None else b"\0" + number.to_bytes(4, "big"))
    fastavro.schemaless_writer(target, fastavro.parse_schema(json.loads(json.dumps(schema))), record)
    return target.getvalue()


def test_upserts_in_avro_there_and_back(broker: MockBroker, registry: MockRegistry, opened: Opened) -> None:
    """Keys and values have schemas of their own, under the usual names."""
    topic = broker.make("avro_upserts")
    sql = opened.open()
    connected(sql, broker, registry)
    sql.run("VALIDATE CONNECTION r; CREATE TABLE t (id int PRIMARY KEY, v text)")
    given = f"WITH (connector = 'kafka', connection = k, topic = '{topic}'"
    sql.run(f"CREATE SINK s FROM t {given}, primary_key = 'id') FORMAT UPSERT ENCODE AVRO (connection = r)")
    sql.run("INSERT INTO t VALUES (1, 'a'), (2, 'b'); DELETE FROM t WHERE id = 1; UPDATE t SET v = 'c'")
    assert sorted(registry.subjects) == [f"{topic}-key", f"{topic}-value"]
    assert [value for _, value in broker.read(topic)].count(None) == 1
    sql.run(f"CREATE TABLE back (id int PRIMARY KEY, v text) {given}) FORMAT UPSERT ENCODE AVRO (connection = r)")
    assert sql.rows("SELECT * FROM back") == [(2, "c")]
    sql.run(
        f"CREATE SOURCE told FROM KAFKA CONNECTION k (TOPIC '{topic}') FORMAT AVRO USING CONFLUENT SCHEMA REGISTRY"
        " CONNECTION r"
    )
    assert sql.rows("SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'told'") == [
        ("id", "integer"), ("v", "text")
    ]  # fmt: skip
    sql.run("CREATE MATERIALIZED VIEW m AS SELECT * FROM back")
    sql = opened.crash()
    sql.run("INSERT INTO t VALUES (3, 'd'); DELETE FROM t WHERE id = 2")
    eventually(lambda: sql.rows("SELECT * FROM m") == [(3, "d")])
    sql.run("ALTER SECRET pw AS 'wrong'")
    assert "401" in sql.fails("58030", "VALIDATE CONNECTION r").message


def test_upserts_in_avro_without_a_registry(broker: MockBroker, sql: Sql, tmp_path: Path) -> None:
    topic = broker.make("avro_bare")
    sql.run("CREATE TABLE t (id int PRIMARY KEY, v text)")
    given = f"WITH (connector = 'kafka', bootstrap_servers = '{broker.servers}', topic = '{topic}'"
    sql.run(f"CREATE SINK s FROM t {given}, primary_key = 'id') FORMAT UPSERT ENCODE AVRO")
    sql.run("INSERT INTO t VALUES (1, 'a'), (2, 'b'); DELETE FROM t WHERE id = 1")
    sql.run(f"CREATE TABLE back (id int PRIMARY KEY, v text) {given}) FORMAT UPSERT ENCODE AVRO")
    assert sql.rows("SELECT * FROM back") == [(2, "b")]


@pytest.mark.parametrize("by", ["registry", "file"])
def test_debezium_in_avro(broker: MockBroker, registry: MockRegistry, sql: Sql, tmp_path: Path, by: str) -> None:
    topic = broker.make(f"debezium_{by}")
    connected(sql, broker, registry)
    number = registry.register(f"{topic}-value", json.dumps(ENVELOPE)) if by == "registry" else None
    (tmp_path / "envelope.avsc").write_text(json.dumps(ENVELOPE))
    changes = [
        {"op": "r", "after": {"id": 1, "v": "a", "at": 1_000_000}},
        {"op": "c", "after": {"id": 2, "v": "b", "at": None}},
        {"op": "u", "before": {"id": 1, "v": "a", "at": 1_000_000}, "after": {"id": 1, "v": "z", "at": 2_000_000}},
        {"op": "d", "before": {"id": 2, "v": "b", "at": None}},
    ]
    values = [avro(ENVELOPE, {"before": None, "after": None, **change}, number) for change in changes]
    broken = avro(ENVELOPE, {"before": None, "after": None, "op": "x"}, number)
    broker.write(topic, *((None, value) for value in values[:2]), (None, b"\x0a\xffgarbage"), (None, broken))
    broker.write(topic, *((None, value) for value in values[2:]), (None, None))
    clause = "(connection = r)" if by == "registry" else f"(schema.location = 'file://{tmp_path}/envelope.avsc')"
    sql.run(f"""CREATE TABLE s (id int PRIMARY KEY, v text, at timestamp) WITH (connector = 'kafka', connection = k,
        topic = '{topic}') FORMAT DEBEZIUM ENCODE AVRO {clause}""")
    sql.run("CREATE MATERIALIZED VIEW m AS SELECT id, v, at::text FROM s")
    eventually(lambda: sql.rows("SELECT * FROM m") == [(1, "z", "1970-01-01 00:00:02")])
    messages = [message for _, message in sql.rows("SELECT place, message FROM s_errors")]
    assert len(messages) == 2
    assert 'operation "x" of a Debezium record is none of c, r, u and d' in messages


def test_debezium_in_protobuf(broker: MockBroker, sql: Sql, tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools")
    topic = broker.make("debezium_protobuf")
    (tmp_path / "e.proto").write_text(PROTO)
    made = message_class(PROTO.encode(), "Envelope")
    changes = [
        made(op="c", after={"id": 1, "v": "a", "n": 0}),
        made(op="c", after={"id": 2, "v": "b", "n": 5}),
        made(op="u", before={"id": 1}, after={"id": 1, "n": 7}),
        made(op="d", before={"id": 2}),
    ]
    values = [change.SerializeToString() for change in changes]
    broker.write(topic, *((None, value) for value in (values[0], b"\xffgarbage", *values[1:])))
    sql.run(f"""CREATE TABLE s (id int PRIMARY KEY, v text, n bigint) WITH (connector = 'kafka', topic = '{topic}',
        bootstrap_servers = '{broker.servers}') FORMAT DEBEZIUM ENCODE PROTOBUF (
        schema.location = 'file://{tmp_path}/e.proto', message = 'Envelope')""")
    sql.run("CREATE MATERIALIZED VIEW m AS SELECT id, v, n FROM s")
    eventually(lambda: sql.rows("SELECT * FROM m") == [(1, None, 7)])
    assert sql.rows("SELECT raw FROM s_errors") == [(b"\xffgarbage",)]


@pytest.mark.parametrize("by", ["registry", "file"])
def test_debezium_in_avro_there_and_back(
    broker: MockBroker, registry: MockRegistry, sql: Sql, tmp_path: Path, by: str
) -> None:
    topic = broker.make(f"debezium_out_{by}")
    connected(sql, broker, registry)
    sql.run("CREATE TABLE t (id int PRIMARY KEY, v text, n numeric)")
    given = f"WITH (connector = 'kafka', connection = k, topic = '{topic}'"
    clause = "(connection = r)" if by == "registry" else ""
    sql.run(f"CREATE SINK s FROM t {given}, primary_key = 'id') FORMAT DEBEZIUM ENCODE AVRO {clause}")
    sql.run("INSERT INTO t VALUES (1, 'a', 1.50), (2, NULL, 2); UPDATE t SET v = 'z' WHERE id = 1")
    sql.run("DELETE FROM t WHERE id = 2")
    if by == "registry":
        assert sorted(registry.subjects) == [f"{topic}-key", f"{topic}-value"]
        written = registry.schemas[registry.subjects[f"{topic}-value"][0] - 1]
    else:
        types = (("id", "int"), ("v", "string"), ("n", "string"))
        fields = [{"name": name, "type": ["null", kind]} for name, kind in types]
        parts = [
            {"name": "before", "type": ["null", {"type": "record", "name": "r", "fields": fields}]},
            {"name": "after", "type": ["null", "r"]},
            {"name": "op", "type": "string"},
        ]
        written = json.dumps({"type": "record", "name": "e", "fields": parts})
        (tmp_path / "e.avsc").write_text(written)
        clause = f"(schema.location = 'file://{tmp_path}/e.avsc')"
    sql.run(f"""CREATE TABLE back (id int PRIMARY KEY, v text, n numeric) {given})
        FORMAT DEBEZIUM ENCODE AVRO {clause}""")
    assert sql.rows("SELECT id, v, n::text FROM back") == [(1, "z", "1.50")]
    schema = fastavro.parse_schema(json.loads(written))
    values = [io.BytesIO((value or b"")[5 if by == "registry" else 0 :]) for _, value in broker.read(topic)]
    operations = [fastavro.schemaless_reader(value, schema, None)["op"] for value in values]
    assert sorted(operations) == ["c", "c", "d", "u"]


def test_debezium_in_protobuf_there_and_back(broker: MockBroker, sql: Sql, tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools")
    topic = broker.make("protobuf_out")
    (tmp_path / "e.proto").write_text(PROTO)
    sql.run("CREATE TABLE t (id int PRIMARY KEY, v text, n bigint)")
    given = f"WITH (connector = 'kafka', bootstrap_servers = '{broker.servers}', topic = '{topic}'"
    clause = f"FORMAT DEBEZIUM ENCODE PROTOBUF (schema.location = 'file://{tmp_path}/e.proto', message = 'Envelope')"
    sql.run(f"CREATE SINK s FROM t {given}, primary_key = 'id') {clause}")
    sql.run("INSERT INTO t VALUES (1, 'a', 1), (2, NULL, 2); UPDATE t SET v = NULL WHERE id = 1")
    sql.run("DELETE FROM t WHERE id = 2")
    sql.run(f"CREATE TABLE back (id int PRIMARY KEY, v text, n bigint) {given}) {clause}")
    assert sql.rows("SELECT * FROM back") == [(1, None, 1)]
    wrong = clause.replace("'Envelope'", "'Value'")
    sql.fails("42P16", f"CREATE SINK x FROM t {given}, primary_key = 'id') {wrong}")
