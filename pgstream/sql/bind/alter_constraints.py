"""ALTER TABLE of constraints: those that come, go, and are found to hold."""

from dataclasses import replace
from typing import Any

from pgstream.catalog.objects import ForeignKey, Index
from pgstream.errors import (
    DependentObjectsStillExist,
    DuplicateColumn,
    DuplicateObject,
    DuplicateTable,
    FeatureNotSupported,
    InvalidTableDefinition,
    SqlError,
    UndefinedColumn,
    UndefinedObject,
    WrongObjectType,
)
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.definitions import Definition
from pgstream.sql.bind.foreign_keys import bind_foreign_key
from pgstream.sql.bind.shape import Shape
from pgstream.sql.bind.table_rules import bind_check, check_text, names_of_constraints
from pgstream.sql.parse import enums, parse

Node = Any
Kind = enums.ConstrType


def constrain(binding: Binding, shape: Shape, command: Node) -> None:
    """ADD CONSTRAINT."""
    node = command.def_
    if node.contype == Kind.CONSTR_CHECK:
        _check(binding, shape, node)
        return
    if node.contype == Kind.CONSTR_FOREIGN:
        shape.foreign.append((node, tuple(part.sval for part in node.fk_attrs)))
        return
    primary = node.contype == Kind.CONSTR_PRIMARY
    if not (primary or node.contype == Kind.CONSTR_UNIQUE) or node.indexname is not None:
        kind = node.contype.name.removeprefix("CONSTR_")
        raise FeatureNotSupported(f"ALTER TABLE … ADD {kind} is not supported yet", position=node.location)
    _unique(binding, shape, node, primary)


def _check(binding: Binding, shape: Shape, node: Node) -> None:
    if node.conname is not None and node.conname in _names(binding, shape):
        raise DuplicateObject(f'constraint "{node.conname}" for relation "{shape.table.name}" already exists')
    made = Definition(shape.table.name, shape.table.schema_oid)
    check = bind_check(binding, made, shape.columns, node, shape.table.checks)
    shape.table = replace(shape.table, checks=(*shape.table.checks, check))


def _names(binding: Binding, shape: Shape) -> set[str]:
    """The names of a table's constraints."""
    indexes = binding.catalog.indexes(shape.table.oid)
    served = {index.name for index in indexes if (index.primary or index.constraint_oid)}
    keys = {part.label for part in binding.catalog.belonging(shape.table.oid) if isinstance(part, ForeignKey)}
    return served | keys | {check.name for check in shape.table.checks}


def foreign_keys(binding: Binding, shape: Shape) -> tuple[ForeignKey, ...]:
    """The foreign keys that a table gets, once its columns are as they will be."""
    now, indexes = shape.now, binding.catalog.indexes(shape.table.oid)
    primary: tuple[int, ...] = () if now.primary_key is None else now.primary_key.columns
    keys = [primary, *(tuple(key.position for key in index.columns) for index in indexes if index.unique)]
    going = (binding.catalog.objects[oid] for oid in shape.unconstrained)
    gone = {key.label for key in going if isinstance(key, ForeignKey)}
    taken = (_names(binding, shape) | names_of_constraints(binding.catalog, shape.table.schema_oid)) - gone
    found: list[ForeignKey] = []
    for node, own in shape.foreign:
        others = _names(binding, shape) - gone if node.conname is not None else taken
        found.append(bind_foreign_key(binding, now, node, shape.columns, own, keys, others))
        taken.add(found[-1].label)
    return tuple(found)


