"""SUBSCRIBE: what its spellings mean, the columns it tells changes in, and where its errors point."""

from typing import Any

import pytest

from pgstream.errors import SqlError
from pgstream.sql.bind import BindScope, Bound, bind
from pgstream.sql.bind.statements import ChangeShape, Subscribe
from pgstream.sql.parse import ast, parse
from pgstream.sql.streaming import FetchWithinStmt, SubscribeStmt
from pgstream.storage.order import OrderColumn
from tests.unit.sql_bind.catalogs import catalog_of

CATALOG = catalog_of("CREATE TABLE v (a int, b text, c numeric)")


def bound(text: str) -> tuple[Bound, Subscribe]:
    (parsed,) = parse(text)
    made = bind(parsed, CATALOG, BindScope())
    assert isinstance(made.statement, Subscribe)
    return made, made.statement


def names(text: str) -> list[str]:
    columns = bound(text)[0].columns
    assert columns is not None
    return [column.name for column in columns]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("SUBSCRIBE v", ["mz_timestamp", "mz_diff", "a", "b", "c"]),
        ("subscribe to public.v with (progress)", ["mz_timestamp", "mz_progressed", "mz_diff", "a", "b", "c"]),
        ("SUBSCRIBE (SELECT b, a + 1 AS d FROM v)", ["mz_timestamp", "mz_diff", "b", "d"]),
        ("SUBSCRIBE v ENVELOPE UPSERT (KEY (c, a))", ["mz_timestamp", "mz_state", "c", "a", "b"]),
        (
            "SUBSCRIBE v ENVELOPE DEBEZIUM (KEY (b)) WITH (PROGRESS = true)",
            ["mz_timestamp", "mz_progressed", "mz_state", "b", "before_a", "before_c", "after_a", "after_c"],
        ),
    ],
)
def test_columns(text: str, columns: list[str]) -> None:
    assert names(text) == columns


def test_clauses_come_in_any_order() -> None:
    one = bound("SUBSCRIBE v WITH (SNAPSHOT = false, PROGRESS) AS OF 5 UP TO 7 ENVELOPE UPSERT (KEY (a))")[1]
    other = bound("SUBSCRIBE v ENVELOPE UPSERT (KEY (a)) UP TO 7 AS OF 5 WITH (PROGRESS true, SNAPSHOT off)")[1]
    assert (one.shape, one.snapshot, one.as_of, one.up_to) == (other.shape, other.snapshot, other.as_of, other.up_to)
    assert one.shape == ChangeShape("upsert", True, (0,))
    assert not one.snapshot
    assert not one.at_least


def test_times_are_numbers_timestamps_or_parameters() -> None:
    assert bound("SUBSCRIBE v AS OF AT LEAST TIMESTAMP '2020-01-01' + INTERVAL '1 day'")[1].at_least
    made, statement = bound("SUBSCRIBE v AS OF $1 UP TO '2030-01-01'")
    assert statement.up_to is not None
    assert [type.name for type in made.parameters] == ["numeric"]
    assert statement.up_to.type.name == "timestamptz"


def test_order_within_a_timestamp() -> None:
    shape = bound("SUBSCRIBE v WITHIN TIMESTAMP ORDER BY b DESC, mz_diff, a NULLS FIRST")[1].shape
    assert shape.order == (OrderColumn(2, True, True), OrderColumn(0), OrderColumn(1, nulls_first=True))


@pytest.mark.parametrize(
    ("text", "kind", "query"),
    [
        ("COPY (SUBSCRIBE v WITH (PROGRESS)) TO STDOUT WITH (FORMAT csv)", ast.CopyStmt, "v"),
        ("DECLARE c NO SCROLL CURSOR WITH HOLD FOR SUBSCRIBE TO v", ast.DeclareCursorStmt, "v"),
    ],
)
def test_inside_other_statements(text: str, kind: Any, query: str) -> None:
    first, parsed = parse(f"SELECT 1; {text}")
    assert first.text == "SELECT 1"
    assert isinstance(parsed.node, kind)
    assert parsed.text == text
    assert isinstance(parsed.node.query, SubscribeStmt)
    assert parsed.node.query.relation is not None
    assert parsed.node.query.relation.relname == query


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("SELECT * FROM subscribe('v')", "SUBSCRIBE v"),
        (
            "SELECT s.* FROM subscribe('public.v', snapshot => false, progress => true, as_of => 5) AS s",
            "SUBSCRIBE v WITH (SNAPSHOT = false, PROGRESS) AS OF 5",
        ),
        ("SELECT * FROM subscribe($$SELECT a FROM v WHERE b = 'x'$$, up_to => 7)", None),
    ],
)
def test_the_function_is_the_statement(text: str, same: str | None) -> None:
    made, one = bound(text)
    other = bound(same or "SUBSCRIBE (SELECT a FROM v WHERE b = 'x') UP TO 7")[1]
    assert made.tag == "SELECT"
    assert (one.plan, one.shape, one.snapshot, one.as_of) == (other.plan, other.shape, other.snapshot, other.as_of)


