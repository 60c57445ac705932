"""QUALIFY: a condition on window functions, which Postgres' grammar does not have.

The clause is cut out of the text, and its condition parsed by itself, as a SELECT list of one item where it stood.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pgstream.sql.streaming.reader import Token

Node = Any

_OPENING, _CLOSING = "ASCII_40", "ASCII_41"
_NOT_BEFORE = frozenset({"", "AS", "ASCII_44", "ASCII_46", "FROM", "JOIN", "SELECT", "BY", "WHERE", "AND", "OR", "ON"})
"""Tokens behind which the word is a name."""

_ENDS = frozenset(
    {"ORDER", "LIMIT", "OFFSET", "FETCH", "FOR", "UNION", "INTERSECT", "EXCEPT", "WINDOW", "WITH", "WITH_LA"}
    | {"RETURNING", "ON", "INTO", "ASCII_59"}
)
"""Tokens that follow the clause, outside of parentheses."""

_NO_EXPRESSION = _ENDS | {"", "ASCII_44", "ASCII_46", "ASCII_61", _CLOSING, "AS", "JOIN", "WHERE", "GROUP_P", "HAVING"}
"""Tokens that no condition begins with."""


class Qualify(NamedTuple):
    """One clause: where its SELECT stands, itself, and the end of its condition."""

    select: int
    start: int
    end: int


def clauses(text: str, tokens: Sequence[Token]) -> list[Qualify]:
    """The QUALIFY clauses of `text`, each of a SELECT at the same depth."""
    found = []
    selects: list[int] = [-1]
    names = [token.name for token in tokens]
    for at, token in enumerate(tokens):
        if token.name == _OPENING:
            selects.append(-1)
        elif token.name == _CLOSING and len(selects) > 1:
            selects.pop()
        elif token.name == "SELECT":
            selects[-1] = token.start
        elif token.name == "IDENT" and text[token.start : token.end].lower() == "qualify" and selects[-1] >= 0:
            after = names[at + 1] if at + 1 < len(names) else ""
            if names[at - 1] not in _NOT_BEFORE and after not in _NO_EXPRESSION:
                found.append(Qualify(selects[-1], token.start, tokens[_last(names, at + 1)].end))
    return found


def _last(names: Sequence[str], at: int) -> int:
    """The last token of the condition that begins at `at`."""
    depth = 0
    for index in range(at, len(names)):
        if depth == 0 and (names[index] == _CLOSING or names[index] in _ENDS):
            return index - 1
        depth += {_OPENING: 1, _CLOSING: -1}.get(names[index], 0)
    return len(names) - 1


def without(text: str, found: Sequence[Qualify]) -> str:
    """`text` with blanks for the clauses."""
    for clause in found:
        text = _blank(text, clause.start, clause.end)
    return text


def alone(text: str, clause: Qualify, found: Sequence[Qualify]) -> str:
    """A text of the same length that is only the condition of `clause`, behind SELECT; without clauses within it."""
    inner = [other for other in found if clause.start < other.start < clause.end]
    text = without(text, inner)
    blank = "".join(each if each.isspace() else " " for each in text)
    head = blank[: clause.start] + "SELECT ".ljust(len("QUALIFY"))
    return head + text[len(head) : clause.end] + blank[clause.end :]


def _blank(text: str, start: int, end: int) -> str:
    return text[:start] + "".join(c if c.isspace() else " " for c in text[start:end]) + text[end:]


def parsed(text: str, found: Sequence[Qualify], parse: Callable[[str], tuple[str, Any]]) -> tuple[str, Any]:
    """The trees of a text with these clauses, and the text without them. `parse` gives both for one that has none."""
    grammar, raw = parse(without(text, found))
    for clause in found:
        condition = parse(alone(text, clause, found))[1][0].stmt
        attach([statement.stmt for statement in raw], clause, condition)
    return grammar, raw


def attach(statements: Sequence[Node], clause: Qualify, condition: Node) -> None:
    """Gives the SELECT of `clause` its condition: a set operation's right side, where there is no set operation."""
    best: Node = None
    for select in _selects(statements):
        first = select.targetList[0].location
        if first > clause.select and (best is None or first < best.targetList[0].location):
            best = select
    assert best is not None
    best.rarg = condition


def _selects(node: Any) -> list[Node]:
    """Every SELECT with a list in a tree."""
    if isinstance(node, tuple | list):
        return [found for part in node for found in _selects(part)]
    if not hasattr(node, "__slots__") or not hasattr(type(node), "__iter__") or isinstance(node, str):
        return []
    own = [node] if type(node).__name__ == "SelectStmt" and node.targetList else []
    return own + [found for slot in node for found in _selects(getattr(node, slot))]
