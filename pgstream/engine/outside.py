"""Options as connectors are given them: those of connections first, then one's own, with the values of secrets.

As Arroyo has it, `{{ NAME }}` in a value stands for the environment variable of that name when something is opened.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import Sink, Source
from pgstream.catalog.shared import Connection, Named, Secret
from pgstream.connectors import CONNECTION_KINDS
from pgstream.errors import InvalidParameterValue, ObjectNotInPrerequisiteState, SqlError

HIDDEN = "[secret]"
_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")

Outward = Source | Sink | Connection


@dataclass(frozen=True, slots=True)
class Settings:
    """Options in full, and which values of theirs nobody is to be shown. The same settings open the same thing."""

    options: dict[str, str]
    hidden: frozenset[str]

    @contextmanager
    def concealing(self) -> Iterator[None]:
        """No error that leaves this tells a secret."""
        try:
            yield
        except SqlError as error:
            self.conceal(error)
            raise

    def conceal(self, error: SqlError) -> None:
        """Takes the secrets out of what an error says."""
        for value in sorted(self.hidden, key=len, reverse=True):
            error.message = error.message.replace(value, HIDDEN)
            error.detail = error.detail and error.detail.replace(value, HIDDEN)
            error.hint = error.hint and error.hint.replace(value, HIDDEN)
        error.args = (error.message,)


def settings_of(catalog: Catalog, thing: Outward) -> Settings:
    """The options of `thing`. Raises SqlError where a secret cannot be opened or a variable is not set."""
    options: dict[str, str] = {}
    hidden: set[str] = set()
    _gather(catalog, thing.options, thing.named, options, hidden)
    return Settings(options, frozenset(hidden - {""}))


def _gather(
    catalog: Catalog, own: tuple[tuple[str, str], ...], named: Named, options: dict[str, str], hidden: set[str]
) -> None:
    for oid in named.connections:
        connection = catalog.objects[oid]
        assert isinstance(connection, Connection)
        connector = CONNECTION_KINDS[connection.kind].connector
        if connector:
            options.setdefault("connector", connector)
        _gather(catalog, connection.options, connection.named, options, hidden)
    options.update((name, _VARIABLE.sub(_variable, value)) for name, value in own)
    for name, oid in named.secrets:
        secret = catalog.objects[oid]
        assert isinstance(secret, Secret)
        if secret.value is None:
            raise ObjectNotInPrerequisiteState(
                f'secret "{secret.name}" cannot be opened',
                detail="The key of secrets is not the one that it was sealed with.",
                hint=f'Start the server with that key, or give the value again: ALTER SECRET "{secret.name}" AS …',
            )
        options[name] = secret.value
        hidden.add(secret.value)


def _variable(found: "re.Match[str]") -> str:
    value = os.environ.get(found[1])
    if value is None:
        raise InvalidParameterValue(f'environment variable "{found[1]}" is not set')
    return value


def all_options(
    options: tuple[tuple[str, str], ...], format_options: tuple[tuple[str, str], ...], form: str, encode: str
) -> tuple[tuple[str, str], ...]:
    """All WITH options of a source or sink, the format among them."""
    named = {name for name, _ in options}
    extra = (("format", form.lower()), ("encode", encode.lower()))
    return (*options, *format_options, *((n, v) for n, v in extra if v and n not in named))
