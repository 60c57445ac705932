"""`pgstream run script.sql` as a shell runs it."""

import json
import subprocess
import sys
from pathlib import Path


def run(folder: Path, script: str, *flags: str) -> "subprocess.CompletedProcess[str]":
    """Runs a script in a folder of its own."""
    (folder / "script.sql").write_text(script)
    command = [sys.executable, "-m", "pgstream", "run", "script.sql", *flags]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=300, check=False)


def test_to_the_end_of_bounded_sources(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        f"""-- Arroyo's impulse, its end; and a file written as it comes
        CREATE TABLE impulse WITH (connector = 'impulse', event_rate = '500', message_count = '300');
        CREATE TABLE evens (k BIGINT) WITH (
            connector = 'single_file', path = '{tmp_path}/evens.json', format = 'json', type = 'sink');
        INSERT INTO evens SELECT counter FROM impulse WHERE counter % 2 = 0;
        SELECT counter % 2 AS k, count(*) AS n FROM impulse GROUP BY 1 ORDER BY 1;
        """,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == " k |  n\n---+-----\n 0 | 150\n 1 | 150\n(2 rows)\n\n"
    assert done.stderr.startswith("CREATE TABLE\nCREATE TABLE\nINSERT 0 0\n")
    rows = [json.loads(line) for line in (tmp_path / "evens.json").read_text().splitlines()]
    assert rows == [{"k": k} for k in range(0, 300, 2)]


def test_an_error_has_its_place(tmp_path: Path) -> None:
    done = run(tmp_path, "SELECT 'a;b' AS x;\n\n/* ; */ SELECT 1,\n  nosuch;\nSELECT 2")
    assert done.returncode == 1
    assert done.stdout == "  x\n-----\n a;b\n(1 row)\n\n"
    assert done.stderr == 'script.sql:4:3: ERROR: column "nosuch" does not exist (42703)\n  nosuch;\n  ^\n'


def test_dialect(tmp_path: Path) -> None:
    script = "SELECT `x`, IFNULL(NULL, 'it\\'s;') AS `y` FROM (SELECT 1 AS `x`) t;\nRESET pgstream.dialect;"
    script += "SELECT 7 / 2 AS h;"
    done = run(tmp_path, script, "--dialect", "mysql")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[2] == " 1 | it's;"
    assert done.stdout.splitlines()[-3] == " 3"
    done = run(tmp_path, script, "--dialect", "cobol")
    assert done.returncode == 1
    assert "Available values: postgresql, arroyo, " in done.stderr


def test_a_script_that_is_not_there_or_no_sql(tmp_path: Path) -> None:
    assert run(tmp_path, "", "--dialect", "arroyo").returncode == 0
    done = run(tmp_path, "SELECT 1;\nSELECT 'x")
    assert done.returncode == 1
    assert done.stderr.startswith("script.sql:2:8: ERROR: unterminated quoted string")
    missing = subprocess.run([sys.executable, "-m", "pgstream", "run", str(tmp_path / "none.sql")], check=False)
    assert missing.returncode == 2


def test_data_stays_where_it_is_asked_to(tmp_path: Path) -> None:
    first = run(tmp_path, "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2);", "--data-dir", "kept")
    assert first.returncode == 0, first.stderr
    again = run(tmp_path, "SELECT sum(a) FROM t;", "--data-dir", "kept")
    assert again.stdout == " sum\n-----\n 3\n(1 row)\n\n"


def test_a_sink_that_cannot_write_fails_the_run(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        f"""CREATE TABLE t (a int);
        CREATE TABLE out (n BIGINT)
            WITH (connector = 'single_file', path = '{tmp_path}/o', format = 'json', type = 'sink');
        INSERT INTO out SELECT count(*) FROM t;
        INSERT INTO t VALUES (1);""",
    )
    assert done.returncode == 1
    assert 'sink "out": cannot write a retraction' in done.stderr


def test_from_standard_input_and_no_text(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pgstream", "run"]
    given = b"SELECT 1 AS x;\nSELECT nope"
    done = subprocess.run([*command, "-"], input=given, capture_output=True, timeout=300, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith(b" x\n")
    assert done.stderr.startswith(b'-:2:8: ERROR: column "nope" does not exist (42703)')
    (tmp_path / "bytes.sql").write_bytes(b"SELECT 1;\xff")
    done = subprocess.run([*command, "bytes.sql"], cwd=tmp_path, capture_output=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (2, b"pgstream: bytes.sql is no text in UTF-8: byte 9 is wrong\n")
    done = subprocess.run([*command, "."], cwd=tmp_path, capture_output=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (2, b"pgstream: there is no file .: Is a directory\n")


def test_what_was_left_out_is_told(tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text(
        '{"ts": "2026-01-01T00:00:00"}\nnothing\n{"ts": "2026-01-01T01:00:00"}\n{"ts": 5.5}\n'
    )
    done = run(
        tmp_path,
        f"""CREATE SOURCE "In" (ts timestamp, WATERMARK FOR ts AS ts)
            WITH (connector = 'filesystem', path = '{tmp_path}/in.json', format = 'json');
            SELECT count(*) FROM "In";""",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[2] == " 2"
    warning = 'WARNING: source "In": 2 records were refused, such as: '
    assert warning in done.stderr, done.stderr


def test_flinks_print(tmp_path: Path) -> None:
    script = """CREATE TABLE src (id INT) WITH ('connector' = 'datagen', 'number-of-rows' = '2',
            'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '2');
        CREATE TABLE filled WITH ('connector' = 'print', 'print-identifier' = 'x') AS SELECT id, id + 1 AS n FROM src;
        """
    done = run(tmp_path, script, "--dialect", "flink")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "x> +I[1, 2]\nx> +I[2, 3]\n"
    done = run(tmp_path, script + "SELECT * FROM filled", "--dialect", "flink")
    assert (done.returncode, 'cannot read from sink "filled"' in done.stderr) == (1, True)


def test_flinks_tables_are_what_the_script_does_with_them(tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text('{"id":1}\n{"id":2}\n')
    options = "WITH ('connector' = 'filesystem', 'format' = 'json', 'path'"
    script = f"""CREATE TABLE given (id INT) {options} = '{tmp_path}/in.json');
        CREATE TABLE made (id INT, n INT) {options} = '{tmp_path}/out.json');
        INSERT INTO made SELECT id, id + 1 FROM given;
        """
    done = run(tmp_path, script, "--dialect", "flink")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "out.json").read_text().splitlines()]
    assert rows == [{"id": 1, "n": 2}, {"id": 2, "n": 3}]
