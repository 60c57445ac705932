"""Runs are packed in memory that is used again, and unpacked the same."""

import pyarrow as pa
import pytest

from pgstream.delta import Delta
from pgstream.storage import encoding
from pgstream.storage.order import OrderColumn
from pgstream.storage.run import ArrangementSpec, build_run
from pgstream.types import INT8, TEXT

SEED = (1, 2)
SPECS = [
    ArrangementSpec((INT8, TEXT), (0,)),
    ArrangementSpec((INT8, TEXT), (0, 1)),
    ArrangementSpec((INT8, TEXT), (), (OrderColumn(1),)),
    ArrangementSpec((INT8, TEXT), (1,), growing=True),
]


@pytest.mark.parametrize("spec", SPECS)
def test_what_was_packed_before_leaves_no_trace(spec: ArrangementSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "SCRATCH_BYTES_MIN", 1_000)
    monkeypatch.setattr(encoding, "SCRATCH_BYTES_MAX", 20_000)
    scratch = encoding.Scratch()
    for count in (100, 1, 500, 3, 60):
        texts = [None if i % 7 == 0 else "x" * (i % 9) for i in range(count)]
        run = build_run(Delta.of([pa.array(range(count)), pa.array(texts, pa.string())]), spec, SEED)
        assert run is not None
        for part in (run, run.slice(count // 3, count - count // 2)):
            packed = bytes(encoding.pack_run(spec, part, scratch))
            assert packed == bytes(encoding.pack_run(spec, part, encoding.Scratch()))
            rows = encoding.unpack_run(spec, pa.py_buffer(packed))
            assert all(a.equals(b) for a, b in zip(rows.columns, part.rows.columns, strict=True))
            for now, was in ((rows.key.hi, part.rows.key.hi), (rows.weights, part.rows.weights)):
                assert now.tolist() == was.tolist()
            assert rows.directory is not None
            assert rows.directory.tolist() == part.directory.tolist()
