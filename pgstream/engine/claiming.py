"""Which rows a statement may change: each row that is stored once, however often its plan names it."""

import numpy as np
from numpy.typing import NDArray

from pgstream.catalog.objects import Table
from pgstream.delta import Delta, Weights
from pgstream.engine.head import Head
from pgstream.kernels.grouping import group_ids, group_sums
from pgstream.storage.identity import Hash, Seed, key_hash, row_hash


def stored_weights(head: Head, table: Table, rows: Delta) -> Weights:
    """How often each of `rows` is stored."""
    spine = head.rows(table.oid)
    if spine is None:
        return np.zeros(len(rows), np.int64)
    key = () if table.primary_key is None else table.primary_key.columns
    types = [table.columns[position].type for position in key]
    keys = key_hash([rows.columns[position] for position in key], types, spine.seed, len(rows))
    return spine.lookup_weights(keys, row_hash(rows.columns, spine.seed, len(rows)))


def claimed(head: Head, table: Table, rows: Delta, earlier: Delta | None = None) -> NDArray[np.bool_]:
    """Which of `rows`, those that a statement wants to change, it does: of equal ones as many as are stored, without
    those that the command retracted `earlier`."""
    spine = head.rows(table.oid)
    if spine is None or not len(rows):
        return np.zeros(len(rows), np.bool_)
    hashes = row_hash(rows.columns, spine.seed, len(rows))
    ids, first = group_ids(hashes.hi, hashes.lo)
    if earlier is None and len(first) == len(rows):
        return np.ones(len(rows), np.bool_)
    order = np.argsort(ids, kind="stable")
    starts = np.searchsorted(ids[order], np.arange(len(first)))
    turn = np.empty(len(rows), np.int64)
    turn[order] = np.arange(len(rows)) - starts[ids[order]]
    there = stored_weights(head, table, rows.take(first))
    if earlier is not None:
        there += _retracted(hashes.take(first), earlier, spine.seed)
    mine: NDArray[np.bool_] = turn < there[ids]
    return mine


def _retracted(rows: Hash, earlier: Delta, seed: Seed) -> Weights:
    """The sum of the negative weights that each of `rows` has in `earlier`."""
    gone = earlier.filter(earlier.weights < 0)
    hashes = row_hash(gone.columns, seed, len(gone))
    ids, first = group_ids(np.concatenate([rows.hi, hashes.hi]), np.concatenate([rows.lo, hashes.lo]))
    weights = np.concatenate([np.zeros(rows.rows, np.int64), gone.weights])
    sums: Weights = group_sums(weights, ids, len(first))[ids[: rows.rows]]
    return sums
