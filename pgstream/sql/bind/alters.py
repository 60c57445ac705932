"""ALTER of sources, sinks and connections: their options and names."""

from dataclasses import dataclass
from typing import Any

from pgstream.catalog.objects import Sink, Source, Watermark
from pgstream.catalog.shared import Connection, Named, Secret
from pgstream.errors import DuplicateTable, InvalidParameterValue, UndefinedObject, UndefinedTable, WrongObjectType
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.commands import Command, binds_statement
from pgstream.sql.bind.outside import given_options
from pgstream.sql.bind.statements import Rename
from pgstream.sql.bind.watermarks import LIMITS, altered_limits
from pgstream.sql.parse import Parsed
from pgstream.sql.streaming import Option
from pgstream.sql.streaming.alters import AlterOutsideStmt, RenameOutsideStmt
from pgstream.sql.streaming.connections import said_plainly

KINDS: dict[str, Any] = {"source": Source, "sink": Sink, "connection": Connection, "secret": Secret}
ONE_NAME = {
    "source_rate_limit": "rate_limit", "sink_rate_limit": "rate_limit",
}  # fmt: skip
"""Spellings of the options that the engine reads."""

FIXED = ("connector", "type", "format", "encode", "topic", "path")
"""Options that make a source or sink the one it is."""


@dataclass(frozen=True, slots=True)
class AlterOutside:
    """Sets options of a source, sink or connection; those that are `reset` are as if they had not been given."""

    oid: int
    options: tuple[tuple[str, str], ...]
    named: Named
    reset: frozenset[str]
    watermark: Watermark | None = None
    """The watermark of a source, where it becomes another one."""


@binds_statement(AlterOutsideStmt)
def bind_alter_outside(binding: Binding, node: AlterOutsideStmt, parsed: Parsed) -> Command:
    """ALTER SOURCE, SINK and CONNECTION."""
    thing = _found(binding, node.kind, node.relation)
    given, reset = node.options, node.reset
    if isinstance(thing, Connection):
        given, reset = said_plainly(thing.kind, given), said_plainly(thing.kind, reset)
    kept, unset = [], {option.name for option in reset}
    watermark = altered_limits(thing, (*given, *reset))
    for option in given:
        if option.name in LIMITS:
            continue
        name = ONE_NAME.get(option.name, option.name)
        if name in FIXED and node.kind != "connection":
            raise InvalidParameterValue(
                f'option "{option.name}" of a {node.kind} cannot be changed', position=option.position
            )
        if name == "rate_limit" and option.value.lower() == "default":
            unset.add(name)
            continue
        _check(node.kind, name, option)
        kept.append(Option(name, option.value, option.position, option.named))
    options, named = given_options(binding, tuple(kept))
    if named.connections:
        raise InvalidParameterValue(f"the connection of a {node.kind} cannot be changed")
    made = AlterOutside(thing.oid, options, named, frozenset(unset), watermark)
    return Command(made, f"ALTER {node.kind.upper()}")


def _check(kind: str, name: str, option: Option) -> None:
    value = option.value.lower()
    wrong = (name == "rate_limit" and not value.isdigit()) or (name == "paused" and value not in ("true", "false"))
    if wrong or (kind == "sink" and name == "rate_limit"):
        raise InvalidParameterValue(
            f'invalid value for option "{option.name}": "{option.value}"'
            if wrong
            else "a sink has no rate_limit: it is given what is committed",
            position=option.position,
        )


@binds_statement(RenameOutsideStmt)
def bind_rename_outside(binding: Binding, node: RenameOutsideStmt, parsed: Parsed) -> Command:
    """ALTER … RENAME TO."""
    thing = _found(binding, node.kind, node.relation)
    if (thing.schema_oid, node.name) in binding.catalog.names:
        raise DuplicateTable(f'relation "{node.name}" already exists')
    binding.depends.add(thing.oid)
    return Command(Rename(thing.oid, node.name), f"ALTER {node.kind.upper()}")


def _found(binding: Binding, kind: str, relation: Any) -> Any:
    found = binding.catalog.lookup(relation.schemaname, relation.relname, binding.search_path)
    if found is None and kind in ("connection", "secret"):
        raise UndefinedObject(f'{kind} "{relation.relname}" does not exist', position=relation.location)
    if found is None:
        raise UndefinedTable(f'relation "{relation.relname}" does not exist', position=relation.location)
    if not isinstance(found, KINDS[kind]):
        raise WrongObjectType(f'"{relation.relname}" is not a {kind}', position=relation.location)
    return found
