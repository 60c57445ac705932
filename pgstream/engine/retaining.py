"""ALTER SUBSCRIPTION: another length of memory, and what is remembered already."""

from collections.abc import Callable
from dataclasses import replace

from pgstream.catalog.objects import Subscription
from pgstream.circuit.circuit import Node
from pgstream.engine.draft import Draft
from pgstream.engine.head import Head
from pgstream.engine.outcome import Outcome
from pgstream.engine.remembering import remembered_since, subscriptions
from pgstream.engine.roots import Roots
from pgstream.sql.bind.subscriptions import AlterSubscription


def retained(
    head: Head, statement: AlterSubscription, remembering: Callable[[Roots, Subscription], Node], tag: str
) -> Draft:
    """`head` in which a subscription remembers for longer or shorter from now on; what it knows it keeps.

    `remembering` gives the node where a subscription has its memory: another for each retention.
    """
    before = head.catalog.objects[statement.oid]
    assert isinstance(before, Subscription)
    since_ms = remembered_since(head, before)
    now = replace(before, retention_ms=statement.retention_ms)
    old, node = head.roots.stored[now.oid], remembering(head.roots, now)
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
