"""Values of options: DefElem nodes as EXPLAIN and CREATE … WITH use them."""

import re
from typing import Any

from pgstream.errors import InvalidParameterValue, SyntaxError42601
from pgstream.sql.parse import ast

Node = Any


def option_text(option: Node) -> str:
    """The value as text. Raises SyntaxError42601 where there is none."""
    if option.arg is None:
        raise SyntaxError42601(f"{option.defname} requires a parameter")
    return value_text(option.arg)


_IGNORED = re.compile(
    r"(?:toast\.)?(?:autovacuum_\w+|vacuum_\w+|log_autovacuum_min_duration)|fillfactor|toast_tuple_target"
    r"|parallel_workers|user_catalog_table|materialized"
)
"""Storage parameters of PostgreSQL's tables, and Feldera's materialized: all tables are."""


def grows_only(options: tuple[Node, ...]) -> bool:
    """Whether the WITH list of CREATE TABLE says append_only. Raises InvalidParameterValue for what nobody knows."""
    found = False
    for option in options:
        name = ".".join(part for part in (option.defnamespace, option.defname) if part)
        if name == "append_only":
            found = option_text(option).lower() in ("true", "on", "1")
        elif _IGNORED.fullmatch(name) is None:
            raise InvalidParameterValue(f'unrecognized parameter "{name}"')
    return found


def value_text(node: Node) -> str:
    """A constant or bare word as text."""
    match node:
        case ast.String():
            return str(node.sval)
        case ast.Integer():
            return str(node.ival or 0)
        case ast.Float():
            return str(node.fval)
        case ast.Boolean():
            return "true" if node.boolval else "false"
        case ast.A_Const():
            return "" if node.isnull else value_text(node.val)
        case ast.TypeName():
            return ".".join(part.sval for part in node.names)
        case ast.TypeCast():
            return value_text(node.arg)
        case tuple():
            return ",".join(value_text(part) for part in node)
    raise SyntaxError42601("an option's value must be a constant", position=getattr(node, "location", None))
