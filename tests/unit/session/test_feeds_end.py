"""What a subscription needs is given back however it ends: the engine computes nothing for readers that are gone."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pgstream.config import Config
from pgstream.engine import Engine
from pgstream.logs import Log
from pgstream.server import Server
from pgstream.world import RealWorld
from tests.unit.engine.engine_sql import eventually

Connection = psycopg.Connection[Any]


class Running:
    """A server in this process."""

    def __init__(self, folder: Path) -> None:
        world = RealWorld()
        self.engine = Engine.open(folder, world, sync=False)
        self._loop = asyncio.new_event_loop()
        self._server = Server(self.engine, Config(data_dir=folder, listen="127.0.0.1:0"), world, Log(world))
        _, self.port = self._loop.run_until_complete(self._server.listen())
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def connect(self) -> Connection:
        return psycopg.connect(f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres", autocommit=True)

    @property
    def watched(self) -> int:
        """How many relations are watched."""
        return len(self.engine._databases["postgres"].head.watched)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.engine.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    one = Running(tmp_path_factory.mktemp("data"))
    with one.connect() as client:
        client.execute("create table t (k int primary key)")
        client.execute("create materialized view v as select k % 3 as g, count(*) as n from t group by 1")
        client.execute("create subscription s from v with (retention = '1 hour')")
        client.execute("insert into t values (1), (2)")
    yield one
    one.stop()


def committed(client: Connection) -> None:
    with client.transaction():
        client.execute("declare c cursor for subscribe (select k + 1 from t)")
        client.execute("fetch all c")


def failed(client: Connection) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero), client.transaction():  # noqa: PT012
        client.execute("declare c cursor for subscribe v")
        client.execute("fetch 1 c")
        client.execute("select 1 / 0")


def timed_out(client: Connection) -> None:
    client.execute("set statement_timeout = '200ms'")
    with pytest.raises(psycopg.errors.QueryCanceled), client.cursor().copy("copy (subscribe v) to stdout") as copy:
        list(copy)


def left(client: Connection) -> None:
    copying = client.cursor().copy("copy (subscribe (select k * 2 from t)) to stdout")
    next(iter(copying.__enter__()))
    client.pgconn.finish()


def closed(client: Connection) -> None:
    client.execute("declare c subscription cursor for s full")
    client.execute("fetch 10 from c")
    client.execute("close c")


def unheard(client: Connection) -> None:
    client.execute("listen v")
    client.execute("unlisten *")


def wrong(client: Connection) -> None:
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
        client.execute("subscribe (select k + 3 from t) as of 5")


def dropped(client: Connection) -> None:
    client.execute("create materialized view gone as select k from t")
    client.execute("create subscription of_gone from gone with (retention = '1 hour')")
    client.execute("declare c subscription cursor for of_gone")
    client.execute("drop materialized view gone cascade")
    for _ in range(2):
        with pytest.raises(psycopg.errors.UndefinedTable):
            client.execute("fetch 10 from c with (timeout = '10s')")


def refused(client: Connection) -> None:
    with client.transaction():
        client.execute("declare c cursor for subscribe (select 10 / (k - 70) from t)")
        client.execute("fetch 10 from c")
        with client.transaction(force_rollback=True):
            client.execute("create materialized view other as select 1 as a")
    with pytest.raises(psycopg.errors.DivisionByZero), client.transaction():  # noqa: PT012
        client.execute("declare c cursor for subscribe (select 10 / (k - 70) from t) with (snapshot = false)")
        with psycopg.connect(client.info.dsn, autocommit=True) as writer:
            writer.execute("insert into t values (70)")
            writer.execute("delete from t where k = 70")
        client.execute("fetch 10 from c with (timeout = '10s')")


@pytest.mark.parametrize("use", [committed, failed, timed_out, left, closed, unheard, wrong, dropped, refused])
def test_nothing_is_watched_afterwards(running: Running, use: Callable[[Connection], None]) -> None:
    client = running.connect()
    use(client)
    client.close()
    eventually(lambda: running.watched == 0)
    with running.connect() as other:
        eventually(lambda: other.execute("select * from pgstream_subscribers").fetchall() == [])


def test_it_is_watched_meanwhile(running: Running) -> None:
    with running.connect() as client:
        with client.transaction():
            client.execute("declare c cursor for subscribe v")
            assert running.watched == 1
        client.execute("listen v")
        assert running.watched == 1
    eventually(lambda: running.watched == 0)
