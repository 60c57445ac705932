"""Random bound plans with subqueries at any place and depth, for the optimizer's property tests.

All tables have the columns of `TABLES`, all values are small integers or NULL. Every TopN orders by all columns, so
that ties are between equal rows and a plan has one answer.
"""

from __future__ import annotations

import random
from typing import Literal

from pgstream.functions.registry import AGGREGATES, OPERATORS, WINDOW_FUNCTIONS, Aggregate
from pgstream.plan import expressions as ex
from pgstream.plan import relations as rel
from pgstream.plan.expressions import AggCall, Call, Col, Const, Expr, Ref, SortKey, Subquery
from pgstream.plan.relations import Relation
from pgstream.plan.rewrite import ColIds
from pgstream.types.definition import SqlType

INT, BIG, BOOL = SqlType("int4"), SqlType("int8"), SqlType("bool")
TABLES = {1: ("t1", ("a", "b")), 2: ("t2", ("c", "d", "e")), 3: ("t3", ("f",))}

Rows = dict[int, list[tuple[int | None, ...]]]


def random_rows(rng: random.Random) -> Rows:
    """Contents for `TABLES`, with NULLs and duplicates, often empty."""
    pool = (None, 0, 1, 1, 2, 3)
    return {
        oid: [tuple(rng.choice(pool) for _ in names) for _ in range(rng.choice((0, 1, 3, 4)))]
        for oid, (_, names) in TABLES.items()
    }


def operator(name: str, left: Expr, right: Expr) -> Call:
    """`left name right` for integers."""
    types = (left.type.name, right.type.name)
    found = next(o for o in OPERATORS[name] if (o.left, o.right) == types)
    return Call(found.function, (left, right), SqlType(found.result))


