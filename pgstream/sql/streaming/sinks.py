"""`CREATE SINK [IF NOT EXISTS] name [(columns) | FROM relation | AS query] WITH (…) [FORMAT f ENCODE e [(…)]]`."""

from dataclasses import dataclass

from pgstream.errors import FeatureNotSupported, SyntaxError42601
from pgstream.sql.streaming.columns import parse_columns
from pgstream.sql.streaming.kafka_clauses import parse_sink_topic
from pgstream.sql.streaming.options import Format, Option, parse_format, parse_options
from pgstream.sql.streaming.reader import Node, Reader


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


def parse_create_sink(reader: Reader) -> CreateSinkStmt:
    """What follows CREATE SINK."""
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    if reader.word(1) == "INTO":
        raise FeatureNotSupported("CREATE SINK INTO is not supported yet", position=reader.position())
    relation = reader.relation()
    columns = parse_columns(reader)
    reader.accept_cluster()
    if columns.watermarks:
        raise SyntaxError42601("a sink has no watermark", position=columns.watermarks[0].position)
    query = None
    query_text = ""
    source = reader.relation() if reader.accept("FROM") else None
    if source is None and reader.accept("AS"):
        query, query_text = _query(reader)
    if source is not None and reader.accept("INTO"):
        topic = parse_sink_topic(reader)
        options, format = tuple(topic.options), topic.format
    else:
        reader.expect("WITH")
        options = parse_options(reader)
        format = parse_format(reader)
    reader.end()
    return CreateSinkStmt(relation, columns.elements, source, query, query_text, options, format, if_not_exists)


def _query(reader: Reader) -> tuple[Node, str]:
    """The query up to the WITH list that follows it."""
    start = reader.at
    depth = 0
    while not (depth == 0 and reader.word() == "WITH" and reader.word(1) == "("):
        if reader.at >= len(reader.tokens):
            reader.fail()
        depth += {"(": 1, ")": -1}.get(reader.word(), 0)
        reader.at += 1
    return _between(reader, start)


def rest_as_query(reader: Reader) -> tuple[Node, str]:
    """The query that is all that is left."""
    start, reader.at = reader.at, len(reader.tokens)
    return _between(reader, start)


def _between(reader: Reader, start: int) -> tuple[Node, str]:
    """The query from token `start` to here."""
    if reader.at == start:
        reader.fail()
    first, last = reader.tokens[start].start, reader.tokens[reader.at - 1].end
    return reader.grammar.statement(" " * first + reader.text[first:last]), reader.text[first:last]
