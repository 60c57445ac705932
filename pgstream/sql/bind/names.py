"""Names: what a column or relation name means at one point of a query.

    Level      one SELECT (or DML statement): its FROM items, and what binding its expressions found
    NameItem   one thing in FROM that names can be found in

The rules are those of PostgreSQL's parse_relation.c: a JOIN's columns hide those of its inputs for unqualified
names, while the inputs stay visible for qualified ones; LATERAL items see what stands to their left.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pgstream.errors import (
    AmbiguousAlias,
    AmbiguousColumn,
    InvalidColumnReference,
    SqlError,
    UndefinedColumn,
    UndefinedTable,
)
from pgstream.plan.expressions import AggCall, Col, Const, Expr, SortKey, WindowCall
from pgstream.plan.rewrite import free_refs
from pgstream.sql.bind.binding import Binding
from pgstream.types.definition import SqlType

Node = Any


@dataclass(slots=True)
class NameItem:
    """Something in FROM: the columns it offers, by name, and whether names may reach it.

    `relation_visible`: `alias.column` finds it. `columns_visible`: a bare `column` does. `lateral_only` while the
    FROM clause around it is bound: only LATERAL items see it, and those only if `lateral_ok`. `table` is set for
    stored tables.
    """

    alias: str
    columns: list[tuple[str, Expr]]
    schema: str | None = None
    relation_visible: bool = True
    columns_visible: bool = True
    lateral_only: bool = False
    lateral_ok: bool = True
    table: Any = None
    oid: int = 0
    is_function: bool = False
    row: Expr | None = None
    """Its row as a value, where that is not just its columns."""
    nullable: bool = False
    """Whether an outer join may put NULLs in place of its rows."""

    def named(self, name: str) -> list[Expr]:
        """The columns of that name; at last the one system column that means something here."""
        found = [expr for own, expr in self.columns if own == name]
        if not found and name == "tableoid" and self.oid:
            return [Const(self.oid, SqlType("oid"))]
        return found


@dataclass(slots=True)
class SetCall:
    """A set-returning function of a SELECT list, to be applied to each row."""

    outputs: tuple[Col, ...]
    function: Any
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class GroupingCall:
    """GROUPING(args): `col` stands for it until the groups are known."""

    col: Col
    args: tuple[Expr, ...]


@dataclass(slots=True)
class Level:
    """One query level. Aggregates, window calls and set-returning calls that its expressions contain are taken out
    here, and the expressions refer to their columns.

    `clause` says which part is being bound, as PostgreSQL's messages call it.
    """

    binding: Binding
    parent: "Level | None" = None
    items: list[NameItem] = field(default_factory=list)
    clause: str = "SELECT"
    aggregates: dict[AggCall, Col] = field(default_factory=dict)
    windows: dict[WindowCall, Col] = field(default_factory=dict)
    set_calls: list[SetCall] = field(default_factory=list)
    group_window: Any = None
    """The window that this level's rows are in, once a function such as tumble(…) asked for one."""
    rows: Any = None
    """The plan of FROM, once it is bound."""
    times: list[Col] = field(default_factory=list)
    """The event times that were asked for, which the rows of FROM need not have."""
    window_definitions: dict[str, Any] = field(default_factory=dict)
    ctes: dict[str, Any] = field(default_factory=dict)
    later_ctes: set[str] = field(default_factory=set)
    """Names of the WITH clause being bound that are not visible yet."""
    own: set[int] = field(default_factory=set)
    in_aggregate: str | None = None
    groupings: list[GroupingCall] = field(default_factory=list)
    direct: list[Expr] = field(default_factory=list)
    """The direct arguments of ordered-set aggregates, which must be over the groups."""
    alone: bool = False
    """Whether FROM is one subquery and nothing else."""
    input_order: tuple[SortKey, ...] = ()
    """The order of the rows that aggregates see: the ORDER BY of a subquery that is all of FROM."""
    overriding: bool = False
    user_values: bool = False
    """What OVERRIDING says of identity columns that INSERT gives values: those count, or do not."""
    drawn: list[tuple[int, Expr]] = field(default_factory=list)
    """Volatile defaults of an INSERT, by column position."""
    lateral: bool = False
    """Whether a LATERAL item is being bound, which sees what stands to its left."""

    alias_places: dict[str, int] = field(default_factory=dict)
    """Where the item of the SELECT list stands that each of `aliases` is, while the items behind it may name it."""
    aliases: dict[str, Expr] = field(default_factory=dict)
    """What names mean that nothing in FROM has: output columns, while QUALIFY is bound."""

    def levels(self) -> "Iterator[Level]":
        """This level and those around it, innermost first."""
        level: Level | None = self
        while level is not None:
            yield level
            level = level.parent

    def owner(self, args: Iterable[Expr]) -> "Level":
        """The level whose groups an aggregate of `args` is of: the innermost one whose columns they refer to."""
        used = {id for arg in args for id in free_refs(arg)}
        for scope in self.levels() if used else ():
            made = {col.id for col in scope.aggregates.values()}
            if used & (scope.own | made):
                return scope
        return self

    def cte(self, name: str) -> Any:
        """The common table expression of that name in this level or the nearest around it; None for none."""
        for level in self.levels():
            if name in level.ctes:
                return level.ctes[name]
        return None


