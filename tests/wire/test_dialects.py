"""Statements in other systems' SQL: as queries, as views, and where their errors point."""

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from pgstream.testing.server import Server

Connection = psycopg.Connection[Any]

TABLE = """CREATE TABLE t (a int PRIMARY KEY, b int, s text, d date, ts timestamp);
INSERT INTO t VALUES (1, 7, 'x-y', '2024-01-31', '2024-01-31 10:20:30'), (2, NULL, '42', '2024-02-10', NULL),
(3, 0, NULL, NULL, '2024-03-01 00:00:00')"""

ANSWERS = [
    ("mysql", "SELECT `a`, IFNULL(b, 5) FROM `t` ORDER BY `a` LIMIT 1, 2", ["2,5", "3,0"]),
    ("mysql", 'SELECT 7 / 2, 7 DIV 2, b <=> NULL, "str" FROM t WHERE a = 2', ["3.5,3,t,str"]),
    ("mysql", "SELECT a FROM t WHERE b / 0 IS NULL ORDER BY 1", ["1", "2", "3"]),
    ("mysql", "SELECT DATE_ADD(ts, INTERVAL 1 DAY), YEAR(d), IF(a > 1, 'm', 'l') FROM t WHERE a = 1",
     ["2024-02-01 10:20:30,2024,l"]),
    ("mysql", "SELECT GROUP_CONCAT(a ORDER BY a SEPARATOR '+') FROM t", ["1+2+3"]),
    ("bigquery", "SELECT SAFE_DIVIDE(7, b), COUNTIF(a > 5) FROM `t` GROUP BY b ORDER BY b",
     ["NULL,0", "NULL,0", "1,0"]),
    ("bigquery", "SELECT x FROM UNNEST([3, 1]) AS x ORDER BY x", ["1", "3"]),
    ("bigquery", "SELECT SAFE_CAST(s AS INT64) FROM t ORDER BY a", ["NULL", "42", "NULL"]),
    ("bigquery", "SELECT DATE_DIFF(DATE '2024-03-01', d, DAY), FORMAT_DATE('%Y/%m', d) FROM t WHERE a = 1",
     ["30,2024/01"]),
    ("snowflake", "SELECT IFF(b > 1, 'big', 'small'), NVL(b, -1), DATEADD(day, 2, ts) FROM t WHERE a < 3 ORDER BY a",
     ["big,7,2024-02-02 10:20:30", "small,-1,NULL"]),
    ("snowflake", 'SELECT "A" FROM T QUALIFY ROW_NUMBER() OVER (PARTITION BY b > 3 ORDER BY a DESC) = 1 ORDER BY 1',
     ["1", "2", "3"]),
    ("spark", "SELECT date_add(d, 3), datediff(d, DATE '2024-01-01'), date_format(ts, 'yyyy-MM') FROM t WHERE a = 1",
     ["2024-02-03,30,2024-01"]),
    ("spark", "SELECT 7 / 2, if(b IS NULL, 'none', `s`), last_day(d) FROM t WHERE a = 2", ["3.5,none,2024-02-29"]),
    ("duckdb", "FROM t SELECT a // 2, 7 / 2, [a, 9][1] ORDER BY a", ["0,3.5,1", "1,3.5,2", "1,3.5,3"]),
    ("duckdb", "SELECT strftime(ts, '%m'), count(*) FILTER (b > 0), TRY_CAST('x' AS INT) FROM t WHERE a = 1 GROUP BY 1",
     ["01,1,NULL"]),
    ("bigquery", "SELECT * EXCEPT (b, s, ts) REPLACE (a + 10 AS a) FROM t ORDER BY a DESC",
     ["13,NULL", "12,2024-02-10", "11,2024-01-31"]),
    ("snowflake", "SELECT * EXCLUDE (d, ts) RENAME (b AS bb) FROM t ORDER BY bb", ["3,0,NULL", "1,7,x-y", "2,NULL,42"]),
    ("duckdb", "SELECT b > 0 AS p, count(*) FROM t GROUP BY ALL ORDER BY ALL", ["f,1", "t,1", "NULL,1"]),
    ("tsql", "SELECT TOP 1 [a], ISNULL(b, 9) FROM t WHERE a > 1 ORDER BY a", ["2,9"]),
    ("clickhouse", "SELECT toStartOfHour(ts), countIf(a > 0) FROM t WHERE a = 1 GROUP BY 1", ["2024-01-31 10:00:00,1"]),
]  # fmt: skip


