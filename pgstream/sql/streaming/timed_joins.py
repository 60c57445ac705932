"""Joins that choose by time, which Postgres' grammar rejects or takes for something else.

    FROM t ASOF [LEFT [OUTER] | INNER] JOIN u ON … AND t.ts >= u.ts       RisingWave, ClickHouse
    FROM t [LEFT [OUTER] | INNER] ASOF JOIN u ON …                        the same
    FROM t ASOF JOIN u USING (k, ts)                                      DuckDB: the last column compares as >=
    FROM t [LEFT] ASOF JOIN u MATCH_CONDITION (t.ts >= u.ts) [ON …]       Snowflake, Feldera
    FROM t [LEFT] JOIN u FOR SYSTEM_TIME AS OF expression [AS] alias ON … Flink, RisingWave

The clauses are blanked, and what they said is kept in the JoinExpr, in the place of its `rtindex`, for which only
PostgreSQL's planner has a use.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from pgstream.errors import FeatureNotSupported, SqlError, SyntaxError42601
from pgstream.sql.streaming.reader import Grammar, Node, Token

CLAUSES = re.compile(r"\b(asof|temporal|system_time)\b", re.IGNORECASE)
"""Words without which a text has none of these joins."""

_BEFORE_A_NAME = frozenset({"AS", "FROM", "JOIN", "ASCII_44", "ASCII_46", "LATERAL_P", "ONLY"})
_SIDES = ("LEFT", "INNER", "RIGHT", "FULL", "OUTER")
_OPENING, _CLOSING = "(", ")"
_AFTER_MOMENT = frozenset({
    "AS", "ON", "USING", "JOIN", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "NATURAL", "ASOF", "WHERE", "GROUP",
    "HAVING", "ORDER", "LIMIT", "OFFSET", "FETCH", "FOR", "UNION", "EXCEPT", "INTERSECT", "WINDOW", "EMIT", ",",
    ")", ";",
})  # fmt: skip
_NOWHERE = 1 << 31
_OPERANDS = frozenset({"IDENT", "ASCII_41", "SCONST", "ICONST", "FCONST", "PARAM"})


@dataclass(frozen=True, slots=True)
class Timing:
    """How a join chooses by time, and where it says so: by ASOF, with what MATCH_CONDITION said, or by the moment of
    FOR SYSTEM_TIME AS OF."""

    position: int
    asof: bool
    match: Node | None = None
    moment: Node | None = None


@dataclass(frozen=True, slots=True)
class _Clause:
    """A clause that was cut out: `name` is where the relation is named that it is about, if that is known; else the
    join is the first whose right side begins after `position`."""

    timing: Timing
    name: int | None


class Cutting:
    """One pass over the tokens of a text."""

    def __init__(self, text: str, tokens: Sequence[Token], grammar: Grammar) -> None:
        self._text = text
        self._tokens = tokens
        self._grammar = grammar
        self._made = list(text)
        self._words = [text[token.start : token.end].upper() for token in tokens]
        self._clauses: list[_Clause] = []

    def run(self) -> str:
        """The text without the clauses. Raises FeatureNotSupported."""
        for at in range(len(self._words)):
            if self._words[at] in ("ASOF", "TEMPORAL"):
                self._asof(at)
            elif self._words[at : at + 4] == ["FOR", "SYSTEM_TIME", "AS", "OF"]:
                self._as_of(at)
        return "".join(self._made)

    # -- what is cut out

    def _asof(self, at: int) -> None:
        """`t ASOF JOIN u`, which to Postgres' grammar is `t AS asof JOIN u`: nobody who writes it means that."""
        join = at + 1
        while self._word(join) in _SIDES:
            join += 1
        if self._word(join) != "JOIN" or at == 0 or self._tokens[at - 1].name in _BEFORE_A_NAME:
            return
        if self._words[at] == "TEMPORAL":
            raise FeatureNotSupported("TEMPORAL JOIN is not supported yet", position=self._tokens[at].start)
        self._blank(at, at + 1)
        start = join + 1 + (self._word(join + 1) == "ONLY")
        named = self._word(start) != _OPENING
        timing = Timing(self._tokens[at].start, True, self._match(join))
        self._clauses.append(_Clause(timing, self._tokens[start].start if named and start < len(self._words) else None))

    def _match(self, join: int) -> Node | None:
        """The condition of the MATCH_CONDITION that belongs to the JOIN at `join`."""
        depth = 0
        for at in range(join + 1, len(self._words)):
            word = self._words[at]
            if word == "MATCH_CONDITION" and not depth and self._word(at + 1) == _OPENING:
                end = self._closing(at + 1)
                found = self._expression(at, at + 1, end)
                self._blank(at, end)
                if self._word(end) not in ("ON", "USING"):
                    start = self._tokens[at].start
                    self._made[start : start + 7] = "ON true"
                return found
            depth += {_OPENING: 1, _CLOSING: -1}.get(word, 0)
            if depth < 0 or (not depth and word in ("ON", "USING", "JOIN", "WHERE")):
                return None
        return None

    def _as_of(self, at: int) -> None:
        end = at + 4
        while end < len(self._words) and not self._ends_moment(end, at + 4):
            end = self._closing(end) if self._words[end] == _OPENING else end + 1
        position = self._tokens[at].start
        if at == 0 or (self._words[at - 1] == _CLOSING and not self._ends_alias(at - 1)):
            _refuse(position)
        self._clauses.append(_Clause(Timing(position, False, None, self._moment(at, end)), None))
        self._blank(at, end)

    def _ends_alias(self, closing: int) -> bool:
        """Whether a parenthesis closes the column list of an alias, as in `AS a(b, c)`."""
        depth, at = 0, closing
        while at > 1:
            depth += {_CLOSING: 1, _OPENING: -1}.get(self._words[at], 0)
            if not depth:
                return self._tokens[at - 2].name == "AS" or self._tokens[at - 2].name not in _BEFORE_A_NAME
            at -= 1
        return False

    def _ends_moment(self, at: int, start: int) -> bool:
        if self._words[at] in _AFTER_MOMENT:
            return True
        return at > start and self._tokens[at].name == "IDENT" and self._tokens[at - 1].name in _OPERANDS

    def _moment(self, at: int, end: int) -> Node | None:
        """The expression after AS OF; None where it is none that could be a moment of a row."""
        if end == at + 4:
            place = self._tokens[end].start if end < len(self._tokens) else len(self._text)
            near = f'at or near "{self._words[end].lower()}"' if end < len(self._tokens) else "at end of input"
            raise SyntaxError42601(f"syntax error {near}", position=place)
        try:
            return self._expression(at, at + 4, end)
        except SqlError:
            return None

    # -- tokens

    def _word(self, at: int) -> str:
        return self._words[at] if at < len(self._words) else ""

    def _closing(self, opening: int) -> int:
        """Behind the parenthesis that closes the one at `opening`."""
        depth = 0
        for at in range(opening, len(self._words)):
            depth += {_OPENING: 1, _CLOSING: -1}.get(self._words[at], 0)
            if not depth:
                return at + 1
        raise SyntaxError42601("syntax error at end of input", position=len(self._text))

    def _blank(self, start: int, end: int) -> None:
        low, high = self._tokens[start].start, self._tokens[end - 1].end
        self._made[low:high] = re.sub(r"\S", " ", self._text[low:high])

    def _expression(self, at: int, start: int, end: int) -> Node:
        """The expression of these tokens; from token `at` on there is room for a SELECT before it."""
        low, high = self._tokens[start].start, self._tokens[end - 1].end
        select = self._tokens[at].start
        before = re.sub(r"\S", " ", self._text[:select]) + "SELECT"
        text = before + " " * (low - len(before)) + self._text[low:high]
        return self._grammar.statement(text).targetList[0].val

    # -- the tree

    def attach(self, raw: Any, constants: Mapping[int, int]) -> None:
        """Tells the joins of a tree how they choose. `constants` has the places of the tree's constants by id()."""
        joins, names = list(_nodes(raw, "JoinExpr")), [node.location for node in _nodes(raw, "RangeVar")]
        starts = [_start(join.rarg, constants) for join in joins]
        for clause in self._clauses:
            timing = clause.timing
            if timing.asof:
                behind = [i for i, start in enumerate(starts) if start > timing.position]
                found = [i for i in behind if starts[i] == clause.name] or behind
                chosen = min(found, key=starts.__getitem__, default=None)
            else:
                named = max((name for name in names if name < timing.position), default=-1)
                own = (i for i, join in enumerate(joins) if getattr(join.rarg, "relname", None) is not None)
                chosen = next((i for i in own if joins[i].rarg.location == named), None)
            if chosen is None:
                _refuse(timing.position)
            if isinstance(joins[chosen].rtindex, Timing):
                raise FeatureNotSupported(
                    "FOR SYSTEM_TIME AS OF in an ASOF JOIN is not supported yet", position=timing.position
                )
            joins[chosen].rtindex = timing


