"""Kafka topics as sinks of a real broker: each change shows once to who reads what is committed."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pgstream.connectors import kafka_sink
from pgstream.connectors.kafka_sink import KafkaSink
from pgstream.errors import IoError
from tests.unit.engine.conftest import Opened
from tests.unit.engine.engine_sql import Sql, eventually
from tests.unit.engine.kafka_topics import Topics, options, started_broker

PLAIN = "FORMAT PLAIN ENCODE JSON"


@pytest.fixture(scope="module")
def topics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topics]:
    broker = started_broker(tmp_path_factory.mktemp("broker"))
    yield Topics(broker)
    broker.stop()


def ids(topics: Topics, topic: str) -> list[int]:
    return [value["id"] for value in topics.values(topic)]


def made(topics: Topics, sql: Sql, *more: str, clause: str = PLAIN) -> str:
    topic = topics.make()
    sql.run("CREATE TABLE t (id int PRIMARY KEY, v int)")
    sql.run(f"CREATE SINK k FROM t {options(topics, topic, *more)} {clause}")
    return topic


def test_rows_are_appended_in_order(topics: Topics, opened: Opened) -> None:
    sql = opened.open()
    topic = made(topics, sql, "'sink.key_field' = 'v'")
    for id in range(5):
        sql.run(f"INSERT INTO t VALUES ({id}, {id * 10})")
    sql = opened.open()
    sql.run("INSERT INTO t SELECT n, n FROM generate_series(5, 99) AS s(n)")
    assert ids(topics, topic) == list(range(100))
    assert [message.key() for message in topics.read(topic)[:3]] == [b"0", b"10", b"20"]
    sql.run("DELETE FROM t WHERE id = 1")
    debts = opened.engine._databases["postgres"].outlets.debts  # type: ignore[union-attr]
    assert next(iter(debts.values())).sqlstate == "0A000"


def test_upserts(topics: Topics, sql: Sql) -> None:
    topic = made(topics, sql, "primary_key = 'id'", clause="FORMAT UPSERT ENCODE JSON")
    sql.run("INSERT INTO t VALUES (1, 1), (2, 2); UPDATE t SET v = 20 WHERE id = 2; DELETE FROM t WHERE id = 1")
    sql.run("UPDATE t SET v = 21 WHERE id = 2")
    found = [(json.loads(m.key()), m.value() and json.loads(m.value())) for m in topics.read(topic)]
    assert sorted(found[:2], key=repr) == [({"id": 1}, {"id": 1, "v": 1}), ({"id": 2}, {"id": 2, "v": 2})]
    assert found[2:] == [({"id": 2}, {"id": 2, "v": 20}), ({"id": 1}, None), ({"id": 2}, {"id": 2, "v": 21})]
    sql.run(f"CREATE TABLE again (id int PRIMARY KEY, v int) {options(topics, topic)} FORMAT UPSERT ENCODE JSON")
    assert sql.rows("SELECT * FROM again") == [(2, 21)]
    sql.fails("22023", f"CREATE SINK x FROM t {options(topics, topic)} FORMAT UPSERT ENCODE JSON")
    wrong = options(topics, topic, "primary_key = 'w'")
    sql.fails("42703", f"CREATE SINK x FROM t {wrong} FORMAT UPSERT ENCODE JSON")


def test_debezium_changes_come_back_as_they_were(topics: Topics, sql: Sql) -> None:
    topic = made(topics, sql, "primary_key = 'id'", clause="FORMAT DEBEZIUM ENCODE JSON")
    sql.run("INSERT INTO t VALUES (1, 1), (2, 2); UPDATE t SET v = 20 WHERE id = 2; DELETE FROM t WHERE id = 1")
    found = topics.values(topic)
    assert sorted(value["after"]["id"] for value in found[:2]) == [1, 2]
    assert found[2:] == [
        {"before": {"id": 2, "v": 2}, "after": {"id": 2, "v": 20}, "op": "u"},
        {"before": {"id": 1, "v": 1}, "after": None, "op": "d"},
    ]
    sql.run(f"CREATE TABLE again (id int PRIMARY KEY, v int) {options(topics, topic)} FORMAT DEBEZIUM ENCODE JSON")
    assert sql.rows("SELECT * FROM again") == [(2, 20)]


@pytest.mark.parametrize("place", ["begun", "half", "after the commit"])
def test_a_crash_between_the_two_commits(
    topics: Topics, opened: Opened, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Ours is done; Kafka's is not, or is and we do not know it."""
    sql = opened.open()
    topic = made(topics, sql)
    sql.run("INSERT INTO t VALUES (0, 0)")
    send, produce = KafkaSink._send, KafkaSink._produce

    def dies(sink: Any, producer: Any, records: Any) -> None:
        if place == "after the commit":
            send(sink, producer, records)
        else:
            producer.begin_transaction()
        if place == "half":
            produce(sink, producer, topic, None, b'{"id": 1}', 0)
            producer.flush(10)
        raise IoError("a crash")

    monkeypatch.setattr(KafkaSink, "_send", dies)
    sql.run("INSERT INTO t VALUES (1, 1), (2, 2)")
    monkeypatch.setattr(KafkaSink, "_send", send)
    sql = opened.crash()
    sql.run("INSERT INTO t VALUES (3, 3)")
    eventually(lambda: sorted(ids(topics, topic)) == [0, 1, 2, 3])
    sql = opened.crash()
    sql.run("INSERT INTO t VALUES (4, 4)")
    eventually(lambda: sorted(ids(topics, topic)) == [0, 1, 2, 3, 4])


