"""Event-time windows, as the plan nodes that every spelling of them is bound to.

    tumble     a computed start             Project: tumble_start(time, size [, offset])
    hop        several starts for a row     TableCall: hop_starts(time, slide, size [, offset])
    cumulate   several windows for a row    TableCall: cumulate_windows(time, step, size [, offset])
    session    what lies near in time       Sessions

Rows without a time are in no window.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pgstream.errors import DatatypeMismatch, FeatureNotSupported, InvalidParameterValue
from pgstream.functions.binning import lengths
from pgstream.functions.registry import Function, functions_named
from pgstream.plan.expressions import Call, Col, Const, Expr, IsNull, Not, Ref
from pgstream.plan.relations import Filter, Project, Relation, Scan, Sessions, TableCall
from pgstream.plan.rewrite import used
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.coercion import coerce
from pgstream.sql.bind.names import Level
from pgstream.sql.bind.operators import apply_operator
from pgstream.types.definition import SqlType
from pgstream.types.values import column_of
from pgstream.types.window import WINDOW_TYPES

Node = Any
INTERVAL = SqlType("interval")

LENGTHS = {"tumble": ("size",), "hop": ("slide", "size"), "session": ("gap",), "cumulate": ("step", "size")}
"""The windows there are, and their intervals in order. All but sessions take an offset at the end."""


@dataclass(frozen=True, slots=True)
class Windowing:
    """How one call cuts time: `lengths` are the intervals of its kind in order, the offset last if there is one."""

    kind: str
    time: Expr
    lengths: tuple[Expr, ...]
    partition: tuple[Expr, ...] = ()
    position: int | None = None

    @property
    def moment(self) -> SqlType:
        return self.time.type.bare()

    @property
    def size(self) -> Expr:
        return self.lengths[len(LENGTHS[self.kind]) - 1]


@dataclass(frozen=True, slots=True)
class Windowed:
    """A relation each row of which stands beside the bounds of a window."""

    plan: Relation
    start: Expr
    end: Expr


def counts_of(kind: str) -> tuple[int, int]:
    """How few and how many intervals a window function takes."""
    few = len(LENGTHS[kind])
    return few, few if kind == "session" else few + 1


def intervals(kind: str) -> str:
    """What messages call the intervals that a window function takes."""
    return {"tumble": "the window size", "session": "the gap"}.get(kind, " and ".join(LENGTHS[kind]))


def as_time(binding: Binding, kind: str, time: Expr) -> Expr:
    """An expression as the time of a window. Raises DatatypeMismatch."""
    if time.type.name == "date":
        made = coerce(binding, time, SqlType("timestamp"), "i")
        assert made is not None
        return made
    if time.type.name not in WINDOW_TYPES:
        raise DatatypeMismatch(
            f"the time column of {kind} must be of a timestamp type, not {time.type.bare()}",
            position=binding.position(time),
        )
    return time


def as_lengths(level: Level, kind: str, given: Sequence[Expr]) -> tuple[Expr, ...]:
    """Expressions as the intervals of a window, in order; see `as_length`."""
    nouns, calendar = (*LENGTHS[kind], "offset"), kind != "session"
    return tuple(as_length(level, kind, *each, calendar=calendar) for each in zip(nouns, given, strict=False))


def as_length(level: Level, kind: str, noun: str, bound: Expr, *, calendar: bool = True) -> Expr:
    """An expression as an interval of a window, of months only where `calendar` allows. Raises DatatypeMismatch, and
    InvalidParameterValue for a constant of which there is no window."""
    position = level.binding.position(bound)
    made = coerce(level.binding, bound, INTERVAL, "i")
    if made is None:
        raise DatatypeMismatch(
            f"the sizes of {kind} must be of type interval, not {bound.type.bare()}", position=position
        )
    if kind == "session" and used(made):
        raise FeatureNotSupported("the gap of a session must be a constant", position=position)
    if isinstance(made, Const) and noun != "offset":
        _check_length(made, noun, calendar, position)
    return made


def _check_length(length: Const, noun: str, calendar: bool, position: int | None) -> None:
    if length.value is None:
        raise InvalidParameterValue(f"the {noun} of a window must not be null", position=position)
    try:
        lengths(column_of(INTERVAL, [length.value]), noun, calendar=calendar)
    except InvalidParameterValue as error:
        raise InvalidParameterValue(error.message, position=position) from None


def internal(windowing: Windowing, name: str) -> Function:
    """The function that computes windows of these moments."""
    types = (windowing.moment.name, *("interval" for _ in windowing.lengths))
    return next(function for function in functions_named(name) if function.arguments == types)


def tumble_start(windowing: Windowing) -> Expr:
    """The start of the window of a fixed size that a row is in."""
    function = internal(windowing, "tumble_start")
    return Call(function, (windowing.time, *windowing.lengths), windowing.moment)


def window_end(binding: Binding, windowing: Windowing, start: Expr) -> Expr:
    """The end of a window of a fixed size."""
    return apply_operator(binding, "+", [start, windowing.size], windowing.position)


def windowed(binding: Binding, plan: Relation, windowing: Windowing) -> Windowed:
    """`plan` with the windows of its rows, one row for each."""
    start, end = (binding.col(name, windowing.moment) for name in ("window_start", "window_end"))
    args = (windowing.time, *windowing.lengths)
    match windowing.kind:
        case "tumble":
            kept = tuple((col, Ref(col)) for col in plan.columns)
            made: Relation = Project(timed(binding, plan, windowing.time), (*kept, (start, tumble_start(windowing))))
            return Windowed(made, Ref(start), window_end(binding, windowing, Ref(start)))
        case "hop":
            made = TableCall(plan, internal(windowing, "hop_starts"), args, (start,))
            return Windowed(made, Ref(start), window_end(binding, windowing, Ref(start)))
        case "cumulate":
            made = TableCall(plan, internal(windowing, "cumulate_windows"), args, (start, end))
        case _:
            made = session(plan, windowing, (start, end))
    return Windowed(made, Ref(start), Ref(end))


def session(plan: Relation, windowing: Windowing, bounds: Sequence[Col]) -> Sessions:
    """`plan` with the sessions of its rows."""
    return Sessions(plan, windowing.partition, windowing.time, windowing.lengths[0], bounds[0], bounds[1])


def timed(binding: Binding, plan: Relation, time: Expr) -> Relation:
    """The rows of `plan` that have a time."""
    if isinstance(time, Const) or (isinstance(time, Ref) and isinstance(plan, Scan) and _never_null(binding, time.col)):
        return plan
    return Filter(plan, Not(IsNull(time)))


def _never_null(binding: Binding, col: Col) -> bool:
    """Whether a column is declared NOT NULL."""
    columns = getattr(binding.catalog.objects.get(col.table_oid), "columns", ())
    return 0 < col.attnum <= len(columns) and columns[col.attnum - 1].not_null
