"""EMIT behind a query: when its rows are given.

EMIT ON WINDOW CLOSE                      once, when their window is over: RisingWave's clause
EMIT EVERY INTERVAL '5' SECOND            as they are so far, at most so often, and when their window is over
EMIT EVERY '5 s' [AND] ON WINDOW CLOSE    the same, in either order
"""

from collections.abc import Sequence

from pgstream.errors import FeatureNotSupported, InvalidParameterValue, SqlError, SyntaxError42601
from pgstream.plan.terms import PLAIN, Terms
from pgstream.sql.streaming.reader import Token
from pgstream.types.interval_text import DAY_US, Interval, interval_of, interval_text

ON_CLOSE = "ON WINDOW CLOSE"
_UNITS = ("MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY")


def without_emit(text: str, tokens: Sequence[Token]) -> tuple[str, list[Token], Terms]:
    """`text` with blanks for the clause, the tokens of one statement without it, and what it says."""
    words = [text[token.start : token.end].upper() for token in tokens]
    depth = 0
    for at, word in enumerate(words):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if word == "EMIT" and not depth and at and words[at + 1 : at + 2] in (["ON"], ["EVERY"]):
            clause = _Clause(text, tokens, words, at + 1)
            terms = clause.terms(tokens[at].start)
            start, end = tokens[at].start, tokens[clause.at - 1].end
            left = [*tokens[:at], *tokens[clause.at :]]
            return text[:start] + " " * (end - start) + text[end:], left, terms
    return text, list(tokens), PLAIN


def with_emit(query: str, terms: Terms) -> str:
    """A query's text with the clause that says this of it."""
    if terms.every_us is not None:
        return f"{query} EMIT EVERY INTERVAL '{interval_text(Interval(0, 0, terms.every_us))}'"
    return f"{query} EMIT {ON_CLOSE}" if terms.closes else query


class _Clause:
    """The words behind EMIT, read from `at` on."""

    def __init__(self, text: str, tokens: Sequence[Token], words: Sequence[str], at: int) -> None:
        self.text, self.tokens, self.words, self.at = text, tokens, words, at

    def word(self, ahead: int = 0) -> str:
        return self.words[self.at + ahead] if self.at + ahead < len(self.words) else ""

    def fail(self) -> SyntaxError42601:
        if self.at >= len(self.tokens):
            return SyntaxError42601("syntax error at end of input", position=self.tokens[-1].end)
        token = self.tokens[self.at]
        spelled = self.text[token.start : token.end]
        return SyntaxError42601(f'syntax error at or near "{spelled}"', position=token.start)

    def terms(self, position: int) -> Terms:
        """What the whole clause says."""
        closes, every_us = False, None
        while True:
            if self.word() == "EVERY" and every_us is None:
                self.at += 1
                every_us = self.span()
            elif self.words[self.at : self.at + 3] == ON_CLOSE.split() and not closes:
                self.at += 3
                closes = True
            else:
                raise self.fail()
            if self.word() == "AND" and self.word(1) in ("ON", "EVERY"):
                self.at += 1
            elif self.word() not in ("ON", "EVERY"):
                return Terms(True, every_us, position=position)

    def span(self) -> int:
        """`INTERVAL '5 s'`, `INTERVAL '5' SECOND`, `'5 s'`, `5 SECONDS`, in microseconds."""
        if self.word() == "INTERVAL":
            self.at += 1
        if self.at >= len(self.tokens) or self.tokens[self.at].name not in ("SCONST", "ICONST", "FCONST"):
            raise self.fail()
        position, text = self.tokens[self.at].start, self.word().strip("'").lower()
        self.at += 1
        if self.word().removesuffix("S") in _UNITS:
            text = f"{text} {self.word().lower()}"
            self.at += 1
        return span_us(text, position)


def span_us(text: str, position: int | None) -> int:
    """A positive interval of a fixed length, in microseconds. Raises SqlError."""
    try:
        span = interval_of(text)
    except SqlError as error:
        error.position = position
        raise
    if span.months:
        raise FeatureNotSupported("months have no fixed length", position=position)
    found = span.days * DAY_US + span.us
    if found <= 0:
        raise InvalidParameterValue("the interval must be positive", position=position)
    return found
