"""What a circuit keeps for a query: for each operator whether that is bounded, and by what."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from pgstream.circuit.circuit import Node
from pgstream.operators.asof_bounded import BoundedAsof, FinalAsof
from pgstream.operators.closing import OPEN, Closing
from pgstream.operators.distinct import GrowingDistinct
from pgstream.operators.emitting import Emitting
from pgstream.operators.expiring import Expiring
from pgstream.operators.fading import Fading
from pgstream.operators.group import Group
from pgstream.operators.latest import Latest
from pgstream.operators.lookup import Lookup
from pgstream.operators.temporal import Temporal
from pgstream.operators.topn import GrowingFirst, GrowingTopN
from pgstream.operators.versions import Versions
from pgstream.plan.expressions import Call
from pgstream.plan.relations import Relation, Scan, Sessions
from pgstream.plan.rewrite import expressions, subexpressions, subplans
from pgstream.types.interval_text import Interval, interval_text

WINDOWS = frozenset(("tumble_start", "hop_starts", "cumulate_windows"))


_AS_LARGE_AS_THE_RESULT = (Group, GrowingDistinct, GrowingFirst, GrowingTopN, Latest)


class Leaf(NamedTuple):
    """A relation that a query reads: what it is called, and whether rows only ever come."""

    name: str
    endless: bool


class _Kept(NamedTuple):
    """What bounds a node's output, as text; `grows`: nothing does, but `grouped` only with the values of GROUP BY."""

    text: str
    grows: bool
    grouped: bool = False


def explain_state(root: Node, leaf: Callable[[Node], Leaf | None]) -> list[str]:
    """A line for each operator below `root` that keeps something, and one for the result. `leaf` tells of nodes that
    give a stored relation."""
    known: dict[Node, _Kept] = {}
    lines = list(_lines(root, leaf, known))
    result = known[root]
    return [*lines, f"result: {_verdict(result)}"]


def unbounded(root: Node, leaf: Callable[[Node], Leaf | None]) -> str | None:
    """The first operator below `root` whose state grows without bound with the rows that come, and with what; None
    where there is none. What grows with the values of GROUP BY, or with its own result, was asked for."""
    known: dict[Node, _Kept] = {}
    for node, state in _states(root, leaf, known):
        if state.grows and not state.grouped and not isinstance(node.operator, _AS_LARGE_AS_THE_RESULT):
            return f"{_name(node)}, with {state.text}"
    return None


def _lines(node: Node, leaf: Callable[[Node], Leaf | None], known: dict[Node, _Kept]) -> Iterator[str]:
    return (f"[{each.id}] {_name(each)}: {_verdict(state)}" for each, state in _states(node, leaf, known))


def _states(node: Node, leaf: Callable[[Node], Leaf | None], known: dict[Node, _Kept]) -> Iterator[tuple[Node, _Kept]]:
    """What each operator keeps that keeps something, inputs first."""
    if node in known:
        return
    found = leaf(node)
    if found is not None:
        known[node] = _Kept(f"the rows of {found.name}", found.endless)
        return
    for source in node.inputs:
        yield from _states(source, leaf, known)
    state, known[node] = _kept(node, [known[source] for source in node.inputs])
    if node.arrangement_ids:
        yield node, state


def _verdict(kept: _Kept) -> str:
    return f"grows without bound, with {kept.text}" if kept.grows else f"bounded by {kept.text}"


def _name(node: Node) -> str:
    operator = node.operator
    if isinstance(operator, Closing):
        return "Closing" if operator.inner is None else f"Closing {type(operator.inner).__name__}"
    return type(operator).__name__


def _kept(node: Node, inputs: list[_Kept]) -> tuple[_Kept, _Kept]:
    """What bounds the state of a node, and its output."""
    text = " and ".join(dict.fromkeys(each.text for each in inputs)) or "nothing"
    below = _Kept(text, any(each.grows for each in inputs))
    if below.grows:
        endless = [each for each in inputs if each.grows]
        what = " and ".join(dict.fromkeys(each.text for each in endless))
        below = _Kept(what, True, all(each.grouped for each in endless))
    match node.operator:
        case Closing(kept_us=kept_us) if kept_us:
            retained = _Kept(f"the retention of {interval_text(Interval(0, 0, kept_us))}, of {text}", False)
            return retained, retained
        case Fading(idle_us=idle_us):
            left = _Kept(f"what was touched within {interval_text(Interval(0, 0, idle_us))}, of {text}", False)
            return left, left
        case Closing(given=given):
            opened = _Kept(f"the windows that the watermark has not closed, of {text}", False)
            return opened, opened if given == OPEN else below
        case Expiring() | BoundedAsof() | FinalAsof():
            return _Kept(f"what the watermarks have not passed, of {text}", False), below
        case Versions(series=series):
            versions = f"versions of {text}"
            return _Kept(f"the last {versions}", False) if series else _Kept(f"all {versions}", True), below
        case Lookup(growing=growing):
            return _Kept("what is there before the view is", False) if growing else inputs[0], inputs[0]
        case Emitting():
            return _Kept(f"what has changed since the last emission, of {text}", False), below
        case Temporal(ends=ends):
            waiting = _Kept(f"what the clock has not passed, of {text}", False)
            return waiting, waiting if ends else below
        case Group(keys=0):
            one = _Kept("one row", False)
            return (one, one) if len(node.inputs) == 1 else (below, one)
        case Group():
            groups = below._replace(text=f"the groups of {below.text}", grouped=True)
            return groups, groups
        case (GrowingTopN() | GrowingFirst()) as top if not top.arrangements[0].key:
            few = _Kept("its limit", False)
            return few, few
    return below, below


def endless_windows(plan: Relation, endless: Callable[[int], bool]) -> str | None:
    """The relation without a watermark over which a plan has windows, of whose rows `endless` says they only ever come;
    None where there is none."""
    parts = list(subplans(plan))
    windowed = any(isinstance(part, Sessions) for part in parts) or any(
        isinstance(piece, Call) and piece.function.name in WINDOWS
        for part in parts
        for expr in expressions(part)
        for piece in subexpressions(expr)
    )
    windowed = windowed or any(getattr(getattr(part, "function", None), "name", "") in WINDOWS for part in parts)
    if not windowed:
        return None
    return next((part.name for part in parts if isinstance(part, Scan) and endless(part.oid)), None)
