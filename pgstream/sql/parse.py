"""Text to AST: PostgreSQL's own grammar, and the streaming statements it rejects.

The only file that imports pglast. What the binder needs of it passes through here: the node classes (`ast`), their
enumerations (`enums`) and the printer (`deparse`).

All positions, in nodes and in errors, are 0-based character offsets into the whole text handed to `parse`, as in
PostgreSQL's error reports for a multi-statement query.
"""

import json
import re
from dataclasses import dataclass, replace
from typing import Any

import pglast.ast
import pglast.enums
from pglast import parser
from pglast.stream import RawStream

from pgstream.errors import FeatureNotSupported, InvalidEscapeSequence, SqlError, SyntaxError42601, WindowingError
from pgstream.plan.terms import PLAIN, Terms
from pgstream.sql import dialects, streaming
from pgstream.sql.streaming import Token, mutual, qualify, restoring, rewriting, timed_joins
from pgstream.sql.streaming.emission import without_emit
from pgstream.sql.streaming.foreign import refuse_foreign

__all__ = ["Parsed", "ast", "constant_positions", "deparse", "enums", "parse", "statement_spans", "tokens"]

ast: Any = pglast.ast
enums: Any = pglast.enums

checked_set = ast.Node.__setattr__
"""How pglast sets an attribute of a node: it looks up what type the attribute is to have, converts or refuses."""

ast.Boolean.__setattr__ = checked_set
ast.Node.__setattr__ = object.__setattr__
"""What pglast's own parser sets has the right type already, but for a Boolean's value; looking that up at every
attribute took fifteen times as long as parsing."""

Node = Any
"""A pglast AST node, or one of the statements of `sql/streaming/`."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """One statement: its tree, its own text without the semicolon, and where that text starts in the whole text.

    `whole` is the text that the tree's positions point into. `grammar` is what Postgres' grammar was given, of the same
    length, in which this is statement number `index`. `origin` is where a translated statement comes from, `terms` what
    EMIT says.
    """

    node: Node
    text: str
    start: int
    whole: str
    grammar: str = ""
    index: int = -1
    origin: dialects.Origin | None = None
    terms: Terms = PLAIN


_SUSPECT = re.compile(
    r"\b(asof|temporal|system_time|sources?|sinks?|connector|connections?|secrets?|watermark|append|subscribe)\b"
    r"|\b(subscription|emit|show|lateness)\b"
    r"|\bcall\s+pgstream\b|\bfetch\b.*\bwith\b"
    r"|\bcreate\s+table\b[^(;]*\([^;]*(?<!\balways)\s+as\b",
    re.IGNORECASE | re.DOTALL,
)
"""Words without which a text needs no look at its tokens: Postgres' grammar takes it as it is."""


_SETS_DIALECT = re.compile(
    r"""\A(?:(?:'[^']*'|"[^"]*"|[^'"])*?;)?\s*SET\s+(?:SESSION\s+|LOCAL\s+)?pgstream\.dialect\s*(?:=|\bTO\b)\s*["']?(\w+)["']?\s*;""",
    re.IGNORECASE,
)
"""SET of the dialect in which the rest of a text is written."""


_REPLACES = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*CREATE\s+OR\s+REPLACE\s+MATERIALIZED\b", re.IGNORECASE | re.DOTALL)
"""How a statement begins that replaces a materialized view."""


def parse(text: str, dialect: str = dialects.POSTGRES) -> list[Parsed]:
    """The statements of `text`, in order. Raises SyntaxError42601 as PostgreSQL does."""
    if "pgstream.dialect" in text.lower():
        found = _SETS_DIALECT.match(text)
        if found is not None and found[1].lower() in dialects.DIALECTS:
            end = found.end()
            rest = re.sub(r"\S", " ", text[:end]) + text[end:]
            return parse(text[: end - 1], dialect) + parse(rest, found[1].lower())
    if dialect in dialects.TRANSLATED:
        return _translated(text, dialect)
    return _parsed(dialects.spelled(text, dialect))


def _translated(text: str, dialect: str) -> list[Parsed]:
    """The statements of a text in another dialect."""
    statements: list[Parsed] = []
    for piece in dialects.pieces(text, dialect):
        if piece.made is None:
            statements += _parsed(re.sub(r"\S", " ", text[: piece.start]) + text[piece.start : piece.end])
            continue
        origin = dialects.Origin(text, piece.start, piece.end, piece.made, dialect)
        try:
            statements += [replace(parsed, origin=origin) for parsed in _parsed(piece.made)]
        except SqlError as error:
            raise origin.moved(error) from None
    return statements


