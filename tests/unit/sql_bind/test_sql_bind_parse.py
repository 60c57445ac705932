"""Parsing: statements of Postgres and of streaming in one text, with positions into that text."""

from pathlib import Path
from typing import Any

import pytest

from pgstream.errors import FeatureNotSupported, SqlError, SyntaxError42601
from pgstream.sql.parse import ast, checked_set, constant_positions, deparse, parse
from pgstream.sql.streaming import CreateSinkStmt, CreateSourceStmt, DropStreamStmt, ShowObjectsStmt
from pgstream.sql.streaming.timed_joins import Timing

SOURCE = """create source s (
    id int primary key, é text, watermark for ts as ts - interval '5 s', ts timestamp
) with ('connector' = 'kafka', properties.bootstrap.server = 'k:9092', "Quoted.Key" = $$x$$, n = -5)
format plain encode json (a = true)"""


def test_a_source_is_columns_options_watermarks_and_a_format() -> None:
    [parsed] = parse(f"select 'é'; {SOURCE}; select 1")[1:2]
    node = parsed.node
    assert isinstance(node, CreateSourceStmt)
    assert node.relation.relname == "s"
    assert [element.colname for element in node.elements] == ["id", "é", "ts"]
    assert parsed.text == SOURCE
    for element in node.elements:
        assert parsed.whole[element.location :].startswith(element.colname)
    assert [(option.name, option.value) for option in node.options] == [
        ("connector", "kafka"),
        ("properties.bootstrap.server", "k:9092"),
        ("quoted.key", "x"),
        ("n", "-5"),
    ]
    assert (node.format.format, node.format.encode) == ("PLAIN", "JSON")
    assert [(option.name, option.value) for option in node.format.options] == [("a", "true")]
    [watermark] = node.watermarks
    assert watermark.column == "ts"
    assert parsed.whole[watermark.position :].startswith("watermark for ts")
    assert parsed.whole[watermark.expression.lexpr.location :].startswith("ts - interval")


@pytest.mark.parametrize(
    "columns", ["(watermark for ts, ts timestamp)", "(ts timestamp, watermark for ts)", "(ts timestamp)", ""]
)
def test_watermarks_are_cut_out_with_their_commas(columns: str) -> None:
    [parsed] = parse(f"create source s {columns} with (connector = 'x')")
    assert [element.colname for element in parsed.node.elements] == (["ts"] if columns else [])


def test_a_table_with_a_connector_is_a_source_and_any_other_is_not() -> None:
    with_connector, plain = parse(
        "create table a with (connector = 'x'); create table b (c int) with (fillfactor = 100)"
    )
    assert isinstance(with_connector.node, CreateSourceStmt)
    assert with_connector.node.is_table
    assert type(plain.node).__name__ == "CreateStmt"


def test_sinks_take_a_relation_a_query_or_columns() -> None:
    text = (
        "create sink a from q.v with (connector = 'x'); create sink if not exists b as with c as (select 1 as d) "
        "select d from c with (connector = 'x') format upsert encode json; create sink c (d int) with (connector = 'x')"
    )
    first, second, third = (parsed.node for parsed in parse(text))
    assert isinstance(first, CreateSinkStmt)
    assert (first.source.schemaname, first.source.relname) == ("q", "v")
    assert isinstance(second, CreateSinkStmt)
    assert second.if_not_exists
    assert second.query_text == "with c as (select 1 as d) select d from c"
    assert text[second.query.targetList[0].location :].startswith("d from c")
    assert isinstance(third, CreateSinkStmt)
    assert [element.colname for element in third.elements] == ["d"]


def test_streams_are_dropped_and_shown() -> None:
    drop, show = (parsed.node for parsed in parse("drop source if exists a, b.c cascade; show materialized views"))
    assert isinstance(drop, DropStreamStmt)
    assert (drop.kind, [relation.relname for relation in drop.relations]) == ("SOURCE", ["a", "c"])
    assert drop.missing_ok
    assert drop.cascade
    assert isinstance(show, ShowObjectsStmt)
    assert show.kind == "materialized views"


@pytest.mark.parametrize(
    ("sql", "near"),
    [
        ("create source", ""),
        ("create source s", ""),
        ("create source s (a int", ""),
        ("create source s (a int b) with (connector = 'x')", "b)"),
        ("create source s (a int) with (connector 'x')", "'x')"),
        ("create source s (a int) with (connector = 'x',)", ")"),
        ("create source s (a int) with (connector = 'x') nonsense", "nonsense"),
        ("create sink s as with (connector = 'x')", "with"),
        ("drop source", ""),
        ("select 1; create source 5", "5"),
        ("create source s (a int, watermark for a as) with (connector = 'x')", ")"),
    ],
)
def test_syntax_errors_point_at_the_token(sql: str, near: str) -> None:
    with pytest.raises(SyntaxError42601) as caught:
        parse(sql)
    assert caught.value.position is not None
    assert sql[caught.value.position :].startswith(near)
    assert bool(sql[caught.value.position :]) == bool(near)


