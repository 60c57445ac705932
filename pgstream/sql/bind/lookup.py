"""Relations by name: the catalog's and the system's, in the order of the search path."""

from typing import Any

from pgstream.catalog.objects import Feed, Index, Relation
from pgstream.catalog.system import SystemRelation, relations_by_name
from pgstream.errors import FeatureNotSupported, UndefinedTable
from pgstream.sql.bind.binding import Binding

Node = Any


def find_relation(binding: Binding, node: Node) -> Relation | SystemRelation:
    """What a RangeVar names. Raises UndefinedTable, with the position of the name."""
    if node.catalogname is not None and node.catalogname != binding.scope.database:
        shown = f"{node.catalogname}.{node.schemaname}.{node.relname}"
        raise FeatureNotSupported(f'cross-database references are not implemented: "{shown}"', position=node.location)
    found = maybe_relation(binding, node.schemaname, node.relname)
    if found is None:
        shown = node.relname if node.schemaname is None else f"{node.schemaname}.{node.relname}"
        raise UndefinedTable(f'relation "{shown}" does not exist', position=node.location)
    return found


def maybe_relation(binding: Binding, schema: str | None, name: str) -> Relation | SystemRelation | None:
    """What `[schema.]name` names; None for nothing. pg_catalog comes first unless the path says otherwise."""
    path = binding.search_path if "pg_catalog" in binding.search_path else ("pg_catalog", *binding.search_path)
    for candidate in (schema,) if schema is not None else path:
        system = relations_by_name().get((candidate, name))
        if system is not None:
            return system
        found = binding.catalog.lookup(candidate, name, ())
        if found is not None and not isinstance(found, Index | Feed):
            return found
    return None
