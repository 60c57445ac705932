"""Nexmark as published, over few events: conformance/nexmark.py at a size for every day."""

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest

from conformance.nexmark import CASES, SQL, Case, Connection, Record, verdict
from pgstream.connectors.nexmark import TABLES
from pgstream.testing.server import Server

ORACLE = os.environ.get("PGSTREAM_ORACLE")
pytestmark = [pytest.mark.oracle, pytest.mark.skipif(not ORACLE, reason="PGSTREAM_ORACLE is not set")]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Connection, Record]]:
    """A server, and a PostgreSQL that has the events."""
    assert ORACLE
    folder = tmp_path_factory.mktemp("nexmark")
    with psycopg.connect(ORACLE, autocommit=True) as oracle, Server(folder) as server:
        yield server, oracle, Record(folder, 12_000, 7, oracle)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.query}-{case.spelling}")
def test_query(recorded: tuple[Server, Connection, Record], case: Case) -> None:
    server, oracle, record = recorded
    rows, equal = verdict(server, oracle, case, record)
    assert int(rows) > 0
    assert equal == "yes"


def test_published_files_run_whole(recorded: tuple[Server, Connection, Record]) -> None:
    """With their sinks; but for those that name Flink's own files and classes."""
    _, _, record = recorded
    files = [SQL / "flink" / f"q{i}.sql" for i in range(23) if i not in (10, 13, 14)]
    script = record.folder / "whole.sql"
    sources = "".join(f"{record.source('flink', table)};\n" for table in TABLES)
    script.write_text(sources + "".join(file.read_text() for file in files))
    command = [sys.executable, "-m", "pgstream", "run", str(script), "--dialect", "flink"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("INSERT 0 0\n") == len(files)
