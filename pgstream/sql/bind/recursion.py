"""WITH RECURSIVE: a query that reads its own rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pgstream.errors import DatatypeMismatch, FeatureNotSupported, InvalidRecursion
from pgstream.plan import rewrite
from pgstream.plan.expressions import Col
from pgstream.plan.relations import Group, Join, Recursion, Relation, Scan
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.coercion import common_type
from pgstream.sql.bind.dispatch import bind_query
from pgstream.sql.bind.names import Level
from pgstream.sql.bind.query import visible
from pgstream.sql.bind.search_cycle import written_out
from pgstream.sql.bind.setops import outputs_of, retyped
from pgstream.sql.parse import ast, enums

Node = Any


@dataclass(slots=True)
class WorkingRows:
    """What the name of a recursive query means in its recursive term: the rows added last."""

    name: str
    oid: int
    columns: tuple[Col, ...]
    uses: int = 0

    def use(self, level: Level) -> Relation:
        """A Scan of those rows. Raises InvalidRecursion for a second one."""
        self.uses += 1
        if self.uses > 1:
            raise InvalidRecursion(f'recursive reference to query "{self.name}" must not appear more than once')
        cols = tuple(level.binding.col(col.name, col.type) for col in self.columns)
        return Scan(self.oid, self.name, cols, tuple(range(len(cols))))


def mentions(node: Any, name: str) -> bool:
    """Whether a FROM clause anywhere in `node` names `name`."""
    return next(_mentioned(node, name), None) is not None


def _mentioned(node: Any, name: str) -> Iterator[Node]:
    if isinstance(node, tuple):
        for part in node:
            yield from _mentioned(part, name)
    elif isinstance(node, ast.RangeVar):
        if node.relname == name and node.schemaname is None:
            yield node
    elif isinstance(node, ast.Node):
        for slot in node.__slots__:
            yield from _mentioned(getattr(node, slot), name)


def bind_recursive(level: Level, node: Node) -> Relation:
    """The plan of a WITH query that names itself. Raises InvalidRecursion and what PostgreSQL raises besides."""
    query, name, binding = node.ctequery, node.ctename, level.binding
    _require_form(query, name, node.location)
    if node.search_clause is not None or node.cycle_clause is not None:
        node = written_out(node, _names(node, visible(bind_query(binding, query.larg, level)).columns))
        query = node.ctequery
    binding.recursions.append((name, node.location))
    base = visible(bind_query(binding, query.larg, level))
    names = _names(node, base.columns)
    columns = tuple(binding.col(own, col.type) for own, col in zip(names, base.columns, strict=False))
    if not columns:
        raise FeatureNotSupported("a recursive query without columns is not supported", position=node.location)
    working = WorkingRows(name, -columns[0].id, columns)
    level.ctes[name] = working
    try:
        step = visible(bind_query(binding, query.rarg, level, keep_unknown=True))
    finally:
        del level.ctes[name]
    return Recursion(base, _fitted(binding, base, step, name), working.oid, bool(query.all), columns)


def _names(node: Node, columns: Sequence[Col]) -> list[str]:
    """What the columns of a WITH query are called."""
    given = [part.sval for part in node.aliascolnames or ()]
    return given + [col.name for col in columns[len(given) :]]


def _require_form(query: Node, name: str, position: int) -> None:
    if query.op != enums.SetOperation.SETOP_UNION:
        raise InvalidRecursion(
            f'recursive query "{name}" does not have the form non-recursive-term UNION [ALL] recursive-term',
            position=position,
        )
    early = next(_mentioned(query.larg, name), None)
    if early is not None:
        raise InvalidRecursion(
            f'recursive reference to query "{name}" must not appear within its non-recursive term',
            position=early.location,
        )
    for clause, called in ((query.sortClause, "ORDER BY"), (query.limitOffset, "OFFSET"), (query.limitCount, "LIMIT")):
        if clause:
            raise FeatureNotSupported(f"{called} in a recursive query is not implemented")


def _fitted(binding: Binding, base: Relation, step: Relation, name: str) -> Relation:
    """`step` with the column types of `base`, as which the recursive query's columns are known already."""
    _require_plain_reference(step, name)
    if len(step.columns) != len(base.columns):
        raise DatatypeMismatch("each UNION query must have the same number of columns")
    types = []
    pairs = zip(outputs_of(base), outputs_of(step), base.columns, strict=True)
    for number, (first, second, col) in enumerate(pairs, 1):
        overall = common_type(binding, [first, second], "UNION")
        if overall.name != col.type.name:
            raise DatatypeMismatch(
                f'recursive query "{name}" column {number} has type {col.type} in non-recursive term but type'
                f" {overall} overall",
                hint="Cast the output of the non-recursive term to the correct type.",
                position=binding.position(first),
            )
        types.append(col.type)
    return retyped(binding, step, types, "UNION")


def _require_plain_reference(step: Relation, name: str) -> None:
    """Raises where the rows added last are read by what needs all rows."""
    inside = f'recursive reference to query "{name}" must not appear within'
    for node in rewrite.subplans(step):
        if isinstance(node, Group) and _reads(node, name):
            raise InvalidRecursion("aggregate functions are not allowed in a recursive query's recursive term")
        if isinstance(node, Join):
            left = node.kind in ("right", "full") and _reads(node.left, name)
            right = node.kind in ("left", "full") and _reads(node.right, name)
            if left or right:
                raise InvalidRecursion(f"{inside} an outer join")
        for expr in rewrite.expressions(node):
            if any(_reads(query, name) for query in rewrite.queries(expr)):
                raise InvalidRecursion(f"{inside} a subquery")


def _reads(plan: Relation, name: str) -> bool:
    for node in rewrite.subplans(plan):
        if isinstance(node, Scan) and node.oid < 0 and node.name == name:
            return True
        for expr in rewrite.expressions(node):
            if any(_reads(query, name) for query in rewrite.queries(expr)):
                return True
    return False
