"""Serial and identity columns of a column list."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pgstream.catalog.objects import Sequence, Table, TableColumn
from pgstream.errors import FeatureNotSupported, SyntaxError42601
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.sequences import SERIALS, numbering
from pgstream.types.definition import SqlType

if TYPE_CHECKING:
    from pgstream.sql.bind.definitions import Definition

Node = Any


def serial_type(node: Node) -> SqlType | None:
    """The integer type of a serial column; None for any other."""
    if node.typeName is None or len(node.typeName.names) != 1:
        return None
    name = SERIALS.get(node.typeName.names[0].sval)
    if name is None:
        return None
    if node.typeName.arrayBounds:
        raise FeatureNotSupported("array of serial is not implemented", position=node.typeName.location)
    return SqlType(name)


def number(binding: Binding, made: "Definition", type: SqlType, options: tuple[Node, ...], identity: str) -> None:
    """Gives the last column so far a sequence."""
    place = len(made.names) - 1
    made.sequences[place] = numbering(binding, type, options, bool(identity))
    made.not_null[place] = True
    if identity:
        made.identity[place] = identity


def declare_identity(binding: Binding, made: "Definition", node: Node, constraint: Node) -> None:
    """GENERATED … AS IDENTITY of the last column so far."""
    place = len(made.names) - 1
    if place in made.identity:
        raise SyntaxError42601(
            f'multiple identity specifications for column "{node.colname}" of table "{made.table}"',
            position=constraint.location,
        )
    if place in made.sequences or made.defaults[place] is not None:
        raise SyntaxError42601(
            f'both default and identity specified for column "{node.colname}" of table "{made.table}"',
            position=constraint.location,
        )
    number(binding, made, made.types[place], constraint.options or (), constraint.generated_when)


def refuse_second_default(made: "Definition", node: Node, constraint: Node) -> None:
    """Raises where DEFAULT stands beside what numbers the column."""
    place = len(made.names) - 1
    what = "both default and identity" if place in made.identity else "multiple default values"
    if place in made.sequences or made.defaults[place] is not None:
        pointed = place in made.identity or place not in made.sequences
        raise SyntaxError42601(
            f'{what} specified for column "{node.colname}" of table "{made.table}"',
            position=constraint.location if pointed else None,
        )


def like_identity(binding: Binding, made: "Definition", found: Any, column: TableColumn, including: bool) -> None:
    """What LIKE makes of an identity column: one with a sequence of its own, or a plain one."""
    place = len(made.names) - 1
    made.defaults[place] = None
    sequence = sequence_of(binding, found, column.name)
    if including and sequence is not None:
        made.identity[place] = column.identity
        made.sequences[place] = replace(sequence, oid=0, node=0, owner=0, initial=sequence.start)


def sequence_of(binding: Binding, table: Any, column: str) -> Sequence | None:
    """The sequence that goes with a column."""
    if not isinstance(table, Table):
        return None
    parts = (part for part in binding.catalog.belonging(table.oid) if isinstance(part, Sequence))
    return next((part for part in parts if part.column == column), None)
