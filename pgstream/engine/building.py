"""Definitions that are being built: views, indexes and feeds whose backfill goes on while the head moves."""

from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from pgstream.catalog.objects import CatalogObject, Feed, Index, Schema
from pgstream.engine.backfill import Backfill
from pgstream.engine.constraints import require_distinct
from pgstream.engine.draft import Draft
from pgstream.engine.head import Head
from pgstream.engine.outcome import Outcome
from pgstream.engine.watching import Watch
from pgstream.errors import DuplicateTable, SerializationFailure, UndefinedTable


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

    def joined(self, head: Head) -> Head:
        """`head` with what was made in its catalog and roots. Raises SqlError where it no longer fits."""
        made, catalog, roots = self.draft.head, head.catalog, head.roots
        self._check_unaltered(head)
        for thing in self.made:
            if any(oid not in catalog.objects for oid in needs(thing)):
                raise UndefinedTable(f"a relation that {thing.name} reads was dropped meanwhile")
            place = None if isinstance(thing, Schema) else (thing.schema_oid, thing.name)
            if place is not None and catalog.names.get(place, thing.oid) != thing.oid:
                raise DuplicateTable(f'relation "{thing.name}" already exists')
            catalog = catalog.put(thing)
            if isinstance(thing, Index):
                require_distinct(replace(head, catalog=catalog), thing)
        for oid in self.draft.built:
            if oid in made.roots.stored:
                roots = roots.store(oid, made.roots.stored[oid])
            else:
                roots = roots.send(oid, made.roots.sent[oid])
        return replace(head, catalog=catalog, roots=roots)

    def _check_unaltered(self, head: Head) -> None:
        """Raises SerializationFailure where what is replaced, or who reads it, is not as it was."""
        over, catalog = self.draft.over, head.catalog
        now = {reader.oid for oid in over for reader in (*catalog.dependents(oid), *catalog.belonging(oid))}
        if any(catalog.objects.get(oid) != thing for oid, thing in over.items()) or not now <= over.keys():
            raise SerializationFailure("could not serialize access due to concurrent update of the catalog")


def needs(thing: CatalogObject) -> set[int]:
    """What must be there for `thing` to be: what it reads, and where it belongs."""
    if isinstance(thing, Schema):
        return set()
    return {*thing.depends, thing.schema_oid, *((thing.sink_oid,) if isinstance(thing, Feed) else ())}
