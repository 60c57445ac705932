"""Forks over a commit: a head that was made durable since a fork was made of it is still the same one to the fork."""

from dataclasses import replace

from pgstream.engine.head import Head


def carried(fork: Head, base: Head, head: Head) -> Head | None:
    """`fork`, which was made of `base`, as made of `head`; None where more than a commit has happened since `base`.

    A commit takes from a head what it had to remember until then, and reads large runs from the store.
    """
    if head is base:
        return fork
    if not _is_same(base, head):
        return None
    ticks = None
    if base.ticks is not None and head.ticks is not None and fork.ticks is not None:
        ticks = (*head.ticks, *fork.ticks[len(base.ticks) :])
    outgoing = {
        oid: (*head.outgoing.get(oid, ()), *parts[len(base.outgoing.get(oid, ())) :])
        for oid, parts in fork.outgoing.items()
    }
    return replace(
        fork,
        state=head.state.update(dict(fork.state.changed(base.state))).without(list(fork.state.gone(base.state))),
        outgoing={oid: parts for oid, parts in outgoing.items() if parts},
        ticks=ticks,
        seen=(*head.seen, *fork.seen[len(base.seen) :]),
    )


def _is_same(base: Head, head: Head) -> bool:
    return (
        head.tick == base.tick
        and head.catalog is base.catalog
        and head.roots is base.roots
        and head.offsets == base.offsets
        and head.clock == base.clock
        and head.marks == base.marks
        and head.watched == base.watched
    )
