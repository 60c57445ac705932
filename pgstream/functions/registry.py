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

Kernels see whole columns. The evaluator (`plan/evaluate.py`) owns strictness: a strict kernel never meets a
NULL, because rows with a NULL argument are cut out before and put back as NULL after.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pgstream.delta import Column
from pgstream.functions.maintained import Extreme, Fold, Foremost, Linear, Recompute
from pgstream.functions.signature import parse_signature
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

    A kernel without SQL arguments gets the number of rows instead (an int, after the BoundCall), unless it is
    `rowwise`; where it is not volatile that number is 1. `nullsafe`: the kernel gives NULL where an argument is
    NULL by itself (Arrow's do), so that a strict function need not cut the rows out. `scalars`: the kernel takes a
    pa.Scalar (never NULL) in place of a column for arguments that are constant, as long as one argument is a
    column. `widened`: it takes a column of integers in place of a numeric one that a cast from integers would make.
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
    nullsafe: bool = False
    scalars: bool = False
    widened: bool = False


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
    takes_typmod: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Aggregate:
    """An aggregate function and how it is maintained.

    `strict`: rows whose first argument is NULL are not seen (count(x), sum, string_agg; not array_agg). `kind` is
    pg_aggregate's: "o" for an ordered-set aggregate, whose first `direct` arguments have one value a group (their
    columns do too; NULL over no rows, unless it is a constant) and whose others are those of WITHIN GROUP, which
    order the rows; "h" for a hypothetical-set aggregate, which the binder makes of others.
    """

    name: str
    oid: int
    arguments: tuple[str, ...]
    result: str
    maintained: Linear | Extreme | Foremost | Fold | Recompute
    strict: bool = True
    bound: bool = False
    doc: str = ""
    examples: Mapping[str, str] = field(default_factory=dict)
    kind: Literal["n", "o", "h"] = "n"
    direct: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class WindowFunction:
    """A pure window function (row_number, rank, lag, …); aggregates work over windows without a declaration.

    `kernel(call, arguments, partitions, peers)`: rows stand partition after partition in window order.
    `partitions` and `peers` are int64 arrays of length n: the index of the first row of each row's partition, and of
    its peer group (rows equal under ORDER BY). Returns a column of length n. A `framed` kernel is given the
    rows' `Frames`, too.
    """

    name: str
    oid: int
    arguments: tuple[str, ...]
    result: str
    kernel: Callable[..., Column]
    defaults: int = 0
    doc: str = ""
    examples: Mapping[str, str] = field(default_factory=dict)
    framed: bool = False


FUNCTIONS: dict[str, list[Function]] = {}
OPERATORS: dict[str, list[Operator]] = {}
CASTS: dict[tuple[str, str], Cast] = {}
AGGREGATES: dict[str, list[Aggregate]] = {}
WINDOW_FUNCTIONS: dict[str, list[WindowFunction]] = {}


Kernel = TypeVar("Kernel", bound=Callable[..., Any])

_OIDS: set[int] = set()


def stable_oid(text: str) -> int:
    """An OID for the object declared as `text`: between PostgreSQL's own and the first user object's, never reused."""
    oid = 9000 + zlib.crc32(text.encode()) % 7000
    while oid in _OIDS:
        oid = oid + 1 if oid < 16383 else 9000
    _OIDS.add(oid)
    return oid


def function(
    signature: str,
    *,
    operator: str | None = None,
    oid: int = 0,
    volatility: Volatility = IMMUTABLE,
    strict: bool = True,
    rowwise: bool = False,
    bound: bool = False,
    nullsafe: bool = False,
    scalars: bool = False,
    widened: bool = False,
    defaults: int = 0,
    examples: Mapping[str, str] | None = None,
    doc: str = "",
) -> Callable[[Kernel], Kernel]:
    """Declares the decorated kernel as the SQL function of `signature`, and as `operator` too where that is given.

    `defaults`: how many trailing arguments may be left out; the kernel gets fewer columns then. One kernel may be
    declared several times, as overloads.
    """
    parts = parse_signature(signature)

    def declared(kernel: Kernel) -> Kernel:
        made = Function(
            name=parts.name,
            oid=oid or stable_oid(signature),
            arguments=parts.arguments,
            result=parts.result,
            kernel=kernel,
            volatility=volatility,
            strict=strict,
            rowwise=rowwise,
            bound=bound,
            variadic=parts.variadic,
            defaults=defaults,
            returns_set=parts.returns_set,
            output_names=parts.output_names,
            output_types=parts.output_types,
            doc=doc or (kernel.__doc__ or ""),
            examples=examples or {},
            nullsafe=nullsafe,
            scalars=scalars,
            widened=widened,
        )
        FUNCTIONS.setdefault(made.name, []).append(made)
        if operator is not None:
            _declare_operator(operator, made)
        return kernel

    return declared


def _declare_operator(name: str, made: Function) -> None:
    left = made.arguments[0] if len(made.arguments) == 2 else None
    oid = stable_oid(f"operator {name} {made.arguments}")
    OPERATORS.setdefault(name, []).append(Operator(name, oid, left, made.arguments[-1], made.result, made))


def cast(
    signature: str,
    context: CastContext,
    *,
    takes_typmod: bool = False,
    volatility: Volatility = IMMUTABLE,
    rowwise: bool = False,
    bound: bool = False,
    nullsafe: bool = False,
    examples: Mapping[str, str] | None = None,
) -> Callable[[Kernel], Kernel]:
    """Declares the decorated kernel as the cast of `signature`, "int4 -> int8"."""
    source, target = (part.strip() for part in signature.split("->"))

    def declared(kernel: Kernel) -> Kernel:
        made = Function(
            target,
            stable_oid(f"cast {signature}"),
            (source,),
            target,
            kernel,
            volatility=volatility,
            rowwise=rowwise,
            bound=bound,
            nullsafe=nullsafe,
            doc=kernel.__doc__ or "",
            examples=examples or {},
        )
        assert (source, target) not in CASTS, signature
        CASTS[source, target] = Cast(source, target, context, made, takes_typmod)
        return kernel

    return declared


def binary_cast(signature: str, context: CastContext) -> None:
    """Declares that the first type's columns are the second type's as they stand: "varchar -> text"."""
    source, target = (part.strip() for part in signature.split("->"))
    assert (source, target) not in CASTS, signature
    CASTS[source, target] = Cast(source, target, context, None)


def aggregate(
    signature: str,
    maintained: Linear | Extreme | Foremost | Fold | Recompute,
    *,
    strict: bool = True,
    bound: bool = False,
    examples: Mapping[str, str] | None = None,
    doc: str = "",
    kind: Literal["n", "o", "h"] = "n",
    direct: int = 0,
) -> Aggregate:
    """Declares an aggregate and how it is maintained."""
    parts = parse_signature(signature)
    oid = stable_oid(f"aggregate {signature}")
    shown = examples or {}
    made = Aggregate(
        parts.name, oid, parts.arguments, parts.result, maintained, strict, bound, doc, shown, kind, direct
    )
    AGGREGATES.setdefault(made.name, []).append(made)
    return made


def recomputed(
    signature: str, *, strict: bool = True, examples: Mapping[str, str] | None = None
) -> Callable[[Kernel], Kernel]:
    """Declares the decorated `finish` as an aggregate that is computed anew for each touched group."""

    def declared(finish: Kernel) -> Kernel:
        aggregate(signature, Recompute(finish), strict=strict, bound=True, examples=examples, doc=finish.__doc__ or "")
        return finish

    return declared


def window_function(
    signature: str, *, defaults: int = 0, framed: bool = False, examples: Mapping[str, str] | None = None
) -> Callable[[Kernel], Kernel]:
    """Declares the decorated kernel as a window function."""
    parts = parse_signature(signature)

    def declared(kernel: Kernel) -> Kernel:
        oid, doc = stable_oid(f"window {signature}"), kernel.__doc__ or ""
        made = WindowFunction(
            parts.name, oid, parts.arguments, parts.result, kernel, defaults, doc, examples or {}, framed
        )
        WINDOW_FUNCTIONS.setdefault(made.name, []).append(made)
        return kernel

    return declared


def functions_named(name: str) -> Sequence[Function]:
    """The overloads of `name`, in declaration order."""
    return FUNCTIONS.get(name, ())
