"""Additive aggregates over HOP: rows are summed by pane, and the sums go into the windows.

A pane is as long as the greatest common divisor of slide and size, so all its rows are in the same windows (Li et al.,
"No Pane, No Gain: Efficient Evaluation of Sliding-Window Aggregates over Data Streams", SIGMOD Record 2005). The rows
of a tick are summed by pane before each sum is given to the windows of its pane, not each row to all of its windows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from math import gcd

from pgstream.circuit.circuit import Node
from pgstream.functions.maintained import Linear
from pgstream.functions.registry import functions_named
from pgstream.operators.aggregation import Aggregation
from pgstream.operators.derived import at
from pgstream.operators.group import Group
from pgstream.operators.map import Map
from pgstream.operators.partial import PartialSums
from pgstream.operators.tablecall import TableCall
from pgstream.plan import relations as rel
from pgstream.plan import rewrite
from pgstream.plan.expressions import AggCall, Call, Const, Expr, Ref
from pgstream.plan.rewrite import used
from pgstream.sql.lower_group import Lowerer
from pgstream.sql.lower_part import Part, Wanted
from pgstream.sql.optimize.predicates import is_volatile
from pgstream.types.definition import SqlType
from pgstream.types.interval_text import DAY_US, Interval

INTERVAL, BOOL = SqlType("interval"), SqlType("bool")


@dataclass(frozen=True, slots=True)
class Panes:
    """`group`, whose keys and aggregates are over the columns of `hop`, and the length of a pane."""

    group: rel.Group
    hop: rel.TableCall
    width_us: int

    @property
    def keys(self) -> list[Expr]:
        return [expr for _, expr in self.group.keys]

    @property
    def calls(self) -> list[AggCall]:
        return [call for _, call in self.group.aggregates]

    def of_window(self, expr: Expr) -> bool:
        """Whether `expr` reads the start of the window."""
        return self.hop.outputs[0].id in used(expr)


def panes(group: rel.Group) -> Panes | None:
    """`group` by panes; None where its rows must be seen window by window."""
    while isinstance(below := group.input, rel.Project):
        group = _over(group, below)
    hop = group.input
    if not (isinstance(hop, rel.TableCall) and hop.function.name == "hop_starts"):
        return None
    if hop.outer or hop.ordinality is not None:
        return None
    lengths = [_microseconds(span, hop.args[0].type) for span in hop.args[1:]]
    slide, size = lengths[:2]
    if not (slide and size and 0 < slide < size and None not in lengths):
        return None
    found = Panes(group, hop, gcd(slide, size))
    return found if _is_fit(found) else None


def _over(group: rel.Group, project: rel.Project) -> rel.Group:
    """`group` over what `project` is over."""
    mapping = {col.id: expr for col, expr in project.outputs}
    mapped = rewrite.map_expressions(group, lambda expr: rewrite.substitute(expr, mapping))
    assert isinstance(mapped, rel.Group)
    return replace(mapped, input=project.input)


def _microseconds(span: Expr, time: SqlType) -> int | None:
    """A length of time, where it is known and always the same."""
    match span:
        case Const(Interval(0, days, us)) if not days or time.name == "timestamp":
            return int(days * DAY_US + us)
    return None


def _is_fit(found: Panes) -> bool:
    """Whether the aggregates are additive, and each expression tells of the row or of the window, not of both."""
    exprs = rewrite.expressions(found.group)
    arguments = exprs[len(found.keys) :]
    if any(is_volatile(expr) for expr in (*exprs, *found.hop.args)) or any(map(found.of_window, arguments)):
        return False
    if not all(isinstance(c.aggregate.maintained, Linear) and not c.distinct and not c.order for c in found.calls):
        return False
    return all(not found.of_window(key) or len(used(key)) == 1 for key in found.keys)


def lower_panes(lowering: Lowerer, group: rel.Group, needed: frozenset[int]) -> Part | None:
    """The node for `group` with its keys and needed aggregates; None where it is not to be had by panes."""
    aggregates = tuple((col, call) for col, call in group.aggregates if col.id in needed)
    found = panes(replace(group, aggregates=aggregates))
    if found is None:
        return None
    node, growing = _lowered(lowering, found)
    names = [col.id for col, _ in (*group.keys, *aggregates)]
    return Part(node, {id: i for i, id in enumerate(names)}, growing and not aggregates and bool(group.keys))


def _lowered(lowering: Lowerer, found: Panes) -> tuple[Node, bool]:
    """The Group, its keys before its aggregates, and whether what it reads only grows."""
    circuit, early = lowering.circuit, [key for key in found.keys if not found.of_window(key)]
    time, slide, size, *offset = found.hop.args
    width = Const(Interval(0, 0, found.width_us), INTERVAL)
    pane = _call("tumble_start", (time, width, *offset), time.type.bare())
    rows = Wanted()
    rows.exprs += [*early, pane]
    aggregations = tuple(_aggregation(call, rows) for call in found.calls)
    base = lowering.part(found.hop.input, {id for expr in rows.exprs for id in used(expr)})
    node = lowering.mapped_part(base, _seen(time, [e for e in rows.exprs if e is not pane]), rows.exprs)
    summed = PartialSums(node.types, len(early) + 1, aggregations, base.growing)
    node = circuit.add(summed, [node])
    opened = TableCall(node.types, found.hop.function, (at(len(early), pane.type), slide, size, *offset), (pane.type,))
    node = circuit.add(opened, [node])
    keys = _placed(found, at(len(node.types) - 1, pane.type))
    sums = [at(i, node.types[i]) for i in range(len(early) + 1, len(node.types) - 1)]
    node = circuit.add(Map(None, (*keys, *sums)), [node])
    whole = not found.keys
    group = Group((node.types,), len(keys), aggregations, growing=base.growing, whole=whole, summed=True)
    return circuit.add(group, [node]), base.growing


def _aggregation(call: AggCall, rows: Wanted) -> Aggregation:
    filter = None if call.filter is None else rows.position(call.filter)
    return Aggregation(call.aggregate, call.type, 0, rows.positions(call.args), filter)


def _placed(found: Panes, start: Ref) -> list[Expr]:
    """The keys where the early ones come first among the columns, and `start` is the window's."""
    opened = {found.hop.outputs[0].id: start}
    early = count()
    return [
        rewrite.substitute(key, opened) if found.of_window(key) else at(next(early), key.type) for key in found.keys
    ]


def _seen(time: Expr, exprs: Sequence[Expr]) -> Expr | None:
    """The rows that are in some window, where computing `exprs` for others might fail."""
    if all(isinstance(expr, Ref | Const) for expr in exprs):
        return None
    return _call("isfinite", (time,), BOOL)


def _call(name: str, args: tuple[Expr, ...], type: SqlType) -> Call:
    """A function whose overloads differ in their first argument and the number of arguments."""
    candidates = (f for f in functions_named(name) if len(f.arguments) == len(args))
    function = next(f for f in candidates if f.arguments[0] == args[0].type.name)
    return Call(function, args, type)
