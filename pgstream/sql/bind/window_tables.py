"""Window functions in FROM: a relation with the windows of its rows, as other systems spell it.

    TUMBLE(t, ts, size [, offset])                                  RisingWave; t is a name or a subquery
    TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), size [, offset]))         Flink and Feldera
    TABLE(TUMBLE(DATA => TABLE t, TIMECOL => DESCRIPTOR(ts), SIZE => size))
    SESSION(t, ts, gap [, key, …]), SESSION(TABLE t PARTITION BY key, DESCRIPTOR(ts), gap),
    SESSION(TABLE t, DESCRIPTOR(ts), DESCRIPTOR(key), gap)

GAP_FILL has a file of its own. The others give the relation's columns, window_start and window_end; with DESCRIPTOR
also window_time, the last millisecond.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pgstream.errors import DatatypeMismatch, FeatureNotSupported, UndefinedFunction
from pgstream.plan.expressions import Const, Expr, Ref
from pgstream.plan.relations import Project
from pgstream.sql.bind.dispatch import bind_expression, bind_from_item
from pgstream.sql.bind.from_clause import FromItem
from pgstream.sql.bind.gap_fill import bind_gap_fill, is_gap_fill
from pgstream.sql.bind.group_windows import is_group_window
from pgstream.sql.bind.names import Level, NameItem
from pgstream.sql.bind.operators import apply_operator
from pgstream.sql.bind.windowing import (
    INTERVAL,
    LENGTHS,
    Windowing,
    as_lengths,
    as_time,
    counts_of,
    intervals,
    windowed,
)
from pgstream.sql.parse import ast
from pgstream.types.interval_text import Interval

Node = Any
_MILLISECOND = Const(Interval(0, 0, 1000), INTERVAL)


@dataclass(slots=True)
class _Arguments:
    """The arguments of one call by what they are."""

    relation: Node = None
    time: Node = None
    keys: list[Node] = field(default_factory=list)
    lengths: list[Node] = field(default_factory=list)
    described: bool = False


def is_windowing(node: Node) -> bool:
    """Whether a function in FROM is a window function over a relation."""
    if not (is_gap_fill(node) or is_group_window(node)):
        return False
    return bool(node.args) and isinstance(node.args[0], ast.ColumnRef | ast.SubLink | ast.NamedArgExpr | ast.FuncCall)


def bind_windowing(level: Level, node: Node, alias: Node) -> FromItem:
    """The relation's columns, then those of the window, of the time column's type; under the relation's name."""
    if is_gap_fill(node):
        return _gap_filled(level, node, alias)
    kind = node.funcname[0].sval
    given = _arguments(node, kind)
    binding = level.binding
    source = _relation(level, given.relation)
    inner = Level(binding, level, source.names)
    time = as_time(binding, kind, bind_expression(inner, given.time))
    lengths = as_lengths(inner, kind, [bind_expression(inner, length) for length in given.lengths])
    keys = tuple(bind_expression(inner, key) for key in given.keys)
    made = windowed(binding, source.plan, Windowing(kind, time, lengths, keys, node.location))
    added: list[tuple[str, Expr]] = [("window_start", made.start), ("window_end", made.end)]
    if given.described:
        added.append(("window_time", apply_operator(binding, "-", [made.end, _MILLISECOND], node.location)))
    cols = [expr.col if isinstance(expr, Ref) else binding.col(name, time.type.bare()) for name, expr in added]
    kept = tuple((col, Ref(col)) for col in source.plan.columns)
    plan = Project(made.plan, (*kept, *((col, expr) for col, (_, expr) in zip(cols, added, strict=True))))
    columns = [column for item in source.names if item.columns_visible for column in item.columns]
    columns += [(col.name, Ref(col)) for col in cols]
    names = [part.sval for part in alias.colnames or ()] if alias else []
    columns = [(new, expr) for new, (_, expr) in zip(names, columns, strict=False)] + columns[len(names) :]
    own = source.names[0].alias if isinstance(given.relation, ast.ColumnRef) else kind
    return FromItem(plan, [NameItem(alias.aliasname if alias else own, columns)])


def _gap_filled(level: Level, node: Node, alias: Node) -> FromItem:
    if any(isinstance(arg, ast.NamedArgExpr) for arg in node.args) or len(node.args) < 2:
        raise UndefinedFunction("gap_fill takes a relation, its time column and an interval", position=node.location)
    given = _by_place("gap_fill", node.args)
    time = _described(given.time, 1)[0] if _is_descriptor(given.time) else given.time
    keys = [key for each in given.keys for key in _keys(each)]
    return bind_gap_fill(level, _relation(level, given.relation), node, time, keys, given.lengths, alias)