def test_a_broker_that_is_away_and_comes_back(topics: Topics, opened: Opened) -> None:
    sql = opened.open()
    topic = made(topics, sql)
    sql.run("INSERT INTO t VALUES (0, 0)")
    topics.broker.stop()
    started = time.monotonic()
    sql.run("INSERT INTO t VALUES (1, 1)")
    sql.run("INSERT INTO t VALUES (2, 2)")
    assert time.monotonic() < started + 5, "who writes waits for a broker that is away"
    assert sql.value("SELECT count(*) FROM t") == 3
    topics.broker.start()
    eventually(lambda: ids(topics, topic) == [0, 1, 2])
    sql.run("INSERT INTO t VALUES (3, 3)")
    eventually(lambda: ids(topics, topic) == [0, 1, 2, 3])


def test_at_least_once_and_what_is_left_out(topics: Topics, sql: Sql) -> None:
    topic = made(topics, sql, "'sink.commit_mode' = 'at_least_once', force_append_only = 'true'")
    sql.run("INSERT INTO t VALUES (1, 1); DELETE FROM t; INSERT INTO t VALUES (2, 2)")
    assert ids(topics, topic) == [1, 2]


def test_a_sink_of_a_view_over_a_topic(topics: Topics, opened: Opened) -> None:
    """From Kafka to Kafka, and the engine closed and opened meanwhile."""
    source, out = topics.make(partitions=2), topics.make()
    sql = opened.open()
    sql.run(f"CREATE SOURCE s (id int) {options(topics, source)} {PLAIN}")
    sql.run(f"CREATE SINK k AS SELECT id, id % 2 AS odd FROM s WHERE id % 10 < 5 {options(topics, out)} {PLAIN}")
    for start in range(0, 300, 100):
        topics.write(source, *((b"%d" % id, {"id": id}) for id in range(start, start + 100)))
        sql = opened.open()
    expected = [id for id in range(300) if id % 10 < 5]
    eventually(lambda: sorted(ids(topics, out)) == expected)


def test_debezium_files(sql: Sql, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    sql.run("CREATE TABLE t (id int PRIMARY KEY, v int)")
    sql.run(f"CREATE SINK k FROM t WITH (connector = 'filesystem', path = '{path}', format = 'debezium_json')")
    sql.run("INSERT INTO t VALUES (1, 1); UPDATE t SET v = 2")
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"before": None, "after": {"id": 1, "v": 1}, "op": "c"},
        {"before": {"id": 1, "v": 1}, "after": None, "op": "d"},
        {"before": None, "after": {"id": 1, "v": 2}, "op": "c"},
    ]


def test_what_a_cursor_holds() -> None:
    records = [kafka_sink.Record(b"k", b"v", 5), kafka_sink.Record(None, b"", -1), kafka_sink.Record(b"", None)]
    assert kafka_sink.unpacked(kafka_sink.packed(records)) == records


def test_an_older_copy_of_the_database_does_not_pass_over_commits(topics: Topics, opened: Opened) -> None:
    sql = opened.open()
    topic = made(topics, sql)
    sql.run("INSERT INTO t VALUES (0, 0)")
    old = {file.name: file.read_bytes() for file in opened.directory.iterdir() if file.suffix == ".mdb"}
    sql.run("INSERT INTO t VALUES (1, 1)")
    opened.close()
    for name, content in old.items():
        (opened.directory / name).write_bytes(content)
    sql = opened.open()
    sql.run("INSERT INTO t VALUES (2, 2)")
    debts = opened.engine._databases["postgres"].outlets.debts  # type: ignore[union-attr]
    assert "has been sent commits that this database does not know" in next(iter(debts.values())).error
    assert ids(topics, topic) == [0, 1]


def test_arroyo_spelling(topics: Topics, sql: Sql) -> None:
    """A pipeline as Arroyo's documentation writes it: an updating aggregate into a topic of Debezium records."""
    source, out = topics.make(), topics.make()
    topics.write(source, *((None, {"id": n, "amount": n % 3}) for n in range(9)))
    sql.run(f"""
        CREATE TABLE orders (id BIGINT, amount INT) WITH (
            connector = 'kafka', format = 'json', type = 'source', bootstrap_servers = '{topics.broker.servers}',
            topic = '{source}', 'source.offset' = 'earliest', bad_data = 'drop'
        );
        CREATE TABLE totals (amount INT, n BIGINT) WITH (
            connector = 'kafka', format = 'debezium_json', type = 'sink', bootstrap_servers = '{topics.broker.servers}',
            topic = '{out}', 'sink.commit_mode' = 'exactly_once'
        );
        INSERT INTO totals SELECT amount, count(*) FROM orders GROUP BY amount
    """)
    rows = {(0, 3), (1, 3), (2, 3)}

    def shown() -> set[tuple[int, int]]:
        left: list[tuple[int, int]] = []
        for change in topics.values(out):
            if change["before"] is not None:
                left.remove((change["before"]["amount"], change["before"]["n"]))
            if change["after"] is not None:
                left.append((change["after"]["amount"], change["after"]["n"]))
        return set(left)

    eventually(lambda: shown() == rows)
    topics.write(source, (None, {"id": 9, "amount": 2}))
    eventually(lambda: shown() == {(0, 3), (1, 3), (2, 4)})
