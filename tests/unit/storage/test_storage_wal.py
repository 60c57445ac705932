"""The write-ahead log: what is read back after every kind of end, and what a store makes of it."""

from errno import ENOSPC
from pathlib import Path

import pytest

from pgstream.storage import wal
from pgstream.storage.environment import LOG_NAME, DurableFile
from pgstream.storage.spine import Spine
from pgstream.storage.store import Commit, Store
from pgstream.storage.wal import WriteAheadLog
from tests.unit.storage.test_storage_store import PLAIN, numbers

KEY = b"k" * 16


class Memory:
    """A log's file in memory; writes fail from `size_max` bytes on, after a part of them."""

    def __init__(self, content: bytes = b"", size_max: int = 1 << 30) -> None:
        self.content = bytearray(content)
        self.size_max = size_max

    def read(self) -> bytes:
        return bytes(self.content)

    def write(self, at: int, part: bytes) -> None:
        self.content[at : at + len(part)] = part
        if len(self.content) > self.size_max:
            del self.content[self.size_max :]
            raise OSError(ENOSPC, "No space left on device")


def opened(file: Memory, generation: int = 3, key: bytes = KEY) -> tuple[WriteAheadLog, dict[bytes, bytes]]:
    log = WriteAheadLog(file, generation, key)
    return log, log.replayed()


def test_what_is_appended_is_read_back() -> None:
    file = Memory()
    log, found = opened(file)
    assert found == {}
    assert not log.begun
    assert log.append({b"a": b"1", b"b": b""})
    assert log.append({b"a": b"2", b"": b"x" * 3000})
    assert log.begun
    again, found = opened(file)
    assert found == {b"a": b"2", b"b": b"", b"": b"x" * 3000}
    assert again.append({b"c": b"3"})
    assert opened(file)[1] == {b"a": b"2", b"b": b"", b"": b"x" * 3000, b"c": b"3"}


def test_a_record_that_was_cut_short_ends_the_log() -> None:
    file = Memory()
    log, _ = opened(file)
    log.append({b"a": b"1"})
    before = bytes(file.content)
    first = len(before.rstrip(b"\0"))
    log.append({b"b": b"2" * 40})
    after = bytes(file.content)
    last = len(after.rstrip(b"\0"))
    for cut in range(first, last):
        torn = Memory(after[:cut] + before[cut:])
        log, found = opened(torn)
        assert found == {b"a": b"1"}
        log.append({b"c": b"3"})
        assert opened(torn)[1] == {b"a": b"1", b"c": b"3"}
    for at in range(first, last):
        flipped = bytearray(after)
        flipped[at] ^= 1
        assert opened(Memory(bytes(flipped)))[1] == {b"a": b"1"}


def test_records_of_other_generations_and_databases_are_none() -> None:
    file = Memory()
    log, _ = opened(file)
    log.append({b"a": b"1", b"b": b"2"})
    assert opened(file, generation=4)[1] == opened(file, key=b"o" * 16)[1] == {}
    log.restart()
    assert log.generation == 4
    assert not log.begun
    log.append({b"c": b"3"})
    assert opened(file)[1] == {}
    assert opened(file, generation=4)[1] == {b"c": b"3"}


def test_a_record_within_a_value_is_none() -> None:
    """A client that knew the format could store one; behind the end of a later generation it would be next."""
    theirs = Memory()
    WriteAheadLog(theirs, 4, b"guessed").append({b"evil": b"1"})
    file = Memory()
    log, _ = opened(file)
    log.append({b"a": bytes(theirs.content[:64]) * 50})
    log.restart()
    for size in range(64):
        log._end = 0
        log.append({b"c": b"3" * size})
        assert opened(file, generation=4)[1] == {b"c": b"3" * size}


def test_there_is_room_for_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wal, "BYTES_MAX", 1000)
    monkeypatch.setattr(wal, "GROWTH_BYTES", 300)
    file = Memory()
    log, _ = opened(file)
    assert not log.append({b"a": b"x" * 1000})
    assert log.append({b"a": b"x" * 500})
    assert len(file.content) == 600
    assert not log.append({b"b": b"y" * 500})
    assert log.append({b"b": b"y" * 100})
    assert {key: len(value) for key, value in opened(file)[1].items()} == {b"a": 500, b"b": 100}


def test_after_a_failure_it_is_not_used_until_the_next_generation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wal, "GROWTH_BYTES", 300)
    file = Memory(size_max=400)
    log, _ = opened(file)
    assert log.append({b"a": b"1"})
    assert not log.append({b"b": b"y" * 300})
    assert not log.append({b"c": b"3"})
    assert opened(file)[1] == {b"a": b"1"}
    log.restart()
    assert log.append({b"c": b"3"})
    assert opened(file, generation=4)[1] == {b"c": b"3"}


def test_a_store_keeps_what_is_only_in_the_log(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.commit(Commit(meta={b"a": b"0", b"b": b"1"}))
    size = (tmp_path / "data.mdb").stat().st_size
    for n in range(200):
        store.commit(Commit(meta={b"a": str(n).encode() * 50}))
    assert (tmp_path / "data.mdb").stat().st_size == size
    assert (tmp_path / LOG_NAME).stat().st_size == wal.GROWTH_BYTES
    expected = [(b"a", b"199" * 50), (b"b", b"1")]
    assert store.items() == expected
    store.close()
    store = Store.open(tmp_path)
    assert store.items() == expected
    assert store.items(b"b") == expected[1:]
    store.commit(Commit({1: Spine.empty(PLAIN, store.seed).insert(numbers(0, 10))}, meta={b"b": None}))
    assert store.items() == expected[:1]
    store.close()
    assert Store.open(tmp_path).items() == expected[:1]


def test_a_store_without_its_log_is_as_after_its_last_transaction(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.commit(Commit({1: Spine.empty(PLAIN, store.seed).insert(numbers(0, 10))}, meta={b"a": b"1"}))
    store.commit(Commit(meta={b"a": b"2"}))
    store.close()
    (tmp_path / LOG_NAME).unlink()
    assert Store.open(tmp_path).get(b"a") == b"1"


def test_a_durable_file_writes_all(tmp_path: Path) -> None:
    file = DurableFile(tmp_path / "file", sync=True)
    file.write(3, b"abc")
    file.write(1, b"x" * 3)
    assert file.read() == b"\0xxxbc"
