"""What a table asks of its rows: NOT NULL and the primary key, with PostgreSQL's messages."""

from collections.abc import Sequence

import numpy as np

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import Table
from pgstream.delta import Column, Delta
from pgstream.engine.head import Head
from pgstream.errors import NotNullViolation, UniqueViolation
from pgstream.kernels.grouping import group_ids, group_sums
from pgstream.storage.identity import Hash, Seed, key_hash
from pgstream.types.definition import Settings


def primary_key_hash(table: Table, columns: Sequence[Column], count: int, seed: Seed) -> Hash:
    """The hash of each row's primary key; `columns` are all of the table's."""
    assert table.primary_key is not None
    positions = table.primary_key.columns
    return key_hash([columns[p] for p in positions], [table.columns[p].type for p in positions], seed, count)


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
    """Raises UniqueViolation if after `delta` two rows had one primary key."""
    if table.primary_key is None or not len(delta):
        return
    keys = primary_key_hash(table, delta.columns, len(delta), seed)
    ids, first = group_ids(keys.hi, keys.lo)
    weights = group_sums(delta.weights, ids, len(first))
    rows = head.rows(table.oid)
    if rows is not None:
        weights = weights + rows.key_weights(keys.take(first))
    twice = np.flatnonzero(weights > 1)
    if len(twice):
        raise duplicate_key(head.catalog, table, delta.columns, int(first[twice].min()), settings)


def duplicate_key(
    catalog: Catalog, table: Table, columns: Sequence[Column], row: int, settings: Settings
) -> UniqueViolation:
    """The error for `row`, whose key is there already."""
    assert table.primary_key is not None
    positions = table.primary_key.columns
    names = ", ".join(table.columns[p].name for p in positions)
    values = ", ".join(
        table.columns[p].type.definition.format(columns[p].slice(row, 1), settings)[0].as_py() for p in positions
    )
    return UniqueViolation(
        f'duplicate key value violates unique constraint "{table.primary_key.name}"',
        detail=f"Key ({names})=({values}) already exists.",
        schema=catalog.schema_name(table.schema_oid),
        table=table.name,
        constraint=table.primary_key.name,
    )
