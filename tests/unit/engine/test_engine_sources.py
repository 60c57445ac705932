"""Sources and sinks: exactly once, replayed for later views, and nothing lost silently."""

import json
from pathlib import Path

import pytest

from pgstream.connectors.record_files import RecordFiles
from pgstream.engine import backfill, intake, shielding
from pgstream.errors import IoError
from pgstream.storage.store import Store
from tests.unit.engine.engine_sql import Sql, eventually


def lines(path: Path, numbers: range) -> None:
    with path.open("a") as file:
        file.writelines(json.dumps({"id": n, "v": n % 10, "word": f"w{n % 3}"}) + "\n" for n in numbers)


def source(path: Path, follow: bool = False) -> str:
    options = f"connector = 'filesystem', path = '{path}', follow = '{str(follow).lower()}'"
    return f"CREATE SOURCE s (id int, v int, word text) WITH ({options})"


def test_a_second_view_on_an_old_source(sql: Sql, tmp_path: Path) -> None:
    lines(tmp_path / "a.jsonl", range(5000))
    sql.run(source(tmp_path / "a.jsonl"))
    sql.run("CREATE MATERIALIZED VIEW a AS SELECT count(*) AS n FROM s")
    sql.drained()
    assert sql.value("SELECT n FROM a") == 5000
    sql.run("CREATE MATERIALIZED VIEW b AS SELECT word, sum(v) AS total FROM s GROUP BY word")
    assert len(sql.view("b", "SELECT word, sum(v) AS total FROM s GROUP BY word")) == 3


