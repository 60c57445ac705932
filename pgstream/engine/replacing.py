"""CREATE OR REPLACE of views: what reads them is planned anew and filled beside what is there, until all change over.

Nodes are interned, so whatever the new query has in common with the old one, or with any other, keeps its state and is
not filled again.
"""

from collections.abc import Sequence
from dataclasses import replace

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import CatalogObject, Index, MaterializedView, Subscription, View
from pgstream.circuit.circuit import Circuit, Node
from pgstream.engine.defining import Definer
from pgstream.engine.draft import Draft
from pgstream.engine.head import Head
from pgstream.engine.outcome import Outcome
from pgstream.engine.rebuilding import with_node
from pgstream.errors import DependentObjectsStillExist, InvalidObjectDefinition, ObjectInUse
from pgstream.sql.bind.statements import CreateMaterializedView, CreateView

Replacement = CreateMaterializedView | CreateView


def replaced(definer: Definer, head: Head, statement: Replacement, tag: str) -> Draft:
    """The draft of `head` with the view that `statement` replaces as it says. Raises where somebody follows the changes
    of what would be another relation from one moment to the next."""
    oid = statement.replaces
    assert oid is not None
    readers = reading(head.catalog, oid)
    if not statement.depends.isdisjoint({oid, *(reader.oid for reader in readers)}):
        raise InvalidObjectDefinition(f'infinite recursion detected in rules for relation "{statement.name}"')
    over = {oid: head.catalog.objects[oid], **{reader.oid: reader for reader in readers}}
    made = replace(head, catalog=head.catalog.put(_view(statement)))
    built, changed = [], set[Node]()
    for thing in (made.catalog.objects[oid], *readers):
        old = head.roots.stored.get(thing.oid) or head.roots.sent.get(thing.oid)
        made, new = with_node(definer, made, thing)
        if new is None or new is old:
            continue
        if not isinstance(thing, MaterializedView | Index):
            raise _followed(statement, thing)
        built.append(thing.oid)
        changed |= set() if old is None else {old}
    _check_unwatched(head, statement, changed)
    return Draft(made, Outcome(tag), tuple(built), over=over)


def _view(statement: Replacement) -> View | MaterializedView:
    oid, schema_oid, name = statement.replaces, statement.schema_oid, statement.name
    assert oid is not None
    columns, query, path, depends = statement.columns, statement.query, statement.search_path, statement.depends
    if isinstance(statement, CreateView):
        return View(oid, schema_oid, name, columns, query, path, depends)
    return MaterializedView(oid, schema_oid, name, columns, query, path, depends, None, statement.kept)


def _followed(statement: Replacement, thing: CatalogObject) -> DependentObjectsStillExist:
    kind = "subscription" if isinstance(thing, Subscription) else "sink"
    return DependentObjectsStillExist(
        f'cannot replace view "{statement.name}" because other objects depend on it',
        detail=f'{kind} "{thing.name}" has taken the changes of the view as it was.',
    )


def _check_unwatched(head: Head, statement: Replacement, changed: set[Node]) -> None:
    """Raises ObjectInUse where a client follows what would become another relation."""
    hidden = [node for oid, node in head.roots.stored.items() if oid not in head.catalog.objects]
    watched = [head.roots.stored[oid] for oid in head.watched if oid in head.roots.stored]
    if any(node in changed for node in watched) or not changed.isdisjoint(Circuit.ancestors(hidden)):
        raise ObjectInUse(f'cannot replace view "{statement.name}" because it is being used by active subscriptions')


def reading(catalog: Catalog, oid: int) -> Sequence[CatalogObject]:
    """Whatever is computed from the relation, in an order in which each comes after what it reads."""
    found: dict[int, CatalogObject] = {}
    waiting = [oid]
    while waiting:
        one = waiting.pop()
        for thing in (*catalog.dependents(one), *catalog.belonging(one)):
            if thing.oid not in found:
                found[thing.oid] = thing
                waiting.append(thing.oid)
    return sorted(found.values(), key=lambda thing: (isinstance(thing, Index | Subscription), thing.oid))
