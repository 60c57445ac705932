"""Where a new relation goes, whether its name is free, and the text of its query."""

from typing import Any

from pgstream.catalog.objects import INFORMATION_SCHEMA, PG_CATALOG, Schema
from pgstream.errors import DuplicateTable, InsufficientPrivilege, InvalidSchemaName
from pgstream.sql.bind.binding import Binding
from pgstream.sql.parse import Parsed, tokens

Node = Any


def creation_schema(binding: Binding, relation: Node) -> Schema:
    """The named schema, or the first one of the search path that exists."""
    if relation.schemaname is not None:
        schema = binding.catalog.schema(relation.schemaname, relation.location)
    else:
        known = [name for name in binding.search_path if name in binding.catalog.schema_oids]
        if not known:
            raise InvalidSchemaName("no schema has been selected to create in", position=relation.location)
        schema = binding.catalog.schema(known[0])
    if schema.oid in (PG_CATALOG, INFORMATION_SCHEMA):
        raise InsufficientPrivilege(
            f'permission denied to create "{schema.name}.{relation.relname}"',
            detail="System catalog modifications are currently disallowed.",
        )
    return schema


def existing(binding: Binding, schema: Schema, name: str, if_not_exists: bool) -> bool:
    """Whether the name is taken. Raises DuplicateTable unless IF NOT EXISTS was said."""
    taken = (schema.oid, name) in binding.catalog.names
    if taken and not if_not_exists:
        raise DuplicateTable(f'relation "{name}" already exists')
    return taken


def query_text(parsed: Parsed) -> str:
    """The query of a CREATE … VIEW: what follows the first AS outside parentheses, without WITH [NO] DATA."""
    text = parsed.text
    scanned = tokens(text)
    depth = 0
    start = 0
    for token in scanned:
        depth += {"ASCII_40": 1, "ASCII_41": -1}.get(token.name, 0)
        if token.name == "AS" and depth == 0:
            start = token.end
            break
    words = [text[token.start : token.end].upper() for token in scanned]
    end = len(text)
    if words[-2:] == ["WITH", "DATA"]:
        end = scanned[-2].start
    elif words[-3:] == ["WITH", "NO", "DATA"]:
        end = scanned[-3].start
    return text[start:end].strip()
