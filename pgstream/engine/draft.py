"""Drafts: what definitions make of a head, and the names that they give."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import CatalogObject, Feed, Sink
from pgstream.engine.head import Head
from pgstream.engine.outcome import Outcome
from pgstream.errors import DuplicateTable
from pgstream.plan.relations import Relation as Plan
from pgstream.sql.bind.modifying import Along


@dataclass(frozen=True, slots=True)
class Draft:
    """A head to be: `head` as it is now, with the new catalog and roots. `built` are the OIDs whose roots are new.

    What is made only to be watched has no object in the catalog; `watched` holds the OIDs of what it reads. `filled` is
    the plan whose rows the first of `built`, a table, gets in the tick in which it is made. `reshapes`: rows that
    were stored are others now, so that a transaction cannot repeat it elsewhere. `over` is what it replaces, and all
    that reads it, as it was.
    """

    head: Head
    outcome: Outcome
    built: tuple[int, ...] = ()
    watched: frozenset[int] | None = None
    dropped: frozenset[int] = frozenset()
    filled: Plan | None = None
    along: tuple[Along, ...] = ()
    """The WITH queries of that plan that change something."""
    reshapes: bool = False
    over: Mapping[int, CatalogObject] = field(default_factory=dict)

    def sinks(self) -> Iterator[Sink]:
        """The sinks that are new or newly fed: opening them tells of wrong options."""
        for oid in self.built:
            thing = self.head.catalog.objects.get(oid)
            if isinstance(thing, Feed):
                thing = self.head.catalog.objects[thing.sink_oid]
            if isinstance(thing, Sink):
                yield thing


def require_free(catalog: Catalog, schema_oid: int, name: str) -> None:
    """Raises DuplicateTable where the name is taken."""
    if (schema_oid, name) in catalog.names:
        raise DuplicateTable(f'relation "{name}" already exists')


def free_name(catalog: Catalog, schema_oid: int, wish: str) -> str:
    """`wish`, with the first number behind it that makes it free."""
    name, number = wish, 0
    while (schema_oid, name) in catalog.names:
        number += 1
        name = f"{wish}{number}"
    return name
