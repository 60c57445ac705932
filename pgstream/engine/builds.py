"""Builds: the definitions of one database whose backfill goes on while ticks do, from their draft to the head."""

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Protocol

from pgstream.circuit.circuit import Circuit
from pgstream.circuit.operator import TickContext
from pgstream.engine.backfill import Backfill
from pgstream.engine.building import Building
from pgstream.engine.draft import Draft
from pgstream.engine.head import Head
from pgstream.engine.outcome import Outcome
from pgstream.engine.outlets import Outlets
from pgstream.engine.replay import Replays
from pgstream.engine.roots import Roots
from pgstream.engine.taking import Tick
from pgstream.engine.watching import Watch, twin
from pgstream.errors import SqlError
from pgstream.world import World


class Site(Protocol):
    """The database that definitions are built in."""

    head: Head
    circuit: Circuit
    replays: Replays
    outlets: Outlets
    world: World

    def tick(self) -> TickContext: ...
    def install(self, head: Head) -> None: ...
    def watch(self, oid: int, depends: frozenset[int]) -> Watch: ...
    def follow_sources(self) -> None: ...
    def sweep(self) -> None: ...


class Builds:
    """See the module's description. Everything happens on the engine thread."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.going_on: list[Building] = []

    def begin(self, draft: Draft, waiting: "Future[Any] | None") -> Outcome | Watch | None:
        """Builds a definition. None where its backfill goes on, after which `waiting` is resolved."""
        site = self._site
        if not draft.built:
            site.install(draft.head)
            return draft.outcome
        if draft.watched is not None and (same := twin(site.head, draft.head, draft.built[0])) is not None:
            return site.watch(same, draft.watched)
        before = site.head
        site.head = replace(before, clock=draft.head.clock)
        backfill = Backfill(site.circuit, site.head, draft.head.roots, site.replays, site.tick())
        for sink in draft.sinks():
            site.outlets.open(draft.head.catalog, sink)
        changed = draft.head.catalog.objects.changed(before.catalog.objects)
        made = [thing for _, thing in sorted(changed, key=lambda item: item[0])]
        now = site.world.monotonic()
        one = Building(draft, made, backfill, waiting, draft.outcome, now, now)
        self.going_on.append(one)
        if waiting is None or backfill.instant:
            self._finish_now(one)
            return one.outcome
        site.follow_sources()
        return None

    def _finish_now(self, one: Building) -> None:
        try:
            one.backfill.run()
            self._install(one)
        except SqlError:
            self.going_on.remove(one)
            raise

    def go_on(self, one: Building) -> bool:
        """One chunk of a backfill; True where `one` has become part of the head. Tells who waits where it fails."""
        try:
            if not one.backfill.advance():
                return False
            self._install(one)
        except SqlError as error:
            self.going_on.remove(one)
            self._site.sweep()
            if one.waiting is not None:
                one.waiting.set_exception(error)
            return False
        return True

    def _install(self, one: Building) -> None:
        """The backfill has caught up: the definition joins the head."""
        site = self._site
        site.install(one.backfill.finish(one.joined(site.head)))
        self.going_on.remove(one)
        if one.draft.watched is not None:
            one.outcome = site.watch(one.draft.built[0], one.draft.watched)

    def record(self, ticks: Iterable[Tick]) -> None:
        """Ticks of the head, which those that are being built have yet to see."""
        for tick in ticks:
            for one in self.going_on:
                one.backfill.record(*tick)

    def roots(self) -> list[Roots]:
        """Who needs columns of sources beside the head: a tick's changes must have all that a backfill will see."""
        return [one.draft.head.roots for one in self.going_on]

    def fail(self, error: BaseException) -> None:
        """Ends them all: ticks that they have seen are undone."""
        failed, self.going_on = self.going_on, []
        for one in failed:
            if one.waiting is not None:
                one.waiting.set_exception(error)
