"""FOR UPDATE and its kin: accepted, because a tick reads one snapshot and writers are checked at commit."""

from typing import Any

from pgstream.errors import UndefinedTable
from pgstream.sql.bind.names import Level

Node = Any
_STRENGTHS = ("NONE", "FOR KEY SHARE", "FOR SHARE", "FOR NO KEY UPDATE", "FOR UPDATE")


def check_locking(level: Level, clauses: tuple[Node, ...]) -> None:
    """Raises UndefinedTable where a clause names what FROM does not have."""
    known = {item.alias for item in level.items}
    for clause in clauses:
        for relation in clause.lockedRels or ():
            if relation.relname not in known:
                raise UndefinedTable(
                    f'relation "{relation.relname}" in {_STRENGTHS[clause.strength]} clause not found in FROM clause',
                    position=relation.location,
                )
