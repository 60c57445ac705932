"""Spellings of other systems made into Postgres' grammar, in a text of the same length, so that positions stay.

    window.start, GROUP BY window, end, offset     reserved words as names: marked, and unmarked in the tree
    FROM TABLE(TUMBLE(TABLE t, …))                 FROM TUMBLE(t, …): TABLE and its parentheses are blanked
    SESSION(TABLE t PARTITION BY k, …)             SESSION(t, k, …): keys are arguments before the time column
    INTERVAL '10' MINUTES, INTERVAL 7 DAYS         INTERVAL '10 MINUTES', INTERVAL'7DAYS'
    WITH ('emit_final' = 'ts')                     WITH ("emit_final" = 'ts')
    SET name = INTERVAL '5' SECOND                 SET name = '5 SECOND'
    ORDER BY ts SESSION WITH GAP interval          ORDER BY ts , @~@~@ interval
    CREATE … IN CLUSTER c                          nothing: there is one process
    f(x)[1], ARRAY[1, 2][1]                        f(x)::mark: a subscript, read again when the tree is there
    TRY_CAST(a AS t)                               CAST(a AS t), which the tree shows to be a tried one
    SELECT * EXCEPT (a), t.* REPLACE (a + 1 AS a)  a call of a marked name: star(a), t.star(a + 1,  a)
    GROUP BY ALL, ORDER BY ALL                     a marked name
    WITH ('key' = value)                           WITH ("key" = value)
    FLOOR(ts TO HOUR), LATERAL TABLE(f(x)), MINUS  FLOOR(ts ,'HOUR'), LATERAL f(x), EXCEPT
    CURRENT_DATE()                                 CURRENT_DATE
    STRUCT<a int>, ARRAY<int>, MAP<k, v>           s('a int'), a('int'), m('k, v'): a type's name and its modifier
    MAP {'a': 1}, MAP['a', 1]                      map ('a', 1), map('a', 1)
    WITH MUTUALLY RECURSIVE r (a int) AS (…)       WITH RECURSIVE r (a) AS (…), see `mutual.py`
    INT UNSIGNED                                   BIGINT: the next wider type, and BIGINT itself

Only texts that Postgres' grammar rejects come here, so nothing changes what it means.
"""

import re
from collections.abc import Sequence

from pgstream.sql.streaming.clauses import blank_clauses
from pgstream.sql.streaming.described_types import spelled_types
from pgstream.sql.streaming.map_literals import spelled_maps
from pgstream.sql.streaming.mutual import blank_mutual
from pgstream.sql.streaming.reader import Token

MARK = "\ue000"
"""The last character of a reserved word that is a name: from the private use area, which no text should hold."""

STAR = "star\ue000"
"""The start of the name under which a star with EXCEPT, REPLACE or RENAME is a call; its last letter is how."""

STAR_CHANGES = {"except": "e", "exclude": "e", "replace": "r", "rename": "n"}
"""What a star may be changed with, and its letter. A change behind another is an argument of it, with its letter."""

EVERY = "al\ue000"
"""The name that stands for ALL in GROUP BY ALL and ORDER BY ALL."""

SUBSCRIPT = "\ue001"
"""The type that what has a subscript is cast to, where Postgres' grammar takes none."""

_NAMES = {"windo": "window", "en": "end", "offse": "offset"}
"""Marked words without their mark, and what they are."""

SESSION_GAP = "@~@~@"
"""The operator under which the gap of a session frame is one more ORDER BY item."""

WINDOW_FUNCTIONS = frozenset({"tumble", "hop", "session", "cumulate", "gap_fill"})
_UNITS = frozenset(
    f"{unit}{plural}"
    for unit in ("microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year")
    for plural in ("", "s")
)
_WIDER = {
    "tinyint": "smallint", "smallint": "int", "mediumint": "int", "int": "bigint", "integer": "bigint",
    "bigint": "bigint", "int2": "int4", "int4": "int8", "int8": "int8",
}  # fmt: skip
"""What holds the unsigned integers of a type."""

