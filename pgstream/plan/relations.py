"""The logical algebra: frozen nodes from relations to relations.

Every node has `columns`, the columns it gives, with ids unique in the plan. A node refers to its input's columns by
`Ref`; a reference to a column that no input gives is a correlation, and only stands below an `Apply`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pgstream.functions.registry import Function
from pgstream.plan.expressions import AggCall, Col, Expr, SortKey, WindowCall
from pgstream.plan.timed import Asof as Asof
from pgstream.plan.timed import Lookup as Lookup
from pgstream.plan.timed import Versions as Versions


@dataclass(frozen=True, slots=True)
class Scan:
    """All rows of a stored relation: a table, source, materialized view or system relation.

    `positions[i]` is the 0-based position in the stored relation of `columns[i]`.
    """

    oid: int
    name: str
    columns: tuple[Col, ...]
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Values:
    """Literal rows, each of constant expressions; no columns and one row is what `SELECT 1` selects from."""

    columns: tuple[Col, ...]
    rows: tuple[tuple[Expr, ...], ...]


@dataclass(frozen=True, slots=True)
class Project:
    """One output row per input row. `outputs` pairs each new (or passed through) column with its expression."""

    input: Relation
    outputs: tuple[tuple[Col, Expr], ...]

    @property
    def columns(self) -> tuple[Col, ...]:
        return tuple(col for col, _ in self.outputs)


@dataclass(frozen=True, slots=True)
class Filter:
    """The rows where `predicate` is true."""

    input: Relation
    predicate: Expr

    @property
    def columns(self) -> tuple[Col, ...]:
        return self.input.columns


JoinKind = Literal["inner", "left", "right", "full", "semi", "anti"]


@dataclass(frozen=True, slots=True)
class Join:
    """Rows of both sides where `condition` is true (None: a cross join).

    semi and anti give the left side's rows that have a match, or none.
    """

    kind: JoinKind
    left: Relation
    right: Relation
    condition: Expr | None

    @property
    def columns(self) -> tuple[Col, ...]:
        if self.kind in ("semi", "anti"):
            return self.left.columns
        return self.left.columns + self.right.columns


@dataclass(frozen=True, slots=True)
class Apply:
    """A dependent join: `right` is evaluated for each row of `left`, whose columns it may refer to.

    single: like left, but an error (21000) if `right` gives two rows. mark: the left row and one more boolean
    column, the three-valued `left IN right` whose comparison is `condition`. Gone after unnesting.
    """

    kind: Literal["inner", "left", "semi", "anti", "single", "mark"]
    left: Relation
    right: Relation
    condition: Expr | None
    mark: Col | None = None

    @property
    def columns(self) -> tuple[Col, ...]:
        if self.kind in ("semi", "anti"):
            return self.left.columns
        if self.mark is not None:
            return (*self.left.columns, self.mark)
        return self.left.columns + self.right.columns


@dataclass(frozen=True, slots=True)
class AssertSingle:
    """The input, with SQLSTATE 21000 if two rows agree on `key` (no key: if there are two rows)."""

    input: Relation
    key: tuple[Col, ...]

    @property
    def columns(self) -> tuple[Col, ...]:
        return self.input.columns


@dataclass(frozen=True, slots=True)
class Group:
    """GROUP BY: one row per distinct `keys`, with aggregates. No keys at all: always exactly one row."""

    input: Relation
    keys: tuple[tuple[Col, Expr], ...]
    aggregates: tuple[tuple[Col, AggCall], ...]

    @property
    def columns(self) -> tuple[Col, ...]:
        return tuple(col for col, _ in self.keys) + tuple(col for col, _ in self.aggregates)


@dataclass(frozen=True, slots=True)
class Distinct:
    """Each row once, by SQL equality of all columns."""

    input: Relation

    @property
    def columns(self) -> tuple[Col, ...]:
        return self.input.columns


@dataclass(frozen=True, slots=True)
class SetOp:
    """UNION, INTERSECT or EXCEPT of inputs with equal column types; `columns` are new ones."""

    kind: Literal["union", "intersect", "except"]
    all: bool
    inputs: tuple[Relation, ...]
    columns: tuple[Col, ...]


Whole = Literal["rows", "peers", "groups"]


@dataclass(frozen=True, slots=True)
class TopN:
    """For each partition the rows from `offset` on, at most `limit` (None: all), in `order`.

    Rows that tie under `order` are cut by row identity, so the choice is the same however the rows arrived; with
    `whole`, all that tie with the last one stay ("peers"), or `limit` counts groups of rows that tie ("groups").
    `partition` holds expressions over the input; DISTINCT ON is a partition with limit 1.
    """

    input: Relation
    partition: tuple[Expr, ...]
    order: tuple[SortKey, ...]
    limit: Expr | None
    offset: Expr | None = None
    whole: Whole = "rows"

    @property
    def columns(self) -> tuple[Col, ...]:
        return self.input.columns


@dataclass(frozen=True, slots=True)
class Sort:
    """The order of a SELECT's result. Only ever the root of a plan: relations have no order."""

    input: Relation
    order: tuple[SortKey, ...]

    @property
    def columns(self) -> tuple[Col, ...]:
        return self.input.columns


