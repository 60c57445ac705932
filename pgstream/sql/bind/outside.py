"""WITH options as a statement gives them: values, and the secrets and connections that it names."""

from typing import Any, NamedTuple

from pgstream.catalog.identifiers import split_identifiers
from pgstream.catalog.shared import Connection, Named, Secret
from pgstream.errors import InvalidParameterValue, UndefinedObject, WrongObjectType
from pgstream.sql.bind.binding import Binding
from pgstream.sql.streaming import Option

Node = Any
CONNECTION_OPTIONS = ("connection", "connection_profile")
"""How RisingWave and Arroyo name a connection."""


class Given(NamedTuple):
    """Options with their values, and what is named in the place of others."""

    options: tuple[tuple[str, str], ...]
    named: Named

    @property
    def dict(self) -> dict[str, str]:
        return dict(self.options)


def given_options(binding: Binding, options: tuple[Option, ...]) -> Given:
    """What a WITH clause says. Raises InvalidParameterValue where it says something twice."""
    seen: set[str] = set()
    values: list[tuple[str, str]] = []
    secrets: list[tuple[str, int]] = []
    connections: list[int] = []
    for option in options:
        if option.name in seen:
            raise InvalidParameterValue(f'option "{option.name}" specified more than once', position=option.position)
        seen.add(option.name)
        if option.name in CONNECTION_OPTIONS:
            connections.append(named_connection(binding, option).oid)
        elif option.named is not None:
            secrets.append((option.name, found(binding, option.named, Secret).oid))
        else:
            values.append((option.name, option.value))
    return Given(tuple(values), Named(tuple(connections), tuple(secrets)))


def both(first: Named, second: Named) -> Named:
    """What two lists of options name."""
    return Named((*first.connections, *second.connections), (*first.secrets, *second.secrets))


def named_connection(binding: Binding, option: Option) -> Connection:
    """The connection that an option names."""
    if option.named is not None:
        named: Connection = found(binding, option.named, Connection)
        return named
    parts = split_identifiers(option.value)
    thing = binding.catalog.lookup(parts[-2] if len(parts) > 1 else None, parts[-1], binding.search_path)
    if not isinstance(thing, Connection):
        raise UndefinedObject(f'connection "{option.value}" does not exist', position=option.position)
    return thing


def found(binding: Binding, node: Node, kind: Any) -> Any:
    """The secret or connection that a RangeVar names. Raises UndefinedObject, WrongObjectType."""
    name = "secret" if kind is Secret else "connection"
    shown = node.relname if node.schemaname is None else f"{node.schemaname}.{node.relname}"
    thing = binding.catalog.lookup(node.schemaname, node.relname, binding.search_path)
    if thing is None:
        raise UndefinedObject(f'{name} "{shown}" does not exist', position=node.location)
    if not isinstance(thing, kind):
        raise WrongObjectType(f'"{shown}" is not a {name}', position=node.location)
    return thing
