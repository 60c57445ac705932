"""GROUP BY: from expressions over the input to expressions over groups.

Expressions are bound over the input first. If the query groups, each is then rewritten top down: what equals a GROUP
BY expression becomes its key, aggregates are columns already, and any other column of this level is an error, unless
the primary key of its table is grouped by.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pgstream.catalog.objects import Source, Table
from pgstream.errors import GroupingError
from pgstream.plan.expressions import (
    Col,
    Const,
    Expr,
    Ref,
    SortKey,
    Subquery,
    WindowCall,
)
from pgstream.plan.relations import Group, Relation
from pgstream.plan.rewrite import map_expressions, map_operands, transform
from pgstream.sql.bind.binding import INT4
from pgstream.sql.bind.names import GroupingCall, Level

Node = Any


@dataclass(slots=True)
class Grouping:
    """The keys of one grouped query, and the rewriting of its expressions."""

    level: Level
    keys: list[tuple[Col, Expr]] = field(default_factory=list)

    def add(self, expr: Expr, name: str) -> int:
        """One more GROUP BY expression; its number among the keys. A plain column stays the column it is.

        A constant is a key too: over no rows there is no group, where a query without GROUP BY would have one.
        """
        for number, (_, known) in enumerate(self.keys):
            if known == expr:
                return number
        self.keys.append((self.key_col(expr, name), expr))
        return len(self.keys) - 1

    def key_col(self, expr: Expr, name: str) -> Col:
        """The column of a new key."""
        return expr.col if isinstance(expr, Ref) else self.level.binding.col(name, expr.type)

    def grouped_everywhere(self) -> list[Expr]:
        """The expressions that have one value in each group."""
        return [expr for _, expr in self.keys]

    def add_dependent(self, ref: Ref) -> Ref:
        """One more key, which others decide."""
        self.keys.append((ref.col, ref))
        return ref

    def grouping_value(self, call: GroupingCall) -> Expr:
        """What GROUPING(…) is: a bit for each argument that the row is not grouped by."""
        for arg in call.args:
            self.key_number(arg)
        return Const(0, INT4)

    def key_number(self, expr: Expr) -> int:
        """Which key an argument of GROUPING is. Raises GroupingError."""
        for number, (_, key) in enumerate(self.keys):
            if key == expr:
                return number
        raise GroupingError(
            "arguments to GROUPING must be grouping expressions of the associated query level",
            position=self.level.binding.position(expr),
        )

    def check_direct(self, args: Iterable[Expr]) -> None:
        """Raises GroupingError where a direct argument of an ordered-set aggregate is not over the groups."""
        for arg in args:
            try:
                self.rewritten(arg)
            except GroupingError as error:
                error.detail = "Direct arguments of an ordered-set aggregate must use only grouped columns."
                raise

    def plan(self, plan: Relation) -> Relation:
        """`plan` grouped. Only complete once every expression has been rewritten."""
        calls = tuple((col, call) for call, col in self.level.aggregates.items())
        return Group(plan, tuple(self.keys), calls)

    def rewritten(self, expr: Expr, depth: int = 0) -> Expr:
        """`expr` over the groups. Raises GroupingError, pointing at the column that is not grouped."""
        for col, key in self.keys:
            if key == expr and not isinstance(expr, Const):
                return expr if isinstance(expr, Ref) and expr.col == col else Ref(col)
        if isinstance(expr, Ref):
            for call in self.level.groupings:
                if call.col == expr.col:
                    return self.grouping_value(call)
            return self._column(expr, depth)
        if isinstance(expr, Subquery):
            query = transform(
                expr.query, lambda node: map_expressions(node, lambda inner: self.rewritten(inner, depth + 1))
            )
            test = None if expr.test is None else self.rewritten(expr.test, depth)
            return Subquery(expr.kind, query, expr.type, test)
        made = map_operands(expr, lambda operand: self.rewritten(operand, depth))
        return made if made is expr else self.level.binding.located(made, expr)

    def key(self, key: SortKey) -> SortKey:
        return SortKey(self.rewritten(key.expr), key.descending, key.nulls_first)

    def window(self, call: WindowCall) -> WindowCall:
        """A window call over the groups."""
        return WindowCall(
            call.function,
            tuple(self.rewritten(arg) for arg in call.args),
            call.type,
            tuple(self.rewritten(item) for item in call.partition),
            tuple(self.key(item) for item in call.order),
            call.frame,
            None if call.filter is None else self.rewritten(call.filter),
        )

    def _column(self, ref: Ref, depth: int) -> Expr:
        if ref.col.id not in self.level.own or any(col.id == ref.col.id for col, _ in self.keys):
            return ref
        for item in self.level.items:
            for name, expr in item.columns:
                if isinstance(expr, Ref) and expr.col.id == ref.col.id and item.alias:
                    if self._has_key(item):
                        return self.add_dependent(ref)
                    raise self._ungrouped(ref, f"{item.alias}.{name}", depth)
        raise self._ungrouped(ref, ref.col.name, depth)

    def _has_key(self, item: Any) -> bool:
        """Whether the primary key of the item's table is among the keys, and so decides all its columns."""
        key = _row_key(item.table)
        if not key:
            return False
        grouped = {known.col.id for known in self.grouped_everywhere() if isinstance(known, Ref)}
        by_attnum = {expr.col.attnum: expr.col.id for _, expr in item.columns if isinstance(expr, Ref)}
        return all(by_attnum.get(position + 1) in grouped for position in key)

    def _ungrouped(self, ref: Ref, name: str, depth: int) -> GroupingError:
        position = self.level.binding.position(ref)
        if depth:
            return GroupingError(f'subquery uses ungrouped column "{name}" from outer query', position=position)
        return GroupingError(
            f'column "{name}" must appear in the GROUP BY clause or be used in an aggregate function',
            position=position,
        )


def _row_key(stored: Any) -> tuple[int, ...]:
    """The positions of the columns by which the rows of a stored relation are known to differ; none if by no such."""
    if isinstance(stored, Table):
        return () if stored.primary_key is None else stored.primary_key.columns
    return stored.row_key if isinstance(stored, Source) else ()
