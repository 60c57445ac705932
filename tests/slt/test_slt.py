"""Every file of the corpus gives its answers four ways: as SELECTs, as materialized views that live through changes
and churn, as such views on a server that is killed between records, and on a real PostgreSQL."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pgstream.testing import slt
from pgstream.testing.server import Server

HERE = Path(__file__).parent
FILES = {str(path.relative_to(HERE).with_suffix("")): path for path in sorted(HERE.rglob("*.slt"))}
ORACLE = os.environ.get("PGSTREAM_ORACLE", "")
KILL_EVERY_RECORDS = 8
"""How many records each file runs between two kills: a restart with all their views takes seconds, a record
milliseconds. There is no more killing once most files are through."""

by_file = pytest.mark.parametrize("path", FILES.values(), ids=FILES.keys())


@pytest.fixture(scope="session")
def slt_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all files, each of which has a database of its own."""
    with Server(tmp_path_factory.mktemp("slt")) as server:
        yield server


@contextmanager
def database(conninfo: str, name: str) -> Iterator[slt.PsycopgTarget]:
    """A connection to a new database, dropped afterwards."""
    outside = slt.PsycopgTarget(f"{conninfo} dbname=postgres")
    outside.run(f"DROP DATABASE IF EXISTS {name}")
    outside.run(f"CREATE DATABASE {name}")
    target = slt.PsycopgTarget(f"{conninfo} dbname={name}")
    try:
        yield target
    finally:
        target.close()
        outside.run(f"DROP DATABASE {name}")
        outside.close()


@pytest.mark.oracle
@pytest.mark.skipif(not ORACLE, reason="the oracle, a real PostgreSQL, is not named by PGSTREAM_ORACLE")
@by_file
def test_postgres(path: Path, request: pytest.FixtureRequest) -> None:
    """PostgreSQL gives these answers. With --update, they become what it gives."""
    script = slt.read(path)
    if script.streaming:
        pytest.skip("PostgreSQL has no streaming")
    with database(ORACLE, f"slt_{os.getpid()}") as target:
        if request.config.getoption("--update"):
            slt.write(slt.answered(script, target))
        else:
            slt.run_as_selects(script, target)


@by_file
def test_select(path: Path, slt_server: Server) -> None:
    with database(slt_server.conninfo, f"select_{path.stem}") as target:
        slt.run_as_selects(slt.read(path), target)


@by_file
def test_views(path: Path, slt_server: Server) -> None:
    with database(slt_server.conninfo, f"views_{path.stem}") as target:
        run = slt.ViewRun(slt.read(path), target)
        while run.step():
            pass
        run.finish()


def test_reopen(tmp_path: Path) -> None:
    """All files advance in lockstep, so that one kill is a kill in the middle of each."""
    with Server(tmp_path) as server:
        runs = list(opened(server))
        going, step = list(runs), 0
        while going:
            going = [(run, target) for run, target in going if stepped(run, target)]
            step += 1
            if step % KILL_EVERY_RECORDS == 0 and 2 * len(going) > len(runs):
                restart(server, runs)
        restart(server, runs)
        for run, target in runs:
            run.compare()
            target.close()


def stepped(run: slt.ViewRun, target: slt.PsycopgTarget) -> bool:
    """Runs the next record of a file, or a transaction; False once there are no more."""
    more = run.step()
    while more and target.in_transaction:
        more = run.step()
    return more


def opened(server: Server) -> Iterator[tuple[slt.ViewRun, slt.PsycopgTarget]]:
    """A run of each file in a database of its own."""
    outside = slt.PsycopgTarget(f"{server.conninfo} dbname=postgres")
    for name, path in FILES.items():
        database_name = name.replace("/", "_")
        outside.run(f"CREATE DATABASE {database_name}")
        target = slt.PsycopgTarget(f"{server.conninfo} dbname={database_name}")
        yield slt.ViewRun(slt.read(path), target), target
    outside.close()


def restart(server: Server, runs: list[tuple[slt.ViewRun, slt.PsycopgTarget]]) -> None:
    """Kills the server, starts it again on its folder, and connects everyone anew."""
    for _, target in runs:
        target.close()
    server.kill()
    server.start()
    for _, target in runs:
        target.reconnect()
