"""The store: round trips, what a commit writes and deletes, mapped runs, locks and a full disk."""

import gc
import subprocess
import sys
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from pgstream.delta import Delta
from pgstream.errors import DiskFull, ObjectInUse, ObjectNotInPrerequisiteState
from pgstream.storage import store as store_module
from pgstream.storage.environment import Files
from pgstream.storage.order import OrderColumn
from pgstream.storage.pace import Pace
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.storage.store import Commit, Store
from pgstream.types import BOOL, BYTEA, FLOAT8, INT2, INT4, INT8, NUMERIC, TEXT, UUID, array_of

EVERY = (INT8, INT2, INT4, FLOAT8, NUMERIC, TEXT, BYTEA, BOOL, UUID, array_of(TEXT))
VALUES = [
    [1, None, -(2**63)],
    [None, 32767, 1],
    [5, None, -5],
    [1.5, float("inf"), None],
    ["1.50", "NaN", None],
    ["", None, "žluťoučký"],
    [b"", b"\0\xff", None],
    [True, None, False],
    [b"0123456789abcdef", None, b"\0" * 16],
    [["a", None], None, []],
]
PLAIN = ArrangementSpec((INT8, TEXT), (0,))
TINY = Pace(small_rows=2, fan=2, fuel=2, chunk_rows=3)


def rows_of(delta):
    return Counter(
        dict(
            zip(
                map(str, zip(*(c.to_pylist() for c in delta.columns), strict=True)), delta.weights.tolist(), strict=True
            )
        )
    )


def numbers(start, stop, weight=1):
    keys = pa.array(range(start, stop), pa.int64())
    return Delta.of([keys, pa.array([f"row {i}" for i in range(start, stop)])], weight)


@pytest.fixture
def path(tmp_path):
    yield tmp_path / "db"
    gc.collect()


@pytest.mark.parametrize("order", [(), (OrderColumn(5, True, True), OrderColumn(0))])
def test_every_storage_survives_reopening(path, order):
    spec = ArrangementSpec(EVERY, (0,), order)
    store = Store.open(path)
    delta = Delta.of([pa.array(v, t.storage) for v, t in zip(VALUES, EVERY, strict=True)])
    spine = (
        Spine.empty(spec, store.seed, TINY).insert(delta).insert(delta.slice(1, 2)).insert(delta.slice(1, 1).negate())
    )
    store.commit(Commit({7: spine, 8: Spine.empty(spec, store.seed)}, meta={b"a": b"1", b"b/1": b"2", b"b/2": b""}))
    expected = rows_of(spine.contents())
    store.close()
    store = Store.open(path)
    assert store.arrangements == (7, 8)
    loaded = store.load_spine(7, spec, TINY)
    assert rows_of(loaded.contents()) == expected
    assert loaded.total() == spine.total() == 4
    assert rows_of(loaded.insert(delta.negate()).contents()) == rows_of(spine.insert(delta.negate()).contents())
    assert not store.load_spine(8, spec)
    assert not store.load_spine(9, spec)
    assert store.get(b"a") == b"1"
    assert store.get(b"c") is None
    assert store.items(b"b/") == [(b"b/1", b"2"), (b"b/2", b"")]
    store.commit(Commit(meta={b"a": None}))
    assert [key for key, _ in store.items()] == [b"b/1", b"b/2"]


def test_seed_is_kept(path):
    store = Store.open(path)
    seed = store.seed
    store.close()
    assert Store.open(path).seed == seed


class CountingWrites:
    """Counts what a store writes to LMDB."""

    def __init__(self):
        self.puts = self.deletes = 0

    def open(self, path, map_bytes, sync):
        from pgstream.testing.faulty_store import Countdown, FaultyEnvironment, FaultyTransaction

        counts, inner = self, Files(path, map_bytes, sync)

        class Transaction(FaultyTransaction):
            def put(self, key, value, *, db):
                counts.puts += len(value) > 400
                return super().put(key, value, db=db)

            def delete(self, key, *, db):
                counts.deletes += 1
                return super().delete(key, db=db)

        class Counting(FaultyEnvironment):
            def begin(self, *, write=False, buffers=False):
                return Transaction(self._inner.begin(write=write, buffers=buffers), Countdown(), write)

        return Counting(inner, Countdown())


