"""Generated columns and CHECK constraints of a column list."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import Check, DomainType, ForeignKey, Table, TableColumn
from pgstream.errors import DuplicateObject, InvalidObjectDefinition, SyntaxError42601
from pgstream.plan.expressions import Ref
from pgstream.plan.rewrite import subexpressions
from pgstream.sql.bind.binding import UNKNOWN, Binding
from pgstream.sql.bind.coercion import coerce_to_bool
from pgstream.sql.bind.row_expressions import CHECK, GENERATED, bind_row_expression, is_mutable, is_volatile, row_text
from pgstream.sql.bind.stored import check_default
from pgstream.sql.expression_columns import columns_named
from pgstream.sql.parse import Parsed

if TYPE_CHECKING:
    from pgstream.sql.bind.definitions import Definition

Node = Any

NAME_BYTES_MAX = 63


def declare_generated(made: "Definition", node: Node, constraint: Node) -> None:
    """GENERATED ALWAYS AS of the last column so far."""
    place = len(made.names) - 1
    if place in made.generated:
        raise SyntaxError42601(
            f'multiple generation clauses specified for column "{node.colname}" of table "{made.table}"',
            position=constraint.location,
        )
    made.generated[place] = constraint.raw_expr


def generate(binding: Binding, made: "Definition", others: Sequence[TableColumn] = ()) -> None:
    """Binds the expressions of generated columns, once all columns are known; `others` stand before them."""
    columns = (*others, *made.columns())
    computed = {i for i, column in enumerate(others) if column.generated is not None}
    computed |= {len(others) + place for place in made.generated}
    for place, node in made.generated.items():
        bound = bind_row_expression(binding, made.table, columns, node, GENERATED)
        if place in made.untyped and bound.type != UNKNOWN:
            made.types[place] = bound.type
        column = made.columns()[place]
        for part in subexpressions(bound):
            if isinstance(part, Ref) and part.col.id in computed:
                raise InvalidObjectDefinition(
                    f'cannot use generated column "{part.col.name}" in column generation expression',
                    detail="A generated column cannot reference another generated column.",
                    position=binding.position(part),
                )
        check_default(binding, bound, column)
        if is_volatile(bound) if made.outside else is_mutable(bound):
            raise InvalidObjectDefinition("generation expression is not immutable")
        made.kept[place] = row_text(binding, made.table, columns, node, bound)


def bind_check(
    binding: Binding, made: "Definition", columns: Sequence[TableColumn], node: Node, others: Sequence[Check]
) -> Check:
    """A CHECK constraint over `columns`, in a table that has `others`."""
    bound = coerce_to_bool(binding, bind_row_expression(binding, made.table, columns, node.raw_expr, CHECK), "CHECK")
    text = row_text(binding, made.table, columns, node.raw_expr, bound)
    taken = {check.name for check in others}
    refs = {part.col.id: part.col.name for part in subexpressions(bound) if isinstance(part, Ref)}
    used = tuple(name for _, name in sorted(refs.items()))
    name = node.conname
    if name is None:
        parts = [made.table, *(used if len(used) == 1 else ()), "check"]
        name = chosen_name(parts, taken | names_of_constraints(binding.catalog, made.schema_oid))
    elif name in taken:
        raise DuplicateObject(f'check constraint "{name}" already exists')
    return Check(0, name, text, used, not node.skip_validation, bool(node.is_no_inherit))


def check_text(binding: Binding, relation: str, columns: Sequence[TableColumn], parsed: Parsed) -> str:
    """The text of a CHECK constraint that is there, `SELECT …` by now, over the columns as they have become."""
    node = parsed.node.targetList[0].val
    bound = coerce_to_bool(binding, bind_row_expression(binding, relation, columns, node, CHECK), "CHECK")
    return row_text(binding, relation, columns, node, bound)


def chosen_name(parts: Iterable[str], taken: Iterable[str]) -> str:
    """`table_column_check`, with a number where that is taken."""
    stem, names = "_".join(parts), set(taken)
    number = 0
    while (name := _shortened(stem, number)) in names:
        number += 1
    return name


def _shortened(stem: str, number: int) -> str:
    suffix = str(number or "")
    return stem[: NAME_BYTES_MAX - len(suffix)] + suffix


def names_of_constraints(catalog: Catalog, schema_oid: int) -> set[str]:
    """The names of the constraints in a schema that are no relations'."""
    found: set[str] = set()
    for thing in catalog.in_order():
        if isinstance(thing, Table | DomainType) and thing.schema_oid == schema_oid:
            found |= {check.name for check in thing.checks}
        elif isinstance(thing, ForeignKey) and thing.schema_oid == schema_oid:
            found.add(thing.label)
    return found


def generated_from(columns: Iterable[TableColumn], name: str) -> list[str]:
    """The generated columns that are computed from the column of that name."""
    return [each.name for each in columns if each.generated is not None and name in columns_named(each.generated)]
