"""What stands between the angle brackets of STRUCT<…> and ARRAY<…>, which the parser hands on as text.

`sql/streaming/described_types.py` says under which names.
"""

import re
from typing import Any

from pgstream.errors import SyntaxError42601
from pgstream.sql.parse import ast, parse

Node = Any

_COLON = re.compile(r'^(\s*(?:"(?:[^"]|"")*"|\w+)\s*):')


def described_fields(text: str) -> list[tuple[str, Node]]:
    """Names and TypeName nodes of `a int, b STRUCT<c text>`; `a: int` is the same. Raises SyntaxError42601."""
    columns = ", ".join(_COLON.sub(r"\1 ", part) for part in parts(text))
    [parsed] = parse(f"CREATE TABLE x ({columns})")
    return [(element.colname, element.typeName) for element in parsed.node.tableElts or ()]


def described_type(text: str) -> Node:
    """The TypeName node of a type. Raises SyntaxError42601."""
    [parsed] = parse(f"CREATE TABLE x (x {text})")
    return parsed.node.tableElts[0].typeName


def parts(text: str) -> list[str]:
    """What commas outside of brackets separate."""
    found, depth, begin, inside = list[str](), 0, 0, False
    for at, char in enumerate(text):
        inside ^= char == '"'
        if inside:
            continue
        depth += (char in "<([") - (char in ">)]")
        if char == "," and not depth:
            found.append(text[begin:at])
            begin = at + 1
    found.append(text[begin:])
    if not all(part.strip() for part in found):
        raise SyntaxError42601("a field of a STRUCT has a name and a type")
    return found


def spelled_type(node: Node) -> str:
    """The text of a type that the parser took for an expression, as it does in `MAP(text, numeric(6,2))`."""
    match node:
        case ast.ColumnRef():
            return ".".join(part.sval for part in node.fields if isinstance(part, ast.String))
        case ast.FuncCall():
            name = ".".join(part.sval for part in node.funcname)
            return f"{name}({', '.join(map(spelled_type, node.args or ()))})"
        case ast.A_Const() if isinstance(node.val, ast.Integer):
            return str(node.val.ival or 0)
    raise SyntaxError42601("a MAP has a type of keys and a type of values")
