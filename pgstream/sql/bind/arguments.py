"""The arguments of EXECUTE, which must be assignable to the types of the prepared statement's parameters."""

from collections.abc import Sequence
from typing import Any

from pgstream.errors import DatatypeMismatch
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.coercion import coerce
from pgstream.sql.bind.dispatch import bind_expression
from pgstream.sql.bind.names import Level
from pgstream.types.definition import SqlType


def require_assignable(binding: Binding, arguments: Sequence[Any], types: Sequence[SqlType]) -> None:
    """Raises DatatypeMismatch for the first of the AST nodes `arguments` that is no value of its type."""
    level = Level(binding, clause="EXECUTE")
    for number, (argument, type) in enumerate(zip(arguments, types, strict=True), 1):
        given = bind_expression(level, argument)
        if coerce(binding, given, type, "a") is None:
            raise DatatypeMismatch(
                f"parameter ${number} of type {given.type.bare()} cannot be coerced to the expected type {type}",
                position=binding.position_of(argument),
                hint="You will need to rewrite or cast the expression.",
            )
