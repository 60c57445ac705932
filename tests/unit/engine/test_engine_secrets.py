"""Secrets and connections: what is named in options is used, is kept sealed, and is shown to nobody."""

import json
import os
import stat
from pathlib import Path

import pytest

from pgstream.errors import ConfigFileError
from tests.unit.engine.conftest import Opened
from tests.unit.engine.engine_sql import Sql, eventually

PASSWORD = "swordfish-4711"


def source_of(path: Path, *options: str) -> str:
    given = ("connector = 'filesystem'", "format = 'json'", *options)
    return f"CREATE SOURCE s (id int) WITH ({', '.join(given)})"


def lines(path: Path, *ids: int) -> Path:
    path.write_text("".join(json.dumps({"id": id}) + "\n" for id in ids))
    return path


def test_an_option_may_be_a_secret(opened: Opened, tmp_path: Path) -> None:
    sql = opened.open()
    path = lines(tmp_path / "swordfish.jsonl", 1, 2)
    sql.run(f"CREATE SECRET place WITH (backend = 'meta') AS '{path}'")
    sql.run(source_of(path, "path = SECRET place"))
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM s")
    eventually(lambda: sql.value("SELECT n FROM v") == 2)
    sql = opened.crash()
    eventually(lambda: sql.rows("SELECT id FROM s") == [(1,), (2,)])
    assert sql.rows("SELECT secretname, used_by FROM pgstream_secrets") == [("place", ["s"])]
    error = sql.fails("2BP01", "DROP SECRET place")
    assert str(error.detail).startswith("source s depends on secret place")
    sql.run("DROP SOURCE s CASCADE; DROP SECRET place")
    assert sql.rows("SELECT * FROM pgstream_secrets") == []


def test_a_secret_is_nowhere_to_be_read(opened: Opened, tmp_path: Path) -> None:
    sql = opened.open()
    sql.run(f"CREATE SECRET word AS '{PASSWORD}'")
    sql.run(
        "CREATE CONNECTION k WITH (type = 'kafka', properties.bootstrap.server = 'nowhere.invalid:1', "
        "properties.sasl.password = secret word, properties.sasl.username = 'me', validate = false)"
    )
    sql.run(
        "CREATE CONNECTION inline TO KAFKA (BROKER 'nowhere.invalid:1', SASL PASSWORD = 'hunter2') "
        "WITH (VALIDATE = false)"
    )
    options = dict(sql.rows("SELECT connectionname, options FROM pgstream_connections"))
    assert json.loads(options["k"]) == {
        "properties.bootstrap.server": "nowhere.invalid:1", "properties.sasl.password": "secret word",
        "properties.sasl.username": "me",
    }  # fmt: skip
    assert json.loads(options["inline"])["properties.sasl.password"] == "[hidden]"
    for relation in ("pg_class", "pgstream_secrets", "pgstream_connections", "pg_depend", "pg_description"):
        assert PASSWORD not in repr(sql.rows(f"SELECT * FROM {relation}"))
    assert PASSWORD not in repr(opened.engine._databases["postgres"].head.catalog)  # type: ignore[union-attr]
    wrong = sql.fails("22023", source_of(tmp_path, "path = 'x'", "source.offset = secret word"))
    assert PASSWORD not in f"{wrong.message}{wrong.detail}{wrong.hint}"
    opened.close()
    stored = b"".join(path.read_bytes() for path in opened.directory.iterdir())
    assert b"nowhere.invalid" in stored
    assert PASSWORD.encode() not in stored
    assert stat.S_IMODE((opened.directory / "secrets.key").stat().st_mode) == 0o600


