"""Transactions that changed the same rows: the first to commit wins."""

import numpy as np

from pgstream.catalog.objects import Table
from pgstream.delta import Delta
from pgstream.engine.constraints import check_unique
from pgstream.engine.head import Head
from pgstream.engine.steps import VIEW_SETTINGS
from pgstream.errors import SerializationFailure
from pgstream.storage.identity import Seed, key_hash, row_hash


def check_conflicts(head: Head, table: Table, delta: Delta, seed: Seed) -> None:
    """Raises SerializationFailure where a row to retract is gone, UniqueViolation where a key is taken."""
    gone = delta.filter(delta.weights < 0)
    spine = head.rows(table.oid)
    if len(gone):
        missing = spine is None
        if spine is not None:
            key = () if table.primary_key is None else table.primary_key.columns
            keys = key_hash([gone.columns[p] for p in key], [table.columns[p].type for p in key], spine.seed, len(gone))
            there = spine.lookup_weights(keys, row_hash(gone.columns, spine.seed, len(gone)))
            missing = bool(np.any(there + gone.weights < 0))
        if missing:
            raise SerializationFailure("could not serialize access due to concurrent update")
    check_unique(head, table, delta, seed, VIEW_SETTINGS)
