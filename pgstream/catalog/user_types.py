"""The types that the objects of a catalog declare."""

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import DomainType, EnumType, Relation, UserType
from pgstream.types.definition import SqlType, array_of
from pgstream.types.described import row_type
from pgstream.types.domain import domain_type
from pgstream.types.enum import enum_type


def type_of(catalog: Catalog, thing: UserType | Relation) -> SqlType:
    """The type that `thing` declares; of a relation, that of its rows."""
    if isinstance(thing, EnumType):
        labels = [(label.oid, label.name, label.rank) for label in thing.labels]
        return enum_type(thing.oid + 1, catalog.schema_name(thing.schema_oid), thing.name, labels)
    if isinstance(thing, DomainType):
        [value] = thing.columns
        checks = [(check.name, check.expression) for check in thing.checks]
        schema = catalog.schema_name(thing.schema_oid)
        return domain_type(thing.oid + 1, schema, thing.name, value.type, value.not_null, checks)
    columns = [(column.name, column.type) for column in thing.columns]
    return row_type(thing.oid + 1, catalog.schema_name(thing.schema_oid), thing.name, columns)


def type_by_oid(catalog: Catalog, oid: int) -> SqlType | None:
    """The type, or the array over one, that the catalog has under a pg_type.oid; None where it has none."""
    thing = catalog.objects.get(oid - 1)
    if isinstance(thing, UserType | Relation):
        return type_of(catalog, thing)
    thing = catalog.objects.get(oid - 2)
    return array_of(type_of(catalog, thing)) if isinstance(thing, UserType | Relation) else None
