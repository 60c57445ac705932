"""ALTER TABLE of what numbers a column."""

from dataclasses import replace
from typing import Any

from pgstream.errors import ObjectNotInPrerequisiteState, SyntaxError42601
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.numbering import sequence_of
from pgstream.sql.bind.sequences import check_identity, numbering, with_options
from pgstream.sql.bind.shape import Shape

Node = Any


def add_identity(binding: Binding, shape: Shape, command: Node) -> None:
    """ALTER COLUMN … ADD GENERATED … AS IDENTITY."""
    place = shape.place(command.name)
    column = shape.columns[place]
    node = command.def_
    shape.sequences[column.name] = numbering(binding, column.type, node.options or (), True)
    check_identity(column, shape.table.name)
    shape.columns[place] = replace(column, identity=node.generated_when)


def set_identity(binding: Binding, shape: Shape, command: Node) -> None:
    """ALTER COLUMN … SET GENERATED …, and SET of the options of its sequence."""
    place = shape.place(command.name)
    column = shape.columns[place]
    if not column.identity:
        raise ObjectNotInPrerequisiteState(
            f'column "{column.name}" of relation "{shape.table.name}" is not an identity column'
        )
    options = tuple(node for node in command.def_ if node.defname != "generated")
    for node in command.def_:
        if node.defname == "generated":
            shape.columns[place] = replace(column, identity=chr(node.arg.ival))
    sequence = sequence_of(binding, shape.table, column.name)
    if options and sequence is not None:
        shape.sequences[column.name] = with_options(binding, sequence, options, altered=True)


def drop_identity(binding: Binding, shape: Shape, command: Node) -> None:
    """ALTER COLUMN … DROP IDENTITY."""
    place = shape.place(command.name)
    column = shape.columns[place]
    if not column.identity:
        said = f'column "{column.name}" of relation "{shape.table.name}" is not an identity column'
        if not command.missing_ok:
            raise ObjectNotInPrerequisiteState(said)
        shape.notices.append((f"{said}, skipping", "00000"))
        return
    unnumber(binding, shape, column.name)
    shape.columns[place] = replace(column, identity="", default=None)


def unnumber(binding: Binding, shape: Shape, column: str) -> None:
    """Drops the sequence of a column, if it has one."""
    sequence = sequence_of(binding, shape.table, column)
    if sequence is not None:
        shape.unnumbered.append(sequence.oid)


def refuse_default(shape: Shape, place: int, dropped: bool) -> None:
    """Raises where a column that is numbered is to have a default of its own."""
    column = shape.columns[place]
    if column.identity:
        hint = "Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead." if dropped else None
        raise SyntaxError42601(
            f'column "{column.name}" of relation "{shape.table.name}" is an identity column', hint=hint
        )


def refuse_null(shape: Shape, place: int) -> None:
    """Raises where a column that is numbered is to take NULL."""
    column = shape.columns[place]
    if column.identity:
        raise SyntaxError42601(f'column "{column.name}" of relation "{shape.table.name}" is an identity column')
