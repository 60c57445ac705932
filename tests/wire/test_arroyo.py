"""Arroyo's SQL as its users write it, construct by construct, run as scripts."""

import json
from pathlib import Path

import pytest

from pgstream import script as scripts

EVENTS = [
    {"id": 1, "ts": "2024-01-01T00:00:01Z", "value": {"a": 1, "tags": ["x", "y"]}, "start": "s", "end": "e",
     "n": 70000},
    {"id": 2, "ts": "2024-01-01T00:01:01Z", "value": {"a": 2}, "start": "t", "end": "f", "n": 6},
]  # fmt: skip

EVENTS_TABLE = """CREATE TABLE events (
    id BIGINT UNSIGNED, ts TIMESTAMP NOT NULL, value JSON, start TEXT, end TEXT, n SMALLINT UNSIGNED
) WITH (connector = 'single_file', path = '{folder}/events.json', format = 'json', type = 'source',
    event_time_field = 'ts');
"""
IMPULSE = "CREATE TABLE impulse WITH (connector = 'impulse', event_rate = 2000, message_count = 10);\n"

ANSWERED = {
    "unsigned types, and columns named start and end": (
        EVENTS_TABLE + "SELECT id, start, end, n FROM events ORDER BY id;",
        ["1 | s | e | 70000", "2 | t | f | 6"],
    ),
    "names of types": (
        """CREATE TABLE typed (id TINYINT, d DOUBLE, s STRING, w DATETIME, b BYTES, n MEDIUMINT);
        INSERT INTO typed VALUES (1, 0.5, 'x', '2024-01-01', '\\x01', 7);
        SELECT *, CAST(id AS INT UNSIGNED) AS u FROM typed;""",
        [r"1 | 0.5 | x | 2024-01-01 00:00:00 | \x01 | 7 | 1"],
    ),
    "arrows and paths into JSON": (
        EVENTS_TABLE
        + """SELECT value->'a' AS a, value->>'a' AS t, extract_json(value::text, '$.tags[*]') AS tags,
            extract_json_string(value::text, '$.tags[1]') AS tag, get_first_json_object(value::text, '$') AS v,
            json_get_int(value, 'a') AS i FROM events ORDER BY id;""",
        [
            r'1 | 1 | {"\"x\"","\"y\""} | y | {"a":1,"tags":["x","y"]} | 1',
            r'2 | 2 | {} |  | {"a":2} | 2',
        ],
    ),
    "timestamps of a precision": (
        """CREATE TABLE e (ts TIMESTAMP(3), t0 TIMESTAMP(0)) WITH (connector = 'single_file', format = 'json',
            path = '{folder}/events.json', type = 'source');
        SELECT ts FROM e ORDER BY ts;""",
        ["2024-01-01 00:00:01", "2024-01-01 00:01:01"],
    ),
    "raw strings": (
        """CREATE TABLE logs (value TEXT NOT NULL) WITH (connector = 'single_file', path = '{folder}/events.json',
            format = 'raw_string', type = 'source');
        SELECT extract_json_string(value, '$.start') AS s FROM logs ORDER BY 1;""",
        ["s", "t"],
    ),
    "unstructured JSON": (
        """CREATE TABLE logs (value JSON) WITH (connector = 'single_file', path = '{folder}/events.json',
            format = 'json', 'json.unstructured' = 'true', type = 'source');
        SELECT value->>'id' AS id FROM logs ORDER BY 1;""",
        ["1", "2"],
    ),
    "views, CREATE TABLE AS and memory tables": (
        IMPULSE
        + """CREATE TABLE odd (c BIGINT);
        CREATE VIEW v AS SELECT counter AS c FROM impulse WHERE counter % 2 = 1;
        INSERT INTO odd SELECT c FROM v;
        CREATE VIEW w AS SELECT count(*) AS n, median(c) AS m FROM v;
        SELECT * FROM w;""",
        ["5 | 5"],
    ),
    "windows as structs": (
        EVENTS_TABLE
        + """CREATE VIEW counted AS SELECT hop(interval '30 seconds', interval '1 minute') AS window, count(*) AS n
            FROM events GROUP BY window;
        SELECT window.start, window.end, n, row_number() OVER (PARTITION BY window ORDER BY n DESC) AS place
            FROM counted ORDER BY 1;""",
        [
            "2023-12-31 23:59:30 | 2024-01-01 00:00:30 | 1 | 1", "2024-01-01 00:00:00 | 2024-01-01 00:01:00 | 1 | 1",
            "2024-01-01 00:00:30 | 2024-01-01 00:01:30 | 1 | 1", "2024-01-01 00:01:00 | 2024-01-01 00:02:00 | 1 | 1",
        ],
    ),
    "a window as text, a query in FROM without a name": (
        EVENTS_TABLE
        + """SELECT n FROM (SELECT tumble('1 hour') AS window, count(*) AS n FROM events GROUP BY window);""",
        ["2"],
    ),
    "its aggregates": (
        IMPULSE
        + """SELECT approx_distinct(counter % 3) AS d, approx_percentile_cont(counter, 0.5) AS p, mean(counter) AS m,
            round(covar(counter, counter)::numeric, 6) AS c,
            var(counter) AS v, bit_xor(counter) AS x,
            round(regr_slope(counter, counter)) AS r
            FROM impulse;""",
        ["3 | 4.5 | 4.5 | 9.166667 | 9.1666666666666667 | 1 | 1"],
    ),
    "unnest": (
        EVENTS_TABLE
        + "SELECT id, unnest(extract_json(value::text, '$.tags[*]')) AS tag FROM events ORDER BY tag;",
        ['1 | "x"', '1 | "y"'],
    ),
}  # fmt: skip