MEANINGS = [
    ("flink", "TO_TIMESTAMP('2020-04-15 08:05:00')", "2020-04-15 08:05:00"),
    ("flink", "TO_TIMESTAMP('15/04/2020 8:05', 'dd/MM/yyyy H:mm')", "2020-04-15 08:05:00"),
    ("flink", "TO_TIMESTAMP('to_date(x)') IS NULL", "t"),
    ("flink", "TO_DATE('2020-04-15')", "2020-04-15"),
    ("flink", "FROM_UNIXTIME(1586937900)", "2020-04-15 08:05:00"),
    ("flink", "UNIX_TIMESTAMP('2020-04-15 08:05:00')", "1586937900"),
    ("flink", "TO_TIMESTAMP_LTZ(1586937900000, 3) AT TIME ZONE 'UTC'", "2020-04-15 08:05:00"),
    ("flink", "FLOOR(TIMESTAMP '2020-04-15 08:05:12' TO MINUTE)", "2020-04-15 08:05:00"),
    ("flink", "CEIL(TIMESTAMP '2020-04-15 08:05:12' TO HOUR)", "2020-04-15 09:00:00"),
    ("flink", "TIMESTAMPDIFF(DAY, TIMESTAMP '2020-04-15 08:05:00', TIMESTAMP '2020-04-18 08:05:00')", "3"),
    ("flink", "TIMESTAMPADD(WEEK, 1, DATE '2003-01-02')", "2003-01-09"),
    ("flink", "IF(1 > 2, 1 / 0, 5)", "5"),
    ("feldera", "TIMESTAMP_TRUNC(TIMESTAMP '2024-02-05 10:20:30', MONTH)", "2024-02-01 00:00:00"),
    ("feldera", "DATE_TRUNC(TIMESTAMP '2024-02-05 10:20:30', HOUR)", "2024-02-05 10:00:00"),
    ("feldera", "to_timestamp(0) AT TIME ZONE 'UTC'", "1970-01-01 00:00:00"),
    ("arroyo", "to_timestamp('2023-01-31T09:26:56-05:00')", "2023-01-31 14:26:56"),
    ("arroyo", "to_date('2023/01/31', '%Y-%m-%d', '%Y/%m/%d')", "2023-01-31"),
    ("arroyo", "to_char(TIMESTAMP '2023-03-01 10:00:00', '%d-%m-%Y')", "01-03-2023"),
    ("arroyo", "from_unixtime(1599572549)", "2020-09-08 13:42:29"),
    ("arroyo", "array_sort(array_union(make_array(3, 1), make_array(2, 3)))[1]", "1"),
    ("arroyo", "arrow_cast('7', 'Int64') + date_part('hour', date_bin(interval '1 hour', now()::timestamp)) * 0", "7"),
    ("postgresql", "to_timestamp('0') AT TIME ZONE 'UTC'", "1970-01-01 00:00:00"),
]


@pytest.mark.parametrize(("dialect", "expression", "answer"), MEANINGS)
def test_functions_mean_what_they_mean_there(client: Connection, dialect: str, expression: str, answer: str) -> None:
    client.execute(f"SET pgstream.dialect = '{dialect}'")
    assert shown(client, f"SELECT {expression}") == [answer]


def test_a_view_keeps_the_meaning_of_its_dialect(client: Connection) -> None:
    client.execute("SET pgstream.dialect = 'flink'")
    client.execute("CREATE TEMPORARY VIEW w AS SELECT ts < TO_TIMESTAMP('2024-02-01') AS early, a FROM t")
    client.execute("RESET pgstream.dialect")
    assert sorted(shown(client, "SELECT * FROM w")) == ["NULL,2", "f,3", "t,1"]
    client.execute("SET pgstream.dialect = 'flink'")
    client.execute("DROP TEMPORARY VIEW w")


SHARED = [
    ("snowflake", "SELECT a + 10 AS x, x * 2 AS y, y + x AS z FROM t WHERE x > 12", ["13,26,39"]),
    ("feldera", "SELECT b + 1 AS a, a * 2 AS c FROM t WHERE b > 0", ["8,2"]),
    ("databricks", "SELECT b > 0 AS p, count(*) AS n, n * 10 AS m FROM t GROUP BY b > 0",
     ["NULL,1,10", "f,1,10", "t,1,10"]),
    ("duckdb", "SELECT CASE WHEN a > 1 THEN 'x' ELSE 'y' END AS k, k || '!' AS l FROM t", ["x,x!", "x,x!", "y,y!"]),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "query", "rows"), SHARED)
def test_output_columns_name_those_before_them(client: Connection, dialect: str, query: str, rows: list[str]) -> None:
    """A view of such a query says what was named, and so needs no dialect to be read."""
    client.execute(f"SET pgstream.dialect = '{dialect}'")
    assert sorted(shown(client, query)) == rows
    client.execute(f"CREATE MATERIALIZED VIEW shared AS {query}")
    client.execute("RESET pgstream.dialect")
    try:
        assert sorted(shown(client, "SELECT * FROM shared")) == rows
        [definition] = shown(client, "SELECT pg_get_viewdef('shared'::regclass)")
        assert sorted(shown(client, definition)) == rows
    finally:
        client.execute("DROP MATERIALIZED VIEW shared")
    if dialect == "snowflake":
        with pytest.raises(psycopg.errors.UndefinedColumn):
            client.execute(query)


