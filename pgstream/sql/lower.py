"""Lowering: plans to circuits. The one place that chooses among the implementations of a relation.

Plans name columns by id, operators by position; expressions are rewritten so that structurally equal plans become
the same nodes. Every operator that keeps state is given just the columns that it or something above it needs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pgstream.circuit.circuit import Circuit, Node
from pgstream.errors import FeatureNotSupported
from pgstream.operators.closing import OPEN, Closing
from pgstream.operators.derived import (
    assert_single,
    at,
    distinct,
    set_operation,
    top_n,
    union,
)
from pgstream.operators.emitting import Emitting
from pgstream.operators.fading import Fading
from pgstream.operators.input import Input
from pgstream.operators.latest import Latest
from pgstream.operators.tablecall import TableCall
from pgstream.operators.topn import Cut
from pgstream.operators.values import Values
from pgstream.plan import relations as rel
from pgstream.plan.expressions import Col, Expr, Ref, SortKey
from pgstream.plan.relations import Relation
from pgstream.plan.rewrite import transform, used
from pgstream.sql.lower_close import Momentarily, lower_close
from pgstream.sql.lower_group import lower_group
from pgstream.sql.lower_join import lower_join
from pgstream.sql.lower_panes import lower_panes
from pgstream.sql.lower_part import Part, Salts, Wanted, mapped
from pgstream.sql.lower_recursion import Inside, lower_mutual, lower_recursion
from pgstream.sql.lower_sessions import lower_sessions
from pgstream.sql.lower_temporal import lower_temporal
from pgstream.sql.lower_timed import lower_timed
from pgstream.sql.lower_window import lower_window, order_columns
from pgstream.sql.optimize.facts import RelationFacts
from pgstream.sql.optimize.predicates import conjunction
from pgstream.sql.rounds import reads
from pgstream.storage.order import OrderColumn


@dataclass(frozen=True, slots=True)
class Lowered:
    """A plan as a node. The node's columns are the plan's `columns` in order, then those only `order` needs.

    `growing`: nothing is ever retracted. `order` is the order of a SELECT's rows, over the node's columns.
    """

    node: Node
    columns: tuple[Col, ...]
    growing: bool
    order: tuple[OrderColumn, ...] = ()


def no_node(oid: int) -> Node | None:
    """Every stored relation is read through an Input."""
    return None


class Lowering:
    """One plan on its way into `circuit`.

    `relation_node` gives the node whose output is the stored relation `oid` with all its columns, where the circuit
    computes it itself (a materialized view); otherwise the relation is an Input. `scope` names the owner of the plan,
    for the volatile computations that no two plans share.
    """

    def __init__(
        self,
        circuit: Circuit,
        facts: RelationFacts,
        scope: str = "",
        relation_node: Callable[[int], Node | None] = no_node,
        salts: Salts | None = None,
    ) -> None:
        self.circuit = circuit
        self.facts = facts
        self._salts = salts or Salts(scope)
        self._relation_node = relation_node

    def lower(self, plan: Relation) -> Lowered:
        """The node for `plan`, which holds no Apply and no Subquery. Hold it before the next plan is lowered: nodes
        that nothing keeps are swept then."""
        order: Sequence[SortKey] = ()
        while isinstance(plan, rel.Sort):
            order = order or plan.order
            plan = plan.input
        wanted = Wanted()
        wanted.exprs.extend(Ref(col) for col in plan.columns)
        sort = order_columns(wanted, order)
        node, growing = self.mapped(plan, wanted.exprs)
        return Lowered(node, plan.columns, growing, sort)

    def closing(self, plan: Relation) -> Lowered:
        """As `lower`, for a plan of `closed_windows`: what is above a Close keeps no state."""
        return self._beside(Momentarily(self.circuit)).lower(plan)

    def emitting(self, plan: Relation, window: Sequence[Col], every_us: int) -> Lowered:
        """As `closing`, and before that what the plan gives of open windows, so often at most; a column more says which
        of them a row is. `window` are the plan's columns that only depend on the window."""
        shared = transform(plan, lambda part: replace(part, shared=True) if isinstance(part, rel.Close) else part)
        opened = transform(shared, lambda part: replace(part, open=True) if isinstance(part, rel.Close) else part)
        early, final = self.lower(opened), self.closing(shared)
        positions = tuple(plan.columns.index(col) for col in window)
        node = self.circuit.add(Emitting(final.node.types, positions, every_us), [early.node, final.node])
        return Lowered(node, plan.columns, False)

    def retaining(self, made: Lowered, ends: Sequence[Col], series: tuple[int, ...], kept_us: int) -> Lowered:
        """The rows of a query, until the watermark is `kept_us` past the first of `ends`, columns of it."""
        if not ends:
            raise FeatureNotSupported("a retention needs the start or end of the windows among the columns of the view")
        end = at(made.columns.index(ends[0]), ends[0].type)
        node = self.circuit.add(Closing(made.node.types, None, end, end, series, OPEN, kept_us), [made.node])
        return Lowered(node, made.columns, False)

    def fading(self, made: Lowered, idle_us: int) -> Lowered:
        """The rows of a query, until they have been there for `idle_us`."""
        key = tuple(range(len(made.node.types)))
        return Lowered(self.circuit.add(Fading(made.node.types, key, idle_us), [made.node]), made.columns, False)

    def _beside(self, circuit: Circuit) -> "Lowering":
        """The same plan's lowering into another circuit."""
        return Lowering(circuit, self.facts, self._salts.scope, self._relation_node, self._salts)

    # -- what the files beside this one use

    def lasting(self) -> "Lowering":
        """This lowering for what is below a Close."""
        if not isinstance(self.circuit, Momentarily):
            return self
        return self._beside(self.circuit.circuit)

    def within(self, inside: Inside, working: Mapping[int, Node]) -> "Lowering":
        """This lowering for a plan over the nodes of `inside` that are the `working` relations."""
        return _Within(self, inside, working)

    def part(self, relation: Relation, needed: Iterable[int]) -> Part:
        """`relation` with at least the columns whose ids are `needed`."""
        while isinstance(relation, rel.Sort):
            relation = relation.input
        return self._part(relation, frozenset(needed))

    def mapped(self, relation: Relation, exprs: Sequence[Expr]) -> tuple[Node, bool]:
        """A node that gives exactly `exprs` for each row of `relation`, and whether it only grows."""
        predicates: list[Expr] = []
        while isinstance(relation, rel.Filter):
            predicates.append(relation.predicate)
            relation = relation.input
        predicate = conjunction(reversed(predicates))
        part = self.part(relation, _ids((*exprs, *predicates)))
        return mapped(self.circuit, self._salts, part, predicate, exprs), part.growing

    def mapped_part(self, part: Part, predicate: Expr | None, exprs: Sequence[Expr]) -> Node:
        """A node that gives exactly `exprs` of the rows of `part` where `predicate` is true."""
        return mapped(self.circuit, self._salts, part, predicate, exprs)

    # -- one method per relation

    def _part(self, relation: Relation, needed: frozenset[int]) -> Part:
        match relation:
            case rel.Scan():
                return self._scan(relation, needed)
            case rel.Values():
                return self._values(relation, needed)
            case rel.Project():
                return self._project(relation, needed)
            case rel.Filter():
                return self._filter(relation, needed)
            case rel.Join():
                return lower_join(self, relation, needed)
            case rel.Asof() | rel.Lookup() | rel.Versions():
                return lower_timed(self, relation, needed)
            case rel.AssertSingle():
                return self._assert_single(relation, needed)
            case rel.Group():
                return lower_panes(self, relation, needed) or lower_group(self, relation, needed)
            case rel.Distinct():
                node, growing = self.mapped(relation.input, [Ref(col) for col in relation.columns])
                return Part(distinct(self.circuit, node, growing=growing), _places(relation.columns), growing)
            case rel.SetOp():
                return self._set_operation(relation, needed)
            case rel.TopN():
                return self._top_n(relation, needed)
            case rel.Window():
                return lower_window(self, relation, needed)
            case rel.TableCall():
                return self._table_call(relation, needed)
            case rel.Sessions():
                return lower_sessions(self, relation, needed)
            case rel.Temporal():
                return lower_temporal(self, relation, needed)
            case rel.Close() | rel.Fade():
                return lower_close(self, relation, needed)
            case rel.Recursion():
                return lower_recursion(self, relation)
            case rel.Mutual():
                return lower_mutual(self, relation)
        raise AssertionError(f"{type(relation).__name__} is gone before a plan is lowered")

    def _filter(self, relation: rel.Filter, needed: frozenset[int]) -> Part:
        columns = _kept(relation.columns, needed)
        node, growing = self.mapped(relation, [Ref(col) for col in columns])
        return Part(node, _places(columns), growing)

    def _scan(self, scan: rel.Scan, needed: frozenset[int]) -> Part:
        growing = self.facts.append_only(scan.oid)
        node = self._relation_node(scan.oid) or self._written_by_key(scan.oid)
        if node is not None:
            places = {col.id: position for col, position in zip(scan.columns, scan.positions, strict=True)}
            return Part(node, places, growing)
        stored = {p: c for c, p in zip(scan.columns, scan.positions, strict=True) if c.id in needed}
        positions = tuple(sorted(stored))
        node = self.circuit.add(Input(scan.oid, positions, tuple(stored[position].type for position in positions)))
        index = {position: i for i, position in enumerate(positions)}
        pairs = zip(scan.columns, scan.positions, strict=True)
        return Part(node, {col.id: index[p] for col, p in pairs if col.id in needed}, growing)

    def _written_by_key(self, oid: int) -> Node | None:
        """The rows of a relation that is written by key: all who read it share them, with all of their columns."""
        written = self.facts.written_by_key(oid)
        if written is None:
            return None
        writes = self.circuit.add(Input(oid, tuple(range(len(written.types))), written.types))
        return self.circuit.add(Latest(written.types, written.key), [writes])

    def _values(self, values: rel.Values, needed: frozenset[int]) -> Part:
        kept = [i for i, col in enumerate(values.columns) if col.id in needed]
        columns = [values.columns[i] for i in kept]
        rows = tuple(tuple(row[i] for i in kept) for row in values.rows)
        salt = self._salts.of(expr for row in rows for expr in row)
        node = self.circuit.add(Values(tuple(col.type for col in columns), rows, salt))
        return Part(node, _places(columns), True)

    def _project(self, project: rel.Project, needed: frozenset[int]) -> Part:
        outputs = [(col, expr) for col, expr in project.outputs if col.id in needed]
        node, growing = self.mapped(project.input, [expr for _, expr in outputs])
        return Part(node, _places([col for col, _ in outputs]), growing)

    def _assert_single(self, relation: rel.AssertSingle, needed: frozenset[int]) -> Part:
        columns = _kept(relation.columns, needed | {col.id for col in relation.key})
        node, growing = self.mapped(relation.input, [Ref(col) for col in columns])
        places = _places(columns)
        return Part(assert_single(self.circuit, node, [places[c.id] for c in relation.key]), places, growing)

    def _set_operation(self, relation: rel.SetOp, needed: frozenset[int]) -> Part:
        concatenates = relation.kind == "union" and relation.all
        kept = [i for i, col in enumerate(relation.columns) if not concatenates or col.id in needed]
        columns = [relation.columns[i] for i in kept]
        lowered = [self.mapped(side, [Ref(side.columns[i]) for i in kept]) for side in relation.inputs]
        nodes = [node for node, _ in lowered]
        growing = all(grows for _, grows in lowered)
        if relation.kind != "union":
            node = set_operation(self.circuit, nodes, relation.kind, all=relation.all)
            return Part(node, _places(columns), False)
        node = union(self.circuit, nodes)
        if not relation.all:
            node = distinct(self.circuit, node, growing=growing)
        return Part(node, _places(columns), growing)

    def _top_n(self, relation: rel.TopN, needed: frozenset[int]) -> Part:
        columns = _kept(relation.columns, needed)
        wanted = Wanted(Ref(col) for col in columns)
        partition = wanted.positions(relation.partition)
        order = order_columns(wanted, relation.order)
        node, growing = self.mapped(relation.input, wanted.exprs)
        cut = Cut(relation.limit, relation.offset, relation.whole)
        node = top_n(self.circuit, node, partition, order, cut, growing=growing)
        return Part(node, _places(columns), False)

    def _table_call(self, call: rel.TableCall, needed: frozenset[int]) -> Part:
        part = self.part(call.input, (needed & {col.id for col in call.input.columns}) | _ids(call.args))
        types = part.node.types
        args = tuple(part.local(arg) for arg in call.args)
        outputs = tuple(col.type for col in call.outputs)
        operator = TableCall(types, call.function, args, outputs, call.ordinality is not None, call.outer)
        node = self.circuit.add(operator, [part.node])
        added = call.columns[len(call.input.columns) :]
        places = part.places | {col.id: len(types) + i for i, col in enumerate(added)}
        return Part(node, places, part.growing)


