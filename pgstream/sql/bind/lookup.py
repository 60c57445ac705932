"""Relations by name."""

from typing import Any

from pgstream.catalog.objects import CompositeType, Relation, Subscription, Unlisted
from pgstream.catalog.system import SystemRelation
from pgstream.errors import FeatureNotSupported, UndefinedObject, UndefinedTable, WrongObjectType
from pgstream.sql.bind.binding import Binding

Node = Any


def find_relation(binding: Binding, node: Node, *, pointed: bool = True) -> Relation | SystemRelation:
    """What a RangeVar names. Raises UndefinedTable, which points at the name where PostgreSQL's does: in queries and
    data changes, and not in commands."""
    if node.catalogname is not None and node.catalogname != binding.scope.database:
        shown = f"{node.catalogname}.{node.schemaname}.{node.relname}"
        raise FeatureNotSupported(f'cross-database references are not implemented: "{shown}"', position=node.location)
    found = maybe_relation(binding, node.schemaname, node.relname)
    if found is None:
        declared = binding.catalog.lookup(node.schemaname, node.relname, binding.search_path)
        if isinstance(declared, CompositeType):
            position = node.location if pointed else None
            raise WrongObjectType(f'"{declared.name}" is a composite type', position=position)
        shown = node.relname if node.schemaname is None else f"{node.schemaname}.{node.relname}"
        raise UndefinedTable(f'relation "{shown}" does not exist', position=node.location if pointed else None)
    return found


def maybe_relation(binding: Binding, schema: str | None, name: str) -> Relation | SystemRelation | None:
    """What `[schema.]name` names; None for nothing, or for what has no rows."""
    found = binding.catalog.lookup(schema, name, binding.search_path)
    return None if isinstance(found, Unlisted) else found


def find_subscription(binding: Binding, name: str) -> Subscription:
    """The subscription of that name. Raises UndefinedObject."""
    found = binding.catalog.lookup(None, name, binding.search_path)
    if not isinstance(found, Subscription):
        raise UndefinedObject(f'subscription "{name}" does not exist')
    return found
