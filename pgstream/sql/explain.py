"""EXPLAIN: plans and circuits as indented text.

Every node is a line, its inputs below it and further in. Where two columns of a plan share a name, the later ones
carry a number: `id`, `id_1`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from pgstream.circuit.circuit import Node, State
from pgstream.circuit.operator import Operator
from pgstream.plan import relations as rel
from pgstream.plan import rewrite
from pgstream.plan.expressions import Col, Expr
from pgstream.plan.relations import Relation
from pgstream.sql.expression_text import ExpressionText
from pgstream.types.definition import SqlType


def explain(plan: Relation) -> list[str]:
    """The lines of EXPLAIN for a plan."""
    return list(_PlanText(plan).lines(plan, 0))


def explain_tree(plan: Relation) -> dict[str, Any]:
    """The nodes of a plan, nested as PostgreSQL's EXPLAIN (FORMAT JSON) nests them; each has its line as `Text`."""
    return _PlanText(plan).tree(plan)


def explain_circuit(node: Node, state: State | None = None) -> list[str]:
    """The lines of EXPLAIN for the circuit that computes `node`.

    Each node carries its id. What several nodes read is written out once and marked as shared. With the circuit's
    `state` follow the rows that went in and out and the time spent since the start, and the rows and bytes kept.
    """
    return list(_circuit_lines(node, 0, set(), state))


def _circuit_lines(node: Node, depth: int, seen: set[int], state: State | None) -> Iterator[str]:
    if node.id in seen:
        yield _indented(f"[{node.id}] as above", depth)
        return
    seen.add(node.id)
    shared = " (shared)" if len(node.consumers) > 1 else ""
    kept = f" (keeps {len(node.arrangement_ids)})" if node.arrangement_ids else ""
    if state is not None:
        kept = " (" + " ".join(f"{name}={value}" for name, value in _measures(node, state).items()) + ")"
    yield _indented(f"[{node.id}] {_operator_text(node.operator)}{shared}{kept}", depth)
    for source in node.inputs:
        yield from _circuit_lines(source, depth + 1, seen, state)


def circuit_tree(node: Node, state: State) -> dict[str, Any]:
    """What `explain_circuit` tells, nested as PostgreSQL nests plans; a node that is shared is told wherever it is."""
    told = {"Node": node.id, "Operator": type(node.operator).__name__, "Text": _operator_text(node.operator)}
    below = [circuit_tree(source, state) for source in node.inputs]
    return {**told, **_measures(node, state), **({"Plans": below} if below else {})}


def _measures(node: Node, state: State) -> dict[str, Any]:
    """Rows, ticks and milliseconds since the start, and what a node keeps now."""
    counters = node.counters
    kept = [spine for id in node.arrangement_ids if (spine := state.get(id)) is not None]
    found = {
        "rows_in": counters.rows_in,
        "rows_out": counters.rows_out,
        "ticks": counters.steps,
        "ms": round(counters.seconds * 1000, 3),
    }
    if node.arrangement_ids:
        found |= {"kept_rows": sum(spine.total() for spine in kept), "kept_bytes": sum(spine.nbytes for spine in kept)}
    return found


def _operator_text(operator: Operator) -> str:
    """An operator's class and what it was made with; column n of an input is `#n`."""
    text = ExpressionText({}, lambda _: "…", lambda col: f"#{col.id}")
    parts = []
    for field in fields(operator):  # type: ignore[arg-type]
        value = getattr(operator, field.name)
        if field.name in ("types", "arrangements") or (field.default is not MISSING and value == field.default):
            continue
        parts.append(f"{field.name}={_part_text(value, text)}")
    return " ".join([type(operator).__name__, *parts])


def _part_text(value: Any, text: ExpressionText) -> str:
    """A field of an operator."""
    if type(value) in rewrite.EXPRESSIONS or type(value) in rewrite.CALLS:
        return text(value)
    if isinstance(value, tuple):
        return "(" + ", ".join(_part_text(item, text) for item in value) + ")"
    if isinstance(value, SqlType):
        return str(value)
    name = getattr(value, "name", None)
    if isinstance(name, str):
        return name
    if is_dataclass(value) and not isinstance(value, type):
        inner = " ".join(f"{f.name}={_part_text(getattr(value, f.name), text)}" for f in fields(value))
        return f"{type(value).__name__}({inner})"
    return str(getattr(value, "__qualname__", value))


def _indented(text: str, depth: int) -> str:
    """As PostgreSQL does it: an arrow before each node but the first."""
    return text if depth == 0 else " " * (6 * depth - 4) + "->  " + text