def test_another_key_opens_nothing_and_stops_nobody(opened: Opened, tmp_path: Path) -> None:
    sql = opened.open()
    path = lines(tmp_path / "a.jsonl", 1)
    sql.run(f"CREATE SECRET place AS '{path}'; CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
    sql.run(source_of(path, "path = SECRET place"))
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM s")
    eventually(lambda: sql.value("SELECT n FROM v") == 1)
    opened.close()
    (opened.directory / "secrets.key").unlink()
    sql = opened.open()
    assert sql.value("SELECT count(*) FROM t") == 1
    eventually(lambda: sql.database.sources()[0].state == "failing")
    assert sql.database.sources()[0].error == 'secret "place" cannot be opened'
    assert sql.fails("55000", "CREATE MATERIALIZED VIEW w AS SELECT id FROM s").hint is not None
    sql.run(f"ALTER SECRET place AS '{path}'")
    eventually(lambda: sql.database.sources()[0].state != "failing")
    assert sql.rows("SELECT id FROM s") == [(1,)]


def test_the_key_may_be_elsewhere(opened: Opened, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
    sql = opened.open(secret_key_file=key)
    sql.run("CREATE SECRET s AS 'x'")
    opened.close()
    assert not (opened.directory / "secrets.key").exists()
    key.write_text("short\n")
    with pytest.raises(ConfigFileError, match="holds no key"):
        opened.open(secret_key_file=key)


def test_a_secret_that_changes_is_read_at_once(sql: Sql, tmp_path: Path) -> None:
    first, second = lines(tmp_path / "a.jsonl", 1), lines(tmp_path / "b.jsonl", 1, 2)
    sql.run(f"CREATE SECRET place AS '{first}'")
    sql.run(source_of(first, "path = secret place"))
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM s")
    eventually(lambda: sql.value("SELECT n FROM v") == 1)
    sql.run(f"ALTER SECRET place WITH (backend = 'meta') AS '{second}'")
    assert sql.value("SELECT count(*) FROM s") <= 2


def test_statements_and_their_errors(sql: Sql) -> None:
    sql.run("CREATE SECRET s AS 'x'; CREATE SECRET IF NOT EXISTS s AS 'y'; ALTER SECRET s RENAME TO r")
    assert sql.rows("SELECT secretname FROM pgstream_secrets") == [("r",)]
    sql.fails("42704", "DROP SECRET s")
    sql.run("DROP SECRET IF EXISTS s")
    sql.fails("42P07", "CREATE SECRET r AS 'x'")
    sql.fails("42704", "ALTER SECRET s AS 'x'")
    sql.fails("0A000", "CREATE SECRET v WITH (backend = 'hashicorp_vault') AS 'x'")
    assert sql.fails("42704", "CREATE SOURCE q (a int) WITH (connector = 'kafka', topic = secret nope)").position == 66
    sql.fails("42704", "CREATE SOURCE q (a int) WITH (connector = 'kafka', connection = nope)")
    sql.fails("22023", "CREATE CONNECTION c WITH (type = 'kafka', nonsense = 1)")
    sql.fails("22023", "CREATE CONNECTION c WITH (type = 'carrier pigeon')")
    sql.fails("0A000", "CREATE CONNECTION c TO AWS PRIVATELINK (SERVICE NAME 'x')")
    sql.fails("58030", "CREATE CONNECTION c WITH (type = 'kafka', bootstrap_servers = '127.0.0.1:1')")
    sql.fails("42P01", "SELECT * FROM r")
    sql.fails("42809", "DROP TABLE r")
    begun = sql.begin()
    begun.run("CREATE SECRET t AS 'x'")
    begun.rollback()
    sql.fails("42704", "DROP SECRET t")


def test_variables_of_the_environment(sql: Sql, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines(tmp_path / "a.jsonl", 1)
    sql.fails("22023", source_of(tmp_path, "path = '{{ PGSTREAM_TEST_DIR }}/a.jsonl'"))
    monkeypatch.setitem(os.environ, "PGSTREAM_TEST_DIR", str(tmp_path))
    sql.run(source_of(tmp_path, "path = '{{ PGSTREAM_TEST_DIR }}/a.jsonl'"))
    assert sql.rows("SELECT * FROM s") == [(1,)]


def test_show(sql: Sql, tmp_path: Path) -> None:
    sql.run("CREATE SECRET a AS 'x'; CREATE TABLE t (a int); CREATE VIEW w AS SELECT 1")
    sql.run("CREATE MATERIALIZED VIEW m AS SELECT * FROM t")
    sql.run(source_of(tmp_path, f"path = '{lines(tmp_path / 'a.jsonl', 1)}'"))
    found = {kind: sql.rows(f"SHOW {kind}") for kind in ("SECRETS", "CONNECTIONS", "VIEWS", "MATERIALIZED VIEWS")}
    assert found == {"SECRETS": [("a",)], "CONNECTIONS": [], "VIEWS": [("w",)], "MATERIALIZED VIEWS": [("m",)]}


def test_a_transaction_of_a_secret_and_what_uses_it(opened: Opened, tmp_path: Path) -> None:
    sql = opened.open()
    path = lines(tmp_path / "a.jsonl", 1, 2)
    begun = sql.begin()
    begun.run(f"CREATE SECRET place AS '{path}'")
    begun.run(source_of(path, "path = SECRET place"))
    assert begun.rows("SELECT id FROM s") == [(1,), (2,)]
    begun.commit()
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM s")
    eventually(lambda: sql.value("SELECT n FROM v") == 2)
    sql = opened.crash()
    eventually(lambda: sql.value("SELECT n FROM v") == 2)


def test_other_options_of_a_source_are_used_at_once(sql: Sql, tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", 1)
    sql.run(source_of(path, f"path = '{path}'"))
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM s")
    eventually(lambda: sql.value("SELECT n FROM v") == 1 and sql.database.sources()[0].state == "ended")
    sql.run("ALTER SOURCE s CONNECTOR WITH (follow = 'true'); ALTER SOURCE s SET source_rate_limit TO 100")
    eventually(lambda: sql.database.sources()[0].state == "running")
    sql.run("ALTER SOURCE s RENAME TO r")
    assert sql.rows("SHOW SOURCES") == [("r",)]
