"""COPY: its table or query, and its options in both spellings."""

from typing import Any

from pgstream.catalog.objects import Table, View
from pgstream.errors import (
    DuplicateColumn,
    FeatureNotSupported,
    InsufficientPrivilege,
    InvalidParameterValue,
    SyntaxError42601,
    UndefinedColumn,
    WrongObjectType,
)
from pgstream.plan.expressions import Ref
from pgstream.plan.relations import Project
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.commands import Command, binds_statement
from pgstream.sql.bind.dispatch import bind_query
from pgstream.sql.bind.from_clause import relation_item
from pgstream.sql.bind.lookup import find_relation
from pgstream.sql.bind.options import option_bool, option_text
from pgstream.sql.bind.statements import CopyFrom, CopyOptions, CopyTo
from pgstream.sql.bind.stored import column_position, refusal
from pgstream.sql.parse import Parsed, ast

Node = Any


@binds_statement(ast.CopyStmt)
def bind_copy(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """COPY FROM STDIN and COPY TO STDOUT."""
    if node.filename is not None or node.is_program:
        raise InsufficientPrivilege(
            "must be superuser or have privileges of the pg_read_server_files role to COPY from a file"
            if node.is_from
            else "must be superuser or have privileges of the pg_write_server_files role to COPY to a file",
            hint="Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone.",
        )
    if node.is_from:
        return _copy_from(binding, node)
    if node.query is not None:
        if not isinstance(node.query, ast.SelectStmt):
            raise FeatureNotSupported("COPY of a data-modifying query is not supported yet")
        binding.takes_parameters = False
        query = bind_query(binding, node.query, ordered=True)
        names = [col.name for col in query.columns]
        return Command(CopyTo(query.plan, query.columns, _options(node, names)), "COPY")
    return _copy_to(binding, node)


def _copy_from(binding: Binding, node: Node) -> Command:
    found = find_relation(binding, node.relation, pointed=False)
    if not isinstance(found, Table):
        raise refusal(found, "copy")
    if node.whereClause is not None:
        raise FeatureNotSupported("COPY FROM … WHERE is not supported yet")
    binding.depends.add(found.oid)
    positions = _listed(found, node.attlist)
    names = [found.columns[place].name for place in positions]
    types = tuple(found.columns[place].type for place in positions)
    return Command(CopyFrom(found.oid, positions, tuple(names), types, _options(node, names)), "COPY")


def _copy_to(binding: Binding, node: Node) -> Command:
    found = find_relation(binding, node.relation, pointed=False)
    if isinstance(found, View):
        raise WrongObjectType(f'cannot copy from view "{found.name}"', hint="Try the COPY (SELECT ...) TO variant.")
    item = relation_item(binding, found, node.relation.relname, node.relation)
    positions = _listed(found, node.attlist)
    cols = tuple(item.plan.columns[place] for place in positions)
    plan = item.plan if cols == item.plan.columns else Project(item.plan, tuple((col, Ref(col)) for col in cols))
    return Command(CopyTo(plan, cols, _options(node, [col.name for col in cols])), "COPY")


def _listed(table: Any, attlist: Any) -> tuple[int, ...]:
    if not attlist:
        return tuple(range(len(table.columns)))
    positions: list[int] = []
    for part in attlist:
        place = column_position(table, part.sval, None)
        if place in positions:
            raise DuplicateColumn(f'column "{part.sval}" specified more than once')
        positions.append(place)
    return tuple(positions)


_TEXTS = ("null", "delimiter", "quote", "escape", "encoding")
_LISTS = ("force_quote", "force_not_null", "force_null")


def _options(node: Node, names: list[str]) -> CopyOptions:
    """The options, with the defaults of their format. Raises SyntaxError42601 for unknown or repeated ones."""
    given: dict[str, Any] = {}
    for option in node.options or ():
        name = option.defname
        if name in given:
            raise SyntaxError42601("conflicting or redundant options", position=option.location)
        if name == "format":
            given[name] = _format(option)
        elif name == "header":
            given[name] = _header(option)
        elif name == "freeze":
            given[name] = option_bool(option)
        elif name in _TEXTS:
            given[name] = option_text(option)
        elif name in _LISTS:
            given[name] = _columns(option, names)
        else:
            raise SyntaxError42601(f'option "{name}" not recognized', position=option.location)
    return _checked(given)


def _format(option: Node) -> str:
    format = option_text(option)
    if format not in ("text", "csv", "binary"):
        raise InvalidParameterValue(f'COPY format "{format}" not recognized', position=option.location)
    return format


def _header(option: Node) -> str:
    if option.arg is not None and option_text(option).lower() == "match":
        return "match"
    try:
        return "true" if option_bool(option) else ""
    except SyntaxError42601:
        raise SyntaxError42601('header requires a Boolean value or "match"') from None


def _columns(option: Node, names: list[str]) -> tuple[int, ...]:
    if isinstance(option.arg, ast.A_Star):
        return tuple(range(len(names)))
    wanted = [part.sval for part in option.arg]
    missing = [name for name in wanted if name not in names]
    if missing:
        raise UndefinedColumn(f'column "{missing[0]}" does not exist')
    return tuple(names.index(name) for name in wanted)


def _checked(given: dict[str, Any]) -> CopyOptions:
    format = given.get("format", "text")
    csv = format == "csv"
    if format == "binary":
        for name in ("delimiter", "null", "header"):
            if given.get(name):
                raise SyntaxError42601(f"cannot specify {name.upper()} in BINARY mode")
    delimiter = given.get("delimiter", "," if csv else "\t")
    quote = given.get("quote", '"')
    if len(delimiter.encode()) != 1:
        raise FeatureNotSupported("COPY delimiter must be a single one-byte character")
    for name in ("quote", "escape", *_LISTS):
        if name in given and not csv:
            shown = name if name in ("quote", "escape") else name.replace("_", " ")
            raise FeatureNotSupported(f"COPY {shown} available only in CSV mode")
    for name in ("quote", "escape"):
        if name in given and len(given[name].encode()) != 1:
            raise FeatureNotSupported(f"COPY {name} must be a single one-byte character")
    if csv and delimiter == quote:
        raise InvalidParameterValue("COPY delimiter and quote must be different")
    header = given.get("header", "")
    return CopyOptions(
        format=format,
        delimiter=delimiter,
        null=given.get("null", "" if csv else "\\N"),
        header=bool(header),
        header_match=header == "match",
        quote=quote,
        escape=given.get("escape", quote),
        force_quote=given.get("force_quote", ()),
        force_not_null=given.get("force_not_null", ()),
        force_null=given.get("force_null", ()),
        encoding=given.get("encoding"),
    )
