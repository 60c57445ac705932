"""Joins that choose by time: ASOF JOIN, and FOR SYSTEM_TIME AS OF on the right side of a JOIN."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

from pgstream.catalog.objects import Source, Table
from pgstream.errors import DatatypeMismatch, FeatureNotSupported, UndefinedColumn
from pgstream.plan.expressions import Call, CastExpr, Expr, IsDistinct, Not, Ref
from pgstream.plan.relations import Asof, Filter, Lookup, Project, Relation, Scan, Versions
from pgstream.plan.rewrite import subplans, used
from pgstream.sql.bind.binding import BOOL, Binding
from pgstream.sql.bind.coercion import to_common
from pgstream.sql.bind.dispatch import bind_expression
from pgstream.sql.bind.from_clause import FromItem, is_lateral
from pgstream.sql.bind.names import Level
from pgstream.sql.bind.operators import apply_operator
from pgstream.sql.optimize.predicates import comparison, conjunction, conjuncts, has_subquery, mirrored, refers_only_to
from pgstream.sql.streaming.timed_joins import Timing
from pgstream.sql.temporal import CLOCK, PROCESSING_TIME
from pgstream.types.window import WINDOW_TYPES

Nearer = Literal[">=", ">", "<=", "<"]
Kind = Literal["inner", "left"]


@dataclass(frozen=True, slots=True)
class Sides:
    """The two sides of a join that chooses by time, and how it says so."""

    level: Level
    timing: Timing
    kind: str
    left: FromItem
    right: FromItem

    @property
    def binding(self) -> Binding:
        return self.level.binding

    @property
    def columns(self) -> tuple[frozenset[int], frozenset[int]]:
        """The ids of the columns of each side."""
        left, right = (frozenset(col.id for col in item.plan.columns) for item in (self.left, self.right))
        return left, right

    def refused(self, why: str, part: Expr | None = None, hint: str | None = None) -> FeatureNotSupported:
        place = None if part is None else self.binding.position(part)
        return FeatureNotSupported(why, position=self.timing.position if place is None else place, hint=hint)

    def oriented(self, part: Expr) -> tuple[str, Expr, Expr] | None:
        """A comparison of the two sides with the left one on the left; None for anything else."""
        found, (left, right) = comparison(part), self.columns
        if found is None or not used(found[1]) or not used(found[2]):
            return None
        name, one, other = found
        if refers_only_to(one, right) and refers_only_to(other, left):
            name, one, other = mirrored(name), other, one
        return (name, one, other) if refers_only_to(one, left) and refers_only_to(other, right) else None

    def is_same(self, part: Expr) -> bool:
        """Whether this says of values of both sides that one is not distinct from the other, by type as they are."""
        if not (isinstance(part, Not) and isinstance(part.arg, IsDistinct)):
            return False
        one, other, (left, right) = part.arg.left, part.arg.right, self.columns
        crossing = any(
            used(a) and used(b) and refers_only_to(a, left) and refers_only_to(b, right)
            for a, b in ((one, other), (other, one))
        )
        return crossing and one.type.bare() == other.type.bare()

    def equated(self, one: Expr, other: Expr) -> Expr:
        """The equation of expressions of two sides, in one type."""
        pair, _ = to_common(self.binding, (one, other), "JOIN/ON")
        return apply_operator(self.binding, "=", list(pair), None)

    def checked(self, what: str, condition: Expr | None) -> list[Expr]:
        """The parts of a join's condition. Raises FeatureNotSupported where `what` cannot have such sides."""
        if self.kind not in ("inner", "left"):
            raise self.refused(f"{self.kind.upper()} JOIN is not supported for {what} yet")
        if is_lateral(self.left.plan, self.right.plan):
            raise self.refused(f"LATERAL is not supported for {what} yet")
        parts = list(conjuncts(condition))
        for part in parts:
            if has_subquery(part):
                raise self.refused(f"subqueries are not supported in the condition of {what} yet", part)
        return parts


def asof_join(sides: Sides, condition: Expr | None, match: Expr | None) -> Relation:
    """ASOF JOIN, whose inequality is that of `match`, or else the one in `condition`."""
    parts, found = sides.checked("ASOF JOIN", condition), []
    equations, own = [], []
    for part in [*parts, *conjuncts(match)]:
        compared = sides.oriented(part)
        if compared is not None and compared[0] == "=":
            equations.append(sides.equated(*compared[1:]))
        elif sides.is_same(part):
            equations.append(part)
        elif compared is not None:
            found.append((part, compared))
        else:
            own.append(part)
    if len(found) != 1:
        raise sides.refused(
            "ASOF JOIN needs exactly one comparison of its two sides by >=, >, <= or <", found[1][0] if found else None
        )
    name, time, version = found[0][1]
    (time, version), _ = to_common(sides.binding, (time, version), "ASOF JOIN")
    left, right = sides.columns
    about_right = [part for part in own if left.isdisjoint(used(part)) and not right.isdisjoint(used(part))]
    about_left = [part for part in own if right.isdisjoint(used(part))]
    for part in own:
        if part not in about_right and part not in about_left:
            raise sides.refused("ASOF JOIN compares its two sides by equations and one inequality only", part)
    candidates = conjunction(about_right)
    plan = sides.right.plan if candidates is None else Filter(sides.right.plan, candidates)
    return Asof(
        cast(Kind, sides.kind), sides.left.plan, plan, conjunction(equations), time, version, cast(Nearer, name),
        conjunction(about_left),
    )  # fmt: skip


