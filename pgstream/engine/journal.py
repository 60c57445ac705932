"""The journal: small ticks written down as what changed in tables, not as the state they lead to.

A commit of a few rows would otherwise write a run and a manifest for every arrangement that they touch, most of which
the next commits merge away. Instead it adds one entry to the journal, and once in a while a whole commit writes the
state and empties the journal. At open, what the journal holds is fed to the circuit again, as one tick at the time of
the last: what waits for the clock is then as it was.

Only ticks of tables are written so: whatever else has changed (a definition, how far a source was read, a watermark,
what a sink is owed) makes the next commit a whole one.

What remembers when something changed needs the ticks one by one, as they were: then each has an entry of its own.

An entry: the last tick and its time in ms (int64 each), then for each table its OID, the size of a record batch (int64
each) and the batch: one column of weights, then the table's.
"""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import pyarrow as pa

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import Source, Table
from pgstream.circuit.circuit import Circuit
from pgstream.circuit.operator import Clock, TickContext
from pgstream.delta import Delta, concat
from pgstream.engine.head import Head
from pgstream.engine.steps import Deltas, advance
from pgstream.errors import SqlError
from pgstream.kernels.arrow_views import words

INTERVAL_S = 1.0
"""How long a journal may grow before a whole commit empties it."""

BYTES_MAX = 4 << 20
"""How large a journal may be: opening a database reads all of it."""

ENTRY_BYTES_MAX = 1 << 18
"""From this size on, writing the state itself is the cheaper way."""

_PAIR = struct.Struct("<qq")


def entries(head: Head) -> list[tuple[int, bytes]]:
    """What tells of the ticks since the last commit, each part with the number of its last tick."""
    ticks = head.ticks or ()
    if not head.remembers_ticks:
        return [(head.tick, pack([deltas for _, deltas in ticks], head.tick, head.time_ms))]
    first = head.tick - len(ticks) + 1
    return [(first + i, pack([deltas], first + i, time_ms)) for i, (time_ms, deltas) in enumerate(ticks)]


def pack(ticks: Iterable[Deltas], last: int, time_ms: int) -> bytes:
    """The entry of `ticks`, of which the last is number `last` and was at `time_ms`."""
    parts = [_PAIR.pack(last, time_ms)]
    for oid, delta in merged(ticks).items():
        columns = [pa.array(delta.weights), *delta.columns]
        schema = _schema(tuple(column.type for column in columns))
        batch = pa.RecordBatch.from_arrays(columns, schema=schema).serialize()
        parts += _PAIR.pack(oid, batch.size), batch.to_pybytes()
    return b"".join(parts)


def unpack(entry: bytes, catalog: Catalog) -> tuple[int, int, Deltas]:
    """The number and time of the entry's last tick, and its changes."""
    buffer, at = pa.py_buffer(entry), _PAIR.size
    last, time_ms = _PAIR.unpack_from(entry)
    deltas = {}
    while at < len(entry):
        oid, size = _PAIR.unpack_from(entry, at)
        table = catalog.objects[oid]
        assert isinstance(table, Table | Source)
        schema = _schema((pa.int64(), *(column.type.storage for column in table.columns)))
        weights, *columns = pa.ipc.read_record_batch(buffer.slice(at + _PAIR.size, size), schema).columns
        deltas[oid] = Delta(tuple(columns), words(weights, "int64"))
        at += _PAIR.size + size
    return last, time_ms, deltas


def caught_up(
    circuit: Circuit,
    head: Head,
    entries: Sequence[tuple[bytes, bytes]],
    tick: TickContext,
    holds: Callable[[Head, Clock, SqlError], bool],
) -> Head:
    """`head` after what the journal's entries tell, which are given with their keys. `holds` back what fails by the
    passing of time, as it did when the ticks were."""
    if not entries:
        return head
    ticks = [unpack(entry, head.catalog) for _, entry in entries]
    if head.remembers_ticks:
        return _one_by_one(circuit, head, ticks, tick, holds)
    last, time_ms, _ = ticks[-1]
    tick = replace(tick, clock=Clock(time_ms * 1000))
    made = _advanced(circuit, head, merged(deltas for _, _, deltas in ticks), tick, holds)
    return replace(made, tick=last, time_ms=time_ms, ticks=())


def _one_by_one(
    circuit: Circuit,
    head: Head,
    ticks: Sequence[tuple[int, int, Deltas]],
    tick: TickContext,
    holds: Callable[[Head, Clock, SqlError], bool],
) -> Head:
    for number, time_ms, deltas in ticks:
        then = replace(tick, evaluation=replace(tick.evaluation, now_us=time_ms * 1000), clock=Clock(time_ms * 1000))
        head = replace(_advanced(circuit, head, deltas, then, holds), tick=number, time_ms=time_ms, ticks=())
    return head


def _advanced(
    circuit: Circuit, head: Head, deltas: Deltas, tick: TickContext, holds: Callable[[Head, Clock, SqlError], bool]
) -> Head:
    while True:
        try:
            return advance(circuit, head, deltas, tick)[0]
        except SqlError as error:
            clock = head.clock._replace(now_us=max(head.clock.now_us, tick.clock.now_us))
            if not holds(head, clock, error):
                raise


def merged(ticks: Iterable[Deltas]) -> Mapping[int, Delta]:
    """The changes of several ticks as those of one."""
    parts: dict[int, list[Delta]] = {}
    for deltas in ticks:
        for oid, delta in deltas.items():
            parts.setdefault(oid, []).append(delta)
    return {oid: concat(some) for oid, some in parts.items()}


@lru_cache(256)
def _schema(storages: tuple[pa.DataType, ...]) -> pa.Schema:
    return pa.schema([pa.field(str(i), storage) for i, storage in enumerate(storages)])
