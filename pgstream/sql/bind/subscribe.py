"""SUBSCRIBE: what is watched, and the columns that its changes are told in."""

from collections.abc import Sequence
from typing import Any

from pgstream.errors import DuplicateColumn, FeatureNotSupported, UndefinedColumn
from pgstream.plan.expressions import Col, Const, Expr
from pgstream.plan.relations import Relation
from pgstream.plan.terms import FINAL
from pgstream.sql.bind.binding import BOOL, INT8, TEXT, UNKNOWN, Binding
from pgstream.sql.bind.coercion import coerce_to_type
from pgstream.sql.bind.commands import Command, binds_statement
from pgstream.sql.bind.dispatch import bind_expression, bind_from_item, bind_query
from pgstream.sql.bind.maintainable import check_maintainable
from pgstream.sql.bind.names import Level
from pgstream.sql.bind.ordering import direction_of
from pgstream.sql.bind.query import visible
from pgstream.sql.bind.statements import ChangeShape, Subscribe
from pgstream.sql.bind.types import is_orderable
from pgstream.sql.optimize.predicates import has_subquery
from pgstream.sql.parse import Parsed, ast
from pgstream.sql.streaming import SubscribeStmt
from pgstream.storage.order import OrderColumn
from pgstream.types.definition import SqlType

NUMERIC, TIMESTAMPTZ = SqlType("numeric"), SqlType("timestamptz")

_NAMES = {"upsert": "ENVELOPE UPSERT (KEY", "debezium": "ENVELOPE DEBEZIUM (KEY"}


@binds_statement(SubscribeStmt)
def bind_subscribe(binding: Binding, node: SubscribeStmt, parsed: Parsed) -> Command:
    """SUBSCRIBE. Its times may be parameters; what it watches may have none."""
    binding.takes_parameters = False
    plan = _watched(binding, node)
    check_maintainable(binding, "subscriptions", plan)
    binding.takes_parameters = True
    depends = frozenset(binding.depends)
    terms = node.terms if node.terms.closes else parsed.terms
    columns = plan.columns if terms.every_us is None else (*plan.columns, binding.col(FINAL, BOOL))
    shape = ChangeShape(node.envelope, node.progress, _key(columns, node), _order(binding, columns, node))
    as_of, up_to = (_time(binding, each) for each in (node.as_of, node.up_to))
    made = Subscribe(plan, depends, shape, node.snapshot, as_of, node.at_least, up_to, terms)
    return Command(made, node.tag, told_columns(binding, columns, shape))


def _watched(binding: Binding, node: SubscribeStmt) -> Relation:
    if node.relation is not None:
        plan: Relation = bind_from_item(Level(binding), node.relation).plan
        return plan
    if not isinstance(node.query, ast.SelectStmt):
        raise FeatureNotSupported("SUBSCRIBE is of a query", position=node.position)
    return visible(bind_query(binding, node.query))


def told_columns(binding: Binding, columns: Sequence[Col], shape: ChangeShape) -> tuple[Col, ...]:
    """The columns of the answer: when, whether and how, and then the relation's."""
    first = [binding.col("mz_timestamp", NUMERIC)]
    if shape.progress:
        first.append(binding.col("mz_progressed", BOOL))
    if shape.envelope == "diffs":
        return (*first, binding.col("mz_diff", INT8), *columns)
    keys = [columns[position] for position in shape.key]
    values = [column for position, column in enumerate(columns) if position not in shape.key]
    first += [binding.col("mz_state", TEXT), *keys]
    if shape.envelope == "upsert":
        return (*first, *values)
    before, after = ([binding.col(f"{when}_{col.name}", col.type) for col in values] for when in ("before", "after"))
    return (*first, *before, *after)


def _key(columns: Sequence[Col], node: SubscribeStmt) -> tuple[int, ...]:
    found: list[int] = []
    for name, place in node.key:
        position = _position(columns, name, place)
        if position in found:
            raise DuplicateColumn(f'column "{name}" appears twice in {_NAMES[node.envelope]})', position=place)
        found.append(position)
    return tuple(found)


def _position(columns: Sequence[Col], name: str, place: int) -> int:
    positions = [position for position, column in enumerate(columns) if column.name == name]
    if not positions:
        raise UndefinedColumn(f'column "{name}" does not exist', position=place)
    return positions[0]


def _order(binding: Binding, columns: Sequence[Col], node: SubscribeStmt) -> tuple[OrderColumn, ...]:
    """The ORDER BY items, which are columns by name or number, mz_diff among them."""
    listed = [binding.col("mz_diff", INT8), *columns]
    return tuple(_ordered(binding, listed, item) for item in node.order)


def _ordered(binding: Binding, listed: Sequence[Col], item: Any) -> OrderColumn:
    match item.node:
        case ast.ColumnRef(fields=(ast.String(sval=name),)):
            position = _position(listed, name, item.node.location)
        case _:
            raise FeatureNotSupported(
                "WITHIN TIMESTAMP ORDER BY takes columns", position=binding.position_of(item.node)
            )
    if not is_orderable(listed[position].type):
        raise FeatureNotSupported(f"type {listed[position].type} has no order", position=item.node.location)
    return OrderColumn(position, *direction_of(item))


def _time(binding: Binding, node: Any) -> Expr | None:
    """A time: a number of ms, or a timestamp."""
    if node is None:
        return None
    expr = bind_expression(Level(binding, clause="AS OF"), node)
    if has_subquery(expr):
        raise FeatureNotSupported("cannot use subquery in a time of SUBSCRIBE", position=binding.position(expr))
    dated = expr.type.definition.category == "D" or (isinstance(expr, Const) and expr.type == UNKNOWN)
    return coerce_to_type(binding, expr, TIMESTAMPTZ if dated else NUMERIC, "AS OF")
