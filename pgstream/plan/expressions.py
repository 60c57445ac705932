"""Bound expressions: what the binder makes of an AST, and what the evaluator computes.

Names are ids here, types are known, overloads chosen and casts explicit. Everything is frozen and hashable, so
that equal expressions are equal values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pgstream.functions.registry import Aggregate, Function, WindowFunction
from pgstream.types.definition import SqlType

if TYPE_CHECKING:
    from pgstream.plan.relations import Relation

BOOLEAN = SqlType("bool")


@dataclass(frozen=True, slots=True)
class Col:
    """A column of one relation of a plan. `id` is unique within a plan; two scans of a table have distinct ids."""

    id: int
    name: str
    type: SqlType
    table_oid: int = 0
    """OID and attribute number of the stored column this is a plain reference to, for RowDescription; else 0."""
    attnum: int = 0


@dataclass(frozen=True, slots=True)
class Ref:
    """The value of a column of the input; of an enclosing query's input where `outer`, until unnesting."""

    col: Col

    @property
    def type(self) -> SqlType:
        return self.col.type


@dataclass(frozen=True, slots=True, eq=False)
class Const:
    """A value in its type's Python form (`TypeDefinition.to_python`); None is NULL.

    Two constants are equal if they are spelled alike: 1.0 and 1.00 print differently, so they are two.
    """

    value: Any
    type: SqlType

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Const) and self.type == other.type and repr(self.value) == repr(other.value)

    def __hash__(self) -> int:
        return hash((repr(self.value), self.type))


@dataclass(frozen=True, slots=True)
class Param:
    """`$index` (1-based), filled at Bind."""

    index: int
    type: SqlType


@dataclass(frozen=True, slots=True)
class Call:
    """A function (or operator, which is its function) applied to arguments of its declared types."""

    function: Function
    args: tuple[Expr, ...]
    type: SqlType


@dataclass(frozen=True, slots=True)
class CastExpr:
    """A change of type. How is decided by the pair of types (`functions/casts.py`), including typmod coercion,
    array element casts and the text I/O conversions."""

    arg: Expr
    type: SqlType
    explicit: bool


@dataclass(frozen=True, slots=True)
class And:
    """Three-valued AND of two or more."""

    args: tuple[Expr, ...]
    type: SqlType = BOOLEAN


@dataclass(frozen=True, slots=True)
class Or:
    """Three-valued OR of two or more."""

    args: tuple[Expr, ...]
    type: SqlType = BOOLEAN


@dataclass(frozen=True, slots=True)
class Not:
    arg: Expr
    type: SqlType = BOOLEAN


@dataclass(frozen=True, slots=True)
class IsNull:
    """`arg IS NULL`, never NULL itself."""

    arg: Expr
    type: SqlType = BOOLEAN


@dataclass(frozen=True, slots=True)
class IsBool:
    """`arg IS TRUE`, or `IS FALSE` where `value` is False."""

    arg: Expr
    value: bool
    type: SqlType = BOOLEAN


@dataclass(frozen=True, slots=True)
class IsDistinct:
    """`left IS DISTINCT FROM right`; `equals` is the = operator's function for their common type."""

    left: Expr
    right: Expr
    equals: Function
    type: SqlType = BOOLEAN


@dataclass(frozen=True, slots=True)
class Case:
    """Searched CASE; a branch is evaluated only over the rows that reach it. `otherwise` may be a NULL constant."""

    whens: tuple[tuple[Expr, Expr], ...]
    otherwise: Expr
    type: SqlType


@dataclass(frozen=True, slots=True)
class Coalesce:
    """The first argument that is not NULL; later ones are evaluated only where needed."""

    args: tuple[Expr, ...]
    type: SqlType


@dataclass(frozen=True, slots=True)
class MinMax:
    """GREATEST or LEAST, which skip NULLs."""

    args: tuple[Expr, ...]
    greatest: bool
    type: SqlType


@dataclass(frozen=True, slots=True)
class ArrayExpr:
    """`ARRAY[…]` of elements of one type."""

    args: tuple[Expr, ...]
    type: SqlType


@dataclass(frozen=True, slots=True)
class RowExpr:
    """`ROW(…)` as a value of a composite type, whose fields are the arguments."""

    args: tuple[Expr, ...]
    type: SqlType


@dataclass(frozen=True, slots=True)
class FieldOf:
    """`(row).field`: the field at a position; NULL of a row that is NULL."""

    row: Expr
    position: int
    type: SqlType


@dataclass(frozen=True, slots=True)
class Subscript:
    """`array[index]`, or `array[lower:upper]` with `slice`; out of bounds is NULL (an empty array for a slice)."""

    array: Expr
    lower: Expr | None
    upper: Expr | None
    slice: bool
    type: SqlType


@dataclass(frozen=True, slots=True)
class AnyAll:
    """`left operator ANY (array)` or `ALL (array)`; IN lists of constants are ANY over an ArrayExpr."""

    left: Expr
    function: Function
    array: Expr
    all: bool
    type: SqlType = BOOLEAN


@dataclass(frozen=True, slots=True)
class Subquery:
    """A subquery in an expression; replaced by joins before lowering (`sql/optimize/unnest.py`).

    exists: EXISTS (query); scalar: its one value or NULL; array: ARRAY(query); any/all: `tests` compares, with
    `Ref`s to the query's columns on the right, and the three-valued result is as SQL defines it for ANY and ALL.
    """

    kind: Literal["exists", "scalar", "array", "any", "all"]
    query: Relation
    type: SqlType
    test: Expr | None = None


@dataclass(frozen=True, slots=True)
class SortKey:
    """One ORDER BY item. `nulls_first` is resolved: by default it equals `descending`."""

    expr: Expr
    descending: bool = False
    nulls_first: bool = False


@dataclass(frozen=True, slots=True)
class AggCall:
    """An aggregate over the rows of a group. `filter` and the arguments are over the Aggregate node's input."""

    aggregate: Aggregate
    args: tuple[Expr, ...]
    type: SqlType
    distinct: bool = False
    filter: Expr | None = None
    order: tuple[SortKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """A window frame. Bounds are (kind, offset): offset is an int constant for ROWS and GROUPS."""

    mode: Literal["rows", "range", "groups"] = "range"
    start: Literal["unbounded", "preceding", "current", "following"] = "unbounded"
    start_offset: Expr | None = None
    end: Literal["unbounded", "preceding", "current", "following"] = "current"
    end_offset: Expr | None = None
    exclude: Literal["none", "row", "group", "ties"] = "none"


@dataclass(frozen=True, slots=True)
class WindowCall:
    """A window function or an aggregate OVER a window."""

    function: WindowFunction | Aggregate
    args: tuple[Expr, ...]
    type: SqlType
    partition: tuple[Expr, ...]
    order: tuple[SortKey, ...]
    frame: Frame = Frame()
    filter: Expr | None = None


Expr = (
    Ref
    | Const
    | Param
    | Call
    | CastExpr
    | And
    | Or
    | Not
    | IsNull
    | IsBool
    | IsDistinct
    | Case
    | Coalesce
    | MinMax
    | ArrayExpr
    | RowExpr
    | FieldOf
    | Subscript
    | AnyAll
    | Subquery
)
