"""Rounds: prepared statements that are bound, executed and synchronised in one go.

`Round` says what the client sent. What is plain enough is answered here in one step (a point read) or two (an INSERT of
one row, which the engine runs between them), with the bytes that `Conversation` gives for the same messages one by one;
all else is left to it, errors above all.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from pgstream.engine import repeatable
from pgstream.engine.access import Seek
from pgstream.errors import SqlError
from pgstream.session.arrivals import Arrive
from pgstream.session.encode import fields, result_formats
from pgstream.session.prepared import Answer, Portal, Prepared
from pgstream.session.running import QUERY_TAG, kept_up
from pgstream.session.scalars import NOT_HERE, Read, Write, reader, writer
from pgstream.session.session import Session
from pgstream.session.transaction import State
from pgstream.wire import backend
from pgstream.wire.messages import Bind, Round

ROWS_MAX = 8
"""More rows than this are better encoded a column at a time."""

_SELECT_ONE = backend.command_complete("SELECT 1")
_INSERT_ONE = backend.command_complete("INSERT 0 1")

SHAPES_MAX = 16
"""A client that sends more of them for one statement is not in a hurry."""

_UNKNOWN: Any = object()

Shape = tuple[tuple[int, ...], tuple[int, ...], bool]
"""What rounds of one statement differ in beside their values: parameter formats, result formats, Describe."""


def taken_at_once(session: Session, round: Round, resume: Arrive) -> bool:
    """Answers `round`, or has the engine run it and call `resume`; False where its messages must be answered one by
    one."""
    bind, block = round.bind, session.block
    prepared = session.statements.get(bind.statement)
    if prepared is None or prepared.parsed is None or prepared.bound is None:
        return False
    if block.state not in (State.IDLE, State.OPEN):
        return False
    snapshot = block.reader().snapshot()
    if not kept_up(session, prepared, snapshot.catalog):
        return False
    way = _way(prepared, round, snapshot)
    if way is None:
        return False
    values = plain_values(way.reads, bind.values)
    if values is None:
        return False
    if isinstance(way, Insertion):
        return _begun(session, prepared, way, values, resume)
    answered = way.answer(snapshot.head, values, round.rows_max)
    if answered is None:
        return False
    payload, count = answered
    session.start_clock(prepared.parsed.whole)
    if block.state is State.IDLE:
        session.portals.clear()
        session.publish_notifications()
    else:
        ran = Answer(QUERY_TAG, prepared.columns, (), count, counted=True)
        session.portals[""] = Portal(prepared, (), bind.result_formats, ran, count)
    session.write(payload)
    session.ready_for_query()
    return True


def _begun(session: Session, prepared: Prepared, way: "Insertion", row: list[Any], resume: Arrive) -> bool:
    """Has the engine insert `row` as a transaction of its own; False where it is part of one, or has a time limit."""
    current = session.settings.current
    if session.block.state is not State.IDLE or current["transaction_read_only"] == "on":
        return False
    if current["statement_timeout"] != "0":
        return False
    assert prepared.parsed is not None
    session.start_clock(prepared.parsed.whole)
    session.write(way.head)
    workspace = session.block.workspace()
    context = session.context(workspace.snapshot())
    workspace.insert_row(prepared.parsed, prepared.bound, tuple(row), context, session.expect(resume))
    return True


def finish_insert(session: Session, error: BaseException | None, tell_failure: Callable[[Exception], None]) -> None:
    """Answers the round of an insert that is durable, or failed with `error`."""
    try:
        if isinstance(error, asyncio.CancelledError):
            session.check_interrupts()
        if error is not None:
            raise error
        session.write(_INSERT_ONE)
    except Exception as failure:
        tell_failure(failure)
    session.portals.clear()
    session.publish_notifications()
    session.ready_for_query()


def _way(prepared: Prepared, round: Round, snapshot: Any) -> "Lookup | Insertion | None":
    """How rounds of this shape are answered; None where they are not."""
    shape = (round.bind.parameter_formats, round.bind.result_formats, round.described)
    found: Lookup | Insertion | None = prepared.rounds.get(shape, _UNKNOWN)
    if found is _UNKNOWN:
        if len(prepared.rounds) >= SHAPES_MAX:
            prepared.rounds.clear()
        found = prepared.rounds[shape] = _found_way(prepared, round, snapshot)
    return found


def _found_way(prepared: Prepared, round: Round, snapshot: Any) -> "Lookup | Insertion | None":
    reads = _reads(prepared, round.bind)
    if reads is None:
        return None
    if repeatable(prepared.bound):
        return Insertion(reads, backend.BIND_COMPLETE + (backend.NO_DATA if round.described else b""))
    seek = snapshot.seek(prepared.bound)
    return None if seek is None else Lookup.of(prepared, round, seek, reads)


class Insertion(NamedTuple):
    """A prepared INSERT of one plain row as it comes in rounds of one shape. `head` are the messages before its tag."""

    reads: tuple[Read, ...]
    head: bytes


@dataclass(frozen=True, slots=True)
class Lookup:
    """A prepared point read as it is asked in rounds of one shape.

    `head` are the messages before the rows; `cells` tell where a column of the result is stored, how its plain value
    is taken from an Arrow scalar, and how that is written.
    """

    seek: Seek
    reads: tuple[Read, ...]
    head: bytes
    cells: tuple[tuple[int, Callable[[Any], Any], Write], ...]

    @staticmethod
    def of(prepared: Prepared, round: Round, seek: Seek, reads: tuple[Read, ...]) -> "Lookup | None":
        """None where a value goes the general way, or the message is wrong."""
        columns = prepared.columns or ()
        try:
            formats = result_formats(round.bind.result_formats, len(columns))
        except SqlError:
            return None
        cells = []
        for col, position, code in zip(columns, seek.picked, formats, strict=True):
            write = writer(col.type, code)
            if write is None:
                return None
            cells.append((position, _taken(col.type.storage), write))
        description = backend.row_description(fields(columns, formats)) if round.described else b""
        return Lookup(seek, reads, backend.BIND_COMPLETE + description, tuple(cells))

    def answer(self, head: Any, values: Sequence[Any], rows_max: int) -> tuple[bytes, int] | None:
        """All that is answered before ReadyForQuery, and the number of rows; None where the general way must."""
        found = self.seek.rows(head, values)
        if len(found) == 1 and found[0][2] == 1:
            run, row, _ = found[0]
            ending = backend.PORTAL_SUSPENDED if rows_max == 1 else _SELECT_ONE
            return self.head + self._row(run.rows.columns, row) + ending, 1
        count = sum(weight for _, _, weight in found)
        if count > ROWS_MAX or 0 < rows_max <= count:
            return None
        rows = b"".join(self._row(run.rows.columns, row) * weight for run, row, weight in found)
        return self.head + rows + backend.command_complete(f"SELECT {count}"), count

    def _row(self, columns: Sequence[pa.Array], row: int) -> bytes:
        cells = []
        for position, taken, write in self.cells:
            value = taken(columns[position][row])
            cells.append(backend.NULL if value is None else write(value))
        return backend.data_row(cells)


def _taken(storage: pa.DataType) -> Callable[[Any], Any]:
    """The plain value of a scalar."""
    return _number if pa.types.is_temporal(storage) else _object


def _number(scalar: Any) -> Any:
    return scalar.value


def _object(scalar: Any) -> Any:
    return scalar.as_py()


def _reads(prepared: Prepared, bind: Bind) -> tuple[Read, ...] | None:
    """How each value is read; None where one goes the general way, or the message is wrong."""
    types, codes = prepared.parameters, bind.parameter_formats
    if len(codes) not in (0, 1, len(types)) or any(code not in (0, 1) for code in codes):
        return None
    spelt = codes if len(codes) == len(types) else (codes or (0,)) * len(types)
    reads = [reader(type, code) for type, code in zip(types, spelt, strict=True)]
    found = tuple(read for read in reads if read is not None)
    return found if len(found) == len(types) else None


def plain_values(reads: Sequence[Read], values: Sequence[bytes | None]) -> list[Any] | None:
    """The values as their types' plain ones; None where one of them goes the general way."""
    if len(values) != len(reads):
        return None
    try:
        return [None if value is None else read(value) for read, value in zip(reads, values, strict=True)]
    except NOT_HERE:
        return None
