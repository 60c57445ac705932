"""INSERT, UPDATE and DELETE as WITH queries: what they return is a relation, and they are run whether it is read or
not, all over the rows from before the statement."""

from dataclasses import dataclass, replace
from typing import Any

from pgstream.catalog.objects import Sink
from pgstream.errors import FeatureNotSupported, InvalidColumnReference, InvalidRecursion
from pgstream.plan.expressions import Col
from pgstream.plan.relations import Relation, Scan
from pgstream.sql.bind import statements as bound
from pgstream.sql.bind.binding import INT8
from pgstream.sql.bind.commands import bind_node
from pgstream.sql.bind.lookup import find_relation
from pgstream.sql.bind.names import Level
from pgstream.sql.bind.recursion import mentions
from pgstream.sql.parse import ast

Node = Any
Part = bound.Insert | bound.Update | bound.Delete


@dataclass(frozen=True, slots=True)
class Along:
    """A WITH query that changes something: `oid`, below 0, is that of the relation that its RETURNING list gives."""

    oid: int
    name: str
    statement: Part


@dataclass(frozen=True, slots=True)
class Modifying:
    """A statement with WITH queries that change something, in the order in which they are run. `columns` are the
    result's; `statement` is a Query, a Part or a Merge."""

    along: tuple[Along, ...]
    statement: Any
    columns: tuple[Col, ...] | None = None


@dataclass(slots=True)
class ModifyingCte:
    """The name of such a WITH query. No columns: it returns nothing."""

    oid: int
    name: str
    columns: tuple[Col, ...] | None

    def use(self, level: Level) -> Relation:
        """A Scan of what it returned."""
        if self.columns is None:
            raise FeatureNotSupported(f'WITH query "{self.name}" does not have a RETURNING clause')
        cols = tuple(level.binding.col(col.name, col.type) for col in self.columns)
        return Scan(self.oid, self.name, cols, tuple(range(len(cols))))


def bind_modifying(level: Level, node: Node, recursive: bool) -> ModifyingCte:
    """One WITH query that changes something, which the binding remembers. Raises SqlError."""
    binding, query = level.binding, node.ctequery
    if isinstance(query, ast.MergeStmt):
        raise FeatureNotSupported("MERGE not supported in WITH query", position=node.location)
    if recursive and mentions(query, node.ctename):
        raise InvalidRecursion(
            f'recursive query "{node.ctename}" must not contain data-modifying statements', position=node.location
        )
    if level.parent is not None or binding.around is not None:
        raise FeatureNotSupported(
            "WITH clause containing a data-modifying statement must be at the top level", position=node.location
        )
    if isinstance(query, ast.InsertStmt) and isinstance(find_relation(binding, query.relation), Sink):
        raise FeatureNotSupported("a sink cannot be fed in a WITH query", position=query.relation.location)
    assert binding.parsed is not None
    binding.around = level
    try:
        command = bind_node(binding, query, binding.parsed)
    finally:
        binding.around = None
    oid = -binding.col(node.ctename, INT8).id
    binding.along.append(Along(oid, node.ctename, command.statement))
    return ModifyingCte(oid, node.ctename, _named(node, command.columns))


def _named(node: Node, columns: tuple[Col, ...] | None) -> tuple[Col, ...] | None:
    """The columns under the names that the WITH query gives them."""
    names = [part.sval for part in node.aliascolnames or ()]
    if columns is None or not names:
        return columns
    if len(names) > len(columns):
        raise InvalidColumnReference(
            f'WITH query "{node.ctename}" has {len(columns)} columns available but {len(names)} columns specified',
            position=node.location,
        )
    names += [col.name for col in columns[len(names) :]]
    return tuple(replace(col, name=name) for name, col in zip(names, columns, strict=True))
