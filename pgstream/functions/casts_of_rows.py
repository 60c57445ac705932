"""Casts of rows: field by field, by position."""

from pgstream.errors import CannotCoerce
from pgstream.functions.registry import ASSIGNMENT, IMPLICIT, CastContext
from pgstream.types.definition import SqlType
from pgstream.types.described import is_made_in_place, is_struct


def rows_cast(source: SqlType, target: SqlType) -> CastContext | None:
    """The least demanding context in which rows of one type become another's; None where they do not.

    ROW(…) becomes any composite type. A declared type becomes no other; a STRUCT is what its fields are.
    """
    ours, theirs = source.definition.attributes, target.definition.attributes
    if ours is None or source.name == target.name:
        return None
    if target.name == "record":
        return IMPLICIT
    if theirs is None:
        return None
    if is_made_in_place(source):
        return IMPLICIT
    if is_struct(source) or is_struct(target):
        return ASSIGNMENT if len(ours) == len(theirs) else None
    return None


def check_row_length(source: SqlType, target: SqlType, position: int | None = None) -> None:
    """Raises CannotCoerce where ROW(…) has more or fewer fields than the composite type `target`."""
    ours, theirs = source.definition.attributes, target.definition.attributes
    assert ours is not None
    assert theirs is not None
    if len(ours) != len(theirs):
        few = "few" if len(ours) < len(theirs) else "many"
        raise CannotCoerce(
            f"cannot cast type {source.bare()} to {target.bare()}",
            detail=f"Input has too {few} columns.",
            position=position,
        )
