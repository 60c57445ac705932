"""Brokers that ask who one is: SASL and TLS, in everybody's spelling, and what a wrong password leads to."""

import time
from collections.abc import Iterator

import pytest

from pgstream.testing.kafka_broker import NoBrokerError
from pgstream.testing.kafka_security import PASSWORD, USER, SecuredBroker, secured_broker
from tests.unit.engine.conftest import Opened
from tests.unit.engine.engine_sql import Sql, eventually
from tests.unit.engine.kafka_topics import Topics

PLAIN = "FORMAT PLAIN ENCODE JSON"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    try:
        made = secured_broker(tmp_path_factory.mktemp("secured"))
    except NoBrokerError as error:
        pytest.skip(f"no Kafka broker: {error}")
    yield made
    made.broker.stop()


def there_and_back(secured: SecuredBroker, sql: Sql, options: str, clause: str = PLAIN) -> None:
    """Rows go through a sink into a topic, and come back by a source, with these options of both."""
    topics = Topics(secured.broker)
    topic = topics.make()
    given = f"WITH (connector = 'kafka', topic = '{topic}', {options}"
    sql.run("CREATE TABLE t (id int PRIMARY KEY)")
    sql.run(f"CREATE SINK k FROM t {given}) {clause}")
    sql.run("INSERT INTO t VALUES (1), (2)")
    assert [value["id"] for value in topics.values(topic)] == [1, 2]
    sql.run(f"CREATE SOURCE s (id int) {given}) {clause}")
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT sum(id) AS n FROM s")
    eventually(lambda: sql.value("SELECT n FROM v") == 3)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_sasl_as_risingwave_spells_it(secured: SecuredBroker, sql: Sql, mechanism: str) -> None:
    sql.run(f"CREATE SECRET pw AS '{PASSWORD}'")
    there_and_back(
        secured,
        sql,
        f"properties.bootstrap.server = '{secured.servers('SASL_PLAINTEXT')}', "
        "properties.security.protocol = 'SASL_PLAINTEXT', "
        f"properties.sasl.mechanism = '{mechanism}', properties.sasl.username = '{USER}', "
        "properties.sasl.password = secret pw",
    )


def test_sasl_as_arroyo_spells_it(secured: SecuredBroker, sql: Sql) -> None:
    there_and_back(
        secured,
        sql,
        f"bootstrap_servers = '{secured.servers('SASL_PLAINTEXT')}', 'auth.type' = 'sasl', "
        "'auth.protocol' = 'SASL_PLAINTEXT', 'auth.mechanism' = 'SCRAM-SHA-256', "
        f"'auth.username' = '{USER}', 'auth.password' = '{PASSWORD}', format = 'json'",
        clause="",
    )


def test_sasl_over_tls_by_a_connection_of_materialize(secured: SecuredBroker, sql: Sql) -> None:
    sql.run(f"CREATE SECRET pw AS '{PASSWORD}'; CREATE SECRET ca AS '{secured.pem('ca.pem')}'")
    sql.run(
        f"CREATE CONNECTION c TO KAFKA (BROKER '{secured.servers('SASL_SSL')}', SASL MECHANISMS = 'SCRAM-SHA-512', "
        f"SASL USERNAME = '{USER}', SASL PASSWORD = SECRET pw, SSL CERTIFICATE AUTHORITY = SECRET ca)"
    )
    sql.run("VALIDATE CONNECTION c")
    there_and_back(secured, sql, "connection = c")
    sql.run("ALTER SECRET pw AS 'wrong'")
    assert "uthentication" in sql.fails("58030", "VALIDATE CONNECTION c").message


def test_tls_with_certificates(secured: SecuredBroker, sql: Sql) -> None:
    for name, file in (("ca", "ca.pem"), ("cert", "client.pem"), ("key", "client.key")):
        sql.run(f"CREATE SECRET {name} AS '{secured.pem(file)}'")
    sql.run(
        f"CREATE CONNECTION c WITH (type = 'kafka', properties.bootstrap.server = '{secured.servers('SSL')}', "
        "properties.security.protocol = 'SSL', properties.ssl.ca.location = secret ca AS FILE, "
        "properties.ssl.certificate.pem = secret cert, properties.ssl.key.pem = secret key)"
    )
    there_and_back(secured, sql, "'connection_profile' = 'c'")


def test_a_wrong_password_is_told_and_not_tried_in_a_loop(
    secured: SecuredBroker, opened: Opened, capfd: pytest.CaptureFixture[str]
) -> None:
    sql = opened.open()
    topics = Topics(secured.broker)
    topic = topics.make()
    topics.write(topic, (None, {"id": 1}))
    sql.run(f"CREATE SECRET pw AS '{PASSWORD}'")
    given = (
        f"properties.bootstrap.server = '{secured.servers('SASL_PLAINTEXT')}', "
        f"properties.security.protocol = 'SASL_PLAINTEXT', properties.sasl.mechanism = 'PLAIN', "
        f"properties.sasl.username = '{USER}', properties.sasl.password = secret pw"
    )
    sql.run(f"CREATE CONNECTION c WITH (type = 'kafka', {given})")
    sql.run(f"CREATE SOURCE s (id int) WITH (connector = 'kafka', connection = c, topic = '{topic}') {PLAIN}")
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM s")
    eventually(lambda: sql.value("SELECT n FROM v") == 1)
    sql.run("CREATE TABLE t (id int); ALTER SECRET pw AS 'my-wrong-password'")
    eventually(lambda: sql.database.sources()[0].state == "failing")
    told = sql.database.sources()[0]
    assert told.sqlstate == "58030"
    assert "uthentication" in str(told.error)
    spent, started = time.process_time(), time.monotonic()
    time.sleep(3)
    assert time.process_time() - spent < 0.5 * (time.monotonic() - started), "it tries in a hot loop"
    error = sql.fails("58030", f"CREATE CONNECTION d WITH (type = 'kafka', {given}, timeout = '3 s')")
    assert "uthentication" in error.message
    topics.write(topic, (None, {"id": 2}))
    sql.run(f"ALTER SECRET pw AS '{PASSWORD}'")
    eventually(lambda: sql.value("SELECT n FROM v") == 2)
    assert sql.database.sources()[0].state == "running"
    assert "my-wrong-password" not in capfd.readouterr().err


def test_confluent_as_arroyo_spells_it(secured: SecuredBroker, sql: Sql) -> None:
    there_and_back(
        secured,
        sql,
        f"bootstrap_servers = '{secured.servers('SASL_SSL')}', key = '{USER}', secret = '{PASSWORD}', "
        f"properties.ssl.ca.pem = '{secured.pem('ca.pem')}', format = 'json'",
        clause="",
    )
