"""`CREATE TABLE name (columns, WATERMARK FOR column [AS expression]) [APPEND ONLY]`: the rest of it is Postgres'."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from pgstream.sql.streaming.columns import Watermark, blanked_watermarks
from pgstream.sql.streaming.reader import Node, Reader, Token


@dataclass(frozen=True, slots=True, eq=False)
class CreateTableStmt:
    """CREATE TABLE with a watermark, or of a table that only grows: `table` is Postgres' CreateStmt of what is left."""

    table: Node
    watermarks: tuple[Watermark, ...]
    append_only: bool


def is_marked(text: str, tokens: Sequence[Token]) -> bool:
    """Whether WATERMARK FOR stands somewhere in CREATE TABLE, or APPEND ONLY behind a parenthesis."""
    words = [text[token.start : token.end].upper() for token in tokens]
    return ("WATERMARK", "FOR") in itertools.pairwise(words) or any(
        words[at : at + 3] == [")", "APPEND", "ONLY"] for at in range(len(words))
    )


def parse_create_table(reader: Reader) -> CreateTableStmt:
    """What follows CREATE TABLE."""
    reader.accept("IF", "NOT", "EXISTS")
    reader.relation()
    start = reader.at
    reader.skip_group()
    first, last = reader.tokens[0].start, reader.tokens[-1].end
    body, watermarks = blanked_watermarks(reader, start, reader.at, " " * first + reader.text[first:last])
    place = reader.position()
    append_only = reader.accept("APPEND", "ONLY")
    if append_only:
        end = reader.tokens[reader.at - 1].end
        body = body[:place] + " " * (end - place) + body[end:]
    return CreateTableStmt(reader.grammar.statement(body), watermarks, append_only)
