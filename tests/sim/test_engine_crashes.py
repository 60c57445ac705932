"""The engine against a plain model: random statements, transactions, definitions and source ticks, over a store that
dies, or is full, between any two writes. One seed is one history.

What was acknowledged is there exactly once, what was not is there whole or not at all, every view equals its query.
"""

import gc
import os
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from pgstream.connectors.source import Limits
from pgstream.engine import Engine, intake
from pgstream.errors import SqlError
from pgstream.storage import store as store_module
from pgstream.testing.faulty_store import Countdown, Crash, faulty
from pgstream.testing.inline import Inline
from pgstream.testing.simulated_world import SimulatedWorld
from tests.unit.engine.engine_sql import Sql

SEEDS = range(int(os.environ.get("PGSTREAM_SEEDS", "8")))
STEPS = 60
TOTAL = 150
"""How many rows the source gives in all."""

VIEWS = {
    "v_groups": "SELECT b % 3 AS g, count(*) AS n, sum(b) AS s, max(a) AS m FROM t GROUP BY 1",
    "v_join": "SELECT t.a, t.b, u.c FROM t JOIN u ON u.b = t.b",
    "v_outer": "SELECT u.c, t.a FROM u LEFT JOIN t ON t.b = u.b",
    "v_top": "SELECT a, b FROM t ORDER BY b DESC, a LIMIT 3",
    "v_lonely": "SELECT DISTINCT b FROM u WHERE NOT EXISTS (SELECT 1 FROM t WHERE t.b = u.b)",
    "v_source": "SELECT counter % 4 AS r, count(*) AS n FROM s GROUP BY 1",
    "v_mixed": "SELECT u.c, s.counter FROM s JOIN u ON u.b = s.counter % 7",
    "v_inverse": "SELECT a, 100 / (b - 5) AS i FROM t",
}


class FewRows(Inline):
    """Sources give a few rows at a time."""

    limits = Limits(rows=7)


@dataclass
class Model:
    """What the database holds. `t` by primary key, `u` a bag of rows."""

    t: dict[int, int] = field(default_factory=dict)
    u: Counter[tuple[int, str]] = field(default_factory=Counter)
    names: frozenset[str] = frozenset()

    def copy(self) -> "Model":
        return Model(dict(self.t), Counter(self.u), self.names)

    @property
    def inverse_fails(self) -> bool:
        return "v_inverse" in self.names and 5 in self.t.values()

    def key(self) -> Any:
        return sorted(self.t.items()), sorted(self.u.items()), self.names


class Refused(Exception):
    """The model's refusal, with the SQLSTATE."""


def random_statement(chance: random.Random, model: Model) -> tuple[str, Model]:
    """A statement, and what it makes of `model`. Raises nothing; the model of a refused one is a Refused."""
    after = model.copy()
    kind = chance.choice(["insert", "insert", "insert", "upsert", "update", "delete", "bag", "bag", "unbag", "view"])
    a, b, c = chance.randrange(30), chance.randrange(8), chance.choice("xyz")
    if kind == "insert":
        rows = [(a + i, chance.randrange(8)) for i in range(chance.randrange(1, 4))]
        if any(key in after.t for key, _ in rows):
            after = Refused("23505")
        else:
            after.t.update(rows)
        return f"INSERT INTO t VALUES {', '.join(map(str, rows))}", after
    if kind == "upsert":
        after.t[a] = after.t[a] + 1 if a in after.t else b
        return f"INSERT INTO t VALUES ({a}, {b}) ON CONFLICT (a) DO UPDATE SET b = t.b + 1", after
    if kind == "update":
        after.t = {key: value + (2 if key % 3 == a % 3 else 0) for key, value in after.t.items()}
        return f"UPDATE t SET b = b + 2 WHERE a % 3 = {a % 3}", after
    if kind == "delete":
        after.t = {key: value for key, value in after.t.items() if value != b}
        return f"DELETE FROM t WHERE b = {b}", after
    if kind == "bag":
        count = chance.choice([1, 2, 300])
        after.u[b, c] += count
        return f"INSERT INTO u SELECT {b}, '{c}' FROM generate_series(1, {count}) AS g(n)", after
    if kind == "unbag":
        after.u = Counter({row: n for row, n in after.u.items() if row != (b, c)})
        return f"DELETE FROM u WHERE b = {b} AND c = '{c}'", after
    name = chance.choice(list(VIEWS))
    if name in model.names:
        after.names = model.names - {name}
        return f"DROP MATERIALIZED VIEW {name}", after
    after.names = model.names | {name}
    return f"CREATE MATERIALIZED VIEW {name} AS {VIEWS[name]}", after