def script(folder: Path, text: str) -> Path:
    """A script beside the events that it reads."""
    (folder / "events.json").write_text("".join(json.dumps(event) + "\n" for event in EVENTS))
    made = folder / "script.sql"
    made.write_text(text.replace("{folder}", str(folder)))
    return made


def run(path: Path, data: Path | None = None) -> int:
    """Runs a script in Arroyo's dialect; its exit status."""
    return scripts.run(str(path), path.read_text(), "arroyo", data)


@pytest.mark.parametrize("name", ANSWERED)
def test_construct(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    text, expected = ANSWERED[name]
    status = run(script(tmp_path, text), None)
    told = capsys.readouterr()
    assert status == 0, told.err
    rows = [" | ".join(part.strip() for part in line.split(" | ")) for line in told.out.splitlines()[2:-2]]
    assert rows == expected


def test_several_inserts_into_a_sink_whose_columns_are_inferred(tmp_path: Path) -> None:
    text = (
        IMPULSE
        + """CREATE TABLE out WITH (
            connector = 'single_file', path = '{folder}/out.json', format = 'json', type = 'sink');
        CREATE TABLE nowhere WITH (connector = 'blackhole');
        INSERT INTO out SELECT counter AS c, 'even' AS kind FROM impulse WHERE counter % 2 = 0;
        INSERT INTO out SELECT counter, 'nine' FROM impulse WHERE counter = 9;
        INSERT INTO nowhere SELECT counter FROM impulse;"""
    )
    assert run(script(tmp_path, text), None) == 0
    rows = [json.loads(line) for line in (tmp_path / "out.json").read_text().splitlines()]
    wanted = [{"c": c, "kind": "even"} for c in range(0, 10, 2)] + [{"c": 9, "kind": "nine"}]
    assert sorted(rows, key=lambda row: (row["kind"], row["c"])) == wanted


def test_a_sink_keeps_its_inferred_columns_over_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = (
        IMPULSE
        + """CREATE TABLE t (a int, b text);
        CREATE TABLE out WITH (connector = 'single_file', path = '{folder}/out.json', format = 'json', type = 'sink');
        INSERT INTO out SELECT b, a FROM t; INSERT INTO t VALUES (1, 'x');"""
    )
    assert run(script(tmp_path, first), data) == 0
    assert run(script(tmp_path, "INSERT INTO t VALUES (2, 'y');"), data) == 0
    rows = [json.loads(line) for line in (tmp_path / "out.json").read_text().splitlines()]
    assert rows == [{"b": "x", "a": 1}, {"b": "y", "a": 2}]


REFUSED = [
    (
        "CREATE TABLE s (v TEXT) WITH (connector = 'sse', endpoint = 'http://x', format = 'json')",
        "Known connectors are:",
    ),
    (IMPULSE + "CREATE TABLE out (c INT) WITH (connector = 'blackhole');\nINSERT INTO out SELECT 'x'", "script.sql:3:"),
    ("SELECT extract_json('{}', '$[?@.a]')", "filters in JSON paths are not supported yet"),
    (IMPULSE + "SELECT tumble(interval '1 month'), nosuch FROM impulse GROUP BY 1", "script.sql:2:36: ERROR: column"),
]


@pytest.mark.parametrize(("text", "told"), REFUSED)
def test_refusals_say_why(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str) -> None:
    assert run(script(tmp_path, text), None) == 1
    assert told in capsys.readouterr().err