class PlanMaker:
    """Makes plans out of one random generator; `scope` is always the columns of the queries around."""

    SHAPES = (
        *("scan", "filter", "filter", "filter", "project", "join", "join", "group", "group"),
        *("distinct", "set_operation", "top", "window", "lateral", "values"),
    )

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.ids = ColIds(1)

    def scan(self) -> Relation:
        oid = self.rng.choice(list(TABLES))
        name, names = TABLES[oid]
        columns = tuple(self.ids.fresh(column, INT) for column in names)
        return rel.Scan(oid, name, columns, tuple(range(len(names))))

    def relation(self, scope: tuple[Col, ...], depth: int) -> Relation:
        """Any relation, which may depend on `scope`."""
        if depth <= 0:
            return self.scan()
        made = self.rng.choice(self.SHAPES)
        return self.scan() if made == "scan" else getattr(self, made)(scope, depth)

    def filter(self, scope: tuple[Col, ...], depth: int) -> Relation:
        input = self.relation(scope, depth - 1)
        return rel.Filter(input, self.predicate(input.columns, scope, depth))

    def project(self, scope: tuple[Col, ...], depth: int) -> Relation:
        input = self.relation(scope, depth - 1)
        count = self.rng.randint(1, 3)
        exprs = [self.number(input.columns, scope, depth) for _ in range(count)]
        outputs: list[tuple[Col, Expr]] = [(self.ids.fresh("p", expr.type), expr) for expr in exprs]
        if input.columns and self.rng.random() < 0.5:
            col = self.rng.choice(input.columns)
            outputs.append((col, Ref(col)))
        return rel.Project(input, tuple(outputs))

    def join(self, scope: tuple[Col, ...], depth: int) -> Relation:
        left, right = self.relation(scope, depth - 1), self.relation(scope, depth - 2)
        kind = self.rng.choice(("inner", "inner", "left", "right", "full", "semi", "anti"))
        columns = left.columns + right.columns
        nested = 0 if kind == "full" else depth - 1
        condition = self.predicate(columns, scope, nested) if kind != "inner" or self.rng.random() < 0.8 else None
        return rel.Join(kind, left, right, condition)  # type: ignore[arg-type]

    def lateral(self, scope: tuple[Col, ...], depth: int) -> Relation:
        left = self.relation(scope, depth - 2)
        right = self.relation(scope + left.columns, depth - 1)
        kind: Literal["inner", "left"] = self.rng.choice(("inner", "left"))
        condition = None
        if self.rng.random() < 0.4:
            condition = self.predicate(left.columns + right.columns, scope, depth - 2)
        return rel.Apply(kind, left, right, condition)

    def group(self, scope: tuple[Col, ...], depth: int) -> Relation:
        input = self.relation(scope, depth - 1)
        keys = [self.number(input.columns, scope, 0) for _ in range(self.rng.choice((0, 0, 1, 2)))]
        aggregates = []
        for _ in range(self.rng.randint(1 if not keys else 0, 2)):
            call = self.aggregate(input.columns, scope, depth)
            aggregates.append((self.ids.fresh("g", call.type), call))
        return rel.Group(input, tuple((self.ids.fresh("k", key.type), key) for key in keys), tuple(aggregates))

    def aggregate(self, columns: tuple[Col, ...], scope: tuple[Col, ...], depth: int) -> AggCall:
        where = self.predicate(columns, scope, depth - 2) if self.rng.random() < 0.2 else None
        if self.rng.random() < 0.3:
            return AggCall(aggregate_of("count", ()), (), BIG, filter=where)
        arg = self.number(columns, scope, depth - 1)
        name = self.rng.choice(("count", "max", "min"))
        type = BIG if name == "count" else arg.type
        return AggCall(aggregate_of(name, (arg,)), (arg,), type, self.rng.random() < 0.3, where)

    def distinct(self, scope: tuple[Col, ...], depth: int) -> Relation:
        return rel.Distinct(self.relation(scope, depth - 1))

    def set_operation(self, scope: tuple[Col, ...], depth: int) -> Relation:
        kind: Literal["union", "intersect", "except"] = self.rng.choice(("union", "intersect", "except"))
        width = self.rng.randint(1, 2)
        inputs = tuple(self.of_width(width, scope, depth - 1) for _ in range(2))
        columns = tuple(self.ids.fresh("s", INT) for _ in range(width))
        return rel.SetOp(kind, self.rng.random() < 0.5, inputs, columns)

    def of_width(self, width: int, scope: tuple[Col, ...], depth: int) -> Relation:
        input = self.relation(scope, depth)
        picked = [self.leaf(input.columns, scope) for _ in range(width)]
        ints = [expr if expr.type == INT else Const(self.rng.randint(0, 3), INT) for expr in picked]
        return rel.Project(input, tuple((self.ids.fresh("w", INT), expr) for expr in ints))

    def top(self, scope: tuple[Col, ...], depth: int) -> Relation:
        input = self.relation(scope, depth - 1)
        partition = (self.leaf(input.columns, scope),) if self.rng.random() < 0.4 else ()
        offset = Const(1, BIG) if self.rng.random() < 0.2 else None
        return rel.TopN(input, partition, self.total_order(input), Const(self.rng.randint(0, 2), BIG), offset)

    def total_order(self, input: Relation) -> tuple[SortKey, ...]:
        down = self.rng.random() < 0.5
        return tuple(SortKey(Ref(col), down, down) for col in input.columns)

    def window(self, scope: tuple[Col, ...], depth: int) -> Relation:
        input = self.relation(scope, depth - 1)
        partition = (self.leaf(input.columns, scope),) if self.rng.random() < 0.6 else ()
        if "row_number" in WINDOW_FUNCTIONS and self.rng.random() < 0.6:
            number = WINDOW_FUNCTIONS["row_number"][0]
            call = ex.WindowCall(number, (), BIG, partition, self.total_order(input))
        else:
            call = ex.WindowCall(aggregate_of("count", ()), (), BIG, partition, ())
        return rel.Window(input, ((self.ids.fresh("n", BIG), call),))

    def values(self, scope: tuple[Col, ...], depth: int) -> Relation:
        rows = tuple((self.leaf((), scope, INT),) for _ in range(self.rng.randint(1, 3)))
        return rel.Values((self.ids.fresh("v", INT),), rows)

    def leaf(self, columns: tuple[Col, ...], scope: tuple[Col, ...], type: SqlType | None = None) -> Expr:
        pool = [col for col in (scope if self.rng.random() < 0.3 else columns) if type in (None, col.type)]
        if not pool or self.rng.random() < 0.1:
            return Const(self.rng.choice((None, 0, 1, 2)), INT)
        return Ref(self.rng.choice(pool))

    def number(self, columns: tuple[Col, ...], scope: tuple[Col, ...], depth: int) -> Expr:
        pick = self.rng.random()
        if depth <= 0 or pick < 0.5:
            return self.leaf(columns, scope)
        if pick < 0.65:
            return operator("+", self.leaf(columns, scope), self.leaf(columns, scope))
        if pick < 0.8:
            value = self.scalar(columns + scope, depth - 1)
            return ex.Case(((self.predicate(columns, scope, 0), value),), Const(None, value.type), value.type)
        return self.scalar(columns + scope, depth - 1)

    def scalar(self, scope: tuple[Col, ...], depth: int) -> Expr:
        """A scalar subquery that gives at most one row."""
        query = self.relation(scope, depth)
        if self.rng.random() < 0.5:
            call = self.aggregate(query.columns, scope, 0)
            query = rel.Group(query, (), ((self.ids.fresh("g", call.type), call),))
        else:
            query = self.of_width(1, scope, depth)
            query = rel.TopN(query, (), self.total_order(query), Const(1, BIG))
        return Subquery("scalar", query, query.columns[0].type)

    def predicate(self, columns: tuple[Col, ...], scope: tuple[Col, ...], depth: int) -> Expr:
        pick = self.rng.random()
        if depth > 0 and pick < 0.35:
            return self.quantified(columns, scope, depth - 1)
        if depth > 0 and pick < 0.5:
            parts = tuple(self.predicate(columns, scope, depth - 1) for _ in range(2))
            return self.rng.choice((ex.And, ex.Or))(parts)
        if depth > 0 and pick < 0.6:
            return ex.Not(self.predicate(columns, scope, depth - 1))
        left, right = self.leaf(columns, scope), self.leaf(columns, scope)
        if pick < 0.65:
            return ex.IsNull(left)
        if depth > 0 and pick < 0.7:
            right = self.number(columns, scope, depth - 1)
        return operator(self.rng.choice(("=", "=", "=", "<", ">=", "<>")), left, right)

    def quantified(self, columns: tuple[Col, ...], scope: tuple[Col, ...], depth: int) -> Expr:
        query = self.relation(columns + scope, depth)
        kind: Literal["exists", "any", "all"] = self.rng.choice(("exists", "any", "any", "all"))
        if kind == "exists" or not query.columns:
            found: Expr = Subquery("exists", query, BOOL)
        else:
            name = self.rng.choice(("=", "=", "<", "<>"))
            test: Expr = operator(name, self.leaf(columns, scope), Ref(self.rng.choice(query.columns)))
            if self.rng.random() < 0.2:
                test = ex.And((test, operator("=", self.leaf(columns, scope), Ref(self.rng.choice(query.columns)))))
            found = Subquery(kind, query, BOOL, test)
        return ex.Not(found) if self.rng.random() < 0.3 else found


def aggregate_of(name: str, args: tuple[Expr, ...]) -> Aggregate:
    """The overload of an aggregate for integer arguments."""
    names = tuple(arg.type.name for arg in args)
    overloads = AGGREGATES[name]
    exact = [found for found in overloads if found.arguments == names]
    return exact[0] if exact else next(found for found in overloads if len(found.arguments) == len(args) and args)