def test_a_view_built_while_its_source_goes_on(sql: Sql, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ticks of meanwhile must have the columns that only the new view reads."""
    path = tmp_path / "a.jsonl"
    lines(path, range(1000))
    sql.run(source(path, follow=True) + "; CREATE TABLE t (v int, g int)")
    sql.run("INSERT INTO t SELECT n % 10, n FROM generate_series(1, 20000) AS x(n)")
    sql.run("CREATE MATERIALIZED VIEW a AS SELECT count(*) AS n FROM s")
    eventually(lambda: sql.value("SELECT n FROM a") == 1000)
    monkeypatch.setattr(backfill, "CHUNK_ROWS", 100)
    query = "SELECT word, count(*) AS n, sum(g) AS total FROM s JOIN t ON t.v = s.v GROUP BY word"
    building = sql.start(f"CREATE MATERIALIZED VIEW b AS {query}")
    written = 1000
    while not building.done():
        lines(path, range(written, written + 20))
        written += 20
        eventually(lambda: sql.value("SELECT n FROM a") == written)  # noqa: B023
    building.result()
    assert written > 1020, "nothing came while the view was built"
    lines(path, range(written, written + 10))
    eventually(lambda: sql.value("SELECT n FROM a") == written + 10)
    sql.view("b", query)


def test_bad_records_and_failing_rows_are_errors_and_the_rest_goes_on(sql: Sql, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines(path, range(1, 10))
    with path.open("a") as file:
        file.write('nonsense\n{"id": 77, "v": 0, "word": "zero"}\n{"id": "x"}\n')
    lines(path, range(11, 20))
    sql.run(source(path))
    sql.run("CREATE MATERIALIZED VIEW inverse AS SELECT id, 100 / v AS i FROM s")
    sql.run("CREATE MATERIALIZED VIEW bad AS SELECT count(*) AS n FROM s_errors")
    sql.drained()
    assert sorted(row[0] for row in sql.rows("SELECT id FROM inverse")) == [*range(1, 10), *range(11, 20)]
    found = sql.rows("SELECT message, raw FROM s_errors")
    assert len(found) == 3
    assert any("22012" in message and b"id=77" in raw for message, raw in found)
    assert any(raw == b"nonsense" for _, raw in found)
    assert sql.rows("SELECT * FROM bad") == [(3,)]
    sql.fails("42809", "DELETE FROM s_errors")
    sql.fails("2BP01", "DROP TABLE s_errors")
    sql.fails("2BP01", "DROP SOURCE s")
    sql.run("DROP SOURCE s CASCADE")
    assert sql.rows("SELECT relname FROM pg_class WHERE relname IN ('s', 's_errors', 'bad', 'inverse')") == []
    sql.run("CREATE TABLE s_errors (x int)")


def test_a_source_whose_file_goes_is_read_again_when_it_is_back(
    opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(intake, "RETRY_S", 0.05)
    sql = opened.open()
    path = tmp_path / "a.jsonl"
    lines(path, range(100))
    sql.run(source(path, follow=True) + "; CREATE MATERIALIZED VIEW a AS SELECT count(*) AS n FROM s")
    eventually(lambda: sql.value("SELECT n FROM a") == 100)
    path.rename(tmp_path / "away")
    sql = opened.open()
    sql.run("CREATE TABLE t (v int); INSERT INTO t VALUES (1)")
    assert sql.value("SELECT n FROM a") == 100
    (tmp_path / "away").rename(path)
    lines(path, range(100, 150))
    eventually(lambda: sql.value("SELECT n FROM a") == 150)


def test_a_reader_that_fails_ends_nothing(sql: Sql, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "RETRY_S", 0.05)
    path = tmp_path / "a.jsonl"
    lines(path, range(100))
    plan, failures = RecordFiles.plan, iter([OSError("gone"), IoError("broken"), AssertionError("a bug")])

    def failing(*arguments, **named):  # type: ignore[no-untyped-def]
        for failure in failures:
            raise failure
        return plan(*arguments, **named)

    monkeypatch.setattr(RecordFiles, "plan", failing)
    sql.run(source(path) + "; CREATE MATERIALIZED VIEW a AS SELECT count(*) AS n FROM s")
    eventually(lambda: sql.value("SELECT n FROM a") == 100)
    sql.run("CREATE TABLE t (v int); INSERT INTO t VALUES (1)")


def test_a_tick_that_breaks_takes_in_nothing_or_all(sql: Sql, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "RETRY_S", 0.05)
    path = tmp_path / "a.jsonl"
    lines(path, range(100))
    with path.open("a") as file:
        file.write("nonsense\n")
    advance, failures = shielding.advance, iter([AssertionError("a bug"), MemoryError()])

    def failing(circuit, head, deltas, tick):  # type: ignore[no-untyped-def]
        if any(len(delta) == 100 for delta in deltas.values()):
            for failure in failures:
                raise failure
        return advance(circuit, head, deltas, tick)

    monkeypatch.setattr(shielding, "advance", failing)
    sql.run(source(path) + "; CREATE MATERIALIZED VIEW a AS SELECT count(*) AS n FROM s")
    eventually(lambda: sql.value("SELECT n FROM a") == 100)
    sql.drained()
    assert sql.value("SELECT count(*) FROM s_errors") == 1


@pytest.mark.parametrize("directory", [False, True])
def test_sinks_are_written_exactly_once(opened, tmp_path: Path, directory: bool) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / ("out/" if directory else "out.jsonl")
    path = f"{out}/" if directory else str(out)
    options = f"connector = 'filesystem', path = '{path}', format = 'json'"

    def written() -> list[int]:
        files = sorted(out.glob("part-*")) if directory else [out]
        return sorted(json.loads(line)["id"] for file in files if file.exists() for line in file.read_text().split())

    sql = opened.open()
    lines(tmp_path / "a.jsonl", range(2000))
    sql.run(source(tmp_path / "a.jsonl", follow=True))
    sql.run(f"CREATE SINK k AS SELECT id FROM s WHERE v < 5 WITH ({options})")
    expected = [n for n in range(2000) if n % 10 < 5]
    eventually(lambda: written() == expected)
    sql = opened.crash()
    lines(tmp_path / "a.jsonl", range(2000, 3000))
    expected = [n for n in range(3000) if n % 10 < 5]
    eventually(lambda: len(written()) >= len(expected))
    assert written() == expected


def test_a_crash_before_a_sink_shows_what_is_durable(opened, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open()
    out = tmp_path / "out.jsonl"
    sql.run("CREATE TABLE t (id int)")
    sql.run(f"CREATE SINK k AS SELECT id FROM t WITH (connector = 'filesystem', path = '{out}', format = 'json')")
    sql.run("INSERT INTO t VALUES (1)")
    with monkeypatch.context() as patch:
        patch.setattr("pgstream.engine.outlets.Outlets.publish", lambda *_: None)
        sql.run("INSERT INTO t VALUES (2)")
        opened.crash()
    assert out.read_text() == '{"id":1}\n{"id":2}\n'


def test_a_failed_commit_sends_nothing_twice(sql: Sql, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.jsonl"
    sql.run("CREATE TABLE t (id int)")
    sql.run(f"CREATE SINK k AS SELECT id FROM t WITH (connector = 'filesystem', path = '{out}', format = 'json')")
    sql.run("INSERT INTO t VALUES (1)")
    store_commit = Store.commit

    def failing(self, changes):  # type: ignore[no-untyped-def]
        raise IoError("no")

    monkeypatch.setattr(Store, "commit", failing)
    sql.fails("58030", "INSERT INTO t VALUES (2)")
    monkeypatch.setattr(Store, "commit", store_commit)
    assert sql.rows("SELECT * FROM t") == [(1,)]
    sql.run("INSERT INTO t VALUES (3)")
    assert out.read_text() == '{"id":1}\n{"id":3}\n'
