"""The function registry: one declaration per SQL function, operator, cast and aggregate.

A declaration holds the SQL signature, strictness, volatility, the kernel, its documentation and its examples.
pg_proc, pg_operator, pg_cast, the reference page and the example tests all derive from it; no other list of
functions exists.

    @function("repeat(text, int4) -> text", examples={"repeat('ab', 3)": "ababab", "repeat(NULL, 3)": "NULL"})
    def repeat(text: Column, count: Column) -> Column:
        "`text` repeated `count` times; empty when `count` is not positive."

    @function("int8pl(int8, int8) -> int8", operator="+")
    def int8_plus(left: Column, right: Column) -> Column: ...

    @cast("int4 -> int8", IMPLICIT)
    def int4_to_int8(column: Column) -> Column: ...

Kernels see whole columns. The evaluator (`functions/evaluate.py`) owns strictness: a strict kernel never meets a
NULL, because rows with a NULL argument are cut out before and put back as NULL after.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.types.definition import Settings, SqlType

IMMUTABLE: Literal["i"] = "i"
STABLE: Literal["s"] = "s"
VOLATILE: Literal["v"] = "v"
Volatility = Literal["i", "s", "v"]

IMPLICIT: Literal["i"] = "i"
ASSIGNMENT: Literal["a"] = "a"
EXPLICIT: Literal["e"] = "e"
CastContext = Literal["i", "a", "e"]


@dataclass(frozen=True, slots=True)
class EvalContext:
    """What an expression may ask of its surroundings: the session and the statement's clock.

    `catalog` is the catalog snapshot the statement was bound against (for reg* output and pg_get_*); `session` is
    the session's facts (user, database, pid). Both are opaque here: the functions that use them cast.
    """

    settings: Settings
    now_us: int
    catalog: Any = None
    session: Any = None


@dataclass(frozen=True, slots=True)
class BoundCall:
    """The types one call was resolved to, for polymorphic kernels that declare `bound=True`."""

    arguments: tuple[SqlType, ...]
    result: SqlType
    context: EvalContext


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A scalar or set-returning function.

    `kernel` takes one Arrow array per argument, all of one length `n >= 1`, and returns an array of that length
    and of the result type's storage. With `rowwise` it takes and gives single Python values instead (the types'
    to_python forms) and is applied once per distinct tuple of arguments. With `bound` its first argument is the
    BoundCall. A set-returning kernel returns (row index of each output row as int64, tuple of output columns).
    `variadic`: the last argument type may repeat, one or more times ("any" variadics zero or more).
    """

    name: str
    oid: int
    arguments: tuple[str, ...]
    result: str
    kernel: Callable[..., Any]
    volatility: Volatility = IMMUTABLE
    strict: bool = True
    rowwise: bool = False
    bound: bool = False
    variadic: bool = False
    defaults: int = 0
    returns_set: bool = False
    output_names: tuple[str, ...] = ()
    output_types: tuple[str, ...] = ()
    doc: str = ""
    examples: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Operator:
    """A row of pg_operator: `left` is None for a prefix operator."""

    name: str
    oid: int
    left: str | None
    right: str
    result: str
    function: Function


@dataclass(frozen=True, slots=True, eq=False)
class Cast:
    """A row of pg_cast. `function` takes one column, or (column, typmod, explicit) with `takes_typmod`."""

    source: str
    target: str
    context: CastContext
    function: Function | None
    """None: binary coercible, the storage is the same."""


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """An aggregate that is a sum over its rows, so an insertion adds and a retraction subtracts.

    `contribute(*arguments)` gives, for one copy of each row, int64 arrays of row length (NULL arguments must
    contribute 0); the state of a group is the weighted sum of each. `finish(*states)` turns int64 arrays, one value
    a group, into the result column. Overflow of int64 in a state must be impossible for < 2**31 rows a group, so
    64-bit inputs are split into two 32-bit halves.
    """

    states: int
    contribute: Callable[..., tuple[NDArray[np.int64], ...]]
    finish: Callable[..., Column]


@dataclass(frozen=True, slots=True, eq=False)
class Extreme:
    """min and max: read from the end of the group's ordered run."""

    descending: bool


@dataclass(frozen=True, slots=True, eq=False)
class Recompute:
    """Any other aggregate: computed anew for each touched group.

    `finish(call, arguments, offsets)`: argument columns hold the rows of all touched groups, group after group, each
    row as often as its weight says, in the aggregate's ORDER BY; group g is rows offsets[g]:offsets[g+1]. NULLs are
    included unless `strict`. Gives one value a group.
    """

    finish: Callable[[BoundCall, tuple[Column, ...], NDArray[np.int64]], Column]


@dataclass(frozen=True, slots=True, eq=False)
class Aggregate:
    """An aggregate function and how it is maintained.

    `strict`: rows whose first argument is NULL are not seen (count(x), sum, string_agg; not array_agg).
    """

    name: str
    oid: int
    arguments: tuple[str, ...]
    result: str
    maintained: Linear | Extreme | Recompute
    strict: bool = True
    bound: bool = False
    doc: str = ""
    examples: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class WindowFunction:
    """A pure window function (row_number, rank, lag, …); aggregates work over windows without a declaration.

    `kernel(call, arguments, partitions, peers)`: rows stand partition after partition in window order.
    `partitions` and `peers` are int64 arrays of length n: the index of the first row of each row's partition, and of
    its peer group (rows equal under ORDER BY). Returns a column of length n.
    """

    name: str
    oid: int
    arguments: tuple[str, ...]
    result: str
    kernel: Callable[..., Column]
    defaults: int = 0
    doc: str = ""
    examples: Mapping[str, str] = field(default_factory=dict)


FUNCTIONS: dict[str, list[Function]] = {}
OPERATORS: dict[str, list[Operator]] = {}
CASTS: dict[tuple[str, str], Cast] = {}
AGGREGATES: dict[str, list[Aggregate]] = {}
WINDOW_FUNCTIONS: dict[str, list[WindowFunction]] = {}


def functions_named(name: str) -> Sequence[Function]:
    """The overloads of `name`, in declaration order."""
    return FUNCTIONS.get(name, ())