def check_alias_conflicts(left: list[NameItem], right: list[NameItem]) -> None:
    """Raises DuplicateAlias where two items of one FROM clause have one name."""
    from_left = {(item.alias, item.schema) for item in left if item.relation_visible and item.alias}
    for item in right:
        if item.relation_visible and (item.alias, item.schema) in from_left:
            raise DuplicateTableAlias(f'table name "{item.alias}" specified more than once')


class DuplicateTableAlias(SqlError):
    """42712: one name for two FROM items."""

    sqlstate = "42712"


def find_column(level: Level, name: str, position: int | None) -> Expr | None:
    """What the bare `name` means, in this level or the nearest around it. Raises AmbiguousColumn."""
    for scope in level.levels():
        found: Expr | None = None
        for item in scope.items:
            if not item.columns_visible or (item.lateral_only and not scope.lateral):
                continue
            matches = item.named(name)
            if not matches:
                continue
            if found is not None or len(matches) > 1:
                raise AmbiguousColumn(f'column reference "{name}" is ambiguous', position=position)
            _check_lateral(item, position)
            found = matches[0]
        found = scope.aliases.get(name) if found is None else found
        if found is not None:
            return found
    return None


def find_item(level: Level, schema: str | None, alias: str, position: int | None) -> NameItem | None:
    """The FROM item that `[schema.]alias` means. Raises AmbiguousAlias."""
    for scope in level.levels():
        found: NameItem | None = None
        for item in scope.items:
            if not item.relation_visible or item.alias != alias or (schema is not None and item.schema != schema):
                continue
            if item.lateral_only and not scope.lateral:
                continue
            if found is not None:
                raise AmbiguousAlias(f'table reference "{alias}" is ambiguous', position=position)
            _check_lateral(item, position)
            found = item
        if found is not None:
            return found
    return None


def _check_lateral(item: NameItem, position: int | None) -> None:
    if item.lateral_only and not item.lateral_ok:
        raise InvalidColumnReference(
            f'invalid reference to FROM-clause entry for table "{item.alias}"',
            detail="The combining JOIN type must be INNER or LEFT for a LATERAL reference.",
            position=position,
        )


def qualified_column(level: Level, schema: str | None, alias: str, name: str, position: int | None) -> Expr:
    """What `[schema.]alias.name` means. Raises UndefinedTable or UndefinedColumn."""
    item = find_item(level, schema, alias, position)
    if item is None:
        raise missing_item(level, alias, position)
    matches = item.named(name)
    if len(matches) > 1:
        raise AmbiguousColumn(f'column reference "{name}" is ambiguous', position=position)
    if not matches:
        raise missing_column(level, alias, name, position)
    return matches[0]


def missing_item(level: Level, alias: str, position: int | None) -> SqlError:
    """UndefinedTable for a qualified name whose relation is not visible."""
    for scope in level.levels():
        for item in scope.items:
            if item.alias == alias:
                return UndefinedTable(
                    f'invalid reference to FROM-clause entry for table "{alias}"',
                    hint=f'There is an entry for table "{alias}", but it cannot be referenced from this part'
                    " of the query.",
                    position=position,
                )
    hidden = _item_of_table(level, alias)
    if hidden is not None:
        return UndefinedTable(
            f'invalid reference to FROM-clause entry for table "{alias}"',
            hint=f'Perhaps you meant to reference the table alias "{hidden.alias}".',
            position=position,
        )
    return UndefinedTable(f'missing FROM-clause entry for table "{alias}"', position=position)


def _item_of_table(level: Level, name: str) -> NameItem | None:
    """An item that stands for the table `name` under another alias."""
    for scope in level.levels():
        for item in scope.items:
            if item.table is not None and item.table.name == name and item.alias != name:
                return item
    return None


def missing_column(level: Level, alias: str | None, name: str, position: int | None) -> SqlError:
    """UndefinedColumn, with PostgreSQL's suggestion of a similar name."""
    shown = f"{alias}.{name}" if alias else f'"{name}"'
    return UndefinedColumn(f"column {shown} does not exist", hint=_suggestion(level, alias, name), position=position)


def _suggestion(level: Level, alias: str | None, name: str) -> str | None:
    """PostgreSQL's fuzzy match (searchRangeTableForCol): the nearest one or two columns by edit distance."""
    exact = [(item.alias, own) for item in _all_items(level) for own, _ in item.columns if own == name and alias]
    best: list[tuple[str, str]] = []
    limit = 1 + max(len(name) // 2, 0)
    least = min(3, limit) + 1
    if exact:
        return f'Perhaps you meant to reference the column "{exact[0][0]}.{exact[0][1]}".'
    for item in _all_items(level):
        penalty = edit_distance(alias, item.alias) if alias else 0
        for own, _ in item.columns:
            if abs(len(own) - len(name)) > 3:
                continue
            distance = edit_distance(name, own) + penalty
            if distance > 3 or distance > max(len(name) // 2, 0):
                continue
            if distance < least:
                best, least = [(item.alias, own)], distance
            elif distance == least:
                best.append((item.alias, own))
    if len(best) == 1:
        return f'Perhaps you meant to reference the column "{best[0][0]}.{best[0][1]}".'
    if len(best) == 2:
        (one, a), (two, b) = best
        return f'Perhaps you meant to reference the column "{one}.{a}" or the column "{two}.{b}".'
    return None


def _all_items(level: Level) -> Iterator[NameItem]:
    for scope in level.levels():
        for item in scope.items:
            if item.alias:
                yield item


def edit_distance(left: str, right: str) -> int:
    """Levenshtein's distance."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        previous, row[0] = row[0], i
        for j, b in enumerate(right, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (a != b))
    return row[-1]
