"""Every lowered relation, maintained over random insertions and retractions, equals its model at every tick."""

import pytest
from hypothesis import given, settings
from operator_harness import (
    AK,
    AS,
    AV,
    BK,
    BV,
    INT8,
    OPERATORS,
    TEXT,
    A,
    B,
    agg,
    asc,
    binary,
    check,
    const,
    desc,
    histories,
    sort_key,
)

from pgstream.plan import relations as rel
from pgstream.plan.expressions import And, Col, IsDistinct, Not, Ref
from pgstream.testing.zset import Row, ZSet

few = settings(max_examples=40, deadline=None)
History = list[tuple[ZSet, ZSet]]

PLUS = Col(101, "p", INT8)


def _null_add(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


@few
@given(histories())
def test_project_over_filter(history: History) -> None:
    source = rel.Filter(A, binary(">", AV, const(1)))
    plan = rel.Project(source, ((PLUS, binary("+", AK, AV)), (Col(102, "s", TEXT), AS)))
    check(plan, lambda a, b: a.filter(lambda r: (r[1] or 0) > 1).map(lambda r: (_null_add(r[0], r[1]), r[2])), history)


EQUAL = binary("=", AK, BK)
LESS = binary("<", AV, BV)


def _equal(a: Row, b: Row) -> bool:
    return a[0] is not None and a[0] == b[0]


def _less(a: Row, b: Row) -> bool:
    return a[1] is not None and b[1] is not None and a[1] < b[1]


CONDITIONS = {
    "key": (EQUAL, _equal),
    "key and residual": (And((EQUAL, LESS)), lambda a, b: _equal(a, b) and _less(a, b)),
    "residual": (LESS, _less),
    "none": (None, lambda a, b: True),
    "null safe": (
        Not(IsDistinct(AK, BK, next(o.function for o in OPERATORS["="] if o.left == o.right == "int8"))),
        lambda a, b: a[0] == b[0],
    ),
    "one side": (binary("=", AV, const(1)), lambda a, b: a[1] == 1),
}


def _join_model(kind: str, matches):  # type: ignore[no-untyped-def]
    def model(a: ZSet, b: ZSet) -> ZSet:
        inner = a.join(b, matches)
        left = a.filter(lambda r: any(matches(r, other) for other, _ in b.items()))
        right = b.filter(lambda r: any(matches(other, r) for other, _ in a.items()))
        nulls = (None, None, None)
        lefts = (a - left).map(lambda r: r + nulls)
        rights = (b - right).map(lambda r: nulls + r)
        return {
            "inner": inner,
            "semi": left,
            "anti": a - left,
            "left": inner + lefts,
            "right": inner + rights,
            "full": inner + lefts + rights,
        }[kind]

    return model


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("kind", ["inner", "left", "right", "full", "semi", "anti"])
@settings(max_examples=20, deadline=None)
@given(histories())
def test_joins(kind: str, condition: str, history: History) -> None:
    expr, matches = CONDITIONS[condition]
    check(rel.Join(kind, A, B, expr), _join_model(kind, matches), history)  # type: ignore[arg-type]


KEY = Col(201, "k", INT8)


def _values(rows: ZSet, place: int) -> list[int]:
    return [r[place] for r in rows.copies() if r[place] is not None]


def _aggregates(rows: ZSet) -> Row:
    v = _values(rows, 1)
    texts = sorted(r[2] for r in rows.copies() if r[2] is not None)
    return (
        len(rows.copies()),
        str(sum(v)) if v else None,
        min(v, default=None),
        max(texts, default=None),
        len(set(v)),
        str(sum(set(v))) if v else None,
        sum(1 for r in rows.copies() if r[1] == 1),
        max([x for x in v if x < 3], default=None),
    )


CALLS = (
    agg("count"),
    agg("sum", AV),
    agg("min", AV),
    agg("max", AS),
    agg("count", AV, types=("any",), distinct=True),
    agg("sum", AV, distinct=True),
    agg("count", filter=binary("=", AV, const(1))),
    agg("max", AV, filter=binary("<", AV, const(3))),
)
CALL_COLUMNS = tuple((Col(210 + i, f"a{i}", call.type), call) for i, call in enumerate(CALLS))


@pytest.mark.parametrize("growing", [False, True])
def test_group(growing: bool) -> None:
    @few
    @given(histories(growing))
    def run(history: History) -> None:
        plan = rel.Group(A, ((KEY, AK),), CALL_COLUMNS)
        model = lambda a, b: ZSet.of(*(k + _aggregates(g) for k, g in a.groups(lambda r: r[:1]).items()))  # noqa: E731
        check(plan, model, history, growing)

    run()


@pytest.mark.parametrize("growing", [False, True])
def test_group_without_keys_always_has_one_row(growing: bool) -> None:
    @few
    @given(histories(growing))
    def run(history: History) -> None:
        check(rel.Group(A, (), CALL_COLUMNS), lambda a, b: ZSet.of(_aggregates(a)), history, growing)

    run()


@few
@given(histories())
def test_group_by_keys_alone(history: History) -> None:
    check(rel.Group(A, ((KEY, AK),), ()), lambda a, b: ZSet.of(*{r[:1] for r, _ in a.items()}), history)


@pytest.mark.parametrize("growing", [False, True])
def test_distinct(growing: bool) -> None:
    @few
    @given(histories(growing))
    def run(history: History) -> None:
        source = rel.Project(A, ((KEY, AK), (PLUS, AV)))
        check(rel.Distinct(source), lambda a, b: ZSet.of(*{r[:2] for r, _ in a.items()}), history, growing)

    run()


def _set_model(kind: str, all: bool, a: ZSet, b: ZSet) -> ZSet:
    if kind == "union":
        both = a + b
        return both if all else ZSet.of(*(r for r, _ in both.items()))
    if kind == "intersect":
        found = {r: min(w, b.weight(r)) for r, w in a.items()}
    elif all:
        found = {r: max(w - b.weight(r), 0) for r, w in a.items()}
    else:
        found = {r: int(b.weight(r) == 0) for r, w in a.items()}
    return ZSet((r, w if all else min(w, 1)) for r, w in found.items())


@pytest.mark.parametrize("all", [False, True])
@pytest.mark.parametrize("kind", ["union", "intersect", "except"])
@settings(max_examples=25, deadline=None)
@given(histories())
def test_set_operations(kind: str, all: bool, history: History) -> None:
    inputs = tuple(
        rel.Project(side, tuple((Col(i + j, "c", col.type), Ref(col)) for j, col in enumerate(side.columns[:2])))
        for side, i in ((A, 300), (B, 310))
    )
    plan = rel.SetOp(kind, all, inputs, (Col(320, "k", INT8), Col(321, "v", INT8)))  # type: ignore[arg-type]
    cut = lambda rows: rows.map(lambda r: r[:2])  # noqa: E731
    check(plan, lambda a, b: _set_model(kind, all, cut(a), cut(b)), history)


@pytest.mark.parametrize("growing", [False, True])
@pytest.mark.parametrize(("limit", "offset"), [(1, None), (2, 1), (None, 1), (0, None), (3, 0)])
def test_top_n(growing: bool, limit: int | None, offset: int | None) -> None:
    @settings(max_examples=20, deadline=None)
    @given(histories(growing))
    def run(history: History) -> None:
        # The rows are ordered by all of their columns, so that no tie is left for row identity to cut.
        source = rel.Project(A, ((KEY, AK), (PLUS, AV)))
        order = (desc(Ref(PLUS)), asc(Ref(KEY)))
        bounds = [None if n is None else const(n) for n in (limit, offset)]
        plans = [rel.TopN(source, (), order, *bounds), rel.TopN(source, (Ref(KEY),), order, *bounds)]
        end = None if limit is None else (offset or 0) + limit

        def cut(rows: ZSet) -> list[Row]:
            places = [(1, True), (0, False)]
            return sorted(rows.copies(), key=lambda r: sort_key(r, places))[offset or 0 : end]

        narrow = lambda a: a.map(lambda r: r[:2])  # noqa: E731
        check(plans[0], lambda a, b: ZSet.of(*cut(narrow(a))), history, growing)
        by_key = lambda a, b: ZSet.of(*(r for g in narrow(a).groups(lambda r: r[:1]).values() for r in cut(g)))  # noqa: E731
        check(plans[1], by_key, history, growing)

    run()


@pytest.mark.parametrize("growing", [False, True])
@pytest.mark.parametrize("whole", ["peers", "groups"])
@pytest.mark.parametrize(("limit", "offset"), [(1, None), (2, None), (0, None), (2, 1)])
def test_top_n_with_ties(growing: bool, whole: str, limit: int, offset: int | None) -> None:
    @settings(max_examples=20, deadline=None)
    @given(histories(growing))
    def run(history: History) -> None:
        # Rows that tie are told apart by nothing that is left of them, so that an offset may cut any of them.
        source = rel.Project(A, ((KEY, AK),))
        bounds = [None if n is None else const(n) for n in (limit, offset)]
        plan = rel.TopN(source, (), (desc(Ref(KEY)),), *bounds, whole)  # type: ignore[arg-type]

        def cut(rows: ZSet) -> list[Row]:
            ordered = sorted(rows.copies(), key=lambda r: sort_key(r, [(0, True)]))
            groups = list(dict.fromkeys(ordered))
            ranks = [(ordered if whole == "peers" else groups).index(r) + 1 for r in ordered]
            last = (offset or 0) + limit
            return [r for n, r in zip(ranks, ordered, strict=True) if limit and n <= last][offset or 0 :]

        check(plan, lambda a, b: ZSet.of(*cut(a.map(lambda r: r[:1]))), history, growing)

    run()


@few
@given(histories())
def test_values_and_empty_inputs(history: History) -> None:
    rows = ((const(1),), (const(2),), (const(2),))
    plan = rel.Join("inner", rel.Values((KEY,), rows), A, binary("=", Ref(KEY), AK))
    once = ZSet([((1,), 1), ((2,), 2)])
    check(plan, lambda a, b: once.join(a, lambda x, y: x[0] == y[0]), history)
