"""Standing: views for which time stands still, because they fail on what its passing brings.

Nobody's statement is to blame for that, and no row of a source. So what such a view waits for is held back where it
is, with all that other views see together with it; everything else goes on. It is tried again before long: a row that
made it fail may be gone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from pgstream.catalog.session_facts import StalledView
from pgstream.circuit.circuit import Circuit, Node
from pgstream.circuit.operator import Clock
from pgstream.engine.head import Head
from pgstream.errors import SqlError
from pgstream.world import World

RETRY_S = 0.25
"""How long a view stands until it is tried again."""


@dataclass(slots=True)
class Standing:
    """What of one database stands, and why. `stalled` is told of a view when it begins to stand."""

    circuit: Circuit
    world: World
    stalled: Callable[[str, SqlError], None] = field(default=lambda _name, _error: None)
    views: dict[int, StalledView] = field(default_factory=dict)
    """The views, sinks and feeds that stand, by OID; replaced, never changed."""
    _tried_s: float = 0.0
    _before: dict[int, StalledView] = field(default_factory=dict)

    def retry(self) -> None:
        """Lets what stands go on, where it has stood for long enough."""
        if self.circuit.held and self.world.monotonic() - self._tried_s >= RETRY_S:
            self.circuit.held = frozenset()
            self._before, self.views = self.views, {}

    def hold(self, head: Head, clock: Clock, error: SqlError) -> bool:
        """A tick by `clock` has failed: whether holding something back can help, which then is held."""
        due = set(self.circuit.due(head.state, clock, head.roots.live))
        failed = self.circuit.failed
        if failed is None or not due:
            return False
        below = {oid: Circuit.ancestors([node]) for oid, node in _rooted(head)}
        held: set[Node] = set()
        standing = [oid for oid, nodes in below.items() if failed in nodes]
        while True:
            more = {node for oid in standing for node in below[oid] if node.operator.awaits is not None}
            if more == held:
                break
            held = more
            standing = [oid for oid, nodes in below.items() if failed in nodes or held & nodes]
        if not held & due:
            return False
        self.circuit.held |= held
        self._tried_s = self.world.monotonic()
        guilty = [oid for oid in standing if failed in below[oid]]
        self.views = {**self.views, **{oid: self._told(head, oid, oid in guilty, error) for oid in standing}}
        return True

    def _told(self, head: Head, oid: int, guilty: bool, error: SqlError) -> StalledView:
        found = self._before.get(oid, self.views.get(oid))
        if found is not None and (found.sqlstate, found.error) == (error.sqlstate, error.message):
            return found
        thing = head.catalog.objects.get(oid)
        if guilty and thing is not None:
            self.stalled(thing.name, error)
        return StalledView(error.sqlstate, error.message, self.world.now_us())


def _rooted(head: Head) -> list[tuple[int, Node]]:
    return [*head.roots.stored.items(), *head.roots.sent.items()]
