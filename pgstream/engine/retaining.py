"""Subscriptions made and altered: what remembers how a relation changes, and for how long."""

from collections.abc import Callable
from dataclasses import replace

from pgstream.catalog.objects import Subscription
from pgstream.circuit.circuit import Circuit, Node
from pgstream.engine.draft import Draft, require_free
from pgstream.engine.head import Head
from pgstream.engine.outcome import Outcome
from pgstream.engine.remembering import remembered_since, subscriptions
from pgstream.engine.roots import Roots
from pgstream.operators.changelog import Changelog
from pgstream.sql.bind.statements import CreateSubscription
from pgstream.sql.bind.subscriptions import AlterSubscription


def subscribed(
    head: Head,
    statement: CreateSubscription | AlterSubscription,
    circuit: Circuit,
    new_oids: Callable[[int], int],
    tag: str,
) -> Draft:
    """CREATE and ALTER SUBSCRIPTION."""
    if isinstance(statement, AlterSubscription):
        return _altered(head, statement, circuit, tag)
    require_free(head.catalog, statement.schema_oid, statement.name)
    oid, relation, retention = new_oids(1), statement.relation_oid, statement.retention_ms
    made = Subscription(oid, statement.schema_oid, statement.name, relation, retention, head.time_ms)
    roots = head.roots.store(oid, changelog_node(circuit, head.roots, made))
    return Draft(replace(head, catalog=head.catalog.put(made), roots=roots), Outcome(tag))


def changelog_node(circuit: Circuit, roots: Roots, subscription: Subscription) -> Node:
    """Where a subscription remembers what changed: from now on, so that nothing has to be backfilled."""
    relation = roots.stored[subscription.relation_oid]
    return circuit.add(Changelog(relation.types, subscription.retention_ms), [relation])


def _altered(head: Head, statement: AlterSubscription, circuit: Circuit, tag: str) -> Draft:
    """`head` in which a subscription remembers for longer or shorter from now on; what it knows it keeps."""
    before = head.catalog.objects[statement.oid]
    assert isinstance(before, Subscription)
    since_ms = remembered_since(head, before)
    now = replace(before, retention_ms=statement.retention_ms)
    old, node = head.roots.stored[now.oid], changelog_node(circuit, head.roots, now)
    state = head.state
    if node in head.roots.live:  # another subscription's, or the same: that is what is known
        since_ms = max([since_ms, *(remembered_since(head, one) for one in _sharing(head, node))])
    else:
        pairs = zip(node.arrangement_ids, old.arrangement_ids, strict=True)
        state = state.update({to: state[of] for to, of in pairs if of in state})
    catalog = head.catalog.put(replace(now, since_ms=since_ms))
    return Draft(replace(head, catalog=catalog, roots=head.roots.store(now.oid, node), state=state), Outcome(tag))


def _sharing(head: Head, node: Node) -> list[Subscription]:
    return [one for one in subscriptions(head) if head.roots.stored[one.oid] is node]
