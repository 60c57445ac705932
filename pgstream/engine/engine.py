"""Engine: all databases of one data directory, and the thread that runs them."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgstream.catalog.objects import Sink, Source
from pgstream.catalog.session_facts import SinkFacts, SourceFacts, StalledView, SubscriptionFacts, WatermarkFacts
from pgstream.circuit.circuit import Circuit
from pgstream.engine import commit, remembering
from pgstream.engine.building import Building
from pgstream.engine.database import Database
from pgstream.engine.defining import Definer
from pgstream.engine.durable import Prepared
from pgstream.engine.intake import Intake
from pgstream.engine.loop import COMMIT_FAILED, Loop
from pgstream.engine.outcome import Outcome
from pgstream.engine.transaction import Autocommit, Cluster, Transaction
from pgstream.engine.vault import KEY_FILE, Vault
from pgstream.errors import DiskFull, DuplicateDatabase, InvalidCatalogName, SqlError
from pgstream.kernels.memory import anonymous_bytes, keep_freed_memory, return_freed_memory
from pgstream.logs import Log
from pgstream.storage.environment import Files, OpenEnvironment
from pgstream.storage.reserve import Reserve
from pgstream.storage.store import Commit, Store
from pgstream.world import RealWorld, World

IDLE_S = 1.0
"""How long the engine thread sleeps where nothing tells it to work."""

TRIM_INTERVAL_S = 0.5


class OpenDatabase:
    """One database as sessions see it."""

    def __init__(self, database: Database, loop: Loop, cluster: Cluster) -> None:
        self._database = database
        self._loop = loop
        self.autocommit = Autocommit(database, loop, cluster)

    @property
    def name(self) -> str:
        return self._database.place.name

    def begin(self, isolation: str = "read committed") -> Transaction:
        """A new transaction."""
        return Transaction(self._database, self._loop, isolation in ("repeatable read", "serializable"))

    def sinks(self) -> list[SinkFacts]:
        """The sinks of the database, as of now."""
        objects, outlets = self._database.head.catalog.objects, self._database.outlets
        return [outlets.facts(thing) for thing in objects.values() if isinstance(thing, Sink)]

    def sources(self) -> list[SourceFacts]:
        """The sources of the database, as of now."""
        head, intake = self._database.head, self._database.intake
        found = (head.catalog.objects[oid] for oid in head.catalog.source_oids)
        return [intake.facts(source, head.offsets.get(source.oid)) for source in found if isinstance(source, Source)]

    def watermarks(self) -> list[WatermarkFacts]:
        """The watermarks of the database, as of now."""
        return self._database.times.facts(self._database.head)

    def stalled(self) -> Mapping[int, StalledView]:
        """The views, sinks and feeds for which time stands still, by OID."""
        return self._database.times.standing.views

    def subscriptions(self) -> list[SubscriptionFacts]:
        """The subscriptions of the database, as of its newest tick."""
        return remembering.facts(self._database.head)

    def exhausted(self) -> bool:
        """Whether every source that is being read has given everything it ever will, and it is durable."""

        def run() -> bool:
            database = self._database
            done = all(database.intake.exhausted(oid) for oid in database.intake.sources)
            return done and not database.dirty and not database.builds.going_on

        return self._loop.submit(run, durable=False).result()


@dataclass(slots=True)
class _Memory:
    """How many bytes may stay resident, and when that was last looked at."""

    bytes_max: int
    at_start: int
    looked_s: float = 0.0


class Engine:
    """See the module's description. `Engine.open` starts the thread, `close` ends it."""

    def __init__(self, store: Store, world: World, memory_bytes: int, log: Log, reserve: Reserve, vault: Vault) -> None:
        self._store = store
        self._world = world
        self._databases: dict[str, Database] = {}
        self._lock = threading.Lock()
        self._memory = _Memory(memory_bytes, anonymous_bytes())
        self._next_oid = int(store.get(b"next_oid") or 16384)
        self._stored_oid = self._next_oid
        self._log = log
        self._reserve = reserve
        self._vault = vault
        self._commit_failure = ""
        """The SQLSTATE that commits fail with at the moment."""
        self._loop = Loop(self, world)

    @staticmethod
    def open(
        path: Path | str,
        world: World | None = None,
        *,
        memory_bytes: int = 4 << 30,
        map_bytes: int = 1 << 40,
        sync: bool = True,
        databases: tuple[str, ...] = ("postgres",),
        log: Log | None = None,
        environment: OpenEnvironment = Files,
        threaded: bool = True,
        reserve_bytes: int = 0,
        secret_key_file: Path | None = None,
    ) -> "Engine":
        """The engine over a data directory, made with `databases` if it is new. Raises SqlError.

        One that is not `threaded` does something only in `turn`, as simulations want it. `reserve_bytes` of disk space
        are kept for statements that free space. The key of secrets is in `secret_key_file`, or else beside the store.
        """
        keep_freed_memory(memory_bytes // 4)
        chosen = world or RealWorld()
        store = Store.open(path, map_bytes=map_bytes, sync=sync, world=chosen, environment=environment)
        reserve = Reserve(Path(path), reserve_bytes)
        reserve.keep()
        vault = Vault(secret_key_file or Path(path) / KEY_FILE, chosen)
        engine = Engine(store, chosen, memory_bytes, log or Log(chosen), reserve, vault)
        for place in commit.places(store):
            engine._databases[place.name] = engine._opened(place)
        if not engine._databases:
            for name in databases:
                engine.create(name)
        engine._forget_orphans()
        if engine.dirty():
            engine.commit()
        for database in engine._databases.values():
            database.outlets.resume(database.head.catalog)
            database.head = database.intake.follow(database.head)
        if threaded:
            engine._loop.start()
        return engine

    def turn(self) -> None:
        """Does what there is to do now, on this thread."""
        self._loop.turn()

    def _forget_orphans(self) -> None:
        """Drops the arrangements of plans that no view has any more, as another version of pgstream leaves them."""
        used = {
            database.place.arrangement(id)
            for database in self._databases.values()
            for id in (*database.head.state, *database.durable.stored.state)
        }
        orphans = set(self._store.arrangements) - used
        if orphans:
            self._store.commit(Commit(dropped=orphans))

    def close(self) -> None:
        """Ends the tick, commits, and closes the store."""
        self._loop.stop()
        self._settle()
        for database in self._databases.values():
            database.close()
        self._databases.clear()
        self._store.close()

    # -- databases

    @property
    def databases(self) -> tuple[str, ...]:
        """Their names."""
        with self._lock:
            return tuple(self._databases)

    def database(self, name: str) -> OpenDatabase:
        """Raises InvalidCatalogName."""
        with self._lock:
            found = self._databases.get(name)
        if found is None:
            raise InvalidCatalogName(f'database "{name}" does not exist')
        return OpenDatabase(found, self._loop, self)

    def create(self, name: str) -> None:
        """See `Cluster`."""
        if name in self._databases:
            raise DuplicateDatabase(f'database "{name}" already exists')
        number = self._new_oids(1)
        salt = int.from_bytes(self._world.random_bytes(8), "little") >> 2
        place = commit.Place(name, number, salt)
        self._store.commit(Commit(meta=commit.register(place) | {b"next_oid": str(self._next_oid).encode()}))
        database = self._opened(place)
        with self._lock:
            self._databases[name] = database

    def drop(self, name: str) -> None:
        """See `Cluster`."""
        with self._lock:
            database = self._databases.pop(name, None)
        if database is None:
            raise InvalidCatalogName(f'database "{name}" does not exist')
        database.drop()
        self._store.commit(commit.removal(database.place, database.durable.stored, self._store))

    def _opened(self, place: commit.Place) -> Database:
        definer = Definer(Circuit(), self._world, self._new_oids, self._vault)
        intake = Intake(self._world, self._loop.wake, self._source_failed)
        database = Database(place, self._store, self._world, definer, intake)
        database.on_built = self._built  # type: ignore[method-assign]
        database.times.standing.stalled = self._stalled
        database.outlets.paused = self._sink_paused
        database.outlets.resumed = self._sink_resumed
        return database

    def _new_oids(self, count: int) -> int:
        first, self._next_oid = self._next_oid, self._next_oid + count
        return first

    def _built(self, one: Building) -> None:
        if one.waiting is not None:
            self._loop.settle(one.waiting, one.outcome)

    def _source_failed(self, source: Source, error: Exception) -> None:
        self.failed(f"source {source.name} failed", error)

    def _stalled(self, view: str, error: SqlError) -> None:
        self._log.error("a view fails as time passes", view=view, sqlstate=error.sqlstate, error=error.message)

    def _sink_paused(self, sink: Sink, error: SqlError) -> None:
        self._log.error("sink paused", sink=sink.name, sqlstate=error.sqlstate, error=error.message)

    def _sink_resumed(self, sink: Sink) -> None:
        self._log.info("sink resumed", sink=sink.name)

    # -- what the loop drives

    def work(self) -> float:
        """See `Worker`."""
        busy, wait_s = False, IDLE_S
        for database in list(self._databases.values()):
            busy = database.work() or busy
            wait_s = min(wait_s, database.times.wait_s(database.head), database.intake.wait_s)
        self._trim()
        return 0.0 if busy else wait_s

    def dirty(self) -> bool:
        """See `Worker`."""
        return any(database.dirty for database in self._databases.values())

    def commit(self) -> None:
        """See `Worker`."""
        self._commit([database for database in self._databases.values() if database.dirty])

    def _commit(self, changed: list[Database], whole: bool = False) -> None:
        try:
            prepared = [(database, database.prepared(whole)) for database in changed]
            self._write(self._joined([made.commit for _, made in prepared]), prepared)
        except BaseException as error:
            for database in changed:
                database.fall_back(error)
            raise
        self._stored_oid = self._next_oid
        if self._commit_failure:
            self._log.info("commits succeed again")
            self._commit_failure = ""
        for database, made in prepared:
            database.adopt(self._store, made)

    def _write(self, joined: Commit, prepared: list[tuple[Database, Prepared]]) -> None:
        """Commits, at the cost of the reserve where the disk is full and there will be fewer rows."""
        try:
            self._store.commit(joined)
        except DiskFull:
            if not any(database.durable.fewer(made.head) for database, made in prepared):
                raise
            if not self._reserve.give_up():
                raise
            self._log.warning("disk full: the reserve is given up to free space")
            self._store.commit(joined)

    def _settle(self) -> None:
        """Empties the journals, so that the next start has nothing to catch up with."""
        try:
            for one in self._databases.values():
                one.head.catalog.sequences.exact()
            if behind := [one for one in self._databases.values() if one.dirty or not one.durable.settled]:
                self._commit(behind, whole=True)
        except SqlError as error:
            self.failed("last commit failed", error)

    def failed(self, what: str, error: BaseException) -> None:
        """See `Worker`. Of commits that fail one after the other for one reason it tells the first."""
        if isinstance(error, SqlError):
            if what == COMMIT_FAILED:
                if error.sqlstate == self._commit_failure:
                    return
                self._commit_failure = error.sqlstate
            self._log.error(what, sqlstate=error.sqlstate, error=error.message, detail=error.detail or "")
        else:
            self._log.failure(what, error)

    def _joined(self, commits: list[Commit]) -> Commit:
        spines: dict[int, Any] = {}
        dropped: list[int] = []
        meta: dict[bytes, bytes | None] = {}
        for one in commits:
            spines |= one.spines
            dropped += one.dropped
            meta |= one.meta
        if self._next_oid != self._stored_oid:
            meta[b"next_oid"] = str(self._next_oid).encode()
        return Commit(spines, dropped, meta)

    def _trim(self) -> None:
        """Keeps what is read from the map within the memory limit, and gives back what lies unused beyond it."""
        now = time.monotonic()
        if now - self._memory.looked_s < TRIM_INTERVAL_S:
            return
        self._memory.looked_s = now
        self._reserve.keep()
        if self._store.resident_bytes() > self._memory.bytes_max:
            self._store.trim()
        if anonymous_bytes() > self._memory.at_start + self._memory.bytes_max:
            return_freed_memory()


__all__ = ["Engine", "OpenDatabase", "Outcome"]
