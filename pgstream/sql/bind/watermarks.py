"""Watermarks of sources and tables: `WATERMARK FOR column [AS expression]`, and Arroyo's options that say the same."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import TableColumn, Watermark
from pgstream.errors import (
    DatatypeMismatch,
    FeatureNotSupported,
    InvalidParameterValue,
    InvalidTableDefinition,
    UndefinedColumn,
)
from pgstream.formats.options import read_duration_us
from pgstream.plan.expressions import Col, Expr, Ref
from pgstream.plan.rewrite import substitute
from pgstream.sql.bind.binding import Binding, BindScope
from pgstream.sql.bind.coercion import coerce
from pgstream.sql.bind.dispatch import bind_expression
from pgstream.sql.bind.names import Level, NameItem
from pgstream.sql.optimize.predicates import has_subquery
from pgstream.sql.parse import deparse, parse
from pgstream.sql.streaming import Option
from pgstream.sql.streaming import Watermark as Clause
from pgstream.types.window import WINDOW_TYPES

COLUMN_OPTIONS = ("event_time_field", "watermark_field")
"""Arroyo's options for the column of the event time, and for one that holds the watermark."""

LIMITS = ("idle_timeout", "idle_micros", "max_ahead")
LATE = "late"
EVENT_TIME_OPTIONS = (*COLUMN_OPTIONS, *LIMITS, LATE)
"""Those, and how long nobody waits for a partition that gives nothing, and how far rows may be ahead of the clock."""

USUAL_LAG = "interval '1 second'"
"""How far a watermark without an expression lags behind its column, as in Arroyo."""


def bind_watermark(
    binding: Binding, name: str, columns: Sequence[TableColumn], clauses: Sequence[Clause]
) -> Watermark | None:
    """The watermark that a column list declares for the relation `name`."""
    if not clauses:
        return None
    if len(clauses) > 1:
        raise InvalidTableDefinition(
            f'multiple watermarks for table "{name}" are not allowed', position=clauses[1].position
        )
    [clause] = clauses
    place = _column(columns, clause.column, clause.column_position)
    if clause.expression is None:
        return Watermark(place)
    _check_expression(binding, name, columns, clause, columns[place])
    return Watermark(place, deparse(clause.expression))


def watermark_of_options(columns: Sequence[TableColumn], options: Sequence[Option]) -> Watermark | None:
    """The watermark that `event_time_field` and `watermark_field` declare."""
    given = {option.name: option for option in options if option.name in COLUMN_OPTIONS}
    if not given:
        return None
    times, marks = (given.get(name) for name in COLUMN_OPTIONS)
    if times is None:
        assert marks is not None
        raise InvalidTableDefinition(
            "watermark_field needs event_time_field, the column that it belongs to", position=marks.position
        )
    place = _column(columns, times.value, times.position)
    if marks is None:
        return Watermark(place)
    return Watermark(place, '"' + columns[_column(columns, marks.value, marks.position)].name.replace('"', '""') + '"')


def with_limits(watermark: Watermark | None, options: Sequence[Option]) -> Watermark | None:
    """`watermark` with what the options say of idle partitions and of rows from the future."""
    for option in options:
        if option.name not in EVENT_TIME_OPTIONS or option.name in COLUMN_OPTIONS:
            continue
        if watermark is None:
            raise InvalidTableDefinition(f"{option.name} needs a watermark", position=option.position)
        if option.name == LATE:
            watermark = replace(watermark, late=_late_name(option))
            continue
        try:
            if option.name == "idle_micros":
                watermark = replace(watermark, idle_us=int(option.value))
            elif option.name == "idle_timeout":
                watermark = replace(watermark, idle_us=read_duration_us(option.value))
            else:
                watermark = replace(watermark, ahead_us=read_duration_us(option.value))
        except ValueError as error:
            raise InvalidParameterValue(
                f'invalid value for option "{option.name}": {error}', position=option.position
            ) from None
    return watermark


