"""What a statement that changes something answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pgstream.delta import Column, Delta
from pgstream.plan.expressions import Col


@dataclass(frozen=True, slots=True)
class Notice:
    """A message that is no error. `severity` is NOTICE or WARNING."""

    message: str
    detail: str | None = None
    hint: str | None = None
    severity: str = "NOTICE"
    sqlstate: str = "00000"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`tag` is the command tag; `rows` are RETURNING's, or EXPLAIN's, None columns where there are none."""

    tag: str
    columns: tuple[Col, ...] | None = None
    rows: tuple[Column, ...] = ()
    count: int = 0
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What a statement does to stored tables, and what it answers once that is done."""

    deltas: Mapping[int, Delta] = field(default_factory=dict)
    outcome: Outcome = Outcome("")