def _unique(binding: Binding, shape: Shape, node: Node, primary: bool) -> None:
    if primary and (shape.table.primary_key is not None or shape.primary_key is not None):
        raise InvalidTableDefinition(f'multiple primary keys for table "{shape.table.name}" are not allowed')
    keys = tuple(part.sval for part in node.keys)
    names = [column.name for column in shape.columns]
    kind = "primary key" if primary else "unique"
    for i, key in enumerate(keys):
        if key not in names:
            raise UndefinedColumn(f'column "{key}" named in key does not exist')
        if key in keys[:i]:
            raise DuplicateColumn(f'column "{key}" appears twice in {kind} constraint', position=node.location)
    taken = (shape.table.schema_oid, node.conname) in binding.catalog.names
    if taken and binding.catalog.names[shape.table.schema_oid, node.conname] not in shape.unconstrained:
        raise DuplicateTable(f'relation "{node.conname}" already exists')
    if not primary:
        shape.unique.append((node.conname, keys))
        return
    shape.primary_key, shape.rearranged = (node.conname, keys), True
    for key in keys:
        place = shape.place(key)
        shape.columns[place] = replace(shape.columns[place], not_null=True)


def unconstrain(binding: Binding, shape: Shape, command: Node) -> None:
    """DROP CONSTRAINT."""
    for index in binding.catalog.indexes(shape.table.oid):
        if index.name == command.name and (index.primary or index.constraint_oid):
            _unreferred(binding, shape, command, index)
            shape.unconstrained.append(index.oid)
            if index.primary:
                shape.table, shape.rearranged = replace(shape.table, primary_key=None), True
            return
    for part in binding.catalog.belonging(shape.table.oid):
        if isinstance(part, ForeignKey) and part.label == command.name:
            shape.unconstrained.append(part.oid)
            return
    left = tuple(check for check in shape.table.checks if check.name != command.name)
    if len(left) < len(shape.table.checks):
        shape.table = replace(shape.table, checks=left)
        return
    said = f'constraint "{command.name}" of relation "{shape.table.name}" does not exist'
    if not command.missing_ok:
        raise UndefinedObject(said)
    shape.notices.append((f"{said}, skipping", "00000"))


def _unreferred(binding: Binding, shape: Shape, command: Node, index: Index) -> None:
    """A unique key that others refer to goes with their foreign keys only."""
    positions = {key.position for key in index.columns}
    table, objects = shape.table, binding.catalog.objects
    dependents = (one for one in binding.catalog.dependents(table.oid) if isinstance(one, ForeignKey))
    keys = [key for key in dependents if set(key.target_columns) == positions]
    said = [f"constraint {key.label} on table {objects[key.relation_oid].name}" for key in keys]
    if keys and command.behavior != enums.DropBehavior.DROP_CASCADE:
        raise DependentObjectsStillExist(
            f"cannot drop constraint {index.name} on table {table.name} because other objects depend on it",
            detail="\n".join(f"{one} depends on index {index.name}" for one in said),
            hint="Use DROP ... CASCADE to drop the dependent objects too.",
        )
    shape.unconstrained += [key.oid for key in keys]
    shape.notices += [(f"drop cascades to {one}", "00000") for one in said]


def validate(binding: Binding, shape: Shape, command: Node) -> None:
    """VALIDATE CONSTRAINT: what was not looked at before is."""
    checks = shape.table.checks
    for part in binding.catalog.belonging(shape.table.oid):
        if isinstance(part, ForeignKey) and part.label == command.name:
            shape.validated.append(part.oid)
            return
    if not any(check.name == command.name for check in checks):
        said = f'constraint "{command.name}" of relation "{shape.table.name}"'
        if command.name in _names(binding, shape):
            raise WrongObjectType(f"{said} is not a foreign key or check constraint")
        raise UndefinedObject(f"{said} does not exist")
    found = tuple(replace(check, validated=True) if check.name == command.name else check for check in checks)
    shape.table = replace(shape.table, checks=found)


def say_again(binding: Binding, shape: Shape) -> None:
    """Binds the CHECK constraints of a table whose columns have other types. Raises where they take no such column."""
    checks = []
    for check in shape.table.checks:
        [parsed] = parse(f"SELECT {check.expression}")
        try:
            text = check_text(
                Binding(binding.catalog, binding.scope, (), parsed), shape.table.name, shape.columns, parsed
            )
        except SqlError as error:
            error.position = None
            raise
        checks.append(replace(check, expression=text))
    shape.table = replace(shape.table, checks=tuple(checks))
