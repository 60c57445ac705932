"""The store: arrangements and catalog facts in one LMDB file.

One thread, the engine's, opens, commits and closes; any thread may read spines. A commit is one LMDB write
transaction, or, where it only adds a little metadata, one record of the write-ahead log: after a crash the store is as
after some commit, with nothing in between.

Runs are immutable and never rewritten, so the pages of a run stay where they are until the run is deleted. A run
that no manifest names any more, but whose pages some snapshot may still read, is deleted by a later commit
(`docs/decisions/0004-mapped-runs.md`).
"""

import struct
import time
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from pgstream.errors import IoError, ObjectNotInPrerequisiteState
from pgstream.kernels.memory import forget_pages, resident_bytes
from pgstream.storage import encoding
from pgstream.storage.environment import (
    DirectoryLock,
    Environment,
    Files,
    OpenEnvironment,
    Transaction,
    keys_of,
    storage_errors,
)
from pgstream.storage.identity import Seed
from pgstream.storage.pace import Pace
from pgstream.storage.run import ArrangementSpec, Fences, Rows, Run
from pgstream.storage.spine import Spine
from pgstream.storage.wal import WriteAheadLog
from pgstream.world import RealWorld, World

FORMAT = 3
MAPPED_BYTES_MIN = 1 << 20
_FORMAT_KEY, _SEED_KEY, _LOG_KEY = b"\0format", b"\0seed", b"\0log"


@dataclass(frozen=True, slots=True)
class Commit:
    """What one commit changes. `spines` and `dropped` are by arrangement id; a None in `meta` deletes the key."""

    spines: Mapping[int, Spine] = field(default_factory=dict)
    dropped: Iterable[int] = ()
    meta: Mapping[bytes, bytes | None] = field(default_factory=dict)


class MappedFile:
    """The open environment and its lock, until nobody reads from its map any more."""

    def __init__(self, environment: Environment, lock: DirectoryLock, directory: Path) -> None:
        self.environment = environment
        self.directory = directory
        self._lock = lock
        self.meta = environment.open_db(b"meta")
        self.manifests = environment.open_db(b"manifests")
        self.facts = environment.open_db(b"facts")
        self.runs = environment.open_db(b"runs")

    def __del__(self) -> None:
        self.environment.close()
        self._lock.release()


class Pages:
    """The pages of one stored run. While this lives they are not used for anything else."""

    def __init__(self, file: MappedFile, number: int) -> None:
        self.file = file
        self.number = number
        self.address = 0
        self.size = 0

    def read(self, spec: ArrangementSpec) -> Rows:
        """The run's rows: over the map where they are large, else copied."""
        with self.file.environment.begin(buffers=True) as transaction:
            value = pa.py_buffer(transaction.get(_key(self.number), db=self.file.runs))
            if value.size < MAPPED_BYTES_MIN:
                return encoding.unpack_run(spec, pa.py_buffer(value.to_pybytes()))
            self.address, self.size = value.address, value.size
        assert self.address % 8 == 0, "LMDB places large values behind a 16-byte page header"
        return encoding.unpack_run(spec, pa.foreign_buffer(self.address, self.size, self))


