"""The logical algebra of joins that choose by time; a part of `relations.py`, which names them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pgstream.plan.expressions import Col, Expr

if TYPE_CHECKING:
    from pgstream.plan.relations import Relation


@dataclass(frozen=True, slots=True)
class Asof:
    """Each left row with one right row at most: of those for which `condition`, equations of the two sides, is true and
    to whose `version` the left row's `time` compares as `nearer` says, the nearest. Of one time the first by identity.

    `residual` is asked of that pair alone: where it is not true, the left row has no match. With `waits`, rows are
    given when the watermarks of both sides have passed them; where one has none, at once, and corrected.
    """

    kind: Literal["inner", "left"]
    left: Relation
    right: Relation
    condition: Expr | None
    time: Expr
    version: Expr
    nearer: Literal[">=", ">", "<=", "<"]
    residual: Expr | None = None
    waits: bool = False

    @property
    def columns(self) -> tuple[Col, ...]:
        return self.left.columns + self.right.columns


@dataclass(frozen=True, slots=True)
class Lookup:
    """A join of each left row with the right rows that are there when it comes; what comes later changes nothing."""

    kind: Literal["inner", "left"]
    left: Relation
    right: Relation
    condition: Expr | None

    @property
    def columns(self) -> tuple[Col, ...]:
        return self.left.columns + self.right.columns


@dataclass(frozen=True, slots=True)
class Versions:
    """The rows that a stored relation has had, `input` being its Scan: of each `key` one for each `time`, the last that
    was written. `gone` is true of one that was deleted, and says that from then on there is none.

    Of those before the watermark of `series` and `low_us` only the last is asked for, as a plan that is lowered knows.
    """

    input: Relation
    key: tuple[Col, ...]
    time: Col
    gone: Col
    series: tuple[int, ...] = ()
    low_us: int = 0

    @property
    def columns(self) -> tuple[Col, ...]:
        return (*self.input.columns, self.gone)
