"""UPDATE, DELETE and TRUNCATE; INSERT has a file of its own."""

from typing import Any

from pgstream.catalog.objects import ForeignKey, Table
from pgstream.errors import FeatureNotSupported
from pgstream.plan.expressions import Expr, Ref
from pgstream.plan.relations import Filter, Join, Project, Relation, Scan
from pgstream.sql.bind import insert  # noqa: F401  registers what it binds
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.coercion import coerce_to_bool
from pgstream.sql.bind.commands import Command, binds_statement
from pgstream.sql.bind.ctes import bind_with
from pgstream.sql.bind.dispatch import bind_expression
from pgstream.sql.bind.from_clause import bind_from, scan
from pgstream.sql.bind.names import Level, NameItem, check_alias_conflicts
from pgstream.sql.bind.query import ONE_ROW
from pgstream.sql.bind.returning import bind_returning
from pgstream.sql.bind.statements import Delete, Truncate, Update
from pgstream.sql.bind.stored import written_table
from pgstream.sql.bind.updates import bind_assignments
from pgstream.sql.parse import Parsed, ast, enums

Node = Any


@binds_statement(ast.UpdateStmt)
def bind_update(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """UPDATE: the rows to change, with what each column becomes."""
    level, table, target, plan = _target(binding, node, "update", node.fromClause)
    assignments = bind_assignments(level, node.targetList, table, target.columns)
    plan = _where(level, plan, node.whereClause)
    new = scan(binding, table.oid, table.name, table.columns).columns
    kept: list[tuple[Any, Expr]] = [(col, Ref(col)) for col in plan.columns]
    plan = Project(plan, (*kept, *zip(new, assignments, strict=True)))
    changed = NameItem(level.items[0].alias, [(col.name, Ref(col)) for col in new], table=table)
    returning = bind_returning(level, node.returningClause, [changed, *level.items[1:]])
    columns = None if node.returningClause is None else tuple(col for col, _ in returning)
    return Command(Update(table.oid, plan, target.columns, new, returning), "UPDATE", columns)


@binds_statement(ast.DeleteStmt)
def bind_delete(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """DELETE: the rows to delete."""
    level, table, target, plan = _target(binding, node, "delete", node.usingClause)
    plan = _where(level, plan, node.whereClause)
    returning = bind_returning(level, node.returningClause, level.items)
    columns = None if node.returningClause is None else tuple(col for col, _ in returning)
    return Command(Delete(table.oid, plan, target.columns, returning), "DELETE", columns)


def _target(binding: Binding, node: Node, verb: str, others: Any) -> tuple[Level, Table, Scan, Relation]:
    """The target table, its scan, and the scan joined with FROM or USING; the names of both are in the level."""
    level = Level(binding, binding.around)
    bind_with(level, node.withClause)
    table = written_table(binding, node.relation, verb)
    target = scan(binding, table.oid, table.name, table.columns)
    alias = node.relation.alias.aliasname if node.relation.alias else table.name
    schema = None if node.relation.alias else binding.catalog.schema_name(table.schema_oid)
    item = NameItem(alias, [(col.name, Ref(col)) for col in target.columns], schema, table=table, oid=table.oid)
    plan: Relation = target
    if others:
        other = bind_from(level, others)
        check_alias_conflicts([item], level.items)
        if other is not ONE_ROW:
            plan = Join("inner", target, other, None)
    level.items.insert(0, item)
    level.own |= {col.id for col in target.columns}
    return level, table, target, plan


def _where(level: Level, plan: Relation, node: Node) -> Relation:
    if node is None:
        return plan
    level.clause = "WHERE"
    condition = coerce_to_bool(level.binding, bind_expression(level, node), "WHERE")
    return Filter(plan, condition)


@binds_statement(ast.TruncateStmt)
def bind_truncate(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """TRUNCATE."""
    tables = [written_table(binding, relation, "truncate") for relation in node.relations]
    oids, notices = referring_too(binding, [table.oid for table in tables], node.behavior)
    made = Truncate(oids, bool(node.restart_seqs), notices)
    return Command(made, "TRUNCATE TABLE")


def referring_too(binding: Binding, oids: list[int], behavior: Any) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The tables to truncate, and what to tell. Raises FeatureNotSupported where others refer to them, unless CASCADE
    takes those too."""
    found, notices = list(dict.fromkeys(oids)), list[str]()
    for oid in found:
        for key in binding.catalog.dependents(oid):
            if not isinstance(key, ForeignKey) or key.relation_oid in found:
                continue
            name, target = (binding.catalog.objects[one].name for one in (key.relation_oid, oid))
            if behavior != enums.DropBehavior.DROP_CASCADE:
                raise FeatureNotSupported(
                    "cannot truncate a table referenced in a foreign key constraint",
                    detail=f'Table "{name}" references "{target}".',
                    hint=f'Truncate table "{name}" at the same time, or use TRUNCATE ... CASCADE.',
                )
            found.append(key.relation_oid)
            notices.append(f'truncate cascades to table "{name}"')
    return tuple(found), tuple(notices)
