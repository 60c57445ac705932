"""Sequences outlive a server that is killed: no value that somebody was told is given again."""

from pathlib import Path

import psycopg

from pgstream.testing.server import Server


def test_no_value_is_given_twice(tmp_path: Path) -> None:
    told: list[int] = []
    with Server(tmp_path) as server:
        with psycopg.connect(server.conninfo, autocommit=True) as connection:
            connection.execute("CREATE SEQUENCE s")
            connection.execute("CREATE TABLE t (id serial PRIMARY KEY, v int)")
        for round_ in range(3):
            with psycopg.connect(server.conninfo, autocommit=True) as connection:
                for i in range(40 + round_):
                    told += [row[0] for row in connection.execute("SELECT nextval('s')")]
                    connection.execute("INSERT INTO t (v) VALUES (%s)", [i])
            server.kill()
            server.start()
        assert len(set(told)) == len(told)
        with psycopg.connect(server.conninfo, autocommit=True) as connection:
            connection.execute("INSERT INTO t (v) VALUES (1)")
            assert connection.execute("SELECT count(*), count(DISTINCT id) FROM t").fetchone() == (124, 124)
            before = connection.execute("SELECT nextval('s')").fetchone()
        server.stop()
        server.start()
        with psycopg.connect(server.conninfo, autocommit=True) as connection:
            after = connection.execute("SELECT nextval('s')").fetchone()
    assert before is not None
    assert after == (before[0] + 1,), "a server that ends in peace leaves no gap"


def test_values_are_given_by_no_transaction(tmp_path: Path) -> None:
    with Server(tmp_path) as server, psycopg.connect(server.conninfo) as connection:
        connection.execute("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, v int)")
        connection.commit()
        connection.execute("INSERT INTO t (v) VALUES (1)")
        connection.rollback()
        connection.execute("INSERT INTO t (v) VALUES (1), (2)")
        with psycopg.connect(server.conninfo) as other:
            other.execute("INSERT INTO t (v) VALUES (3)")
        connection.commit()
        assert sorted(connection.execute("SELECT id, v FROM t")) == [(2, 1), (3, 2), (4, 3)]
