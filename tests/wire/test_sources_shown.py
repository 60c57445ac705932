"""pgstream_sources over the wire."""

import time
from pathlib import Path

import psycopg

from pgstream.testing.server import Server


def test_pgstream_sources(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 1}\nnonsense\n{"id": 2}\n')
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        connection.execute(
            f"CREATE SOURCE shown (id int) WITH (connector = 'filesystem', path = '{path}', format = 'json')"
        )
        query = "SELECT state, rows_read, records_rejected, error FROM pgstream_sources WHERE sourcename = 'shown'"
        assert connection.execute(query).fetchall() == [("unread", 0, 0, None)]
        connection.execute("CREATE MATERIALIZED VIEW of_shown AS SELECT count(*) FROM shown")
        deadline = time.monotonic() + 30
        while connection.execute(query).fetchall() != [("ended", 2, 1, None)]:
            assert time.monotonic() < deadline, connection.execute(query).fetchall()
            time.sleep(0.05)
