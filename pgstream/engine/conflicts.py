"""Transactions that changed the same rows: the first to commit wins."""

import numpy as np

from pgstream.catalog.objects import Table
from pgstream.delta import Delta
from pgstream.engine.claiming import stored_weights
from pgstream.engine.constraints import check_unique
from pgstream.engine.head import Head
from pgstream.engine.steps import VIEW_SETTINGS
from pgstream.errors import SerializationFailure
from pgstream.storage.identity import Seed


def check_conflicts(head: Head, table: Table, delta: Delta, seed: Seed) -> None:
    """Raises SerializationFailure where a row to retract is gone, UniqueViolation where a key is taken."""
    gone = delta.filter(delta.weights < 0)
    if len(gone) and np.any(stored_weights(head, table, gone) + gone.weights < 0):
        raise SerializationFailure("could not serialize access due to concurrent update")
    check_unique(head, table, delta, seed, VIEW_SETTINGS)
