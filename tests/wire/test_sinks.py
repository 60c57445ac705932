"""Sinks and sources that fail, in a server that is killed."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from pgstream.testing.server import Server


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)


def test_a_paused_sink_and_a_refused_row_through_kills(tmp_path: Path) -> None:
    out, away, feed = tmp_path / "out", tmp_path / "away", tmp_path / "in.jsonl"
    feed.write_text("".join(json.dumps({"id": n, "v": n % 10}) + "\n" for n in range(100)))

    def ids() -> list[int]:
        files = sorted(out.glob("part-*"))
        return sorted(json.loads(line)["id"] for file in files for line in file.read_text().splitlines())

    def connect() -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(server.conninfo, autocommit=True)

    count = "SELECT count(*), sum(id) FROM s"
    with Server(tmp_path) as server:
        with connect() as client:
            client.execute(
                "CREATE SOURCE s (id int, v int)"
                f" WITH (connector = 'filesystem', path = '{feed}', follow = 'true', format = 'json')"
            )
            client.execute("CREATE MATERIALIZED VIEW a AS SELECT id, 10 / v AS i FROM s")
            client.execute("CREATE TABLE t (id int)")
            client.execute(
                f"CREATE SINK k AS SELECT id FROM t WITH (connector = 'filesystem', path = '{out}/', format = 'json')"
            )
            client.execute("INSERT INTO t VALUES (1)")
            eventually(lambda: client.execute("SELECT count(*) FROM a").fetchone() == (90,))
            assert client.execute("SELECT state, error, waiting_commits FROM pgstream_sinks").fetchall() == [
                ("running", None, 0)
            ]
            out.rename(away)
            for number in range(2, 6):
                client.execute("INSERT INTO t VALUES (%s)", [number])
            server.kill()
        server.start()
        with connect() as client:
            client.execute("INSERT INTO t VALUES (6)")
            (told,) = client.execute(
                "SELECT sinkname, state, sqlstate, error, failing_since < now(), failures > 0, waiting_commits"
                " FROM pgstream_sinks"
            ).fetchall()
            error = f'directory "{out}" was written to but is gone'
            assert told == ("k", "failing", "58030", error, True, True, 5)
            (counted,) = client.execute(
                "SELECT hint, rows_written, errors > 0, last_error, last_error_at < now() FROM pgstream_sinks"
            ).fetchall()
            assert counted == (None, 0, True, error, True)
            assert client.execute("SELECT errors, last_error FROM pgstream_sources").fetchall() == [(0, None)]
            assert client.execute("SELECT * FROM pgstream_source_partitions").fetchall() == []
            client.execute(f"CREATE MATERIALIZED VIEW b AS {count}")
            taken = client.execute(count).fetchone()
            assert taken == (90, sum(n for n in range(100) if n % 10))
            assert client.execute("SELECT * FROM b").fetchone() == taken
            errors = "SELECT count(*), count(DISTINCT place), min(message) FROM s_errors"
            assert client.execute(errors).fetchone() == (10, 10, "22012: division by zero")
            server.kill()
        away.rename(out)
        server.start()
        with connect() as client:
            eventually(lambda: ids() == [1, 2, 3, 4, 5, 6])
            client.execute("INSERT INTO t VALUES (7)")
            assert ids() == [1, 2, 3, 4, 5, 6, 7]
            assert client.execute("SELECT state FROM pgstream_sinks").fetchone() == ("running",)
            assert client.execute("SELECT * FROM b").fetchone() == client.execute(count).fetchone()
    assert server.log.read_text().count("sink paused") <= 2
