"""`CREATE TABLE name (columns, WATERMARK FOR column [AS expression]) [APPEND ONLY]`: the rest of it is Postgres'."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pgstream.errors import FeatureNotSupported, SyntaxError42601
from pgstream.sql.streaming.columns import Watermark, blanked_computed, blanked_watermarks, compute, has_computed
from pgstream.sql.streaming.reader import Node, Reader, Token


@dataclass(frozen=True, slots=True, eq=False)
class CreateTableStmt:
    """CREATE TABLE with a watermark, or of a table that only grows: `table` is Postgres' CreateStmt of what is left."""

    table: Node
    watermarks: tuple[Watermark, ...]
    append_only: bool
    on_conflict: str = ""
    conflict_position: int = -1


def is_marked(text: str, tokens: Sequence[Token]) -> bool:
    """Whether WATERMARK FOR or LATENESS stands somewhere in CREATE TABLE, APPEND ONLY behind a parenthesis, or a column
    of the list is `column [type] AS expression`."""
    words = [text[token.start : token.end].upper() for token in tokens]
    if {("WATERMARK", "FOR"), ("LATENESS", "INTERVAL")} & set(itertools.pairwise(words)):
        return True
    marks = ([")", "APPEND", "ONLY"], [")", "ON", "CONFLICT"])
    if any(words[at : at + 3] in marks for at in range(len(words))):
        return True
    return "AS" in words and _computes(Reader(text, tokens, _NO_GRAMMAR), words)


_NO_GRAMMAR: Any = None


def _computes(reader: Reader, words: list[str]) -> bool:
    """Whether the column list has a column that is computed, which is not said as Postgres says it."""
    if "(" not in words or "AS" in words[: words.index("(")]:
        return False
    start = reader.at = words.index("(")
    try:
        reader.skip_group()
    except SyntaxError42601:
        return False
    return has_computed(reader, start, reader.at)


def parse_create_table(reader: Reader) -> CreateTableStmt:
    """What follows CREATE TABLE."""
    reader.accept("IF", "NOT", "EXISTS")
    reader.relation()
    start = reader.at
    reader.skip_group()
    first, last = reader.tokens[0].start, reader.tokens[-1].end
    stop = reader.at
    body, computed = blanked_computed(reader, start, stop, " " * first + reader.text[first:last])
    body, watermarks = blanked_watermarks(reader, start, stop, body)
    place = reader.position()
    append_only = reader.accept("APPEND", "ONLY")
    conflict_place = reader.position()
    on_conflict = _on_conflict(reader)
    if append_only or on_conflict:
        end = reader.tokens[reader.at - 1].end
        body = body[:place] + " " * (end - place) + body[end:]
    table = reader.grammar.statement(body)
    compute(reader, table, computed)
    return CreateTableStmt(table, watermarks, append_only, on_conflict, conflict_place if on_conflict else -1)


def _on_conflict(reader: Reader) -> str:
    """`ON CONFLICT DO NOTHING | IGNORE | OVERWRITE | DO UPDATE FULL | DO UPDATE IF NOT NULL`."""
    if not reader.accept("ON", "CONFLICT"):
        return ""
    reader.accept("DO")
    if reader.accept("NOTHING") or reader.accept("IGNORE"):
        return "ignore"
    if reader.accept("UPDATE", "IF", "NOT", "NULL"):
        found = "fill"
    elif reader.accept("OVERWRITE") or reader.accept("UPDATE", "FULL"):
        found = "overwrite"
    else:
        reader.fail()
    if reader.word() == "WITH" and reader.word(1) == "VERSION":
        raise FeatureNotSupported("WITH VERSION COLUMN is not supported yet", position=reader.position())
    return found
