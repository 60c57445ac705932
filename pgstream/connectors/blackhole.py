"""The blackhole: a sink that counts what it is given and keeps none of it."""

import json
from dataclasses import dataclass

from pgstream.connectors.connector import Connector, Opening, declare
from pgstream.connectors.sink import Changes, Cursor


@dataclass(frozen=True, kw_only=True)
class BlackholeOptions:
    """The blackhole has no options."""


class Blackhole:
    """`inserted` and `deleted` are the copies of rows that published commits have brought."""

    append_only = False

    def __init__(self, cursor: Cursor | None) -> None:
        counts = {"inserted": 0, "deleted": 0} if cursor is None else json.loads(cursor)
        self.inserted: int = counts["inserted"]
        self.deleted: int = counts["deleted"]

    def prepare(self, changes: Changes) -> Cursor:
        inserted, deleted = self.inserted, self.deleted
        for _, delta in changes.ticks:
            total, magnitude = int(delta.weights.sum()), int(abs(delta.weights).sum())
            inserted += (magnitude + total) // 2
            deleted += (magnitude - total) // 2
        return json.dumps({"inserted": inserted, "deleted": deleted}).encode()

    def publish(self, cursor: Cursor) -> None:
        counts = json.loads(cursor)
        self.inserted, self.deleted = counts["inserted"], counts["deleted"]

    def close(self) -> None:
        """Nothing is held."""


def open_sink(options: BlackholeOptions, opening: Opening, cursor: Cursor | None) -> Blackhole:
    """A blackhole that goes on counting from `cursor`."""
    return Blackhole(cursor)


BLACKHOLE = declare(
    Connector(name="blackhole", doc="Discards what it is given.", options=BlackholeOptions, sink=open_sink)
)
