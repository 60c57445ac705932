"""WITH MUTUALLY RECURSIVE: queries that may read each other's rows and their own."""

from dataclasses import dataclass
from typing import Any

from pgstream.errors import DatatypeMismatch, DuplicateAlias
from pgstream.plan.expressions import Call, Col, Const, Expr, Ref
from pgstream.plan.relations import Filter, Mutual, Project, Relation, Scan
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.dispatch import bind_query
from pgstream.sql.bind.names import Level
from pgstream.sql.bind.query import visible
from pgstream.sql.bind.setops import retyped
from pgstream.sql.bind.types import type_of
from pgstream.sql.optimize.predicates import equality
from pgstream.types import BOOL, INT8

Node = Any


@dataclass(slots=True)
class Declared:
    """What the name of such a query means in all of them: its rows so far."""

    name: str
    columns: tuple[Col, ...]

    @property
    def oid(self) -> int:
        """The number of the working relation: like no other in the plan."""
        return -self.columns[0].id

    def use(self, level: Level) -> Relation:
        """A Scan of those rows."""
        cols = tuple(level.binding.col(col.name, col.type) for col in self.columns)
        return Scan(self.oid, self.name, cols, tuple(range(len(cols))))


def bind_mutual(level: Level, clause: Node) -> list[tuple[str, Relation]]:
    """The queries of the clause by name, each as a plan of its rows. Raises SqlError."""
    binding, said = level.binding, clause.recursive
    declared = [_declared(binding, node) for node in clause.ctes]
    for node, one in zip(clause.ctes, declared, strict=True):
        if one.name in level.ctes:
            raise DuplicateAlias(f'WITH query name "{one.name}" specified more than once', position=node.location)
        binding.recursions.append((one.name, node.location))
        level.ctes[one.name] = one
    try:
        terms = tuple(_term(level, node, one) for node, one in zip(clause.ctes, declared, strict=True))
    finally:
        for one in declared:
            level.ctes.pop(one.name, None)
    workings, relations = tuple(one.oid for one in declared), tuple(one.columns for one in declared)
    mutual = Mutual(terms, workings, relations, binding.col("number", INT8), said.limit, said.returns)
    return [(one.name, _rows(binding, mutual, number, one)) for number, one in enumerate(declared)]


def _declared(binding: Binding, node: Node) -> Declared:
    columns = tuple(binding.col(col.colname, type_of(binding, col.typeName)) for col in node.ctecoltypes)
    return Declared(node.ctename, columns)


def _term(level: Level, node: Node, declared: Declared) -> Relation:
    """What a query makes of the rows so far, in the types that it declares."""
    plan = visible(bind_query(level.binding, node.ctequery, level, keep_unknown=True))
    if len(plan.columns) != len(declared.columns):
        raise DatatypeMismatch(
            f'WITH query "{declared.name}" has {len(plan.columns)} columns but declares {len(declared.columns)}',
            position=node.location,
        )
    return retyped(level.binding, plan, [col.type for col in declared.columns], "WITH MUTUALLY RECURSIVE")


def _rows(binding: Binding, mutual: Mutual, number: int, declared: Declared) -> Relation:
    """The rows of one relation of all."""
    own = Call(equality(INT8), (Ref(mutual.number), Const(number, INT8)), BOOL)
    outputs: list[tuple[Col, Expr]] = [(binding.col(col.name, col.type), Ref(col)) for col in declared.columns]
    return Project(Filter(mutual, own), tuple(outputs))