@pytest.mark.parametrize(
    ("sql", "at"),
    [
        ("select * from (select 1) temporal join u on true", "temporal"),
        ("select * from t temporal left join u on true", "temporal"),
        ("select * from t for system_time as of now()", "for"),
        ("select * from (select 1) for system_time as of now()", "for"),
        ("select * from t join u on true, v for system_time as of now()", "for"),
    ],
)
def test_joins_that_postgres_would_take_for_aliases_are_refused(sql: str, at: str) -> None:
    with pytest.raises(FeatureNotSupported) as caught:
        parse(sql)
    assert caught.value.position == sql.index(at)


@pytest.mark.parametrize(
    ("sql", "rest"),
    [
        ("select * from t asof join u on a", "SELECT * FROM t INNER JOIN u ON a"),
        ("select * from t as q ASOF left outer JOIN only u x on a", "SELECT * FROM t AS q LEFT JOIN ONLY u AS x ON a"),
        ("select * from t left asof join u match_condition (a > b)", "SELECT * FROM t LEFT JOIN u ON TRUE"),
        (
            "select * from t asof join s.u v match_condition ((a) > b) using (k)",
            "SELECT * FROM t INNER JOIN s.u AS v USING (k)",
        ),
        ("select * from t join u for system_time as of t.p as v on a", "SELECT * FROM t INNER JOIN u AS v ON a"),
        ("select * from t join u v for system_time as of f(1, (2)) on a", "SELECT * FROM t INNER JOIN u AS v ON a"),
        ("select * from t join u for system_time as of t.p v on a", "SELECT * FROM t INNER JOIN u AS v ON a"),
    ],
)
def test_joins_in_time_are_cut_out_for_postgres(sql: str, rest: str) -> None:
    [parsed] = parse(sql)
    assert (deparse(parsed.node), parsed.text) == (rest, sql)
    assert isinstance(parsed.node.fromClause[0].rtindex, Timing)


def test_each_clause_is_of_its_own_join() -> None:
    text = """select * from t join (select * from (values (1)) asof left join (values (2)) b on a) x on y
              asof join (values (3)) z on c join u on d left join v for system_time as of t.p on e"""
    [parsed] = parse(text)
    outer = parsed.node.fromClause[0]
    inner = outer.larg.larg.larg.rarg.subquery.fromClause[0]
    asof = [inner.rtindex.position, outer.larg.larg.rtindex.position]
    assert asof == [text.index("asof"), text.rindex("asof")]
    assert outer.rtindex.position == text.index("for system")
    assert [outer.larg.rtindex, outer.larg.larg.larg.rtindex] == [0, 0]


def test_names_that_only_look_like_streaming_are_names() -> None:
    for sql in (
        "select * from t as asof join u on true",
        "select * from asof join u on true",
        "select sink from source",
    ):
        [parsed] = parse(sql)
        assert type(parsed.node).__name__ == "SelectStmt"


def test_every_constant_has_a_place() -> None:
    text = "select 'é', 1 from t where a in (2, null) and b = true; values (3, 'x'), (4.5, $$y$$)"
    for parsed in parse(text):
        starts = sorted(constant_positions(parsed).values())
        assert [text[start : start + 2].rstrip() for start in starts] == (
            ["'é", "1", "2,", "nu", "tr"] if parsed.start == 0 else ["3,", "'x", "4.", "$$"]
        )


def test_an_empty_text_is_no_statement() -> None:
    assert parse("") == parse(" ; -- nothing\n;") == []


def test_scan_errors_are_syntax_errors() -> None:
    with pytest.raises(SqlError, match="unterminated quoted string"):
        parse("create source s with (connector = 'x)")


def _check(node: Any) -> None:
    """Sets every attribute of a tree as pglast does, which must leave it what it is."""
    if isinstance(node, tuple):
        for part in node:
            _check(part)
    elif isinstance(node, ast.Node):
        for slot in node:
            value = getattr(node, slot)
            checked_set(node, slot, value)
            assert getattr(node, slot) is value or type(getattr(node, slot)) is type(value) is tuple
            _check(value)


def test_what_the_grammar_sets_has_the_types_that_pglast_wants() -> None:
    texts = (Path(__file__).parent / "queries.sql").read_text().splitlines()
    texts += [
        "CREATE TABLE s.t (a int PRIMARY KEY DEFAULT 1, b text NOT NULL, UNIQUE (a, b))",
        "INSERT INTO t (a) VALUES (1), (DEFAULT) ON CONFLICT (a) DO UPDATE SET b = excluded.b RETURNING *",
        "UPDATE t SET a = NULL FROM u WHERE t.a = u.a AND true",
        "DROP TABLE IF EXISTS a, b.c CASCADE",
        "COPY t (a) FROM STDIN WITH (FORMAT csv, HEADER true)",
        "SET LOCAL search_path TO a, b",
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a DESC NULLS LAST)",
        "EXPLAIN (ANALYZE, FORMAT json) SELECT false",
    ]
    for text in texts:
        if not text.startswith("--"):
            for parsed in parse(text):
                _check(parsed.node)
