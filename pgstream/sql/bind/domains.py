"""CREATE DOMAIN, and what the constraints of domains mean."""

from typing import Any

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import Check, DomainType, Schema, TableColumn
from pgstream.delta import Column
from pgstream.errors import DatatypeMismatch, DuplicateObject, FeatureNotSupported, SqlError, SyntaxError42601
from pgstream.functions.registry import EvalContext
from pgstream.plan.evaluate import evaluate
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.coercion import coerce_to_bool
from pgstream.sql.bind.commands import Command, binds_statement
from pgstream.sql.bind.creation import creation_schema
from pgstream.sql.bind.row_expressions import CHECK, bind_row_expression, row_expression, row_text
from pgstream.sql.bind.stored import bind_default_node, check_default, default_of_domain, default_text
from pgstream.sql.bind.table_rules import chosen_name, names_of_constraints
from pgstream.sql.bind.types import type_of
from pgstream.sql.bind.user_types import CreateType, require_type_free
from pgstream.sql.parse import Parsed, ast, enums
from pgstream.types.definition import Settings, SqlType
from pgstream.types.domain import CHECKERS, below, is_domain

Node = Any
Kind = enums.ConstrType

_NO_USERS = Catalog.new()
"""Constraints of domains are computed where no catalog is at hand."""

_NEVER = {
    Kind.CONSTR_UNIQUE: "unique",
    Kind.CONSTR_PRIMARY: "primary key",
    Kind.CONSTR_EXCLUSION: "exclusion",
    Kind.CONSTR_FOREIGN: "foreign key",
}


def value_column(type: SqlType) -> TableColumn:
    """VALUE, of a domain over `type`."""
    return TableColumn("value", below(type))


def _holding(type: SqlType, text: str, column: Column, settings: Settings, now_us: int) -> Column:
    expr = row_expression(_NO_USERS, (value_column(type),), text)
    return evaluate(expr, {0: column}, len(column), EvalContext(settings, now_us))


CHECKERS.append(_holding)


@binds_statement(ast.CreateDomainStmt)
def bind_create_domain(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """CREATE DOMAIN."""
    names = [part.sval for part in node.domainname]
    schema = creation_schema(binding, ast.RangeVar(schemaname=names[-2] if len(names) > 1 else None, relname=names[-1]))
    require_type_free(binding, schema, names[-1])
    type = _over(binding, node.typeName)
    if type.definition.pseudo:
        raise DatatypeMismatch(f'"{type}" is not a valid base type for a domain')
    if node.collClause is not None:
        raise FeatureNotSupported("COLLATE of domains is not supported yet", position=node.collClause.location)
    declared = DomainType(0, schema.oid, names[-1], (TableColumn("value", type),))
    return Command(CreateType(_constrained(binding, schema, declared, node.constraints or ())), "CREATE DOMAIN")


def _over(binding: Binding, node: Node) -> SqlType:
    try:
        return type_of(binding, node)
    except SqlError as error:
        raise _unpointed(error) from None


def _unpointed(error: SqlError) -> SqlError:
    """The error, which points nowhere: so PostgreSQL says of domains."""
    error.position = None
    return error


def _constrained(binding: Binding, schema: Schema, declared: DomainType, constraints: tuple[Node, ...]) -> DomainType:
    """The domain with what the clauses of CREATE DOMAIN say."""
    [value] = declared.columns
    default, null = _inherited_default(binding, value.type), None
    given, checks = False, list[Check]()
    for node in constraints:
        match node.contype:
            case Kind.CONSTR_DEFAULT if given:
                raise SyntaxError42601("multiple default expressions")
            case Kind.CONSTR_DEFAULT:
                given, default = True, bound_default_text(binding, node.raw_expr, value)
            case Kind.CONSTR_NOTNULL | Kind.CONSTR_NULL:
                if null not in (None, node.contype):
                    raise SyntaxError42601("conflicting NULL/NOT NULL constraints")
                null = node.contype
            case Kind.CONSTR_CHECK if node.is_no_inherit:
                raise InvalidDomain("check constraints for domains cannot be marked NO INHERIT")
            case Kind.CONSTR_CHECK:
                checks.append(bind_domain_check(binding, schema.oid, declared, node, checks))
            case _ if node.contype in _NEVER:
                raise SyntaxError42601(f"{_NEVER[node.contype]} constraints not possible for domains")
            case _:
                raise FeatureNotSupported("specifying constraint deferrability not supported for domains")
    column = TableColumn("value", value.type, null == Kind.CONSTR_NOTNULL, default)
    return DomainType(0, declared.schema_oid, declared.name, (column,), tuple(checks))


class InvalidDomain(SyntaxError42601):
    """42P17."""

    sqlstate = "42P17"


def _inherited_default(binding: Binding, type: SqlType) -> str | None:
    if not is_domain(type.name):
        return None
    return default_of_domain(binding.catalog, type)


def bound_default_text(binding: Binding, node: Node, value: TableColumn) -> str | None:
    """The text to keep of a domain's DEFAULT."""
    bound = bind_default_node(binding, node)
    check_default(binding, bound, value)
    return default_text(binding, node, bound, TableColumn("value", below(value.type)))


def bind_domain_check(
    binding: Binding, schema_oid: int, declared: DomainType, node: Node, others: list[Check]
) -> Check:
    """A CHECK constraint of a domain that has `others`."""
    columns = (value_column(declared.columns[0].type),)
    try:
        bound = coerce_to_bool(binding, bind_row_expression(binding, "", columns, node.raw_expr, CHECK), "CHECK")
    except SqlError as error:
        raise _unpointed(error) from None
    text = row_text(binding, "", columns, node.raw_expr, bound)
    try:
        row_expression(_NO_USERS, columns, text)
    except SqlError as error:
        raise FeatureNotSupported(
            "constraints of domains that use declared functions or types are not supported yet", detail=error.message
        ) from None
    taken = {check.name for check in others}
    if node.conname is None:
        name = chosen_name([declared.name, "check"], taken | names_of_constraints(binding.catalog, schema_oid))
    elif node.conname in taken:
        raise DuplicateObject(f'constraint "{node.conname}" for domain "{declared.name}" already exists')
    else:
        name = node.conname
    return Check(0, name, text, ("value",), not node.skip_validation)
