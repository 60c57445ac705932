"""Where the sequences of a database stand.

Values are given by no transaction: what was given is given, whatever becomes of who asked, so they are in no head.
What the store knows of a sequence is a value ahead of those that were given, as in PostgreSQL's log: a server that dies
goes on behind it, and none that somebody was told is given again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

from pgstream.catalog.objects import Sequence
from pgstream.errors import SequenceGeneratorLimitExceeded

AHEAD = 32
"""How many values may be given before the store must know."""


@dataclass(slots=True)
class Standing:
    """The last value, whether it was given, and how many more may be given before the store must know."""

    last: int
    called: bool
    left: int = 0


@dataclass(slots=True)
class SequenceValues:
    """See the module's description. Any thread may ask.

    Sequences go by their node, which is another one after RESTART. `due` has what the store is to know, by OID.
    """

    _standings: dict[int, Standing] = field(default_factory=dict)
    due: dict[int, tuple[int, int, bool]] = field(default_factory=dict)
    _used: dict[int, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def load(self, stored: Mapping[int, tuple[int, int, bool]]) -> None:
        """Takes up what the store knows: by OID the node, the value and whether it was given."""
        for node, last, called in stored.values():
            self._standings[node] = Standing(last, called)

    def standing(self, sequence: Sequence) -> Standing:
        """Where a sequence stands; the store need not know more than where it begins."""
        return self._standings.setdefault(sequence.node, Standing(sequence.initial, False))

    def next(self, sequence: Sequence) -> int:
        """The next value. Raises SequenceGeneratorLimitExceeded."""
        with self._lock:
            now = self.standing(sequence)
            value = self._after(sequence, now)
            now.last, now.called = value, True
            self._used[sequence.oid] = sequence.node
            if now.left <= 0:
                now.left = AHEAD
                ahead = self._ahead(sequence, value)
                self.due[sequence.oid] = sequence.node, ahead, True
            else:
                now.left -= 1
            return value

    def _after(self, sequence: Sequence, now: Standing) -> int:
        if not now.called:
            return now.last
        value = now.last + sequence.increment
        if sequence.minimum <= value <= sequence.maximum:
            return value
        rising = sequence.increment > 0
        if not sequence.cycle:
            word, bound = ("maximum", sequence.maximum) if rising else ("minimum", sequence.minimum)
            raise SequenceGeneratorLimitExceeded(
                f'nextval: reached {word} value of sequence "{sequence.name}" ({bound})'
            )
        return sequence.minimum if rising else sequence.maximum

    def _ahead(self, sequence: Sequence, value: int) -> int:
        """The value that a restart goes on behind: the last of the next ones that there are."""
        ahead = value + AHEAD * sequence.increment
        return min(max(ahead, sequence.minimum), sequence.maximum) if not sequence.cycle else value

    def set(self, sequence: Sequence, value: int, called: bool) -> None:
        """`setval`: the store must know at once."""
        with self._lock:
            self._standings[sequence.node] = Standing(value, called)
            self.due[sequence.oid] = sequence.node, value, called

    def exact(self) -> None:
        """The store is to know the very values, as the server ends in peace."""
        with self._lock:
            for oid, node in self._used.items():
                now = self._standings[node]
                self.due[oid] = node, now.last, now.called
            self._used.clear()

    def told(self, numbers: Mapping[int, tuple[int, int, bool]]) -> None:
        """The store knows these now."""
        with self._lock:
            for oid, said in numbers.items():
                if self.due.get(oid) == said:
                    del self.due[oid]