class Store:
    """An open database file."""

    def __init__(self, file: MappedFile, seed: Seed, log: WriteAheadLog) -> None:
        self.seed = seed
        self._open_file: MappedFile | None = file
        self._log = log
        self._logged = log.replayed()
        """The metadata that is in the log and not yet in the environment."""
        self._manifests: dict[int, bytes] = {}
        self._named: dict[int, list[int]] = {}
        """The numbers of the runs that each manifest names."""
        self._uses: Counter[int] = Counter()
        self._numbers: weakref.WeakKeyDictionary[Run, int] = weakref.WeakKeyDictionary()
        self._mapped: weakref.WeakValueDictionary[int, Run] = weakref.WeakValueDictionary()
        self._pages: weakref.WeakValueDictionary[int, Pages] = weakref.WeakValueDictionary()
        self._stored: set[int] = set()
        self._doomed: dict[int, float] = {}
        self._next_number = 1
        self._scratch = encoding.Scratch()

    @staticmethod
    def open(
        path: Path | str,
        *,
        map_bytes: int = 1 << 40,
        sync: bool = True,
        world: World | None = None,
        environment: OpenEnvironment = Files,
    ) -> "Store":
        """The store in directory `path`, made if need be; takes as long for a large one as for a small one.

        Raises ObjectInUse where another process has it open, ObjectNotInPrerequisiteState where its format is not
        ours. `map_bytes` bounds the file's size; it costs address space only.
        """
        directory = Path(path)
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = DirectoryLock(directory)
        except OSError as error:
            raise IoError(f'could not use data directory "{directory}": {error.strerror}') from None
        try:
            with storage_errors():
                file = MappedFile(environment(directory, map_bytes, sync), lock, directory)
        except BaseException:
            lock.release()
            raise
        seed, generation = _initialise(file, world or RealWorld())
        with storage_errors():
            log = WriteAheadLog(file.environment.open_log(), generation, struct.pack("<QQ", *seed))
            store = Store(file, seed, log)
        store._read_manifests()
        return store

    def close(self) -> None:
        """Ends the store. The directory stays locked until the last mapped run is gone."""
        self._mapped.clear()
        self._open_file = None

    # -- writing

    def commit(self, changes: Commit) -> None:
        """Makes `changes` durable, all or nothing. Raises DiskFull, and then nothing has changed."""
        if not self._append(changes):
            self._transact(changes)

    def _append(self, changes: Commit) -> bool:
        """Makes `changes` durable as a record of the log; False where they are more than that may be."""
        added = {key: value for key, value in changes.meta.items() if value is not None}
        more = changes.spines or changes.dropped or len(added) < len(changes.meta)
        if more or not added or not self._log.append(added):
            return False
        self._logged.update(added)
        return True

    def _transact(self, changes: Commit) -> None:
        """Makes `changes` durable, and what was logged before."""
        file = self._file
        fresh: dict[Run, int] = {}
        manifests: dict[int, bytes | None] = dict.fromkeys(changes.dropped)
        named: dict[int, list[int]] = {}
        for identifier, spine in changes.spines.items():
            manifests[identifier] = encoding.pack_manifest(spine, lambda run: self._number(run, fresh))
            named[identifier] = [self._number(run, fresh) for run in spine.all_runs]
        uses = self._changed_uses(manifests, named)
        gone = [n for n in {*uses, *self._doomed} if not uses.get(n, self._uses[n]) and n not in self._pages]
        with storage_errors(file.directory), file.environment.begin(write=True) as transaction:
            self._write_runs(transaction, changes.spines.values(), fresh)
            for identifier, manifest in manifests.items():
                _put(transaction, _key(identifier), manifest, file.manifests)
            for key, value in {**self._logged, **changes.meta}.items():
                _put(transaction, b"u" + key, value, file.meta)
            if self._log.begun:
                transaction.put(_LOG_KEY, _key(self._log.generation + 1), db=file.meta)
            for number in gone:
                transaction.delete(_key(number), db=file.runs)
                transaction.delete(_key(number), db=file.facts)
        if self._log.begun:
            self._log.restart()
            self._logged.clear()
        self._named.update(named)
        self._adopt(fresh, manifests, uses, gone)

    def _number(self, run: Run, fresh: dict[Run, int]) -> int:
        """The number under which `run` is stored, or will be."""
        number = self._numbers.get(run)
        if number not in self._stored:
            number = fresh.get(run)
        if number is None:
            number = fresh[run] = self._next_number
            self._next_number += 1
        return number

    def _changed_uses(self, manifests: Iterable[int], named: Mapping[int, list[int]]) -> dict[int, int]:
        """How often each run will be used that these manifests name, or named before."""
        change: Counter[int] = Counter()
        for identifier in manifests:
            change.update(named.get(identifier, ()))
            change.subtract(self._named.get(identifier, ()))
        return {number: self._uses[number] + difference for number, difference in change.items()}

    def _write_runs(self, transaction: Transaction, spines: Iterable[Spine], fresh: Mapping[Run, int]) -> None:
        file, done = self._file, set[int]()
        for spine in spines:
            for run in spine.all_runs:
                number = fresh.get(run)
                if number is None or number in done:
                    continue
                done.add(number)
                transaction.put(_key(number), encoding.pack_run(spine.spec, run, self._scratch), db=file.runs)
                transaction.put(_key(number), encoding.pack_facts(run), db=file.facts)

    def _adopt(
        self,
        fresh: Mapping[Run, int],
        manifests: Mapping[int, bytes | None],
        uses: Mapping[int, int],
        deleted: Iterable[int],
    ) -> None:
        """What a commit that succeeded changes in memory; it costs what changed, not what there is."""
        self._numbers.update(fresh)
        for identifier, manifest in manifests.items():
            if manifest is None:
                self._manifests.pop(identifier, None)
                self._named.pop(identifier, None)
            else:
                self._manifests[identifier] = manifest
        self._stored.update(fresh.values())
        now = time.monotonic()
        for number, count in uses.items():
            if count:
                self._uses[number] = count
                self._doomed.pop(number, None)
            else:
                self._uses.pop(number, None)
                self._doomed.setdefault(number, now)
        for number in deleted:
            self._doomed.pop(number, None)
            self._stored.discard(number)

    # -- reading

    def get(self, key: bytes) -> bytes | None:
        """The metadata under `key`."""
        if key in self._logged:
            return self._logged[key]
        with storage_errors(), self._file.environment.begin() as transaction:
            value = transaction.get(b"u" + key, db=self._file.meta)
        return None if value is None else bytes(value)

    def items(self, prefix: bytes = b"") -> list[tuple[bytes, bytes]]:
        """The metadata whose key starts with `prefix`, by key."""
        with storage_errors(), self._file.environment.begin() as transaction:
            found = dict(_scan(transaction, self._file.meta, b"u" + prefix))
        return sorted({**found, **{key: self._logged[key] for key in self._logged if key.startswith(prefix)}}.items())

    @property
    def arrangements(self) -> tuple[int, ...]:
        """The ids of all stored arrangements."""
        return tuple(sorted(self._manifests))

    def load_spine(self, identifier: int, spec: ArrangementSpec, pace: Pace | None = None) -> Spine:
        """The arrangement as of the last commit; its rows are read when they are needed. Empty where there is none."""
        empty = Spine.empty(spec, self.seed, pace)
        manifest = self._manifests.get(identifier)
        if manifest is None:
            return empty
        with storage_errors(), self._file.environment.begin() as transaction:
            return encoding.unpack_manifest(manifest, empty, lambda number: self._stored_run(transaction, number, spec))

    def mapped(self, spine: Spine) -> Spine:
        """The equal spine whose large stored runs are read from the map, so that their memory can be reclaimed."""
        return spine.replace_runs(lambda run: self._mapped_run(run, spine.spec))

    def _mapped_run(self, run: Run, spec: ArrangementSpec) -> Run:
        number = self._numbers.get(run)
        if number not in self._stored or run.nbytes < MAPPED_BYTES_MIN or self._mapped.get(number) is run:
            return run
        assert number is not None
        return self._mapped.get(number) or self._lazy_run(number, run.count, run.nbytes, run.fences, spec)

    def _stored_run(self, transaction: Transaction, number: int, spec: ArrangementSpec) -> Run:
        known = self._mapped.get(number)
        if known is not None:
            return known
        facts = transaction.get(_key(number), db=self._file.facts)
        return self._lazy_run(number, *encoding.unpack_facts(bytes(facts)), spec)

    def _lazy_run(self, number: int, count: int, nbytes: int, fences: Fences, spec: ArrangementSpec) -> Run:
        pages = self._pages.get(number)
        if pages is None:
            pages = self._pages[number] = Pages(self._file, number)
        run = Run(count, fences, lambda: pages.read(spec), nbytes)
        self._numbers[run] = number
        self._mapped[number] = run
        return run

    # -- measures

    @property
    def file_bytes(self) -> int:
        """Bytes of the file that hold pages, free ones included."""
        info = self._file.environment.info()
        return (info["last_pgno"] + 1) * self._file.environment.stat()["psize"]

    @property
    def retained(self) -> tuple[int, float]:
        """How many dropped runs wait for a reader to let go of them, and the seconds the oldest has waited."""
        since = [start for number, start in self._doomed.items() if number in self._pages]
        return len(since), time.monotonic() - min(since) if since else 0.0

    def resident_bytes(self) -> int:
        """Bytes of mapped runs that are in this process's memory."""
        return sum(resident_bytes(pages.address, pages.size) for pages in self._large_pages())

    def trim(self) -> None:
        """Takes mapped pages out of this process's memory; reading them again brings them back."""
        for pages in self._large_pages():
            forget_pages(pages.address, pages.size)

    def _large_pages(self) -> list[Pages]:
        return [pages for pages in list(self._pages.values()) if pages.size]

    # -- inside

    @property
    def _file(self) -> MappedFile:
        assert self._open_file is not None, "the store is closed"
        return self._open_file

    def _read_manifests(self) -> None:
        file = self._file
        with storage_errors(), file.environment.begin() as transaction:
            for key, manifest in _scan(transaction, file.manifests, b""):
                self._manifests[_number_of(key)] = manifest
                self._named[_number_of(key)] = encoding.manifest_runs(manifest)
                self._uses.update(self._named[_number_of(key)])
            stored = [_number_of(key) for key in keys_of(transaction, file.facts)]
        now = time.monotonic()
        self._doomed = {number: now for number in stored if number not in self._uses}
        self._stored = set(stored)
        self._next_number = max(stored, default=0) + 1


