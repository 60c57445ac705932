"""Bound expressions as readable SQL, for EXPLAIN."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from pgstream.functions.calling import column_from
from pgstream.functions.registry import OPERATORS, Function
from pgstream.functions.rows import IS_NOT_NULL, IS_NULL
from pgstream.plan import expressions as ex
from pgstream.plan.expressions import AggCall, Col, Expr, SortKey, WindowCall
from pgstream.plan.relations import Relation
from pgstream.types.definition import SqlType


@cache
def operator_of(function: Function) -> str | None:
    """The operator that `function` stands behind, if one does."""
    return next((o.name for many in OPERATORS.values() for o in many if o.function is function), None)


class ExpressionText:
    """Writes expressions. Columns are called by `names`, or what `unnamed` calls them; `inner` writes the plans of
    subqueries."""

    def __init__(
        self,
        names: Mapping[int, str],
        inner: Callable[[Relation], str],
        unnamed: Callable[[Col], str] = lambda col: col.name,
    ) -> None:
        self.names = names
        self.inner = inner
        self.unnamed = unnamed

    def column(self, col: Col) -> str:
        return self.names[col.id] if col.id in self.names else self.unnamed(col)

    def order(self, keys: Iterable[SortKey]) -> str:
        """The items of an ORDER BY."""
        texts = []
        for key in keys:
            nulls = "" if key.nulls_first == key.descending else f" NULLS {'FIRST' if key.nulls_first else 'LAST'}"
            texts.append(f"{self(key.expr)}{' DESC' if key.descending else ''}{nulls}")
        return ", ".join(texts)

    def __call__(self, expr: Expr | AggCall | WindowCall | SortKey) -> str:
        match expr:
            case ex.Ref(col):
                return self.column(col)
            case ex.Const(value, type):
                return _literal(value, type)
            case ex.Param(index):
                return f"${index}"
            case ex.Call(function, args):
                return self._call(function, args)
            case ex.CastExpr(arg, type):
                return f"{self._operand(arg)}::{type}"
            case ex.And(args):
                return " AND ".join(map(self._operand, args))
            case ex.Or(args):
                return " OR ".join(map(self._operand, args))
            case AggCall():
                return self._aggregate(expr)
            case WindowCall():
                return self._window(expr)
            case SortKey():
                return self.order([expr])
        return self._special(expr)

    def _operand(self, expr: Expr) -> str:
        """`expr`, in parentheses unless it reads as one word."""
        plain = isinstance(expr, ex.Call) and operator_of(expr.function) is None
        return self(expr) if plain or isinstance(expr, _WORDS) else f"({self(expr)})"

    def _listed(self, exprs: Iterable[Expr]) -> str:
        return ", ".join(map(self, exprs))

    def _call(self, function: Function, args: tuple[Expr, ...]) -> str:
        if function in (IS_NULL, IS_NOT_NULL):
            return f"{self._operand(args[0])} IS {'NOT ' if function is IS_NOT_NULL else ''}NULL"
        symbol = operator_of(function)
        if symbol is not None and len(args) == 2:
            return f"{self._operand(args[0])} {symbol} {self._operand(args[1])}"
        if symbol is not None and len(args) == 1:
            return f"{symbol}{self._operand(args[0])}"
        return f"{function.name}({self._listed(args)})"

    def _special(self, expr: Expr) -> str:
        match expr:
            case ex.Not(ex.IsNull(arg)):
                return f"{self._operand(arg)} IS NOT NULL"
            case ex.Not(ex.IsDistinct(left, right)):
                return f"{self._operand(left)} IS NOT DISTINCT FROM {self._operand(right)}"
            case ex.Not(arg):
                return f"NOT {self._operand(arg)}"
            case ex.IsNull(arg):
                return f"{self._operand(arg)} IS NULL"
            case ex.IsBool(arg, value):
                return f"{self._operand(arg)} IS {'TRUE' if value else 'FALSE'}"
            case ex.IsDistinct(left, right):
                return f"{self._operand(left)} IS DISTINCT FROM {self._operand(right)}"
            case ex.Case(whens, otherwise):
                branches = " ".join(f"WHEN {self(test)} THEN {self(result)}" for test, result in whens)
                return f"CASE {branches} ELSE {self(otherwise)} END"
            case ex.Coalesce(args):
                return f"COALESCE({self._listed(args)})"
            case ex.MinMax(args, greatest):
                return f"{'GREATEST' if greatest else 'LEAST'}({self._listed(args)})"
            case ex.ArrayExpr(args):
                return f"ARRAY[{self._listed(args)}]"
            case ex.RowExpr(args):
                return f"ROW({self._listed(args)})"
            case ex.FieldOf(row, position):
                attributes = row.type.definition.attributes
                assert attributes is not None
                return f"({self(row)}).{attributes[position][0]}"
            case ex.Subscript(array, lower, upper, slice):
                bounds = ":".join("" if bound is None else self(bound) for bound in (lower, upper))
                return f"{self._operand(array)}[{bounds if slice else bounds.rstrip(':')}]"
            case ex.AnyAll(left, function, array, all):
                symbol = operator_of(function) or function.name
                return f"{self._operand(left)} {symbol} {'ALL' if all else 'ANY'} ({self(array)})"
            case ex.Subquery(kind, query, _, test):
                tested = "" if test is None else f" {self(test)}"
                return f"{kind.upper()}{tested} ({self.inner(query)})"
        raise AssertionError(expr)

    def _aggregate(self, call: AggCall) -> str:
        args = self._listed(call.args) or "*"
        order = f" ORDER BY {self.order(call.order)}" if call.order else ""
        where = "" if call.filter is None else f" FILTER (WHERE {self(call.filter)})"
        return f"{call.aggregate.name}({'DISTINCT ' if call.distinct else ''}{args}{order}){where}"

    def _window(self, call: WindowCall) -> str:
        parts = []
        if call.partition:
            parts.append(f"PARTITION BY {self._listed(call.partition)}")
        if call.order:
            parts.append(f"ORDER BY {self.order(call.order)}")
        if call.frame != ex.Frame():
            frame = call.frame
            start, end = (
                self._bound(frame.start, frame.start_offset, "PRECEDING"),
                self._bound(frame.end, frame.end_offset, "FOLLOWING"),
            )
            left_out = {"none": "", "row": " EXCLUDE CURRENT ROW", "group": " EXCLUDE GROUP", "ties": " EXCLUDE TIES"}
            parts.append(f"{frame.mode.upper()} BETWEEN {start} AND {end}{left_out[frame.exclude]}")
        where = "" if call.filter is None else f" FILTER (WHERE {self(call.filter)})"
        return f"{call.function.name}({self._listed(call.args)}){where} OVER ({' '.join(parts)})"

    def _bound(self, kind: str, offset: Expr | None, side: str) -> str:
        if kind == "current":
            return "CURRENT ROW"
        if kind == "unbounded":
            return f"UNBOUNDED {side}"
        return f"{'' if offset is None else self(offset)} {kind.upper()}"


_WORDS = ex.Ref | ex.Const | ex.Param | ex.Coalesce | ex.MinMax | ex.ArrayExpr | ex.RowExpr | ex.FieldOf | ex.Subquery
"""What reads as one word."""


def _literal(value: Any, type: SqlType) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | Decimal) and type.name in ("int2", "int4", "int8", "numeric", "oid"):
        return str(value)
    text = type.definition.format(column_from([value], type), {})[0].as_py()
    quoted = "'" + text.replace("'", "''") + "'"
    return quoted if type.name in ("text", "varchar", "unknown") else f"{quoted}::{type}"
