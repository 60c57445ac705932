"""Parts: lowered relations, and the Map nodes that fit one to what the next operator wants."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pgstream.circuit.circuit import Circuit, Node
from pgstream.circuit.operator import Operator
from pgstream.errors import FeatureNotSupported
from pgstream.operators.derived import at
from pgstream.operators.map import Map
from pgstream.plan.expressions import Const, Expr, Ref
from pgstream.plan.rewrite import subexpressions, substitute, used
from pgstream.sql.optimize.predicates import conjunction, is_volatile
from pgstream.sql.temporal import reads_processing_time


@dataclass(frozen=True, slots=True)
class Part:
    """A node that gives some columns of a relation: `places` has the position of each by column id.

    `growing`: nothing is ever retracted.
    """

    node: Node
    places: dict[int, int]
    growing: bool

    def local(self, expr: Expr) -> Expr:
        """`expr` over the node's positions."""
        if isinstance(expr, Ref):
            position = self.places.get(expr.col.id)
            return expr if position is None else at(position, self.node.types[position])
        types = self.node.types
        mapping = {id: at(self.places[id], types[self.places[id]]) for id in used(expr) if id in self.places}
        return substitute(expr, mapping)


@dataclass(slots=True)
class Salts:
    """Marks for volatile computations, of which no two are the same, though a restart makes the same again."""

    scope: str
    given: int = field(default=0)

    def of(self, exprs: Iterable[Expr]) -> str:
        """A new mark if one of `exprs` is volatile."""
        if not any(is_volatile(expr) for expr in exprs):
            return ""
        self.given += 1
        return f"{self.scope}#{self.given}"


class Wanted:
    """The expressions that an operator wants of its input, each once; positions are given as they are asked for."""

    def __init__(self, exprs: Iterable[Expr] = ()) -> None:
        self.exprs: list[Expr] = []
        self.positions(exprs)

    def position(self, expr: Expr) -> int:
        """Where `expr` stands; it is added if nobody asked for it yet."""
        for index, other in enumerate(self.exprs):
            if same_expr(expr, other):
                return index
        self.exprs.append(expr)
        return len(self.exprs) - 1

    def positions(self, exprs: Iterable[Expr]) -> tuple[int, ...]:
        return tuple(self.position(expr) for expr in exprs)


def same_expr(left: Expr, right: Expr) -> bool:
    """Whether one computation may stand for both: equal, not volatile, and constants spelled alike."""
    return left == right and repr(left) == repr(right) and not is_volatile(left)


def mapped(circuit: Circuit, salts: Salts, part: Part, predicate: Expr | None, exprs: Sequence[Expr]) -> Node:
    """A node that gives `exprs` of the rows of `part` where `predicate` is true; `part`'s own if it does already."""
    types = part.node.types
    if predicate is None and len(exprs) == len(types):
        places = [part.places.get(expr.col.id) if isinstance(expr, Ref) else None for expr in exprs]
        if places == list(range(len(types))):
            return part.node
    condition = None if predicate is None else part.local(predicate)
    local = tuple(part.local(expr) for expr in exprs)
    computed = local if condition is None else (condition, *local)
    if salts.scope and not part.growing and any(map(reads_processing_time, computed)):
        raise FeatureNotSupported(
            "function proctime is not allowed over rows that are updated or deleted",
            hint="It tells when a row came, and a row that goes would be looked for at another time.",
        )
    source = part.node
    fused = _fused(source.operator, condition, local)
    if fused is not None:
        condition, local = fused
        source = source.inputs[0]
    salt = salts.of(local if condition is None else (condition, *local))
    return circuit.add(Map(condition, local, salt), [source])


def _fused(
    below: Operator, predicate: Expr | None, exprs: tuple[Expr, ...]
) -> tuple[Expr | None, tuple[Expr, ...]] | None:
    """The Map of `predicate` and `exprs` over the Map `below` as one Map; None where that would compute twice."""
    if not isinstance(below, Map) or below.salt:
        return None
    uses = Counter(
        part.col.id
        for expr in (*exprs, *([] if predicate is None else [predicate]))
        for part in subexpressions(expr)
        if isinstance(part, Ref)
    )
    if any(uses[i] > 1 and not isinstance(expr, Ref | Const) for i, expr in enumerate(below.expressions)):
        return None
    mapping = dict(enumerate(below.expressions))
    upper = None if predicate is None else substitute(predicate, mapping)
    both = conjunction(part for part in (below.predicate, upper) if part is not None)
    return both, tuple(substitute(expr, mapping) for expr in exprs)
