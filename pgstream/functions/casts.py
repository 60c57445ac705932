"""Casts: which type becomes which, in which contexts, and how whole columns do it.

`cast_column` follows PostgreSQL's find_coercion_pathway: the length coercion of a type to itself, the literal of
unknown type, a declared cast (`CASTS`, from which pg_cast derives), element by element for arrays, and the text I/O
conversions.
"""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.errors import CannotCoerce
from pgstream.functions import casts_of_catalog, casts_of_json, casts_of_numbers, casts_of_strings, casts_of_times
from pgstream.functions.calling import as_column, call
from pgstream.functions.casts_of_rows import check_row_length, rows_cast
from pgstream.functions.registry import ASSIGNMENT, CASTS, EXPLICIT, IMPLICIT, Cast, CastContext, EvalContext
from pgstream.types.array import elements_of, with_elements
from pgstream.types.buffers import valid_rows
from pgstream.types.composite import composite_column, fields_of
from pgstream.types.definition import BY_NAME, SqlType
from pgstream.types.domain import below, is_domain, require_allowed
from pgstream.types.map import entries_of, is_map, keys_and_values, with_entries
from pgstream.types.record import record_column
from pgstream.types.values import parse_text

DECLARING = (casts_of_catalog, casts_of_json, casts_of_numbers, casts_of_strings, casts_of_times)
"""The modules whose import fills CASTS."""

NameCodec = Callable[[Column, EvalContext], Column]

NAMES_OUT: dict[str, NameCodec] = {}
"""Text output of types that need a catalog, by type name: `NAMES_OUT["regclass"]` turns oids into relation names.

The catalog's functions fill it; without an entry numbers are printed."""

NAMES_IN: dict[str, NameCodec] = casts_of_catalog.NAMES_IN
"""Text input of such types: names (or numbers) into oids."""


def find_cast(source: SqlType, target: SqlType) -> CastContext | None:
    """The least demanding context in which `source` becomes `target`; None where no cast leads there."""
    source, target = below(source), below(target)
    if source.name == target.name or source.name == "unknown":
        return IMPLICIT
    declared = CASTS.get((source.name, target.name))
    if declared is not None:
        return declared.context
    of_rows = rows_cast(source, target)
    if of_rows is not None:
        return of_rows
    if is_array_cast(source, target):
        assert source.element is not None
        assert target.element is not None
        return find_cast(source.element, target.element)
    if target.definition.category == "S":
        return ASSIGNMENT
    return EXPLICIT if source.definition.category == "S" else None


def is_array_cast(source: SqlType, target: SqlType) -> bool:
    """Whether one array type becomes another element by element; the vectors are only ever a source."""
    return source.element is not None and target.element is not None and target.name.startswith("_")


def cast_column(column: Column, source: SqlType, target: SqlType, explicit: bool, context: EvalContext) -> Column:
    """`column` of type `source` as a column of `target`, its modifier applied. NULL stays NULL.

    `explicit` casts cut strings where assignments raise. Raises CannotCoerce where there is no cast.
    """
    if (is_domain(source.name) or is_domain(target.name)) and source.name != target.name:
        made = cast_column(column, below(source), below(target), explicit, context)
        return require_allowed(target, made, context.settings, context.now_us)
    if column.type == pa.null() and target.storage != pa.null():
        return pa.nulls(len(column), target.storage)
    if source.name == target.name:
        made = column
    elif source.name == "unknown":
        made = read_literal(column, target, context)
    else:
        made = converted(column, source, target, explicit, context)
    return with_modifier(made, source, target, explicit)


def with_modifier(column: Column, source: SqlType, target: SqlType, explicit: bool) -> Column:
    """`column` with the target's type modifier applied."""
    apply = target.definition.apply_typmod
    if apply is None or target.typmod < 0 or source == target:
        return column
    return apply(column, target.typmod, explicit)


def converted(column: Column, source: SqlType, target: SqlType, explicit: bool, context: EvalContext) -> Column:
    """`column` as the bare type of `target`."""
    declared = CASTS.get((source.name, target.name))
    if declared is not None:
        return by_declaration(column, declared, source, target, context)
    if is_map(source) and is_map(target):
        cast = [
            cast_column(part, one, other, explicit, context)
            for part, one, other in zip(keys_and_values(column), entries_of(source), entries_of(target), strict=True)
        ]
        return with_entries(column, cast[0], cast[1], target)
    if rows_cast(source, target) is not None:
        return cast_rows(column, source, target, explicit, context)
    if is_array_cast(source, target):
        inner, outer = source.element, target.element
        assert inner is not None
        assert outer is not None
        return with_elements(column, cast_column(elements_of(column), inner, outer.bare(), explicit, context))
    if target.definition.category == "S":
        return read(written(column, source, context), target, context)
    if source.definition.category == "S":
        return read(column, target, context)
    raise CannotCoerce(f"cannot cast type {source.bare()} to {target.bare()}")


def cast_rows(column: Column, source: SqlType, target: SqlType, explicit: bool, context: EvalContext) -> Column:
    """Rows as rows of another composite type, or as records that say themselves what they hold."""
    ours, theirs = source.definition.attributes, target.definition.attributes
    assert ours is not None
    fields, known = fields_of(column), valid_rows(column)
    if theirs is None:
        names, types = zip(*ours, strict=True) if ours else ((), ())
        made = record_column(names, types, fields, len(column))
        return pc.if_else(column.is_valid(), made, pa.scalar(None, made.type))
    check_row_length(source, target)
    cast = [
        cast_column(field, one, other, explicit, context)
        for field, (_, one), (_, other) in zip(fields, ours, theirs, strict=True)
    ]
    return composite_column(cast, target.storage, known)


def by_declaration(column: Column, declared: Cast, source: SqlType, target: SqlType, context: EvalContext) -> Column:
    """`column` through a declared cast."""
    if declared.function is None:
        return column
    result = target if declared.takes_typmod else target.bare()
    made = call(declared.function, [column], (source,), result, len(column), context)
    return as_column(made, len(column))


def read(text: Column, target: SqlType, context: EvalContext) -> Column:
    """Text through the target's input function, the modifier left to the length coercion."""
    if target.name in NAMES_IN:
        return NAMES_IN[target.name](text, context)
    return parse_text(target.bare(), text, context.settings, context.now_us)


def read_literal(text: Column, target: SqlType, context: EvalContext) -> Column:
    """Literals through the target's input function, for which an interval's modifier says what a bare number counts."""
    if target.name in ("interval", "_interval"):
        return parse_text(target, text, context.settings, context.now_us)
    return read(text, target, context)


def written(column: Column, source: SqlType, context: EvalContext) -> Column:
    """A column through its type's output function, names of catalog objects included."""
    if source.name in NAMES_OUT:
        return NAMES_OUT[source.name](column, context)
    if source.element is not None and source.element.name in NAMES_OUT:
        return written_names(column, source, context)
    return source.definition.format(column, context.settings)


def written_names(column: Column, source: SqlType, context: EvalContext) -> Column:
    """An array of catalog objects as text."""
    assert source.element is not None
    names = with_elements(column, written(elements_of(column), source.element, context))
    return BY_NAME["_text"].format(names, context.settings)


def length_coercion(name: str) -> None:
    """Declares the cast of a type with a modifier to itself."""
    apply: Any = BY_NAME[name].apply_typmod
    assert apply is not None
    casts_of_catalog.declare_length_coercion(name, apply)


for _name in (
    "bpchar",
    "varchar",
    "bit",
    "varbit",
    "time",
    "timetz",
    "timestamp",
    "timestamptz",
    "interval",
    "numeric",
):
    length_coercion(_name)