def refused(after: Model | Refused) -> str | None:
    """The SQLSTATE with which a statement must fail."""
    if isinstance(after, Refused):
        return str(after)
    return "22012" if after.inverse_fails else None


@dataclass
class Open:
    """A transaction: its session, the model it began on and the one it has."""

    sql: Sql
    base: Model
    fork: Model
    wrote: bool = False


class History:
    """An engine, the model, and the open transactions."""

    def __init__(self, path: Any, seed: int) -> None:
        self.path, self.chance = path, random.Random(seed)
        self.countdown = Countdown()
        self.world = SimulatedWorld(seed)
        self.model = Model()
        self.engine: Engine | None = None
        self.open_ones: list[Open] = []
        self.source_rows = 0
        self.open()
        self.run(
            "CREATE TABLE t (a int PRIMARY KEY, b int); CREATE TABLE u (b int, c text); CREATE SOURCE s"
            f" WITH (connector = 'impulse', message_count = '{TOTAL}', event_rate = '1000000')"
        )

    def open(self) -> None:
        self.sql = None
        if self.engine is not None:
            self.engine._databases["postgres"].intake.close()
            self.engine._store.close()
            self.engine = None
        for one in self.open_ones:
            one.sql.forget()
        self.open_ones.clear()
        gc.collect()
        self.countdown.left, self.countdown.dead = None, False
        environment = faulty(self.countdown)
        self.engine = Engine.open(self.path, self.world, sync=False, environment=environment, threaded=False)
        self.sql = Sql(self.engine.database("postgres"), world=self.world)

    def wait(self, future: Any) -> Any:
        for _ in range(10_000):
            if future.done():
                return future.result()
            self.engine.turn()
        raise AssertionError("no answer")

    def run(self, text: str, sql: Sql | None = None) -> None:
        from pgstream.sql.parse import parse

        for parsed in parse(text):
            self.wait((sql or self.sql).submit(parsed))

    def failure(self, text: str, sql: Sql) -> str | None:
        try:
            self.run(text, sql)
        except SqlError as error:
            return error.sqlstate
        return None

    # -- steps

    def step(self) -> None:
        roll = self.chance.random()
        self.countdown.full = self.chance.random() < 0.3
        self.intended = self.model
        self.countdown.left = self.chance.randrange(0, 30) if self.chance.random() < 0.25 else None
        if self.dies(roll):
            self.recover(self.model)
        self.countdown.left = None

    def dies(self, roll: float) -> bool:
        """One step; whether the process died in it."""
        try:
            if roll < 0.55 or (roll < 0.7 and len(self.open_ones) >= 3):
                self.alone()
            elif roll < 0.7:
                self.begin()
            elif roll < 0.95 and self.open_ones:
                self.within(self.chance.choice(self.open_ones))
            else:
                for _ in range(self.chance.randrange(1, 4)):
                    self.world.sleep(0.1)
                    self.engine.turn()
        except Crash:
            return True
        return self.countdown.dead  # in a commit that nobody waited for

    def alone(self) -> None:
        text, after = random_statement(self.chance, self.model)
        wanted = refused(after)
        self.intended = self.model if wanted else after
        state = self.failure(text, self.sql)
        if state == "53100":
            self.forget_undurable()
            return
        assert state == wanted, text
        if wanted is None:
            self.model = after

    def forget_undurable(self) -> None:
        """The disk was full: nothing has changed."""
        self.check()

    def begin(self) -> None:
        isolation = self.chance.choice(["read committed", "repeatable read"])
        one = Sql(self.sql.database, self.sql.database.begin(isolation), self.world)
        self.open_ones.append(Open(one, self.model, self.model, isolation != "read committed"))

    def within(self, one: Open) -> None:
        roll = self.chance.random()
        if roll < 0.6:
            self.statement(one)
        elif roll < 0.9:
            self.commit(one)
        else:
            self.open_ones.remove(one)
            self.wait(one.sql.workspace.rollback())

    def statement(self, one: Open) -> None:
        if not one.wrote:
            one.base = one.fork = self.model
        text, after = random_statement(self.chance, one.fork)
        one.wrote = True
        wanted = refused(after)
        assert self.failure(text, one.sql) == wanted, text
        if wanted is None:
            one.fork = after
            assert dict(one.sql.rows("SELECT * FROM t")) == after.t
            self.views(one.sql, after)
        else:  # a session would roll back now
            self.open_ones.remove(one)
            self.wait(one.sql.workspace.rollback())

    def commit(self, one: Open) -> None:
        self.open_ones.remove(one)
        after = merged(one, self.model)
        wanted = refused(after)
        self.intended = self.model if wanted else after
        try:
            self.wait(one.sql.workspace.commit())
        except SqlError as error:
            if error.sqlstate == "53100":
                self.forget_undurable()
                return
            state = error.sqlstate
        else:
            state, self.model = None, after
        assert state == wanted

    # -- checks

    def recover(self, before: Model) -> None:
        """The process died: the store holds the state before, or the one that was on its way."""
        self.open()
        found = self.found(before), self.found(self.intended)
        assert any(found), "neither before nor after"
        self.model = before if found[0] else self.intended
        self.check()

    def found(self, model: Model) -> bool:
        names = {row[0] for row in self.sql.rows("SELECT relname FROM pg_class WHERE relkind = 'm'")}
        bag = Counter(self.sql.rows("SELECT b, c FROM u"))
        return (dict(self.sql.rows("SELECT * FROM t")), bag, names) == (model.t, +model.u, set(model.names))

    def check(self) -> None:
        assert self.found(self.model)
        self.views(self.sql, self.model)
        if "v_source" in self.model.names:
            assert int(self.sql.value("SELECT coalesce(sum(n), 0) FROM v_source")) <= TOTAL

    def views(self, sql: Sql, model: Model) -> None:
        for name in model.names:
            sql.view(name, VIEWS[name])