def _late_name(option: Option) -> str:
    """The relation for late rows that an option names; none of 'keep', which is the usual one."""
    if option.value.lower() == "drop":
        raise FeatureNotSupported(
            "late rows are not dropped",
            detail="A view that is made later would have them, as it reads the source again.",
            hint="late = 'name' says where they are kept.",
            position=option.position,
        )
    return "" if option.value.lower() == "keep" else option.value


def altered_limits(thing: object, options: Sequence[Option]) -> Watermark | None:
    """The watermark of a source or table after ALTER … SET or, where an option has no value, RESET; None where that is
    not about its watermark."""
    about = [option for option in options if option.name in LIMITS]
    if not about:
        return None
    watermark = getattr(thing, "watermark", None)
    for option in about:
        if option.value:
            watermark = with_limits(watermark, [option])
        elif watermark is None:
            raise InvalidTableDefinition(f"{option.name} needs a watermark", position=option.position)
        elif option.name == "max_ahead":
            watermark = replace(watermark, ahead_us=Watermark(0).ahead_us)
        else:
            watermark = replace(watermark, idle_us=Watermark(0).idle_us)
    return watermark


@lru_cache(1024)
def watermark_expression(columns: tuple[TableColumn, ...], watermark: Watermark) -> Expr:
    """How far a row says that time has come; the ids of its columns are their positions."""
    column = columns[watermark.column]
    name = '"' + column.name.replace('"', '""') + '"'
    [parsed] = parse(f"SELECT ({watermark.expression or f'{name} - {USUAL_LAG}'})")
    binding = Binding(Catalog.new(), BindScope(), (), parsed)
    cols = [binding.col(each.name, each.type) for each in columns]
    level = Level(binding, items=[NameItem("", [(each.name, Ref(each)) for each in cols])], clause="WATERMARK")
    bound = bind_expression(level, parsed.node.targetList[0].val)
    made = coerce(binding, bound, column.type, "a")
    assert made is not None
    return substitute(made, {col.id: Ref(Col(i, col.name, col.type)) for i, col in enumerate(cols)})


def _column(columns: Sequence[TableColumn], name: str, position: int) -> int:
    """The position of a column that can be an event time. Raises UndefinedColumn or DatatypeMismatch."""
    if not columns:
        raise FeatureNotSupported("a watermark needs the columns to be declared", position=position)
    for place, column in enumerate(columns):
        if column.name == name:
            if column.type.name not in WINDOW_TYPES:
                raise DatatypeMismatch(
                    f"the column of a watermark must be of a timestamp type, not {column.type.bare()}",
                    position=position,
                )
            return place
    raise UndefinedColumn(f'column "{name}" does not exist', position=position)


def _check_expression(
    binding: Binding, name: str, columns: Sequence[TableColumn], clause: Clause, column: TableColumn
) -> None:
    """Raises what is wrong with the expression of a watermark: it sees the relation's columns and nothing else."""
    named: list[tuple[str, Expr]] = [(each.name, Ref(binding.col(each.name, each.type))) for each in columns]
    level = Level(binding, items=[NameItem(name, named)], clause="WATERMARK")
    noted = len(binding.volatile), len(binding.ambient)
    bound = bind_expression(level, clause.expression)
    if has_subquery(bound):
        raise FeatureNotSupported("cannot use subquery in WATERMARK expression", position=binding.position(bound))
    for what, position in (*binding.volatile[noted[0] :], *binding.ambient[noted[1] :]):
        raise FeatureNotSupported(f"function {what} is not allowed in a watermark", position=position)
    if coerce(binding, bound, column.type, "a") is None:
        raise DatatypeMismatch(
            f'column "{column.name}" is of type {column.type.bare()} but its watermark is of type {bound.type.bare()}',
            position=binding.position(bound),
        )


def without_event_time(options: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """What is left of WITH options for the connector."""
    return tuple(option for option in options if option[0] not in EVENT_TIME_OPTIONS)
