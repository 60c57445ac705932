"""The event time of a query's rows: the column that says when each of them happened.

It is the one that a source or table declares a watermark for, even where a subquery does not select it; else the only
timestamp there is; else the one that all columns have within that are rows themselves; for windows, of rows of
sources, at last the time at which the row comes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pgstream.catalog.objects import Source
from pgstream.errors import AmbiguousColumn, UndefinedColumn
from pgstream.functions.registry import functions_named
from pgstream.plan.expressions import Call, Coalesce, Col, Expr, FieldOf, Ref
from pgstream.plan.relations import (
    Asof,
    Filter,
    Join,
    Lookup,
    Project,
    Relation,
    Scan,
    Sessions,
    TableCall,
    TopN,
    Window,
)
from pgstream.plan.rewrite import children, with_children
from pgstream.sql.bind.names import Level, NameItem
from pgstream.sql.bind.row_expressions import ARRIVAL
from pgstream.types.definition import SqlType
from pgstream.types.window import WINDOW_TYPES

_PASSING = (Asof, Filter, Join, Lookup, Project, Sessions, TableCall, TopN, Window)
"""Relations whose rows happened when those of an input did."""


def event_time(level: Level, kind: str, position: int | None) -> Expr:
    """The event time of the rows of FROM, for the function `kind`."""
    visible = {ref.col.id: ref.col for item in level.items if item.columns_visible for _, ref in _refs(item)}
    hidden = {} if level.rows is None else {col.id: col for col in _below(level.rows)}
    found: list[Col] = []
    for columns, wanted in ((visible, _marked), (hidden, _marked), (visible, _is_time), (hidden, _is_time)):
        found = found or [col for col in columns.values() if wanted(level, col)]
    within = None if found else _within(visible.values())
    if within is not None:
        return level.binding.located(within, position)
    hint = "Declare one with WATERMARK FOR."
    if kind != "row_time":
        hint = f"Declare one with WATERMARK FOR, or name it: {kind}(column, …)."
    if not found and kind != "row_time" and _from_sources(level):
        return level.binding.located(Call(_ARRIVAL, (), _ARRIVAL_TYPE), position)
    if not found:
        raise UndefinedColumn(
            f"{kind} needs an event time, but no column here is a timestamp", hint=hint, position=position
        )
    if len(found) > 1:
        shown = {ref.col.id: f"{item.alias}.{name}" for item in level.items if item.alias for name, ref in _refs(item)}
        names = " or ".join(f'"{shown.get(col.id, col.name)}"' for col in found)
        raise AmbiguousColumn(f"the event time of {kind} is ambiguous: {names}", hint=hint, position=position)
    level.own.add(found[0].id)
    level.times.append(found[0])
    return level.binding.located(Ref(found[0]), position)


_ARRIVAL_TYPE = SqlType("timestamptz")
_ARRIVAL = functions_named(ARRIVAL)[0]


def _from_sources(level: Level) -> bool:
    """Whether each row of FROM is one of a source's, so that it comes once."""
    origins = [] if level.rows is None else list(_origins(level.rows))
    return bool(origins) and all(isinstance(level.binding.catalog.objects.get(oid), Source) for oid in origins)


def _origins(plan: Relation) -> Iterator[int]:
    """The relations whose rows happened when those of `plan` did; 0 for what is none."""
    if isinstance(plan, _PASSING):
        for input in children(plan):
            yield from _origins(input)
    else:
        yield plan.oid if isinstance(plan, Scan) else 0


def _within(columns: Iterable[Col]) -> Expr | None:
    """The event time of rows that are events of several kinds, each in a column of its own: the timestamp that the
    kinds share. None where there is no such, or not one."""
    kinds = [(col, col.type.definition.attributes) for col in columns]
    known = [(col, attributes) for col, attributes in kinds if attributes is not None]
    names = [{name for name, type in attributes if type.name in WINDOW_TYPES} for _, attributes in known]
    shared = set.intersection(*names) if names else set()
    if len(shared) != 1:
        return None
    fields: list[Expr] = [
        FieldOf(Ref(col), place, type)
        for col, attributes in known
        for place, (name, type) in enumerate(attributes)
        if name in shared
    ]
    if len({field.type for field in fields}) > 1:
        return None
    return fields[0] if len(fields) == 1 else Coalesce(tuple(fields), fields[0].type)


def _refs(item: NameItem) -> Iterator[tuple[str, Ref]]:
    """The columns of an item of FROM that are nothing but columns."""
    for name, expr in item.columns:
        if isinstance(expr, Ref):
            yield name, expr


def _is_time(level: Level, col: Col) -> bool:
    return col.type.name in WINDOW_TYPES


def _marked(level: Level, col: Col) -> bool:
    """Whether a column stands for one that a source or table declares a watermark for."""
    watermark = getattr(level.binding.catalog.objects.get(col.table_oid), "watermark", None)
    return watermark is not None and watermark.column == col.attnum - 1


def _below(plan: Relation) -> Iterator[Col]:
    """The stored columns that the rows of `plan` were made of, but which it need not give."""
    if isinstance(plan, Scan):
        yield from plan.columns
    elif isinstance(plan, _PASSING):
        for input in children(plan):
            yield from _below(input)


def with_event_times(level: Level, plan: Relation) -> Relation:
    """`plan`, the rows of FROM, with the event times that were asked for."""
    for col in level.times:
        plan = with_column(plan, col) or plan
    return plan


def with_column(plan: Relation, col: Col) -> Relation | None:
    """`plan` with a column of something below, passed on by what stands between; None where nothing below has it."""
    if any(own.id == col.id for own in plan.columns):
        return plan
    if not isinstance(plan, _PASSING) or (isinstance(plan, Join) and plan.kind in ("semi", "anti")):
        return None
    inputs = children(plan)
    wider = [with_column(input, col) for input in inputs]
    if all(input is None for input in wider):
        return None
    made = with_children(plan, tuple(new or old for new, old in zip(wider, inputs, strict=True)))
    return replace(made, outputs=(*made.outputs, (col, Ref(col)))) if isinstance(made, Project) else made
