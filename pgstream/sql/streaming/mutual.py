"""Materialize: WITH MUTUALLY RECURSIVE [([RETURN AT | ERROR AT] RECURSION LIMIT n)] r (a int, …) AS (query), …

What is not Postgres' is made blanks. What it said is kept in the tree: the limit in the WithClause, in the place of its
`recursive`, and the columns of each query in its `ctecoltypes`, for which only PostgreSQL's analysis has a use.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pgstream.errors import SyntaxError42601
from pgstream.sql.streaming.reader import Token

CLAUSE = re.compile(r"\bwith\s+mutually\s+recursive\b", re.IGNORECASE)

_LIMIT = re.compile(r"\(\s*(?:(RETURN|ERROR)\s+AT\s+)?RECURSION\s+LIMIT\s+(\d+)\s*\)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mutual:
    """How many rounds there may be (None: as ever), and whether it ends there, instead of failing."""

    limit: int | None
    returns: bool


class _Query(NamedTuple):
    """One query of the clause: its name's token, and the parentheses around its columns."""

    name: int
    opening: int
    closing: int


class _Clause(NamedTuple):
    """The tokens of MUTUALLY and of the limit's parentheses, and the queries."""

    mutually: int
    limit: tuple[int, int] | None
    queries: list[_Query]


def blank_mutual(text: str, tokens: Sequence[Token], made: list[str]) -> None:
    """Blanks in `made`, a copy of `text`, for what Postgres' grammar does not know. Raises SyntaxError42601."""
    for clause in _clauses(text, tokens):
        spans = [(clause.mutually, clause.mutually)]
        if clause.limit is not None:
            spans.append(clause.limit)
        for query in clause.queries:
            spans += _types(tokens, query)
        for first, last in spans:
            start, end = tokens[first].start, tokens[last].end
            made[start:end] = " " * (end - start)


def _types(tokens: Sequence[Token], query: _Query) -> Iterator[tuple[int, int]]:
    """The first and last token of each column's type."""
    begin, depth = query.opening + 1, 0
    for at in range(query.opening + 1, query.closing + 1):
        depth += {"ASCII_40": 1, "ASCII_41": -1}.get(tokens[at].name, 0)
        if at == query.closing or (not depth and tokens[at].name == "ASCII_44"):
            if begin + 1 > at - 1:
                raise SyntaxError42601("a column of WITH MUTUALLY RECURSIVE has a type", position=tokens[begin].start)
            yield begin + 1, at - 1
            begin = at + 1


def _clauses(text: str, tokens: Sequence[Token]) -> Iterator[_Clause]:
    words = [text[token.start : token.end].upper() for token in tokens]
    for at in range(len(words) - 2):
        if words[at : at + 3] == ["WITH", "MUTUALLY", "RECURSIVE"]:
            limit = None
            place = at + 3
            if words[place : place + 1] == ["("]:
                limit = place, _closing(words, place)
                place = limit[1] + 1
            yield _Clause(at + 1, limit, list(_queries(words, place, tokens)))


def _queries(words: Sequence[str], at: int, tokens: Sequence[Token]) -> Iterator[_Query]:
    while at + 1 < len(words):
        if words[at + 1] != "(":
            raise SyntaxError42601(
                "a query of WITH MUTUALLY RECURSIVE names its columns and their types", position=tokens[at].start
            )
        closing = _closing(words, at + 1)
        yield _Query(at, at + 1, closing)
        if words[closing + 1 : closing + 3] != ["AS", "("]:
            return
        after = _closing(words, closing + 2) + 1
        if words[after : after + 1] != [","]:
            return
        at = after + 1


def _closing(words: Sequence[str], opening: int) -> int:
    """Where the parenthesis at `opening` is closed."""
    depth = 0
    for at in range(opening, len(words)):
        depth += {"(": 1, ")": -1}.get(words[at], 0)
        if not depth:
            return at
    return len(words) - 1


def attach_mutual(
    clause: Any, text: str, tokens: Sequence[Token], columns: Callable[[int, int], tuple[Any, ...]]
) -> None:
    """Tells the WithClause `clause` what `text` says. `columns` gives the ColumnDefs between two positions."""
    for found in _clauses(text, tokens):
        if tokens[found.mutually - 1].start != clause.location:
            continue
        clause.recursive = _limit(text, tokens, found)
        by_position = {tokens[query.name].start: query for query in found.queries}
        for node in clause.ctes:
            query = by_position[node.location]
            node.ctecoltypes = columns(tokens[query.opening].start, tokens[query.closing].end)


def _limit(text: str, tokens: Sequence[Token], clause: _Clause) -> Mutual:
    if clause.limit is None:
        return Mutual(None, False)
    start, end = tokens[clause.limit[0]].start, tokens[clause.limit[1]].end
    said = _LIMIT.fullmatch(text[start:end])
    if said is None:
        raise SyntaxError42601("expected [RETURN AT | ERROR AT] RECURSION LIMIT and a number", position=start)
    return Mutual(int(said[2]), (said[1] or "").upper() == "RETURN")
