"""`CREATE SOURCE [IF NOT EXISTS] name [(columns)] WITH (key = value, …) [FORMAT f ENCODE e [(key = value, …)]]`.

`CREATE TABLE … WITH (connector = …, …) …` is the same: RisingWave's spelling.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from pgstream.errors import FeatureNotSupported
from pgstream.sql.streaming.columns import Watermark, parse_columns
from pgstream.sql.streaming.options import Format, Option, parse_format, parse_options
from pgstream.sql.streaming.reader import Node, Reader, Token


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


def has_connector(text: str, tokens: Sequence[Token]) -> bool:
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


def parse_create_source(reader: Reader, *, is_table: bool) -> CreateSourceStmt:
    """What follows CREATE SOURCE, or CREATE TABLE."""
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    relation = reader.relation()
    columns = parse_columns(reader)
    for clause in ("INCLUDE", "FROM", "ON", "APPEND"):
        if reader.word() == clause:
            raise FeatureNotSupported(f"{clause} of CREATE SOURCE is not supported yet", position=reader.position())
    reader.expect("WITH")
    options = parse_options(reader)
    format = parse_format(reader)
    reader.end()
    return CreateSourceStmt(relation, columns.elements, options, format, columns.watermarks, if_not_exists, is_table)