_OPENING, _CLOSING = "ASCII_40", "ASCII_41"
_BEFORE_EXPRESSION = re.compile(
    "ALL|AND|AS|ASCII_(37|40|4[2-7]|6[0-2]|91|94)|BETWEEN|BY|CASE|DISTINCT|ELSE|EQUALS_GREATER|FROM|GREATER_EQUALS|HAVING"
    "|I?LIKE|IN_P|LESS_EQUALS|NOT|NOT_EQUALS|ON|OP|OR|SELECT|SET|THEN|USING|WHEN|WHERE"
)
"""Tokens behind which an expression begins, so that END and OFFSET are names there."""

_AFTER_ALL = (
    "", "ASC", "ASCII_41", "ASCII_59", "DESC", "EXCEPT", "FETCH", "FOR", "HAVING", "INTERSECT", "LIMIT", "NULLS_P",
    "OFFSET", "ORDER", "UNION", "WINDOW",
)  # fmt: skip
"""Tokens behind which GROUP BY ALL and ORDER BY ALL are over."""

_AFTER_CASE = ("", "AS", "ASCII_41", "ASCII_44", "ASCII_59", "FROM")
"""Tokens that cannot stand inside a CASE, so that END before them closes it."""


def rewritten(text: str, tokens: Sequence[Token]) -> str | None:
    """`text` as Postgres' grammar may take it; None where there is nothing to rewrite."""
    made = list(text)
    types = spelled_types(text, made)
    outside = [token for token in tokens if not any(start <= token.start < end for start, end in types)]
    outside = spelled_maps(text, outside, made)
    blank_clauses(text, outside, made)
    blank_mutual(text, outside, made)
    _Rewriting(text, outside, made).run()
    found = "".join(made)
    assert len(found) == len(text)
    return None if found == text else found


def unmarked(word: str) -> str:
    """A name or a message as it was written before words in it were marked."""
    for stem, whole in _NAMES.items():
        word = word.replace(stem + MARK, whole)
    return word


