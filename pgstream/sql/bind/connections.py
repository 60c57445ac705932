"""CREATE, ALTER and VALIDATE of secrets and connections."""

from dataclasses import dataclass, field
from typing import Any

from pgstream.catalog.shared import Connection, Named, Secret
from pgstream.connectors import CONNECTION_KINDS
from pgstream.errors import InvalidParameterValue
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.commands import Command, binds_statement
from pgstream.sql.bind.creation import creation_schema, existing
from pgstream.sql.bind.outside import found, given_options
from pgstream.sql.parse import Parsed
from pgstream.sql.streaming import CreateConnectionStmt, SecretStmt, ValidateConnectionStmt

Node = Any


@dataclass(frozen=True, slots=True)
class CreateSecret:
    schema_oid: int
    name: str
    value: str = field(repr=False)
    exists: bool = False


@dataclass(frozen=True, slots=True)
class AlterSecret:
    secret_oid: int
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CreateConnection:
    schema_oid: int
    name: str
    kind: str
    options: tuple[tuple[str, str], ...]
    named: Named
    validate: bool
    exists: bool = False


@dataclass(frozen=True, slots=True)
class ValidateConnection:
    connection_oid: int


@binds_statement(SecretStmt)
def bind_secret(binding: Binding, node: SecretStmt, parsed: Parsed) -> Command:
    """CREATE SECRET and ALTER SECRET."""
    if node.alters:
        return Command(AlterSecret(found(binding, node.relation, Secret).oid, node.value), "ALTER SECRET")
    schema = creation_schema(binding, node.relation)
    there = existing(binding, schema, node.relation.relname, node.if_not_exists)
    return Command(CreateSecret(schema.oid, node.relation.relname, node.value, there), "CREATE SECRET")


@binds_statement(CreateConnectionStmt)
def bind_create_connection(binding: Binding, node: CreateConnectionStmt, parsed: Parsed) -> Command:
    """CREATE CONNECTION."""
    schema, name = creation_schema(binding, node.relation), node.relation.relname
    there = existing(binding, schema, name, node.if_not_exists)
    if node.kind not in CONNECTION_KINDS:
        wrong = f'connections of type "{node.kind}" do not exist' if node.kind else 'option "type" is required'
        raise InvalidParameterValue(
            wrong, hint=f"Known types are: {', '.join(sorted(CONNECTION_KINDS))}.", position=node.position
        )
    options, named = given_options(binding, node.options)
    made = CreateConnection(schema.oid, name, node.kind, options, named, node.validate, there)
    return Command(made, "CREATE CONNECTION")


@binds_statement(ValidateConnectionStmt)
def bind_validate_connection(binding: Binding, node: ValidateConnectionStmt, parsed: Parsed) -> Command:
    """VALIDATE CONNECTION."""
    return Command(ValidateConnection(found(binding, node.relation, Connection).oid), "VALIDATE CONNECTION")
