"""Changes as records: what a file can hold of a delta."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pgstream.connectors.sink import Changes
from pgstream.delta import Column, Delta, concat
from pgstream.errors import FeatureNotSupported
from pgstream.formats.format import Field
from pgstream.types.definition import SqlType

OPERATION, TICK = Field("pgstream_op", SqlType("text")), Field("pgstream_tick", SqlType("int8"))


REFUSED = "cannot write a retraction to a sink that takes rows only"


def copies(delta: Delta) -> Delta:
    """`delta` with every row as often as its weight says, each with weight 1 or -1."""
    counts = np.abs(delta.weights)
    if (counts == 1).all():
        return delta
    rows = np.repeat(np.arange(len(delta), dtype=np.int64), counts)
    spread = delta.take(rows)
    return Delta(spread.columns, np.sign(spread.weights))


def inserted(changes: Changes) -> tuple[Sequence[Column], int]:
    """The rows that `changes` insert, tick after tick. Raises FeatureNotSupported where one is retracted."""
    parts = [copies(delta) for _, delta in changes.ticks if len(delta)]
    if not parts:
        return (), 0
    whole = concat(parts)
    if (whole.weights < 0).any():
        raise FeatureNotSupported(REFUSED)
    return whole.columns, len(whole)


def logged(changes: Changes) -> tuple[Sequence[Column], int]:
    """The rows of `changes` with insert or delete, and the tick, before the columns; deletes of a tick come first."""
    parts = []
    for tick, delta in changes.ticks:
        if len(delta) == 0:
            continue
        single = copies(delta)
        ordered = single.take(np.argsort(single.weights, kind="stable").astype(np.int64))
        operations = pa.array(["delete", "insert"]).take(pa.array((ordered.weights > 0).astype(np.int32)))
        ticks = pa.array(np.full(len(ordered), tick, np.int64))
        parts.append(Delta((operations, ticks, *ordered.columns), ordered.weights))
    if not parts:
        return (), 0
    whole = concat(parts)
    return whole.columns, len(whole)
