"""The streaming statements that Postgres' grammar rejects, cut out of the token stream by recursive descent.

    CREATE SOURCE [IF NOT EXISTS] name [(columns)] WITH (key = value, …) [FORMAT f ENCODE e [(key = value, …)]]
    CREATE TABLE … WITH (connector = …, …) …                             the same: RisingWave's spelling
    CREATE SINK [IF NOT EXISTS] name [(columns) | FROM relation | AS query] WITH (…) [FORMAT f ENCODE e [(…)]]
    DROP SOURCE | SINK [IF EXISTS] name, … [CASCADE | RESTRICT]
    SHOW SOURCES | SINKS | TABLES | VIEWS | MATERIALIZED VIEWS

Column definitions, expressions and queries go to Postgres' grammar inside a text of the same length in which
everything else is blank, so every position still points into the user's text.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn, Protocol

from pgstream.errors import FeatureNotSupported, SyntaxError42601

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


@dataclass(frozen=True, slots=True)
class Option:
    """`key = value` of a WITH clause; `key` is lower case with its dots."""

    name: str
    value: str
    position: int


@dataclass(frozen=True, slots=True)
class Format:
    """`FORMAT PLAIN ENCODE JSON (…)`, both names in upper case; empty where left out."""

    format: str = ""
    encode: str = ""
    options: tuple[Option, ...] = ()
    position: int = -1


@dataclass(frozen=True, slots=True)
class Watermark:
    """`WATERMARK FOR column [AS expression]` of a column list."""

    column: str
    expression: Node | None
    position: int


@dataclass(frozen=True, slots=True, eq=False)
class CreateSourceStmt:
    """CREATE SOURCE, or CREATE TABLE with a connector. `elements` are ColumnDef and Constraint nodes."""

    relation: Node
    elements: tuple[Node, ...]
    options: tuple[Option, ...]
    format: Format
    watermarks: tuple[Watermark, ...]
    if_not_exists: bool
    is_table: bool


@dataclass(frozen=True, slots=True, eq=False)
class CreateSinkStmt:
    """CREATE SINK. `source` is the RangeVar after FROM, `query` the SELECT after AS with its text; or neither."""

    relation: Node
    elements: tuple[Node, ...]
    source: Node | None
    query: Node | None
    query_text: str
    options: tuple[Option, ...]
    format: Format
    if_not_exists: bool


@dataclass(frozen=True, slots=True, eq=False)
class DropStreamStmt:
    """DROP SOURCE or DROP SINK: `kind` is SOURCE or SINK, `relations` are RangeVars."""

    kind: str
    relations: tuple[Node, ...]
    missing_ok: bool
    cascade: bool


@dataclass(frozen=True, slots=True, eq=False)
class ShowObjectsStmt:
    """SHOW SOURCES and its siblings: `kind` is the plural, lower case."""

    kind: str
    position: int


_PLURALS = ("sources", "sinks", "tables", "views", "materialized views")


def starts_streaming(text: str, tokens: Sequence[Token]) -> bool:
    """Whether these tokens of one statement are for this file rather than for Postgres' grammar."""
    words = [text[token.start : token.end].upper() for token in tokens[:3]]
    match words:
        case ["CREATE" | "DROP", "SOURCE" | "SINK", *_]:
            return True
        case ["SHOW", plural] if plural.lower() in _PLURALS:
            return True
        case ["SHOW", "MATERIALIZED", "VIEWS"]:
            return len(tokens) == 3
        case ["CREATE", "TABLE", *_]:
            return _has_connector(text, tokens)
    return False


def _has_connector(text: str, tokens: Sequence[Token]) -> bool:
    """Whether a WITH list outside all parentheses names a connector."""
    depth = 0
    in_with = False
    for before, token in itertools.pairwise(tokens):
        if token.name == "ASCII_40":
            in_with = in_with or (depth == 0 and before.name == "WITH")
            depth += 1
        elif token.name == "ASCII_41":
            depth -= 1
        elif in_with and depth == 1 and text[token.start : token.end].strip("'\"").lower() == "connector":
            return True
    return False


