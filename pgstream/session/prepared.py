"""Statements and portals: text made ready to run, and a run that can be asked for its rows piece by piece."""

from dataclasses import dataclass, field
from typing import Any

from pgstream.catalog.session_facts import CursorFacts
from pgstream.delta import Column
from pgstream.plan.expressions import Col
from pgstream.sql.parse import Parsed
from pgstream.types.definition import SqlType


@dataclass(slots=True)
class Prepared:
    """A statement with its types known. `parsed` is None for an empty text.

    `bound` is None for the statements that the session runs itself (`control`). `given` holds the parameter types
    that the client declared, for binding again after the catalog changed.
    """

    parsed: Parsed | None
    given: tuple[SqlType | None, ...] = ()
    bound: Any = None
    control: Any = None
    parameters: tuple[SqlType, ...] = ()
    columns: tuple[Col, ...] | None = None
    from_sql: bool = False
    """Made by PREPARE, not by a Parse message."""
    rounds: dict[Any, Any] = field(default_factory=dict)
    """How rounds of each shape are answered at once (see `session/rounds.py`), while `bound` is what it is."""


@dataclass(slots=True)
class Answer:
    """What a statement gave. With `counted`, the tag ends in the number of rows sent.

    `rows` are `count` rows in columns; a statement without result columns has `columns` None.
    """

    tag: str
    columns: tuple[Col, ...] | None = None
    rows: tuple[Column, ...] = ()
    count: int = 0
    counted: bool = False
    feed: Any = None
    """Where rows come from that are not there yet; `rows` has none then."""

    def tag_after(self, count: int) -> str:
        """The command tag once `count` rows were sent."""
        return f"{self.tag} {count}" if self.counted else self.tag


@dataclass(slots=True)
class Portal:
    """A statement with its parameters, and how far its rows were fetched."""

    prepared: Prepared
    params: tuple[Column, ...] = ()
    result_formats: tuple[int, ...] = ()
    answer: Answer | None = None
    sent: int = 0
    finished: bool = False


@dataclass(slots=True)
class Cursor:
    """A SQL cursor over a materialised result. `position` is 0 before the first row, count + 1 after the last."""

    name: str
    answer: Answer
    statement: str
    hold: bool = False
    scroll: bool = True
    binary: bool = False
    position: int = 0
    created_us: int = 0
    settled: bool = False
    """Its transaction committed."""

    def facts(self) -> CursorFacts:
        """What pg_cursors shows."""
        return CursorFacts(self.name, self.statement, self.hold, self.binary, self.scroll, self.created_us)

    def kept(self, committed: bool) -> bool:
        """Whether a WITH HOLD cursor outlives the end of a transaction."""
        self.settled = self.settled or committed
        return self.settled
