"""Sinks that fail: nobody else's statement does, and what they are owed comes exactly once."""

import errno
import json
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pgstream.connectors import filesystem_sink
from pgstream.engine import debts, outlets
from pgstream.errors import IoError
from pgstream.storage.store import Store
from tests.unit.engine.engine_sql import Sql, eventually


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pgstream.engine.engine.IDLE_S", 0.02)
    monkeypatch.setattr(debts, "RETRY_S", 0.05)
    monkeypatch.setattr(debts, "RETRY_S_MAX", 0.2)


def sink(out: Path, query: str = "SELECT id FROM t", name: str = "k", envelope: str = "none") -> str:
    slash = "" if out.suffix else "/"
    options = f"connector = 'filesystem', path = '{out}{slash}', format = 'json', envelope = '{envelope}'"
    return f"CREATE SINK {name} AS {query} WITH ({options})"


def written(out: Path) -> list[dict[str, Any]]:
    files = [out] if out.suffix else sorted(out.glob("part-*"))
    return [json.loads(line) for file in files if file.exists() for line in file.read_text().splitlines()]


def ids(out: Path) -> list[int]:
    return [one["id"] for one in written(out)]


NO_ROOM = 'could not write to sink "k": No space left on device'


class Disk:
    """Where there is no room: what is written there is cut short."""

    def __init__(self) -> None:
        self.full: set[Path] = set()
        self._write = filesystem_sink.write_durably

    def write(self, path: Path, content: bytes) -> None:
        if self.full & {path.parent, path.with_name(path.name[1:].removesuffix(".part"))}:
            self._write(path, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._write(path, content)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk()
    monkeypatch.setattr(filesystem_sink, "write_durably", made.write)
    return made


def debt(opened: Any) -> Any:
    return next(iter(opened.engine._databases["postgres"].outlets.debts.values()), None)


@pytest.mark.parametrize("out", ["out.jsonl", "out"])
def test_a_full_disk_and_then_room(
    opened, disk: Disk, tmp_path: Path, out: str, capsys: pytest.CaptureFixture[str]
) -> None:  # type: ignore[no-untyped-def]
    sql, place = opened.open(), tmp_path / out
    sql.run("CREATE TABLE t (id int); CREATE TABLE u (v int);" + sink(place) + "; INSERT INTO t VALUES (1)")
    assert ids(place) == [1]
    disk.full.add(place)
    for number in range(2, 12):
        sql.run(f"INSERT INTO t VALUES ({number}); INSERT INTO u VALUES ({number})")
    assert sql.value("SELECT count(*) FROM u") == 10
    assert ids(place) == [1]
    eventually(lambda: debt(opened).failures >= 3)
    assert (debt(opened).sqlstate, debt(opened).error) == ("53100", NO_ROOM)
    assert debt(opened).parcels == range(10)
    disk.full.clear()
    eventually(lambda: ids(place) == list(range(1, 12)))
    eventually(lambda: debt(opened) is None)
    sql.run("INSERT INTO t VALUES (12)")
    assert ids(place) == list(range(1, 13))
    lines = [line.split(" ", 1)[1] for line in capsys.readouterr().err.splitlines() if "sink" in line]
    assert lines == [
        f'level=error msg="sink paused" sink=k sqlstate=53100 error={json.dumps(NO_ROOM)}',
        'level=info msg="sink resumed" sink=k',
    ]
    assert [key for key, _ in opened.engine._store.items() if b"/parcel/" in key or b"/debt/" in key] == []


@pytest.mark.parametrize("out", ["folder/out.jsonl", "folder"])
@pytest.mark.parametrize("how", ["crash", "open"])
def test_a_folder_that_goes_and_comes_back(opened, tmp_path: Path, out: str, how: str) -> None:  # type: ignore[no-untyped-def]
    sql, place = opened.open(), tmp_path / out
    sql.run("CREATE TABLE t (id int);" + sink(place) + "; INSERT INTO t VALUES (1)")
    folder, away = tmp_path / "folder", tmp_path / "away"
    folder.rename(away)
    sql.run("INSERT INTO t VALUES (2); INSERT INTO t VALUES (3)")
    sql = opened.crash() if how == "crash" else opened.open()
    sql.run("INSERT INTO t VALUES (4)")
    assert debt(opened).sqlstate == "58030"
    assert not folder.exists()
    sql = opened.crash() if how == "crash" else opened.open()
    away.rename(folder)
    eventually(lambda: ids(place) == [1, 2, 3, 4])
    sql.run("INSERT INTO t VALUES (5)")
    eventually(lambda: ids(place) == [1, 2, 3, 4, 5])


def test_files_that_a_reader_takes_away_are_not_missed(opened, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    sql, place = opened.open(), tmp_path / "out"
    sql.run("CREATE TABLE t (id int);" + sink(place) + "; INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)")
    for file in place.glob("part-*"):
        file.unlink()
    sql = opened.crash()
    sql.run("INSERT INTO t VALUES (3)")
    assert ids(place) == [3]
    assert debt(opened) is None


def test_what_cannot_be_shown_is_shown_later(sql: Sql, opened, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """The commit is done; only then does the sink fail."""
    place = tmp_path / "out"
    sql.run("CREATE TABLE t (id int);" + sink(place) + "; INSERT INTO t VALUES (1)")

    def failing(self: Any, cursor: bytes) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(filesystem_sink.FilePerCommit, "publish", failing)
        sql.run("INSERT INTO t VALUES (2); INSERT INTO t VALUES (3)")
        assert ids(place) == [1]
        assert debt(opened).sqlstate == "58030"
    eventually(lambda: ids(place) == [1, 2, 3])


def test_a_changelog_keeps_its_ticks(sql: Sql, opened, disk: Disk, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    place = tmp_path / "out.jsonl"
    query = "SELECT g, count(*) AS n, sum(x) AS total FROM t GROUP BY g"
    sql.run("CREATE TABLE t (g text, x numeric);" + sink(place, query, envelope="changelog"))
    sql.run("INSERT INTO t VALUES ('a', 1.50)")
    disk.full.add(place)
    sql.run("INSERT INTO t VALUES ('a', 2), ('b', NULL); INSERT INTO t VALUES ('b', 7); DELETE FROM t WHERE g = 'a'")
    disk.full.clear()
    eventually(lambda: debt(opened) is None)
    changes = written(place)
    ticks = [one["pgstream_tick"] for one in changes]
    assert ticks == sorted(ticks)
    assert len(set(ticks)) == 4
    held: Counter[tuple[Any, ...]] = Counter()
    for one in changes:
        held[one["g"], one["n"], str(one["total"])] += 1 if one["pgstream_op"] == "insert" else -1
    assert +held == Counter([("b", 2, "7")])
    assert -held == Counter()


def test_a_long_debt_is_paid_in_parts(opened, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(outlets, "PARCELS_BYTES_MAX", 3000)
    sql, place = opened.open(), tmp_path / "out"
    sql.run("CREATE TABLE t (id int);" + sink(place))
    disk.full.add(place)
    for number in range(40):
        sql.run(f"INSERT INTO t VALUES ({number})")
    disk.full.clear()
    eventually(lambda: ids(place) == list(range(40)))
    assert len(list(place.glob("part-*"))) > 5


def test_a_sink_that_owes_nothing_any_more_is_dropped(opened, disk: Disk, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    sql, place = opened.open(), tmp_path / "out"
    sql.run("CREATE TABLE t (id int);" + sink(place))
    disk.full.add(place)
    sql.run("INSERT INTO t VALUES (1)")
    store_commit = Store.commit

    def failing(self: Any, changes: Any) -> None:
        raise IoError("no")

    monkeypatch.setattr(Store, "commit", failing)
    sql.fails("58030", "DROP SINK k")
    monkeypatch.setattr(Store, "commit", store_commit)
    sql.run("INSERT INTO t VALUES (2)")
    assert debt(opened).parcels == range(2)
    sql.run("DROP SINK k")
    assert debt(opened) is None
    assert [key for key, _ in opened.engine._store.items() if b"/parcel/" in key or b"/debt/" in key] == []
    opened.crash().run("INSERT INTO t VALUES (3)")


@pytest.mark.parametrize("seed", range(6))
def test_any_history_comes_exactly_once(
    opened, disk: Disk, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    """Two sinks fail and are mended at random, the engine is killed, and its commits fail."""
    chance = random.Random(seed)
    sql, places = opened.open(), [tmp_path / "out", tmp_path / "out.jsonl"]
    sql.run("CREATE TABLE t (id int)")
    for name, place in zip("kj", places, strict=True):
        sql.run(sink(place, name=name))
    expected = []
    for number in range(60):
        place, roll = chance.choice(places), chance.random()
        if roll < 0.2:
            disk.full.add(place)
        elif roll < 0.4:
            disk.full.discard(place)
        elif roll < 0.5:
            sql = opened.crash()
        if chance.random() < 0.1:
            with monkeypatch.context() as patch:
                patch.setattr(Store, "commit", lambda *_: (_ for _ in ()).throw(IoError("no")))
                sql.fails("58030", f"INSERT INTO t VALUES ({number})")
        else:
            sql.run(f"INSERT INTO t VALUES ({number})")
            expected.append(number)
    disk.full.clear()
    for place in places:
        eventually(lambda: ids(place) == expected)  # noqa: B023


def facts(sql: Sql) -> Any:
    (found,) = sql.database.sinks()
    return found


def test_a_retraction_blocks_a_sink_of_rows_until_it_may_leave_it_out(opened, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    sql, place = opened.open(), tmp_path / "out.jsonl"
    sql.run("CREATE TABLE t (id int);" + sink(place) + "; INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)")
    sql.run("DELETE FROM t WHERE id = 1; INSERT INTO t VALUES (3)")
    assert (facts(sql).state, facts(sql).sqlstate, facts(sql).waiting) == ("blocked", "0A000", 2)
    tried = facts(sql).failures
    sql.run("INSERT INTO t VALUES (4)")
    assert facts(sql).failures == tried, "what cannot be mended by trying is not tried again"
    sql = opened.open()
    sql.run("INSERT INTO t VALUES (5)")
    assert facts(sql).state == "blocked"
    assert ids(place) == [1, 2]
    sql.run("ALTER SINK k SET (force_append_only = true)")
    eventually(lambda: facts(sql).state == "running")
    assert ids(place) == [1, 2, 3, 4, 5]
    sql.run("DELETE FROM t; INSERT INTO t VALUES (6)")
    assert ids(place) == [1, 2, 3, 4, 5, 6]
    assert facts(sql).rows == 4


@pytest.mark.parametrize("how", ["crash", "open"])
def test_a_paused_sink_is_owed_what_comes(opened, tmp_path: Path, how: str) -> None:  # type: ignore[no-untyped-def]
    sql, place = opened.open(), tmp_path / "out.jsonl"
    sql.run("CREATE TABLE t (id int);" + sink(place) + "; INSERT INTO t VALUES (1); ALTER SINK k PAUSE")
    sql.run("INSERT INTO t VALUES (2); INSERT INTO t VALUES (3)")
    assert (facts(sql).state, facts(sql).error, facts(sql).waiting) == ("paused", None, 2)
    sql = opened.crash() if how == "crash" else opened.open()
    sql.run("INSERT INTO t VALUES (4)")
    assert ids(place) == [1]
    assert facts(sql).state == "paused"
    sql.run("ALTER SINK k RESUME")
    eventually(lambda: facts(sql).state == "running")
    assert ids(place) == [1, 2, 3, 4]


def test_what_of_a_sink_cannot_be_altered(sql: Sql, tmp_path: Path) -> None:
    sql.run("CREATE TABLE t (id int);" + sink(tmp_path / "out.jsonl"))
    sql.fails("22023", "ALTER SINK k SET (path = 'x')")
    sql.fails("22023", "ALTER SINK k SET (nonsense = 1)")
    sql.fails("22023", "ALTER SINK k SET (rate_limit = 5)")
    sql.fails("42809", "ALTER SINK t PAUSE")
    sql.fails("42P01", "ALTER SINK nothing PAUSE")
    sql.run("ALTER SINK k RENAME TO l")
    assert sql.rows("SHOW SINKS") == [("l",)]
