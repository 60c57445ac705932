"""`CREATE SOURCE [IF NOT EXISTS] name [(columns)] [INCLUDE part [AS column]] … WITH (key = value, …)
[FORMAT f ENCODE e [(key = value, …)]]`.

`CREATE TABLE … WITH (connector = …, …) …` is the same: RisingWave's spelling.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from pgstream.errors import FeatureNotSupported, InvalidTableDefinition
from pgstream.sql.streaming.columns import Watermark, parse_columns
from pgstream.sql.streaming.flink_options import understood
from pgstream.sql.streaming.kafka_clauses import parse_source_topic
from pgstream.sql.streaming.load_generators import parse_load_generator
from pgstream.sql.streaming.options import Format, Option, parse_format, parse_options
from pgstream.sql.streaming.reader import Node, Reader, Token
from pgstream.sql.streaming.sinks import CreateSinkStmt, rest_as_query


@dataclass(frozen=True, slots=True, eq=False)
class CreateSourceStmt:
    """CREATE SOURCE, or CREATE TABLE with a connector. `elements` are ColumnDef and Constraint nodes; `metadata` are
    the columns among them that show a part of a record other than its value, each with the part."""

    relation: Node
    elements: tuple[Node, ...]
    options: tuple[Option, ...]
    format: Format
    watermarks: tuple[Watermark, ...]
    if_not_exists: bool
    is_table: bool
    metadata: tuple[tuple[str, str], ...] = ()


PART_TYPES = {
    "key": "bytea", "partition": "varchar", "offset": "varchar", "timestamp": "timestamptz", "header": "jsonb",
    "headers": "jsonb", "topic": "varchar",
}  # fmt: skip
"""What RisingWave includes a part of a message as, where it has such a type."""


_CHANGING = ("UPSERT", "DEBEZIUM")
"""Formats whose records change rows that came before. All others append only, said or not."""


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


def parse_create_source(reader: Reader, *, is_table: bool) -> CreateSourceStmt | CreateSinkStmt:
    """What follows CREATE SOURCE, or CREATE TABLE. CREATE TABLE … WITH (…) AS query is a sink of the query's rows."""
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    relation = reader.relation()
    columns = parse_columns(reader)
    place = reader.position()
    append_only = reader.accept("APPEND", "ONLY")
    elements, metadata = list(columns.elements), list(columns.metadata)
    while reader.accept("INCLUDE"):
        element, part = _included(reader)
        elements.append(element)
        metadata.append((element.colname, part))
    reader.accept_cluster()
    if not is_table and reader.word() == "FROM" and reader.word(1) == "KAFKA":
        reader.expect("FROM")
        topic = parse_source_topic(reader, has_columns=bool(elements))
        elements += topic.elements(reader)
        metadata += topic.metadata
        options, format = tuple(topic.options), topic.format
        if reader.accept("WITH"):
            options += parse_options(reader)
    elif not is_table and not elements and reader.accept("FROM", "LOAD", "GENERATOR"):
        column, options = parse_load_generator(reader)
        elements, format = [column], Format()
    else:
        _refuse_clauses(reader)
        reader.expect("WITH")
        options = parse_options(reader)
        options, format = understood(options, parse_format(reader))
        if is_table and not elements and reader.accept("AS"):
            query, text = rest_as_query(reader)
            return CreateSinkStmt(relation, (), None, query, text, options, format, if_not_exists)
    reader.end()
    if append_only and format.format in _CHANGING:
        raise InvalidTableDefinition("a source of changes is not append-only", position=place)
    return CreateSourceStmt(
        relation, tuple(elements), options, format, columns.watermarks, if_not_exists, is_table, tuple(metadata)
    )


def _refuse_clauses(reader: Reader) -> None:
    """Raises FeatureNotSupported for what may stand before WITH and is not understood."""
    position = reader.position()
    if reader.word() == "PARTITIONED":
        hint = "Leave it out: files are in one folder."
        raise FeatureNotSupported("PARTITIONED BY is not supported yet", position=position, hint=hint)
    if reader.word() in ("FROM", "ON"):
        raise FeatureNotSupported(f"{reader.word()} of CREATE SOURCE is not supported yet", position=position)


def _included(reader: Reader) -> tuple[Node, str]:
    """The column that an INCLUDE clause makes, and the part of a message that it shows: `header 'name'` is one header,
    of the type that follows."""
    part = reader.identifier()
    if part not in PART_TYPES:
        reader.at -= 1
        reader.fail()
    type, name = PART_TYPES[part], f"_rw_kafka_{part}"
    if part == "header" and reader.at < len(reader.tokens) and reader.tokens[reader.at].name == "SCONST":
        header = reader.grammar.string(reader.spelled(reader.at))
        reader.at += 1
        type = "bytea" if reader.word() in ("AS", "INCLUDE", "WITH") else reader.identifier()
        part, name = f"header:{header}", f"_rw_kafka_header_{header}"
    if reader.accept("AS"):
        name = reader.identifier()
    quoted = '"' + name.replace('"', '""') + '"'
    return reader.grammar.statement(f"CREATE TABLE x ({quoted} {type})").tableElts[0], part
