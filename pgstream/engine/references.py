"""Foreign keys: what a change of one table asks of others, and does to them.

Every foreign key keeps the rows that refer arranged by what they refer with, and the rows that are referred to are
arranged by their unique key. So what is looked at is what a change names, never a whole table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import ForeignKey, Table
from pgstream.delta import Column, Delta, concat
from pgstream.engine.constraints import check_unique, unique_keys
from pgstream.engine.head import Head
from pgstream.engine.row_rules import stored_rows
from pgstream.engine.steps import VIEW_SETTINGS
from pgstream.errors import ForeignKeyViolation, ObjectInUse, SqlError
from pgstream.functions.registry import EvalContext
from pgstream.plan.evaluate import evaluate
from pgstream.sql.bind.row_expressions import row_expression
from pgstream.storage.consolidate import consolidate
from pgstream.storage.identity import Hash, Seed, key_hash
from pgstream.types.definition import SqlType

Deltas = dict[int, Delta]


@dataclass(frozen=True, slots=True)
class Event:
    """Rows of a table that are deleted, or become `new` ones, row by row."""

    table_oid: int
    old: tuple[Column, ...]
    new: tuple[Column, ...] | None = None

    def __len__(self) -> int:
        return len(self.old[0]) if self.old else 0


def referring(catalog: Catalog, oid: int) -> list[ForeignKey]:
    """The foreign keys of a table."""
    return [part for part in catalog.belonging(oid) if isinstance(part, ForeignKey)]


def referred(catalog: Catalog, oid: int) -> list[ForeignKey]:
    """The foreign keys that refer to a table."""
    return [one for one in catalog.dependents(oid) if isinstance(one, ForeignKey)]


@dataclass(slots=True)
class Referring:
    """One statement's changes, and what foreign keys make of them. `deferring`: those that wait for COMMIT do."""

    head: Head
    seed: Seed
    context: EvalContext
    deferring: bool = False
    deltas: Deltas = field(default_factory=dict)

    @property
    def catalog(self) -> Catalog:
        return self.head.catalog

    def done(self, deltas: Mapping[int, Delta], events: Sequence[Event]) -> Deltas:
        """The changes with those that follow from them. Raises ForeignKeyViolation where one must not be."""
        self.deltas = {oid: delta for oid, delta in deltas.items() if len(delta)}
        if not any(referring(self.catalog, oid) or referred(self.catalog, oid) for oid in self.deltas):
            return self.deltas
        waiting = list(events)
        while waiting:
            event = waiting.pop(0)
            if len(event):
                for key in referred(self.catalog, event.table_oid):
                    waiting += self._followed(key, event)
        self.check()
        return self.deltas

    def check(self, whole: bool = False) -> None:
        """Raises ForeignKeyViolation where after the changes a row refers to nothing; with `whole` also for foreign
        keys that wait for COMMIT."""
        for oid, delta in self.deltas.items():
            for key in referring(self.catalog, oid):
                if whole or not (key.deferred and self.deferring):
                    self._check_rows(key, delta)
            for key in referred(self.catalog, oid):
                if whole or not (key.deferred and self.deferring):
                    self._check_gone(key, delta)

    # -- what follows

    def _followed(self, key: ForeignKey, event: Event) -> list[Event]:
        """What an event of the rows that a foreign key refers to makes of those that refer."""
        changed = np.ones(len(event), np.bool_) if event.new is None else _differs(event, key.target_columns)
        old = [column.filter(pa.array(changed)) for column in event.old]
        action = key.on_delete if event.new is None else key.on_update
        if not changed.any() or action == "a":
            return []
        queries, rows = self._those_with(key, old)
        if not len(rows):
            return []
        if action == "r":
            raise self._still(key, old, int(queries[0]))
        if action == "c" and event.new is None:
            self._add(key.relation_oid, rows.negate())
            return [Event(key.relation_oid, tuple(rows.columns))]
        new = None if event.new is None else [column.filter(pa.array(changed)) for column in event.new]
        return self._updated(key, rows, queries, new if action == "c" else None, action)

    def _updated(
        self, key: ForeignKey, rows: Delta, queries: NDArray[np.int64], new: Sequence[Column] | None, action: str
    ) -> list[Event]:
        """The rows that refer with other values: those that the row they refer to got, NULL, or defaults."""
        table = self._table(key.relation_oid)
        columns = list(rows.columns)
        for place, target in zip(key.columns, key.target_columns, strict=True):
            column = table.columns[place]
            if new is not None:
                columns[place] = _as(new[target].take(pa.array(queries)), column.type)
            elif key.set_columns and place not in key.set_columns:
                continue
            elif action == "n" or column.default is None:
                columns[place] = pa.nulls(len(rows), column.type.storage)
            else:
                expr = row_expression(self.catalog, (), column.default, column.type)
                columns[place] = evaluate(expr, {}, len(rows), self.context)
        try:
            made = stored_rows(self.catalog, table, columns, self.context)
        except SqlError as error:
            error.context = self._statement(key, table, action)
            raise
        self._add(table.oid, concat([rows.negate(), Delta.of(made)]))
        check_unique(self.head, table, self.deltas[table.oid], self.seed, self.context.settings)
        return [Event(table.oid, tuple(rows.columns), tuple(made))]

    def _statement(self, key: ForeignKey, table: Table, action: str) -> str:
        """What PostgreSQL would have run for an action."""
        names = [f'"{table.columns[place].name}"' for place in key.columns]
        chosen = [f'"{table.columns[place].name}"' for place in key.set_columns or key.columns]
        values = {"n": "NULL", "d": "DEFAULT"}
        first = 1 if action in values else len(names) + 1
        sets = ", ".join(f"{name} = {values.get(action, f'${i}')}" for i, name in enumerate(chosen, 1))
        tests = " AND ".join(f"${i} OPERATOR(pg_catalog.=) {name}" for i, name in enumerate(names, first))
        schema = self.catalog.schema_name(table.schema_oid)
        return f'SQL statement "UPDATE ONLY "{schema}"."{table.name}" SET {sets} WHERE {tests}"'

    def _those_with(self, key: ForeignKey, values: Sequence[Column]) -> tuple[NDArray[np.int64], Delta]:
        """The rows, one copy each, that refer to some of these rows, and to which of them."""
        table = self._table(key.relation_oid)
        asked = [_as(values[target], table.columns[place].type) for place, target in _pairs(key)]
        whole = _complete(asked)
        hashes = self._hashes([column.filter(pa.array(whole)) for column in asked], self._child_types(key))
        numbers = np.flatnonzero(whole)
        found: list[tuple[NDArray[np.int64], Delta]] = []
        spine = self.head.rows(key.oid)
        if spine is not None and len(numbers):
            matches = spine.probe(hashes, consolidate=True)
            found.append((numbers[matches.query], matches.delta))
        pending = self.deltas.get(table.oid)
        if pending is not None and len(pending) and len(numbers):
            found.append(self._pending_with(key, pending, hashes, numbers))
        return _netted(found, table)

    def _pending_with(
        self, key: ForeignKey, pending: Delta, hashes: Hash, numbers: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], Delta]:
        asked = dict(zip(zip(hashes.hi.tolist(), hashes.lo.tolist(), strict=True), numbers.tolist(), strict=True))
        columns = [pending.columns[place] for place in key.columns]
        whole = _complete(columns)
        own = self._hashes(columns, self._child_types(key))
        pairs = zip(own.hi.tolist(), own.lo.tolist(), whole.tolist(), strict=True)
        places = np.array([asked.get((hi, lo), -1) if there else -1 for hi, lo, there in pairs], np.int64)
        keep = places >= 0
        return places[keep], pending.filter(keep)

    def _add(self, oid: int, delta: Delta) -> None:
        before = self.deltas.get(oid)
        self.deltas[oid] = consolidate(delta if before is None else concat([before, delta]))

    # -- what must hold

    def _check_rows(self, key: ForeignKey, delta: Delta) -> None:
        """Rows that come must refer to one that is there."""
        rows = consolidate(delta)
        rows = rows.filter(rows.weights > 0)
        if not len(rows):
            return
        table, target = self._table(key.relation_oid), self._table(key.target_oid)
        columns = [rows.columns[place] for place in key.columns]
        whole = _complete(columns)
        if key.match == "f" and not whole.all():
            self._check_full(key, table, rows, whole)
        if not whole.any():
            return
        rows = rows.filter(whole)
        stored, order = self._target_key(key, target)
        pairs = dict(zip(key.target_columns, key.columns, strict=True))
        types = [target.columns[place].type for place in order]
        asked = [_as(rows.columns[pairs[place]], type) for place, type in zip(order, types, strict=True)]
        there = self._weights(target.oid, stored, order, types, asked)
        missing = np.flatnonzero((there <= 0) | ~_complete(asked))
        if len(missing):
            raise self._not_present(key, table, target, rows, int(missing[0]))

    def _check_full(self, key: ForeignKey, table: Table, rows: Delta, whole: NDArray[np.bool_]) -> None:
        some = np.zeros(len(rows), np.bool_)
        for place in key.columns:
            some |= np.asarray(rows.columns[place].is_valid().to_numpy(zero_copy_only=False), np.bool_)
        if (some & ~whole).any():
            raise self._violation(
                key,
                f'insert or update on table "{table.name}" violates foreign key constraint "{key.label}"',
                "MATCH FULL does not allow mixing of null and nonnull key values.",
            )

    def _check_gone(self, key: ForeignKey, delta: Delta) -> None:
        """Rows that go, and whose key no other has, must not be referred to."""
        net = consolidate(delta)
        gone = net.filter(net.weights < 0)
        if not len(gone):
            return
        table, target = self._table(key.relation_oid), self._table(key.target_oid)
        stored, order = self._target_key(key, target)
        types = [target.columns[place].type for place in order]
        left = self._weights(target.oid, stored, order, types, [gone.columns[place] for place in order])
        gone = gone.filter(left <= 0)
        if not len(gone):
            return
        asked = [_as(gone.columns[at], table.columns[place].type) for place, at in _pairs(key)]
        count = self._weights(table.oid, key.oid, key.columns, self._child_types(key), asked)
        still = np.flatnonzero((count > 0) & _complete(asked))
        if len(still):
            raise self._still(key, gone.columns, int(still[0]))

    def _weights(
        self, oid: int, stored: int, places: Sequence[int], types: Sequence[SqlType], asked: Sequence[Column]
    ) -> NDArray[np.int64]:
        """How many rows of a table have each of these keys after the changes; `stored` arranges them by it."""
        hashes = self._hashes(asked, types)
        spine = self.head.rows(stored)
        count = np.zeros(len(asked[0]), np.int64) if spine is None else np.array(spine.key_weights(hashes))
        pending = self.deltas.get(oid)
        if pending is not None and len(pending):
            own = self._hashes([pending.columns[place] for place in places], types)
            sums: dict[tuple[int, int], int] = {}
            for hi, lo, weight in zip(own.hi.tolist(), own.lo.tolist(), pending.weights.tolist(), strict=True):
                sums[hi, lo] = sums.get((hi, lo), 0) + weight
            wanted = zip(hashes.hi.tolist(), hashes.lo.tolist(), strict=True)
            count += np.array([sums.get(pair, 0) for pair in wanted], np.int64)
        return count

    def _target_key(self, key: ForeignKey, target: Table) -> tuple[int, tuple[int, ...]]:
        """Where the rows that are referred to are arranged by their key, and that key."""
        for one in unique_keys(self.catalog, target):
            if set(one.positions) == set(key.target_columns):
                return one.stored, one.positions
        raise AssertionError(f"{key.label} refers to no unique key")

    def _child_types(self, key: ForeignKey) -> list[SqlType]:
        table = self._table(key.relation_oid)
        return [table.columns[place].type for place in key.columns]

    def _hashes(self, columns: Sequence[Column], types: Sequence[SqlType]) -> Hash:
        return key_hash(list(columns), list(types), self.seed, len(columns[0]))

    def _table(self, oid: int) -> Table:
        table = self.catalog.objects[oid]
        assert isinstance(table, Table)
        return table

    # -- what is told

    def _still(self, key: ForeignKey, columns: Sequence[Column], row: int) -> ForeignKeyViolation:
        table, target = self._table(key.relation_oid), self._table(key.target_oid)
        shown = self._shown(target, key.target_columns, columns, row)
        return self._violation(
            key,
            f'update or delete on table "{target.name}" violates foreign key constraint "{key.label}"'
            f' on table "{table.name}"',
            f'Key {shown} is still referenced from table "{table.name}".',
        )

    def _not_present(self, key: ForeignKey, table: Table, target: Table, rows: Delta, row: int) -> ForeignKeyViolation:
        shown = self._shown(table, key.columns, rows.columns, row)
        return self._violation(
            key,
            f'insert or update on table "{table.name}" violates foreign key constraint "{key.label}"',
            f'Key {shown} is not present in table "{target.name}".',
        )

    def _shown(self, table: Table, places: Sequence[int], columns: Sequence[Column], row: int) -> str:
        names = ", ".join(table.columns[place].name for place in places)
        cells = [
            table.columns[place].type.definition.format(columns[place].slice(row, 1), self.context.settings)[0].as_py()
            for place in places
        ]
        return f"({names})=({', '.join(cells)})"

    def _violation(self, key: ForeignKey, message: str, detail: str) -> ForeignKeyViolation:
        table = self._table(key.relation_oid)
        return ForeignKeyViolation(
            message,
            detail=detail,
            schema=self.catalog.schema_name(table.schema_oid),
            table=table.name,
            constraint=key.label,
        )