def parse_streaming(text: str, tokens: Sequence[Token], grammar: Grammar) -> Node:
    """The statement that `tokens` spell. Raises SyntaxError42601."""
    reader = _Reader(text, tokens, grammar)
    if reader.accept("SHOW"):
        return reader.show()
    if reader.accept("DROP"):
        return reader.drop()
    reader.expect("CREATE")
    if reader.accept("SINK"):
        return reader.create_sink()
    is_table = reader.accept("TABLE")
    if not is_table:
        reader.expect("SOURCE")
    return reader.create_source(is_table)


class _Reader:
    """A position in the tokens of one statement, with a method for each rule of the grammar."""

    def __init__(self, text: str, tokens: Sequence[Token], grammar: Grammar) -> None:
        self.text = text
        self.tokens = tokens
        self.grammar = grammar
        self.at = 0

    def word(self, ahead: int = 0) -> str:
        """The token `ahead` of here in upper case; empty past the end."""
        if self.at + ahead >= len(self.tokens):
            return ""
        token = self.tokens[self.at + ahead]
        return self.text[token.start : token.end].upper()

    def position(self) -> int:
        return self.tokens[self.at].start if self.at < len(self.tokens) else self.tokens[-1].end

    def fail(self) -> NoReturn:
        if self.at >= len(self.tokens):
            raise SyntaxError42601("syntax error at end of input", position=self.tokens[-1].end)
        token = self.tokens[self.at]
        near = self.text[token.start : token.end]
        raise SyntaxError42601(f'syntax error at or near "{near}"', position=token.start)

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

    def identifier(self) -> str:
        """One name, folded to lower case unless quoted; any keyword will do."""
        if self.at >= len(self.tokens):
            self.fail()
        token = self.tokens[self.at]
        spelled = self.text[token.start : token.end]
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

    def end(self) -> None:
        if self.at < len(self.tokens):
            self.fail()

    def show(self) -> ShowObjectsStmt:
        position = self.position()
        return ShowObjectsStmt(" ".join(self.text[position : self.tokens[-1].end].lower().split()), position)

    def drop(self) -> DropStreamStmt:
        kind = "SOURCE" if self.accept("SOURCE") else "SINK"
        self.accept("SINK")
        missing_ok = self.accept("IF", "EXISTS")
        relations = [self.relation()]
        while self.accept(","):
            relations.append(self.relation())
        cascade = self.accept("CASCADE")
        self.accept("RESTRICT")
        self.end()
        return DropStreamStmt(kind, tuple(relations), missing_ok, cascade)

    def create_source(self, is_table: bool) -> CreateSourceStmt:
        if_not_exists = self.accept("IF", "NOT", "EXISTS")
        relation = self.relation()
        elements, watermarks = self.column_list()
        for clause in ("INCLUDE", "FROM", "ON", "APPEND"):
            if self.word() == clause:
                raise FeatureNotSupported(f"{clause} of CREATE SOURCE is not supported yet", position=self.position())
        self.expect("WITH")
        options = self.options()
        format = self.format()
        self.end()
        return CreateSourceStmt(relation, elements, options, format, watermarks, if_not_exists, is_table)

    def create_sink(self) -> CreateSinkStmt:
        if_not_exists = self.accept("IF", "NOT", "EXISTS")
        if self.word(1) == "INTO":
            raise FeatureNotSupported("CREATE SINK INTO is not supported yet", position=self.position())
        relation = self.relation()
        elements, watermarks = self.column_list()
        if watermarks:
            raise SyntaxError42601("a sink has no watermark", position=watermarks[0].position)
        query = None
        query_text = ""
        source = self.relation() if self.accept("FROM") else None
        if source is None and self.accept("AS"):
            query, query_text = self.query()
        self.expect("WITH")
        options = self.options()
        format = self.format()
        self.end()
        return CreateSinkStmt(relation, elements, source, query, query_text, options, format, if_not_exists)

    def query(self) -> tuple[Node, str]:
        """The query up to the WITH list that follows it."""
        start = self.at
        depth = 0
        while not (depth == 0 and self.word() == "WITH" and self.word(1) == "("):
            if self.at >= len(self.tokens):
                self.fail()
            depth += {"(": 1, ")": -1}.get(self.word(), 0)
            self.at += 1
        if self.at == start:
            self.fail()
        first, last = self.tokens[start].start, self.tokens[self.at - 1].end
        return self.grammar.statement(" " * first + self.text[first:last]), self.text[first:last]

    def column_list(self) -> tuple[tuple[Node, ...], tuple[Watermark, ...]]:
        """`(columns, constraints and WATERMARK clauses)`; nothing where there is no parenthesis."""
        if self.word() != "(":
            return (), ()
        start = self.at
        self.skip_group()
        stop = self.at
        cut, watermarks = self.cut_watermarks(start, stop)
        first, last = self.tokens[start].start, self.tokens[stop - 1].end
        body = list(" " * first + self.text[first:last])
        for low, high in cut:
            body[low:high] = " " * (high - low)
        # `CREATE SINK x(` is one character shorter: the one text whose positions are off, by that one.
        head = "CREATE TABLE x"
        body[: min(first, len(head))] = head
        statement = self.grammar.statement("".join(body))
        return tuple(statement.tableElts or ()), watermarks

    def cut_watermarks(self, start: int, stop: int) -> tuple[list[tuple[int, int]], tuple[Watermark, ...]]:
        """The character ranges of WATERMARK items, with a comma each, and what they say."""
        items: list[tuple[int, int]] = []
        depth, begin = 0, start + 1
        for i in range(start, stop):
            spelled = self.text[self.tokens[i].start : self.tokens[i].end]
            depth += {"(": 1, ")": -1}.get(spelled, 0)
            if (depth == 1 and spelled == ",") or depth == 0:
                items.append((begin, i))
                begin = i + 1
        cut, watermarks = [], []
        for begin, end in items:
            self.at = begin
            if not self.accept("WATERMARK", "FOR"):
                continue
            watermarks.append(self.watermark(begin, end))
            low, high = self.tokens[begin].start, self.tokens[end - 1].end
            if begin - 1 > start:
                low = self.tokens[begin - 1].start
            elif end < stop - 1:
                high = self.tokens[end].end
            cut.append((low, high))
        self.at = stop
        return cut, tuple(watermarks)

    def watermark(self, begin: int, end: int) -> Watermark:
        column = self.identifier()
        expression = None
        if self.at < end:
            self.expect("AS")
            if self.at >= end:
                self.fail()
            first, last = self.tokens[self.at].start, self.tokens[end - 1].end
            query = "SELECT".ljust(first) + self.text[first:last]
            expression = self.grammar.statement(query).targetList[0].val
        return Watermark(column, expression, self.tokens[begin].start)

    def options(self) -> tuple[Option, ...]:
        self.expect("(")
        found: list[Option] = []
        while not self.accept(")"):
            if found:
                self.expect(",")
            found.append(self.option())
        return tuple(found)

    def option(self) -> Option:
        position = self.position()
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        name = self.value() if token is not None and token.name == "SCONST" else self.identifier()
        while self.accept("."):
            name += "." + self.identifier()
        self.expect("=")
        return Option(name.lower(), self.value(), position)

    def value(self) -> str:
        """A string, number, or bare word."""
        if self.at >= len(self.tokens):
            self.fail()
        sign = "-" if self.accept("-") else ""
        token = self.tokens[self.at]
        spelled = self.text[token.start : token.end]
        if token.name in ("ICONST", "FCONST"):
            self.at += 1
            return sign + spelled
        if token.name in ("SCONST", "USCONST") and not sign:
            self.at += 1
            return self.grammar.string(spelled)
        if sign:
            self.fail()
        return self.identifier()

    def format(self) -> Format:
        """`FORMAT f ENCODE e [(options)]`, or nothing."""
        position = self.position()
        if not self.accept("FORMAT"):
            return Format()
        format = self.identifier().upper()
        encode = self.identifier().upper() if self.accept("ENCODE") else ""
        options = self.options() if encode and self.word() == "(" else ()
        return Format(format, encode, options, position)
