"""Each declaration's examples give what they say: here, and on a real PostgreSQL."""

import os
from collections.abc import Iterator

import psycopg
import pytest

from pgstream.catalog.session_facts import NOBODY
from pgstream.engine.engine import Engine
from pgstream.errors import SqlError
from pgstream.functions.aliases import AGGREGATE_ALIASES, ALIASES
from pgstream.functions.registry import AGGREGATES, FUNCTIONS, EvalContext
from pgstream.sql.bind import BindScope, bind
from pgstream.sql.parse import parse
from pgstream.world import RealWorld
from tests.unit.functions.examples import EXAMPLES, ROWS

ORACLE = os.environ.get("PGSTREAM_ORACLE")
SETTINGS = {
    "timezone": "Etc/UTC",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "search_path": '"$user", public',
}
OF_OTHERS = tuple(
    f"pgstream.functions.{name}"
    for name in ("datafusion", "flink", "foreign_times", "input_validity", "json_paths", "lists", "maps", "sql_json")
)
EXAMPLES_OF_OTHERS = {
    f"SELECT {text}"
    for many in FUNCTIONS.values()
    for each in many
    if each.kernel.__module__ in OF_OTHERS or each.name in ALIASES
    for text in each.examples
} | {f"SELECT {text} {ROWS}" for name in AGGREGATE_ALIASES for each in AGGREGATES[name] for text in each.examples}
BEYOND_POSTGRES = (
    *("tumble", "hop_", "cumulate", "window", "gap_steps", "session_stretch", "mz_now"),
    "proctime",
    *("any_value(", "first(", "last(", "first_value(i ORDER", "last_value(i ORDER", "max_by(", "min_by(", "arg_m"),
    *("approx_", "covar(", "mean(", "median(", "var(", "var_sample(", "var_population("),
)
"""Functions that PostgreSQL does not have."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An empty engine."""
    opened = Engine.open(tmp_path_factory.mktemp("engine"), RealWorld())
    yield opened
    opened.close()


def answer(engine: Engine, sql: str) -> str:
    """What pgstream says to `sql`, as the examples write it."""
    snapshot = engine.database("postgres").autocommit.snapshot()
    context = EvalContext(SETTINGS, RealWorld().now_us(), snapshot.catalog, SESSION)
    try:
        [parsed] = parse(sql)
        bound = bind(parsed, snapshot.catalog, BindScope(settings=SETTINGS, now_us=context.now_us))
        result = snapshot.select(bound, (), context, lambda: None)
    except SqlError as error:
        return f"ERROR: {error.sqlstate} {error.message}"
    shown = [
        col.type.definition.format(column, SETTINGS).to_pylist()
        for col, column in zip(result.columns, result.rows, strict=True)
    ]
    return "|".join(",".join("NULL" if value is None else value for value in row) for row in zip(*shown, strict=True))


SESSION = NOBODY.__class__("postgres", "postgres", pid=7)


@pytest.mark.parametrize(("sql", "expected"), EXAMPLES)
def test_example(engine: Engine, sql: str, expected: str) -> None:
    assert answer(engine, sql) == expected


@pytest.fixture(scope="module")
def oracle() -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A PostgreSQL with the settings of the examples."""
    assert ORACLE
    with psycopg.connect(ORACLE, autocommit=True) as connection:
        connection.execute("SET timezone = 'Etc/UTC'")
        yield connection


@pytest.mark.oracle
@pytest.mark.skipif(not ORACLE, reason="PGSTREAM_ORACLE is not set")
@pytest.mark.parametrize(
    ("sql", "expected"),
    [case for case in EXAMPLES if case[0] not in EXAMPLES_OF_OTHERS and not any(n in case[0] for n in BEYOND_POSTGRES)],
)
def test_example_is_postgres(oracle: psycopg.Connection[tuple[object, ...]], sql: str, expected: str) -> None:
    made = oracle.pgconn.exec_params(sql.encode(), [])
    if made.status != psycopg.pq.ExecStatus.TUPLES_OK:
        fields = psycopg.pq.DiagnosticField
        state, message = (made.error_field(f) or b"" for f in (fields.SQLSTATE, fields.MESSAGE_PRIMARY))
        assert f"ERROR: {state.decode()} {message.decode()}" == expected
        return
    rows = [[made.get_value(i, j) for j in range(made.nfields)] for i in range(made.ntuples)]
    assert "|".join(",".join("NULL" if v is None else v.decode() for v in row) for row in rows) == expected


def test_every_function_has_an_example() -> None:
    from pgstream.functions.registry import FUNCTIONS

    bare = [
        f.name
        for many in FUNCTIONS.values()
        for f in many
        if not f.examples and f.kernel.__module__.startswith("pgstream.functions.")
    ]
    assert sorted(set(bare)) == ["pg_notify", "pg_sleep", "set_config"]
