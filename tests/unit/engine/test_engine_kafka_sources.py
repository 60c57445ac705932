"""Kafka topics as sources, read from a real broker: exactly once, from where it was said, replayed for later views."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgstream.formats.protobuf_schema import message_class
from tests.unit.engine.conftest import Opened
from tests.unit.engine.engine_sql import Sql, eventually
from tests.unit.engine.kafka_topics import Topics, options, started_broker

fastavro = pytest.importorskip("fastavro")
pytest.importorskip("grpc_tools")
PLAIN = "FORMAT PLAIN ENCODE JSON"


@pytest.fixture(scope="module")
def topics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topics]:
    broker = started_broker(tmp_path_factory.mktemp("broker"))
    yield Topics(broker)
    broker.stop()


def numbers(*ids: int) -> list[tuple[bytes, dict[str, int]]]:
    return [(b"k%d" % id, {"id": id, "v": id % 10}) for id in ids]


def test_rows_arrive_once_and_later_views_see_them_all(topics: Topics, opened: Opened) -> None:
    topic = topics.make(partitions=3)
    topics.write(topic, *numbers(*range(1000)))
    sql = opened.open()
    sql.run(f"CREATE SOURCE s (id int, v int) {options(topics, topic)} {PLAIN}")
    assert sql.value("SELECT count(*) FROM s") == 1000
    sql.run("CREATE MATERIALIZED VIEW a AS SELECT count(*) AS n, sum(id) AS total FROM s")
    eventually(lambda: sql.rows("SELECT * FROM a") == [(1000, 499500)])
    topics.write(topic, *numbers(*range(1000, 1500)))
    eventually(lambda: sql.rows("SELECT * FROM a") == [(1500, 1124250)])
    sql.run("CREATE MATERIALIZED VIEW b AS SELECT v, count(*) AS n FROM s GROUP BY v")
    assert sql.rows("SELECT * FROM b") == [(v, 150) for v in range(10)]
    sql = opened.open()
    topics.write(topic, *numbers(*range(1500, 1600)))
    eventually(lambda: sql.value("SELECT n FROM a") == 1600)
    assert sql.rows("SELECT * FROM b") == [(v, 160) for v in range(10)]


def test_what_is_around_a_value_is_columns(topics: Topics, sql: Sql) -> None:
    topic = topics.make()
    first = {"timestamp": 1_700_000_000_123, "headers": [("trace", b"abc"), ("n", b"\xff"), ("trace", b"def")]}
    topics.write(topic, (b"one", {"id": 1}, first), (None, {"id": 2}, {"timestamp": 1_700_000_001_000}))
    sql.run(
        f"CREATE SOURCE s (id int) INCLUDE key AS k INCLUDE partition INCLUDE offset AS o INCLUDE timestamp AS ts"
        f" INCLUDE header 'trace' varchar AS trace INCLUDE header AS headers {options(topics, topic)} {PLAIN}"
    )
    found = sql.rows("SELECT id, k, _rw_kafka_partition, o, ts::text, trace, headers FROM s")
    headers = '[{"key": "trace", "value": "abc"}, {"key": "n", "value": "\\\\xff"}, {"key": "trace", "value": "def"}]'
    assert found == [
        (1, b"one", "0", "0", "2023-11-14 22:13:20.123+00", "def", headers),
        (2, None, "0", "1", "2023-11-14 22:13:21+00", None, None),
    ]
    sql.run(
        "CREATE TABLE arroyo (id BIGINT, at BIGINT METADATA FROM 'offset_id', part INT METADATA FROM 'partition',"
        " topic TEXT METADATA FROM 'topic', ts TIMESTAMP METADATA FROM 'timestamp', key TEXT METADATA FROM 'key')"
        f" WITH (connector = 'kafka', bootstrap_servers = '{topics.broker.servers}', topic = '{topic}',"
        " type = 'source', format = 'json', 'source.offset' = 'earliest')"
    )
    found = sql.rows("SELECT id, at, part, topic, ts::text, key FROM arroyo")
    assert found == [
        (1, 0, 0, topic, "2023-11-14 22:13:20.123", "one"),
        (2, 1, 0, topic, "2023-11-14 22:13:21", None),
    ]
    sql.fails("42P16", f"CREATE SOURCE x (a int METADATA FROM 'nothing') {options(topics, topic)} {PLAIN}")


def test_where_a_source_starts_is_found_once(topics: Topics, opened: Opened) -> None:
    topic = topics.make(partitions=2)
    for id in range(6):
        topics.write(topic, (None, {"id": id}, {"partition": id % 2, "timestamp": 1_700_000_000_000 + id * 1000}))
    sql = opened.open()
    starts = {
        "earliest": "scan.startup.mode = 'earliest'",
        "latest": "scan.startup.mode = 'latest'",
        "timed": "scan.startup.mode = 'timestamp', scan.startup.timestamp.millis = '1700000003000'",
        "given": "scan.startup.mode = 'specific-offsets', 'scan.startup.specific-offsets' = 'partition:0,offset:2'",
        "ended": "scan.bounded.mode = 'latest-offset'",
    }
    for name, start in starts.items():
        sql.run(f"CREATE SOURCE {name} (id int) {options(topics, topic, start)} {PLAIN}")
    topics.write(topic, (None, {"id": 6}, {"partition": 0}), (None, {"id": 7}, {"partition": 1}))
    topics.grow(topic, 3)
    topics.write(topic, (None, {"id": 8}, {"partition": 2}))
    sql = opened.open()
    found = {name: [id for (id,) in sql.rows(f"SELECT id FROM {name}")] for name in starts}
    assert found == {
        "earliest": list(range(9)), "latest": [6, 7, 8], "timed": [3, 4, 5, 6, 7, 8],
        "given": [1, 3, 4, 5, 6, 7, 8], "ended": list(range(6)),
    }  # fmt: skip
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM ended")
    sql.drained()
    assert sql.value("SELECT n FROM v") == 6
    wrong = options(topics, topic, "scan.startup.mode = 'timestamp'")
    sql.fails("22023", f"CREATE SOURCE x (id int) {wrong} {PLAIN}")


@pytest.mark.parametrize("clause", [PLAIN, "FORMAT PLAIN ENCODE CSV", "FORMAT PLAIN ENCODE TEXT"])
def test_bad_messages_are_errors_and_the_rest_goes_on(topics: Topics, opened: Opened, clause: str) -> None:
    texts = {PLAIN: b'{"id":%d}', "FORMAT PLAIN ENCODE CSV": b"%d", "FORMAT PLAIN ENCODE TEXT": b"%d"}
    topic = topics.make(partitions=2)
    topics.write(topic, *((b"%d" % n, b"garbage" if n in (3, 7) else texts[clause] % n) for n in range(10)))
    topics.write(topic, (b"3", None))
    sql = opened.open()
    sql.run(f"CREATE SOURCE s (id int) {options(topics, topic)} {clause}")
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT id, 10 / (id - 5) AS x FROM s")
    eventually(lambda: sql.value("SELECT count(*) FROM v") == 7)
    eventually(lambda: sql.value("SELECT count(*) FROM s_errors") == 4)
    kept = [0, 1, 2, 4, 6, 8, 9]
    assert [id for (id,) in sql.rows("SELECT id FROM v")] == kept
    assert sql.value("SELECT count(*) FROM s_errors WHERE raw = 'garbage'") == 2
    assert sql.value("SELECT count(*) FROM s_errors WHERE message = 'the message has no value'") == 1
    assert all(place.startswith(f"{topic}/") for (place,) in sql.rows("SELECT place FROM s_errors"))
    sql.run("CREATE MATERIALIZED VIEW same AS SELECT id FROM s")
    assert [id for (id,) in sql.rows("SELECT id FROM same")] == kept


def test_upserts_and_debezium_changes(topics: Topics, sql: Sql) -> None:
    upserts, changes = topics.make(partitions=2), topics.make()
    topics.write(upserts, *((b'{"id": %d}' % n, {"id": n, "v": n}) for n in range(5)), (b'{"id": 2}', None))
    topics.write(upserts, (b'{"id": 3}', {"id": 3, "v": 33}), (b"nonsense", None))
    sql.run(f"CREATE TABLE u (id int PRIMARY KEY, v int) {options(topics, upserts)} FORMAT UPSERT ENCODE JSON")
    sql.run("CREATE MATERIALIZED VIEW uv AS SELECT sum(v) AS v, count(*) AS n FROM u")
    eventually(lambda: sql.rows("SELECT * FROM uv") == [(38, 4)])
    eventually(lambda: sql.rows("SELECT raw FROM u_errors") == [(b"nonsense",)])
    sql.run(
        "CREATE TABLE k (id int, v int, PRIMARY KEY (rw_key)) INCLUDE KEY AS rw_key"
        f" {options(topics, upserts)} FORMAT UPSERT ENCODE JSON"
    )
    assert sql.rows("SELECT id, v, rw_key FROM k WHERE id > 1") == [
        (3, 33, b'{"id": 3}'), (4, 4, b'{"id": 4}'),
    ]  # fmt: skip
    topics.write(
        changes, (b"1", {"op": "c", "before": None, "after": {"id": 1, "v": 1}}),
        (b"1", {"op": "u", "before": {"id": 1, "v": 1}, "after": {"id": 1, "v": 2}}),
        (b"2", {"op": "r", "after": {"id": 2, "v": 5}}), (b"2", {"op": "d", "before": {"id": 2, "v": 5}}), (b"2", None),
    )  # fmt: skip
    sql.run(f"CREATE TABLE d (id int PRIMARY KEY, v int) {options(topics, changes)} FORMAT DEBEZIUM ENCODE JSON")
    assert sql.rows("SELECT * FROM d") == [(1, 2)]
    sql.run("CREATE MATERIALIZED VIEW dv AS SELECT * FROM d")
    eventually(lambda: sql.rows("SELECT * FROM dv") == [(1, 2)])
    assert sql.rows("SELECT * FROM d_errors") == []


def test_messages_that_retention_deleted_are_missed_loudly(topics: Topics, opened: Opened) -> None:
    topic = topics.make()
    topics.write(topic, *numbers(*range(20)))
    sql = opened.open()
    sql.run(f"CREATE SOURCE s (id int) {options(topics, topic)} {PLAIN}")
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM s")
    eventually(lambda: sql.value("SELECT n FROM v") == 20)
    topics.truncate(topic, 0, 10)
    error = sql.fails("58030", "CREATE MATERIALIZED VIEW w AS SELECT sum(id) AS n FROM s")
    assert "no longer holds" in error.message
    assert error.detail == "It holds the offsets from 10 to before 20."
    topics.write(topic, *numbers(*range(20, 25)))
    eventually(lambda: sql.value("SELECT n FROM v") == 25)


def test_open_and_aborted_transactions_are_not_read(topics: Topics, sql: Sql) -> None:
    from tests.unit.engine.kafka_topics import confluent_kafka

    topic = topics.make()
    producer = confluent_kafka.Producer({"bootstrap.servers": topics.broker.servers, "transactional.id": topic})
    producer.init_transactions(30)
    for id, commits in ((1, True), (2, False), (3, True)):
        producer.begin_transaction()
        producer.produce(topic, b'{"id":%d}' % id)
        (producer.commit_transaction if commits else producer.abort_transaction)(30)
    sql.run(f"CREATE SOURCE s (id int) {options(topics, topic)} {PLAIN}")
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT id FROM s")
    eventually(lambda: sql.rows("SELECT * FROM v") == [(1,), (3,)])
    assert sql.rows("SELECT id FROM s") == [(1,), (3,)]


def test_a_broker_that_is_restarted_or_not_there(topics: Topics, sql: Sql) -> None:
    topic = topics.make()
    topics.write(topic, *numbers(1, 2))
    sql.run(f"CREATE SOURCE s (id int) {options(topics, topic)} {PLAIN}")
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM s")
    eventually(lambda: sql.value("SELECT n FROM v") == 2)
    topics.broker.kill()
    topics.broker.start()
    topics.write(topic, *numbers(3))
    eventually(lambda: sql.value("SELECT n FROM v") == 3)
    sql.fails("58030", f"CREATE SOURCE x (id int) {options(topics, 'none')} {PLAIN}")
    sql.fails(
        "58030",
        "CREATE SOURCE x (id int) WITH (connector = 'kafka', topic = 'x', timeout = '200 ms',"
        f" bootstrap.servers = '127.0.0.1:1') {PLAIN}",
    )
    sql.fails("22023", f"CREATE SOURCE x (id int) {options(topics, topic, 'properties.no.such = 1')} {PLAIN}")


PROTO = 'syntax = "proto3"; message Row { int64 id = 1; int32 v = 2; }'
AVRO = '{"type": "record", "name": "row", "fields": [{"name": "id", "type": "long"}, {"name": "v", "type": "int"}]}'


def encoded(form: str, id: int) -> bytes:
    """A message of `id` and its double."""
    if form == "avro":
        target = io.BytesIO()
        fastavro.schemaless_writer(target, fastavro.parse_schema(json.loads(AVRO)), {"id": id, "v": id * 2})
        return target.getvalue()
    if form == "protobuf":
        made: bytes = message_class(PROTO.encode(), "Row")(id=id, v=id * 2).SerializeToString()
        return made
    return (b"%d,%d" if form == "csv" else b'{"id": %d, "v": %d}') % (id, id * 2)


@pytest.mark.parametrize("form", ["json", "csv", "avro", "protobuf"])
def test_garbage_in_the_middle_is_replayed_as_a_corrected_copy(
    topics: Topics, opened: Opened, tmp_path: Path, form: str
) -> None:
    (tmp_path / "row.proto").write_text(PROTO)
    (tmp_path / "row.avsc").write_text(AVRO)
    clauses = {
        "avro": f"(schema.location = 'file://{tmp_path}/row.avsc')",
        "protobuf": f"(schema.location = 'file://{tmp_path}/row.proto', message = 'Row')",
    }
    topic = topics.make(partitions=2)
    values = [b"\x0a\xffgarbage" if id == 5 else encoded(form, id) for id in range(10)]
    topics.write(topic, *((b"k%d" % id, value) for id, value in enumerate(values)))
    sql = opened.open()
    sql.run(
        f"CREATE SOURCE s (id bigint, v int) INCLUDE key AS k {options(topics, topic)}"
        f" FORMAT PLAIN ENCODE {form.upper()} {clauses.get(form, '')}"
    )
    sql.run("CREATE MATERIALIZED VIEW a AS SELECT id, v, k FROM s")
    eventually(lambda: sql.value("SELECT count(*) FROM a") == 9)
    eventually(lambda: sql.rows("SELECT raw FROM s_errors") == [(b"\x0a\xffgarbage",)])
    right = encoded(form, 5).hex()
    sql.run(rf"CALL pgstream.replay('s', where => raw = '\x0aff67617262616765', raw => '\x{right}')")
    expected = [(id, id * 2, b"k%d" % id) for id in range(10)]
    assert sql.rows("SELECT * FROM a") == expected
    sql = opened.open()
    sql.run("CREATE MATERIALIZED VIEW b AS SELECT id, v, k FROM s")
    assert sql.rows("SELECT * FROM a") == sql.rows("SELECT * FROM b") == expected


def test_a_watermark_waits_for_every_partition(topics: Topics, sql: Sql) -> None:
    topic = topics.make(partitions=2)

    def write(partition: int, *seconds: int) -> None:
        rows = ({"id": s, "ts": f"2024-01-01 00:00:{s:02}"} for s in seconds)
        topics.write(topic, *((None, row, {"partition": partition}) for row in rows))

    write(0, 10, 20, 50)
    sql.run(
        f"CREATE SOURCE s (id int, ts timestamp, WATERMARK FOR ts AS ts) {options(topics, topic)} {PLAIN};"
        "CREATE MATERIALIZED VIEW v AS SELECT window_start, count(*) AS n FROM"
        " TUMBLE(s, ts, INTERVAL '10 s') GROUP BY window_start EMIT ON WINDOW CLOSE;"
        "CREATE MATERIALIZED VIEW every AS SELECT id FROM s"
    )
    eventually(lambda: sql.value("SELECT count(*) FROM every") == 3)
    assert sql.value("SELECT count(*) FROM v") == 0
    write(1, 12, 31)
    eventually(lambda: sql.value("SELECT count(*) FROM every") == 5)
    eventually(lambda: sql.rows("SELECT extract(second FROM window_start)::int, n FROM v") == [(10, 2), (20, 1)])
    (facts,) = sql.database.watermarks()
    assert facts.held_by == f"{topic}/1"


def test_how_a_source_fares(topics: Topics, opened: Opened) -> None:
    topic = topics.make()
    topics.write(topic, *numbers(*range(20)), (None, b"garbage"))
    sql = opened.open()
    sql.run(f"CREATE SOURCE s (id int) {options(topics, topic)} {PLAIN}")
    (facts,) = sql.database.sources()
    assert (facts.state, facts.offset) == ("unread", None)
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM s")
    eventually(lambda: sql.value("SELECT n FROM v") == 20)
    eventually(lambda: sql.value("SELECT count(*) FROM s_errors") == 1)
    (facts,) = sql.database.sources()
    assert (facts.state, facts.offset, facts.rows, facts.rejected) == ("running", '{"0":21}', 20, 1)
    assert facts.behind == 0
    assert facts.rate > 0
    topics.truncate(topic, 0, 21)
    opened.close()
    topics.write(topic, *numbers(21, 22))
    topics.truncate(topic, 0, 22)
    sql = opened.open()
    eventually(lambda: sql.database.sources()[0].state == "failing")
    (facts,) = sql.database.sources()
    assert facts.sqlstate == "58030"
    assert "no longer holds" in str(facts.error)
