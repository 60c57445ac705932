"""Literals: the value that quoted text or a number has as a value of a type."""

import pyarrow as pa

from pgstream.errors import SqlError
from pgstream.plan.expressions import Const, Expr
from pgstream.sql.bind.binding import Binding, DatedLiteral
from pgstream.sql.bind.registered import is_registered, registered_oid
from pgstream.types.definition import SqlType


def literal(binding: Binding, text: str, type: SqlType, at: Expr) -> Const:
    """`text` as PostgreSQL's input function of `type` reads it; an error of that function points at `at`."""
    try:
        if is_registered(type.name) and not _is_number(text):
            return Const(registered_oid(binding, text, type.name), type)
        definition = type.definition
        column = pa.array([text], pa.string())
        if definition.parse_at is not None:
            parsed = definition.parse_at(column, type.typmod, binding.scope.settings, binding.scope.now_us)
            binding.dated.append(DatedLiteral(at, text, type, parsed))
        else:
            parsed = definition.parse(column, type.typmod)
        return Const(definition.to_python(parsed[0]), type)
    except SqlError as error:
        raise error.at(binding.position(at)) from None


def _is_number(text: str) -> bool:
    return (text.isascii() and text.isdigit()) or text == "-"