def _parsed(text: str) -> list[Parsed]:
    """The statements of a text in Postgres' words and ours."""
    if _SUSPECT.search(text) is None:
        try:
            return _postgres(text, text)
        except (SyntaxError42601, FeatureNotSupported):
            pass  # one statement of it may be another system's
    statements: list[Parsed] = []
    scanned = tokens(text)
    for piece in _split(scanned):
        try:
            statements += _alone(text, piece)
        except SyntaxError42601 as error:
            raise _broken_off(error, piece[-1].end, scanned) from None
    return statements


def _alone(whole: str, piece: list[Token]) -> list[Parsed]:
    """The statement of `whole` that these tokens are."""
    text, piece, terms = without_emit(whole, piece)
    start, end = piece[0].start, piece[-1].end
    if streaming.starts_streaming(text, piece):
        node = streaming.parse_streaming(text, piece, _Embedded())
        return [Parsed(node, text[start:end], start, whole, terms=terms)]
    blanked = re.sub(r"\S", " ", text[:start]) + text[start:end]
    found = (_subscribing(parsed) for parsed in _postgres(blanked, whole))
    return [replace(each, terms=terms) for each in found]


def _broken_off(error: SyntaxError42601, end: int, scanned: list[Token]) -> SyntaxError42601:
    """The error of a statement that is cut short: what Postgres meets there may be a semicolon."""
    stop = next((token for token in scanned if token.start >= end), None)
    if stop is None or error.message != "syntax error at end of input" or (error.position or 0) < end:
        return error
    return SyntaxError42601('syntax error at or near ";"', position=stop.start)


def statement_spans(text: str, dialect: str) -> list[tuple[int, int]]:
    """Where each statement of `text` starts and ends, without its semicolon. Raises SyntaxError42601."""
    if dialect in dialects.TRANSLATED:
        return dialects.spans(text, dialect)
    pieces = _split(tokens(dialects.spelled(text, dialect)))
    return [(piece[0].start, piece[-1].end) for piece in pieces]


def tokens(text: str) -> list[Token]:
    """The tokens of `text`, comments left out."""
    try:
        scanned = parser.scan(text)
    except parser.ParseError as error:
        raise _syntax_error(error, text) from None
    return [
        Token(token.start, token.end + 1, token.name, token.kind)
        for token in scanned
        if token.name not in ("C_COMMENT", "SQL_COMMENT")
    ]


def _subscribing(parsed: Parsed) -> Parsed:
    """A statement in which SELECT * FROM subscribe('…') is a subscription."""
    node = streaming.with_subscriptions(parsed.node, parsed.whole, _Embedded())
    return parsed if node is parsed.node else replace(parsed, node=node)


def deparse(node: Node) -> str:
    """SQL text that parses to `node`."""
    return str(RawStream()(node))


def _postgres(text: str, whole: str) -> list[Parsed]:
    grammar, timed = text, None
    if timed_joins.CLAUSES.search(text) is not None:
        timed = timed_joins.Cutting(text, tokens(text), _Embedded())
        grammar = timed.run()
    grammar, raw = _raw(grammar)
    if timed is not None and grammar != text:
        timed.attach(tuple(statement.stmt for statement in raw), _constants(raw, grammar))
    statements = []
    for index, statement in enumerate(raw):
        start = statement.stmt_location or 0
        end = start + statement.stmt_len if statement.stmt_len else len(text)
        statements.append(Parsed(statement.stmt, text[start:end].strip(), start, whole, grammar, index))
    return statements


def _raw(text: str) -> tuple[str, Any]:
    """The trees of a text, and the text that Postgres' grammar was given for it."""
    try:
        return text, parser.parse_sql(text)
    except parser.ParseError as error:
        return _of_other_systems(text, error)


def _of_other_systems(text: str, error: parser.ParseError) -> tuple[str, Any]:
    """What Postgres' grammar rejects with `error`, if a rewriting of the same length makes it acceptable."""
    qualified = qualify.clauses(text, tokens(text))
    if qualified:
        return qualify.parsed(text, qualified, _raw)
    grammar = rewriting.rewritten(text, tokens(text))
    if grammar is None:
        refuse_foreign(text)
        raise _syntax_error(error, text) from None
    try:
        raw = parser.parse_sql(grammar)
    except parser.ParseError as second:
        refuse_foreign(text)
        furthest = max(error, second, key=lambda each: len(text) if each.args[1] is None else each.args[1])
        raise _syntax_error(furthest, text) from None
    if rewriting.MARK in grammar:
        _unmark(raw)
    raw = restoring.restored(raw, text, grammar, _Embedded())
    for statement in raw:
        if isinstance(statement.stmt, ast.CreateTableAsStmt) and _REPLACES.match(text, statement.stmt_location or 0):
            statement.stmt.is_select_into = True  # which no view is otherwise
    if mutual.CLAUSE.search(text) is not None:
        _attach_mutual(raw, text)
    return grammar, raw


