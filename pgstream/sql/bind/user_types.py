"""CREATE TYPE and DROP TYPE."""

from dataclasses import dataclass
from typing import Any

from pgstream.catalog.objects import (
    KIND_NAMES,
    CompositeType,
    DomainType,
    EnumLabel,
    EnumType,
    Relation,
    Schema,
    TableColumn,
    UserType,
)
from pgstream.errors import (
    DependentObjectsStillExist,
    DuplicateColumn,
    DuplicateObject,
    InvalidName,
    InvalidSchemaName,
    InvalidTableDefinition,
    UndefinedObject,
    UniqueViolation,
    WrongObjectType,
)
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.commands import Command, binds_statement
from pgstream.sql.bind.creation import creation_schema
from pgstream.sql.bind.types import type_of
from pgstream.sql.parse import Parsed, ast
from pgstream.types.definition import BY_NAME
from pgstream.types.enum import ranks

Node = Any


@dataclass(frozen=True, slots=True)
class CreateType:
    """CREATE TYPE: `declared` is what it declares, without its OID."""

    declared: UserType


@dataclass(frozen=True, slots=True)
class DropType:
    """DROP TYPE of the types with these OIDs. `missing` holds what IF EXISTS skips, as the notices word it."""

    oids: tuple[int, ...]
    cascade: bool = False
    missing: tuple[str, ...] = ()
    tag: str = "DROP TYPE"


@binds_statement(ast.CompositeTypeStmt)
def bind_create_composite(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """CREATE TYPE … AS (…)."""
    schema = creation_schema(binding, node.typevar)
    columns: list[TableColumn] = []
    for element in node.coldeflist or ():
        if any(column.name == element.colname for column in columns):
            raise DuplicateColumn(f'column "{element.colname}" specified more than once')
        columns.append(attribute(binding, element))
    require_type_free(binding, schema, node.typevar.relname)
    return Command(CreateType(CompositeType(0, schema.oid, node.typevar.relname, tuple(columns))), "CREATE TYPE")


@binds_statement(ast.CreateEnumStmt)
def bind_create_enum(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """CREATE TYPE … AS ENUM (…)."""
    names = [part.sval for part in node.typeName]
    schema = creation_schema(binding, ast.RangeVar(schemaname=names[-2] if len(names) > 1 else None, relname=names[-1]))
    labels = [value.sval for value in node.vals or ()]
    for place, label in enumerate(labels):
        check_label(label)
        if label in labels[:place]:
            raise UniqueViolation(
                'duplicate key value violates unique constraint "pg_enum_typid_label_index"',
                detail=f"Key (enumtypid, enumlabel)=(0, {label}) already exists.",
            )
    require_type_free(binding, schema, names[-1])
    made = tuple(EnumLabel(0, label, rank) for label, rank in zip(labels, ranks(len(labels)), strict=True))
    return Command(CreateType(EnumType(0, schema.oid, names[-1], made)), "CREATE TYPE")


def check_label(label: str) -> None:
    """Raises InvalidName for a label that is too long."""
    if len(label.encode()) > 63:
        raise InvalidName(f'invalid enum label "{label}"', detail="Labels must be 63 bytes or less.")


def attribute(binding: Binding, element: Node) -> TableColumn:
    """One attribute of a composite type. Raises InvalidTableDefinition for a pseudo-type."""
    type = type_of(binding, element.typeName)
    if type.definition.pseudo:
        raise InvalidTableDefinition(f'column "{element.colname}" has pseudo-type {type}')
    return TableColumn(element.colname, type)


def require_type_free(binding: Binding, schema: Schema, name: str) -> None:
    """Raises DuplicateObject where a type, or a relation with its row type, has that name."""
    taken = binding.catalog.objects.get(binding.catalog.names.get((schema.oid, name), 0))
    if isinstance(taken, UserType | Relation):
        raise DuplicateObject(f'type "{name}" already exists')


def dropped_types(binding: Binding, node: Node, cascade: bool, tag: str) -> Command:
    """DROP TYPE and DROP DOMAIN."""
    oids: list[int] = []
    missing: list[str] = []
    for spelled in node.objects:
        names = [part.sval for part in spelled.names]
        schema, name = names[-2] if len(names) > 1 else None, names[-1]
        known = schema is None or schema in binding.catalog.schema_oids
        shown = f'type "{".".join(names)}"' if known else f'schema "{schema}"'
        found = binding.catalog.typed(schema, name, binding.search_path)
        if found is None and node.missing_ok:
            missing.append(f"{shown} does not exist, skipping")
        elif found is None and name in BY_NAME and schema in (None, "pg_catalog"):
            raise DependentObjectsStillExist(
                f"cannot drop type {BY_NAME[name].sql_name} because it is required by the database system"
            )
        elif found is None:
            raise (UndefinedObject if known else InvalidSchemaName)(f"{shown} does not exist")
        elif tag == "DROP TYPE" and not isinstance(found, UserType):
            kind = KIND_NAMES[type(found)]
            raise DependentObjectsStillExist(
                f"cannot drop type {name} because {kind} {name} requires it",
                hint=f"You can drop {kind} {name} instead.",
            )
        elif tag == "DROP DOMAIN" and not isinstance(found, DomainType):
            raise WrongObjectType(f'"{name}" is not a domain')
        else:
            oids.append(found.oid)
    return Command(DropType(tuple(dict.fromkeys(oids)), cascade, tuple(missing), tag), tag)
