"""SEARCH and CYCLE of a recursive query, written out as the columns that they stand for, as PostgreSQL does it.

SEARCH DEPTH FIRST BY a SET s      s is the array of the rows (a) on the way, SEARCH BREADTH FIRST the depth and a
CYCLE a SET c TO v DEFAULT d USING p   p is the array of the rows (a) on the way, c is v where (a) is on it already
"""

from collections.abc import Sequence
from copy import copy
from typing import Any

from pgstream.errors import DuplicateColumn, FeatureNotSupported, SqlError, SyntaxError42601
from pgstream.sql.parse import ast, deparse, enums, parse

Node = Any

_SEQUENCE, _MARK, _PATH = "*sequence*", "*mark*", "*path*"
"""What the recursive term's own row brings along is called here."""


def written_out(node: Node, columns: Sequence[str]) -> Node:
    """The WITH query `node` of these columns without its clauses. Raises SqlError."""
    for clause, check in ((node.search_clause, _check_search), (node.cycle_clause, _check_cycle)):
        if clause is not None:
            try:
                check(node, columns)
            except SqlError as error:
                raise error.at(clause.location) from None
    query, search, cycle = node.ctequery, node.search_clause, node.cycle_clause
    first, next = [], []
    if search is not None:
        first.append(_first_sequence(search))
        next.append(_next_sequence(search))
    if cycle is not None:
        mark, default = (deparse(part) for part in (cycle.cycle_mark_value, cycle.cycle_mark_default))
        row, path = _row(cycle.cycle_col_list), _quoted(_PATH)
        first += [default, f"ARRAY[{row}]"]
        next += [f"CASE WHEN {row} = ANY({path}) THEN {mark} ELSE {default} END", f"{path} || {row}"]
    named = zip((_SEQUENCE, _MARK, _PATH), _columns_of(node), strict=True)
    brought = {name: column for name, column in named if column is not None}
    stop = f" WHERE {_quoted(_MARK)} <> {mark}" if cycle is not None else ""
    made = copy(query)
    made.larg = _around(query.larg, columns, first)
    made.rarg = _around(_bringing(node, brought), [*columns, *brought], next, shown=len(columns), rest=stop)
    whole = copy(node)
    whole.ctequery, whole.search_clause, whole.cycle_clause = made, None, None
    whole.aliascolnames = tuple(ast.String(sval=name) for name in (*columns, *brought.values()))
    return whole


def _columns_of(node: Node) -> tuple[str | None, str | None, str | None]:
    """The columns that the clauses add, by what they are."""
    search, cycle = node.search_clause, node.cycle_clause
    return (
        None if search is None else search.search_seq_column,
        None if cycle is None else cycle.cycle_mark_column,
        None if cycle is None else cycle.cycle_path_column,
    )


def _check_search(node: Node, columns: Sequence[str]) -> None:
    search = node.search_clause
    _check_listed("search", search.search_col_list, columns)
    if search.search_seq_column in columns:
        raise SyntaxError42601(
            f'search sequence column name "{search.search_seq_column}" already used in WITH query column list'
        )


def _check_cycle(node: Node, columns: Sequence[str]) -> None:
    search, cycle = node.search_clause, node.cycle_clause
    _check_listed("cycle", cycle.cycle_col_list, columns)
    for name, called in ((cycle.cycle_mark_column, "mark"), (cycle.cycle_path_column, "path")):
        if name in columns:
            raise SyntaxError42601(f'cycle {called} column name "{name}" already used in WITH query column list')
    if cycle.cycle_mark_column == cycle.cycle_path_column:
        raise SyntaxError42601("cycle mark column name and cycle path column name are the same")
    if search is not None and search.search_seq_column in (cycle.cycle_mark_column, cycle.cycle_path_column):
        called = "mark" if search.search_seq_column == cycle.cycle_mark_column else "path"
        raise SyntaxError42601(f"search sequence column name and cycle {called} column name are the same")


def _check_listed(kind: str, listed: Sequence[Node], columns: Sequence[str]) -> None:
    names = [part.sval for part in listed]
    for i, name in enumerate(names):
        if name not in columns:
            raise SyntaxError42601(f'{kind} column "{name}" not in WITH query column list')
        if name in names[:i]:
            raise DuplicateColumn(f'{kind} column "{name}" specified more than once')


def _first_sequence(search: Node) -> str:
    listed = search.search_col_list
    return _row(listed, "0::int8") if search.search_breadth_first else f"ARRAY[{_row(listed)}]"


def _next_sequence(search: Node) -> str:
    listed, before = search.search_col_list, _quoted(_SEQUENCE)
    return _row(listed, f"({before}).f1 + 1") if search.search_breadth_first else f"{before} || {_row(listed)}"


def _row(listed: Sequence[Node], *before: str) -> str:
    return f"ROW({', '.join([*before, *(_quoted(part.sval) for part in listed)])})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _around(
    query: Node, columns: Sequence[str], added: Sequence[str], shown: int | None = None, rest: str = ""
) -> Node:
    """SELECT of the first `shown` of the columns of `query`, and of `added` ones."""
    names = [_quoted(name) for name in columns]
    text = f'SELECT {", ".join([*names[:shown], *added])} FROM (SELECT 1) AS "*term*" ({", ".join(names)}){rest}'
    [parsed] = parse(text)
    parsed.node.fromClause[0].subquery = query
    return parsed.node


def _bringing(node: Node, brought: dict[str, str]) -> Node:
    """The recursive term with the columns of its own row that the clauses need. Raises FeatureNotSupported."""
    query = node.ctequery.rarg
    alias = None if query.op != enums.SetOperation.SETOP_NONE else _alias(query.fromClause or (), node.ctename)
    if alias is None:
        raise FeatureNotSupported(
            f'with a SEARCH or CYCLE clause, the recursive reference to WITH query "{node.ctename}" must be at the top'
            " level of its right-hand SELECT"
        )
    if any(_is_star(target.val) for target in query.targetList):
        raise FeatureNotSupported("SELECT * in a recursive term with a SEARCH or CYCLE clause is not supported")
    targets = [
        ast.ResTarget(val=ast.ColumnRef(fields=(ast.String(sval=alias), ast.String(sval=column))))
        for column in brought.values()
    ]
    made = copy(query)
    made.targetList = (*query.targetList, *targets)
    return made


def _alias(items: Sequence[Node], name: str) -> str | None:
    """How the relation `name` is called in FROM, at its top level."""
    for item in items:
        if isinstance(item, ast.RangeVar) and item.relname == name and item.schemaname is None:
            return str(item.alias.aliasname if item.alias is not None else name)
        if isinstance(item, ast.JoinExpr) and (found := _alias((item.larg, item.rarg), name)) is not None:
            return found
    return None


def _is_star(value: Node) -> bool:
    return isinstance(value, ast.ColumnRef) and len(value.fields) == 1 and isinstance(value.fields[0], ast.A_Star)
