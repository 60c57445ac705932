"""Reading ahead gives the batches of reading, in order, and raises what the source raises."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pgstream.connectors import Limits
from pgstream.connectors.prefetch import Prefetch
from pgstream.errors import IoError
from tests.unit.connectors.sources import drain, fields_of, opened


def test_batches_come_in_order() -> None:
    source = opened(connector="nexmark", table="bid", message_count="5000")
    expected, _, _ = drain(source)
    with ThreadPoolExecutor(2) as pool:
        ahead = Prefetch(source, source.start(), frozenset(range(7)), pool, limits=Limits(rows=100))
        rows = []
        while not ahead.exhausted:
            batch = ahead.take(5.0)
            assert batch is not None
            rows += zip(*(column.to_pylist() for column in batch.rows.columns), strict=True)
        assert rows == expected
        assert ahead.take() is None
        ahead.close()


def test_failures_come_after_the_batches_before_them(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"v":1}\n')
    source = opened(fields_of(v="int8"), connector="filesystem", path=str(path), follow="true")
    with ThreadPoolExecutor(2) as pool:
        ahead = Prefetch(source, source.start(), frozenset((0,)), pool)
        batch = ahead.take(5.0)
        assert batch is not None
        assert batch.rows.count == 1
        path.write_bytes(b"")
        with pytest.raises(IoError):
            ahead.take(10.0)
        ahead.close()
