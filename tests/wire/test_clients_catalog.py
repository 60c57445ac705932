"""What drivers and tools ask the catalog: introspection, reflection, and the statements they send when they connect."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg.types import TypeInfo
from psycopg.types.composite import CompositeInfo
from psycopg.types.range import RangeInfo

from pgstream.testing.server import Server

Connection = psycopg.Connection[Any]

DDL = """
create table t (id int primary key, name text not null default 'q', price numeric(12,2), tags text[]);
create table pair (b int, a text);
create index t_name on t (name desc);
create view v as select id, name from t;
create materialized view mv as select name, count(*) as n from t group by name
"""


@pytest.fixture(scope="module")
def defined(server: Server) -> Server:
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        for statement in DDL.split(";"):
            connection.execute(statement)
    return server


@pytest.fixture
def connection(defined: Server) -> Iterator[Connection]:
    with psycopg.connect(defined.conninfo, autocommit=True) as opened:
        yield opened


CONNECTING = [
    "select pg_catalog.version()",
    "select current_schema()",
    "show transaction isolation level",
    "show max_identifier_length",
    "select oid, typbasetype from pg_type where typname = 'lo'",
    "select version(), (select count(*) from pg_settings where name like 'rds%')",
    "select to_regclass('some_secrets')",
    "select current_setting('server_version_num')::int / 100",
    (
        "select e.oid, e.typarray from pg_catalog.pg_type a left join pg_catalog.pg_type e on e.oid = a.typelem"
        " where a.typcategory = 'A' group by e.oid, e.typarray order by e.oid"
    ),
    (
        "with r as (select rngtypid, typname, rngsubtype from pg_range left join pg_type on pg_type.oid = rngtypid)"
        " select t.typname, t.oid, r.typname from pg_type t left join r on t.oid = r.rngsubtype where t.typtype = 'b'"
    ),
    "select attrelid, attname, atttypid from pg_catalog.pg_attribute order by attrelid, attnum",
    "select oid, typname, typreceive from pg_type where typreceive != 0 and typreceive::text != 'array_recv'",
    (
        "select t.oid, case when p.proname = 'array_recv' then 'a' else t.typtype end from pg_type t"
        " left join pg_proc p on p.oid = t.typreceive left join pg_range on rngtypid = t.oid"
    ),
    "select datname, pg_database_size(datname), has_database_privilege(datname, 'connect') from pg_database",
    "select set_config('bytea_output', 'hex', false) from pg_show_all_settings() where name = 'bytea_output'",
    (
        "select a.attname from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)"
        " where i.indrelid = 't'::regclass and i.indisprimary"
    ),
    "select pid, state, query from pg_stat_activity where backend_type = 'client backend'",
    "select count(*) from pg_locks",
    "select extname from pg_extension",
    "select typname[0] = '_' from pg_type where oid = 1007",
]


@pytest.mark.parametrize("query", CONNECTING, ids=lambda query: query[:50])
def test_statements_of_connecting_clients(connection: Connection, query: str) -> None:
    assert connection.execute(query).fetchall() is not None


def test_statements_that_reset_a_session(connection: Connection) -> None:
    for script in ("select pg_advisory_unlock_all(); close all; unlisten *; reset all", "discard all"):
        connection.execute(script, prepare=False)


def test_parameters_may_name_objects(connection: Connection) -> None:
    assert connection.execute("select %s::regclass::oid = 't'::regclass", ["t"]).fetchone() == (True,)
    with pytest.raises(psycopg.errors.UndefinedTable, match='relation "nope" does not exist'):
        connection.execute("select %s::regclass", ["nope"])


def test_names_in_results(connection: Connection) -> None:
    query = "select 't'::regclass, 23::regtype, array['v'::regclass], typinput, 't_name'::regclass::text from pg_type"
    row = connection.execute(query + " where typname = 'int4'").fetchone()
    assert row is not None
    assert tuple(map(str, row)) == ("t", "integer", "['v']", "int4in", "t_name")


def test_type_lookup_of_psycopg(connection: Connection) -> None:
    found = TypeInfo.fetch(connection, "int4")
    assert found is not None
    assert (found.oid, found.array_oid) == (23, 1007)
    assert TypeInfo.fetch(connection, "hstore") is None
    row_type = CompositeInfo.fetch(connection, "pair")
    assert row_type is not None
    assert (row_type.field_names, row_type.field_types) == (("b", "a"), (23, 25))
    assert RangeInfo.fetch(connection, "int4range") is not None
    with connection.transaction():
        assert TypeInfo.fetch(connection, "text") is not None


def test_savepoints(connection: Connection) -> None:
    connection.execute("create table saved (a int)")
    with connection.transaction():
        connection.execute("insert into saved values (1)")
        with pytest.raises(psycopg.errors.DivisionByZero), connection.transaction():
            connection.execute("insert into saved values (2 / 0)")
        with connection.transaction():
            connection.execute("insert into saved values (3)")
    assert connection.execute("select a from saved order by a").fetchall() == [(1,), (3,)]
    connection.execute("drop table saved")


def test_other_sessions_are_seen_and_ended(defined: Server, connection: Connection) -> None:
    other = psycopg.connect(defined.conninfo, autocommit=True, application_name="other")
    other.execute("select 42")
    seen = connection.execute("select pid, state, query from pg_stat_activity where application_name = 'other'")
    [(pid, state, query)] = seen.fetchall()
    assert (pid, state, query) == (other.info.backend_pid, "idle", "select 42")
    assert connection.execute("select pg_terminate_backend(%s)", [pid]).fetchone() == (True,)
    with pytest.raises(psycopg.OperationalError):
        other.execute("select 1")
    assert connection.execute("select pg_cancel_backend(999999)").fetchone() == (False,)


def test_sizes(connection: Connection) -> None:
    connection.execute("create table big (a int primary key)")
    connection.execute("insert into big select generate_series(1, 10000)")
    row = connection.execute("select pg_table_size('big'), pg_total_relation_size('big') >= pg_relation_size('big')")
    size, at_least = row.fetchone() or (0, False)
    assert size > 40_000
    assert at_least
    connection.execute("drop table big")


def test_reflection_of_sqlalchemy(defined: Server) -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    engine = sqlalchemy.create_engine(f"postgresql+psycopg://ann@127.0.0.1:{defined.port}/postgres")
    inspected = sqlalchemy.inspect(engine)
    assert set(inspected.get_table_names()) == {"t", "pair"}
    assert (inspected.get_view_names(), inspected.get_materialized_view_names()) == (["v"], ["mv"])
    columns = {one["name"]: one for one in inspected.get_columns("t")}
    assert [str(one["type"]) for one in columns.values()] == ["INTEGER", "TEXT", "NUMERIC(12, 2)", "ARRAY"]
    assert (columns["name"]["default"], columns["name"]["nullable"]) == ("'q'::text", False)
    assert inspected.get_pk_constraint("t")["constrained_columns"] == ["id"]
    [index] = inspected.get_indexes("t")
    assert (index["name"], index["column_names"], index["column_sorting"]) == ("t_name", ["name"], {"name": ("desc",)})
    metadata = sqlalchemy.MetaData()
    metadata.reflect(engine, views=True)
    assert set(metadata.tables) == {"t", "pair", "v", "mv"}
    engine.dispose()


@pytest.mark.skipif(shutil.which("pg_dump") is None, reason="pg_dump is not installed")
def test_a_dump_of_definitions(defined: Server) -> None:
    command = ["pg_dump", "-s", "-h", "127.0.0.1", "-p", str(defined.port), "-U", "ann", "postgres"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert "    name text DEFAULT 'q'::text NOT NULL,\n    price numeric(12,2)," in done.stdout
    for line in ("ADD CONSTRAINT t_pkey PRIMARY KEY (id);", "CREATE VIEW public.v AS", "USING btree (name DESC);"):
        assert line in done.stdout


def run(server: Server, work: Callable[[Any], Awaitable[None]]) -> None:
    asyncpg = pytest.importorskip("asyncpg")

    async def connected() -> None:
        connection = await asyncpg.connect(host="127.0.0.1", port=server.port, user="ann", database="postgres")
        try:
            await work(connection)
        finally:
            await connection.close()

    asyncio.run(connected())


def test_introspection_of_asyncpg(defined: Server) -> None:
    async def work(connection: Any) -> None:
        assert await connection.fetchval("select array['t'::regclass]") == ["t"]
        assert await connection.fetchval("select array_agg(attname order by attnum) from pg_attribute"
                                         " where attrelid = 'pair'::regclass") == ["b", "a"]  # fmt: skip
        row = await connection.fetchrow("select * from pg_type where typname = $1", "int4")
        assert (row["oid"], row["typinput"]) == (23, "int4in")
        assert await connection.fetchval("select $1::regclass::oid", "pair") > 16384
        statement = await connection.prepare("select * from t where id = $1")
        assert [one.type.name for one in statement.get_attributes()] == ["int4", "text", "numeric", "text[]"]
        await connection.reset()

    run(defined, work)


RECURSIVE = [
    ("with recursive t(n) as (select 1 union all select n + 1 from t where n < 100) select sum(n) from t", [(5050,)]),
    ("with recursive t(n) as (select 1 union select n % 3 + 1 from t) select n from t order by n", [(1,), (2,), (3,)]),
    (
        (
            "select x, (with recursive t(n, d) as (select x, 0 union all select y, d + 1 from t,"
            " generate_series(1, 4) y where y = n + 1) select n from t order by d desc limit 1)"
            " from generate_series(3, 5) x order by x"
        ),
        [(3, 4), (4, 4), (5, 5)],
    ),
]


@pytest.mark.parametrize(("query", "expected"), RECURSIVE)
def test_recursive_queries(connection: Connection, query: str, expected: list[Any]) -> None:
    assert connection.execute(query).fetchall() == expected


def test_recursive_queries_are_kept(connection: Connection) -> None:
    connection.execute("create table ways (a int, b int)")
    connection.execute("insert into ways values (1, 2), (2, 3), (3, 2)")
    connection.execute(
        "create materialized view reached as with recursive r(n) as"
        " (select 1 union select b from ways, r where a = n) select * from r"
    )
    assert connection.execute("select n from reached order by n").fetchall() == [(1,), (2,), (3,)]
    connection.execute("delete from ways where a = 1")
    assert connection.execute("select n from reached").fetchall() == [(1,)]