def _initialise(file: MappedFile, world: World) -> tuple[Seed, int]:
    """Checks the format, or makes a new database; returns its seed, and the generation of its log."""
    with storage_errors(), file.environment.begin() as transaction:
        version, seed, generation = (transaction.get(key, db=file.meta) for key in (_FORMAT_KEY, _SEED_KEY, _LOG_KEY))
    if version is None:
        seed, generation = world.random_bytes(16), _key(0)
        with storage_errors(), file.environment.begin(write=True) as transaction:
            transaction.put(_FORMAT_KEY, str(FORMAT).encode(), db=file.meta)
            transaction.put(_SEED_KEY, seed, db=file.meta)
            transaction.put(_LOG_KEY, generation, db=file.meta)
    elif bytes(version) != str(FORMAT).encode():
        raise ObjectNotInPrerequisiteState(
            "database files are incompatible with server",
            detail=f"The data directory was initialized by pgstream format {bytes(version).decode()}, "
            f"which is not compatible with this version's format {FORMAT}.",
        )
    return struct.unpack("<QQ", bytes(seed)), _number_of(bytes(generation))


def _key(number: int) -> bytes:
    return struct.pack(">Q", number)


def _number_of(key: bytes) -> int:
    return int(struct.unpack(">Q", key)[0])


def _put(transaction: Transaction, key: bytes, value: bytes | None, db: object) -> None:
    if value is None:
        transaction.delete(key, db=db)
    else:
        transaction.put(key, value, db=db)


def _scan(transaction: Transaction, db: object, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Entries whose key starts with `prefix`, less its first byte if there is one."""
    cursor = transaction.cursor(db)
    found = cursor.set_range(prefix) if prefix else cursor.first()
    while found and bytes(cursor.key()).startswith(prefix):
        key = bytes(cursor.key())
        yield (key[1:] if prefix else key), bytes(cursor.value())
        found = cursor.next()
