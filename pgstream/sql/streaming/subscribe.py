"""`SUBSCRIBE [TO] relation | (query) …`: Materialize's spelling, alone, in COPY and in DECLARE CURSOR.

    [WITH (SNAPSHOT [= bool], PROGRESS [= bool])] [AS OF [AT LEAST] time] [UP TO time]
    [ENVELOPE UPSERT (KEY (a, …)) | ENVELOPE DEBEZIUM (KEY (a, …)) | WITHIN TIMESTAMP ORDER BY a [DESC], …]

The clauses may come in any order, each once. COPY and DECLARE CURSOR are parsed by Postgres' grammar with another query
in the place of the SUBSCRIBE; `FETCH … WITH (timeout = '1s')` without its WITH.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pgstream.errors import InvalidParameterValue, SyntaxError42601
from pgstream.plan.terms import PLAIN, Terms
from pgstream.sql.streaming.emission import without_emit
from pgstream.sql.streaming.options import Option, parse_options
from pgstream.sql.streaming.reader import Grammar, Node, Reader, Token

DIFFS, UPSERT, DEBEZIUM = "diffs", "upsert", "debezium"


@dataclass(frozen=True, slots=True, eq=False)
class SubscribeStmt:
    """SUBSCRIBE. `relation` is a RangeVar, or `query` a SELECT; `key` are the key columns' names and positions, `order`
    SortBy nodes."""

    position: int
    relation: Node | None = None
    query: Node | None = None
    snapshot: bool = True
    progress: bool = False
    as_of: Node | None = None
    at_least: bool = False
    up_to: Node | None = None
    envelope: str = DIFFS
    key: tuple[tuple[str, int], ...] = ()
    order: tuple[Node, ...] = ()
    tag: str = "SUBSCRIBE"
    terms: Terms = PLAIN


@dataclass(frozen=True, slots=True, eq=False)
class FetchWithinStmt:
    """`FETCH … WITH (timeout = '1s')`: a FetchStmt and the timeout as it was written."""

    fetch: Node
    timeout: Option


def parse_subscribe(reader: Reader) -> SubscribeStmt:
    """A SUBSCRIBE, up to what is none of its clauses."""
    position = reader.position()
    reader.expect("SUBSCRIBE")
    if reader.word() == "TO" and reader.word(1) != "":
        reader.accept("TO")
    made = SubscribeStmt(position)
    if reader.word() == "(":
        query, terms = _query(reader)
        made = replace(made, query=query, terms=terms)
    else:
        made = replace(made, relation=reader.relation())
    seen: set[str] = set()
    while (clause := _clause(reader)) is not None:
        if clause in seen:
            reader.fail()
        seen.add(clause)
        made = _CLAUSES[clause](reader, made)
    return made


def _query(reader: Reader) -> tuple[Node, Terms]:
    """A query in parentheses, and what EMIT says at its end."""
    start = reader.at
    reader.skip_group()
    first, last = reader.tokens[start].start, reader.tokens[reader.at - 1].end
    text, _, terms = without_emit(reader.text, reader.tokens[start + 1 : reader.at - 1])
    return reader.grammar.statement(" " * first + text[first:last]), terms


def _clause(reader: Reader) -> str | None:
    """The clause that begins here."""
    match reader.word(), reader.word(1):
        case "WITH", "(":
            return "WITH"
        case "AS", "OF":
            return "AS OF"
        case "UP", "TO":
            return "UP TO"
        case (("ENVELOPE" | "WITHIN"), _):
            return "ENVELOPE"
    return None


def _options(reader: Reader, made: SubscribeStmt) -> SubscribeStmt:
    """`WITH (SNAPSHOT [[=] bool], PROGRESS [[=] bool])`"""
    reader.expect("WITH", "(")
    seen: set[str] = set()
    while True:
        place, word = reader.position(), reader.word()
        if word not in ("SNAPSHOT", "PROGRESS") or word in seen:
            reader.fail()
        seen.add(word)
        reader.at += 1
        value = True if reader.word() in (",", ")") else _boolean(reader, word, place)
        made = replace(made, snapshot=value) if word == "SNAPSHOT" else replace(made, progress=value)
        if not reader.accept(","):
            reader.expect(")")
            return made


def _boolean(reader: Reader, option: str, place: int) -> bool:
    reader.accept("=")
    value = truth(reader.word().strip("'"))
    if value is None:
        if reader.word() in ("", ")", "="):
            reader.fail()
        raise InvalidParameterValue(f"{option} requires a Boolean value", position=place)
    reader.at += 1
    return value


def truth(word: str) -> bool | None:
    """A Boolean option's value; None where it is none."""
    return {"TRUE": True, "ON": True, "1": True, "FALSE": False, "OFF": False, "0": False}.get(word.upper())


def _as_of(reader: Reader, made: SubscribeStmt) -> SubscribeStmt:
    reader.expect("AS", "OF")
    at_least = reader.accept("AT", "LEAST")
    return replace(made, at_least=at_least, as_of=_expression(reader))


def _up_to(reader: Reader, made: SubscribeStmt) -> SubscribeStmt:
    reader.expect("UP", "TO")
    return replace(made, up_to=_expression(reader))


def _expression(reader: Reader) -> Node:
    """An expression, up to the next clause."""
    first, last = _extent(reader)
    # in parentheses no word after the expression is taken for its alias
    query = "SELECT".ljust(first - 1) + f"({reader.text[first:last]})"
    made = reader.grammar.statement(query).targetList[0].val
    if type(made).__name__ == "SubLink":
        made.location = first  # its own parenthesis
    return made


