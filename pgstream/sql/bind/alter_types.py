"""ALTER TYPE: attributes of composite types and labels of enums that come, go, and change their name; and RENAME TO and
SET SCHEMA of types."""

from dataclasses import dataclass, replace
from typing import Any

from pgstream.catalog.objects import (
    CompositeType,
    DomainType,
    EnumLabel,
    EnumType,
    Relation,
    TableColumn,
    UserType,
)
from pgstream.errors import (
    DuplicateColumn,
    DuplicateObject,
    FeatureNotSupported,
    InsufficientPrivilege,
    InvalidParameterValue,
    UndefinedColumn,
    UndefinedObject,
    WrongObjectType,
)
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.commands import Command, binds_statement
from pgstream.sql.bind.statements import Nothing
from pgstream.sql.bind.user_types import attribute, check_label
from pgstream.sql.parse import Parsed, ast, enums
from pgstream.types.described import described_oids
from pgstream.types.enum import rank_between

Node = Any
Kind = enums.AlterTableType


@dataclass(frozen=True, slots=True)
class AlterType:
    """ALTER TYPE: `declared` is what the type becomes; a label without OID is new.

    `kept` has, for each attribute of a composite type, the position of the old one that it was, -1 for a new one;
    `renamed` are old and new names of attributes. `notices` are messages with their SQLSTATEs.
    """

    declared: UserType
    kept: tuple[int, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    cascade: bool = False
    notices: tuple[tuple[str, str], ...] = ()
    asked: tuple[str, ...] = ()
    """The constraints of a domain, "" for NOT NULL, that stored values have to keep as of now."""
    tag: str = "ALTER TYPE"


def declared_type(binding: Binding, names: list[str]) -> UserType:
    """The type that ALTER TYPE names."""
    schema, name = names[-2] if len(names) > 1 else None, names[-1]
    if schema is not None:
        binding.catalog.schema(schema)
    found = binding.catalog.typed(schema, name, binding.search_path)
    if found is None:
        raise UndefinedObject(f'type "{".".join(names)}" does not exist')
    if isinstance(found, Relation):
        raise WrongObjectType(f"{found.name} is a table's row type", hint="Use ALTER TABLE instead.")
    binding.depends.add(found.oid)
    return found


@binds_statement(ast.AlterEnumStmt)
def bind_alter_enum(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """ALTER TYPE … ADD VALUE and RENAME VALUE."""
    names = [part.sval for part in node.typeName]
    found = declared_type(binding, names)
    if not isinstance(found, EnumType):
        raise WrongObjectType(f"{found.name} is not an enum")
    known = [label.name for label in found.labels]
    check_label(node.newVal)
    if node.oldVal is not None:
        if node.oldVal not in known:
            raise InvalidParameterValue(f'"{node.oldVal}" is not an existing enum label')
        if node.newVal in known:
            raise DuplicateObject(f'enum label "{node.newVal}" already exists')
        labels = [replace(one, name=node.newVal) if one.name == node.oldVal else one for one in found.labels]
        return Command(AlterType(replace(found, labels=tuple(labels))), "ALTER TYPE")
    if node.newVal in known:
        if node.skipIfNewValExists:
            return Command(Nothing(f'enum label "{node.newVal}" already exists, skipping'), "ALTER TYPE")
        raise DuplicateObject(f'enum label "{node.newVal}" already exists')
    return Command(AlterType(_with_label(found, node)), "ALTER TYPE")


def _with_label(found: EnumType, node: Node) -> EnumType:
    labels = list(found.labels)
    place = len(labels)
    if node.newValNeighbor is not None:
        places = [at for at, label in enumerate(labels) if label.name == node.newValNeighbor]
        if not places:
            raise InvalidParameterValue(f'"{node.newValNeighbor}" is not an existing enum label')
        place = places[0] + bool(node.newValIsAfter)
    low = labels[place - 1].rank if place else ""
    high = labels[place].rank if place < len(labels) else ""
    labels.insert(place, EnumLabel(0, node.newVal, rank_between(low, high)))
    return replace(found, labels=tuple(labels))


def bind_attributes(binding: Binding, node: Node) -> Command:
    """ALTER TYPE … ADD, DROP and ALTER ATTRIBUTE."""
    names = [part for part in (node.relation.schemaname, node.relation.relname) if part is not None]
    found = declared_type(binding, names)
    if not isinstance(found, CompositeType):
        raise WrongObjectType(f'"{found.name}" is not a composite type')
    columns, kept = list(found.columns), list(range(len(found.columns)))
    cascade, notices = False, list[tuple[str, str]]()
    for command in node.cmds:
        cascade |= command.behavior == enums.DropBehavior.DROP_CASCADE
        own = [column.name for column in columns]
        match command.subtype:
            case Kind.AT_AddColumn:
                columns.append(_added(binding, found, own, command.def_))
                kept.append(-1)
            case Kind.AT_DropColumn if command.name not in own and command.missing_ok:
                said = f'column "{command.name}" of relation "{found.name}" does not exist, skipping'
                notices.append((said, "00000"))
            case Kind.AT_DropColumn:
                place = _place(found, own, command.name)
                del columns[place], kept[place]
            case Kind.AT_AlterColumnType:
                place = _place(found, own, command.name)
                columns[place] = replace(attribute(binding, command.def_), name=command.name)
                _refuse_used(binding, found)
            case _:
                raise FeatureNotSupported(f"ALTER TYPE … {command.subtype.name[3:]} is not supported yet")
    altered = replace(found, columns=tuple(columns))
    return Command(AlterType(altered, tuple(kept), (), cascade, tuple(notices)), "ALTER TYPE")


def _place(found: CompositeType, own: list[str], name: str) -> int:
    if name not in own:
        raise UndefinedColumn(f'column "{name}" of relation "{found.name}" does not exist')
    return own.index(name)


def _added(binding: Binding, found: CompositeType, own: list[str], node: Node) -> TableColumn:
    if node.colname in own:
        raise DuplicateColumn(f'column "{node.colname}" of relation "{found.name}" already exists')
    return attribute(binding, node)


def _refuse_used(binding: Binding, found: CompositeType) -> None:
    """Raises FeatureNotSupported where a stored column is of the type."""
    for one in binding.catalog.dependents(found.oid):
        for column in getattr(one, "columns", ()):
            if found.oid + 1 in described_oids(column.type) and isinstance(one, Relation):
                raise FeatureNotSupported(
                    f'cannot alter type "{found.name}" because column "{one.name}.{column.name}" uses it'
                )


def renamed_attribute(binding: Binding, node: Node) -> Command:
    """ALTER TYPE … RENAME ATTRIBUTE."""
    names = [part for part in (node.relation.schemaname, node.relation.relname) if part is not None]
    found = declared_type(binding, names)
    if not isinstance(found, CompositeType):
        raise WrongObjectType(f'"{found.name}" is not a composite type')
    own = [column.name for column in found.columns]
    if node.subname not in own:
        raise UndefinedColumn(f'column "{node.subname}" does not exist')
    if node.newname in own:
        raise DuplicateColumn(f'column "{node.newname}" of relation "{found.name}" already exists')
    columns = tuple(replace(one, name=node.newname) if one.name == node.subname else one for one in found.columns)
    kept = tuple(range(len(columns)))
    return Command(AlterType(replace(found, columns=columns), kept, ((node.subname, node.newname),)), "ALTER TYPE")


def renamed_type(binding: Binding, names: list[str], new_name: str) -> Command:
    """ALTER TYPE … RENAME TO."""
    found = declared_type(binding, names)
    if (found.schema_oid, new_name) in binding.catalog.names:
        raise DuplicateObject(f'type "{new_name}" already exists')
    return Command(AlterType(replace(found, name=new_name), _same(found), tag=_tag(found)), _tag(found))


def moved_type(binding: Binding, names: list[str], schema_name: str) -> Command:
    """ALTER TYPE … SET SCHEMA."""
    found = declared_type(binding, names)
    schema = binding.catalog.schema(schema_name)
    if schema.name in ("pg_catalog", "information_schema"):
        raise InsufficientPrivilege(f"permission denied for schema {schema.name}")
    if binding.catalog.names.get((schema.oid, found.name), found.oid) != found.oid:
        raise DuplicateObject(f'type "{found.name}" already exists in schema "{schema.name}"')
    return Command(AlterType(replace(found, schema_oid=schema.oid), _same(found), tag=_tag(found)), _tag(found))


def _tag(found: UserType) -> str:
    return "ALTER DOMAIN" if isinstance(found, DomainType) else "ALTER TYPE"


def _same(found: UserType) -> tuple[int, ...]:
    return tuple(range(len(found.columns))) if isinstance(found, CompositeType) else ()
