"""ALTER TABLE: columns that come, go, and change their type, default or NOT NULL."""

from dataclasses import replace
from typing import Any

from pgstream.catalog.objects import MaterializedView, Table, TableColumn, View
from pgstream.errors import (
    DatatypeMismatch,
    DependentObjectsStillExist,
    FeatureNotSupported,
    InvalidTableDefinition,
    ObjectNotInPrerequisiteState,
    SyntaxError42601,
    WrongObjectType,
)
from pgstream.plan.expressions import Expr, Ref
from pgstream.plan.relations import Project
from pgstream.sql.bind.alter_constraints import constrain, foreign_keys, say_again, unconstrain, validate
from pgstream.sql.bind.alter_numbering import (
    add_identity,
    drop_identity,
    refuse_default,
    refuse_null,
    set_identity,
    unnumber,
)
from pgstream.sql.bind.alter_retention import OPTION_COMMANDS, alter_retention
from pgstream.sql.bind.alter_types import bind_attributes
from pgstream.sql.bind.alter_watermark import alter_limits
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.coercion import coerce
from pgstream.sql.bind.commands import Command, binds_statement
from pgstream.sql.bind.definitions import Definition, complete, define_column
from pgstream.sql.bind.dispatch import bind_expression
from pgstream.sql.bind.from_clause import scan
from pgstream.sql.bind.names import Level, NameItem
from pgstream.sql.bind.renames import TAGS, altered, check_column_free, skipped
from pgstream.sql.bind.shape import Shape
from pgstream.sql.bind.statements import AlterTable, Nothing
from pgstream.sql.bind.stored import bind_default_node, check_default, default_of, default_text
from pgstream.sql.bind.table_rules import generated_from
from pgstream.sql.bind.types import type_of
from pgstream.sql.parse import Parsed, ast, enums, parse

Node = Any
Kind = enums.AlterTableType

PASSES = {Kind.AT_DropColumn: 0, Kind.AT_AlterColumnType: 1, Kind.AT_AddColumn: 2}
"""In which order a statement's commands run; all others run last, but what takes something away."""

ACTIONS = {
    Kind.AT_AddColumn: "ADD COLUMN",
    Kind.AT_DropColumn: "DROP COLUMN",
    Kind.AT_ColumnDefault: "ALTER COLUMN ... SET DEFAULT",
    Kind.AT_DropNotNull: "ALTER COLUMN ... DROP NOT NULL",
    Kind.AT_SetNotNull: "ALTER COLUMN ... SET NOT NULL",
    Kind.AT_AlterColumnType: "ALTER COLUMN ... SET DATA TYPE",
    Kind.AT_AddConstraint: "ADD CONSTRAINT",
    Kind.AT_DropConstraint: "DROP CONSTRAINT",
    Kind.AT_ValidateConstraint: "VALIDATE CONSTRAINT",
    Kind.AT_DropExpression: "ALTER COLUMN ... DROP EXPRESSION",
    Kind.AT_AddIdentity: "ALTER COLUMN ... ADD IDENTITY",
    Kind.AT_SetIdentity: "ALTER COLUMN ... SET",
    Kind.AT_DropIdentity: "ALTER COLUMN ... DROP IDENTITY",
}

IGNORED = (Kind.AT_ChangeOwner, Kind.AT_SetStatistics, Kind.AT_SetStorage, Kind.AT_ReplicaIdentity)
"""What asks for nothing that pgstream keeps."""


