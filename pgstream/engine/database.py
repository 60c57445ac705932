"""Database: one catalog, its circuit, and the head that statements and sources move forward.

Everything here happens on the engine thread, except `snapshot`, which any thread may call.
"""

from collections.abc import Container, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from pgstream.catalog.objects import Table
from pgstream.catalog.session_facts import NOBODY
from pgstream.circuit.circuit import Circuit, Node
from pgstream.circuit.operator import TickContext
from pgstream.delta import Column, Delta
from pgstream.engine import commit, journal
from pgstream.engine.backfill import Backfill
from pgstream.engine.building import Building
from pgstream.engine.builds import Builds
from pgstream.engine.changing import Dml, Writing, stored_table
from pgstream.engine.debts import Debt
from pgstream.engine.defining import Definer
from pgstream.engine.draft import Draft
from pgstream.engine.durable import Durable, Prepared
from pgstream.engine.head import Head
from pgstream.engine.intake import Intake
from pgstream.engine.outcome import Outcome
from pgstream.engine.outlets import Outlets
from pgstream.engine.per_bound import PerBound
from pgstream.engine.reading import Snapshot, plan_of
from pgstream.engine.rebuilding import forgotten, kept_otherwise, marked_otherwise, rebuilt
from pgstream.engine.replacing import Replacement, replaced
from pgstream.engine.replay import Replays
from pgstream.engine.roots import Live
from pgstream.engine.sharing import Asked, Recipe, Sharing
from pgstream.engine.shielding import advance_shielded
from pgstream.engine.steps import VIEW_SETTINGS, Deltas
from pgstream.engine.taking import Taking, Tick
from pgstream.engine.times import Times
from pgstream.engine.watching import Channels, Watch
from pgstream.engine.watermarks import Watermarks
from pgstream.errors import InvalidCatalogName, SqlError, UndefinedTable
from pgstream.functions.registry import EvalContext
from pgstream.sql.bind import Bound
from pgstream.sql.bind.alter_retention import AlterRetention
from pgstream.sql.bind.alter_watermark import AlterWatermark
from pgstream.storage.store import Store
from pgstream.world import World