def _pairs(key: ForeignKey) -> list[tuple[int, int]]:
    return list(zip(key.columns, key.target_columns, strict=True))


def _complete(columns: Sequence[Column]) -> NDArray[np.bool_]:
    """Which rows have no NULL."""
    whole = np.ones(len(columns[0]), np.bool_)
    for column in columns:
        whole &= np.asarray(column.is_valid().to_numpy(zero_copy_only=False), np.bool_)
    return whole


def _differs(event: Event, places: Sequence[int]) -> NDArray[np.bool_]:
    """Which rows of an event change some of these columns."""
    assert event.new is not None
    changed = np.zeros(len(event), np.bool_)
    for place in places:
        same = pc.fill_null(pc.equal(event.old[place], event.new[place]), False)
        changed |= ~np.asarray(same.to_numpy(zero_copy_only=False), np.bool_)
    return changed


def _as(column: Column, type: SqlType) -> Column:
    """Integers as those of another width, NULL where they do not fit; anything else as it is."""
    if column.type == type.storage or not pa.types.is_integer(column.type):
        return column
    bits = {"int2": 15, "int4": 31}.get(type.name, 63)
    fits = pc.and_(pc.greater_equal(column, -(2**bits)), pc.less_equal(column, 2**bits - 1))
    return pc.if_else(fits, column, pa.scalar(None, column.type)).cast(type.storage)


