"""Changes as clients are told them: the rows of one tick in the shape that a subscription asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pgstream.delta import Column, Delta
from pgstream.sql.bind.statements import ChangeShape
from pgstream.storage.consolidate import ANY_SEED, consolidate, group
from pgstream.storage.identity import key_hash
from pgstream.storage.order import OrderColumn, order_keys
from pgstream.types.definition import SqlType

INT8 = SqlType("int8")


@dataclass(slots=True)
class Piece:
    """Rows of a subscription. `key` names them among all that are told of one relation; None where nobody else is told
    the same."""

    rows: tuple[Column, ...]
    count: int
    key: Any = None

    def cut(self, count: int) -> "tuple[Piece, Piece]":
        """The first `count` rows, and the rest."""
        count = min(count, self.count)
        first = Piece(tuple(column.slice(0, count) for column in self.rows), count)
        rest = Piece(tuple(column.slice(count) for column in self.rows), self.count - count)
        return first, rest


@dataclass(frozen=True, slots=True)
class Teller:
    """What makes pieces of changes: the types of the relation's columns, and the shape they are told in."""

    types: tuple[SqlType, ...]
    shape: ChangeShape
    _told: Callable[["Teller", Delta], tuple[Column, ...]] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_told", _SHAPES[self.shape.envelope])

    def piece(self, delta: Delta, time_ms: int, key: Any = None, stock: bool = False) -> Piece | None:
        """What changed in one tick; None where it comes to nothing. `key` is the piece's; `stock`: it is what was there
        before all changes."""
        delta = consolidate(Delta(tuple(delta.columns), delta.weights))
        if not len(delta):
            return None
        rows = self._told(self, delta)
        count = len(rows[0])
        if self.shape.envelope == "ops":
            when = pa.nulls(count, pa.int64()) if stock else pa.array(np.full(count, time_ms))
            return Piece((*rows, when), count, key)
        first = [pa.repeat(pa.scalar(str(time_ms)), count)]
        if self.shape.progress:
            first.append(pa.repeat(pa.scalar(False), count))
        return Piece((*first, *rows), count, key)

    def progress(self, time_ms: int) -> Piece:
        """The row which tells that nothing earlier than `time_ms` will follow."""
        told = Delta.empty([type.storage for type in self.types])
        rows = tuple(pa.nulls(1, column.type) for column in self._told(self, told))
        return Piece((pa.array([str(time_ms)]), pa.array([True]), *rows), 1)


def _diffs(teller: Teller, delta: Delta) -> tuple[Column, ...]:
    """`mz_diff` and the columns: retractions first, unless an order was asked for."""
    weights = pa.array(delta.weights)
    if teller.shape.order:
        indices = _sorted((weights, *delta.columns), (INT8, *teller.types), teller.shape.order)
    else:
        indices = np.argsort(delta.weights > 0, kind="stable")
    picks = pa.array(indices)
    return (weights.take(picks), *(column.take(picks) for column in delta.columns))


def _sorted(columns: Sequence[Column], types: Sequence[SqlType], order: Sequence[OrderColumn]) -> NDArray[np.int64]:
    indices: NDArray[np.int64] = pc.array_sort_indices(order_keys(columns, types, order)).to_numpy().astype(np.int64)
    return indices


@dataclass(frozen=True, slots=True)
class _Keys:
    """The keys that one tick touched, in order: the row that each had and has (-1: none), and which have several.

    `number` is the key of each row by its first appearance, `order` lists those numbers in the keys' order.
    """

    number: NDArray[np.int64]
    order: NDArray[np.int64]
    sample: NDArray[np.int64]
    old: NDArray[np.int64]
    new: NDArray[np.int64]
    violated: NDArray[np.bool_]


def _keys(teller: Teller, delta: Delta) -> _Keys:
    columns = [delta.columns[position] for position in teller.shape.key]
    types = [teller.types[position] for position in teller.shape.key]
    groups = group(key_hash(columns, types, ANY_SEED, len(delta)))
    count, number, weights = len(groups.first), groups.number, delta.weights
    old, new = np.full(count, -1), np.full(count, -1)
    olds, news = np.flatnonzero(weights < 0), np.flatnonzero(weights > 0)
    old[number[olds]], new[number[news]] = olds, news
    violated = np.zeros(count, np.bool_)
    for rows in (olds, news):
        violated |= np.bincount(number[rows], weights=np.abs(weights[rows]), minlength=count) > 1
    order = np.arange(count)
    if count > 1 and all(type.definition.order_key is not None for type in types):
        first = [column.take(pa.array(groups.first)) for column in columns]
        order = _sorted(first, types, [OrderColumn(position) for position in range(len(types))])
    return _Keys(number, order, groups.first[order], old[order], new[order], violated[order])


def _picked(delta: Delta, positions: Sequence[int], rows: NDArray[np.int64], gone: NDArray[np.bool_]) -> list[Column]:
    """Columns at `rows`; NULL where there is no row, or where `gone`."""
    picks = pa.array(rows, mask=(rows < 0) | gone)
    return [delta.columns[position].take(picks) for position in positions]


def _values(teller: Teller) -> list[int]:
    return [position for position in range(len(teller.types)) if position not in teller.shape.key]


def _states(keys: _Keys, inserted: str) -> Column:
    state = np.where(keys.new < 0, "delete", np.where(keys.old < 0, inserted, "upsert"))
    return pa.array(np.where(keys.violated, "key_violation", state).tolist(), pa.string())


def _upsert(teller: Teller, delta: Delta) -> tuple[Column, ...]:
    """`mz_state`, the key's columns, and the others as they are now."""
    keys = _keys(teller, delta)
    named = _picked(delta, teller.shape.key, keys.sample, np.zeros(len(keys.sample), np.bool_))
    return (_states(keys, "upsert"), *named, *_picked(delta, _values(teller), keys.new, keys.violated))


def _debezium(teller: Teller, delta: Delta) -> tuple[Column, ...]:
    """`mz_state`, the key's columns, and the others as they were and as they are."""
    keys = _keys(teller, delta)
    named = _picked(delta, teller.shape.key, keys.sample, np.zeros(len(keys.sample), np.bool_))
    before, after = (_picked(delta, _values(teller), rows, keys.violated) for rows in (keys.old, keys.new))
    return (_states(keys, "insert"), *named, *before, *after)


def _ops(teller: Teller, delta: Delta) -> tuple[Column, ...]:
    """The columns and RisingWave's `op`, each copy of a row by itself; the two halves of an update are neighbours."""
    inserted = delta.weights > 0
    op = np.where(inserted, "Insert", "Delete")
    order = np.argsort(inserted, kind="stable")
    if teller.shape.key and len(delta):
        keys = _keys(teller, delta)
        place = np.empty(len(keys.sample), np.int64)
        place[keys.order] = np.arange(len(place))
        updated = ((keys.old >= 0) & (keys.new >= 0) & ~keys.violated)[place[keys.number]]
        op = np.where(updated, np.where(inserted, "UpdateInsert", "UpdateDelete"), op)
        order = np.lexsort((inserted, place[keys.number]))
    picks = pa.array(np.repeat(order, np.abs(delta.weights[order])))
    return (*(column.take(picks) for column in delta.columns), pa.array(op.tolist(), pa.string()).take(picks))


_SHAPES: dict[str, Callable[[Teller, Delta], tuple[Column, ...]]] = {
    "diffs": _diffs,
    "upsert": _upsert,
    "debezium": _debezium,
    "ops": _ops,
}