def _envelope(reader: Reader, made: SubscribeStmt) -> SubscribeStmt:
    if reader.accept("WITHIN"):
        reader.expect("TIMESTAMP", "ORDER", "BY")
        first, last = _extent(reader)
        statement = reader.grammar.statement("SELECT 1 ORDER BY".ljust(first) + reader.text[first:last])
        return replace(made, order=tuple(statement.sortClause))
    reader.expect("ENVELOPE")
    envelope = UPSERT if reader.word() == "UPSERT" else DEBEZIUM
    if not reader.accept(envelope.upper()):
        reader.fail()
    reader.expect("(", "KEY", "(")
    key = [(reader.position(), reader.identifier())]
    while reader.accept(","):
        key.append((reader.position(), reader.identifier()))
    reader.expect(")", ")")
    return replace(made, envelope=envelope, key=tuple((name, place) for place, name in key))


_CLAUSES = {"WITH": _options, "AS OF": _as_of, "UP TO": _up_to, "ENVELOPE": _envelope}


def _extent(reader: Reader) -> tuple[int, int]:
    """Steps over an expression or list; the characters that it is in."""
    start, depth = reader.at, 0
    while reader.at < len(reader.tokens) and (depth or (reader.word() != ")" and _clause(reader) is None)):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(reader.word(), 0)
        reader.at += 1
    if reader.at == start:
        reader.fail()
    return reader.tokens[start].start, reader.tokens[reader.at - 1].end


# -- inside statements of Postgres' grammar


def parse_copy(reader: Reader) -> Node:
    """`COPY (SUBSCRIBE …) TO STDOUT …`: a CopyStmt whose query is the SubscribeStmt."""
    reader.expect("COPY", "(")
    subscribe = parse_subscribe(reader)
    if reader.word() != ")":
        reader.fail()
    return _with_query(reader, subscribe, reader.at)


def parse_declare(reader: Reader) -> Node:
    """`DECLARE c CURSOR FOR SUBSCRIBE …`: a DeclareCursorStmt whose query is the SubscribeStmt."""
    while not (reader.accept("FOR") and reader.word() == "SUBSCRIBE"):
        reader.at += 1
    subscribe = parse_subscribe(reader)
    reader.end()
    return _with_query(reader, subscribe, reader.at)


def parse_explain(reader: Reader) -> Node:
    """`EXPLAIN … SUBSCRIBE …`: an ExplainStmt whose query is the SubscribeStmt."""
    while reader.word() != "SUBSCRIBE":
        reader.at += 1
    subscribe = parse_subscribe(reader)
    reader.end()
    return _with_query(reader, subscribe, reader.at)


def _with_query(reader: Reader, subscribe: SubscribeStmt, after: int) -> Node:
    """The whole statement, in which `subscribe` ends before token `after`."""
    first, last = reader.tokens[0].start, reader.tokens[-1].end
    stop = reader.tokens[after].start if after < len(reader.tokens) else last
    outer = " " * first + reader.text[first : subscribe.position]
    statement = reader.grammar.statement((outer + "SELECT 1").ljust(stop) + reader.text[stop:last])
    statement.query = subscribe
    return statement


def parse_fetch(reader: Reader) -> FetchWithinStmt:
    """`FETCH … WITH (timeout = …)`"""
    first = reader.tokens[0].start
    while not reader.accept("WITH"):
        reader.at += 1
    last = reader.tokens[reader.at - 1].start
    fetch = reader.grammar.statement(" " * first + reader.text[first:last].rstrip())
    options = parse_options(reader)
    reader.end()
    for option in options:
        if option.name != "timeout":
            raise SyntaxError42601(f'option "{option.name}" not recognized', position=option.position)
    if len(options) != 1:
        raise SyntaxError42601("conflicting or redundant options", position=options[1].position if options else last)
    return FetchWithinStmt(fetch, options[0])


def is_subscribing(text: str, tokens: Sequence[Token]) -> bool:
    """Whether one statement's tokens are one of these spellings."""
    words = [text[token.start : token.end].upper() for token in tokens]
    match words:
        case ["SUBSCRIBE", *_] | ["COPY", "(", "SUBSCRIBE", *_]:
            return True
        case ["DECLARE", *rest]:
            return ("FOR", "SUBSCRIBE") in itertools.pairwise(rest)
        case ["EXPLAIN", *rest]:
            return _explained(rest) == "SUBSCRIBE"
        case ["FETCH", *rest]:
            return ("WITH", "(") in itertools.pairwise(rest)
    return False


def _explained(words: Sequence[str]) -> str:
    """The first word behind EXPLAIN and its options."""
    if words and words[0] == "(":
        words = words[words.index(")") + 1 if ")" in words else len(words) :]
    return next((word for word in words if word not in ("ANALYZE", "ANALYSE", "VERBOSE")), "")


def parse_subscribing(text: str, tokens: Sequence[Token], grammar: Grammar) -> Any:
    """The statement of tokens that are `is_subscribing`."""
    reader = Reader(text, tokens, grammar)
    match reader.word():
        case "COPY":
            return parse_copy(reader)
        case "DECLARE":
            return parse_declare(reader)
        case "FETCH":
            return parse_fetch(reader)
        case "EXPLAIN":
            return parse_explain(reader)
    made = parse_subscribe(reader)
    reader.end()
    return made
