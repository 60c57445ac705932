"""FOREIGN KEY constraints as they are declared."""

from collections.abc import Sequence
from typing import Any

from pgstream.catalog.objects import ForeignKey, Table, TableColumn
from pgstream.catalog.type_objects import TableColumn as Column
from pgstream.errors import (
    DatatypeMismatch,
    DuplicateObject,
    FeatureNotSupported,
    InvalidForeignKey,
    UndefinedColumn,
    UndefinedObject,
    WrongObjectType,
)
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.lookup import find_relation
from pgstream.sql.bind.table_rules import chosen_name

Node = Any

INTEGERS = frozenset({"int2", "int4", "int8"})


def bind_foreign_key(
    binding: Binding,
    itself: Table,
    node: Node,
    columns: Sequence[TableColumn],
    own: Sequence[str],
    keys: Sequence[tuple[int, ...]],
    taken: set[str],
) -> ForeignKey:
    """A foreign key over the columns `own` of `itself`, a table with these `columns` and unique `keys`, the primary one
    first. Its OIDs are to be given: that of the table it refers to is 0 where that is the table itself."""
    names = [column.name for column in columns]
    places = tuple(_place(names, name) for name in own)
    target, target_columns, target_keys, target_oid = _target(binding, itself, node, columns, keys)
    wanted = [part.sval for part in node.pk_attrs or ()]
    if wanted:
        target_places = tuple(_place([column.name for column in target_columns], name) for name in wanted)
    elif not target_keys or not target_keys[0]:
        raise UndefinedObject(f'there is no primary key for referenced table "{target}"')
    else:
        target_places = target_keys[0]
    if len(target_places) != len(places):
        raise InvalidForeignKey("number of referencing and referenced columns for foreign key disagree")
    if all(set(key) != set(target_places) for key in target_keys if key):
        raise InvalidForeignKey(f'there is no unique constraint matching given keys for referenced table "{target}"')
    label = node.conname
    if label is None:
        label = chosen_name([itself.name, *own, "fkey"], taken)
    elif label in taken:
        raise DuplicateObject(f'constraint "{label}" for relation "{itself.name}" already exists')
    for place, target_place in zip(places, target_places, strict=True):
        _check_types(label, columns[place], target_columns[target_place])
    return ForeignKey(
        0, itself.schema_oid, "", label, itself.oid, places, target_oid, target_places,
        node.fk_upd_action, node.fk_del_action, node.fk_matchtype,
        bool(node.deferrable), bool(node.initdeferred), not node.skip_validation,
        tuple(_place(names, part.sval) for part in node.fk_del_set_cols or ()),
    )  # fmt: skip


def _place(names: Sequence[str], name: str) -> int:
    if name not in names:
        raise UndefinedColumn(f'column "{name}" referenced in foreign key constraint does not exist')
    return names.index(name)


def _target(
    binding: Binding, itself: Table, node: Node, columns: Sequence[TableColumn], keys: Sequence[tuple[int, ...]]
) -> tuple[str, Sequence[Column], list[tuple[int, ...]], int]:
    """The name of the table that is referred to, its columns, its unique keys (the primary one, or nothing, first), and
    its OID."""
    schema = node.pktable.schemaname
    own_schema = binding.catalog.schema_name(itself.schema_oid)
    if node.pktable.relname == itself.name and schema in (None, own_schema):
        return itself.name, columns, list(keys), itself.oid
    found = find_relation(binding, node.pktable, pointed=False)
    if not isinstance(found, Table) or found.errors_of:
        raise WrongObjectType(f'referenced relation "{found.name}" is not a table')
    indexes = [index for index in binding.catalog.indexes(found.oid) if index.unique and not index.primary]
    primary = () if found.primary_key is None else found.primary_key.columns
    unique = [tuple(key.position for key in index.columns) for index in indexes]
    return found.name, found.columns, [primary, *unique], found.oid


def _check_types(label: str, own: TableColumn, target: TableColumn) -> None:
    left, right = own.type.name, target.type.name
    alike = left == right or {left, right} <= INTEGERS or {left, right} <= {"text", "varchar"}
    if alike:
        return
    numbers = {"int2", "int4", "int8", "numeric", "float4", "float8"}
    if {left, right} <= numbers:
        raise FeatureNotSupported(f"foreign keys from {own.type} to {target.type} are not supported yet")
    raise DatatypeMismatch(
        f'foreign key constraint "{label}" cannot be implemented',
        detail=f'Key columns "{own.name}" and "{target.name}" are of incompatible types:'
        f" {own.type.bare()} and {target.type.bare()}.",
    )