def _unmark(node: Any) -> None:
    """Gives the names of a tree that were marked for Postgres' grammar their own spelling back."""
    if isinstance(node, tuple):
        for part in node:
            _unmark(part)
    elif isinstance(node, ast.Node):
        for slot in node:
            value = getattr(node, slot)
            if isinstance(value, str) and rewriting.MARK in value:
                setattr(node, slot, rewriting.unmarked(value))
            else:
                _unmark(value)


def _attach_mutual(node: Any, text: str) -> None:
    """What WITH MUTUALLY RECURSIVE said, in the tree."""
    if isinstance(node, tuple):
        for part in node:
            _attach_mutual(part, text)
    elif isinstance(node, ast.Node):
        if isinstance(node, ast.WithClause):
            mutual.attach_mutual(node, text, tokens(text), lambda start, end: _column_defs(text, start, end))
        for slot in node:
            value = getattr(node, slot)
            if isinstance(value, tuple | ast.Node):
                _attach_mutual(value, text)


def _column_defs(text: str, start: int, end: int) -> tuple[Any, ...]:
    """What stands in parentheses, as the columns of a table."""
    head = "CREATE TABLE x".ljust(start)
    try:
        [statement] = parser.parse_sql(head + text[start:end])
    except parser.ParseError as error:
        raise _syntax_error(error, head + text[start:end]) from None
    table: Any = statement.stmt
    return tuple(table.tableElts)


def constant_positions(parsed: Parsed) -> dict[int, int]:
    """Where the constants of a statement stand, by the id() of their nodes: the one kind of node that pglast gives no
    location. Found in a second parse, so only to be asked for when an error is to point at a constant."""
    if parsed.index < 0:
        return {}
    return _constants_of(parsed.node, json.loads(parser.parse_sql_json(parsed.grammar)), parsed.index, parsed.grammar)


def _constants(raw: Any, grammar: str) -> dict[int, int]:
    """Where the constants of all statements of a text stand."""
    told = json.loads(parser.parse_sql_json(grammar))
    found = [_constants_of(statement.stmt, told, index, grammar) for index, statement in enumerate(raw)]
    return {id: place for each in found for id, place in each.items()}


def _constants_of(node: Node, told: Any, index: int, grammar: str) -> dict[int, int]:
    found: dict[int, int] = {}
    _pair_constants(node, told["stmts"][index]["stmt"], found)
    content = grammar.encode()
    return {node: len(content[:offset].decode()) for node, offset in found.items()}


def _pair_constants(node: Any, told: Any, found: dict[int, int]) -> None:
    """Walks a tree and its JSON side by side."""
    if isinstance(node, tuple):
        items = told["List"]["items"] if isinstance(told, dict) else told
        for part, part_told in zip(node, items, strict=True):
            _pair_constants(part, part_told, found)
    elif isinstance(node, ast.Node):
        fields = told.get(type(node).__name__, told)
        if isinstance(node, ast.A_Const):
            found[id(node)] = fields.get("location", 0)
            return
        for slot in node:
            if slot in fields:
                _pair_constants(getattr(node, slot), fields[slot], found)


def _syntax_error(error: parser.ParseError, text: str) -> SqlError:
    message, position = error.args
    message = rewriting.unmarked(message)
    if message.startswith("frame "):
        return WindowingError(message, position=position)
    if message == "invalid Unicode escape":
        return _invalid_escape(message, text, position)
    timed_joins.refuse_period(text, position)
    return SyntaxError42601(message, position=len(text) if position is None else position)


def _invalid_escape(message: str, text: str, position: int) -> SqlError:
    """E'…' and U&'…' spell Unicode escapes differently."""
    if re.search(r"""U&(?:'[^']*|"[^"]*)$""", text[:position], re.IGNORECASE):
        return SyntaxError42601(message, position=position, hint=r"Unicode escapes must be \XXXX or \+XXXXXX.")
    return InvalidEscapeSequence(message, position=position, hint=r"Unicode escapes must be \uXXXX or \UXXXXXXXX.")


def _split(scanned: list[Token]) -> list[list[Token]]:
    """The tokens of each statement, without semicolons; empty statements are left out."""
    pieces: list[list[Token]] = [[]]
    for token in scanned:
        if token.name == "ASCII_59":
            pieces.append([])
        else:
            pieces[-1].append(token)
    return [piece for piece in pieces if piece]


class _Embedded:
    """What the parser of streaming statements asks of Postgres' grammar."""

    nodes = ast

    def tokens(self, text: str) -> list[Token]:
        return tokens(text)

    def statement(self, text: str) -> Node:
        [parsed] = _postgres(text, text)
        return parsed.node

    def shown(self, node: Node) -> str:
        return deparse(node)

    def string(self, literal: str) -> str:
        [parsed] = _postgres("SELECT " + literal, "")
        return str(parsed.node.targetList[0].val.val.sval)

    def name(self, schema: str | None, name: str, position: int) -> Node:
        return ast.RangeVar(schemaname=schema, relname=name, inh=True, relpersistence="p", location=position)
