"""Every cast gives what PostgreSQL answered (`ask_postgres_casts.py` wrote the answers)."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from spelled_types import type_of

from pgstream.errors import SqlError
from pgstream.functions.casts import cast_column, find_cast
from pgstream.functions.registry import CASTS, EvalContext
from pgstream.types import BOOL, DATE, INT4, INT8, NUMERIC, REGCLASS, TEXT, UNKNOWN, SqlType, array_of

ANSWERS = [json.loads(line) for line in (Path(__file__).parent / "cast_answers.jsonl").read_text().splitlines()]
SOURCES = sorted({answer["source"] for answer in ANSWERS})
CONTEXT = EvalContext({"timezone": "America/New_York"}, 0)
LOWER_BOUND = "[0:1]={1,2}"
"""PostgreSQL keeps the vector's lower bound of 0; our arrays all start at 1."""


def our_answer(answer: dict[str, Any]) -> dict[str, Any]:
    """What we make of the same cast; a NULL beside the value stays NULL."""
    source, target = type_of(answer["source"]), type_of(answer["target"])
    asked = {key: answer[key] for key in ("source", "target", "text")}
    try:
        column = cast_column(pa.array([answer["text"], None]), UNKNOWN, source, True, CONTEXT)
        made = cast_column(column, source, target, True, CONTEXT)
    except SqlError as problem:
        return {**asked, "error": [problem.sqlstate, problem.message, problem.detail]}
    assert made.type == target.storage
    assert not made[1].is_valid
    return {**asked, "output": target.definition.format(made, CONTEXT.settings)[0].as_py()}


@pytest.mark.parametrize("source", SOURCES)
def test_casts_are_postgresqls(source: str) -> None:
    wanted = [a for a in ANSWERS if a["source"] == source and a.get("output") != LOWER_BOUND]
    assert [our_answer(answer) for answer in wanted] == wanted


def test_assignment_raises_where_explicit_casts_cut() -> None:
    short = SqlType("varchar", 7)
    column = pa.array(["abcdef"])
    assert cast_column(column, TEXT, short, True, CONTEXT).to_pylist() == ["abc"]
    with pytest.raises(SqlError, match=r"value too long for type character varying\(3\)"):
        cast_column(column, TEXT, short, False, CONTEXT)


@pytest.mark.parametrize(
    ("source", "target", "context"),
    [
        (INT4, INT8, "i"),
        (INT8, INT4, "a"),
        (INT4, BOOL, "e"),
        (INT4, DATE, None),
        (INT4, TEXT, "a"),
        (TEXT, INT4, "e"),
        (TEXT, REGCLASS, "i"),
        (UNKNOWN, NUMERIC, "i"),
        (array_of(INT4), array_of(INT8), "i"),
        (array_of(INT4), array_of(DATE), None),
        (array_of(INT4), TEXT, "a"),
    ],
)
def test_find_cast(source: SqlType, target: SqlType, context: str | None) -> None:
    assert find_cast(source, target) == context


def test_every_declared_cast_takes_no_rows_and_nulls() -> None:
    for source, target in CASTS:
        for column in (pa.array([], SqlType(source).storage), pa.nulls(2, SqlType(source).storage)):
            made = cast_column(column, SqlType(source), SqlType(target), True, CONTEXT)
            assert (len(made), made.null_count, made.type) == (len(column), len(column), SqlType(target).storage)