def test_runs_are_written_once_and_deleted_when_unused(path):
    writes = CountingWrites()
    store = Store.open(path, environment=writes.open)
    spine = Spine.empty(PLAIN, store.seed, Pace(small_rows=2, fan=3)).insert(numbers(0, 100))
    store.commit(Commit({1: spine}))
    assert writes.puts == 1
    spine = spine.insert(numbers(100, 200))
    store.commit(Commit({1: spine}))
    assert writes.puts == 2
    store.commit(Commit({1: spine, 2: spine}))
    assert writes.puts == 2
    merged = spine.insert(numbers(200, 300))
    assert len(merged.runs) == 1
    store.commit(Commit({1: merged}))
    assert (writes.puts, writes.deletes) == (3, 0)
    store.commit(Commit({2: merged}))
    assert writes.deletes == 4
    store.commit(Commit({1: spine}))
    assert writes.puts == 5
    store.commit(Commit(dropped=[1, 2]))
    assert store.arrangements == ()
    store.close()
    assert not Store.open(path).load_spine(1, PLAIN)


def test_large_runs_are_mapped_and_live_as_long_as_their_readers(path, monkeypatch):
    monkeypatch.setattr(store_module, "MAPPED_BYTES_MIN", 10_000)
    store = Store.open(path)
    spine = Spine.empty(PLAIN, store.seed).insert(numbers(0, 20_000))
    expected = rows_of(spine.contents())
    store.commit(Commit({1: spine}))
    mapped = store.mapped(spine)
    assert mapped.runs != spine.runs
    assert store.mapped(mapped).runs == mapped.runs
    heap = pa.total_allocated_bytes()
    old = mapped.contents()
    assert pa.total_allocated_bytes() - heap < 10_000
    assert store.resident_bytes() > 100_000
    store.trim()
    assert store.resident_bytes() == 0
    del mapped, spine
    for step in range(1, 20):  # much churn: freed pages are used again
        replaced = Spine.empty(PLAIN, store.seed).insert(numbers(step, 20_000 + step))
        store.commit(Commit({1: store.mapped(replaced)}))
    assert rows_of(old) == expected
    assert store.retained[0] == 1
    size = store.file_bytes
    del old
    gc.collect()
    store.commit(Commit())
    assert store.retained == (0, 0.0)
    for step in range(20):
        store.commit(Commit({1: Spine.empty(PLAIN, store.seed).insert(numbers(step, 20_000 + step))}))
    assert store.file_bytes <= size


def test_opening_reads_no_rows(path, monkeypatch):
    store = Store.open(path)
    store.commit(Commit({1: Spine.empty(PLAIN, store.seed).insert(numbers(0, 1000))}))
    store.close()
    store = Store.open(path)
    monkeypatch.setattr(store_module.encoding, "unpack_run", lambda *_: pytest.fail("rows were read"))
    spine = store.load_spine(1, PLAIN)
    assert spine.total() == 1000
    assert spine.len_upper_bound == 1000


def test_one_process_at_a_time(path):
    store = Store.open(path)
    with pytest.raises(ObjectInUse, match="already exists"):
        Store.open(path)
    code = f"from pgstream.storage.store import Store; Store.open({str(path)!r})"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "running in data directory" in child.stderr or "already exists" in child.stderr
    assert child.returncode != 0
    store.close()
    Store.open(path).close()


def test_another_format_is_refused(path):
    store = Store.open(path)
    with store._file.environment.begin(write=True) as transaction:
        transaction.put(b"\0format", b"99", db=store._file.meta)
    store.close()
    with pytest.raises(ObjectNotInPrerequisiteState, match="incompatible"):
        Store.open(path)


def test_a_full_disk_loses_nothing(path):
    store = Store.open(path, map_bytes=1 << 20)
    kept = Spine.empty(PLAIN, store.seed).insert(numbers(0, 100))
    store.commit(Commit({1: kept}, meta={b"k": b"old"}))
    with pytest.raises(DiskFull):
        store.commit(Commit({1: kept.insert(numbers(100, 50_000))}, meta={b"k": b"new"}))
    assert store.get(b"k") == b"old"
    assert rows_of(store.load_spine(1, PLAIN).contents()) == rows_of(kept.contents())
    store.commit(Commit({1: kept.insert(numbers(100, 200))}, meta={b"k": b"small"}))
    store.close()
    assert Store.open(path).load_spine(1, PLAIN).total() == 200


def test_rows_of_no_columns(path):
    spec = ArrangementSpec((), ())
    store = Store.open(path)
    store.commit(Commit({1: Spine.empty(spec, store.seed).insert(Delta((), np.array([3], np.int64)))}))
    store.close()
    assert Store.open(path).load_spine(1, spec).contents().weights.tolist() == [3]
