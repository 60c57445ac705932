"""GROUPING SETS, ROLLUP and CUBE, and GROUPING(): one Group over rows that each stand for several sets.

A row is repeated for every grouping set, beside the set's number; a key is NULL in the sets that it is not in. The
sets without keys, which have a row even over nothing, are groups of their own.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pgstream.errors import GroupingError, ProgramLimitExceeded
from pgstream.functions.registry import functions_named
from pgstream.plan.expressions import AggCall, Case, Col, Const, Expr, Ref
from pgstream.plan.relations import Group, Project, Relation, SetOp, TableCall
from pgstream.plan.rewrite import fresh_copy
from pgstream.sql.bind.binding import INT4
from pgstream.sql.bind.dispatch import bind_expression, binds
from pgstream.sql.bind.grouping import Grouping
from pgstream.sql.bind.names import GroupingCall, Level
from pgstream.sql.bind.operators import apply_operator, disjunction
from pgstream.sql.parse import ast, enums

Node = Any
SETS_MAX = 4096
ARGUMENTS_MAX = 31

Sets = tuple[frozenset[int], ...]
"""Of each grouping set the keys, by number."""


def crossed(parts: Iterable[Sequence[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
    """The sets of a GROUP BY clause whose items have each these sets. Raises ProgramLimitExceeded."""
    found: list[tuple[Any, ...]] = [()]
    for sets in parts:
        if len(found) * len(sets) > SETS_MAX:
            raise ProgramLimitExceeded(f"too many grouping sets present (maximum {SETS_MAX})")
        found = [left + right for left, right in itertools.product(found, sets)]
    return found


def spread(kind: Any, parts: list[list[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
    """The sets of one ROLLUP, CUBE or GROUPING SETS whose elements have these sets."""
    if kind == enums.GroupingSetKind.GROUPING_SET_SETS:
        return [each for sets in parts for each in sets]
    elements = [sets[0] for sets in parts]
    if kind == enums.GroupingSetKind.GROUPING_SET_ROLLUP:
        return [_joined(elements[:count]) for count in range(len(elements), -1, -1)]
    if kind == enums.GroupingSetKind.GROUPING_SET_CUBE:
        if len(elements) > 12:
            raise ProgramLimitExceeded("CUBE is limited to 12 elements")
        counts = range(len(elements), -1, -1)
        return [_joined(chosen) for count in counts for chosen in itertools.combinations(elements, count)]
    return [()]


def _joined(parts: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    return tuple(itertools.chain.from_iterable(parts))


_NOT_ALLOWED = {"JOIN/ON": "JOIN conditions", "function in FROM": "functions in FROM", "DEFAULT": "DEFAULT expressions"}
_ALLOWED = frozenset(
    {"SELECT", "HAVING", "ORDER BY", "DISTINCT ON", "window PARTITION BY", "window ORDER BY", "QUALIFY"}
)


@binds(ast.GroupingFunc)
def bind_grouping(level: Level, node: Node) -> Expr:
    """GROUPING(…): a column that is known once the groups are."""
    if len(node.args or ()) > ARGUMENTS_MAX:
        raise ProgramLimitExceeded(
            f"GROUPING must have fewer than {ARGUMENTS_MAX + 1} arguments", position=node.location
        )
    args = tuple(bind_expression(level, arg) for arg in node.args or ())
    owner = level.owner(args)
    if owner.in_aggregate is not None:
        raise GroupingError("aggregate function calls cannot be nested", position=node.location)
    if owner.clause not in _ALLOWED:
        clause = _NOT_ALLOWED.get(owner.clause, owner.clause)
        raise GroupingError(f"grouping operations are not allowed in {clause}", position=node.location)
    col = level.binding.col("grouping", INT4)
    owner.groupings.append(GroupingCall(col, args))
    return level.binding.located(Ref(col), node.location)


@dataclass(slots=True)
class GroupingSets(Grouping):
    """The keys of a query with several grouping sets. `sets` name keys by their number in `keys`."""

    sets: list[set[int]] = field(default_factory=list)
    number: Col | None = None

    def add(self, expr: Expr, name: str) -> int:
        """One more GROUP BY expression: two that are equal may be in different sets."""
        self.keys.append((self.key_col(expr, name), expr))
        return len(self.keys) - 1

    def key_col(self, expr: Expr, name: str) -> Col:
        """A column of its own also for a plain one, which aggregates see as it is."""
        binding = self.level.binding
        if isinstance(expr, Ref):
            return binding.col(name, expr.type, expr.col.table_oid, expr.col.attnum)
        return binding.col(name, expr.type)

    def grouped_everywhere(self) -> list[Expr]:
        return [expr for number, (_, expr) in enumerate(self.keys) if all(number in each for each in self.sets)]

    def add_dependent(self, ref: Ref) -> Ref:
        """One more key, in every set, which others decide."""
        col = self.key_col(ref, ref.col.name)
        self.keys.append((col, ref))
        for each in self.sets:
            each.add(len(self.keys) - 1)
        return Ref(col)

    def grouping_value(self, call: GroupingCall) -> Expr:
        numbers = [self.key_number(arg) for arg in call.args]
        masks = [sum((number not in each) << bit for bit, number in enumerate(reversed(numbers))) for each in self.sets]
        if len(set(masks)) == 1:
            return Const(masks[0], INT4)
        whens = [(self._among([i for i, m in enumerate(masks) if m == mask]), Const(mask, INT4)) for mask in set(masks)]
        return Case(tuple(whens[1:]), whens[0][1], INT4)

    def plan(self, plan: Relation) -> Relation:
        calls = tuple((col, call) for call, col in self.level.aggregates.items())
        keyed = [i for i, each in enumerate(self.sets) if each]
        branches = [self._keyed(plan, keyed, calls)] if keyed else []
        branches += [self._whole(plan, i, calls) for i, each in enumerate(self.sets) if not each]
        columns = branches[0].columns
        if len(branches) == 1:
            return branches[0]
        copies = (fresh_copy(branch, self.level.binding.ids)[0] for branch in branches)
        return SetOp("union", True, tuple(copies), columns)

    def _keyed(self, plan: Relation, sets: list[int], calls: tuple[tuple[Col, AggCall], ...]) -> Relation:
        """The groups of all sets that have keys."""
        number = self._number()
        if len(sets) == 1:
            made: Relation = Group(plan, tuple(self._set_keys(sets[0])), calls)
            return self._as_output(made, sets[0], calls)
        binding = self.level.binding
        series = next(each for each in functions_named("generate_series") if each.arguments == ("int4", "int4"))
        copy = binding.col("grouping_set", INT4)
        rows = TableCall(plan, series, (Const(0, INT4), Const(len(sets) - 1, INT4)), (copy,))
        keys = [(number, self._renumbered(copy, sets))]
        keys += [(col, self._shown(i, expr, number, copy, sets)) for i, (col, expr) in enumerate(self.keys)]
        return Group(rows, tuple(keys), calls)

    def _renumbered(self, copy: Col, sets: list[int]) -> Expr:
        """The number of the set that a copy of a row is for."""
        if sets == list(range(len(sets))):
            return Ref(copy)
        whens = tuple((self._equals(copy, i), Const(number, INT4)) for i, number in enumerate(sets))
        return Case(whens[1:], whens[0][1], INT4)

    def _shown(self, key: int, expr: Expr, number: Col, copy: Col, sets: list[int]) -> Expr:
        """A key in the sets that it is in, NULL in the others."""
        inside = [i for i, each in enumerate(sets) if key in self.sets[each]]
        if len(inside) == len(sets):
            return expr
        within = disjunction([self._equals(copy, i) for i in inside])
        return Case(((within, expr),), Const(None, expr.type), expr.type)

    def _set_keys(self, number: int) -> list[tuple[Col, Expr]]:
        return [pair for i, pair in enumerate(self.keys) if i in self.sets[number]]

    def _whole(self, plan: Relation, number: int, calls: tuple[tuple[Col, AggCall], ...]) -> Relation:
        return self._as_output(Group(plan, (), calls), number, calls)

    def _as_output(self, group: Relation, number: int, calls: tuple[tuple[Col, AggCall], ...]) -> Relation:
        """The groups of one set with the columns that those of all sets have."""
        there = {col.id for col in group.columns}
        keys = [(col, Ref(col) if col.id in there else Const(None, col.type)) for col, _ in self.keys]
        kept = [(col, Ref(col)) for col, _ in calls]
        return Project(group, ((self._number(), Const(number, INT4)), *keys, *kept))

    def _number(self) -> Col:
        if self.number is None:
            self.number = self.level.binding.col("grouping_set", INT4)
        return self.number

    def _among(self, sets: list[int]) -> Expr:
        return disjunction([self._equals(self._number(), each) for each in sets])

    def _equals(self, col: Col, value: int) -> Expr:
        return apply_operator(self.level.binding, "=", [Ref(col), Const(value, INT4)], None)
