"""asyncpg against a whole server: named statements, portals with row limits, binary everywhere."""

import asyncio
import datetime
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pgstream.testing.server import Server

asyncpg = pytest.importorskip("asyncpg")


def run(server: Server, work: Callable[[Any], Awaitable[None]]) -> None:
    async def connected() -> None:
        connection = await asyncpg.connect(host="127.0.0.1", port=server.port, user="ann", database="postgres")
        try:
            await work(connection)
        finally:
            await connection.close()

    asyncio.run(connected())


def test_fetch(server: Server) -> None:
    async def work(connection: Any) -> None:
        assert await connection.fetchval("select $1::int + 1", 41) == 42
        moment = datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
        assert await connection.fetchval("select $1::timestamptz", moment) == moment
        assert await connection.fetchval("select $1::text[]", ["a", None]) == ["a", None]
        assert await connection.execute("select 1; select 2") == "SELECT 1"

    run(server, work)


def test_cursor_with_row_limits(server: Server) -> None:
    async def work(connection: Any) -> None:
        async with connection.transaction():
            rows = [row[0] async for row in connection.cursor("select * from generate_series(1, 100)", prefetch=7)]
            assert rows == list(range(1, 101))

    run(server, work)


def test_executemany_and_copy(server: Server) -> None:
    async def work(connection: Any) -> None:
        await connection.execute("create table many (a int primary key, b text)")
        await connection.executemany("insert into many values ($1, $2)", [(i, str(i)) for i in range(200)])
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.executemany("insert into many values ($1, $2)", [(1000, ""), (1, "")])
        assert await connection.fetchval("select count(*) from many") == 200
        records = [(i, None) for i in range(500, 600)]
        assert await connection.copy_records_to_table("many", records=records) == "COPY 100"
        assert await connection.fetchval("select count(b) from many") == 200
        await connection.execute("drop table many")

    run(server, work)


def test_errors_keep_the_connection(server: Server) -> None:
    async def work(connection: Any) -> None:
        with pytest.raises(asyncpg.UndefinedTableError):
            await connection.fetch("select * from nope")
        with pytest.raises(asyncpg.DivisionByZeroError):
            await connection.fetch("select 1 / $1::int", 0)
        assert await connection.fetchval("select 1") == 1

    run(server, work)


def test_reset_of_a_pool(server: Server) -> None:
    async def work(_connection: Any) -> None:
        async with asyncpg.create_pool(
            host="127.0.0.1", port=server.port, user="ann", database="postgres", min_size=1, max_size=4
        ) as pool:
            answers = await asyncio.gather(*(pool.fetchval("select $1::int", i) for i in range(40)))
            assert answers == list(range(40))

    run(server, work)
