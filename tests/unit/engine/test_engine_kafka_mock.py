"""Topics of a mocked cluster: what also runs where there is no Java for a real broker."""

import json

import pytest

from tests.unit.engine.conftest import Opened
from tests.unit.engine.engine_sql import Sql, eventually

pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")

from pgstream.testing.kafka_mock import MockBroker

PLAIN = "FORMAT PLAIN ENCODE JSON"


@pytest.fixture(scope="module")
def broker() -> MockBroker:
    made = MockBroker()
    made.make("pgstream-progress")
    return made


def options(broker: MockBroker, topic: str, *more: str) -> str:
    given = ("connector = 'kafka'", f"topic = '{topic}'", *more)
    return f"WITH ({', '.join(given)}, properties.bootstrap.servers = '{broker.servers}')"


def test_rows_arrive_once(broker: MockBroker, opened: Opened) -> None:
    topic = broker.make("arriving")
    broker.write(topic, *((b"%d" % id, {"id": id}) for id in range(100)))
    sql = opened.open()
    sql.run(f"CREATE SOURCE s (id int) {options(broker, topic)} {PLAIN}")
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n, sum(id) AS ids FROM s")
    eventually(lambda: sql.rows("SELECT * FROM v") == [(100, "4950")] or sql.value("SELECT n FROM v") == 100)
    sql = opened.open()
    broker.write(topic, (None, {"id": 100}), (None, b"garbage"), (None, {"id": 101}), partition=1)
    eventually(lambda: sql.value("SELECT n FROM v") == 102)
    assert sql.rows("SELECT raw FROM s_errors") == [(b"garbage",)]
    assert sql.rows("SELECT count(*), max(id) FROM s") == [(102, 101)]
    (facts,) = sql.database.sources()
    assert facts.partitions[1].at == 3


def test_upserts_there_and_back(broker: MockBroker, opened: Opened) -> None:
    topic = broker.make("upserts")
    sql = opened.open()
    sql.run("CREATE TABLE t (id int PRIMARY KEY, v int)")
    sql.run(f"CREATE SINK k FROM t {options(broker, topic, 'primary_key = id')} FORMAT UPSERT ENCODE JSON")
    sql.run("INSERT INTO t VALUES (1, 1), (2, 2); UPDATE t SET v = 20 WHERE id = 2; DELETE FROM t WHERE id = 1")
    sql = opened.open()
    sql.run("INSERT INTO t VALUES (3, 3)")
    sql.run(f"CREATE TABLE again (id int PRIMARY KEY, v int) {options(broker, topic)} FORMAT UPSERT ENCODE JSON")
    assert sql.rows("SELECT * FROM again") == sql.rows("SELECT * FROM t") == [(2, 20), (3, 3)]
    assert len(broker.read(topic)) == 5


def test_debezium_there_and_back(broker: MockBroker, sql: Sql) -> None:
    topic = broker.make("debezium")
    sql.run("CREATE TABLE t (id int PRIMARY KEY, v int)")
    sql.run(f"CREATE SINK k FROM t {options(broker, topic, 'primary_key = id')} FORMAT DEBEZIUM ENCODE JSON")
    sql.run("INSERT INTO t VALUES (1, 1), (2, 2); UPDATE t SET v = 20 WHERE id = 2; DELETE FROM t WHERE id = 1")
    assert sorted(json.loads(value or b"{}")["op"] for _, value in broker.read(topic)) == ["c", "c", "d", "u"]
    sql.run(f"CREATE TABLE again (id int PRIMARY KEY, v int) {options(broker, topic)} FORMAT DEBEZIUM ENCODE JSON")
    assert sql.rows("SELECT * FROM again") == [(2, 20)]


def test_a_commit_is_sent_once_after_a_crash(broker: MockBroker, opened: Opened) -> None:
    topic = broker.make("once")
    sql = opened.open()
    sql.run("CREATE TABLE t (id int)")
    sql.run(f"CREATE SINK k FROM t {options(broker, topic)} {PLAIN}")
    sql.run("INSERT INTO t VALUES (1)")
    sql = opened.crash()
    sql.run("INSERT INTO t VALUES (2)")
    sql = opened.crash()
    assert sorted(json.loads(value or b"{}")["id"] for _, value in broker.read(topic)) == [1, 2]
