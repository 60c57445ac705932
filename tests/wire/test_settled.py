"""Literals of views mean what they meant when the view was made: in other sessions, on other days, after a restart."""

from pathlib import Path

import psycopg

from pgstream.testing.server import Server

QUERY = "SELECT id, a > '2024-01-01 00:00'::timestamptz AS late, a < 'now' AS past, DATE 'today' AS made FROM t"


def test_literals_keep_their_values(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        with psycopg.connect(server.conninfo, autocommit=True) as connection:
            connection.execute("CREATE TABLE t (id int PRIMARY KEY, a timestamptz)")
            connection.execute("SET timezone = 'America/New_York'")
            connection.execute(f"CREATE VIEW v AS {QUERY}".encode())
            connection.execute(f"SELECT 1;\n\n  CREATE MATERIALIZED VIEW m AS {QUERY}".encode())
            connection.execute("CREATE SINK s (late bool) WITH (connector = 'blackhole')")
            connection.execute("SELECT 1;\n\n  INSERT INTO s SELECT a > '2024-01-01' FROM t WHERE a < '2025-01-01'")
            connection.execute(f"CREATE SINK r AS {QUERY} WITH (connector = 'blackhole')".encode())
            connection.execute("INSERT INTO t VALUES (1, '2024-01-01 00:30+00'), (2, '2024-01-01 06:00+00')")
            shown = connection.execute("SELECT pg_get_viewdef('v'::regclass)").fetchone()
            answers = [rows(connection, relation) for relation in ("v", "m")]
        assert shown is not None
        assert "'2024-01-01 00:00:00-05'::timestamptz" in shown[0]
        assert "today" not in shown[0]
        assert "now" not in shown[0]
        assert answers[0] == answers[1]
        assert [row[1:3] for row in answers[0]] == [(False, True), (True, True)]
        server.kill()
        server.start()
        with psycopg.connect(server.conninfo, autocommit=True) as connection:
            assert [rows(connection, relation) for relation in ("v", "m")] == answers
            connection.execute("INSERT INTO t VALUES (3, '2024-01-01 00:30+00'), (4, now() + '1 day')")
            for relation in ("v", "m"):
                assert [row[1:3] for row in rows(connection, relation)[2:]] == [(False, True), (True, False)]


def rows(connection: psycopg.Connection, relation: str) -> list[tuple[object, ...]]:
    return connection.execute(f"SELECT * FROM {relation} ORDER BY id".encode()).fetchall()
