"""Secrets through a server: neither its log nor other sessions are told them."""

from pathlib import Path
from typing import Any

import psycopg

from pgstream.testing.server import Server

PASSWORD = "swordfish-4711"
STATEMENTS = (
    (f"CREATE SECRET s AS '{PASSWORD}'", None),
    (f"ALTER SECRET s AS $${PASSWORD}$$", None),
    (f"CREATE SECRET t AS E'{PASSWORD}'", None),
    (f"CREATE SECRET s AS '{PASSWORD}'", "42P07"),
    (f"CREATE SECRET u AS '{PASSWORD}' AND MORE", "42601"),
    (f"ALTER SECRET '{PASSWORD}'", "42601"),
)
"""Statements, and the SQLSTATEs of those that are wrong."""


def run(client: "psycopg.Connection[Any]", statement: str) -> str | None:
    """Runs a statement; its SQLSTATE where it fails."""
    try:
        client.execute(statement.encode())
    except psycopg.Error as error:
        return error.sqlstate
    return None


def test_nobody_else_is_told(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        with (
            psycopg.connect(server.conninfo, autocommit=True) as client,
            psycopg.connect(server.conninfo, autocommit=True) as other,
        ):
            asked = f"SELECT query FROM pg_stat_activity WHERE pid = {client.info.backend_pid}".encode()
            for statement, failure in STATEMENTS:
                assert run(client, statement) == failure, statement
                ((shown,),) = other.execute(asked).fetchall()
                assert "SECRET" in shown
                assert PASSWORD not in shown
            assert other.execute("SELECT secretname FROM pgstream_secrets ORDER BY 1").fetchall() == [("s",), ("t",)]
        assert server.stop() == 0
        assert PASSWORD not in server.log.read_text()
