"""Definitions that are being built: views, indexes and feeds whose backfill goes on while the head moves."""

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from pgstream.catalog.objects import CatalogObject, Feed, Schema
from pgstream.engine.backfill import Backfill
from pgstream.engine.defining import Draft
from pgstream.engine.outcome import Outcome
from pgstream.engine.watching import Watch


@dataclass(slots=True)
class Building:
    """A definition whose backfill goes on: what to install, and who waits for it."""

    draft: Draft
    made: list[CatalogObject]
    backfill: Backfill
    waiting: "Future[Any] | None"
    outcome: Outcome | Watch
    started: float
    told: float = field(default=0.0)


def needs(thing: CatalogObject) -> set[int]:
    """What must be there for `thing` to be: what it reads, and where it belongs."""
    if isinstance(thing, Schema):
        return set()
    return {*thing.depends, thing.schema_oid, *((thing.sink_oid,) if isinstance(thing, Feed) else ())}
