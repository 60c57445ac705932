"""ALTER SOURCE: a source is read as fast as it is allowed to, or not at all, also after a restart."""

import json
import time
from pathlib import Path

from tests.unit.engine.conftest import Opened
from tests.unit.engine.engine_sql import Sql, eventually


def made(sql: Sql, path: Path, *options: str) -> None:
    path.write_text("".join(json.dumps({"id": n}) + "\n" for n in range(5000)))
    given = ("connector = 'filesystem'", f"path = '{path}'", "format = 'json'", *options)
    sql.run(f"CREATE SOURCE s (id int) WITH ({', '.join(given)})")
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM s")


def test_a_paused_source_gives_nothing_until_it_goes_on(opened: Opened, tmp_path: Path) -> None:
    sql = opened.open()
    made(sql, tmp_path / "a.jsonl", "rate_limit = 0")
    time.sleep(0.3)
    assert sql.value("SELECT n FROM v") == 0
    assert sql.database.sources()[0].state == "paused"
    sql.run("ALTER SOURCE s SET (rate_limit = 1000)")
    eventually(lambda: sql.value("SELECT n FROM v") > 0)
    sql.run("ALTER SOURCE s PAUSE")
    stood = sql.value("SELECT n FROM v")
    assert stood < 5000
    sql = opened.open()
    time.sleep(0.3)
    assert sql.value("SELECT n FROM v") == stood
    assert sql.database.sources()[0].state == "paused"
    sql.run("ALTER SOURCE s RESUME; ALTER SOURCE s SET SOURCE_RATE_LIMIT TO DEFAULT")
    eventually(lambda: sql.value("SELECT n FROM v") == 5000)
    assert sql.value("SELECT count(*) FROM s") == 5000


def test_a_rate_is_kept(sql: Sql, tmp_path: Path) -> None:
    started = time.monotonic()
    made(sql, tmp_path / "a.jsonl", "source_rate_limit = 4000")
    eventually(lambda: sql.value("SELECT n FROM v") == 5000)
    assert 0.9 < time.monotonic() - started < 10


def test_what_cannot_be_altered(sql: Sql, tmp_path: Path) -> None:
    made(sql, tmp_path / "a.jsonl")
    sql.fails("22023", "ALTER SOURCE s SET (path = 'x')")
    sql.fails("22023", "ALTER SOURCE s SET (rate_limit = fast)")
    sql.fails("42809", "ALTER SOURCE v PAUSE")
    sql.fails("42P01", "ALTER SOURCE nothing PAUSE")
    sql.fails("42601", "ALTER SOURCE s SLEEP")
