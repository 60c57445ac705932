"""`CREATE TABLE name (columns, WATERMARK FOR column [AS expression]) …`: Postgres' statement, but for the watermark."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from pgstream.sql.streaming.columns import Watermark, blanked_watermarks
from pgstream.sql.streaming.reader import Node, Reader, Token


@dataclass(frozen=True, slots=True, eq=False)
class CreateTableStmt:
    """CREATE TABLE with a watermark: `table` is Postgres' CreateStmt of what is left."""

    table: Node
    watermarks: tuple[Watermark, ...]


def has_watermark(text: str, tokens: Sequence[Token]) -> bool:
    """Whether WATERMARK FOR stands somewhere."""
    return any(
        second.name == "FOR" and text[first.start : first.end].upper() == "WATERMARK"
        for first, second in itertools.pairwise(tokens)
    )


def parse_create_table(reader: Reader) -> CreateTableStmt:
    """What follows CREATE TABLE."""
    reader.accept("IF", "NOT", "EXISTS")
    reader.relation()
    start = reader.at
    reader.skip_group()
    first, last = reader.tokens[0].start, reader.tokens[-1].end
    body, watermarks = blanked_watermarks(reader, start, reader.at, " " * first + reader.text[first:last])
    return CreateTableStmt(reader.grammar.statement(body), watermarks)