@dataclass(frozen=True, slots=True)
class Window:
    """The input's columns and one more for each window call."""

    input: Relation
    calls: tuple[tuple[Col, WindowCall], ...]

    @property
    def columns(self) -> tuple[Col, ...]:
        return self.input.columns + tuple(col for col, _ in self.calls)


@dataclass(frozen=True, slots=True)
class TableCall:
    """A set-returning function applied to each input row: the input's columns, then the function's.

    `FROM generate_series(1, 3)` has `Values` with one row of no columns as its input. `ordinality` adds an int8 at
    the end. With `outer`, a row for which the function gives nothing stays, with NULLs.
    """

    input: Relation
    function: Function
    args: tuple[Expr, ...]
    outputs: tuple[Col, ...]
    ordinality: Col | None = None
    outer: bool = False

    @property
    def columns(self) -> tuple[Col, ...]:
        tail = () if self.ordinality is None else (self.ordinality,)
        return self.input.columns + self.outputs + tail


@dataclass(frozen=True, slots=True)
class Sessions:
    """The input's columns, then `start` and `end` of the session that the row is in, by its `time`.

    A session of one `partition` is a stretch of rows no two neighbours of which are more than `gap` apart; it ends
    `gap` after the last. Rows whose time is NULL or infinite are in none, and left out. A row may stand for several:
    the first of them at `time` and the last at `last`, all within one span of `gap` counted from 1970.
    """

    input: Relation
    partition: tuple[Expr, ...]
    time: Expr
    gap: Expr
    start: Col
    end: Col
    last: Expr | None = None

    @property
    def columns(self) -> tuple[Col, ...]:
        return (*self.input.columns, self.start, self.end)


@dataclass(frozen=True, slots=True)
class Close:
    """The input's rows, each given once when `end` has come, for nothing can change it any more; or, where it is
    `open`, each from when it is there until then.

    What has come is the watermark of `series`, the OIDs of sources and tables, or `kept_us` less. `end` is a moment
    over the input; `early` says of a row of the input's input when what it belongs to ends at the earliest (of the
    input itself, where that is neither a Group nor Sessions). `shared`: there is another one over the same input, that
    is open where this one is not. There are none but in what EMIT and a retention are lowered from.
    """

    input: Relation
    end: Expr
    early: Expr
    series: tuple[int, ...]
    open: bool = False
    shared: bool = False
    kept_us: int = 0

    @property
    def columns(self) -> tuple[Col, ...]:
        return self.input.columns


@dataclass(frozen=True, slots=True)
class Fade:
    """The input's rows, as long as some row of equal `key` has come or gone within the last `idle_us` of the clock.
    There are none but in what a state_ttl is lowered from.
    """

    input: Relation
    key: tuple[Expr, ...]
    idle_us: int

    @property
    def columns(self) -> tuple[Col, ...]:
        return self.input.columns


@dataclass(frozen=True, slots=True)
class Temporal:
    """The input's rows while the clock is at or after all `begins` and before all `ends`, each a moment of the row and
    microseconds more, and while the moments in `compared` are as they should be with the clock and a number of months
    more: each of `by` is how they compare, and microseconds before the months, the months, and microseconds after them.
    There are none but in plans of kept queries that are about to be lowered.
    """

    input: Relation
    begins: tuple[Expr, ...]
    begin_shifts: tuple[int, ...]
    ends: tuple[Expr, ...]
    end_shifts: tuple[int, ...]
    compared: tuple[Expr, ...] = ()
    by: tuple[tuple[str, int, int, int], ...] = ()

    @property
    def columns(self) -> tuple[Col, ...]:
        return self.input.columns


@dataclass(frozen=True, slots=True)
class Recursion:
    """WITH RECURSIVE: the rows of `base`, then those that `step` makes of the rows added last, until it adds none.

    In `step`, a Scan of the relation `working`, a negative number, is the rows added last. `base`, `step` and
    `columns` agree in type; `all` keeps rows that are there already.
    """

    base: Relation
    step: Relation
    working: int
    all: bool
    columns: tuple[Col, ...]


@dataclass(frozen=True, slots=True)
class Mutual:
    """WITH MUTUALLY RECURSIVE: relations that begin empty, and become what their `terms` make of them until nothing
    changes; in a term a Scan of `workings[i]`, a negative number, is relation number i.

    The rows of all: of each the columns of its relation, `columns[i]`, NULLs for those of the others, and its number.
    After `limit` rounds, where there is one, it is an error that something still changes, or the end if it `returns`.
    """

    terms: tuple[Relation, ...]
    workings: tuple[int, ...]
    relations: tuple[tuple[Col, ...], ...]
    number: Col
    limit: int | None
    returns: bool

    @property
    def columns(self) -> tuple[Col, ...]:
        return (*(col for relation in self.relations for col in relation), self.number)


Relation = (
    Scan
    | Values
    | Project
    | Filter
    | Join
    | Apply
    | Asof
    | Lookup
    | Versions
    | AssertSingle
    | Group
    | Distinct
    | SetOp
    | TopN
    | Sort
    | Window
    | TableCall
    | Sessions
    | Close
    | Fade
    | Temporal
    | Recursion
    | Mutual
)
