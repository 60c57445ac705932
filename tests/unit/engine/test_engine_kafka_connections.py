"""Topics by way of connections, as RisingWave, Arroyo and Materialize write them."""

import json
import uuid
from collections.abc import Iterator

import pytest

from tests.unit.engine.engine_sql import Sql, eventually
from tests.unit.engine.kafka_topics import Topics, started_broker

PLAIN = "FORMAT PLAIN ENCODE JSON"


@pytest.fixture(scope="module")
def topics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topics]:
    broker = started_broker(tmp_path_factory.mktemp("broker"))
    yield Topics(broker)
    broker.stop()


@pytest.fixture
def connected(topics: Topics, sql: Sql) -> Sql:
    """A session with a connection `k`."""
    sql.run(f"CREATE CONNECTION k TO KAFKA (BROKER '{topics.broker.servers}', SECURITY PROTOCOL = 'PLAINTEXT')")
    return sql


def test_risingwave_and_arroyo(topics: Topics, connected: Sql) -> None:
    topic = topics.make()
    topics.write(topic, (None, {"id": 1}), (None, {"id": 2}))
    connected.run(
        f"CREATE SOURCE a (id int) WITH (connector = 'kafka', connection = public.k, topic = '{topic}') {PLAIN}"
    )
    connected.run(f"""CREATE TABLE b (id int) WITH (connector = 'kafka', connection_profile = 'k', type = 'source',
        topic = '{topic}', format = 'json')""")
    for name in ("a", "b"):
        connected.run(f"CREATE MATERIALIZED VIEW v_{name} AS SELECT count(*) AS n FROM {name}")
    eventually(lambda: connected.rows("SELECT n FROM v_a UNION ALL SELECT n FROM v_b") == [(2,), (2,)])
    connected.fails("2BP01", "DROP CONNECTION k")
    ((_, made),) = connected.rows("SHOW CREATE SOURCE a")
    assert f"WITH (connector = 'kafka', topic = '{topic}'" in made
    assert "connection = k)" in made
    connected.fails("22023", "ALTER CONNECTION k SET (nonsense = 1)")
    connected.run(
        "ALTER CONNECTION k SET (properties.client.id = 'me'); ALTER CONNECTION k RESET (properties.client.id)"
    )
    topics.write(topic, (None, {"id": 3}))
    eventually(lambda: connected.value("SELECT n FROM v_a") == 3)
    connected.run("DROP CONNECTION k CASCADE")
    assert connected.rows("SHOW SOURCES") == []


def test_arroyo_sinks_take_columns_from_what_is_inserted(topics: Topics, connected: Sql) -> None:
    topic = topics.make()
    connected.run("CREATE TABLE t (id int, v text); CREATE TABLE u (id int, v text)")
    connected.run(f"""CREATE TABLE out WITH (connector = 'kafka', connection_profile = 'k', type = 'sink',
        topic = '{topic}', format = 'json', 'sink.commit_mode' = 'exactly_once')""")
    connected.run("INSERT INTO out SELECT id, v FROM t; INSERT INTO out SELECT id + 100, v FROM u")
    connected.fails("42601", "INSERT INTO out SELECT id, v, v FROM t")
    connected.fails("42804", "INSERT INTO out SELECT v, id FROM t")
    connected.run("INSERT INTO t VALUES (1, 'a'); INSERT INTO u VALUES (1, 'b')")
    eventually(lambda: topics.values(topic) == [{"id": 1, "v": "a"}, {"id": 101, "v": "b"}])


def test_materialize_sources(topics: Topics, connected: Sql) -> None:
    topic = topics.make()
    topics.write(topic, (b"one", {"n": 1}), (b"two", {"n": 2}), (b"one", {"n": 3}))
    connected.run(f"CREATE SOURCE plain FROM KAFKA CONNECTION k (TOPIC '{topic}') FORMAT JSON")
    connected.run(
        f"CREATE SOURCE later IN CLUSTER c FROM KAFKA CONNECTION k (TOPIC '{topic}', START OFFSET (2)) FORMAT TEXT"
        " INCLUDE OFFSET AS at, KEY ENVELOPE NONE"
    )
    connected.run(
        f"CREATE SOURCE newest FROM KAFKA CONNECTION k (TOPIC '{topic}') KEY FORMAT TEXT VALUE FORMAT JSON"
        " ENVELOPE UPSERT"
    )
    connected.run(f"CREATE SOURCE typed (n int) FROM KAFKA CONNECTION k (TOPIC '{topic}') FORMAT JSON")
    assert connected.rows("SELECT data->>'n' FROM plain") == [("1",), ("2",), ("3",)]
    assert connected.rows("SELECT * FROM later") == [(2, "one", '{"n": 3}')]
    assert connected.rows("SELECT key, data FROM newest") == [("one", '{"n": 3}'), ("two", '{"n": 2}')]
    assert connected.rows("SELECT sum(n) FROM typed") == [(6,)]
    topics.write(topic, (b"two", None))
    assert connected.rows("SELECT key FROM newest") == [("one",)]
    connected.fails("0A000", f"CREATE SOURCE x FROM KAFKA CONNECTION k (TOPIC '{topic}') FORMAT CSV WITH 2 COLUMNS")
    connected.fails("42704", f"CREATE SOURCE x FROM KAFKA CONNECTION nope (TOPIC '{topic}') FORMAT JSON")


def test_materialize_sinks(topics: Topics, connected: Sql) -> None:
    topic, changes = f"m{uuid.uuid4().hex}", topics.make()
    connected.run("CREATE TABLE t (id int PRIMARY KEY, v text)")
    connected.run(f"""CREATE SINK s FROM t INTO KAFKA CONNECTION k (TOPIC '{topic}', TOPIC PARTITION COUNT 2,
        COMPRESSION TYPE 'lz4') KEY (id) NOT ENFORCED FORMAT JSON ENVELOPE UPSERT""")
    connected.run(
        f"CREATE SINK d FROM t INTO KAFKA CONNECTION k (TOPIC '{changes}') KEY (id) FORMAT JSON ENVELOPE DEBEZIUM"
    )
    connected.run("INSERT INTO t VALUES (1, 'a'); UPDATE t SET v = 'b'; DELETE FROM t")
    found = [(json.loads(m.key()), m.value() and json.loads(m.value())) for m in topics.read(topic, partitions=2)]
    assert found == [({"id": 1}, {"id": 1, "v": "a"}), ({"id": 1}, {"id": 1, "v": "b"}), ({"id": 1}, None)]
    assert [value["op"] for value in topics.values(changes)] == ["c", "u", "d"]
    connected.fails(
        "0A000",
        f"CREATE SINK x FROM t INTO KAFKA CONNECTION k (TOPIC '{topic}') FORMAT JSON ENVELOPE UPSERT"
        " WITH (SNAPSHOT = false)",
    )
