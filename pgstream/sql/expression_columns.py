"""Expressions over one relation's columns that are kept as text."""

from collections.abc import Iterator
from typing import Any

from pgstream.catalog.definitions import quoted
from pgstream.sql.parse import ast, parse, tokens


def with_column_renamed(text: str, old: str, new: str) -> str:
    """The expression `text` over a relation, one of whose columns has a new name."""
    query = f"SELECT {text}"
    (parsed,) = parse(query)
    ends = {token.start: token.end for token in tokens(query)}
    for start in sorted((ref.location for ref in _references(parsed.node) if _names(ref) == (old,)), reverse=True):
        query = query[:start] + quoted(new) + query[ends[start] :]
    return query.removeprefix("SELECT ")


def columns_named(text: str) -> set[str]:
    """The names of the columns that an expression refers to."""
    (parsed,) = parse(f"SELECT {text}")
    return {_names(ref)[-1] for ref in _references(parsed.node)}


def _names(ref: Any) -> tuple[str, ...]:
    return tuple(getattr(part, "sval", "*") for part in ref.fields)


def _references(node: Any) -> Iterator[Any]:
    if isinstance(node, tuple):
        for part in node:
            yield from _references(part)
    elif isinstance(node, ast.ColumnRef):
        yield node
    elif isinstance(node, ast.Node):
        for slot in node:
            yield from _references(getattr(node, slot))
