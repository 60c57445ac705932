"""Statements that other systems have and PostgreSQL has not: what they answer, and where they point."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pgstream.testing.server import Server

Connection = psycopg.Connection[Any]

OBJECTS = """CREATE TABLE orders (id int PRIMARY KEY, "Note" varchar(10) NOT NULL DEFAULT 'none', at timestamp,
    WATERMARK FOR at AS at - interval '5 seconds');
CREATE TABLE grows (v int) APPEND ONLY;
CREATE SOURCE ticks (counter bigint, k text) WITH (connector = 'datagen', datagen.rows = '3');
CREATE VIEW named AS SELECT id, "Note" FROM orders;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM orders;
CREATE INDEX by_n ON counted (n);
CREATE SINK nowhere FROM counted WITH (connector = 'blackhole')"""


@pytest.fixture(scope="module")
def objects(server: Server) -> Server:
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        for statement in ("CREATE SCHEMA shown", "SET search_path = shown", *OBJECTS.split(";\n")):
            connection.execute(statement)  # type: ignore[arg-type]
    return server


@pytest.fixture
def client(objects: Server) -> Iterator[Connection]:
    with psycopg.connect(objects.conninfo, autocommit=True, options="-c search_path=shown") as connection:
        yield connection


def rows(connection: Connection, text: str) -> list[tuple[Any, ...]]:
    return connection.execute(text).fetchall()  # type: ignore[arg-type]


def notices(connection: Connection, text: str) -> list[str]:
    told: list[str] = []
    connection.add_notice_handler(lambda each: told.append(f"{each.severity}: {each.message_primary}"))
    connection.execute(text)  # type: ignore[arg-type]
    return told


LISTED = [
    ("SHOW TABLES", ["grows", "orders"]),
    ("SHOW TABLES FROM shown LIKE 'o%'", ["orders"]),
    ("show tables in shown not like 'o%'", ["grows"]),
    ('SHOW TABLES LIKE "ord_rs"', ["orders"]),
    ("SHOW VIEWS ILIKE 'NAM%'", ["named"]),
    ("SHOW MATERIALIZED VIEWS", ["counted"]),
    ("SHOW SOURCES", ["ticks"]),
    ("SHOW SINKS", ["nowhere"]),
    ("SHOW INDEXES", ["by_n", "orders_pkey"]),
    ("SHOW SUBSCRIPTIONS", []),
    ("SHOW JOBS", []),
    ("SHOW SCHEMAS LIKE 'sho%'", ["shown"]),
    ("SHOW DATABASES LIKE 'postgres'", ["postgres"]),
    ("SHOW CURRENT DATABASE", ["postgres"]),
    ("SHOW CURRENT SCHEMA", ["shown"]),
]


@pytest.mark.parametrize(("text", "names"), LISTED)
def test_show(client: Connection, text: str, names: list[str]) -> None:
    assert [row[0] for row in rows(client, text)] == names


def test_flink_calls_everything_a_table(client: Connection) -> None:
    client.execute("SET pgstream.dialect = 'flink'")
    assert rows(client, "SHOW TABLES LIKE '%o%'") == [("counted",), ("grows",), ("nowhere",), ("orders",)]


def test_a_list_follows_the_catalog(client: Connection) -> None:
    """A prepared SHOW is answered anew when there is more to show."""
    listed = "SHOW TABLES LIKE 'later%'"
    assert client.execute(listed, prepare=True).fetchall() == []
    client.execute("CREATE TABLE later1 (a int)")
    assert client.execute(listed, prepare=True).fetchall() == [("later1",)]
    client.execute("DROP TABLE later1")
    assert client.execute(listed, prepare=True).fetchall() == []


COLUMNS = [
    ("id", "integer", "NO", "PRI"),
    ("Note", "character varying(10)", "NO", None),
    ("at", "timestamp without time zone", "YES", None),
]


@pytest.mark.parametrize("text", ["DESCRIBE orders", "desc shown.orders", "DESCRIBE TABLE orders",
                                  "SHOW COLUMNS FROM orders", "SHOW COLUMNS IN orders"])  # fmt: skip
def test_columns(client: Connection, text: str) -> None:
    assert rows(client, text) == COLUMNS


def test_columns_by_name(client: Connection) -> None:
    assert rows(client, "SHOW COLUMNS FROM orders LIKE 'i%'") == COLUMNS[:1]
    assert ("oid", "oid") in [row[:2] for row in rows(client, "DESCRIBE pg_catalog.pg_class")]


CREATED = [
    (
        "TABLE orders",
        """CREATE TABLE orders (id integer, "Note" character varying(10) DEFAULT 'none'::character varying NOT NULL, \
at timestamp without time zone, PRIMARY KEY (id), WATERMARK FOR at AS at - CAST('5 seconds' AS interval))""",
    ),
    ("TABLE grows", "CREATE TABLE grows (v integer) APPEND ONLY"),
    ("VIEW named", 'CREATE VIEW named AS SELECT id, "Note" FROM orders'),
    ("MATERIALIZED VIEW counted", "CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM orders"),
    ("SOURCE ticks", "CREATE SOURCE ticks (counter bigint, k text) WITH (connector = 'datagen', datagen.rows = '3')"),
    ("TABLE ticks", "CREATE SOURCE ticks (counter bigint, k text) WITH (connector = 'datagen', datagen.rows = '3')"),
    ("SINK nowhere", "CREATE SINK nowhere AS SELECT * FROM \"counted\" WITH (connector = 'blackhole')"),
    ("INDEX by_n", "CREATE INDEX by_n ON shown.counted USING btree (n)"),
]  # fmt: skip


@pytest.mark.parametrize(("thing", "made"), CREATED)
def test_show_create(client: Connection, thing: str, made: str) -> None:
    name = thing.split()[-1]
    assert rows(client, f"SHOW CREATE {thing}") == [(f"shown.{name}", made)]


@pytest.mark.parametrize(("thing", "made"), [each for each in CREATED if "INDEX" not in each[0]])
def test_what_show_create_shows_makes_the_same(client: Connection, thing: str, made: str) -> None:
    kind = "SOURCE" if "ticks" in thing else " ".join(thing.split()[:-1])
    client.execute("CREATE SCHEMA again")
    try:
        client.execute("SET search_path = again, shown")
        client.execute(made)  # type: ignore[arg-type]
        assert rows(client, f"SHOW CREATE {kind} {thing.split()[-1]}") == [(f"again.{thing.split()[-1]}", made)]
    finally:
        client.execute("DROP SCHEMA again CASCADE")


NOTHING = [
    ("FLUSH", []),
    ("WAIT", []),
    ("SET 'pipeline.name' = 'a job'",
     ['NOTICE: "pipeline.name" is a setting of another system and changes nothing']),
    ("SET sql-client.verbose = true",
     ['NOTICE: "sql-client.verbose" is a setting of another system and changes nothing']),
    ("RESET 'pipeline.name'", ['NOTICE: "pipeline.name" is a setting of another system and changes nothing']),
    ("SET rw_implicit_flush TO true", []),
    ("SET CLUSTER = quickstart", []),
    ("CREATE CLUSTER c (SIZE = '100cc')", ["NOTICE: there is one process: clusters change nothing"]),
    ("DROP CLUSTER IF EXISTS c", ["NOTICE: there is one process: clusters change nothing"]),
    ("ALTER MATERIALIZED VIEW counted SET PARALLELISM = 4", ["NOTICE: PARALLELISM changes nothing"]),
    ("ALTER TABLE orders SET BACKFILL_RATE_LIMIT TO 5", ["NOTICE: BACKFILL_RATE_LIMIT changes nothing"]),
    ("ANALYZE TABLE orders COMPUTE STATISTICS", []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), NOTHING)
def test_what_changes_nothing(client: Connection, text: str, told: list[str]) -> None:
    assert notices(client, text) == told


def test_settings_of_others_are_kept(client: Connection) -> None:
    client.execute("SET streaming_parallelism = 3")
    assert rows(client, "SHOW streaming_parallelism") == [("3",)]
    with pytest.raises(psycopg.errors.UndefinedObject):
        client.execute("SET no_such_setting = 3")


ANSWERED = [
    ("EXECUTE SELECT 1", [(1,)]),
    ("EXPLAIN PLAN FOR SELECT 1", [("Project 1 AS ?column?",), ("  ->  One row",)]),
    ("EXPLAIN ESTIMATED_COST, CHANGELOG_MODE SELECT 1", [("Project 1 AS ?column?",), ("  ->  One row",)]),
    ("(SELECT 1) MINUS (SELECT 2)", [(1,)]),
    ("SELECT string_to_array('a,b', ',')[2], ARRAY[7, 8][1], upper(string_to_array('a,b', ',')[3 - 2]) || 'x'",
     [("b", 7, "Ax")]),
    ("SELECT try_cast('12' AS int), TRY_CAST('x' AS int), try_cast(1.0 AS text)", [(12, None, "1.0")]),
    ("SELECT n FROM counted OPTIONS (AGGREGATE INPUT GROUP SIZE = 10)", [(0,)]),
    ("SELECT * EXCEPT (at) FROM orders WHERE id = 0", []),
    ("SELECT c.* EXCEPT (n), 5 FROM counted AS c", [(5,)]),
    ("SELECT * REPLACE (n + 1 AS n) RENAME (n AS m) FROM counted", [(1,)]),
    ("SELECT n, count(*) FROM counted GROUP BY ALL ORDER BY ALL DESC", [(0, 1)]),
    ("SELECT x FROM counted, LATERAL TABLE(generate_series(n, n + 1)) AS g (x)", [(0,), (1,)]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "answer"), ANSWERED)
def test_answers(client: Connection, text: str, answer: list[tuple[Any, ...]]) -> None:
    assert sorted(rows(client, text)) == sorted(answer)


def test_a_view_of_such_a_query_changes_with_its_table(client: Connection) -> None:
    client.execute("CREATE TABLE t (k int, v int, parts text)")
    client.execute("CREATE MATERIALIZED VIEW m AS SELECT k, try_cast(string_to_array(parts, ',')[2] AS int) AS p,"
                   " sum(v) AS s FROM t GROUP BY ALL")  # fmt: skip
    client.execute("INSERT INTO t VALUES (1, 10, 'a,5'), (1, 20, 'b,5'), (2, 1, 'c,z')")
    assert sorted(rows(client, "SELECT * FROM m")) == [(1, 5, 30), (2, None, 1)]
    client.execute("DELETE FROM t WHERE v = 10")
    client.execute("UPDATE t SET parts = 'c,9' WHERE k = 2")
    assert sorted(rows(client, "SELECT * FROM m")) == [(1, 5, 20), (2, 9, 1)]
    client.execute("DROP TABLE t CASCADE")


def test_tables_with_clauses_that_change_nothing(client: Connection) -> None:
    client.execute(
        "CREATE TABLE c (id int COMMENT 'the id', t TIMESTAMP(3) WITH LOCAL TIME ZONE, PRIMARY KEY (id) NOT ENFORCED,)"
        " COMMENT 'all of it' DISTRIBUTED BY HASH(id) INTO 4 BUCKETS"
    )
    assert rows(client, "DESCRIBE c") == [
        ("id", "integer", "NO", "PRI"),
        ("t", "timestamp(3) with time zone", "YES", None),
    ]
    client.execute("CREATE INDEX ci ON c (t) INCLUDE (id) DISTRIBUTED BY (t)")
    client.execute("EXECUTE STATEMENT SET BEGIN INSERT INTO c (id) VALUES (1); INSERT INTO c (id) VALUES (2); END")
    assert rows(client, "SELECT count(*) FROM c") == [(2,)]
    client.execute("DROP TABLE c")


def test_views_that_may_be_there(client: Connection) -> None:
    client.execute("CREATE VIEW IF NOT EXISTS maybe COMMENT 'of orders' AS SELECT id FROM orders")
    told = notices(client, "CREATE VIEW IF NOT EXISTS shown.maybe AS SELECT 1 AS one")
    assert told == ['NOTICE: relation "maybe" already exists, skipping']
    assert rows(client, "SHOW CREATE VIEW maybe") == [("shown.maybe", "CREATE VIEW maybe AS SELECT id FROM orders")]
    client.execute("DROP VIEW maybe")
    client.execute("CREATE LOCAL VIEW maybe AS SELECT id FROM orders")
    client.execute("DROP VIEW maybe")


def test_options_in_quotes(client: Connection) -> None:
    client.execute("CREATE TABLE kept (v int) WITH ('materialized' = 'true', 'append_only' = 'true', fillfactor = 70)")
    with pytest.raises(psycopg.errors.WrongObjectType):
        client.execute("DELETE FROM kept")
    client.execute("DROP TABLE kept")


OPTIONS = [
    ("CREATE TABLE x (a int) WITH (nosuch = 3)", None, 'unrecognized parameter "nosuch"', None),
    ("CREATE SOURCE x (a int) WITH (connector = 'datagn')", "connector =", 'connector "datagn" does not exist',
     'Perhaps you meant the connector "datagen". Known connectors are: blackhole,'),
    ("CREATE SOURCE x (a int) WITH (connector = 'datagen', datagen.row.per.second = 3)", "datagen.row.",
     'unrecognized option "datagen.row.per.second"', 'Perhaps you meant the option "datagen.rows.per.second".'),
    ("CREATE SOURCE x (a int) WITH (connector = 'datagen', 'number-of-rows' = 'few')", "'number-of-rows'",
     'invalid value for option "number-of-rows": "few"', None),
    ("CREATE TABLE x (a int) COMMENT 'y' WITH ('conector' = 'print', 'connector' = 'blackhole')", "'conector'",
     'unrecognized option "conector"', 'Perhaps you meant the option "connector".'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "there", "message", "hint"), OPTIONS)
def test_options_that_nobody_knows(
    client: Connection, text: str, there: str | None, message: str, hint: str | None
) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue) as raised:
        client.execute(text)  # type: ignore[arg-type]
    diag = raised.value.diag
    assert diag.message_primary == message
    assert (diag.message_hint or "").startswith(hint or "")
    if there is None:
        assert diag.statement_position is None
    else:
        assert text[int(diag.statement_position or 0) - 1 :].startswith(there)


WRONG = [
    ("SHOW TABLES FROM nosuch", "3F000", "nosuch"),
    ("DESCRIBE nosuch", "42P01", "nosuch"),
    ("SHOW CREATE VIEW orders", "42809", "orders"),
    ("SHOW CREATE TABLE gone", "42P01", "gone"),
    ("SHOW nosuch", "42704", None),
    ("SELECT string_to_array('a', ',')[gone] FROM orders", "42703", "gone"),
    ("SELECT id, try_cast(gone AS int) FROM orders", "42703", "gone"),
    ("SELECT * EXCEPT (at, gone) FROM orders", "42703", "gone"),
    ("SELECT 1; SELECT o.* REPLACE (gone AS id) FROM orders o", "42703", "gone"),
    ("CREATE TABLE w (a int COMMENT 'x', b nosuch,)", "42704", "nosuch"),
]


@pytest.mark.parametrize(("text", "sqlstate", "there"), WRONG)
def test_errors_point_into_the_text(client: Connection, text: str, sqlstate: str, there: str | None) -> None:
    with pytest.raises(psycopg.Error) as raised:
        client.execute(text)  # type: ignore[arg-type]
    diag = raised.value.diag
    assert diag.sqlstate == sqlstate
    if there is not None:
        assert text[int(diag.statement_position or 0) - 1 :].startswith(there)


CONFLICTS = [
    ("ON CONFLICT IGNORE", [(1, 4, None), (2, None, 3)]),
    ("ON CONFLICT DO NOTHING", [(1, 4, None), (2, None, 3)]),
    ("ON CONFLICT OVERWRITE", [(1, None, 8), (2, 9, None)]),
    ("ON CONFLICT DO UPDATE FULL", [(1, None, 8), (2, 9, None)]),
    ("ON CONFLICT DO UPDATE IF NOT NULL", [(1, 7, 8), (2, 9, 3)]),
]


def test_a_table_says_what_a_taken_key_means(tmp_path: Path) -> None:
    """Its rows come one after another, within a statement too; its views follow, and so does what a restart finds."""
    with Server(tmp_path) as server, psycopg.connect(server.conninfo, autocommit=True) as connection:
        for n, (clause, _) in enumerate(CONFLICTS):
            connection.execute(f"CREATE TABLE k{n} (id int PRIMARY KEY, a int, b int) {clause}")  # type: ignore[arg-type]
            connection.execute(f"CREATE MATERIALIZED VIEW m{n} AS SELECT count(*) AS n, sum(a), sum(b) AS b FROM k{n}")  # type: ignore[arg-type]
            connection.execute(f"INSERT INTO k{n} VALUES (1, 4, NULL), (2, NULL, 3)")  # type: ignore[arg-type]
    with Server(tmp_path) as server, psycopg.connect(server.conninfo, autocommit=True) as connection:
        for n, (_, left) in enumerate(CONFLICTS):
            connection.execute(f"INSERT INTO k{n} VALUES (1, 7, 1), (2, 9, NULL), (1, NULL, 8)")  # type: ignore[arg-type]
            assert sorted(rows(connection, f"SELECT * FROM k{n}")) == left
            sums = [sum(row[i] for row in left if row[i] is not None) for i in (1, 2)]
            assert rows(connection, f"SELECT * FROM m{n}") == [(2, *sums)]
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("UPDATE k4 SET id = 1")
        connection.execute("INSERT INTO k4 AS t VALUES (1, 0, 0) ON CONFLICT (id) DO UPDATE SET a = t.id + 100")
        assert rows(connection, "SELECT a FROM k4 WHERE id = 1") == [(101,)]


def test_tables_that_cannot_say_it(client: Connection) -> None:
    for text, sqlstate in (
        ("CREATE TABLE xx (a int) ON CONFLICT OVERWRITE", "42P16"),
        ("CREATE TABLE xx (a int PRIMARY KEY) APPEND ONLY ON CONFLICT OVERWRITE", "42P16"),
        ("CREATE TABLE xx (a int PRIMARY KEY) ON CONFLICT SHRUG", "42601"),
        ("CREATE TABLE xx (a int PRIMARY KEY, v int) ON CONFLICT OVERWRITE WITH VERSION COLUMN (v)", "0A000"),
    ):
        with pytest.raises(psycopg.Error) as raised:
            client.execute(text)  # type: ignore[arg-type]
        assert raised.value.diag.sqlstate == sqlstate
