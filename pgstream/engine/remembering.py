"""What subscriptions remember of how relations changed."""

from collections.abc import Iterator

from pgstream.catalog.objects import Subscription
from pgstream.catalog.session_facts import SubscriptionFacts
from pgstream.engine.head import Head
from pgstream.engine.watching import Change
from pgstream.operators.changelog import read


def subscriptions(head: Head) -> list[Subscription]:
    """Every subscription, oldest first."""
    found = (head.catalog.objects[oid] for oid in sorted(head.catalog.subscription_oids))
    return [one for one in found if isinstance(one, Subscription)]


def remembered_since(head: Head, subscription: Subscription) -> int:
    """The time after which all changes are remembered."""
    return max(subscription.since_ms, head.time_ms - subscription.retention_ms)


def remembered(head: Head, subscription: Subscription, after_ms: int) -> Iterator[Change]:
    """The changes later than `after_ms`, up to the head's time, oldest first."""
    log, seconds = (head.state.get(id) for id in head.roots.stored[subscription.oid].arrangement_ids)
    if log is None or seconds is None:
        return iter(())
    return (Change(*logged) for logged in read(log, seconds, after_ms))


def facts(head: Head) -> list[SubscriptionFacts]:
    """Every subscription as pgstream_subscriptions shows it."""
    found = []
    for one in subscriptions(head):
        log = head.rows(one.oid)
        changes = 0 if log is None else log.total()
        found.append(SubscriptionFacts(one.oid, remembered_since(head, one), head.time_ms, changes))
    return found
