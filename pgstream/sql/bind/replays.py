"""CALL pgstream.replay: which records that a source refused are read again, and as what."""

from dataclasses import dataclass
from typing import Any

from pgstream.catalog.objects import Source, Table
from pgstream.errors import FeatureNotSupported, UndefinedTable, WrongObjectType
from pgstream.plan.relations import Relation
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.commands import Command, binds_statement
from pgstream.sql.bind.dispatch import bind_query
from pgstream.sql.bind.query import visible
from pgstream.sql.parse import Parsed, ast, enums, parse
from pgstream.sql.streaming.replays import ReplayStmt

Node = Any
COLUMNS = ("raw", "message", "place", "rejected_at", "replayed_at")


@dataclass(frozen=True, slots=True)
class Replay:
    """`plan` gives rows of the source's errors relation, and beside them the corrected bytes where `corrects`; with
    `late` those of the relation of late rows that has this OID."""

    source_oid: int
    plan: Relation
    corrects: bool
    late: int = 0


@binds_statement(ReplayStmt)
def bind_replay(binding: Binding, node: ReplayStmt, parsed: Parsed) -> Command:
    """CALL pgstream.replay, of a source or of its relation of late rows."""
    found = binding.catalog.lookup(node.relation.schemaname, node.relation.relname, binding.search_path)
    if isinstance(found, Table) and found.late:
        return _bind_late(binding, node, found)
    source = _source(binding, node.relation)
    if source.row_key:
        raise FeatureNotSupported("records of a source of changes cannot be replayed: later ones may be there")
    query = parse(f"SELECT {', '.join(COLUMNS)} FROM x WHERE replayed_at IS NULL")[0].node
    (relation,) = query.fromClause
    relation.schemaname, relation.relname = _schema_name(binding, source), source.errors_name
    if node.where is not None:
        conditions = (query.whereClause, node.where.val)
        query.whereClause = ast.BoolExpr(boolop=enums.BoolExprType.AND_EXPR, args=conditions)
    if node.raw is not None:
        query.targetList = (*query.targetList, ast.ResTarget(name="corrected", val=_as_bytes(node.raw.val)))
    plan = visible(bind_query(binding, query))
    return Command(Replay(source.oid, plan, node.raw is not None), "CALL")


def _bind_late(binding: Binding, node: ReplayStmt, late: Table) -> Command:
    if node.raw is not None:
        raise FeatureNotSupported("late rows are not records that could be corrected")
    query = parse("SELECT * FROM x")[0].node
    (relation,) = query.fromClause
    relation.schemaname, relation.relname = node.relation.schemaname, node.relation.relname
    if node.where is not None:
        query.whereClause = node.where.val
    plan = visible(bind_query(binding, query))
    return Command(Replay(late.errors_of, plan, False, late.oid), "CALL")


def _source(binding: Binding, relation: Node) -> Source:
    found = binding.catalog.lookup(relation.schemaname, relation.relname, binding.search_path)
    if found is None:
        raise UndefinedTable(f'relation "{relation.relname}" does not exist', position=relation.location)
    if not isinstance(found, Source):
        raise WrongObjectType(f'"{relation.relname}" is not a source', position=relation.location)
    return found


def _schema_name(binding: Binding, source: Source) -> str:
    return str(binding.catalog.objects[source.schema_oid].name)


def _as_bytes(node: Node) -> Node:
    """The expression, cast to bytea."""
    template = parse("SELECT CAST(NULL AS bytea)")[0].node.targetList[0].val
    template.arg = node
    return template
