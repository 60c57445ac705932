"""DateStyle, IntervalStyle, extra_float_digits and bytea_output: values print as PostgreSQL prints them.

PostgreSQL's answers are recorded in styles.jsonl, by `--update` where PGSTREAM_ORACLE is set.
"""

import json
import os
from itertools import product
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest

from pgstream.errors import SqlError
from pgstream.types import type_named
from pgstream.types.values import parse_text

ANSWERS_FILE = Path(__file__).parent / "styles.jsonl"
ORACLE = os.environ.get("PGSTREAM_ORACLE")

MOMENTS = (
    *("2024-01-05", "2024-07-05 10:20:30.5", "2024-01-05 10:20:30.000001+00", "0044-03-15 01:02:03 BC", "infinity"),
    *("12345-06-07 08:09:10", "-infinity", "0001-01-01", "1800-01-01", "1/2/2003", "1-2-03", "5 Jan 2024", "Jan 5 24"),
    *("2003-1-2 EST", "13/1/2024", "1/13/2024", "24-1-5", "99.12.31", "20240105", "1.2.2003 4:05", "08-Jan-99"),
    *("99-Jan-08", "Jan-08-99", "January 8, 1999", "19990108 040506", "1999.008"),
)
INTERVALS = (
    *(
        "0",
        "1 year 2 mons",
        "-1 year -2 mons",
        "3 days 04:05:06.7",
        "-3 days -04:05:06",
        "1 mon -3 days 04:00",
        "1 sec",
    ),
    *("-1 year +3 days", "1 mon 1 day 00:00:01", "-00:00:00.5", "00:01", "100:00:00", "1 day -1 sec", "-1.000001 sec"),
    *("1 year", "-1 day", "0.1 sec", "2 secs -1 year", "-10 mons 3 days -1 min", "1 min 1 sec"),
)
FLOATS = (
    "0",
    "-0",
    "1",
    "0.1",
    "1.5e20",
    "123456789.123456789",
    "1e-7",
    "3.4e38",
    "NaN",
    "-Infinity",
    "0.30000000000000004",
)
ZONES = ("UTC", "America/New_York", "Asia/Kathmandu", "<+03:30>-03:30")
DATESTYLES = tuple(
    f"{style}, {order}" for style in ("ISO", "SQL", "Postgres", "German") for order in ("MDY", "DMY", "YMD")
)

CASES = [
    *(({"datestyle": style}, type, text) for style, type, text in product(DATESTYLES, ("date", "timestamp"), MOMENTS)),
    *(
        ({"datestyle": style, "timezone": zone}, "timestamptz", text)
        for style, zone, text in product(DATESTYLES, ZONES, MOMENTS)
    ),
    *(
        ({"intervalstyle": style}, "interval", text)
        for style, text in product(("postgres", "postgres_verbose", "iso_8601"), INTERVALS)
    ),
    *(({"intervalstyle": "sql_standard"}, "interval", text) for text in INTERVALS if text[0] != "-"),
    *(
        ({"extra_float_digits": digits}, type, text)
        for digits, type, text in product(("-15", "-3", "0", "1", "3"), ("float4", "float8"), FLOATS)
    ),
    *(({"bytea_output": style}, "bytea", text) for style in ("hex", "escape") for text in ("", r"\x00417f80ff5c27")),
]


def key(settings: dict[str, str], type: str, text: str) -> str:
    return json.dumps([settings, type, text])


def shown(settings: dict[str, str], type: str, text: str) -> str | None:
    """What the type reads from `text` and prints; None for an error."""
    known = type_named(type)
    try:
        column = parse_text(known, pa.array([text], pa.string()), {"timezone": "UTC", **settings}, 0)
    except SqlError:
        return None
    return str(known.definition.format(column, {"timezone": "UTC", **settings})[0].as_py())


def test_values_print_as_the_settings_say() -> None:
    answers = dict(json.loads(line) for line in ANSWERS_FILE.read_text().splitlines())
    assert {case: shown(*json.loads(case)) for case in answers} == answers
    assert {key(*case) for case in CASES} == answers.keys()


@pytest.mark.oracle
@pytest.mark.skipif(not ORACLE, reason="PGSTREAM_ORACLE is not set")
def test_recorded_answers_are_those_of_postgres(request: pytest.FixtureRequest) -> None:
    """With --update PostgreSQL's answers are recorded instead."""
    assert ORACLE
    told = {}
    with psycopg.connect(ORACLE, autocommit=True) as oracle:
        for settings, type, text in CASES:
            for name, value in {"timezone": "UTC", **settings}.items():
                oracle.execute("select set_config(%s, %s, false)", (name, value))
            try:
                row = oracle.execute(f"select (%s::text::{type})::text".encode(), (text,)).fetchone()
                told[key(settings, type, text)] = None if row is None else row[0]
            except psycopg.DataError:
                told[key(settings, type, text)] = None
    if request.config.getoption("--update"):
        ANSWERS_FILE.write_text("".join(f"{json.dumps([k, v], ensure_ascii=False)}\n" for k, v in told.items()))
    assert told == dict(json.loads(line) for line in ANSWERS_FILE.read_text().splitlines())
