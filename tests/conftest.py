"""Fixtures for tests that need a whole server: a subprocess on a free port with a directory of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

START_S_MAX = 120
STOP_S_MAX = 30


@dataclass
class RunningServer:
    """`pgstream serve` as a child process."""

    data_dir: Path
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[str] | None = None

    def start(self) -> "RunningServer":
        """Starts it and waits until it says it is ready."""
        command = [sys.executable, "-m", "pgstream", "serve", "--data-dir", str(self.data_dir)]
        command += ["--listen", f"127.0.0.1:{self.port}", *self.arguments]
        log = (self.data_dir.parent / f"{self.data_dir.name}.log").open("a")
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, **self.environment}
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"ready: psql -h \S+ -p (\d+)", line)
        assert found is not None, f"the server said {line!r}: {self.log()}"
        self.port = int(found.group(1))
        return self

    def log(self) -> str:
        return (self.data_dir.parent / f"{self.data_dir.name}.log").read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stops it by its process id; returns its exit status."""
        assert self.process is not None
        os.kill(self.process.pid, number)
        return self.process.wait(STOP_S_MAX)

    @property
    def dsn(self) -> str:
        return f"host=127.0.0.1 port={self.port} user=ann dbname=postgres"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server shared by the tests of one module."""
    running = RunningServer(tmp_path_factory.mktemp("server") / "data").start()
    yield running
    assert running.process is not None
    if running.process.poll() is None:
        assert running.stop() == 0, running.log()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite golden files instead of comparing with them")