@binds_statement(ast.AlterTableStmt)
def bind_alter_table(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """ALTER TABLE, and what ALTER VIEW and its kin do beside renaming."""
    if node.objtype == enums.ObjectType.OBJECT_TYPE:
        return bind_attributes(binding, node)
    if node.objtype not in TAGS:
        raise FeatureNotSupported(f"ALTER {node.objtype.name[7:]} is not supported yet", position=parsed.start)
    tag = TAGS[node.objtype]
    found = altered(binding, node.relation, node.objtype, bool(node.missing_ok))
    if found is None:
        return skipped(node.relation, tag)
    commands = [command for command in node.cmds if command.subtype not in IGNORED]
    if isinstance(found, MaterializedView) and any(command.subtype in OPTION_COMMANDS for command in commands):
        binding.depends.add(found.oid)
        return Command(alter_retention(found, commands), tag)
    if isinstance(found, Table) and any(command.subtype in OPTION_COMMANDS for command in commands):
        binding.depends.add(found.oid)
        return Command(alter_limits(found, commands), tag)
    for command in commands:
        if command.subtype not in ACTIONS:
            name = command.subtype.name.removeprefix("AT_")
            raise FeatureNotSupported(f"ALTER TABLE … {name} is not supported yet", position=parsed.start)
        if isinstance(found, View) and command.subtype == Kind.AT_ColumnDefault:
            raise FeatureNotSupported("defaults of views are not supported yet", position=parsed.start)
        if not isinstance(found, Table):
            raise WrongObjectType(
                f'ALTER action {ACTIONS[command.subtype]} cannot be performed on relation "{found.name}"',
                detail=f"This operation is not supported for {_KINDS[type(found).__name__]}.",
            )
    if not commands:
        return Command(Nothing(), tag)
    assert isinstance(found, Table)
    return Command(_altered(binding, found, commands), tag)


_KINDS = {
    "View": "views",
    "MaterializedView": "materialized views",
    "Index": "indexes",
    "Source": "sources",
    "Sink": "sinks",
}


def _altered(binding: Binding, table: Table, commands: list[Node]) -> AlterTable:
    old = scan(binding, table.oid, table.name, table.columns)
    sources: list[Expr] = [Ref(col) for col in old.columns]
    shape = Shape(table, old, list(table.columns), sources, list(range(len(sources))))
    for command in sorted(commands, key=_pass):
        _COMMANDS[command.subtype](binding, shape, command)
    if shape.retyped:
        say_again(binding, shape)
    outputs = tuple(
        (binding.col(column.name, column.type), source)
        for column, source in zip(shape.columns, shape.sources, strict=True)
    )
    key = shape.primary_key
    same = shape.sources == [Ref(col) for col in old.columns] and not shape.rearranged
    return AlterTable(
        table.oid,
        replace(shape.table, columns=tuple(shape.columns)),
        tuple(shape.kept),
        None if same else Project(old, outputs),
        tuple(shape.dropped),
        tuple(shape.retyped),
        shape.cascade,
        tuple((name, tuple(shape.place(key) for key in keys)) for name, keys in shape.unique),
        tuple(shape.notices),
        tuple(shape.unconstrained),
        None if key is None else (key[0], tuple(shape.place(name) for name in key[1])),
        tuple(shape.sequences.items()),
        foreign_keys(binding, shape),
        tuple(shape.validated),
        tuple(shape.unnumbered),
    )


def _pass(command: Node) -> int:
    takes_away = command.subtype == Kind.AT_ColumnDefault and command.def_ is None
    takes_away |= command.subtype in (Kind.AT_DropNotNull, Kind.AT_DropConstraint)
    return 0 if takes_away else PASSES.get(command.subtype, 3)


def _add(binding: Binding, shape: Shape, command: Node) -> None:
    node = command.def_
    now = shape.now
    if command.missing_ok and any(column.name == node.colname for column in shape.columns):
        said = f'column "{node.colname}" of relation "{now.name}" already exists, skipping'
        shape.notices.append((said, "42701"))
        return
    check_column_free(now, node.colname)
    made = Definition(now.name, now.schema_oid)
    define_column(binding, made, node)
    complete(binding, made, now.columns, now.checks)
    shape.foreign += made.foreign
    shape.table = replace(shape.table, checks=(*shape.table.checks, *made.checks))
    if made.primary_key is not None:
        if now.primary_key is not None:
            raise InvalidTableDefinition(f'multiple primary keys for table "{now.name}" are not allowed')
        raise FeatureNotSupported("ALTER TABLE … ADD COLUMN … PRIMARY KEY is not supported yet")
    (column,) = made.columns()
    for sequence in made.sequences.values():
        shape.sequences[column.name] = sequence
    shape.unique += [(name, (column.name,)) for name, _ in made.unique]
    shape.columns.append(column)
    shape.sources.append(default_of(binding, column))
    shape.kept.append(-1)


def _drop(binding: Binding, shape: Shape, command: Node) -> None:
    if command.missing_ok and all(column.name != command.name for column in shape.columns):
        said = f'column "{command.name}" of relation "{shape.table.name}" does not exist, skipping'
        shape.notices.append((said, "00000"))
        return
    shape.place(command.name)
    if shape.table.watermark is not None:
        raise FeatureNotSupported("columns of a table with a watermark cannot be dropped")
    shape.cascade |= command.behavior == enums.DropBehavior.DROP_CASCADE
    others = generated_from(shape.columns, command.name)
    _refuse_generated(shape, command.name, others)
    unnumber(binding, shape, command.name)
    for name in (command.name, *others):
        _taken_out(shape, shape.place(name))


def _refuse_generated(shape: Shape, name: str, others: list[str]) -> None:
    """What is told of columns that are computed from one that is dropped."""
    table = shape.table.name
    lines = [f"column {other} of table {table} depends on column {name} of table {table}" for other in others]
    if others and not shape.cascade:
        raise DependentObjectsStillExist(
            f"cannot drop column {name} of table {table} because other objects depend on it",
            detail="\n".join(lines),
            hint="Use DROP ... CASCADE to drop the dependent objects too.",
        )
    for other in others:
        shape.notices.append((f"drop cascades to column {other} of table {table}", "00000"))


def _taken_out(shape: Shape, place: int) -> None:
    """Drops a column, and the CHECK constraints that name it."""
    name = shape.columns[place].name
    checks = tuple(check for check in shape.table.checks if name not in check.columns)
    shape.table = replace(shape.table, checks=checks)
    if shape.kept[place] >= 0:
        shape.dropped.append(shape.kept[place])
    for parts in (shape.columns, shape.sources, shape.kept):
        del parts[place]


def _retype(binding: Binding, shape: Shape, command: Node) -> None:
    place = shape.place(command.name)
    column = shape.columns[place]
    type = type_of(binding, command.def_.typeName)
    if type.definition.pseudo:
        raise InvalidTableDefinition(f'column "{column.name}" has pseudo-type {type}')
    for other in generated_from(shape.columns, column.name):
        raise FeatureNotSupported(
            "cannot alter type of a column used by a generated column",
            detail=f'Column "{column.name}" is used by generated column "{other}".',
        )
    now = replace(column, type=type, default=None)
    shape.sources[place] = _converted(binding, shape, command, place, now)
    if column.default is not None:
        now = replace(now, default=_converted_default(binding, column, now))
    shape.columns[place] = now
    shape.retyped.append(shape.kept[place])


def _converted(binding: Binding, shape: Shape, command: Node, place: int, now: TableColumn) -> Expr:
    """What a column's values become: those of USING, or themselves as the new type."""
    using = command.def_.raw_default
    if using is None:
        made = coerce(binding, shape.sources[place], now.type, "a")
        if made is None:
            shown = f"{now.name}::{now.type}"
            raise DatatypeMismatch(
                f'column "{now.name}" cannot be cast automatically to type {now.type.bare()}',
                hint=f'You might need to specify "USING {shown}".',
            )
        return made
    level = Level(binding, clause="USING")
    names: list[tuple[str, Expr]] = [(col.name, Ref(col)) for col in shape.old.columns]
    level.items = [NameItem(shape.table.name, names, table=shape.table)]
    level.own = {col.id for col in shape.old.columns}
    made = coerce(binding, bind_expression(level, using), now.type, "a")
    if made is None:
        raise DatatypeMismatch(
            f'result of USING clause for column "{now.name}" cannot be cast automatically to type {now.type.bare()}',
            hint="You might need to add an explicit cast.",
        )
    return made


def _converted_default(binding: Binding, old: TableColumn, now: TableColumn) -> str | None:
    """The text of a column's default as the column's new type. Raises DatatypeMismatch where there is no such cast."""
    [parsed] = parse(f"SELECT {old.default}")
    before = bind_default_node(binding, parsed.node.targetList[0].val)
    if coerce(binding, before, now.type, "a") is None:
        raise DatatypeMismatch(
            f'default for column "{now.name}" cannot be cast automatically to type {now.type.bare()}'
        )
    return old.default


def _default(binding: Binding, shape: Shape, command: Node) -> None:
    place = shape.place(command.name)
    if shape.columns[place].generated is not None:
        hint = None if command.def_ is not None else "Use ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION instead."
        raise SyntaxError42601(
            f'column "{command.name}" of relation "{shape.table.name}" is a generated column', hint=hint
        )
    refuse_default(shape, place, command.def_ is None)
    column = replace(shape.columns[place], default=None)
    if command.def_ is not None:
        expr = bind_default_node(binding, command.def_)
        check_default(binding, expr, column)
        column = replace(column, default=default_text(binding, command.def_, expr, column))
    shape.columns[place] = column


def _not_null(binding: Binding, shape: Shape, command: Node) -> None:
    place = shape.place(command.name)
    wanted = command.subtype == Kind.AT_SetNotNull
    key = shape.table.primary_key
    if not wanted:
        refuse_null(shape, place)
    if not wanted and key is not None and shape.kept[place] in key.columns:
        raise InvalidTableDefinition(f'column "{command.name}" is in a primary key')
    shape.columns[place] = replace(shape.columns[place], not_null=wanted)


def _drop_expression(binding: Binding, shape: Shape, command: Node) -> None:
    place = shape.place(command.name)
    if shape.columns[place].generated is None:
        said = f'column "{command.name}" of relation "{shape.table.name}" is not a stored generated column'
        if not command.missing_ok:
            raise ObjectNotInPrerequisiteState(said)
        shape.notices.append((f"{said}, skipping", "00000"))
    shape.columns[place] = replace(shape.columns[place], generated=None)


_COMMANDS = {
    Kind.AT_AddConstraint: constrain,
    Kind.AT_DropConstraint: unconstrain,
    Kind.AT_ValidateConstraint: validate,
    Kind.AT_DropExpression: _drop_expression,
    Kind.AT_AddIdentity: add_identity,
    Kind.AT_SetIdentity: set_identity,
    Kind.AT_DropIdentity: drop_identity,
    Kind.AT_AddColumn: _add,
    Kind.AT_DropColumn: _drop,
    Kind.AT_AlterColumnType: _retype,
    Kind.AT_ColumnDefault: _default,
    Kind.AT_SetNotNull: _not_null,
    Kind.AT_DropNotNull: _not_null,
}
