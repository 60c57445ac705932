"""What a table asks of its rows: NOT NULL and unique keys, with PostgreSQL's messages."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import Index, Table
from pgstream.delta import Column, Delta
from pgstream.engine.head import Head
from pgstream.errors import NotNullViolation, UniqueViolation
from pgstream.kernels.grouping import group_ids, group_sums
from pgstream.storage.identity import Hash, Seed, key_hash
from pgstream.storage.spine import Matches
from pgstream.types.definition import Settings


@dataclass(frozen=True, slots=True)
class UniqueKey:
    """Columns of which no two rows of a table agree: its primary key, or those of a unique index.

    `stored` is the OID under which the head keeps the rows arranged by them. NULLs agree with nothing.
    """

    name: str
    positions: tuple[int, ...]
    stored: int

    def hashes(self, table: Table, columns: Sequence[Column], count: int, seed: Seed) -> Hash:
        """The hash of each row's key; `columns` are all of the table's."""
        types = [table.columns[position].type for position in self.positions]
        return key_hash([columns[position] for position in self.positions], types, seed, count)

    def complete(self, columns: Sequence[Column], count: int) -> NDArray[np.bool_]:
        """Which rows have a key without NULLs."""
        whole = np.ones(count, bool)
        for position in self.positions:
            if columns[position].null_count:
                whole &= np.asarray(columns[position].is_valid().to_numpy(zero_copy_only=False))
        return whole

    def taken(self, head: Head, table: Table, columns: Sequence[Column], count: int, seed: Seed) -> Matches | None:
        """The stored rows that agree with some of these; None where there are none at all."""
        spine = head.rows(self.stored)
        if spine is None:
            return None
        rows = np.flatnonzero(self.complete(columns, count))
        found = spine.probe(self.hashes(table, columns, count, seed).take(rows), consolidate=True)
        return Matches(rows[found.query], found.delta)


def unique_keys(catalog: Catalog, table: Table) -> list[UniqueKey]:
    """All of a table's unique keys, the primary one first."""
    keys = []
    if table.primary_key is not None:
        keys.append(UniqueKey(table.primary_key.name, table.primary_key.columns, table.oid))
    for index in catalog.indexes(table.oid):
        if index.unique and not index.primary:
            keys.append(UniqueKey(index.name, tuple(column.position for column in index.columns), index.oid))
    return keys


def row_text(table: Table, columns: Sequence[Column], row: int, settings: Settings) -> str:
    """One row as error details show it: `1, null, x`."""
    shown = []
    for column, declared in zip(columns, table.columns, strict=True):
        text = declared.type.definition.format(column.slice(row, 1), settings)[0].as_py()
        shown.append("null" if text is None else text)
    return ", ".join(shown)


def check_not_null(catalog: Catalog, table: Table, columns: Sequence[Column], settings: Settings) -> None:
    """Raises NotNullViolation for the first NULL in a NOT NULL column."""
    for column, declared in zip(columns, table.columns, strict=True):
        if declared.not_null and column.null_count:
            row = int(np.flatnonzero(np.asarray(column.is_null()))[0])
            raise NotNullViolation(
                f'null value in column "{declared.name}" of relation "{table.name}" violates not-null constraint',
                detail=f"Failing row contains ({row_text(table, columns, row, settings)}).",
                schema=catalog.schema_name(table.schema_oid),
                table=table.name,
                column=declared.name,
            )


def check_unique(head: Head, table: Table, delta: Delta, seed: Seed, settings: Settings) -> None:
    """Raises UniqueViolation if after `delta` two rows had one unique key."""
    if not len(delta):
        return
    for key in unique_keys(head.catalog, table):
        whole = delta
        if any(delta.columns[position].null_count for position in key.positions):
            whole = delta.filter(key.complete(delta.columns, len(delta)))
        if not len(whole):
            continue
        hashes = key.hashes(table, whole.columns, len(whole), seed)
        ids, first = group_ids(hashes.hi, hashes.lo)
        weights = group_sums(whole.weights, ids, len(first))
        rows = head.rows(key.stored)
        if rows is not None:
            weights += rows.key_weights(hashes.take(first))
        twice = (weights > 1).nonzero()[0]
        if len(twice):
            raise _duplicate(head.catalog, table, key, whole.columns, int(first[twice].min()), settings)


def check_distinct(head: Head, table: Table, key: UniqueKey, settings: Settings) -> None:
    """Raises UniqueViolation if rows that are there already agree on a key that is to become unique."""
    spine = head.rows(table.oid)
    if spine is None:
        return
    rows = spine.contents()
    rows = rows.filter(key.complete(rows.columns, len(rows)))
    hashes = key.hashes(table, rows.columns, len(rows), spine.seed)
    ids, first = group_ids(hashes.hi, hashes.lo)
    twice = np.flatnonzero(group_sums(rows.weights, ids, len(first)) > 1)
    if len(twice):
        names, values = _key_text(table, key, rows.columns, int(first[twice].min()), settings)
        raise UniqueViolation(
            f'could not create unique index "{key.name}"',
            detail=f"Key ({names})=({values}) is duplicated.",
            schema=head.catalog.schema_name(table.schema_oid),
            table=table.name,
            constraint=key.name,
        )


def _key_text(table: Table, key: UniqueKey, columns: Sequence[Column], row: int, settings: Settings) -> tuple[str, str]:
    """The names and values of one row's key, as error details show them."""
    names = ", ".join(table.columns[position].name for position in key.positions)
    values = ", ".join(
        table.columns[position].type.definition.format(columns[position].slice(row, 1), settings)[0].as_py()
        for position in key.positions
    )
    return names, values


def _duplicate(
    catalog: Catalog, table: Table, key: UniqueKey, columns: Sequence[Column], row: int, settings: Settings
) -> UniqueViolation:
    """The error for `row`, whose key is there already."""
    names, values = _key_text(table, key, columns, row, settings)
    return UniqueViolation(
        f'duplicate key value violates unique constraint "{key.name}"',
        detail=f"Key ({names})=({values}) already exists.",
        schema=catalog.schema_name(table.schema_oid),
        table=table.name,
        constraint=key.name,
    )


def require_distinct(head: Head, index: Index) -> None:
    """Raises UniqueViolation where a table's rows forbid an index that is to be unique."""
    table = head.catalog.indexed(index)
    if index.unique and isinstance(table, Table):
        key = UniqueKey(index.name, tuple(column.position for column in index.columns), index.oid)
        check_distinct(head, table, key, {"timezone": "UTC"})