def _netted(found: list[tuple[NDArray[np.int64], Delta]], table: Table) -> tuple[NDArray[np.int64], Delta]:
    """The rows that are left of some that come and go, one copy each, with what they refer to."""
    if not found:
        return np.array([], np.int64), Delta.empty([column.type.storage for column in table.columns])
    numbers = np.concatenate([places for places, _ in found])
    whole = concat([delta for _, delta in found])
    numbered = consolidate(Delta((*whole.columns, pa.array(numbers)), whole.weights))
    copies = np.repeat(np.arange(len(numbered)), np.maximum(numbered.weights, 0))
    taken = numbered.take(copies)
    return taken.columns[-1].to_numpy(zero_copy_only=False), Delta.of(list(taken.columns[:-1]))


def check_there(head: Head, key: ForeignKey, seed: Seed, context: EvalContext) -> None:
    """Raises ForeignKeyViolation where rows that are there already refer to nothing."""
    spine = head.rows(key.relation_oid)
    if spine is not None:
        Referring(head, seed, context)._check_rows(key, spine.contents())


def check_committed(head: Head, deltas: Mapping[int, Delta], seed: Seed) -> None:
    """Raises ForeignKeyViolation where after a whole transaction, at `head`, a row refers to nothing."""
    one = Referring(head, seed, EvalContext(VIEW_SETTINGS, 0))
    for oid, delta in deltas.items():
        if oid not in head.catalog.objects:
            continue
        for key in referring(head.catalog, oid):
            one._check_rows(key, delta)
        for key in referred(head.catalog, oid):
            one._check_gone(key, delta)


def require_none_pending(catalog: Catalog, deltas: Mapping[int, Delta]) -> None:
    """Raises ObjectInUse where tables are to be altered of whose changes a foreign key is looked at by COMMIT."""
    for oid, delta in deltas.items():
        coming = (delta.weights > 0).any() and any(key.deferred for key in referring(catalog, oid))
        if coming or ((delta.weights < 0).any() and any(key.deferred for key in referred(catalog, oid))):
            name = catalog.objects[oid].name
            raise ObjectInUse(f'cannot ALTER TABLE "{name}" because it has pending trigger events')


def check_pending(head: Head, deltas: Mapping[int, Delta], seed: Seed) -> None:
    """Raises ForeignKeyViolation where these changes of `head`, which others may have changed, cannot be made."""
    there = {oid: delta for oid, delta in deltas.items() if oid in head.catalog.objects}
    Referring(head, seed, EvalContext(VIEW_SETTINGS, 0), deltas=there).check(whole=True)