class _Within(Lowering):
    """The lowering of what reads `working` relations; what reads none of them is lowered outside."""

    def __init__(self, outer: Lowering, inside: Inside, working: Mapping[int, Node]) -> None:
        super().__init__(inside, outer.facts, outer._salts.scope, working.get, outer._salts)
        self._outer, self._inside, self._working = outer, inside, working

    def part(self, relation: Relation, needed: Iterable[int]) -> Part:
        if reads(relation, self._working):
            return super().part(relation, needed)
        part = self._outer.part(relation, needed)
        return replace(part, node=self._inside.give(part.node))

    def mapped(self, relation: Relation, exprs: Sequence[Expr]) -> tuple[Node, bool]:
        if reads(relation, self._working):
            return super().mapped(relation, exprs)
        node, growing = self._outer.mapped(relation, exprs)
        return self._inside.give(node), growing


def _ids(exprs: Iterable[Expr]) -> frozenset[int]:
    """The columns that `exprs` read."""
    return frozenset(id for expr in exprs for id in used(expr))


def _kept(columns: Iterable[Col], needed: frozenset[int]) -> list[Col]:
    return [col for col in columns if col.id in needed]


def _places(columns: Iterable[Col]) -> dict[int, int]:
    return {col.id: position for position, col in enumerate(columns)}
