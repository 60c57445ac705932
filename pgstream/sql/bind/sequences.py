"""CREATE and ALTER SEQUENCE, and the sequences of serial and identity columns."""

from dataclasses import replace
from typing import Any

from pgstream.catalog.objects import Sequence, Table, TableColumn
from pgstream.errors import (
    FeatureNotSupported,
    InvalidParameterValue,
    InvalidTableDefinition,
    ObjectNotInPrerequisiteState,
    SyntaxError42601,
    UndefinedColumn,
    UndefinedTable,
    WrongObjectType,
)
from pgstream.sql.bind.binding import INT8, Binding
from pgstream.sql.bind.commands import Command, binds_statement
from pgstream.sql.bind.creation import creation_schema, existing
from pgstream.sql.bind.statements import CreateSequence, Nothing
from pgstream.sql.bind.types import type_of
from pgstream.sql.parse import Parsed, ast
from pgstream.types.definition import SqlType

Node = Any

_BITS = {"int2": 15, "int4": 31, "int8": 63}
SERIALS = {
    "smallserial": "int2", "serial2": "int2", "serial": "int4", "serial4": "int4", "bigserial": "int8",
    "serial8": "int8",
}  # fmt: skip

NEW = Sequence(0, 0, "", INT8, 0, 1)
"""A sequence before anything is said of it."""