@pytest.fixture(scope="module")
def tables(server: Server) -> Server:
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        connection.execute(TABLE)
    return server


@pytest.fixture
def client(tables: Server) -> Iterator[Connection]:
    with psycopg.connect(tables.conninfo, autocommit=True) as connection:
        yield connection


def shown(connection: Connection, query: str, *arguments: object) -> list[str]:
    """Each row as its values' texts."""
    cursor = connection.execute(f"{query}", arguments or None)  # type: ignore[arg-type]
    texts = {None: "NULL", True: "t", False: "f"}
    return [",".join(texts[value] if value is None or isinstance(value, bool) else _text(value) for value in row)
            for row in cursor.fetchall()]  # fmt: skip


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


@pytest.mark.parametrize(("dialect", "query", "rows"), ANSWERS)
def test_queries(client: Connection, dialect: str, query: str, rows: list[str]) -> None:
    client.execute(f"SET pgstream.dialect = '{dialect}'")
    assert shown(client, query) == rows


@pytest.mark.parametrize(("dialect", "query", "rows"), ANSWERS)
def test_views(client: Connection, dialect: str, query: str, rows: list[str]) -> None:
    """A view answers in Postgres' words what its text in the dialect asks for."""
    client.execute(f"SET pgstream.dialect = '{dialect}'")
    names = ", ".join(f"c{i}" for i in range(rows[0].count(",") + 1))
    client.execute(f"CREATE VIEW v ({names}) AS {query}")
    client.execute("CREATE MATERIALIZED VIEW m AS SELECT * FROM v")
    client.execute("RESET pgstream.dialect")
    try:
        assert sorted(shown(client, "SELECT * FROM v")) == sorted(rows)
        assert sorted(shown(client, "SELECT * FROM m")) == sorted(rows)
    finally:
        client.execute("DROP VIEW v CASCADE")


def test_materialized_view_changes(client: Connection) -> None:
    client.execute("SET pgstream.dialect = 'mysql'")
    client.execute("CREATE TABLE `Orders` (`Id` INT UNSIGNED PRIMARY KEY, `note` VARCHAR(10)) ENGINE=InnoDB")
    client.execute("CREATE MATERIALIZED VIEW notes AS SELECT `Id`, IFNULL(`note`, '-') AS note FROM Orders")
    client.execute("INSERT INTO `Orders` VALUES (4000000000, NULL)")
    client.execute("UPDATE `Orders` SET `note` = 'it\\'s' WHERE `id` = 4000000000")
    assert shown(client, "SELECT * FROM notes") == ["4000000000,it's"]
    client.execute("DROP MATERIALIZED VIEW notes")
    client.execute("DROP TABLE `Orders`")


def test_parameters(client: Connection) -> None:
    client.execute("SET pgstream.dialect = 'bigquery'")
    assert shown(client, "SELECT `a` FROM `t` WHERE a > %s AND IF(a > 0, true, false)", 2) == ["3"]


def test_setting(client: Connection, tables: Server) -> None:
    assert shown(client, "SHOW pgstream.dialect") == ["postgresql"]
    with pytest.raises(psycopg.errors.InvalidParameterValue) as raised:
        client.execute("SET pgstream.dialect = 'cobol'")
    assert "arroyo, bigquery, clickhouse" in str(raised.value.diag.message_hint)
    client.execute("SET pgstream.dialect = 'MySQL'; SELECT `a` FROM t LIMIT 0, 1")
    assert shown(client, "SHOW pgstream.dialect") == ["mysql"]
    client.execute("RESET pgstream.dialect")
    assert shown(client, "SHOW pgstream.dialect") == ["postgresql"]
    with psycopg.connect(tables.conninfo, options="-c pgstream.dialect=snowflake") as other:
        assert shown(other, "SELECT IFF(true, 1, 2)") == ["1"]