def refuse_period(text: str, position: int | None) -> None:
    """Raises FeatureNotSupported where Postgres' grammar stumbles over FOR SYSTEM_TIME at this place."""
    for found in re.finditer(r"\bFOR\s+(SYSTEM_TIME)\b", text, re.IGNORECASE):
        if position in (found.start(), found.start(1)):
            raise FeatureNotSupported("of FOR SYSTEM_TIME only AS OF is supported yet", position=found.start())


def _refuse(position: int) -> NoReturn:
    raise FeatureNotSupported(
        "FOR SYSTEM_TIME AS OF is only supported for the right side of a JOIN",
        hint="Past states of a relation are not kept; a subscription keeps its changes.",
        position=position,
    )


def _nodes(part: Any, kind: str) -> Iterator[Any]:
    """Every node of this class in a tree."""
    if type(part).__name__ == kind:
        yield part
    for each in _parts(part):
        yield from _nodes(each, kind)


def _parts(part: Any) -> Iterator[Any]:
    """What a tuple holds, or a node of Postgres' grammar, which gives the names of its fields."""
    if isinstance(part, tuple):
        yield from part
    elif isinstance(part, Iterable) and not isinstance(part, str):
        yield from (getattr(part, name) for name in part)


def _start(part: Any, constants: Mapping[int, int]) -> int:
    """The least place that something below `part` is known to stand at; after all where nothing is."""
    if id(part) in constants:
        return constants[id(part)]
    own = getattr(part, "location", None)
    places = [own] if isinstance(own, int) and own >= 0 else []
    return min((*places, *(_start(each, constants) for each in _parts(part))), default=_NOWHERE)
