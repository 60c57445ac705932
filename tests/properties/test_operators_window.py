"""Window calls, recomputed aggregates and table functions, maintained, equal their models at every tick."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from operator_harness import (
    AK,
    AS,
    AV,
    INT8,
    TEXT,
    A,
    agg,
    aggregate,
    asc,
    binary,
    check,
    const,
    desc,
    histories,
    sort_key,
    window_function,
)

from pgstream.functions.registry import FUNCTIONS
from pgstream.plan import relations as rel
from pgstream.plan.expressions import Col, Frame, Ref, SortKey, WindowCall
from pgstream.testing.zset import Row, ZSet
from pgstream.types.definition import SqlType

DEFAULT = Frame()
few = settings(max_examples=30, deadline=None)
History = list[tuple[ZSet, ZSet]]

K, V = Col(101, "k", INT8), Col(102, "v", INT8)
NARROW = rel.Project(A, ((K, AK), (V, AV)))


def _window(
    name: str, *args: Ref, order: tuple[SortKey, ...], frame: Frame = DEFAULT, result: SqlType = INT8
) -> WindowCall:
    if name in ("sum", "min", "count"):
        types = ("any",) * len(args) if name == "count" else tuple(arg.type.name for arg in args)
        function = aggregate(name, *types)
        return WindowCall(function, args, SqlType(function.result), (Ref(K),), order, frame)
    return WindowCall(window_function(name, len(args)), args, result, (Ref(K),), order, frame)


BY_V = (desc(Ref(V)),)
ROWS = Frame("rows", "preceding", const(1), "following", const(1))
GROUPS = Frame("groups", "preceding", const(1), "current")
RANGE = Frame("range", "preceding", const(1), "following", const(1))
TAIL = Frame("rows", "current", None, "unbounded")
WHOLE = Frame("rows", "unbounded", None, "unbounded")
AHEAD = Frame("rows", "following", const(1), "following", const(2))


def _sum(values: list[int | None]) -> str | None:
    known = [v for v in values if v is not None]
    return str(sum(known)) if known else None


def _near(rows: list[Row], i: int) -> list[int | None]:
    """RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING: values at most 1 away; a NULL sees NULLs."""
    own = rows[i][1]
    return [r[1] for r in rows if (r[1] is None if own is None else r[1] is not None and abs(r[1] - own) <= 1)]


def _groups(rows: list[Row], i: int) -> list[int | None]:
    distinct = list(dict.fromkeys(r[1] for r in rows))
    at = distinct.index(rows[i][1])
    return [r[1] for r in rows if r[1] in distinct[max(at - 1, 0) : at + 1]]


def _left_out(rows: list[Row], i: int, exclude: str) -> list[int]:
    """The rows that EXCLUDE takes out."""
    peers = [j for j, r in enumerate(rows) if r[1] == rows[i][1]]
    return {"row": [i], "group": peers, "ties": [j for j in peers if j != i]}[exclude]


def _excluding(exclude: str, name: str, frame: Frame = ROWS) -> "tuple[WindowCall, Frames]":
    args = () if name == "count" else (Ref(V),)
    call = _window(name, *args, order=BY_V, frame=replace(frame, exclude=exclude))  # type: ignore[arg-type]

    def model(rows: list[Row], i: int) -> object:
        near = range(len(rows)) if frame == WHOLE else range(max(i - 1, 0), min(i + 2, len(rows)))
        seen = [rows[j][1] for j in near if j not in _left_out(rows, i, exclude)]
        known = [v for v in seen if v is not None]
        if name == "count":
            return len(seen)
        if name == "min":
            return min(known, default=None)
        return _sum(seen) if name == "sum" else (seen[0 if name == "first_value" else -1] if seen else None)

    return call, model


Frames = Callable[[list[Row], int], object]
CALLS: dict[str, tuple[WindowCall, Frames]] = {
    "row_number": (_window("row_number", order=BY_V), lambda rows, i: i + 1),
    "rank": (_window("rank", order=BY_V), lambda rows, i: [r[1] for r in rows].index(rows[i][1]) + 1),
    "lag": (_window("lag", Ref(V), order=BY_V), lambda rows, i: rows[i - 1][1] if i else None),
    "running": (
        _window("sum", Ref(V), order=BY_V),
        lambda rows, i: _sum([r[1] for r in rows[: 1 + max(j for j, r in enumerate(rows) if r[1] == rows[i][1])]]),
    ),
    "whole": (_window("count", Ref(V), order=()), lambda rows, i: sum(r[1] is not None for r in rows)),
    "rows": (
        _window("sum", Ref(V), order=BY_V, frame=ROWS),
        lambda rows, i: _sum([r[1] for r in rows[max(i - 1, 0) : i + 2]]),
    ),
    "ahead": (
        _window("sum", Ref(V), order=BY_V, frame=AHEAD),
        lambda rows, i: _sum([r[1] for r in rows[i + 1 : i + 3]]),
    ),
    "groups": (_window("sum", Ref(V), order=BY_V, frame=GROUPS), lambda rows, i: _sum(_groups(rows, i))),
    "range": (_window("sum", Ref(V), order=BY_V, frame=RANGE), lambda rows, i: _sum(_near(rows, i))),
    "range rows": (_window("count", order=BY_V, frame=RANGE), lambda rows, i: len(_near(rows, i))),
    "ascending range": (
        _window("sum", Ref(V), order=(asc(Ref(V)),), frame=RANGE),
        lambda rows, i: _sum(_near(rows, i)),
    ),
    "min": (
        _window("min", Ref(V), order=BY_V, frame=TAIL),
        lambda rows, i: min((r[1] for r in rows[i:] if r[1] is not None), default=None),
    ),
    "last_value": (_window("last_value", Ref(V), order=BY_V, frame=TAIL), lambda rows, i: rows[-1][1]),
    "but the row": _excluding("row", "sum"),
    "but its group": _excluding("group", "min", WHOLE),
    "but its ties": _excluding("ties", "count"),
    "first but the row": _excluding("row", "first_value"),
    "last but its ties": _excluding("ties", "last_value", WHOLE),
}


def _model(computed: list[Frames]) -> Callable[[ZSet, ZSet], ZSet]:
    def model(a: ZSet, b: ZSet) -> ZSet:
        found = []
        for group in a.map(lambda r: r[:2]).groups(lambda r: r[:1]).values():
            rows = sorted(group.copies(), key=lambda r: sort_key(r, [(1, True)]))
            found += [r + tuple(f(rows, i) for f in computed) for i, r in enumerate(rows)]
        return ZSet.of(*found)

    return model


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=25, deadline=None)
@given(histories())
def test_window(name: str, history: History) -> None:
    call, frames = CALLS[name]
    check(rel.Window(NARROW, ((Col(110, "w", call.type), call),)), _model([frames]), history)


@few
@given(histories())
def test_windows_of_several_orders(history: History) -> None:
    chosen = [CALLS[name] for name in ("rank", "whole", "rows", "row_number")]
    calls = tuple((Col(110 + i, "w", call.type), call) for i, (call, _) in enumerate(chosen))
    check(rel.Window(NARROW, calls), _model([frames for _, frames in chosen]), history)


@few
@given(histories())
def test_recomputed_aggregates(history: History) -> None:
    ordered = agg("string_agg", AS, const(",", TEXT), order=(desc(AS),))
    once = agg("string_agg", AS, const("", TEXT), distinct=True)
    some = agg("string_agg", AS, const("-", TEXT), order=(asc(AS),), filter=binary("=", AV, const(1)))
    calls = (ordered, once, some, agg("count"))
    plan = rel.Group(A, ((K, AK),), tuple((Col(110 + i, "a", call.type), call) for i, call in enumerate(calls)))

    def joined(texts: list[str], by: str) -> str | None:
        return by.join(texts) if texts else None

    def one(rows: ZSet) -> Row:
        texts = sorted(r[2] for r in rows.copies() if r[2] is not None)
        chosen = sorted(r[2] for r in rows.copies() if r[2] is not None and r[1] == 1)
        ends = joined(texts[::-1], ","), joined(sorted(set(texts)), ""), joined(chosen, "-")
        return (*ends, len(rows.copies()))

    check(plan, lambda a, b: ZSet.of(*(k + one(g) for k, g in a.groups(lambda r: r[:1]).items())), history)


SERIES = next(f for f in FUNCTIONS["generate_series"] if f.arguments == ("int8", "int8"))


@pytest.mark.parametrize("outer", [False, True])
@settings(max_examples=20, deadline=None)
@given(histories())
def test_table_function(outer: bool, history: History) -> None:
    number, ordinality = Col(110, "n", INT8), Col(111, "o", INT8)
    plan = rel.TableCall(NARROW, SERIES, (Ref(K), Ref(V)), (number,), ordinality, outer)

    def rows(row: Row) -> list[Row]:
        known = row[0] is not None and row[1] is not None
        found = [(n, n - row[0] + 1) for n in range(row[0], row[1] + 1)] if known else []
        return [row + more for more in (found or ([(None, None)] if outer else []))]

    check(plan, lambda a, b: ZSet((m, w) for r, w in a.map(lambda r: r[:2]).items() for m in rows(r)), history)
