"""Random views under random changes equal PostgreSQL's answer; `conformance/random_views.py` runs more of them."""

import os
from collections.abc import Iterator

import pytest

from conformance.random_views import Round
from pgstream.testing.server import Server
from pgstream.testing.slt import PsycopgTarget

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif("PGSTREAM_ORACLE" not in os.environ, reason="oracle: PGSTREAM_ORACLE is not set"),
]

DATABASE = "pgstream_random_views"


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PsycopgTarget, PsycopgTarget]]:
    """PostgreSQL and pgstream, each with an empty database."""
    with Server(tmp_path_factory.mktemp("random")) as server:
        infos = [os.environ["PGSTREAM_ORACLE"], server.conninfo]
        for info in infos:
            admin = PsycopgTarget(info)
            admin.run(f"DROP DATABASE IF EXISTS {DATABASE}")
            admin.run(f"CREATE DATABASE {DATABASE}")
            admin.close()
        oracle, subject = (PsycopgTarget(f"{info} dbname={DATABASE}") for info in infos)
        yield oracle, subject
        oracle.close()
        subject.close()
        admin = PsycopgTarget(infos[0])
        admin.run(f"DROP DATABASE {DATABASE}")
        admin.close()


@pytest.mark.parametrize("seed", range(4))
def test_views_equal_their_queries(seed: int, targets: tuple[PsycopgTarget, PsycopgTarget]) -> None:
    one = Round(seed, 15, *targets)
    assert one.run(8) > 80
    assert not one.refused
