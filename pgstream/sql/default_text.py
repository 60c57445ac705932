"""Bound expressions as PostgreSQL stores and prints them: `'q'::text`, `(1 + 1)`, `now()`, `(a > 0)`."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pgstream.catalog.definitions import quoted
from pgstream.functions.calling import column_from
from pgstream.functions.registry import Function
from pgstream.plan import expressions as ex
from pgstream.plan.expressions import Const, Expr
from pgstream.sql.expression_text import ExpressionText, operator_of
from pgstream.types.definition import Settings, SqlType

_BARE = ("int4", "int8", "numeric")
"""Types whose positive numbers are printed as they are."""

_PRINTED_AS: Mapping[str, SqlType] = {"int2": SqlType("int4"), "int8": SqlType("int4")}
"""Literals that fit a wider or narrower integer were read as int4 and converted without being asked."""

_INT4_MAX = 2**31 - 1


class DefaultText(ExpressionText):
    """Writes one expression over the columns of a single relation; a default has none."""

    def __init__(self, settings: Settings) -> None:
        super().__init__({}, lambda plan: "", lambda col: quoted(col.name))
        self._settings = {"timezone": settings.get("timezone", "UTC")}
        """Of the session only the zone: the text is read again in any."""

    def __call__(self, expr: Any) -> str:
        match expr:
            case Const(value, type):
                return self._constant(value, type)
            case ex.CastExpr(arg, type, explicit):
                return f"({self(arg)})::{type}" if explicit else self(arg)
            case ex.Not(arg) if not isinstance(arg, ex.IsNull | ex.IsDistinct):
                return f"(NOT {self(arg)})"
            case ex.And() | ex.Or() | ex.IsNull() | ex.IsBool() | ex.IsDistinct() | ex.Not() | ex.AnyAll():
                return f"({super().__call__(expr)})"
        return super().__call__(expr)

    def _call(self, function: Function, args: tuple[Expr, ...]) -> str:
        symbol, shown = operator_of(function), [self._argument(arg) for arg in args]
        if symbol is None:
            return f"{function.name}({', '.join(shown)})"
        return f"({' '.join([shown[0], symbol, shown[1]] if len(shown) == 2 else [symbol, *shown])})"

    def _argument(self, expr: Expr) -> str:
        """What a function or operator is given, which PostgreSQL shows with the casts that nobody wrote."""
        if isinstance(expr, ex.CastExpr):
            return f"({self(expr.arg)})::{expr.type}"
        return self(expr)

    def _operand(self, expr: Expr) -> str:
        return self(expr)

    def _constant(self, value: Any, type: SqlType) -> str:
        if value is None:
            return f"NULL::{type.bare()}"
        if isinstance(value, bool):
            return str(value).lower()
        shown = _PRINTED_AS.get(type.name, type) if isinstance(value, int) and abs(value) <= _INT4_MAX else type
        if isinstance(value, int | Decimal) and shown.name in _BARE and value >= 0:
            return str(value)
        text: str = type.definition.format(column_from([value], type), self._settings)[0].as_py()
        name = "bpchar" if shown.name == "bpchar" else str(shown.bare())
        return "'" + text.replace("'", "''") + f"'::{name}"
