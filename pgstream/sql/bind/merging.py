"""MERGE, as PostgreSQL 15 has it: each row of the source, joined with the target, takes the first clause that fits."""

from dataclasses import dataclass
from typing import Any, Literal

from pgstream.catalog.objects import Table
from pgstream.errors import SyntaxError42601, WrongObjectType
from pgstream.plan.expressions import Case, Col, Const, Expr, IsNull, Not, Ref
from pgstream.plan.relations import Filter, Join, Project, Relation
from pgstream.plan.rewrite import used
from pgstream.sql.bind.binding import BOOL, INT4, Binding
from pgstream.sql.bind.coercion import coerce_to_bool
from pgstream.sql.bind.commands import Command, binds_statement
from pgstream.sql.bind.ctes import bind_with
from pgstream.sql.bind.dispatch import bind_expression
from pgstream.sql.bind.from_clause import bind_from, scan
from pgstream.sql.bind.insert import check_width, full_row, target_positions
from pgstream.sql.bind.names import DuplicateTableAlias, Level, NameItem
from pgstream.sql.bind.operators import apply_operator, conjunction
from pgstream.sql.bind.stored import is_default, written_table
from pgstream.sql.bind.updates import bind_assignments
from pgstream.sql.optimize.predicates import is_volatile
from pgstream.sql.parse import Parsed, ast, enums, tokens

Node = Any
Kind = Literal["insert", "update", "delete", "nothing"]

_KINDS: dict[Any, Kind] = {
    enums.CmdType.CMD_INSERT: "insert",
    enums.CmdType.CMD_UPDATE: "update",
    enums.CmdType.CMD_DELETE: "delete",
    enums.CmdType.CMD_NOTHING: "nothing",
}
_MATCHED = enums.MergeMatchKind.MERGE_WHEN_MATCHED
_BY_SOURCE = enums.MergeMatchKind.MERGE_WHEN_NOT_MATCHED_BY_SOURCE


@dataclass(frozen=True, slots=True)
class Action:
    """One WHEN clause. `drawn` are volatile values that each inserted row gets one of, by column position."""

    kind: Kind
    drawn: tuple[tuple[int, Expr], ...] = ()


@dataclass(frozen=True, slots=True)
class Merge:
    """MERGE. `plan` has a row for each pair that some clause fits: `action` is the number of the first that does,
    `old` the target's row, if there is one, and `new` what becomes of it, or what is to be inserted."""

    table_oid: int
    plan: Relation
    old: tuple[Col, ...]
    new: tuple[Col, ...]
    action: Col
    actions: tuple[Action, ...]


