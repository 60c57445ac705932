"""Column definitions and table constraints of CREATE TABLE and CREATE SOURCE."""

from dataclasses import dataclass, field, replace
from typing import Any

from pgstream.catalog.objects import Check, ForeignKey, Index, IndexColumn, Sequence, Table, TableColumn
from pgstream.catalog.system import SystemRelation
from pgstream.errors import (
    DuplicateColumn,
    FeatureNotSupported,
    InvalidTableDefinition,
    SyntaxError42601,
    UndefinedColumn,
    WrongObjectType,
)
from pgstream.sql.bind.binding import TEXT, Binding
from pgstream.sql.bind.foreign_keys import bind_foreign_key
from pgstream.sql.bind.lookup import find_relation
from pgstream.sql.bind.numbering import declare_identity, like_identity, number, refuse_second_default, serial_type
from pgstream.sql.bind.stored import bind_default_node, check_default, default_text
from pgstream.sql.bind.table_rules import bind_check, declare_generated, generate, names_of_constraints
from pgstream.sql.bind.types import type_of
from pgstream.sql.parse import ast, enums
from pgstream.types.definition import SqlType

Node = Any
Kind = enums.ConstrType


@dataclass(slots=True)
class Definition:
    """What a column list declares so far."""

    table: str
    schema_oid: int = 0
    names: list[str] = field(default_factory=list)
    types: list[SqlType] = field(default_factory=list)
    not_null: list[bool] = field(default_factory=list)
    defaults: list[str | None] = field(default_factory=list)
    primary_key: list[str] | None = None
    primary_key_name: str | None = None
    unique: list[tuple[str | None, tuple[int, ...]]] = field(default_factory=list)
    indexes: list[tuple[tuple[IndexColumn, ...], bool]] = field(default_factory=list)
    generated: dict[int, Node] = field(default_factory=dict)
    """The expressions of generated columns, which may refer to columns that come later."""
    outside: bool = False
    """Whether rows come from outside, once: what is generated is computed then, in nobody's session."""
    untyped: set[int] = field(default_factory=set)
    """Those that are of the type of their expression."""
    sequences: dict[int, Sequence] = field(default_factory=dict)
    """Those of serial and identity columns."""
    identity: dict[int, str] = field(default_factory=dict)
    kept: dict[int, str] = field(default_factory=dict)
    """Those that are known as text."""
    checks: list[Check] = field(default_factory=list)
    foreign: list[tuple[Node, tuple[str, ...]]] = field(default_factory=list)
    """Foreign keys, and the columns that refer."""
    asked: list[Node] = field(default_factory=list)
    """CHECK constraints, which see all columns."""

    def columns(self) -> tuple[TableColumn, ...]:
        parts = zip(self.names, self.types, self.not_null, self.defaults, strict=True)
        return tuple(TableColumn(*part, self.kept.get(i), self.identity.get(i, "")) for i, part in enumerate(parts))

    def positions(self, keys: list[str], position: int | None) -> tuple[int, ...]:
        """The positions of a key's columns. Raises UndefinedColumn or DuplicateColumn."""
        found: list[int] = []
        for name in keys:
            if name not in self.names:
                raise UndefinedColumn(f'column "{name}" named in key does not exist', position=position)
            if self.names.index(name) in found:
                raise DuplicateColumn(f'column "{name}" appears twice in primary key constraint', position=position)
            found.append(self.names.index(name))
        return tuple(found)


def define(
    binding: Binding, table: str, elements: tuple[Node, ...], schema_oid: int = 0, *, outside: bool = False
) -> Definition:
    """The definition that `elements` spell."""
    made = Definition(table, schema_oid, outside=outside)
    constraints = []
    for element in elements:
        if isinstance(element, ast.ColumnDef):
            define_column(binding, made, element)
        elif isinstance(element, ast.Constraint):
            constraints.append(element)
        else:
            include_like(binding, made, element)
    for constraint in constraints:
        _table_constraint(made, constraint)
    if made.primary_key is not None:
        for place in made.positions(made.primary_key, None):
            made.not_null[place] = True
    complete(binding, made)
    return made


