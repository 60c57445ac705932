"""WITH: common table expressions, each bound where it stands and copied with fresh columns where it is used again."""

from dataclasses import dataclass
from typing import Any

from pgstream.errors import DuplicateAlias, InvalidColumnReference
from pgstream.plan.expressions import Ref
from pgstream.plan.relations import Project, Relation
from pgstream.plan.rewrite import fresh_copy
from pgstream.sql.bind.dispatch import bind_query
from pgstream.sql.bind.modifying import bind_modifying
from pgstream.sql.bind.mutual import bind_mutual
from pgstream.sql.bind.names import Level
from pgstream.sql.bind.query import visible
from pgstream.sql.bind.recursion import bind_recursive, mentions
from pgstream.sql.parse import ast
from pgstream.sql.streaming.mutual import Mutual

Node = Any


@dataclass(slots=True)
class Cte:
    """One WITH query and how often it was used."""

    plan: Relation
    uses: int = 0

    def use(self, level: Level) -> Relation:
        """The query's plan, with columns that no earlier use has."""
        self.uses += 1
        if self.uses == 1:
            return self.plan
        return fresh_copy(self.plan, level.binding.ids)[0]


def bind_with(level: Level, clause: Node) -> None:
    """Makes the names of a WITH clause known in `level`."""
    if clause is None:
        return
    if isinstance(clause.recursive, Mutual):
        level.ctes |= {name: Cte(plan) for name, plan in bind_mutual(level, clause)}
        return
    level.later_ctes = {node.ctename for node in clause.ctes}
    for node in clause.ctes:
        if node.ctename in level.ctes:
            raise DuplicateAlias(f'WITH query name "{node.ctename}" specified more than once', position=node.location)
        if not isinstance(node.ctequery, ast.SelectStmt):
            level.ctes[node.ctename] = bind_modifying(level, node, bool(clause.recursive))
        else:
            level.ctes[node.ctename] = Cte(_renamed(level, node, bool(clause.recursive)))
        level.later_ctes.discard(node.ctename)


def _renamed(level: Level, node: Node, recursive: bool) -> Relation:
    if recursive and mentions(node.ctequery, node.ctename):
        plan = bind_recursive(level, node)
    else:
        plan = visible(bind_query(level.binding, node.ctequery, level))
    names = [part.sval for part in node.aliascolnames or ()]
    if not names:
        return plan
    if len(names) > len(plan.columns):
        raise InvalidColumnReference(
            f'WITH query "{node.ctename}" has {len(plan.columns)} columns available but {len(names)} columns specified',
            position=node.location,
        )
    names += [col.name for col in plan.columns[len(names) :]]
    outputs = tuple(
        (level.binding.col(name, col.type, col.table_oid, col.attnum), Ref(col))
        for name, col in zip(names, plan.columns, strict=True)
    )
    return Project(plan, outputs)
