"""All events of the Nexmark benchmark in one table, as Arroyo has them: of each row one of the columns `person`,
`auction` and `bid` is a struct, and the others are NULL."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.formats.format import Field
from pgstream.types.composite import composite_column
from pgstream.types.definition import SqlType
from pgstream.types.described import struct_type

ORDER = {
    "person": ("id", "name", "email_address", "credit_card", "city", "state", "date_time", "extra"),
    "auction": (
        "id", "description", "item_name", "initial_bid", "reserve", "date_time", "expires", "seller", "category",
        "extra",
    ),
    "bid": ("auction", "bidder", "price", "channel", "url", "date_time", "extra"),
}  # fmt: skip
"""The fields of each kind of event, by the names they have in tables of their own."""

_NAMES = {"date_time": "datetime"}
"""Fields that Arroyo calls otherwise."""

Columns = Mapping[str, tuple[SqlType, Callable[..., Column]]]


def event_fields(tables: Mapping[str, Columns]) -> tuple[Field, ...]:
    """The columns of the table of all events."""
    return tuple(
        Field(kind, struct_type((_NAMES.get(name, name), tables[kind][name][0]) for name in names))
        for kind, names in ORDER.items()
    )


class Kind(NamedTuple):
    """One kind of event: what generates its table, and which of every `total` events, from `shift` on, are of it."""

    table: Any
    columns: Columns
    total: int
    share: int
    shift: int

    def rows_before(self, events: int) -> int:
        """How many of the first `events` events are of this kind."""
        return events // self.total * self.share + min(max(events % self.total - self.shift, 0), self.share)

    def events(self, first: int, count: int) -> NDArray[np.int64]:
        """The numbers of the events that rows of the kind's own table are."""
        rows = np.arange(first, first + count)
        return np.asarray(rows // self.share * self.total + self.shift + rows % self.share, np.int64)


def event_column(kind: Kind, field: Field, names: tuple[str, ...], first: int, count: int) -> Column:
    """The events `first` and on that are of the kind, NULL where another one stands."""
    low, high = kind.rows_before(first), kind.rows_before(first + count)
    if low == high:
        return pa.nulls(count, field.type.storage)
    made = [kind.columns[name][1](kind.table, low, high - low) for name in names]
    dense = composite_column(made, field.type.storage)
    places = np.full(count, -1, np.int64)
    places[kind.events(low, high - low) - first] = np.arange(high - low)
    return dense.take(pa.array(places, mask=places < 0))