def complete(binding: Binding, made: Definition, others: tuple[TableColumn, ...] = (), checks: Any = ()) -> None:
    """Binds what sees all columns: `others`, which are there already with `checks`, and then those of `made`."""
    generate(binding, made, others)
    columns = (*others, *made.columns())
    for node in made.asked:
        made.checks.append(bind_check(binding, made, columns, node, (*checks, *made.checks)))


def include_like(binding: Binding, made: Definition, node: Node) -> None:
    """LIKE: the columns of another relation, and what INCLUDING says of it."""
    found = _liked(binding, node.relation)
    offset = len(made.names)
    for column in found.columns:
        if column.name in made.names:
            raise DuplicateColumn(f'column "{column.name}" specified more than once')
        made.names.append(column.name)
        made.types.append(column.type)
        made.not_null.append(column.not_null)
        made.defaults.append(column.default if node.options & _LIKE_DEFAULTS else None)
        if column.identity:
            like_identity(binding, made, found, column, bool(node.options & _LIKE_IDENTITY))
        if column.generated is not None and node.options & _LIKE_GENERATED:
            made.kept[len(made.names) - 1] = column.generated
    if node.options & _LIKE_CONSTRAINTS and isinstance(found, Table):
        made.checks += [replace(check, oid=0) for check in found.checks]
    if not node.options & _LIKE_INDEXES or not isinstance(found, Table):
        return
    for index in binding.catalog.indexes(found.oid):
        keys = tuple(replace(key, position=key.position + offset) for key in index.columns)
        if index.primary:
            if made.primary_key is not None:
                raise InvalidTableDefinition(f'multiple primary keys for table "{made.table}" are not allowed')
            made.primary_key = [made.names[key.position] for key in keys]
        elif index.constraint_oid:
            made.unique.append((None, tuple(key.position for key in keys)))
        else:
            made.indexes.append((keys, index.unique))


_LIKE_CONSTRAINTS = 4
_LIKE_DEFAULTS = 8
_LIKE_GENERATED = 16
_LIKE_IDENTITY = 32
_LIKE_INDEXES = 64


def _liked(binding: Binding, node: Node) -> Any:
    """The relation that LIKE names."""
    thing = binding.catalog.lookup(node.schemaname, node.relname, binding.search_path)
    if isinstance(thing, Index):
        raise WrongObjectType(
            f'relation "{thing.name}" is invalid in LIKE clause',
            position=node.location,
            detail="This operation is not supported for indexes.",
        )
    found = find_relation(binding, node)
    if isinstance(found, SystemRelation):
        raise FeatureNotSupported("LIKE of a system relation is not supported yet", position=node.location)
    return found


def define_column(binding: Binding, made: Definition, node: Node) -> None:
    """One more column, with its constraints."""
    if node.colname in made.names:
        raise DuplicateColumn(f'column "{node.colname}" specified more than once')
    serial = serial_type(node)
    type = serial or (TEXT if node.typeName is None else type_of(binding, node.typeName))
    if type.definition.pseudo:
        raise InvalidTableDefinition(f'column "{node.colname}" has pseudo-type {type}')
    if node.typeName is None:
        made.untyped.add(len(made.names))
    made.names.append(node.colname)
    made.types.append(type)
    made.not_null.append(False)
    made.defaults.append(None)
    if serial is not None:
        number(binding, made, serial, (), "")
    declared = set()
    for constraint in node.constraints or ():
        declared.add(constraint.contype)
        if {Kind.CONSTR_NULL, Kind.CONSTR_NOTNULL} <= declared:
            raise SyntaxError42601(
                f'conflicting NULL/NOT NULL declarations for column "{node.colname}" of table "{made.table}"',
                position=constraint.location,
            )
        _column_constraint(binding, made, node, constraint)
    if {Kind.CONSTR_DEFAULT, Kind.CONSTR_GENERATED} <= declared:
        raise SyntaxError42601(
            f'both default and generation expression specified for column "{node.colname}" of table "{made.table}"',
            position=max(one.location for one in node.constraints if one.contype in _VALUES),
        )