WRONG = [
    ("mysql", "SELECT a,\n `nosuch` FROM t", "42703", "`nosuch`"),
    ("mysql", "SELECT IFNULL(b, 1) FROM `nowhere`", "42P01", "`nowhere`"),
    ("mysql", "CREATE VIEW w AS SELECT IFNULL(bb, 1) AS c FROM t", "42703", "bb"),
    ("bigquery", "SELECT SAFE_DIVIDE(1, missing) FROM t", "42703", "missing"),
    ("bigquery", "SELECT a FROM t WHERE nosuch(a)", "42883", "nosuch"),
    ("bigquery", "SELECT * EXCEPT (a, gone) FROM t", "42703", "gone"),
    ("duckdb", "SELECT * REPLACE (gone + 1 AS a) FROM t", "42703", "gone"),
    ("snowflake", "SELECT IFF(1, 2 FROM t", "42601", "FROM"),
    ("spark", "SELECT date_add(d, 1), é FROM t", "42703", "é"),
    ("mysql", "SELECT 1; SELECT `gone` FROM t", "42703", "`gone`"),
    ("duckdb", "EXPLAIN SELECT zz // 2 FROM t", "42703", "zz"),
    ("mysql", "REPLACE INTO t VALUES (1)", "0A000", "REPLACE"),
    ("snowflake", "SELECT a AS x, (SELECT max(u.a) FROM t AS u WHERE u.a < x) FROM t", "0A000", "x)"),
    ("snowflake", "SELECT sum(a) AS x FROM t WHERE x > 1", "42703", "x > 1"),
]


@pytest.mark.parametrize(("dialect", "text", "sqlstate", "there"), WRONG)
def test_errors_point_into_the_text(client: Connection, dialect: str, text: str, sqlstate: str, there: str) -> None:
    client.execute(f"SET pgstream.dialect = '{dialect}'")
    with pytest.raises(psycopg.Error) as raised:
        client.execute(text)  # type: ignore[arg-type]
    diag = raised.value.diag
    assert diag.sqlstate == sqlstate
    assert text[int(diag.statement_position or 0) - 1 :].startswith(there)


FOREIGN = [
    ("CREATE SOURCE a FROM LOAD GENERATOR AUCTION FOR ALL TABLES", "AUCTION", "nexmark"),
    ("CREATE CATALOG c WITH ('type' = 'jdbc')", "CREATE CATALOG", "WITH clause"),
    ("SELECT 1; USE mydb", "USE", "search_path"),
    ("CREATE FUNCTION f AS 'com.example.F'", "CREATE FUNCTION", "LANGUAGE sql"),
    ("CREATE TEMPORARY SYSTEM FUNCTION f AS 'com.example.F' LANGUAGE JAVA", "CREATE TEMP", "LANGUAGE sql"),
    ("CREATE MATERIALIZED TABLE m FRESHNESS = INTERVAL '30' SECOND AS SELECT 1", "CREATE MATERIALIZED", "always fresh"),
    ("INSERT OVERWRITE t SELECT 1", "INSERT OVERWRITE", "TRUNCATE"),
    ("ALTER MATERIALIZED VIEW a SWAP WITH b", "ALTER MATERIALIZED", "RENAME TO"),
    ("CREATE MATERIALIZED VIEW m WITH (REFRESH EVERY '1 day') AS SELECT 1", "CREATE MATERIALIZED", "always fresh"),
]


@pytest.mark.parametrize(("text", "there", "hint"), FOREIGN)
def test_what_other_systems_have_is_refused_with_a_hint(client: Connection, text: str, there: str, hint: str) -> None:
    with pytest.raises(psycopg.errors.FeatureNotSupported) as raised:
        client.execute(text)  # type: ignore[arg-type]
    diag = raised.value.diag
    assert hint in str(diag.message_hint)
    assert text[int(diag.statement_position or 0) - 1 :].startswith(there)


def test_a_counter_counts(client: Connection) -> None:
    client.execute("SET pgstream.dialect = 'materialize'")
    client.execute("CREATE SOURCE ticks IN CLUSTER quickstart FROM LOAD GENERATOR COUNTER (TICK INTERVAL '10ms')")
    client.execute("CREATE MATERIALIZED VIEW counted AS SELECT min(counter), max(counter), count(*) AS n FROM ticks")
    deadline = time.monotonic() + 30
    while (found := client.execute("SELECT * FROM counted").fetchall())[0][2] < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    [(least, greatest, n)] = found
    assert n >= 3
    assert (least, greatest) == (1, n)
    assert shown(client, "DESCRIBE ticks") == ["counter,bigint,YES,NULL"]
    client.execute("DROP SOURCE ticks CASCADE")


def test_clusters_are_left_out(client: Connection) -> None:
    client.execute("CREATE MATERIALIZED VIEW c IN CLUSTER quickstart AS SELECT a, ifnull(b, -1) AS b FROM t")
    client.execute("CREATE INDEX ci IN CLUSTER quickstart ON c (a)")
    assert sorted(shown(client, "SELECT b FROM c WHERE a = 2")) == ["-1"]
    client.execute("DROP MATERIALIZED VIEW c")


def test_names_in_backticks(client: Connection) -> None:
    client.execute("SET pgstream.dialect = 'flink'")
    assert shown(client, "SELECT `a` AS `A b`, '`' FROM `t` -- it's a comment `\nWHERE `a` = 1") == ["1,`"]
