"""CREATE TYPE: the catalog that has one more type."""

from collections.abc import Callable
from dataclasses import replace

from pgstream.catalog.objects import DomainType, EnumType
from pgstream.engine.draft import Draft
from pgstream.engine.head import Head
from pgstream.engine.outcome import Outcome
from pgstream.errors import DuplicateObject
from pgstream.sql.bind.user_types import CreateType


def created_type(head: Head, statement: CreateType, new_oids: Callable[[int], int], tag: str) -> Draft:
    """The head whose catalog has the type."""
    declared = statement.declared
    if isinstance(declared, EnumType):
        first = new_oids(len(declared.labels)) if declared.labels else 0
        labels = (replace(label, oid=first + place) for place, label in enumerate(declared.labels))
        declared = replace(declared, labels=tuple(labels))
    if isinstance(declared, DomainType):
        declared = replace(declared, checks=tuple(replace(check, oid=new_oids(1)) for check in declared.checks))
    if (declared.schema_oid, declared.name) in head.catalog.names:
        raise DuplicateObject(f'type "{declared.name}" already exists')
    return Draft(replace(head, catalog=head.catalog.put(replace(declared, oid=new_oids(3)))), Outcome(tag))
