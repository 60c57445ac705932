"""The reserve of disk space: statements that free space may have it, others not."""

from typing import Any

import pytest

from pgstream.errors import DiskFull
from pgstream.storage.reserve import RESERVE_NAME, Reserve
from pgstream.storage.store import Store


@pytest.mark.parametrize(
    "text", ["DELETE FROM t WHERE id > 90", "TRUNCATE t", "DROP TABLE t CASCADE", "DROP MATERIALIZED VIEW v"]
)
def test_only_what_frees_space_has_it(opened, text: str, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    sql = opened.open(reserve_bytes=1 << 16)
    reserve = opened.directory / RESERVE_NAME
    assert reserve.stat().st_size == 1 << 16
    sql.run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT g FROM generate_series(1, 100) AS x(g)")
    sql.run("CREATE MATERIALIZED VIEW v AS SELECT id % 7 AS r, count(*) AS n FROM t GROUP BY 1")
    store_commit = Store.commit

    def full(self: Store, changes: Any) -> None:
        """A disk on which there is no room but that of the reserve."""
        if reserve.exists():
            raise DiskFull("could not write to the database: no space left")
        store_commit(self, changes)

    with monkeypatch.context() as patch:
        patch.setattr("pgstream.engine.engine.TRIM_INTERVAL_S", 1000.0)
        patch.setattr(Store, "commit", full)
        for refused in ("INSERT INTO t VALUES (101)", "UPDATE t SET id = id + 1000", "CREATE TABLE u (a int)"):
            sql.fails("53100", refused)
        assert reserve.exists()
        sql.run(text)
        assert not reserve.exists()
    sql = opened.crash()
    sql.run("CREATE TABLE u (a int); INSERT INTO u VALUES (1)")
    names = {row[0] for row in sql.rows("SELECT relname FROM pg_class WHERE relkind IN ('r', 'm')")}
    if "t" in names:
        assert sql.value("SELECT count(*) FROM t") == {"DELETE": 90, "TRUNCATE": 0}.get(text.split()[0], 100)


def test_it_is_made_again_where_there_is_ample_room(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reserve = Reserve(tmp_path, 1 << 16)
    reserve.keep()
    assert Reserve(tmp_path, 1 << 16).there
    assert reserve.give_up()
    assert not reserve.give_up()
    assert list(tmp_path.iterdir()) == []
    with monkeypatch.context() as patch:
        patch.setattr("pgstream.storage.reserve.AMPLE", 1 << 60)
        reserve.keep()
        assert list(tmp_path.iterdir()) == []
    reserve.keep()
    assert (tmp_path / RESERVE_NAME).stat().st_size == 1 << 16
    nothing = Reserve(tmp_path / "other", 0)
    nothing.keep()
    assert not nothing.give_up()