class _Rewriting:
    """One pass over the tokens of a text.

    `calls` holds the word before each parenthesis that is open, `cases` how many were open at each CASE.
    """

    def __init__(self, text: str, tokens: Sequence[Token], made: list[str]) -> None:
        self.text = text
        self.tokens = tokens
        self.made = made
        self.calls: list[str] = []
        self.cases: list[int] = []
        self.drop_closing: set[int] = set()
        self.changed_star = False

    def run(self) -> None:
        for at, token in enumerate(self.tokens):
            match token.name:
                case "ASCII_40":
                    self.calls.append(self.star(at) or self.word(at - 1))
                case "ASCII_41":
                    self.close()
                    if at in self.drop_closing:
                        self.blank(token)
                case "ASCII_59":
                    self.cases = []
                case "CASE" if self.name(at - 1) != "ASCII_46":
                    self.cases.append(len(self.calls))
                case "END_P":
                    self.end(at)
                case "IDENT":
                    self.identifier(at)
                case "TABLE":
                    self.table(at)
                case "INTERVAL":
                    self.interval(at)
                case "SCONST" if self.calls[-1:] == ["with"] and self.name(at + 1) == "ASCII_61":
                    self.quote_key(at)
                case "ASCII_91" if self.name(at - 1) in (_CLOSING, "ASCII_93"):
                    self.subscript(at)
                case _:
                    self.keyword(at)

    def keyword(self, at: int) -> None:
        """A word of Postgres' that stands where its grammar has no place for it."""
        token = self.tokens[at]
        match token.name:
            case "SCONST" if self.calls[-1:] == ["with"] and self.name(at + 1) == "ASCII_61":
                self.made[token.start] = self.made[token.end - 1] = '"'
            case "CURRENT_DATE" | "CURRENT_TIME" | "CURRENT_TIMESTAMP" | "LOCALTIME" | "LOCALTIMESTAMP":
                if self.name(at + 1) == _OPENING and self.name(at + 2) == _CLOSING:
                    self.blank(self.tokens[at + 1])
                    self.drop_closing.add(at + 2)
            case "OFFSET" if self.begins_expression(at):
                self.mark(at)
            case "WINDOW" if not (self.name(at + 2) == "AS" and self.name(at + 3) == _OPENING):
                self.mark(at)
            case "ALL" if self.name(at - 1) == "BY" and self.name(at + 1) in _AFTER_ALL:
                self.made[token.start : token.end] = EVERY
            case "AS" if self.calls and self.calls[-1] in ("*replace", "*rename"):
                self.made[token.start : token.end] = ", "
            case "PARTITION" if self.in_window_call() and self.name(at + 1) == "BY":
                self.blank(token)
                self.blank(self.tokens[at + 1])
                self.made[token.start] = ","
            case "IN_P" if self.word(at + 1) == "cluster" and self.name(at + 2) == "IDENT":
                for part in self.tokens[at : at + 3]:
                    self.blank(part)
            case "TO" if self.word(at + 1) in _UNITS and self.calls[-1:] in (["floor"], ["ceil"], ["ceiling"]):
                self.made[token.start : self.tokens[at + 1].end] = self.unit(at)
            case "SESSION" if (self.word(at + 1), self.word(at + 2)) == ("with", "gap"):
                last = self.tokens[at + 2]
                self.made[token.start : last.end] = f", {SESSION_GAP}".ljust(last.end - token.start)

    def identifier(self, at: int) -> None:
        """A word that Postgres has not reserved, and others have."""
        token = self.tokens[at]
        match self.word(at):
            case "try_cast" if self.name(at + 1) == _OPENING:
                self.made[token.start : token.start + 4] = " " * 4
            case "minus":
                self.minus(at)
            case "unsigned" if self.word(at - 1) in _WIDER:
                first = self.tokens[at - 1].start
                self.made[first : token.end] = _WIDER[self.word(at - 1)].ljust(token.end - first)

    def name(self, at: int) -> str:
        """What the scanner calls token `at`; empty outside of the text."""
        return self.tokens[at].name if 0 <= at < len(self.tokens) else ""

    def word(self, at: int) -> str:
        """Token `at` as it was written, in lower case."""
        if not 0 <= at < len(self.tokens):
            return ""
        return self.text[self.tokens[at].start : self.tokens[at].end].lower()

    def blank(self, token: Token) -> None:
        self.made[token.start : token.end] = " " * (token.end - token.start)

    def mark(self, at: int) -> None:
        """A reserved word becomes a name, unless it stands where any word may."""
        token = self.tokens[at]
        if self.name(at - 1) not in ("AS", "ASCII_46"):
            self.made[token.start : token.end] = self.word(at)[:-1] + MARK

    def close(self) -> None:
        if self.calls:
            self.calls.pop()

    def in_window_call(self) -> bool:
        return bool(self.calls) and self.calls[-1] in WINDOW_FUNCTIONS

    def begins_expression(self, at: int) -> bool:
        """Whether token `at` stands where an expression begins: not behind the star of `SELECT *` or `t.*`."""
        star = self.name(at - 1) == "ASCII_42" and self.name(at - 2) in ("SELECT", "ASCII_44", "ASCII_46", "DISTINCT")
        return _BEFORE_EXPRESSION.fullmatch(self.name(at - 1)) is not None and not star

    def end(self, at: int) -> None:
        """END closes a CASE where an expression may end, ends a transaction as the first word, and else is a name."""
        inside = bool(self.cases) and self.cases[-1] == len(self.calls)
        if self.begins_expression(at) and not (inside and self.name(at + 1) in _AFTER_CASE):
            self.mark(at)
        elif self.cases:
            self.cases.pop()
        elif self.name(at - 1) not in ("", "ASCII_59"):
            self.mark(at)

    def table(self, at: int) -> None:
        """TABLE(call) in FROM, and TABLE name as an argument of a window function."""
        called = self.word(at + 2) in WINDOW_FUNCTIONS or self.word(at - 1) == "lateral"
        if self.name(at + 1) == _OPENING and called:
            self.blank(self.tokens[at])
            self.blank(self.tokens[at + 1])
            self.drop_closing.add(self.closing(at + 1))
        elif self.in_window_call() and self.name(at - 1) in (_OPENING, "ASCII_44", "EQUALS_GREATER"):
            self.blank(self.tokens[at])

    def star(self, at: int) -> str:
        """Where the parenthesis at `at` opens a change of a star, what change; empty elsewhere."""
        change, before = self.word(at - 1), self.name(at - 2)
        if change not in STAR_CHANGES or self.name(at + 1) in ("SELECT", "VALUES", "WITH", _OPENING):
            return ""
        letter = STAR_CHANGES[change]
        end = self.tokens[at].end
        if before == "ASCII_42":
            start = self.tokens[at - 2].start
            self.made[start:end] = f"{STAR}{letter}".ljust(end - start - 1) + "("
        elif before == _CLOSING and self.changed_star:
            start = self.tokens[at - 2].start
            self.made[start:end] = f",'{letter}',".rjust(end - start)
        else:
            return ""
        self.changed_star = True
        return "*" + change

    def subscript(self, at: int) -> None:
        """A subscript behind what is no name, as a cast: the last of several, which the tree's walk meets first."""
        opening = at - 1
        depth = 0
        while opening >= 0:
            depth += {"ASCII_93": 1, "ASCII_41": 1, "ASCII_91": -1, "ASCII_40": -1}.get(self.name(opening), 0)
            if not depth:
                break
            opening -= 1
        if self.name(at - 1) == _CLOSING and self.name(opening - 1) in ("", "ASCII_44", "ASCII_40"):
            return  # (a)[1] is Postgres', too
        if self.name(at - 1) == "ASCII_93" and self.name(opening - 1) != "ARRAY":
            return
        end = self.closing(at, "ASCII_91", "ASCII_93")
        if end > 0:
            room = self.tokens[end].end - self.tokens[at].start
            self.made[self.tokens[at].start : self.tokens[end].end] = f"::{SUBSCRIPT}".ljust(room)

    def quote_key(self, at: int) -> None:
        """An option's name in single quotes."""
        token = self.tokens[at]
        key = self.text[token.start + 1 : token.end - 1]
        if '"' not in key and "'" not in key:
            self.made[token.start : token.end] = f'"{key}"'

    def minus(self, at: int) -> None:
        """MINUS between two queries, where there is a blank beside it for one letter more."""
        start, end = self.tokens[at].start, self.tokens[at].end
        if self.name(at + 1) in ("SELECT", _OPENING, "VALUES") and end < self.tokens[at + 1].start:
            self.made[start : end + 1] = "EXCEPT"

    def unit(self, at: int) -> str:
        """`TO unit` as a second argument."""
        room = self.tokens[at + 1].end - self.tokens[at].start
        return f",'{self.word(at + 1)}'".ljust(room)

    def closing(self, opening: int, left: str = _OPENING, right: str = _CLOSING) -> int:
        """The parenthesis that closes the one at `opening`; none is -1."""
        depth = 0
        for at in range(opening, len(self.tokens)):
            depth += {left: 1, right: -1}.get(self.name(at), 0)
            if not depth:
                return at
        return -1

    def setting(self, at: int, unit: str) -> None:
        """`SET name = INTERVAL '5' SECOND`: a setting's value is a text."""
        amount = self.tokens[at + 1] if at + 1 < len(self.tokens) else None
        if amount is None or amount.name != "SCONST":
            return
        self.blank(self.tokens[at])
        if unit in _UNITS:
            last = self.tokens[at + 2]
            text = self.text[amount.start : amount.end - 1] + self.text[amount.end : last.end] + "'"
            self.made[amount.start : last.end] = text

    def interval(self, at: int) -> None:
        """A number and a unit that Postgres takes within a string only."""
        unit = self.word(at + 2)
        if self.name(at - 1) in ("ASCII_61", "TO") and self.word(at - 3) in ("set", "session", "local"):
            self.setting(at, unit)
            return
        if unit not in _UNITS:
            return
        first, last = self.tokens[at + 1], self.tokens[at + 2]
        number = self.text[first.start : first.end]
        if first.name == "SCONST" and number.startswith("'"):
            gap = self.text[first.end : last.start]
            if last.name == "IDENT" and not gap.strip():
                self.made[first.start : last.end] = number[:-1] + gap + unit + "'"
        elif first.name in ("ICONST", "FCONST"):
            low = self.tokens[at].end
            literal = f"'{number}{unit}'"
            room = last.end - low
            if len(literal) <= room:
                self.made[low : last.end] = literal.rjust(room)
