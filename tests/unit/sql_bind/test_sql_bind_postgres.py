"""The binder gives the columns, types, parameters and errors that PostgreSQL gives.

PostgreSQL's answers are recorded in answers.jsonl; test_sql_bind_oracle.py checks and renews them.
"""

import json

import pytest

from pgstream.errors import SqlError
from pgstream.sql.bind import BindScope, bind
from pgstream.sql.parse import parse
from tests.unit.sql_bind.catalogs import SCHEMA, answers, catalog_of, lines

CATALOG = catalog_of(SCHEMA)
ANSWERS = answers()


def bound(sql: str) -> object:
    """[columns, parameter OIDs] or [SQLSTATE, message, position, hint]."""
    try:
        [parsed] = parse(sql)
        made = bind(parsed, CATALOG, BindScope())
    except SqlError as error:
        return [error.sqlstate, error.message, error.position, error.hint]
    columns = [[col.name, col.type.oid, col.type.typmod, col.attnum] for col in made.columns or ()]
    return [columns, [type.oid for type in made.parameters]]


@pytest.mark.parametrize("sql", lines("queries.sql"))
def test_queries_have_the_columns_and_parameters_of_postgres(sql: str) -> None:
    assert bound(sql) == ANSWERS[sql]


@pytest.mark.parametrize("sql", lines("wrong_statements.sql"))
def test_errors_are_those_of_postgres(sql: str) -> None:
    assert bound(sql) == ANSWERS[sql]


def test_every_statement_has_an_answer() -> None:
    assert sorted(ANSWERS) == sorted({*lines("queries.sql"), *lines("wrong_statements.sql")}), json.dumps(
        sorted(set(ANSWERS) ^ {*lines("queries.sql"), *lines("wrong_statements.sql")})
    )
