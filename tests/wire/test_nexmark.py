"""Nexmark as published, over few events: conformance/nexmark.py at a size for every day."""

import os
from collections.abc import Iterator

import psycopg
import pytest

from conformance.nexmark import CASES, Case, Connection, Record, verdict
from pgstream.testing.server import Server

ORACLE = os.environ.get("PGSTREAM_ORACLE")
NOT_YET = {"q13": "FOR SYSTEM_TIME AS OF is not supported yet"}
"""Queries that are refused, and what is said then."""

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
    assert equal == (f"no: {NOT_YET[case.query]}" if case.query in NOT_YET else "yes")