_VALUES = (Kind.CONSTR_DEFAULT, Kind.CONSTR_GENERATED)

_REFUSED = {
    Kind.CONSTR_EXCLUSION: "exclusion constraints are not supported yet",
}


def _column_constraint(binding: Binding, made: Definition, node: Node, constraint: Node) -> None:
    match constraint.contype:
        case Kind.CONSTR_NOTNULL:
            made.not_null[-1] = True
        case Kind.CONSTR_DEFAULT:
            column = TableColumn(node.colname, made.types[-1])
            expr = bind_default_node(binding, constraint.raw_expr)
            check_default(binding, expr, column)
            refuse_second_default(made, node, constraint)
            made.defaults[-1] = default_text(binding, constraint.raw_expr, expr, column)
        case Kind.CONSTR_PRIMARY:
            _set_primary_key(made, [node.colname], constraint)
        case Kind.CONSTR_UNIQUE:
            made.unique.append((constraint.conname, (len(made.names) - 1,)))
        case Kind.CONSTR_CHECK:
            made.asked.append(constraint)
        case Kind.CONSTR_FOREIGN:
            made.foreign.append((constraint, (node.colname,)))
        case kind if kind in _DEFERRAL:
            defer(made, constraint)
        case Kind.CONSTR_GENERATED:
            declare_generated(made, node, constraint)
        case Kind.CONSTR_IDENTITY:
            declare_identity(binding, made, node, constraint)
        case kind if kind in _REFUSED:
            raise FeatureNotSupported(_REFUSED[kind], position=constraint.location)
        case _:
            pass


def _set_primary_key(made: Definition, keys: list[str], constraint: Node) -> None:
    if made.primary_key is not None:
        raise InvalidTableDefinition(
            f'multiple primary keys for table "{made.table}" are not allowed', position=constraint.location
        )
    made.primary_key = keys
    made.primary_key_name = constraint.conname


def _table_constraint(made: Definition, constraint: Node) -> None:
    keys = [part.sval for part in constraint.keys or ()]
    match constraint.contype:
        case Kind.CONSTR_PRIMARY:
            made.positions(keys, constraint.location)
            _set_primary_key(made, keys, constraint)
        case Kind.CONSTR_UNIQUE:
            made.unique.append((constraint.conname, made.positions(keys, constraint.location)))
        case Kind.CONSTR_CHECK:
            made.asked.append(constraint)
        case Kind.CONSTR_FOREIGN:
            made.foreign.append((constraint, tuple(part.sval for part in constraint.fk_attrs)))
        case kind if kind in _REFUSED:
            raise FeatureNotSupported(_REFUSED[kind], position=constraint.location)
        case _:
            raise SyntaxError42601("constraint is not supported here", position=constraint.location)


_DEFERRAL = (
    Kind.CONSTR_ATTR_DEFERRABLE,
    Kind.CONSTR_ATTR_NOT_DEFERRABLE,
    Kind.CONSTR_ATTR_DEFERRED,
    Kind.CONSTR_ATTR_IMMEDIATE,
)


def defer(made: Definition, constraint: Node) -> None:
    """What stands behind the foreign key of a column and says when it is looked at."""
    if not made.foreign:
        return
    node, _ = made.foreign[-1]
    if constraint.contype == Kind.CONSTR_ATTR_DEFERRABLE:
        node.deferrable = True
    elif constraint.contype == Kind.CONSTR_ATTR_DEFERRED:
        node.deferrable = node.initdeferred = True


def bind_foreign_keys(binding: Binding, made: Definition) -> tuple[ForeignKey, ...]:
    """The foreign keys of a new table."""
    itself = Table(0, made.schema_oid, made.table, ())
    primary = made.positions(made.primary_key, None) if made.primary_key else ()
    keys = [primary, *(positions for _, positions in made.unique)]
    taken = names_of_constraints(binding.catalog, made.schema_oid) | {check.name for check in made.checks}
    found: list[ForeignKey] = []
    for node, own in made.foreign:
        found.append(bind_foreign_key(binding, itself, node, made.columns(), own, keys, taken))
        taken.add(found[-1].label)
    return tuple(found)
