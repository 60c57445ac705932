"""ALTER SOURCE: how fast a source is read, and whether."""

from dataclasses import dataclass

from pgstream.catalog.objects import Source
from pgstream.errors import InvalidParameterValue, UndefinedTable, WrongObjectType
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.commands import Command, binds_statement
from pgstream.sql.parse import Parsed
from pgstream.sql.streaming.alters import AlterSourceStmt

SPELLED = {"rate_limit": "rate_limit", "source_rate_limit": "rate_limit", "paused": "paused"}


@dataclass(frozen=True, slots=True)
class AlterSource:
    """Sets options of a source; one that is None is as if it had not been given."""

    source_oid: int
    settings: tuple[tuple[str, str | None], ...]


@binds_statement(AlterSourceStmt)
def bind_alter_source(binding: Binding, node: AlterSourceStmt, parsed: Parsed) -> Command:
    """ALTER SOURCE."""
    relation = node.relation
    found = binding.catalog.lookup(relation.schemaname, relation.relname, binding.search_path)
    if found is None:
        raise UndefinedTable(f'relation "{relation.relname}" does not exist', position=relation.location)
    if not isinstance(found, Source):
        raise WrongObjectType(f'"{relation.relname}" is not a source', position=relation.location)
    settings: list[tuple[str, str | None]] = []
    for option in node.options:
        name, value = SPELLED.get(option.name), option.value.lower()
        if name is None:
            raise InvalidParameterValue(
                f'option "{option.name}" of a source cannot be changed',
                hint="rate_limit and paused can.",
                position=option.position,
            )
        valid = value.isdigit() or value == "default" if name == "rate_limit" else value in ("true", "false")
        if not valid:
            raise InvalidParameterValue(
                f'invalid value for option "{option.name}": "{option.value}"', position=option.position
            )
        settings.append((name, None if value == "default" else value))
    return Command(AlterSource(found.oid, tuple(settings)), "ALTER SOURCE")
