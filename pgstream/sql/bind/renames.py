"""ALTER … RENAME and SET SCHEMA."""

from typing import Any

from pgstream.catalog.objects import ForeignKey, Index, MaterializedView, Schema, Sequence, Sink, Source, Table, View
from pgstream.catalog.system import SystemRelation
from pgstream.errors import (
    DuplicateColumn,
    DuplicateSchema,
    DuplicateTable,
    FeatureNotSupported,
    InsufficientPrivilege,
    ReservedName,
    UndefinedColumn,
    UndefinedObject,
    UndefinedTable,
    WrongObjectType,
)
from pgstream.sql.bind.alter_domains import found_domain, renamed_check
from pgstream.sql.bind.alter_types import moved_type, renamed_attribute, renamed_type
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.commands import Command, binds_statement
from pgstream.sql.bind.lookup import find_subscription
from pgstream.sql.bind.routines import moved_function, renamed_function
from pgstream.sql.bind.statements import Nothing, Rename, RenameColumn, RenameConstraint, SetSchema
from pgstream.sql.parse import Parsed, ast, enums

Node = Any
Kind = enums.ObjectType
Altered = Table | View | MaterializedView | Source | Sink | Index | Sequence

SYSTEM_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})

TAGS = {
    Kind.OBJECT_TABLE: "ALTER TABLE",
    Kind.OBJECT_VIEW: "ALTER VIEW",
    Kind.OBJECT_MATVIEW: "ALTER MATERIALIZED VIEW",
    Kind.OBJECT_INDEX: "ALTER INDEX",
    Kind.OBJECT_SEQUENCE: "ALTER SEQUENCE",
    Kind.OBJECT_SCHEMA: "ALTER SCHEMA",
    Kind.OBJECT_TABCONSTRAINT: "ALTER TABLE",
    Kind.OBJECT_SUBSCRIPTION: "ALTER SUBSCRIPTION",
}

_ROUTINES = (Kind.OBJECT_FUNCTION, Kind.OBJECT_ROUTINE)

_WANTED: dict[Any, tuple[type, str]] = {
    Kind.OBJECT_VIEW: (View, "a view"),
    Kind.OBJECT_SEQUENCE: (Sequence, "a sequence"),
    Kind.OBJECT_MATVIEW: (MaterializedView, "a materialized view"),
}


