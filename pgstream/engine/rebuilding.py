"""A database's circuit, built again from its catalog at open.

Node identities derive from the structure of plans alone, so lowering the same queries finds the arrangements that the
store holds. Where this version of pgstream plans a query otherwise than the one that stored it, the identity differs,
and the view is backfilled anew.
"""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from pgstream.catalog.objects import (
    CatalogObject,
    Feed,
    ForeignKey,
    Index,
    MaterializedView,
    Sink,
    Source,
    Subscription,
    Table,
)
from pgstream.circuit.circuit import Node
from pgstream.engine.defining import Definer
from pgstream.engine.draft import Draft
from pgstream.engine.head import Head
from pgstream.engine.outcome import Outcome
from pgstream.engine.referring_keys import reference_node
from pgstream.engine.retaining import changelog_node
from pgstream.errors import DependentObjectsStillExist, ObjectNotInPrerequisiteState
from pgstream.plan.relations import Relation
from pgstream.plan.terms import Terms
from pgstream.sql.bind import BindScope, bind
from pgstream.sql.bind import statements as bound_statements
from pgstream.sql.bind.alter_retention import AlterRetention
from pgstream.sql.bind.alter_watermark import AlterWatermark
from pgstream.sql.bind.statements import Query
from pgstream.sql.bind.view_options import with_options
from pgstream.sql.parse import parse


@contextmanager
def without_collections() -> Iterator[None]:
    """Leaves the garbage collector out of work that makes much and drops nothing in cycles."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def rebuilt(definer: Definer, head: Head, identities: Mapping[int, bytes]) -> tuple[Head, set[int]]:
    """`head` with the roots of everything in its catalog, and the OIDs whose state in the store is of other plans."""
    with without_collections():
        return _rebuilt(definer, head, identities)


def _rebuilt(definer: Definer, head: Head, identities: Mapping[int, bytes]) -> tuple[Head, set[int]]:
    stale: set[int] = set()
    for thing in head.catalog.in_order():
        oid = thing.oid
        head, node = with_node(definer, head, thing)
        if node is None:
            continue
        if identities.get(oid) != node.identity:
            if isinstance(thing, Table):
                raise ObjectNotInPrerequisiteState(
                    "database files are incompatible with server",
                    detail=f'Table "{thing.name}" is not stored as this version of pgstream stores it.',
                )
            stale.add(oid)
    return head, stale


def with_node(definer: Definer, head: Head, thing: CatalogObject) -> tuple[Head, Node | None]:
    """`head` with the root of `thing`, which is in its catalog, and that root; None where it has none."""
    if isinstance(thing, MaterializedView):
        plan, terms = _plan(head, thing.query, thing.search_path)
        node, key = definer.view_node(head, plan, thing.oid, with_options(terms, thing.kept))
        if key != thing.unique_key:
            head = replace(head, catalog=head.catalog.put(replace(thing, unique_key=key)))
        return replace(head, roots=head.roots.store(thing.oid, node)), node
    found = _node(definer, head, thing)
    if found is None:
        return head, None
    if isinstance(thing, Sink | Feed):
        return replace(head, roots=head.roots.send(thing.oid, found)), found
    return replace(head, roots=head.roots.store(thing.oid, found)), found


def forgotten(head: Head, stale: set[int]) -> Head:
    """`head`, in which the subscriptions among `stale` begin anew: what they remembered is gone."""
    catalog = head.catalog
    for thing in [catalog.objects[oid] for oid in sorted(stale)]:
        if isinstance(thing, Subscription):
            catalog = catalog.put(replace(thing, since_ms=head.time_ms))
    return replace(head, catalog=catalog)


def _node(definer: Definer, head: Head, thing: object) -> Node | None:
    """The node that keeps, or sends, what `thing` declares."""
    match thing:
        case Table():
            return definer.table_node(thing)
        case Index(primary=True):
            return None
        case Index():
            return definer.index_node(head.roots, thing)
        case ForeignKey():
            return reference_node(definer.circuit, head.roots, thing)
        case Subscription():
            return changelog_node(definer.circuit, head.roots, thing)
        case Sink(query=query) if query:
            plan, terms = _plan(head, query, thing.search_path)
            return definer.sent_node(head, plan, thing.oid, terms)
        case Feed():
            plan, terms = _plan(head, thing.query, thing.search_path)
            return definer.sent_node(head, plan, thing.oid, terms)
    return None


def _plan(head: Head, query: str, search_path: tuple[str, ...]) -> tuple[Relation, Terms]:
    """The plan of a kept query, and its terms."""
    (parsed,) = parse(query)
    bound = bind(parsed, head.catalog, BindScope(search_path))
    assert isinstance(bound.statement, Query | bound_statements.Feed)
    return bound.statement.plan, bound.statement.terms


def marked_otherwise(head: Head, statement: AlterWatermark, tag: str) -> Draft:
    """The draft of a source or table of another watermark; what has passed by the old one has passed."""
    thing = head.catalog.objects[statement.oid]
    assert isinstance(thing, Source | Table)
    return Draft(replace(head, catalog=head.catalog.put(replace(thing, watermark=statement.watermark))), Outcome(tag))


def kept_otherwise(definer: Definer, head: Head, statement: AlterRetention, tag: str) -> Draft:
    """The draft of a view that keeps what it holds for another time: it is computed anew."""
    view = head.catalog.objects[statement.oid]
    assert isinstance(view, MaterializedView)
    if view.kept == statement.kept:
        return Draft(head, Outcome(tag))
    readers = head.catalog.dependents(view.oid)
    if view.oid in head.watched or any(not isinstance(reader, Index) for reader in readers):
        raise DependentObjectsStillExist(
            f'cannot alter how long materialized view "{view.name}" keeps its rows because other objects depend on it',
            detail="Subscriptions, sinks and views have taken the rows that it would lose or gain.",
        )
    made, built = head, []
    for thing in (replace(view, kept=statement.kept), *readers):
        made, _ = with_node(definer, replace(made, catalog=made.catalog.put(thing)), thing)
        built.append(thing.oid)
    return Draft(made, Outcome(tag), tuple(built))
