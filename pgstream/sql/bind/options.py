"""Values of options: DefElem nodes as EXPLAIN and CREATE … WITH use them."""

from typing import Any

from pgstream.errors import SyntaxError42601
from pgstream.sql.parse import ast

Node = Any


def option_text(option: Node) -> str:
    """The value as text. Raises SyntaxError42601 where there is none."""
    if option.arg is None:
        raise SyntaxError42601(f"{option.defname} requires a parameter")
    return value_text(option.arg)


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
