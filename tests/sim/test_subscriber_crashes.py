"""Subscribers and subscriptions in random histories with crashes: see test_engine_crashes.py.

What a watcher was told is remembered tick by tick, as it was told; what is remembered comes to what the table holds.
"""

from collections import Counter
from typing import Any

import pytest

from pgstream.engine import intake
from pgstream.storage import store as store_module
from tests.sim.test_engine_crashes import SEEDS, STEPS, FewRows, History
from tests.unit.engine.engine_sql import Sql
from tests.unit.engine.test_engine_subscriptions import Remembered, remembered, subscription
from tests.unit.engine.test_engine_watching import rows_of


class Followed(History):
    """A history whose table `t` is watched, and has a subscription."""

    def __init__(self, path: Any, seed: int) -> None:
        self.received: Remembered = []
        self.watch: Any = None
        super().__init__(path, seed)
        self.run("CREATE SUBSCRIPTION kept FROM t WITH (retention = '1 year')")
        self.follow()

    @property
    def session(self) -> Sql:
        assert self.sql is not None
        return self.sql

    @property
    def remembered(self) -> Remembered:
        return remembered(self.session, name="kept")

    def open(self) -> None:
        self.watch = None  # a watcher ends with its engine, whose files it holds
        super().open()

    def follow(self) -> None:
        """Watches from now on."""
        from pgstream.sql.parse import parse

        (parsed,) = parse("SUBSCRIBE t")
        bound, context = self.session._bound(parsed)
        self.watch = self.wait(self.session.database.autocommit.watch(parsed, bound, context))
        self.until_ms = self.watch.head.time_ms

    def listen(self) -> None:
        """Takes what the watcher is told."""
        told = self.watch.channel.read(self.until_ms)
        for change in told.changes:
            assert change.time_ms > self.until_ms
            rows = Counter({row: n for row, n in rows_of(change.delta.columns, change.delta.weights).items() if n})
            if rows:
                self.received.append((change.time_ms, rows))
        self.until_ms = told.until_ms

    def step(self) -> None:
        super().step()
        if self.watch is not None:
            self.listen()

    def recover(self, before: Any) -> None:
        if self.watch is not None:
            self.listen()  # what was durable and told before the end
        super().recover(before)
        kept = self.remembered
        assert kept[: len(self.received)] == self.received
        assert len(kept) <= len(self.received) + 1, "more than what was on its way"
        self.received = kept
        self.follow()

    def check(self) -> None:
        super().check()
        if self.watch is not None or self.received:
            total: Counter[Any] = Counter()
            for _, rows in self.remembered:
                for row, count in rows.items():
                    total[row] += count
            assert +total == Counter(self.model.t.items())
            assert min(total.values(), default=0) >= 0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_history_is_remembered(tmp_path: Any, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MAPPED_BYTES_MIN", 2100)
    monkeypatch.setattr(intake, "Prefetch", FewRows)
    history = Followed(tmp_path / "data", seed)
    for _ in range(STEPS):
        history.step()
    history.check()
    assert history.remembered == history.received
    assert subscription(history.session, "kept").since_ms < history.received[0][0]
    history.open()
    assert history.remembered == history.received
