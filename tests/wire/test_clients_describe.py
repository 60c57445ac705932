"""psql's \\d family: the same screens as a real PostgreSQL's for the same definitions."""

import os
import re
import subprocess
import uuid
from collections.abc import Iterator

import psycopg
import pytest

from pgstream.testing.server import Server

ORACLE = os.environ.get("PGSTREAM_ORACLE", "")

DDL = """
create schema sales;
create table t (
    id int primary key, name text not null default 'q', price numeric(12,2) default 1.5, code varchar(20) default 'x',
    at timestamptz default now(), tags text[] default '{}', n bigint default 1+1, b boolean default true, ch char(3),
    d date default current_date, ts timestamp(3), u uuid, j jsonb default '{"a":1}', neg int default -1,
    low text default lower('A')
);
create table plain (a int, "Mixed Case" text, "select" double precision, byte "char", span interval, raw bytea);
create table sales.orders (id bigint, line int, note text, primary key (id, line));
create index t_name_idx on t (name desc, code);
create index on t (price nulls first);
create view v as select id, name from t where price > 1;
create materialized view mv as select code, count(*) as n, sum(price) from t group by code;
"""

SAME = [
    r"\d", r"\d t", r"\d+ t", r"\d plain", r"\d+ plain", r"\d sales.orders", r"\d v", r"\d mv", r"\d t_pkey",
    r"\d t_name_idx", r"\d+ t_name_idx", r"\d nope", r"\d sales.*", r"\dt", r"\dt sales.*", r"\dt nope", r"\dv", r"\dm",
    r"\di", r"\ds", r"\dE", r"\du", r"\du+", r"\dg", r"\dT", r"\dp", r"\dp t", r"\db", r"\dD", r"\dRp", r"\dRs", r"\dy",
    r"\dew", r"\des", r"\dP", r"\dX", r"\dO", r"\dc", r"\dd", r"\ddp", r"\drds", r"\dconfig work_mem", r"\dn s*",
    r"\df repeat", r"\df now",
]  # fmt: skip

WORKING = [
    r"\d+", r"\d+ v", r"\d+ mv", r"\dt+", r"\dv+", r"\dm+", r"\di+", r"\dn", r"\dn+", r"\dx", r"\l", r"\l+", r"\db+",
    r"\df+ length", r"\do =", r"\dC", r"\dL", r"\dA", r"\dAc", r"\dAo", r"\dF", r"\sv v", r"\dT+", r"\dtS", r"\dfS",
    r"\sf version()", r"\df upper", r"\da bool_and", r"\daS", r"\dconfig", r"\conninfo",
    r"\d pg_class", r"\d information_schema.columns",
]  # fmt: skip


def screen(dsn: str, command: str) -> str:
    """What psql prints; digests and OIDs, which may differ, left out."""
    done = subprocess.run(
        ["psql", "-X", dsn, "-c", command],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
    )  # fmt: skip
    return re.sub(r" +$", "", done.stdout, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def defined(server: Server) -> str:
    dsn = server.conninfo
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in DDL.split(";"):
            connection.execute(statement)
    return dsn


@pytest.fixture(scope="module")
def oracle() -> Iterator[str]:
    if not ORACLE:
        pytest.skip("PGSTREAM_ORACLE is not set")
    name = f"describe_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(ORACLE, autocommit=True) as connection:
        connection.execute(f'create database "{name}"')
        dsn = f"{ORACLE} dbname={name}"
        with psycopg.connect(dsn, autocommit=True) as other:
            other.execute(DDL)
        yield dsn
        connection.execute(f'drop database "{name}" with (force)')


@pytest.mark.oracle
@pytest.mark.parametrize("command", SAME)
def test_the_screen_is_the_same(defined: str, oracle: str, command: str) -> None:
    assert screen(defined, command) == screen(oracle, command)


@pytest.mark.parametrize("command", [*SAME, *WORKING])
def test_no_command_fails(defined: str, command: str) -> None:
    assert "ERROR" not in screen(defined, command)


def test_a_table(defined: str) -> None:
    assert screen(defined, r"\d sales.orders").split("\n") == [
        '               Table "sales.orders"',
        " Column |  Type   | Collation | Nullable | Default",
        "--------+---------+-----------+----------+---------",
        " id     | bigint  |           | not null |",
        " line   | integer |           | not null |",
        " note   | text    |           |          |",
        "Indexes:",
        '    "orders_pkey" PRIMARY KEY, btree (id, line)',
        "",
        "",
    ]
