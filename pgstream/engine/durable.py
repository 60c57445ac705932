"""What of a database is in the store, and what the next commit adds to it.

stored      the head whose state the store holds
committed   the head that the journal leads to from there: what a restart comes back to
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pgstream.engine import commit, journal
from pgstream.engine.head import Head
from pgstream.engine.outlets import Sent
from pgstream.storage.spine import Spine
from pgstream.storage.store import Commit, Store
from pgstream.world import World


@dataclass(frozen=True, slots=True)
class Prepared:
    """A commit to make, the head it makes durable and what it does for sinks. `entries` are the keys of
    what it adds to the journal; None where it is a whole commit."""

    head: Head
    commit: Commit
    sent: Sent
    entries: tuple[bytes, ...] | None


class Durable:
    """One database's commits."""

    def __init__(
        self, place: commit.Place, world: World, stored: Head, committed: Head, entries: Mapping[bytes, bytes]
    ):
        """`entries` is the journal that leads from `stored` to `committed`."""
        self.stored, self.committed = stored, committed
        self._place, self._world = place, world
        self._entries = {key: len(entry) for key, entry in entries.items()}
        self._since = world.monotonic()

    @property
    def due(self) -> bool:
        """Whether it is time to empty the journal."""
        return bool(self._entries) and self._world.monotonic() - self._since >= journal.INTERVAL_S

    @property
    def settled(self) -> bool:
        """Whether the journal is empty."""
        return not self._entries

    def fewer(self, head: Head) -> bool:
        """Whether `head` holds fewer rows than the last commit left: whether to commit it frees space in the end."""
        state, before = head.state, self.committed.state
        more = sum(spine.total() - _total(before.get(id)) for id, spine in state.changed(before))
        return more < sum(before[id].total() for id in state.gone(before))

    def told(self, head: Head) -> Prepared | None:
        """The commit of `head` as an entry of the journal; None where it has to be a whole one."""
        if self.due or not commit.told(self.committed, head):
            return None
        entries = {commit.entry_key(self._place, tick): entry for tick, entry in journal.entries(head)}
        size = sum(map(len, entries.values()))
        if size > journal.ENTRY_BYTES_MAX or sum(self._entries.values()) + size > journal.BYTES_MAX:
            return None
        return Prepared(head, Commit(meta=dict(entries)), Sent(), tuple(entries))

    def whole(self, head: Head, sent: Sent) -> Prepared:
        """The commit of `head` with all of its state."""
        made = commit.changes(self._place, self.stored, head, sent.cursors)
        meta = {**made.meta, **sent.meta, **dict.fromkeys(self._entries)}
        return Prepared(head, replace(made, meta=meta), sent, None)

    def adopt(self, store: Store, made: Prepared) -> Head:
        """The commit succeeded. Returns the equal head whose large runs are read from the store from now on."""
        head = replace(made.head, ticks=(), seen=())
        if made.entries is not None:
            if not self._entries:
                self._since = self._world.monotonic()
            self._entries.update((key, len(made.commit.meta[key] or b"")) for key in made.entries)
            self.committed = head
            return head
        written = head.state.changed(self.stored.state)
        state = head.state.update({id: store.mapped(spine) for id, spine in written})
        self._entries.clear()
        self.stored = self.committed = replace(head, state=state, outgoing={})
        return self.committed


def _total(spine: Spine | None) -> int:
    return 0 if spine is None else spine.total()
