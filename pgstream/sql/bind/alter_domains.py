"""ALTER DOMAIN."""

from dataclasses import replace
from typing import Any

from pgstream.catalog.objects import Check, DomainType
from pgstream.errors import DuplicateObject, FeatureNotSupported, UndefinedObject, WrongObjectType
from pgstream.sql.bind.alter_types import AlterType
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.commands import Command, binds_statement
from pgstream.sql.bind.domains import bind_domain_check, bound_default_text
from pgstream.sql.parse import Parsed, ast, enums
from pgstream.types.definition import BY_NAME

Node = Any
TAG = "ALTER DOMAIN"


def found_domain(binding: Binding, names: list[str]) -> DomainType:
    """The domain of that name. Raises UndefinedObject or WrongObjectType."""
    schema, name = names[-2] if len(names) > 1 else None, names[-1]
    if schema is not None:
        binding.catalog.schema(schema)
    found = binding.catalog.typed(schema, name, binding.search_path)
    if found is None and name not in BY_NAME:
        raise UndefinedObject(f'type "{".".join(names)}" does not exist')
    if not isinstance(found, DomainType):
        raise WrongObjectType(f"{name} is not a domain")
    binding.depends.add(found.oid)
    return found


@binds_statement(ast.AlterDomainStmt)
def bind_alter_domain(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """ALTER DOMAIN: its default, NOT NULL and CHECK constraints."""
    found = found_domain(binding, [part.sval for part in node.typeName])
    [value] = found.columns
    match node.subtype:
        case "T":
            default = None if node.def_ is None else bound_default_text(binding, node.def_, value)
            made = AlterType(replace(found, columns=(replace(value, default=default),)), tag=TAG)
        case "N":
            made = AlterType(replace(found, columns=(replace(value, not_null=False),)), tag=TAG)
        case "O":
            altered = replace(found, columns=(replace(value, not_null=True),))
            made = AlterType(altered, tag=TAG, asked=() if value.not_null else ("",))
        case "C":
            made = _added(binding, found, node)
        case "X":
            made = _dropped(found, node)
        case _:
            made = _validated(found, node)
    return Command(made, TAG)


def _added(binding: Binding, found: DomainType, node: Node) -> AlterType:
    if node.def_.contype != enums.ConstrType.CONSTR_CHECK:
        raise FeatureNotSupported("ALTER DOMAIN … ADD takes CHECK constraints only")
    check = bind_domain_check(binding, found.schema_oid, found, node.def_, list(found.checks))
    asked = (check.expression,) if check.validated else ()
    return AlterType(replace(found, checks=(*found.checks, check)), tag=TAG, asked=asked)


def _dropped(found: DomainType, node: Node) -> AlterType:
    kept = tuple(check for check in found.checks if check.name != node.name)
    notices: tuple[tuple[str, str], ...] = ()
    if len(kept) == len(found.checks):
        message = f'constraint "{node.name}" of domain "{found.name}" does not exist'
        if not node.missing_ok:
            raise UndefinedObject(message)
        notices = ((f"{message}, skipping", "00000"),)
    return AlterType(replace(found, checks=kept), notices=notices, tag=TAG)


def _validated(found: DomainType, node: Node) -> AlterType:
    check = _named(found, node.name)
    checks = tuple(replace(each, validated=True) if each == check else each for each in found.checks)
    asked = () if check.validated else (check.expression,)
    return AlterType(replace(found, checks=checks), tag=TAG, asked=asked)


def _named(found: DomainType, name: str) -> Check:
    for check in found.checks:
        if check.name == name:
            return check
    raise UndefinedObject(f'constraint "{name}" of domain "{found.name}" does not exist')


def renamed_check(binding: Binding, node: Node) -> Command:
    """ALTER DOMAIN … RENAME CONSTRAINT."""
    found = found_domain(binding, [part.sval for part in node.object])
    if not any(check.name == node.subname for check in found.checks):
        raise UndefinedObject(f'constraint "{node.subname}" for domain {found.name} does not exist')
    if any(check.name == node.newname for check in found.checks):
        raise DuplicateObject(f'constraint "{node.newname}" for domain {found.name} already exists')
    checks = tuple(replace(one, name=node.newname) if one.name == node.subname else one for one in found.checks)
    return Command(AlterType(replace(found, checks=checks), tag=TAG), TAG)