@binds_statement(ast.MergeStmt)
def bind_merge(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """MERGE INTO a table."""
    _check_grammar(node, parsed)
    level = Level(binding)
    bind_with(level, node.withClause)
    _check_reachable(node.mergeWhenClauses)
    table = written_table(binding, node.relation, "merge")
    if table.append_only and any(_KINDS[when.commandType] in ("update", "delete") for when in node.mergeWhenClauses):
        raise WrongObjectType(f'cannot update or delete from append-only table "{table.name}"')
    target = scan(binding, table.oid, table.name, table.columns)
    joined, there = _joined(level, node, table, target.columns, target)
    clauses = [_clause(level, when, table, target.columns, Ref(there)) for when in node.mergeWhenClauses]
    action = binding.col("action", INT4)
    whens = tuple((condition, Const(i, INT4)) for i, (condition, _, _) in enumerate(clauses))
    chosen = Project(
        joined, (*((col, Ref(col)) for col in joined.columns), (action, Case(whens, Const(None, INT4), INT4)))
    )
    fitting = Filter(chosen, Not(IsNull(Ref(action))))
    new = scan(binding, table.oid, table.name, table.columns).columns
    made = tuple((col, _value(binding, i, col, action, clauses)) for i, col in enumerate(new))
    kept = tuple((col, Ref(col)) for col in (*target.columns, action))
    statement = Merge(
        table.oid, Project(fitting, (*kept, *made)), target.columns, new, action, tuple(each for _, each, _ in clauses)
    )
    return Command(statement, "MERGE")


def _check_grammar(node: Node, parsed: Parsed) -> None:
    """Refuses what later versions added to the grammar. Raises SyntaxError42601."""
    late = ["RETURNING"] if node.returningClause is not None else []
    if any(when.matchKind == _BY_SOURCE for when in node.mergeWhenClauses):
        late.insert(0, "BY")
    if not late:
        return
    words = [(parsed.text[token.start : token.end], token.start) for token in tokens(parsed.text)]
    for i, (word, start) in enumerate(words):
        follows = late[0] != "BY" or (i > 0 and words[i - 1][0].upper() == "MATCHED")
        if word.upper() == late[0] and follows:
            raise SyntaxError42601(f'syntax error at or near "{word}"', position=parsed.start + start)
    raise SyntaxError42601(f'syntax error at or near "{late[0]}"')


def _check_reachable(whens: tuple[Node, ...]) -> None:
    """Raises SyntaxError42601 where no row can come to a clause."""
    ended: set[bool] = set()
    for when in whens:
        matched = when.matchKind == _MATCHED
        if matched in ended:
            raise SyntaxError42601("unreachable WHEN clause specified after unconditional WHEN clause")
        if when.condition is None:
            ended.add(matched)


def _joined(level: Level, node: Node, table: Table, columns: tuple[Col, ...], target: Relation) -> tuple[Relation, Col]:
    """The source's rows with those of the target that match, and the column that is NULL where none does.

    The first name of the level is the target's afterwards.
    """
    binding = level.binding
    alias = node.relation.alias.aliasname if node.relation.alias else table.name
    schema = None if node.relation.alias else binding.catalog.schema_name(table.schema_oid)
    item = NameItem(alias, [(col.name, Ref(col)) for col in columns], schema, table=table, oid=table.oid)
    source = bind_from(level, (node.sourceRelation,))
    if any(other.relation_visible and (other.alias, other.schema) == (alias, schema) for other in level.items):
        raise DuplicateTableAlias(
            f'name "{alias}" specified more than once',
            detail="The name is used both as MERGE target table and data source.",
        )
    level.items.insert(0, item)
    level.own |= {col.id for col in columns}
    level.clause = "JOIN/ON"
    condition = coerce_to_bool(binding, bind_expression(level, node.joinCondition), "JOIN/ON")
    there = binding.col("there", BOOL)
    marked = Project(target, (*((col, Ref(col)) for col in columns), (there, Const(True, BOOL))))
    return Join("left", source, marked, condition), there


def _clause(
    level: Level, when: Node, table: Table, old: tuple[Col, ...], there: Expr
) -> tuple[Expr, Action, tuple[Expr, ...]]:
    """When a WHEN clause fits, what it does, and the row that it makes, if it makes one."""
    matched = when.matchKind == _MATCHED
    item = level.items[0]
    item.relation_visible = item.columns_visible = matched
    parts: list[Expr] = [Not(IsNull(there)) if matched else IsNull(there)]
    if when.condition is not None:
        level.clause = "MERGE WHEN conditions"
        parts.append(coerce_to_bool(level.binding, bind_expression(level, when.condition), "WHEN"))
    kind = _KINDS[when.commandType]
    row: tuple[Expr, ...] = ()
    drawn: list[tuple[int, Expr]] = []
    if kind == "update":
        row = bind_assignments(level, when.targetList, table, old)
    elif kind == "insert":
        made = _inserted(level, when, table)
        drawn = [(i, expr) for i, expr in enumerate(made) if is_volatile(expr) and not used(expr)]
        for i, _ in drawn:
            made[i] = Const(None, table.columns[i].type)
        row = tuple(made)
    return conjunction(parts), Action(kind, tuple(drawn)), row


def _inserted(level: Level, when: Node, table: Table) -> list[Expr]:
    """The row that an INSERT clause makes: one expression for each of the table's columns."""
    level.overriding = when.override == enums.OverridingKind.OVERRIDING_SYSTEM_VALUE
    level.user_values = when.override == enums.OverridingKind.OVERRIDING_USER_VALUE
    positions = target_positions(table, when.targetList)
    if when.values is None:
        return full_row(level, table, (), [])
    level.clause = "VALUES"
    row = [None if is_default(item) else bind_expression(level, item) for item in when.values]
    check_width(level.binding, when.targetList, positions, row, when.values)
    return full_row(level, table, positions, row)


def _value(
    binding: Binding, position: int, col: Col, action: Col, clauses: list[tuple[Expr, Action, tuple[Expr, ...]]]
) -> Expr:
    """What the column at `position` becomes, whichever clause it is that fits."""
    whens = tuple(
        (apply_operator(binding, "=", [Ref(action), Const(i, INT4)], None), row[position])
        for i, (_, _, row) in enumerate(clauses)
        if row
    )
    return Case(whens, Const(None, col.type), col.type) if whens else Const(None, col.type)
