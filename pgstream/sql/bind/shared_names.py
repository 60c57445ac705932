"""Output columns named by those behind them: `SELECT a + 1 AS x, x * 2 AS y`, as other systems' dialects have it.

A name means a column of FROM where there is one. The text of a view has what was named in place of the name, so that
it means the same in every session.
"""

from typing import Any

from pgstream.errors import FeatureNotSupported
from pgstream.plan.expressions import Expr, Ref
from pgstream.plan.rewrite import subexpressions
from pgstream.sql.bind.names import Level
from pgstream.sql.parse import tokens

Node = Any

DIALECTS = frozenset(("databricks", "duckdb", "feldera", "redshift", "snowflake", "spark"))
"""Where an item of a SELECT list may be named by the items behind it, and by WHERE."""

_DEPTHS = {"ASCII_40": 1, "ASCII_91": 1, "CASE": 1, "ASCII_41": -1, "ASCII_93": -1, "END_P": -1}
_ENDS = frozenset(("ASCII_44", "ASCII_41", "ASCII_59", "FROM", "INTO", "WHERE", "ORDER", "LIMIT", "UNION"))


def share_name(level: Level, node: Node, expr: Expr) -> None:
    """Lets the items behind the SELECT item `node` name it, where the dialect of the session does."""
    if node.name is None or level.binding.scope.settings.get("pgstream.dialect") not in DIALECTS:
        return
    if node.name not in level.aliases and level.binding.parsed is not None:
        level.aliases[node.name] = expr
        level.alias_places[node.name] = node.location


def share_with_where(level: Level) -> None:
    """Takes away what WHERE cannot name: what is known only once the rows are grouped."""
    called = {col.id for col in (*level.aggregates.values(), *level.windows.values())}
    for name, expr in list(level.aliases.items()):
        if any(isinstance(part, Ref) and part.col.id in called for part in subexpressions(expr)):
            del level.aliases[name]


def note_shared(level: Level, name: str, found: Expr, position: int) -> None:
    """Remembers that the name at `position` is that of an output column, if it is."""
    for scope in level.levels():
        if scope.aliases.get(name) is found and name in scope.alias_places:
            parsed = level.binding.parsed
            assert parsed is not None
            if scope is not level:  # what it names may mean something else in there
                raise FeatureNotSupported(
                    f'output column "{name}" cannot be named in a subquery yet', position=position
                )
            length = next(token.end - token.start for token in tokens(parsed.whole) if token.start == position)
            level.binding.repeated[position] = (length, *_span(parsed.whole, scope.alias_places[name]))
            return


def _span(text: str, start: int) -> tuple[int, int]:
    """Where the expression of the SELECT item that begins at `start` begins and ends: before its alias."""
    depth = 0
    item = []
    for token in (token for token in tokens(text) if token.start >= start):
        if depth == 0 and token.name in _ENDS:
            break
        depth += _DEPTHS.get(token.name, 0)
        item.append(token)
    alias = 2 if len(item) > 1 and item[-2].name == "AS" else 1
    return start, item[-1 - alias].end
