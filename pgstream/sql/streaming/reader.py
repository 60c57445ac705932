"""Recursive descent over the tokens of one statement: what every rule of the streaming grammar is written with."""

from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn, Protocol

from pgstream.errors import SyntaxError42601

Node = Any


class Token(NamedTuple):
    """A token of Postgres' scanner; `end` is exclusive, `name` is the scanner's (`IDENT`, `SCONST`, `ASCII_40`, …)."""

    start: int
    end: int
    name: str
    kind: str


class Grammar(Protocol):
    """Postgres' own grammar, for the parts of a streaming statement that it understands."""

    def statement(self, text: str) -> Node:
        """The AST of the one statement in `text`."""

    def string(self, literal: str) -> str:
        """The value of a string literal in any of its spellings."""

    def name(self, schema: str | None, name: str, position: int) -> Node:
        """A RangeVar."""


class Reader:
    """A position in the tokens of one statement."""

    def __init__(self, text: str, tokens: Sequence[Token], grammar: Grammar) -> None:
        self.text = text
        self.tokens = tokens
        self.grammar = grammar
        self.at = 0

    def word(self, ahead: int = 0) -> str:
        """The token `ahead` of here in upper case; empty past the end."""
        if self.at + ahead >= len(self.tokens):
            return ""
        return self.spelled(self.at + ahead).upper()

    def spelled(self, index: int) -> str:
        """Token number `index` as it was written."""
        token = self.tokens[index]
        return self.text[token.start : token.end]

    def position(self) -> int:
        return self.tokens[self.at].start if self.at < len(self.tokens) else self.tokens[-1].end

    def fail(self) -> NoReturn:
        if self.at >= len(self.tokens):
            raise SyntaxError42601("syntax error at end of input", position=self.tokens[-1].end)
        raise SyntaxError42601(f'syntax error at or near "{self.spelled(self.at)}"', position=self.position())

    def accept(self, *words: str) -> bool:
        """Steps over `words` if they come next."""
        if all(self.word(i) == word for i, word in enumerate(words)):
            self.at += len(words)
            return True
        return False

    def expect(self, *words: str) -> None:
        for word in words:
            if not self.accept(word):
                self.fail()

    def accept_cluster(self) -> None:
        """Steps over `IN CLUSTER name`: there is one process."""
        if self.accept("IN", "CLUSTER"):
            self.identifier()

    def end(self) -> None:
        if self.at < len(self.tokens):
            self.fail()

    def identifier(self) -> str:
        """One name, folded to lower case unless quoted; any keyword will do."""
        if self.at >= len(self.tokens):
            self.fail()
        token, spelled = self.tokens[self.at], self.spelled(self.at)
        if token.name != "IDENT" and token.kind == "NO_KEYWORD":
            self.fail()
        self.at += 1
        return spelled[1:-1].replace('""', '"') if spelled.startswith('"') else spelled.lower()

    def relation(self) -> Node:
        """`[schema.]name` as a RangeVar."""
        position = self.position()
        parts = [self.identifier()]
        while self.accept("."):
            parts.append(self.identifier())
        if len(parts) > 2:
            raise SyntaxError42601("improper relation name (too many dotted names)", position=position)
        return self.grammar.name(parts[0] if len(parts) == 2 else None, parts[-1], position)

    def skip_group(self) -> None:
        """Steps over a parenthesised group, whatever is in it."""
        self.expect("(")
        depth = 1
        while depth:
            if self.at >= len(self.tokens):
                self.fail()
            depth += {"(": 1, ")": -1}.get(self.word(), 0)
            self.at += 1
