"""The store against a dict, dying between any two writes; and killed for real."""

import gc
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from pgstream.delta import Delta
from pgstream.storage import store as store_module
from pgstream.storage.pace import Pace
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.storage.store import Commit, Store
from pgstream.testing.faulty_store import Countdown, Crash, faulty
from pgstream.types import INT8, TEXT

SPEC = ArrangementSpec((INT8, TEXT), (0,))
TINY = Pace(small_rows=3, fan=2, fuel=2, chunk_rows=4)


def random_delta(chance):
    count = chance.randrange(1, 12)
    keys = [chance.choice([None, *range(20)]) for _ in range(count)]
    texts = [chance.choice([None, "", "x", "yy" * 20]) for _ in range(count)]
    weights = [chance.choice([-1, 1, 1, 2]) for _ in range(count)]
    return Delta((pa.array(keys, pa.int64()), pa.array(texts, pa.string())), np.array(weights, np.int64))


def counted(delta):
    found = Counter()
    for key, text, weight in zip(*(c.to_pylist() for c in delta.columns), delta.weights.tolist(), strict=True):
        found[key, text] += weight
    return {row: weight for row, weight in found.items() if weight}


def stored_runs(store):
    file = store._file
    with file.environment.begin() as transaction:
        return set(transaction.cursor(file.runs).iternext(values=False)), set(
            transaction.cursor(file.facts).iternext(values=False)
        )


class World:
    """The store under test, and the model: what each arrangement and key held at the last two commits."""

    def __init__(self, path, chance):
        self.path, self.chance = path, chance
        self.countdown = Countdown()
        self.store = None
        self.spines: dict[int, Spine] = {}
        self.committed = ({}, {})
        self.pinned: list[tuple[Delta, dict]] = []
        self.open()

    def open(self):
        self.store = None
        self.spines = {}
        self.pinned.clear()
        gc.collect()
        self.countdown.left = None
        self.store = Store.open(self.path, sync=False, environment=faulty(self.countdown))

    def state(self):
        held = {i: counted(self.store.load_spine(i, SPEC, TINY).contents()) for i in self.store.arrangements}
        return held, dict(self.store.items())

    def step(self):
        """The next commit, and what the store holds after it; a third are such as the log may take."""
        changed = {}
        for identifier in self.chance.sample(range(4), self.chance.choice([0, 0, 1, 2, 3, 4])):
            spine = self.spines.get(identifier) or self.store.load_spine(identifier, SPEC, TINY)
            for _ in range(self.chance.randrange(1, 5)):
                spine = spine.insert(random_delta(self.chance))
            self.spines[identifier] = changed[identifier] = spine
        dropped = [i for i in self.spines if changed and i not in changed and self.chance.random() < 0.1]
        meta = {self.chance.choice([b"a", b"b", b"c"]): self.chance.choice([None, b"1", b"2" * 50, b"3" * 5000])}
        after = dict(self.committed[0]), dict(self.committed[1])
        for identifier, spine in changed.items():
            after[0][identifier] = counted(spine.contents())
        for identifier in dropped:
            after[0].pop(identifier, None)
            self.spines.pop(identifier)
        for key, value in meta.items():
            after[1].pop(key, None)
            if value is not None:
                after[1][key] = value
        return Commit(changed, dropped, meta), after

    def dies(self, changes):
        try:
            self.store.commit(changes)
        except Crash:
            return True
        return False

    def commit(self):
        """One commit, which may crash at any write; then the store holds the state before, or the one after."""
        changes, after = self.step()
        crashes = self.chance.random() < 0.4
        self.countdown.left = self.chance.randrange(0, 25) if crashes else None
        if self.dies(changes):
            del changes
            self.open()
            found = self.state()
            assert found in (self.committed, after)
            self.committed = found
            return
        self.committed = after
        self.spines = {i: self.store.mapped(spine) for i, spine in self.spines.items()}
        if self.chance.random() < 0.3 and self.spines:
            held = self.chance.choice(list(self.spines.values())).contents()
            self.pinned.append((held, counted(held)))
        if len(self.pinned) > 3:
            self.pinned.pop(0)


@pytest.mark.parametrize("seed", range(6))
def test_random_commits_with_crashes(tmp_path, seed, monkeypatch):
    monkeypatch.setattr(store_module, "MAPPED_BYTES_MIN", 2100)  # beyond it LMDB gives a value pages of its own
    world = World(tmp_path / "db", random.Random(seed))
    for _ in range(30):
        world.commit()
        assert world.state() == world.committed
        for held, expected in world.pinned:
            assert counted(held) == expected
    world.open()
    assert world.state() == world.committed
    world.store.commit(Commit())
    runs, facts = stored_runs(world.store)
    assert runs == facts
    assert len(runs) == sum(count > 0 for count in world.store._uses.values())


CHILD = """
import sys, pyarrow as pa
from pgstream.delta import Delta
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.pace import Pace
from pgstream.storage.spine import Spine
from pgstream.storage.store import Commit, Store
from pgstream.types import INT8, TEXT
spec = ArrangementSpec((INT8, TEXT), (0,))
store = Store.open(sys.argv[1])
spine = store.load_spine(1, spec, Pace(small_rows=8, fan=2, chunk_rows=64))
tick = int(store.get(b"tick") or b"0")
while True:
    tick += 1
    keys = pa.array(range(tick * 50, tick * 50 + 50))
    spine = spine.insert(Delta.of([keys, pa.array([str(tick)] * 50)]))
    store.commit(Commit({1: spine}, meta={b"tick": str(tick).encode()}))
    spine = store.mapped(spine)
    print(tick, flush=True)
"""


def test_kill_nine_loses_no_acknowledged_commit(tmp_path):
    path, acknowledged = tmp_path / "db", 0
    for round_number in range(4):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout.readline()
        time.sleep(0.15 + 0.1 * round_number)
        child.send_signal(signal.SIGKILL)
        lines = child.stdout.read().splitlines()
        child.wait()
        acknowledged = max([acknowledged, *(json.loads(line) for line in lines if line.strip())])
        store = Store.open(path)
        tick = int(store.get(b"tick"))
        assert tick in (acknowledged, acknowledged + 1)
        contents = store.load_spine(1, SPEC, TINY).contents()
        assert sorted(contents.columns[0].to_pylist()) == list(range(50, tick * 50 + 50))
        assert set(contents.weights.tolist()) == {1}
        acknowledged = tick
        del contents
        store.close()
        del store
        gc.collect()