def merged(one: Open, head: Model) -> Model | Refused:
    """What COMMIT makes of `head`, as `docs/decisions/0003-transactions-are-forks.md` has it."""
    base, fork = one.base, one.fork
    after = head.copy()
    for key, value in base.t.items():
        if fork.t.get(key) != value:
            if head.t.get(key) != value:
                return Refused("40001")
            del after.t[key]
    gone = base.u - fork.u
    if any(head.u[row] < n for row, n in gone.items()):
        return Refused("40001")
    after.u = head.u - gone + (fork.u - base.u)
    for key, value in fork.t.items():
        if base.t.get(key) != value:
            if key in after.t:
                return Refused("23505")
            after.t[key] = value
    created, dropped = fork.names - base.names, base.names - fork.names
    if created & head.names:
        return Refused("40001")
    after.names = (head.names | created) - dropped
    return after


@pytest.mark.parametrize("seed", SEEDS)
def test_a_history(tmp_path: Any, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MAPPED_BYTES_MIN", 2100)
    monkeypatch.setattr(intake, "Prefetch", FewRows)
    history = History(tmp_path / "data", seed)
    for _ in range(STEPS):
        history.step()
        history.check()
    history.open()
    history.check()
    for name in set(VIEWS) - set(history.model.names) - {"v_inverse"}:
        history.run(f"CREATE MATERIALIZED VIEW {name} AS {VIEWS[name]}")
    for _ in range(2 * TOTAL // 7 + 10):
        history.world.sleep(1)
        history.engine.turn()
    assert int(history.sql.value("SELECT sum(n) FROM v_source")) == TOTAL