def test_the_function_inside_other_statements() -> None:
    copy, declare, other = parse(
        "COPY (SELECT * FROM subscribe('v')) TO STDOUT; DECLARE c CURSOR FOR SELECT * FROM subscribe('v');"
        " SELECT subscribe FROM t"
    )
    assert isinstance(copy.node.query, SubscribeStmt)
    assert isinstance(declare.node.query, SubscribeStmt)
    assert isinstance(other.node, ast.SelectStmt)


def test_fetch_with_a_timeout() -> None:
    one, other = parse("FETCH FORWARD ALL FROM c WITH (timeout = '1s'); FETCH 1 c")
    assert isinstance(one.node, FetchWithinStmt)
    assert (one.node.fetch.portalname, one.node.timeout.value) == ("c", "1s")
    assert isinstance(other.node, ast.FetchStmt)


@pytest.mark.parametrize(
    ("text", "sqlstate", "message", "at"),
    [
        ("SUBSCRIBE", "42601", "syntax error at end of input", ""),
        ("SUBSCRIBE v w", "42601", 'syntax error at or near "w"', "w"),
        ("SUBSCRIBE v WITH (FOO)", "42601", 'syntax error at or near "FOO"', "FOO"),
        ("SUBSCRIBE v AS OF 1 AS OF 2", "42601", 'syntax error at or near "AS"', "AS OF 2"),
        ("SUBSCRIBE v ENVELOPE NONE", "42601", 'syntax error at or near "NONE"', "NONE"),
        ("SUBSCRIBE v WITH (PROGRESS = 7)", "22023", "PROGRESS requires a Boolean value", "PROGRESS"),
        ("COPY (SUBSCRIBE v AS OF 3 4) TO STDOUT", "42601", 'syntax error at or near "4"', "4"),
        ("SUBSCRIBE w", "42P01", 'relation "w" does not exist', "w"),
        ("SUBSCRIBE (SELECT x FROM v)", "42703", 'column "x" does not exist', "x FROM"),
        ("SUBSCRIBE v ENVELOPE UPSERT (KEY (a, x))", "42703", 'column "x" does not exist', "x)"),
        ("SUBSCRIBE v ENVELOPE UPSERT (KEY (a, a))", "42701", None, "a))"),
        ("SUBSCRIBE v WITHIN TIMESTAMP ORDER BY x", "42703", 'column "x" does not exist', "x"),
        ("SUBSCRIBE v AS OF true", "42804", None, None),
        ("SUBSCRIBE (SELECT random())", "0A000", "volatile function random is not allowed in subscriptions", "random"),
        ("SUBSCRIBE (SELECT $1::int)", "42P02", "there is no parameter $1", "$1"),
        ("SELECT * FROM subscribe('nothing')", "42P01", 'relation "nothing" does not exist', "nothing"),
        ("SELECT * FROM subscribe('SELECT x FROM v')", "42703", 'column "x" does not exist', "x FROM"),
        ("SELECT * FROM subscribe('v', later => true)", "42601", None, "subscribe"),
        ("SELECT a FROM subscribe('v')", "0A000", None, "subscribe"),
        ("FETCH 1 c WITH (patience = 3)", "42601", 'option "patience" not recognized', "patience"),
    ],
)
def test_errors(text: str, sqlstate: str, message: str | None, at: str | None) -> None:
    with pytest.raises(SqlError) as caught:
        bound(text)
    assert caught.value.sqlstate == sqlstate
    assert message is None or caught.value.message == message
    if at is not None:
        assert caught.value.position == (text.rindex(at) if at else len(text))