@binds_statement(ast.RenameStmt)
def bind_rename(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """ALTER … RENAME TO, RENAME COLUMN and RENAME CONSTRAINT."""
    kind = node.relationType if node.renameType == Kind.OBJECT_COLUMN else node.renameType
    if kind in _ROUTINES:
        return renamed_function(binding, node)
    if node.renameType == Kind.OBJECT_DOMAIN:
        found_domain(binding, [part.sval for part in node.object])
    if node.renameType == Kind.OBJECT_DOMCONSTRAINT:
        return renamed_check(binding, node)
    if node.renameType in (Kind.OBJECT_TYPE, Kind.OBJECT_DOMAIN):
        return renamed_type(binding, [part.sval for part in node.object], node.newname)
    if node.renameType == Kind.OBJECT_ATTRIBUTE:
        return renamed_attribute(binding, node)
    if kind not in TAGS:
        name = kind.name.removeprefix("OBJECT_")
        raise FeatureNotSupported(f"ALTER {name} … RENAME is not supported yet", position=parsed.start)
    tag = TAGS[kind]
    if kind == Kind.OBJECT_SCHEMA:
        return Command(_renamed_schema(binding, node.subname, node.newname), tag)
    if kind == Kind.OBJECT_SUBSCRIPTION:
        subscription = find_subscription(binding, node.object.sval)
        _check_free(binding, subscription.schema_oid, node.newname)
        return Command(Rename(subscription.oid, node.newname), tag)
    found = altered(binding, node.relation, kind, bool(node.missing_ok))
    if found is None:
        return skipped(node.relation, tag)
    if node.renameType == Kind.OBJECT_COLUMN:
        return Command(_renamed_column(found, node), tag)
    if node.renameType == Kind.OBJECT_TABCONSTRAINT:
        if isinstance(found, Table) and any(check.name == node.subname for check in found.checks):
            return Command(RenameConstraint(found.oid, node.subname, node.newname), tag)
        for part in binding.catalog.belonging(found.oid):
            if isinstance(part, ForeignKey) and part.label == node.subname:
                return Command(RenameConstraint(found.oid, node.subname, node.newname), tag)
        found = _constraint(binding, found, node.subname)
    _check_free(binding, found.schema_oid, node.newname)
    return Command(Rename(found.oid, node.newname), tag)


def _check_free(binding: Binding, schema_oid: int, name: str) -> None:
    if (schema_oid, name) in binding.catalog.names:
        raise DuplicateTable(f'relation "{name}" already exists')


@binds_statement(ast.AlterObjectSchemaStmt)
def bind_set_schema(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """ALTER … SET SCHEMA."""
    if node.objectType in _ROUTINES:
        return moved_function(binding, node)
    if node.objectType == Kind.OBJECT_DOMAIN:
        found_domain(binding, [part.sval for part in node.object])
    if node.objectType in (Kind.OBJECT_TYPE, Kind.OBJECT_DOMAIN):
        return moved_type(binding, [part.sval for part in node.object], node.newschema)
    if node.objectType not in TAGS:
        name = node.objectType.name.removeprefix("OBJECT_")
        raise FeatureNotSupported(f"ALTER {name} … SET SCHEMA is not supported yet", position=parsed.start)
    tag = TAGS[node.objectType]
    found = altered(binding, node.relation, node.objectType, bool(node.missing_ok))
    if found is None:
        return skipped(node.relation, tag)
    if isinstance(found, Index):
        raise WrongObjectType(f'cannot change schema of index "{found.name}"')
    schema = binding.catalog.schema(node.newschema)
    if schema.name in ("pg_catalog", "information_schema"):
        raise InsufficientPrivilege(f"permission denied for schema {schema.name}")
    taken = binding.catalog.names.get((schema.oid, found.name), found.oid)
    if taken != found.oid:
        raise DuplicateTable(f'relation "{found.name}" already exists in schema "{schema.name}"')
    return Command(SetSchema(found.oid, schema.oid), tag)


def altered(binding: Binding, node: Node, kind: Any, missing_ok: bool) -> Altered | None:
    """The relation that ALTER names; None where IF EXISTS skips it. ALTER TABLE takes relations of every kind."""
    if node.schemaname is not None and node.schemaname not in binding.catalog.schema_oids and not missing_ok:
        binding.catalog.schema(node.schemaname)
    found = binding.catalog.lookup(node.schemaname, node.relname, binding.search_path)
    if isinstance(found, SystemRelation):
        raise InsufficientPrivilege(f'permission denied: "{found.name}" is a system catalog')
    if not isinstance(found, Altered):
        if missing_ok:
            return None
        raise UndefinedTable(f'relation "{_shown(node)}" does not exist')
    wanted, article = _WANTED.get(kind, (object, ""))
    if not isinstance(found, wanted):
        raise WrongObjectType(f'"{found.name}" is not {article}')
    if isinstance(found, Table) and found.errors_of:
        raise WrongObjectType(f'cannot alter relation "{found.name}"', detail="It holds what a source rejected.")
    binding.depends.add(found.oid)
    return found


def _shown(node: Node) -> str:
    return str(node.relname) if node.schemaname is None else f"{node.schemaname}.{node.relname}"


def skipped(node: Node, tag: str) -> Command:
    """What IF EXISTS makes of ALTER where the relation is not there."""
    return Command(Nothing(f'relation "{_shown(node)}" does not exist, skipping'), tag)


def _renamed_schema(binding: Binding, old: str, new: str) -> Rename:
    schema: Schema = binding.catalog.schema(old)
    if new in binding.catalog.schema_oids:
        raise DuplicateSchema(f'schema "{new}" already exists')
    if new.startswith("pg_"):
        raise ReservedName(
            f'unacceptable schema name "{new}"', detail='The prefix "pg_" is reserved for system schemas.'
        )
    if schema.name in ("pg_catalog", "information_schema"):
        raise InsufficientPrivilege(f"permission denied for schema {schema.name}")
    return Rename(schema.oid, new)


def _renamed_column(found: Altered, node: Node) -> RenameColumn:
    if isinstance(found, Index | Source | Sink | Sequence):
        kind = {Index: "index", Source: "source", Sink: "sink", Sequence: "sequence"}[type(found)]
        raise FeatureNotSupported(f'cannot rename columns of {kind} "{found.name}"')
    names = [column.name for column in found.columns]
    if node.subname not in names:
        if node.subname in SYSTEM_COLUMNS:
            raise FeatureNotSupported(f'cannot rename system column "{node.subname}"')
        raise UndefinedColumn(f'column "{node.subname}" does not exist')
    check_column_free(found, node.newname)
    return RenameColumn(found.oid, names.index(node.subname), node.newname)


def check_column_free(found: Altered, name: str) -> None:
    """Raises DuplicateColumn where a relation has a column of that name."""
    if name in SYSTEM_COLUMNS:
        raise DuplicateColumn(f'column name "{name}" conflicts with a system column name')
    if not isinstance(found, Index | Sequence) and any(column.name == name for column in found.columns):
        raise DuplicateColumn(f'column "{name}" of relation "{found.name}" already exists')


def _constraint(binding: Binding, found: Altered, name: str) -> Index:
    """The index that serves a constraint."""
    for index in binding.catalog.indexes(found.oid):
        if index.name == name and (index.primary or index.constraint_oid):
            return index
    raise UndefinedObject(f'constraint "{name}" for table "{found.name}" does not exist')