class Database:
    """See the module's description."""

    def __init__(self, place: commit.Place, store: Store, world: World, definer: Definer, intake: Intake) -> None:
        self.place = place
        self.seed = store.seed
        self.world = world
        self.circuit: Circuit = definer.circuit
        self.definer = definer
        self.intake = intake
        self.times = Times(Watermarks(world, VIEW_SETTINGS), definer.circuit, intake)
        self.replays = Replays(world)
        self.plans = PerBound(plan_of)
        self.recipes = PerBound(Recipe.of)
        self.forks: set[Any] = set()
        self.builds = Builds(self)
        self.dropped = False
        self.channels = Channels()
        self._clock_us = 0
        self._swept = Live()
        self._numbers: dict[int, tuple[int, int, bool]] = {}
        stored = commit.load(place, store, definer.vault)
        head = Head(
            stored.tick,
            stored.catalog,
            offsets=stored.offsets,
            time_ms=stored.time_ms,
            clock=stored.clock,
            marks=stored.marks,
        )
        self.times.watermarks.follow(head.catalog)
        head, stale = rebuilt(definer, head, stored.identities)
        head = replace(head, state=commit.load_state(place, store, self.circuit))
        debts = {oid: Debt.unpack(packed) for oid, packed in stored.debts.items()}
        self.outlets = Outlets(world, place, store.get, dict(stored.cursors), debts)
        before = replace(head, catalog=stored.catalog, roots=head.roots.drop(stale)) if stale else head
        committed = journal.caught_up(self.circuit, before, stored.journal, self.tick(), self.times.standing.hold)
        self.durable = Durable(place, world, before, committed, dict(stored.journal))
        self.head = committed
        if stale:
            now = replace(head, tick=committed.tick, time_ms=committed.time_ms, state=committed.state)
            self.head = self._refilled(forgotten(now, stale))

    def _refilled(self, head: Head) -> Head:
        """`head` with the views backfilled that the store does not have as this version plans them."""
        backfill = Backfill(self.circuit, self.committed, head.roots, self.replays, self.tick())
        backfill.run()
        return replace(backfill.finish(head), outgoing={})  # a sink has sent it all, whatever plan it had then

    @property
    def committed(self) -> Head:
        """The head of the last commit."""
        return self.durable.committed

    # -- reading

    def snapshot(self) -> Snapshot:
        """The newest tick."""
        return Snapshot(self.head, self.seed, self.replays, self.plans)

    def snapshot_of(self, head: Head) -> Snapshot:
        return Snapshot(head, self.seed, self.replays, self.plans)

    def tick(self) -> TickContext:
        """What the expressions of views see in a tick of now."""
        now_us = self._now_us()
        seen = EvalContext(VIEW_SETTINGS, now_us, self.head_catalog, NOBODY)
        return TickContext(self.seed, seen, clock=self.times.clock(now_us))

    def _now_us(self) -> int:
        """The world's time, except that it never goes back."""
        self._clock_us = max(self._clock_us, self.world.now_us())
        return self._clock_us

    @property
    def head_catalog(self) -> object:
        head = getattr(self, "head", None)
        return None if head is None else head.catalog

    # -- writing: from head to head, so that a transaction's fork takes the same path

    def writing(self, head: Head, params: tuple[Column, ...], context: EvalContext) -> Writing:
        return Writing(self.snapshot_of(head), self.seed, params, context)

    def advanced(self, head: Head, deltas: Deltas) -> Head:
        """A fork's head one tick later."""
        return advance_shielded(self.circuit, head, deltas, self.tick())[0]

    def apply(self, deltas: Deltas) -> None:
        """One tick of the head. Raises whatever a view's expression raises, and changes nothing then."""
        self._pass_time()  # a view that fails by that is no fault of these changes
        head, outputs = self._stepped(self.head, deltas)
        self.builds.record([Tick(deltas, outputs, head.clock)])
        self.head = self.times.observed(head, deltas, {})
        self._pass_time()

    def adopt_tick(self, head: Head, deltas: Deltas) -> None:
        """`head`, which may have another catalog, and one tick on it: both, or nothing where either raises."""
        self.require_there()
        outputs: Mapping[Node, Delta] = {}
        catalog = self.head.catalog
        if deltas:
            head, outputs = self._stepped(head, deltas)
            head = self.times.observed(head, deltas, {})
        if head.catalog is catalog:
            self.head = head
        else:
            self.install(head)
        self.builds.record([Tick(deltas, outputs, head.clock)])
        self._pass_time()

    def change(self, statement: Dml, params: tuple[Column, ...], context: EvalContext) -> Outcome:
        """Runs INSERT, UPDATE, DELETE or TRUNCATE as a transaction of its own."""
        made = self.writing(self.head, params, context).change(statement)
        if made.deltas:
            self.apply(made.deltas)
        return made.outcome

    def run_together(self, asked: Sequence[Asked]) -> list[Outcome | BaseException]:
        """Runs statements that waited together, in one tick where they may be."""
        return Sharing(self, self.recipes).run(asked)

    def insert_rows(self, table_oid: int, columns: tuple[Column, ...], context: EvalContext) -> int:
        """COPY: adds full rows to a table."""
        table = self.table(self.head, table_oid)
        delta = self.writing(self.head, (), context).insert_rows(table, columns)
        if len(delta):
            self.apply({table_oid: delta})
        return len(delta)

    @staticmethod
    def table(head: Head, oid: int) -> Table:
        if oid not in head.catalog.objects:
            raise UndefinedTable(f"relation with OID {oid} does not exist")
        return stored_table(head, oid)

    # -- definitions

    def define(self, bound: Bound, waiting: "Future[Any] | None") -> Outcome | Watch | None:
        """Runs a definition. None where its backfill goes on, after which `waiting` is resolved."""
        try:
            return self.builds.begin(self._drafted(self.head, bound), waiting)
        except SqlError:
            self.sweep()
            raise

    def defined(self, head: Head, bound: Bound) -> tuple[Head, Draft]:
        """A fork's head with a definition, backfilled on the spot."""
        draft = self._drafted(head, bound)
        if not draft.built:
            return draft.head.pruned(head), draft
        head = replace(head, clock=draft.head.clock)
        backfill = Backfill(self.circuit, head, draft.head.roots, self.replays, self.tick())
        backfill.run()
        return backfill.finish(draft.head), draft

    def _drafted(self, head: Head, bound: Bound) -> Draft:
        """The draft of a definition, with the clock that its backfill begins at."""
        if isinstance(bound.statement, AlterRetention):
            draft = kept_otherwise(self.definer, head, bound.statement, bound.tag)
        elif isinstance(bound.statement, AlterWatermark):
            draft = marked_otherwise(head, bound.statement, bound.tag)
        elif isinstance(bound.statement, Replacement) and bound.statement.replaces is not None:
            draft = replaced(self.definer, head, bound.statement, bound.tag)
        else:
            draft = self.definer.define(head, bound.statement, bound.tag)
        return replace(draft, head=self.times.begun(draft.head, self._now_us())) if draft.built else draft

    def install(self, head: Head) -> None:
        """Makes a head with another catalog the newest one."""
        self.require_there()
        self.times.watermarks.follow(head.catalog)
        head = self.times.watermarks.pruned(head.pruned(self.head))
        self.head = self.intake.follow(head, self.builds.roots())
        self.channels.keep(head)
        self.sweep()

    def follow_sources(self) -> None:
        """Reads what the head and the definitions that are being built need of sources."""
        self.head = self.intake.follow(self.head, self.builds.roots())

    # -- watching

    def watch(self, oid: int, depends: frozenset[int]) -> Watch:
        """Opens a channel to a stored relation, or to a query that `define` made one; `depends` is what it reads."""
        self.require_there()
        if oid not in self.head.roots.stored:
            raise UndefinedTable(f"relation with OID {oid} does not exist")
        now_ms = self._now_us() // 1000 if self.head is self.committed else 0
        self.head = replace(self.head, watched=self.head.watched | {oid})
        return self.channels.open(oid, self.head, depends, now_ms)

    def unwatch(self, oid: int) -> None:
        """One watcher less; what only watchers needed is freed."""
        if not self.channels.close(oid):
            return
        head = replace(self.head, watched=self.head.watched - {oid})
        if oid in head.catalog.objects:
            self.head = head
        else:
            self.install(replace(head, roots=head.roots.drop([oid])))

    def sweep(self) -> None:
        """Frees the circuit's nodes that no head, fork or definition needs."""
        live = self.head.roots.live
        self.circuit.let_go(live.gone(self._swept))
        self._swept = live
        passing: list[Container[Node]] = [self.committed.roots.live]
        passing += [fork.head.roots.live for fork in list(self.forks)]
        for one in self.builds.going_on:
            passing += one.backfill.within, one.draft.head.roots.live
        self.circuit.sweep(live, passing)

    # -- background work

    def work(self) -> bool:
        """One turn: a chunk of each backfill, a batch of each source. Whether there may be more at once."""
        busy = False
        for one in list(self.builds.going_on):
            busy = True
            self.build(one)
        busy = self._take_in() or busy
        self._pass_time()
        if self.channels and self.head is self.committed:
            self.channels.pulse(self.head, self._now_us() // 1000)
        return busy

    def build(self, one: Building) -> None:
        """Goes on with a backfill, and tells who waits if it ends or fails."""
        if self.builds.go_on(one):
            self.on_built(one)

    def on_built(self, one: Building) -> None:
        """Replaced by the engine: resolves who waits with the next commit."""

    def _take_in(self) -> bool:
        if self.intake.rested():
            self.follow_sources()
        if self.intake.sources:
            self._pass_time()  # before rows are at hand: they are not late, nor at fault for a view that fails by that
        batches = self.intake.batches()
        if not batches:
            return False
        taking = Taking(self.head, self._stepped, self.intake, VIEW_SETTINGS, self.times.behind)
        try:
            taking.take(batches, self.world.now_us())
        except BaseException:
            self.intake.rest(batches)
            raise
        self.head = self.times.taken(taking.head, batches, taking.come)
        self.builds.record(taking.ticks)
        return True

    def _pass_time(self) -> None:
        """Moves the watermarks, and takes the tick of what has become due."""
        self.require_there()
        self.head, *ticks = self.times.passed(self.head, self._now_us, self._stepped)
        self.builds.record(ticks)

    def _stepped(self, head: Head, deltas: Deltas) -> tuple[Head, Mapping[Node, Delta]]:
        made, outputs, failed = advance_shielded(self.circuit, head, deltas, self.tick())
        self.channels.end(failed)
        return made, outputs

    # -- durability

    @property
    def dirty(self) -> bool:
        moved = self.head is not self.committed or self.durable.due or self.outlets.due
        return moved or bool(commit.numbers_due(self.head))

    def prepared(self, whole: bool) -> Prepared:
        """What to commit, with what was sent to sinks prepared."""
        told = None if whole or self.outlets.due else self.durable.told(self.head)
        made = told or self.durable.whole(self.head, self.outlets.prepare(self.head))
        self._numbers = commit.numbers_due(self.head)
        return replace(made, commit=commit.with_numbers(self.place, made.commit, self._numbers))

    def adopt(self, store: Store, made: Prepared) -> None:
        """The commit succeeded."""
        self.head = self.durable.adopt(store, made)
        self.head.catalog.sequences.told(self._numbers)
        self.channels.publish(made.head.seen, made.head.time_ms, self.head)
        self.outlets.publish(made.sent, self.head.catalog)

    def fall_back(self, error: BaseException) -> None:
        """The commit failed: everything is as the last one left it."""
        self._go_back(self.committed, error)
        watched = self.channels.restored(self.committed, error)
        if watched != self.committed.watched:
            self.head = replace(self.head, watched=watched)
        self.outlets.reopen()
        self.intake.rest(self.intake.sources)
        self.head = self.intake.follow(self.head)
        self.sweep()

    def _go_back(self, head: Head, error: BaseException) -> None:
        """Undoes the ticks since `head`. Definitions that are being built have seen them, and fail."""
        self.head = head
        self.builds.fail(error)

    def close(self) -> None:
        self.intake.close()
        self.outlets.reopen()

    def drop(self) -> None:
        """Ends a database that sessions may still have open: what they try from now on fails."""
        self.dropped = True
        self._go_back(self.committed, self._gone())
        self.close()

    def require_there(self) -> None:
        """Raises InvalidCatalogName where the database was dropped: nothing would make a change durable."""
        if self.dropped:
            raise self._gone()

    def _gone(self) -> InvalidCatalogName:
        return InvalidCatalogName(f'database "{self.place.name}" does not exist')
