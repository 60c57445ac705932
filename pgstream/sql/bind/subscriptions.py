"""CREATE, ALTER and DROP SUBSCRIPTION: RisingWave's memory of how a relation changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pgstream.catalog.objects import MaterializedView, Subscription, Table
from pgstream.errors import FeatureNotSupported, InvalidParameterValue, WrongObjectType
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.commands import Command, binds_statement
from pgstream.sql.bind.creation import creation_schema, existing
from pgstream.sql.bind.drops import dropped
from pgstream.sql.bind.lookup import find_relation, find_subscription
from pgstream.sql.bind.statements import CreateSubscription
from pgstream.sql.parse import Parsed, ast, enums
from pgstream.sql.streaming import CreateSubscriptionStmt, Option
from pgstream.types.definition import SqlType
from pgstream.types.interval import unpacked

Node = Any
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class AlterSubscription:
    """Has a subscription remember for longer or shorter."""

    oid: int
    retention_ms: int


@binds_statement(CreateSubscriptionStmt)
def bind_create_subscription(binding: Binding, node: CreateSubscriptionStmt, parsed: Parsed) -> Command:
    """CREATE SUBSCRIPTION from a table or materialized view."""
    relation = find_relation(binding, node.relation)
    if not isinstance(relation, Table | MaterializedView):
        raise WrongObjectType(f'"{relation.name}" is not a table or materialized view', position=node.relation.location)
    schema = creation_schema(binding, node.subscription)
    name = node.subscription.relname
    there = existing(binding, schema, name, node.if_not_exists)
    made = CreateSubscription(
        schema.oid, name, relation.oid, _retention(node.options, node.position), node.if_not_exists, there
    )
    return Command(made, "CREATE SUBSCRIPTION")


@binds_statement(ast.AlterSubscriptionStmt)
def bind_alter_subscription(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """ALTER SUBSCRIPTION … SET (retention = …)."""
    if node.kind != enums.AlterSubscriptionType.ALTER_SUBSCRIPTION_OPTIONS:
        raise FeatureNotSupported(
            "of a subscription only its name and its retention can be altered",
            hint="ALTER SUBSCRIPTION … SET (retention = '1 day')",
            position=parsed.start,
        )
    found = find_subscription(binding, node.subname)
    options = [Option(each.defname, _spelled(each.arg), each.location) for each in node.options]
    return Command(AlterSubscription(found.oid, _retention(options, parsed.start)), "ALTER SUBSCRIPTION")


def _spelled(value: Node) -> str:
    return str(getattr(value, "sval", None) or getattr(value, "ival", ""))


def _retention(options: Sequence[Option], position: int) -> int:
    """`retention = '1 day'` in ms."""
    for option in options:
        if option.name != "retention":
            raise InvalidParameterValue(f'unrecognized parameter "{option.name}"', position=option.position)
    if len(options) != 1:
        raise InvalidParameterValue(
            "a subscription needs one retention", hint="WITH (retention = '1 day')", position=position
        )
    return interval_ms(options[0])


def interval_ms(option: Option) -> int:
    """An interval of more than nothing, in ms; a month is 30 days."""
    text = pa.array([option.value])
    span = unpacked(SqlType("interval").definition.parse(text, -1)[0].as_py())
    length = span.us // 1000 + (span.days + 30 * span.months) * DAY_MS
    if length <= 0:
        raise InvalidParameterValue(f'"{option.name}" must be longer than nothing', position=option.position)
    return length


@binds_statement(ast.DropSubscriptionStmt)
def bind_drop_subscription(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """DROP SUBSCRIPTION."""
    cascade = node.behavior == enums.DropBehavior.DROP_CASCADE
    return dropped(binding, Subscription, [[node.subname]], bool(node.missing_ok), cascade)
