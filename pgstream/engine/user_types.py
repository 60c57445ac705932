"""CREATE TYPE: the catalog that has one more type."""

from dataclasses import replace

from pgstream.engine.draft import Draft
from pgstream.engine.head import Head
from pgstream.engine.outcome import Outcome
from pgstream.errors import DuplicateObject
from pgstream.sql.bind.user_types import CreateType


def created_type(head: Head, statement: CreateType, oid: int) -> Draft:
    """The head whose catalog has the type, under the first of three new OIDs."""
    declared = statement.declared
    if (declared.schema_oid, declared.name) in head.catalog.names:
        raise DuplicateObject(f'type "{declared.name}" already exists')
    return Draft(replace(head, catalog=head.catalog.put(replace(declared, oid=oid))), Outcome("CREATE TYPE"))
