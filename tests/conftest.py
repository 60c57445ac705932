"""Fixtures for tests that need a whole server: a subprocess on a free port with a directory of its own."""

import os
from collections.abc import Iterator

import pytest

from pgstream.testing.server import Server

os.environ["PGSTREAM_KERNEL_CHECKS"] = "1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server shared by the tests of one module."""
    running = Server(tmp_path_factory.mktemp("server"))
    running.start()
    yield running
    assert running.stop() == 0, running.log.read_text()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite golden files instead of comparing with them")
