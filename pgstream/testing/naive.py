"""Plans evaluated by the book: nested loops over Python rows, subqueries run anew for every row.

The slow reference that optimizer rules are tested against. Scalar functions go through the real evaluator, a row at a
time; everything relational is spelled out here. Rows are tuples of values in their types' Python forms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from pgstream.errors import CardinalityViolation
from pgstream.functions.calling import column_from, python_values
from pgstream.functions.maintained import Extreme, Fold, Foremost, Linear
from pgstream.functions.registry import Aggregate, BoundCall, EvalContext, Function
from pgstream.plan import expressions as ex
from pgstream.plan import relations as rel
from pgstream.plan import rewrite
from pgstream.plan.evaluate import evaluate
from pgstream.plan.expressions import AggCall, Const, Expr, SortKey
from pgstream.plan.relations import Relation

Row = tuple[Any, ...]
Env = dict[int, Any]
Tables = Mapping[int, Sequence[Row]]
"""By OID the rows of each stored relation, all stored columns."""


def key_of(value: Any) -> Any:
    """A hashable stand-in that is equal for what SQL calls equal; NULL equals NULL."""
    if isinstance(value, list | tuple):
        return tuple(key_of(item) for item in value)
    return "NaN" if value != value else value


@dataclass(frozen=True)
class Naive:
    """The stored rows that plans are evaluated over."""

    tables: Tables
    context: EvalContext
    computed: dict[str, Any] = field(default_factory=dict)
    """Constant expressions that were evaluated before."""

    def rows(self, relation: Relation, env: Env | None = None) -> list[Row]:
        """The rows of `relation`; `env` holds the values of the columns around it, by Col.id."""
        ids = [col.id for col in relation.columns]
        return [tuple(row[id] for id in ids) for row in self._envs(relation, env or {})]

    def _envs(self, node: Relation, env: Env) -> list[Env]:
        """Each row as the values of all columns visible there: its own, and those of `env`."""
        match node:
            case rel.Scan(oid, _, columns, positions):
                places = [(col.id, at) for col, at in zip(columns, positions, strict=True)]
                return [env | {id: row[at] for id, at in places} for row in self.tables[oid]]
            case rel.Values(columns, tuples):
                return [env | self._row(columns, values, env) for values in tuples]
            case rel.Project(input, outputs):
                cols, exprs = tuple(c for c, _ in outputs), tuple(e for _, e in outputs)
                return [row | self._row(cols, exprs, row) for row in self._envs(input, env)]
            case rel.Filter(input, predicate):
                return [row for row in self._envs(input, env) if self.value(predicate, row) is True]
            case rel.Sort(input, order):
                return self._ordered(self._envs(input, env), order)
            case rel.Distinct(input):
                return list({self._key(row, input): row for row in reversed(self._envs(input, env))}.values())
        return self._OPERATIONS[type(node)](self, node, env)

    def _single(self, node: rel.AssertSingle, env: Env) -> list[Env]:
        rows = self._envs(node.input, env)
        counts = Counter(tuple(key_of(row[c.id]) for c in node.key) for row in rows)
        if any(count > 1 for count in counts.values()):
            raise CardinalityViolation("more than one row returned by a subquery used as an expression")
        return rows

    def _row(self, columns: Iterable[ex.Col], values: Iterable[Expr], env: Env) -> Env:
        return {col.id: self.value(expr, env) for col, expr in zip(columns, values, strict=True)}

    def _key(self, row: Env, relation: Relation) -> Row:
        return tuple(key_of(row[col.id]) for col in relation.columns)

    def _join(self, node: rel.Join, env: Env) -> list[Env]:
        left, right = self._envs(node.left, env), self._envs(node.right, env)
        pairs = [
            (i, j)
            for i, ours in enumerate(left)
            for j, theirs in enumerate(right)
            if node.condition is None or self.value(node.condition, ours | theirs) is True
        ]
        matched_left, matched_right = {i for i, _ in pairs}, {j for _, j in pairs}
        if node.kind in ("semi", "anti"):
            return [row for i, row in enumerate(left) if (i in matched_left) == (node.kind == "semi")]
        joined = [left[i] | right[j] for i, j in pairs]
        if node.kind in ("left", "full"):
            nulls = {col.id: None for col in node.right.columns}
            joined += [row | nulls for i, row in enumerate(left) if i not in matched_left]
        if node.kind in ("right", "full"):
            nulls = {col.id: None for col in node.left.columns}
            joined += [row | nulls for j, row in enumerate(right) if j not in matched_right]
        return joined

    def _asof(self, node: rel.Asof, env: Env) -> list[Env]:
        found = []
        rights = self._envs(node.right, env)
        for row in self._envs(node.left, env):
            pairs = self._candidates(node, row, rights)
            order = SortKey(node.version, node.nearer in (">=", ">"))
            best = self._ordered(pairs, (order,))[:1]
            if node.residual is not None:
                best = [pair for pair in best if self.value(node.residual, pair) is True]
            nulls = [row | {col.id: None for col in node.right.columns}] if node.kind == "left" else []
            found += best or nulls
        return found

    def _candidates(self, node: rel.Asof, row: Env, rights: list[Env]) -> list[Env]:
        """The right rows among which an ASOF join chooses, each with the left row."""
        pairs = [row | right for right in rights]
        if node.condition is not None:
            pairs = [pair for pair in pairs if self.value(node.condition, pair) is True]
        found = []
        for pair in pairs:
            time, version = self.value(node.time, pair), self.value(node.version, pair)
            if time is None or version is None:
                continue
            one, other = self._sortable(time, node.time)[0], self._sortable(version, node.version)[0]
            later = one > other if node.nearer in (">", ">=") else one < other
            if later or (one == other and node.nearer in (">=", "<=")):
                found.append(pair)
        return found

    def _lookup(self, node: rel.Lookup, env: Env) -> list[Env]:
        return self._join(rel.Join(node.kind, node.left, node.right, node.condition), env)

    def _apply(self, node: rel.Apply, env: Env) -> list[Env]:
        found = []
        for row in self._envs(node.left, env):
            rights = [row | right for right in self._envs(node.right, row)]
            tests = [True if node.condition is None else self.value(node.condition, right) for right in rights]
            matches = [right for right, test in zip(rights, tests, strict=True) if test is True]
            if node.mark is not None:
                found.append(row | {node.mark.id: True if matches else None if None in tests else False})
            elif node.kind in ("semi", "anti"):
                found += [row] if bool(matches) == (node.kind == "semi") else []
            else:
                if node.kind == "single" and len(matches) > 1:
                    raise CardinalityViolation("more than one row returned by a subquery used as an expression")
                nulls = [row | {col.id: None for col in node.right.columns}] if node.kind != "inner" else []
                found += matches or nulls
        return found

    def _group(self, node: rel.Group, env: Env) -> list[Env]:
        groups: dict[Row, list[Env]] = {} if node.keys else {(): []}
        firsts: dict[Row, Env] = {(): {}}
        columns, values = tuple(c for c, _ in node.keys), tuple(e for _, e in node.keys)
        for row in self._envs(node.input, env):
            computed = self._row(columns, values, row)
            key = tuple(key_of(value) for value in computed.values())
            firsts.setdefault(key, computed)
            groups.setdefault(key, []).append(row)
        return [
            env | firsts[key] | {col.id: self._aggregate(call, rows) for col, call in node.aggregates}
            for key, rows in groups.items()
        ]

    def _aggregate(self, call: AggCall, rows: list[Env]) -> Any:
        """The aggregate over `rows`, by its declaration."""
        if call.filter is not None:
            rows = [row for row in rows if self.value(call.filter, row) is True]
        rows = self._ordered(rows, call.order)
        tuples = [tuple(self.value(arg, row) for arg in call.args) for row in rows]
        if call.aggregate.strict and call.args:
            tuples = [values for values in tuples if values[0] is not None]
        if call.distinct:
            tuples = list({key_of(values): values for values in tuples}.values())
        maintained = call.aggregate.maintained
        if isinstance(maintained, Fold):
            maintained = maintained.whole
        if isinstance(maintained, Extreme):
            present = [self._sortable(values[0], call.args[0]) for values in tuples if values[0] is not None]
            pick = max if maintained.descending else min
            return pick(present)[1] if present else None
        assert not isinstance(maintained, Foremost), "what row comes first is left open"
        types = tuple(arg.type for arg in call.args)
        columns = tuple(column_from([t[i] for t in tuples], type) for i, type in enumerate(types))
        if isinstance(maintained, Linear):
            parts = maintained.contribute(*(columns or (len(tuples),)))
            result = maintained.finish(*(np.array([part.sum()], np.int64) for part in parts))
        elif not tuples:
            return None
        else:
            bound = BoundCall(types, call.type, self.context)
            result = maintained.over_groups(bound, columns, np.array([0, len(tuples)], np.int64))
        return python_values(result, call.type)[0]

    def _sortable(self, value: Any, expr: Expr) -> tuple[bytes, Any]:
        form = expr.type.definition.order_key
        assert form is not None
        return form(column_from([value], expr.type))[0].as_py(), value

    def _ordered(self, rows: list[Env], order: tuple[SortKey, ...]) -> list[Env]:
        """A stable sort of `rows`."""
        for key in reversed(order):
            values = [self.value(key.expr, row) for row in rows]
            nulls = [row for row, value in zip(rows, values, strict=True) if value is None]
            rest = [(self._sortable(v, key.expr)[0], r) for r, v in zip(rows, values, strict=True) if v is not None]
            rest.sort(key=lambda pair: pair[0], reverse=key.descending)
            ordered = [row for _, row in rest]
            rows = nulls + ordered if key.nulls_first else ordered + nulls
        return rows

    def _set_operation(self, node: rel.SetOp, env: Env) -> list[Env]:
        sides = [self.rows(input, env) for input in node.inputs]
        representation = {key_of(row): row for rows in reversed(sides) for row in reversed(rows)}
        counts = [Counter(key_of(row) for row in rows) for rows in sides]
        total = counts[0]
        for count in counts[1:]:
            if node.kind == "union":
                total = total + count
            elif node.kind == "intersect":
                total = total & count
            elif node.all:
                total = total - count
            else:
                total = Counter(key for key in total if key not in count)
        kept = total.elements() if node.all else total
        return [env | dict(zip([c.id for c in node.columns], representation[key], strict=True)) for key in kept]

    def _partitions(self, rows: list[Env], partition: tuple[Expr, ...], order: tuple[SortKey, ...]) -> list[list[Env]]:
        parts: dict[Row, list[Env]] = {}
        for row in sorted(rows, key=lambda row: repr(sorted(row.items()))):
            parts.setdefault(tuple(key_of(self.value(expr, row)) for expr in partition), []).append(row)
        return [self._ordered(part, order) for part in parts.values()]

    def _top(self, node: rel.TopN, env: Env) -> list[Env]:
        skipped = (self.value(node.offset, env) if node.offset is not None else 0) or 0
        limit = self.value(node.limit, env) if node.limit is not None else None
        end = None if limit is None else skipped + limit
        parts = self._partitions(self._envs(node.input, env), node.partition, node.order)
        return [row for part in parts for row in part[skipped:end]]

    def _window(self, node: rel.Window, env: Env) -> list[Env]:
        rows = self._envs(node.input, env)
        for col, call in node.calls:
            parts = self._partitions(rows, call.partition, call.order)
            rows = [
                row | {col.id: value} for part in parts for row, value in zip(part, self._over(call, part), strict=True)
            ]
        return rows

    def _over(self, call: ex.WindowCall, part: list[Env]) -> list[Any]:
        """One call over a partition in order: row_number, rank, dense_rank, or an aggregate up to the last peer."""
        keys = [tuple(key_of(self.value(key.expr, row)) for key in call.order) for row in part]
        first = {key: index for index, key in reversed(list(enumerate(keys)))}
        if call.function.name == "row_number":
            return list(range(1, len(part) + 1))
        if call.function.name == "rank":
            return [first[key] + 1 for key in keys]
        if call.function.name == "dense_rank":
            return [sorted(first.values()).index(first[key]) + 1 for key in keys]
        assert isinstance(call.function, Aggregate), call.function.name
        assert call.frame == ex.Frame() or call.frame.end == "unbounded"
        aggregate = AggCall(call.function, call.args, call.type, filter=call.filter)
        last = {key: index + 1 for index, key in enumerate(keys)}
        whole = call.frame.end == "unbounded"
        return [self._aggregate(aggregate, part if whole else part[: last[key]]) for key in keys]

    def _table_call(self, node: rel.TableCall, env: Env) -> list[Env]:
        found = []
        outputs = node.outputs if node.ordinality is None else (*node.outputs, node.ordinality)
        for row in self._envs(node.input, env):
            given = self._called(node.function, node.args, [c.type for c in node.outputs], row)
            if node.ordinality is not None:
                given = [(*values, number) for number, values in enumerate(given, 1)]
            if not given and node.outer:
                given = [(None,) * len(outputs)]
            found += [row | dict(zip([c.id for c in outputs], values, strict=True)) for values in given]
        return found

    def _called(self, function: Function, args: tuple[Expr, ...], types: list[Any], row: Env) -> list[Row]:
        values = [self.value(arg, row) for arg in args]
        if function.strict and None in values:
            return []
        columns = [column_from([value], arg.type) for value, arg in zip(values, args, strict=True)]
        bound = BoundCall(tuple(arg.type for arg in args), types[0], self.context)
        _, made = function.kernel(*((bound,) if function.bound else ()), *columns)
        return list(zip(*(python_values(column, type) for column, type in zip(made, types, strict=True)), strict=True))

    def value(self, expr: Expr, env: Env) -> Any:
        """`expr` over one row."""
        match expr:
            case ex.Ref(col):
                return env[col.id]
            case ex.Const(value):
                return value
            case ex.Subquery():
                return self._subquery(expr, env)
            case ex.Case(whens, otherwise):
                chosen = next((result for test, result in whens if self.value(test, env) is True), otherwise)
                return self.value(chosen, env)
            case ex.Coalesce(args):
                values = (self.value(arg, env) for arg in args)
                return next((value for value in values if value is not None), None)
            case ex.And(args) | ex.Or(args):
                return self._connected((self.value(arg, env) for arg in args), isinstance(expr, ex.Or))
            case ex.Not(arg):
                value = self.value(arg, env)
                return None if value is None else not value
            case ex.IsNull(arg):
                return self.value(arg, env) is None
            case ex.IsBool(arg, wanted):
                return self.value(arg, env) is wanted
            case ex.IsDistinct(left, right):
                return key_of(self.value(left, env)) != key_of(self.value(right, env))
        return self._computed(expr, env)

    def _computed(self, expr: Expr, env: Env) -> Any:
        """A call and its like, by the real evaluator over constants."""
        operands: list[Expr] = [Const(self.value(operand, env), operand.type) for operand in rewrite.operands(expr)]
        constant = rewrite.map_operands(expr, lambda _: operands.pop(0))
        known = repr(constant)
        if known not in self.computed:
            self.computed[known] = python_values(evaluate(constant, {}, 1, self.context), expr.type)[0]
        return self.computed[known]

    def _connected(self, values: Iterable[Any], decisive: bool) -> Any:
        seen = set()
        for value in values:
            if value is decisive:
                return decisive
            seen.add(value)
        return None if None in seen else not decisive

    def _subquery(self, expr: ex.Subquery, env: Env) -> Any:
        rows = self._envs(expr.query, env)
        if expr.kind == "exists":
            return bool(rows)
        if expr.kind in ("any", "all"):
            assert expr.test is not None
            test = expr.test
            return self._connected((self.value(test, env | row) for row in rows), expr.kind == "any")
        id = expr.query.columns[0].id
        if expr.kind == "array":
            return [row[id] for row in rows]
        if len(rows) > 1:
            raise CardinalityViolation("more than one row returned by a subquery used as an expression")
        return rows[0][id] if rows else None

    _OPERATIONS: ClassVar[dict[type, Callable[..., list[Env]]]] = {
        rel.Join: _join,
        rel.Asof: _asof,
        rel.Lookup: _lookup,
        rel.Apply: _apply,
        rel.AssertSingle: _single,
        rel.Group: _group,
        rel.SetOp: _set_operation,
        rel.TopN: _top,
        rel.Window: _window,
        rel.TableCall: _table_call,
    }


def multiset(rows: Iterable[Row]) -> Counter[Row]:
    """Rows and how often each stands there, by SQL equality."""
    return Counter(tuple(key_of(value) for value in row) for row in rows)