def temporal_join(sides: Sides, condition: Expr | None) -> Relation:
    """JOIN … FOR SYSTEM_TIME AS OF: by the time at which left rows come, or by one that they have."""
    parts = sides.checked("FOR SYSTEM_TIME AS OF", condition)
    moment = _moment(sides)
    if moment is None:
        return Lookup(cast(Kind, sides.kind), sides.left.plan, sides.right.plan, condition)
    if moment.type.name not in WINDOW_TYPES:
        raise DatatypeMismatch(
            f"FOR SYSTEM_TIME AS OF needs a timestamp, not type {moment.type.bare()}", position=sides.timing.position
        )
    compared = [sides.oriented(part) for part in parts]
    pairs = [each[1:] for each in compared if each is not None and each[0] == "="]
    rest = [part for part, each in zip(parts, compared, strict=True) if each is None or each[0] != "="]
    plan, version, gone = _versioned(sides, [other for _, other in pairs])
    (time, since), _ = to_common(sides.binding, (moment, version), "FOR SYSTEM_TIME AS OF")
    equations = conjunction(sides.equated(*pair) for pair in pairs)
    residual = conjunction([*gone, *rest])
    kind = cast(Kind, sides.kind)
    made = Asof(kind, sides.left.plan, plan, equations, time, since, ">=", residual, waits=True)
    wanted = sides.left.plan.columns + sides.right.plan.columns
    return made if made.columns == wanted else Project(made, tuple((col, Ref(col)) for col in wanted))


def _moment(sides: Sides) -> Expr | None:
    """The moment of the left row after AS OF; None where that is when the row comes."""
    if sides.timing.moment is None:
        raise _past(sides)
    level, binding = sides.level, sides.binding
    items, notes = level.items, (len(binding.volatile), len(binding.ambient))
    level.items = sides.left.names
    try:
        bound = bind_expression(level, sides.timing.moment)
    finally:
        level.items = items
    del binding.volatile[notes[0] :], binding.ambient[notes[1] :]
    found = _definition(sides.left.plan, bound)
    while isinstance(found, CastExpr):
        found = found.arg
    if isinstance(found, Call) and not found.args and found.function.name in (*CLOCK, PROCESSING_TIME):
        return None
    if not used(bound) or not refers_only_to(bound, sides.columns[0]):
        raise _past(sides)
    return bound


def _past(sides: Sides) -> FeatureNotSupported:
    return sides.refused(
        "FOR SYSTEM_TIME AS OF a moment that is not of the left row is not supported yet",
        hint="Write PROCTIME() for what is there when the row comes, or a timestamp column of the left side.",
    )


def _definition(plan: Relation, expr: Expr) -> Expr:
    """What a column of `plan` is computed by."""
    defined = {col.id: own for part in subplans(plan) if isinstance(part, Project) for col, own in part.outputs}
    while isinstance(expr, Ref) and defined.get(expr.col.id, expr) != expr:
        expr = defined[expr.col.id]
    return expr


def _versioned(sides: Sides, equated: list[Expr]) -> tuple[Relation, Expr, list[Expr]]:
    """The versions of the right side's rows, since when each is valid, and the condition that it is not of a row that
    is gone. `equated` is what of the right side is compared with the left one."""
    [item], plan = sides.right.names, sides.right.plan
    table = item.table
    if not isinstance(plan, Scan) or not isinstance(table, Source | Table):
        raise sides.refused(
            "FOR SYSTEM_TIME AS OF a column is only supported for tables and sources",
            hint="For a view write PROCTIME(), or an ASOF JOIN.",
        )
    time = _time_of(sides, table, plan)
    key = _key_of(table)
    if not key:
        return plan, Ref(time), []
    named = {part.col.id for part in equated if isinstance(part, Ref)}
    if any(plan.columns[position].id not in named for position in key):
        columns = ", ".join(f'"{plan.columns[position].name}"' for position in key)
        raise sides.refused(
            f'FOR SYSTEM_TIME AS OF a column needs the condition to equate the primary key of "{table.name}": {columns}'
        )
    gone = sides.binding.col("gone", BOOL)
    return Versions(plan, tuple(plan.columns[position] for position in key), time, gone), Ref(time), [Not(Ref(gone))]


def _key_of(table: Source | Table) -> tuple[int, ...]:
    if isinstance(table, Source):
        return table.row_key
    return () if table.append_only or table.primary_key is None else table.primary_key.columns


def _time_of(sides: Sides, table: Source | Table, plan: Scan) -> Any:
    """The column that says since when a row is valid: the one with a watermark, else the only timestamp."""
    if table.watermark is not None:
        return plan.columns[table.watermark.column]
    found = list(_timestamps(plan))
    if len(found) != 1:
        raise UndefinedColumn(
            f'FOR SYSTEM_TIME AS OF a column needs to know since when a row of "{table.name}" is valid',
            hint="Declare WATERMARK FOR the column that says so.",
            position=sides.timing.position,
        )
    return found[0]


def _timestamps(plan: Scan) -> Iterator[Any]:
    return (col for col in plan.columns if col.type.name in WINDOW_TYPES)


Binds = Callable[[Any], Expr]
"""Binds a condition over both sides of a join."""


def timed_join(sides: Sides, condition: Expr | None, binds: Binds) -> Relation:
    """The join that `sides` says, under `condition`."""
    if not sides.timing.asof:
        return temporal_join(sides, condition)
    match = None if sides.timing.match is None else binds(sides.timing.match)
    return asof_join(sides, condition, match)