class _PlanText:
    """Writes the nodes of one plan, under whose columns' names."""

    def __init__(self, plan: Relation) -> None:
        self.text = ExpressionText(_names(plan), self._inner)

    def _inner(self, query: Relation) -> str:
        return " / ".join(line.strip() for line in self.lines(query, 0))

    def lines(self, node: Relation, depth: int) -> Iterator[str]:
        yield _indented(self.line(node), depth)
        for child in rewrite.children(node):
            yield from self.lines(child, depth + 1)

    def tree(self, node: Relation) -> dict[str, Any]:
        line = self.line(node)
        made: dict[str, Any] = {"Node Type": line.split()[0], "Text": line, "Output": self._outputs(node)}
        plans = [self.tree(child) for child in rewrite.children(node)]
        return {**made, "Plans": plans} if plans else made

    def _outputs(self, node: Relation) -> list[str]:
        return [self.text.column(col) for col in node.columns]

    def _cols(self, columns: Iterable[Col]) -> str:
        return ", ".join(self.text.column(col) for col in columns)

    def _exprs(self, exprs: Iterable[Expr]) -> str:
        return ", ".join(map(self.text, exprs))

    def _named(self, pairs: Iterable[tuple[Col, Any]]) -> str:
        """Expressions and what they are called, where that is not their own name."""
        texts = []
        for col, part in pairs:
            text, name = self.text(part), self.text.column(col)
            texts.append(name if text == name else f"{text} AS {name}")
        return ", ".join(texts)

    def line(self, node: Relation) -> str:
        """The line of one node."""
        match node:
            case rel.Scan(_, name, columns):
                return f"Scan {name} ({self._cols(columns)})"
            case rel.Values(columns, rows):
                return self._values(columns, rows)
            case rel.Project(_, outputs):
                return f"Project {self._named(outputs)}".rstrip()
            case rel.Filter(_, predicate):
                return f"Filter {self.text(predicate)}"
            case rel.Join(kind, _, _, condition) | rel.Apply(kind, _, _, condition) | rel.Lookup(kind, _, _, condition):
                return self._join(type(node).__name__, kind, condition)
            case rel.Asof() | rel.Versions():
                return self._by_time(node)
            case rel.AssertSingle(_, key):
                return f"AssertSingle by {self._cols(key)}" if key else "AssertSingle"
            case rel.Group(_, keys, aggregates):
                by = f" by {self._named(keys)}" if keys else ""
                return f"Group{by}" + (f": {self._named(aggregates)}" if aggregates else "")
            case rel.Distinct():
                return "Distinct"
            case rel.SetOp(kind, all, _, columns):
                return f"{kind.capitalize()}{' all' if all else ''} ({self._cols(columns)})"
            case rel.Recursion(_, _, working, all, columns):
                return f"Recursion{' all' if all else ''} over {working} ({self._cols(columns)})"
            case rel.Mutual():
                return self._mutual(node)
            case rel.TopN():
                return self._top(node)
            case rel.Sort(_, order):
                return f"Sort {self.text.order(order)}"
            case rel.Window(_, calls):
                return f"Window {self._named(calls)}"
            case rel.TableCall():
                return self._table_call(node)
            case rel.Sessions():
                return self._sessions(node)
            case rel.Close() | rel.Temporal():
                return self._timed(node)
        raise AssertionError(node)

    def _sessions(self, node: rel.Sessions) -> str:
        by = f" by {self._exprs(node.partition)}" if node.partition else ""
        span = self.text(node.time) if node.last is None else f"{self.text(node.time)} to {self.text(node.last)}"
        return f"Sessions{by} of {span} within {self.text(node.gap)} AS ({self._cols((node.start, node.end))})"

    def _mutual(self, node: rel.Mutual) -> str:
        pairs = zip(node.workings, node.relations, strict=True)
        each = ", ".join(f"{working} ({self._cols(cols)})" for working, cols in pairs)
        return f"Mutual recursion over {each}"

    def _values(self, columns: tuple[Col, ...], rows: tuple[tuple[Expr, ...], ...]) -> str:
        if not columns:
            return "One row" if len(rows) == 1 else f"{len(rows)} rows"
        shown = ", ".join(f"({self._exprs(row)})" for row in rows[:3])
        more = f", … {len(rows) - 3} more" if len(rows) > 3 else ""
        return f"Values ({self._cols(columns)}): {shown}{more}" if rows else f"Nothing ({self._cols(columns)})"

    def _join(self, node: str, kind: str, condition: Expr | None) -> str:
        if condition is None:
            return f"{node} {kind if kind != 'inner' else 'cross'}"
        return f"{node} {kind} on {self.text(condition)}"

    def _by_time(self, node: rel.Asof | rel.Versions) -> str:
        """A join that chooses by time, or what it chooses among."""
        if isinstance(node, rel.Versions):
            return f"Versions of {self._cols(node.key)} at {self.text.column(node.time)}"
        nearest = f"nearest {self.text(node.time)} {node.nearer} {self.text(node.version)}"
        parts = [self._join("Asof", node.kind, node.condition).removesuffix(" cross"), nearest]
        if node.residual is not None:
            parts.append(f"if {self.text(node.residual)}")
        return " ".join([*parts, *(["waiting for watermarks"] if node.waits else [])])

    def _top(self, node: rel.TopN) -> str:
        parts = ["TopN"]
        if node.limit is not None:
            counted = {"rows": "", "peers": " with ties", "groups": " groups of ties"}
            parts.append(f"limit {self.text(node.limit)}{counted[node.whole]}")
        if node.offset is not None:
            parts.append(f"offset {self.text(node.offset)}")
        if node.partition:
            parts.append(f"partition by {self._exprs(node.partition)}")
        if node.order:
            parts.append(f"order by {self.text.order(node.order)}")
        return " ".join(parts)

    def _timed(self, node: rel.Close | rel.Temporal) -> str:
        if isinstance(node, rel.Close):
            return f"Close {self.text(node.end)}"
        sides = ((node.begins, "from"), (node.ends, "until"), (node.compared, "by months"))
        return " ".join(["Temporal", *(f"{word} {self._exprs(exprs)}" for exprs, word in sides if exprs)])

    def _table_call(self, node: rel.TableCall) -> str:
        outer = " outer" if node.outer else ""
        outputs = node.outputs if node.ordinality is None else (*node.outputs, node.ordinality)
        return f"TableCall{outer} {node.function.name}({self._exprs(node.args)}) AS ({self._cols(outputs)})"


def _names(plan: Relation) -> dict[int, str]:
    """A name for every column of `plan` that no other one has."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    for id, col in sorted((rewrite.defined(plan) | rewrite.used(plan)).items()):
        name, number = col.name, 0
        while name in taken:
            number += 1
            name = f"{col.name}_{number}"
        taken.add(name)
        names[id] = name
    return names