@binds_statement(ast.CreateSeqStmt)
def bind_create_sequence(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """CREATE SEQUENCE."""
    if node.sequence.relpersistence == "t":
        raise FeatureNotSupported("temporary sequences are not supported yet", position=node.sequence.location)
    schema = creation_schema(binding, node.sequence)
    name = node.sequence.relname
    there = existing(binding, schema, name, bool(node.if_not_exists))
    made = with_options(binding, replace(NEW, schema_oid=schema.oid, name=name), node.options or ())
    return Command(CreateSequence(made, name, there), "CREATE SEQUENCE")


@binds_statement(ast.AlterSeqStmt)
def bind_alter_sequence(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """ALTER SEQUENCE."""
    found = binding.catalog.lookup(node.sequence.schemaname, node.sequence.relname, binding.search_path)
    if found is None:
        shown = node.sequence.relname
        if node.missing_ok:
            return Command(Nothing(f'relation "{shown}" does not exist, skipping'), "ALTER SEQUENCE")
        raise UndefinedTable(f'relation "{shown}" does not exist')
    if not isinstance(found, Sequence):
        raise WrongObjectType(f'"{found.name}" is not a sequence')
    made = with_options(binding, found, node.options or (), altered=True)
    return Command(CreateSequence(made, made.name), "ALTER SEQUENCE")


def with_options(binding: Binding, old: Sequence, nodes: tuple[Node, ...], altered: bool = False) -> Sequence:
    """`old` with what the options say. One that is to begin anew has no node."""
    given: dict[str, Any] = {}
    for node in nodes:
        if node.defname in given:
            raise SyntaxError42601("conflicting or redundant options", position=node.location)
        given[node.defname] = node.arg
    made = _typed(binding, old, given, altered)
    if "increment" in given:
        made = replace(made, increment=_number(given["increment"]))
        if not made.increment:
            raise InvalidParameterValue("INCREMENT must not be zero")
    if "cycle" in given:
        made = replace(made, cycle=bool(given["cycle"].boolval))
    made = _bounded(made, old, given, altered)
    made = _starting(made, given, altered)
    if "cache" in given:
        made = replace(made, cache=_number(given["cache"]))
        if made.cache <= 0:
            raise InvalidParameterValue(f"CACHE ({made.cache}) must be greater than zero")
    return _owned(binding, made, given["owned_by"]) if "owned_by" in given else made


def _number(node: Node) -> int:
    return int(node.fval) if isinstance(node, ast.Float) else int(node.ival or 0)


def _typed(binding: Binding, old: Sequence, given: dict[str, Any], altered: bool) -> Sequence:
    if "as" not in given:
        return old
    type = type_of(binding, given["as"])
    if type.name not in _BITS:
        word = "identity column type" if old.identity else "sequence type"
        raise InvalidParameterValue(f"{word} must be smallint, integer, or bigint")
    made = replace(old, type=type)
    if altered:
        low, high = _range(old.type)
        if old.maximum == high:
            made = replace(made, maximum=_range(type)[1])
        if old.minimum == low:
            made = replace(made, minimum=_range(type)[0])
    return made


def _range(type: SqlType) -> tuple[int, int]:
    bits = _BITS[type.name]
    return -(2**bits), 2**bits - 1


def _bounded(made: Sequence, old: Sequence, given: dict[str, Any], altered: bool) -> Sequence:
    low, high = _range(made.type)
    rising = made.increment > 0
    if "maxvalue" in given and given["maxvalue"] is not None:
        made = replace(made, maximum=_number(given["maxvalue"]))
    elif "maxvalue" in given or not altered:
        made = replace(made, maximum=high if rising else -1)
    if "minvalue" in given and given["minvalue"] is not None:
        made = replace(made, minimum=_number(given["minvalue"]))
    elif "minvalue" in given or not altered:
        made = replace(made, minimum=1 if rising else low)
    for word, value in (("MAXVALUE", made.maximum), ("MINVALUE", made.minimum)):
        if not low <= value <= high:
            raise InvalidParameterValue(f"{word} ({value}) is out of range for sequence data type {made.type}")
    if made.minimum >= made.maximum:
        raise InvalidParameterValue(f"MINVALUE ({made.minimum}) must be less than MAXVALUE ({made.maximum})")
    return made


def _starting(made: Sequence, given: dict[str, Any], altered: bool) -> Sequence:
    if "start" in given:
        made = replace(made, start=_number(given["start"]))
    elif not altered:
        made = replace(made, start=made.minimum if made.increment > 0 else made.maximum)
    _within("START", made.start, made)
    if not altered:
        made = replace(made, initial=made.start, node=0)
    if "restart" in given:
        node = given["restart"]
        made = replace(made, initial=made.start if node is None else _number(node), node=0)
        _within("RESTART", made.initial, made)
    return made


def _within(word: str, value: int, made: Sequence) -> None:
    if value < made.minimum:
        raise InvalidParameterValue(f"{word} value ({value}) cannot be less than MINVALUE ({made.minimum})")
    if value > made.maximum:
        raise InvalidParameterValue(f"{word} value ({value}) cannot be greater than MAXVALUE ({made.maximum})")


def _owned(binding: Binding, made: Sequence, parts: Any) -> Sequence:
    names = [part.sval for part in parts]
    if made.identity:
        raise FeatureNotSupported("cannot change ownership of identity sequence")
    if names == ["none"]:
        return replace(made, owner=0, column="")
    if len(names) < 2:
        raise SyntaxError42601("invalid OWNED BY option", hint="Specify OWNED BY table.column or OWNED BY NONE.")
    table = binding.catalog.lookup(names[-3] if len(names) > 2 else None, names[-2], binding.search_path)
    if table is None:
        raise UndefinedTable(f'relation "{".".join(names[:-1])}" does not exist')
    if not isinstance(table, Table):
        raise WrongObjectType(f'sequence cannot be owned by relation "{table.name}"')
    if table.schema_oid != made.schema_oid:
        raise ObjectNotInPrerequisiteState("sequence must be in same schema as table it is linked to")
    if all(column.name != names[-1] for column in table.columns):
        raise UndefinedColumn(f'column "{names[-1]}" of relation "{table.name}" does not exist')
    return replace(made, owner=table.oid, column=names[-1])


def numbering(binding: Binding, type: SqlType, options: tuple[Node, ...], identity: bool) -> Sequence:
    """The sequence that a serial or identity column of that type asks for."""
    if type.name not in _BITS:
        raise InvalidParameterValue("identity column type must be smallint, integer, or bigint")
    return with_options(binding, replace(NEW, type=type.bare(), identity=identity), options)


def numbered(column: TableColumn, sequence: Sequence) -> TableColumn:
    """`column`, whose default is the next value of its sequence."""
    return replace(column, default=next_value(sequence.oid))


def next_value(oid: int) -> str:
    """The default expression of a column that a sequence numbers."""
    return f"nextval('{oid}'::regclass)"


def check_identity(column: TableColumn, relation: str) -> None:
    """Raises where a column cannot become an identity column."""
    if column.identity:
        raise ObjectNotInPrerequisiteState(
            f'column "{column.name}" of relation "{relation}" is already an identity column'
        )
    if not column.not_null:
        raise ObjectNotInPrerequisiteState(
            f'column "{column.name}" of relation "{relation}" must be declared NOT NULL before identity can be added'
        )
    if column.default is not None:
        raise InvalidTableDefinition(f'column "{column.name}" of relation "{relation}" already has a default value')
