"""Types that users declare, as psycopg and asyncpg see them: found in the catalogs, sent and received in text and
binary."""

import asyncio
from collections.abc import Iterator
from typing import Any

import asyncpg
import psycopg
import pytest
from psycopg.types.composite import CompositeInfo, register_composite
from psycopg.types.enum import EnumInfo, register_enum

from pgstream.testing.server import Server

DECLARED = """
    CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
    CREATE TYPE inner_row AS (x int, y text, m mood);
    CREATE TYPE outer_row AS (i inner_row, l inner_row[], t timestamptz);
    CREATE TABLE held (k int PRIMARY KEY, o outer_row, os outer_row[], m mood, s STRUCT<a int, b STRUCT<c text>>);
"""


@pytest.fixture(scope="module")
def conninfo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Server(tmp_path_factory.mktemp("types")) as server:
        with psycopg.connect(server.conninfo, autocommit=True) as connection:
            connection.execute(DECLARED)
        yield server.conninfo


@pytest.fixture
def connection(conninfo: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(conninfo, autocommit=True) as made:
        made.execute("DELETE FROM held")
        labels = EnumInfo.fetch(made, "mood")
        assert labels is not None
        register_enum(labels, made)
        yield made


def composite(connection: psycopg.Connection[Any], name: str) -> Any:
    info = CompositeInfo.fetch(connection, name)
    assert info is not None
    register_composite(info, connection)
    return info


@pytest.mark.parametrize("binary", [False, True])
def test_psycopg_sends_and_receives_rows(connection: psycopg.Connection[Any], binary: bool) -> None:
    labels = EnumInfo.fetch(connection, "mood")
    assert labels is not None
    assert list(labels.labels) == ["sad", "ok", "happy"]
    register_enum(labels, connection)
    inner, outer = composite(connection, "inner_row"), composite(connection, "outer_row")
    assert (inner.field_names, outer.field_names) == (("x", "y", "m"), ("i", "l", "t"))
    happy = labels.enum.happy
    row = outer.python_type(inner.python_type(1, 'a "q" \\', happy), [inner.python_type(2, None, None)], None)
    mark = "%b" if binary else "%t"
    cursor = connection.cursor(binary=binary)
    cursor.execute(
        f"INSERT INTO held (k, o, os, m) VALUES ({mark}, {mark}, {mark}, {mark})", (1, row, [row, row], happy)
    )
    cursor.execute("SELECT o, os, (o).i, m FROM held")
    assert cursor.fetchone() == (row, [row, row], row.i, happy)
    cursor.execute("SELECT ROW(1, 'a'::text, ROW(2)), ARRAY[ROW(1, 2)]")
    found = cursor.fetchone()
    assert found == ((1, "a", (2,)), [(1, 2)]) if binary else (("1", "a", "(2)"), [("1", "2")])


def test_psycopg_copies_rows(connection: psycopg.Connection[Any]) -> None:
    inner, outer = composite(connection, "inner_row"), composite(connection, "outer_row")
    row = outer.python_type(inner.python_type(1, "a,b", None), [], None)
    with connection.cursor().copy("COPY held (k, o) FROM STDIN") as copy:
        copy.write_row((5, row))
    with connection.cursor().copy("COPY held (k, o) FROM STDIN BINARY") as copy:
        copy.set_types(["int4", "outer_row"])
        copy.write_row((6, row))
    assert connection.execute("SELECT k, o FROM held ORDER BY k").fetchall() == [(5, row), (6, row)]


async def checked_asyncpg_finds_types_by_itself(conninfo: str) -> None:
    words = dict(part.split("=") for part in conninfo.split())
    client = await asyncpg.connect(
        host=words["host"], port=int(words["port"]), user=words["user"], database=words["dbname"]
    )
    await client.execute("DELETE FROM held")
    row = ((1, "z", "ok"), [(2, None, None)], None)
    await client.execute("INSERT INTO held (k, o, os, m) VALUES ($1, $2, $3, $4)", 2, row, [row], "sad")
    found = await client.fetchrow("SELECT o, os, m FROM held WHERE o = $1::outer_row", row)
    assert found["o"]["i"]["y"] == "z"
    assert found["os"][0]["l"][0]["x"] == 2
    assert (found["m"], found["o"]["i"]["m"]) == ("sad", "ok")
    await client.close()


async def checked_structs_are_records_to_clients(conninfo: str) -> None:
    words = dict(part.split("=") for part in conninfo.split())
    client = await asyncpg.connect(
        host=words["host"], port=int(words["port"]), user=words["user"], database=words["dbname"]
    )
    await client.execute("INSERT INTO held (k, s) VALUES (9, ROW(1, ROW('deep')))")
    found = await client.fetchrow("SELECT s, s.b.c, ARRAY[s] AS l FROM held WHERE k = 9")
    assert (tuple(found["s"]), found["c"]) == ((1, ("deep",)), "deep")
    assert await client.fetchval("SELECT format_type(atttypid, -1) FROM pg_attribute WHERE attname = 's'") == (
        "struct<a integer, b struct<c text>>"
    )
    await client.close()


def test_asyncpg(conninfo: str) -> None:
    asyncio.run(checked_asyncpg_finds_types_by_itself(conninfo))
    asyncio.run(checked_structs_are_records_to_clients(conninfo))
