"""How runs and manifests are written down."""

import json
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from pgstream.kernels.arrow_views import words
from pgstream.storage.identity import Hash
from pgstream.storage.layer import Layer
from pgstream.storage.run import NO_HASH, NO_WORDS, ArrangementSpec, Fences, Rows, Run
from pgstream.storage.spine import Merge, Spine

_RUN_FACTS = struct.Struct("<qq4Q")
_BATCH_SIZE = struct.Struct("<q")
_STREAM_END = 8
SCRATCH_BYTES_MIN, SCRATCH_BYTES_MAX = 1 << 18, 64 << 20


class Scratch:
    """Memory in which a run is laid out before it is written. It is used again, as fresh memory costs more to touch
    than rows to copy; what is larger than `SCRATCH_BYTES_MAX` is not kept."""

    def __init__(self) -> None:
        self._room = bytearray()

    def of(self, size: int) -> memoryview:
        """At least `size` bytes, until the next call."""
        if size > SCRATCH_BYTES_MAX:
            return memoryview(bytearray(size))
        if size > len(self._room):
            self._room = bytearray(min(2 * size, SCRATCH_BYTES_MAX))
        return memoryview(self._room)


def pack_run(spec: ArrangementSpec, run: Run, scratch: Scratch) -> bytes | memoryview:
    """A run as one Arrow IPC record batch (without schema: the spec implies it), and its directory behind it.

    The bytes are good until `scratch` is used again.
    """
    rows = run.rows
    arrays: list[pa.Array] = [pa.array(rows.key.hi), pa.array(rows.key.lo)]
    if spec.identified:
        arrays += [pa.array(rows.row.hi), pa.array(rows.row.lo)]
    if rows.order is not None:
        arrays += [pa.array(rows.prefix), rows.order]
    arrays += [pa.array(rows.weights), *rows.columns]
    batch = pa.RecordBatch.from_arrays(arrays, schema=_schema(spec))
    size = pa.ipc.get_record_batch_size(batch)
    assert size % 8 == 0, "IPC pads its buffers"
    directory = run.directory.view(np.uint8).data
    if size < SCRATCH_BYTES_MIN:
        return b"".join((_BATCH_SIZE.pack(size), memoryview(batch.serialize()), directory))
    start = _schema_bytes(spec)
    end = start + size + len(directory)
    room = scratch.of(end + _STREAM_END)
    sink = pa.FixedSizeBufferWriter(pa.py_buffer(room))
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
        assert sink.tell() == start + size, "a stream is its schema, then its batches"
    _BATCH_SIZE.pack_into(room, start - _BATCH_SIZE.size, size)
    room[start + size : end] = directory
    return room[start - _BATCH_SIZE.size : end]


def unpack_run(spec: ArrangementSpec, buffer: pa.Buffer) -> Rows:
    """The rows in `buffer`, without copying."""
    (size,) = _BATCH_SIZE.unpack(memoryview(buffer)[:8])
    columns = pa.ipc.read_record_batch(buffer.slice(8, size), _schema(spec)).columns
    key = Hash(words(columns[0]), words(columns[1]))
    row, at = key if spec.key_is_row else NO_HASH, 2
    if spec.identified:
        row, at = Hash(words(columns[2]), words(columns[3])), 4
    prefix, order = NO_WORDS, None
    if spec.order:
        prefix, order, at = words(columns[at]), columns[at + 1], at + 2
    directory = np.frombuffer(buffer.slice(8 + size), np.uint32)
    return Rows(key, row, order, prefix, words(columns[at], "int64"), tuple(columns[at + 1 :]), directory)


@lru_cache(256)
def _schema(spec: ArrangementSpec) -> pa.Schema:
    fields: list[pa.DataType] = [pa.uint64()] * (4 if spec.identified else 2)
    if spec.order:
        fields += [pa.uint64(), pa.binary()]
    fields += [pa.int64(), *spec.storages]
    return pa.schema([pa.field(str(i), storage) for i, storage in enumerate(fields)])


@lru_cache(256)
def _schema_bytes(spec: ArrangementSpec) -> int:
    """How long the schema is at the start of a stream."""
    return int(_schema(spec).serialize().size)


def pack_facts(run: Run) -> bytes:
    """What is known of a run before it is read."""
    return _RUN_FACTS.pack(run.count, run.nbytes, *run.fences)


def unpack_facts(packed: bytes) -> tuple[int, int, Fences]:
    """The count, bytes and fences of a run."""
    count, nbytes, *fences = _RUN_FACTS.unpack(packed)
    return count, nbytes, Fences(*fences)


def pack_manifest(spine: Spine, number: Callable[[Run], int]) -> bytes:
    """Which runs make a spine, and how far its merges are."""

    def layer(value: Layer) -> list[Any]:
        return [value.start, [number(run) for run in value.runs]]

    merges = [[[layer(one) for one in m.inputs], layer(m.output), m.credit] for m in spine.merges]
    facts = {
        "storages": _spelt(spine.spec),
        "weight": spine.weight,
        "settled": [layer(one) for one in spine.settled],
        "merges": merges,
    }
    return json.dumps(facts, separators=(",", ":")).encode()


@lru_cache(256)
def _spelt(spec: ArrangementSpec) -> list[str]:
    return [str(storage) for storage in spec.storages]


def manifest_runs(packed: bytes) -> list[int]:
    """The numbers of the runs that a manifest names."""
    facts = json.loads(packed)
    layers = [*facts["settled"]]
    for inputs, output, _ in facts["merges"]:
        layers += [*inputs, output]
    return [number for _, numbers in layers for number in numbers]


def unpack_manifest(packed: bytes, empty: Spine, run: Callable[[int], Run]) -> Spine:
    """The spine of a manifest; `empty` gives its spec, seed and pace."""
    facts = json.loads(packed)
    assert facts["storages"] == _spelt(empty.spec), facts["storages"]

    def layer(value: list[Any]) -> Layer:
        runs = tuple(run(number) for number in value[1])
        return Layer(runs, value[0], sum(one.count for one in runs) - value[0])

    merges = tuple(
        Merge(tuple(layer(one) for one in inputs), layer(output), credit) for inputs, output, credit in facts["merges"]
    )
    settled = tuple(layer(one) for one in facts["settled"])
    return Spine(empty.spec, empty.seed, settled, merges, facts["weight"], empty.pace)