def _arguments(node: Node, kind: str) -> _Arguments:
    named = {arg.name: arg.arg for arg in node.args if isinstance(arg, ast.NamedArgExpr)}
    plain = [arg for arg in node.args if not isinstance(arg, ast.NamedArgExpr)]
    found = _by_name(node, kind, named, plain) if named else _by_place(kind, plain)
    found.described = _is_descriptor(found.time)
    if found.described:
        [found.time] = _described(found.time, 1)
    found.keys = [key for given in found.keys for key in _keys(given)]
    few, many = counts_of(kind)
    if found.time is None or not few <= len(found.lengths) <= many:
        raise UndefinedFunction(
            f"{kind} takes {few + 2} arguments: a relation, its time column, and {intervals(kind)}",
            position=node.location,
        )
    if found.keys and kind != "session":
        raise FeatureNotSupported(f"{kind} has no keys: its windows are the same for all", position=node.location)
    return found


def _by_place(kind: str, args: Sequence[Node]) -> _Arguments:
    """Arguments in order. Keys stand before DESCRIPTOR(time), in a DESCRIPTOR after it, or, without any, at the end."""
    rest = list(args[1:])
    place = next((i for i, arg in enumerate(rest) if _is_descriptor(arg)), None)
    if place is None:
        cut = 2 if kind == "session" else len(rest)
        return _Arguments(args[0], rest[0] if rest else None, rest[cut:], rest[1:cut])
    keys, after = rest[:place], rest[place + 1 :]
    while after and _is_descriptor(after[0]):
        keys.append(after.pop(0))
    return _Arguments(args[0], rest[place], keys, after)


def _by_name(node: Node, kind: str, named: dict[str, Node], plain: Sequence[Node]) -> _Arguments:
    """Arguments by name, among which the keys of PARTITION BY stand as they are."""
    roles = [*LENGTHS[kind], "offset"][: counts_of(kind)[1]]
    for name in named:
        if name not in ("data", "timecol", "key", *roles):
            raise UndefinedFunction(f'{kind} has no argument named "{name}"', position=node.location)
    if "data" not in named:
        raise UndefinedFunction(f"{kind} needs an argument named data", position=node.location)
    keys = [*plain, *([named["key"]] if "key" in named else [])]
    lengths = [named[role] for role in roles if role in named]
    return _Arguments(named["data"], named.get("timecol"), keys, lengths)


def _is_descriptor(node: Node) -> bool:
    return isinstance(node, ast.FuncCall) and node.funcname[-1].sval == "descriptor"


def _described(node: Node, count: int | None = None) -> Sequence[Node]:
    """The columns that DESCRIPTOR names. Raises DatatypeMismatch."""
    columns = node.args or ()
    if not columns or (count is not None and len(columns) != count):
        raise DatatypeMismatch("DESCRIPTOR of a time column names one column", position=node.location)
    return tuple(columns)


def _keys(node: Node) -> Sequence[Node]:
    """`k`, `(k, l)` or `DESCRIPTOR(k, l)`."""
    if _is_descriptor(node):
        return _described(node)
    return tuple(node.args) if isinstance(node, ast.RowExpr) else (node,)


def _relation(level: Level, node: Node) -> FromItem:
    """What stands for a relation in a call: its name, a subquery, or another window function."""
    match node:
        case ast.ColumnRef():
            names = [part.sval for part in node.fields]
            if len(names) > 2:
                raise FeatureNotSupported(
                    "relation names with a database are not supported here", position=node.location
                )
            schema = names[0] if len(names) == 2 else None
            item: Node = ast.RangeVar(
                schemaname=schema, relname=names[-1], inh=True, relpersistence="p", location=node.location
            )
        case ast.SubLink():
            item = ast.RangeSubselect(
                lateral=False, subquery=node.subselect, alias=ast.Alias(aliasname="subquery", colnames=None)
            )
        case ast.FuncCall():
            item = ast.RangeFunction(
                lateral=False, ordinality=False, is_rowsfrom=False, functions=((node, None),), alias=None
            )
        case _:
            raise FeatureNotSupported("a window function needs the name of a relation or a subquery")
    made = bind_from_item(level, item)
    assert isinstance(made, FromItem)
    return made
