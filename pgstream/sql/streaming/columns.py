"""Column lists of streaming tables: Postgres' columns and constraints, and `WATERMARK FOR column [AS expression]`."""

from dataclasses import dataclass

from pgstream.sql.streaming.reader import Node, Reader


@dataclass(frozen=True, slots=True)
class Watermark:
    """`WATERMARK FOR column [AS expression]` of a column list."""

    column: str
    expression: Node | None
    position: int
    column_position: int


@dataclass(frozen=True, slots=True)
class ColumnList:
    """ColumnDef and Constraint nodes, and what stood among them that Postgres does not know."""

    elements: tuple[Node, ...] = ()
    watermarks: tuple[Watermark, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    """Columns that show a part of a record other than its value: `name type METADATA FROM 'part'`."""


def parse_columns(reader: Reader) -> ColumnList:
    """A parenthesised column list; nothing where there is no parenthesis."""
    if reader.word() != "(":
        return ColumnList()
    start = reader.at
    reader.skip_group()
    stop = reader.at
    first, last = reader.tokens[start].start, reader.tokens[stop - 1].end
    metadata, body = _blanked_metadata(reader, start, stop, " " * first + reader.text[first:last])
    body, watermarks = blanked_watermarks(reader, start, stop, body)
    # `CREATE SINK x(` is one character shorter: the one text whose positions are off, by that one.
    head = "CREATE TABLE x"
    statement = reader.grammar.statement(head + body[min(first, len(head)) :])
    return ColumnList(tuple(statement.tableElts or ()), watermarks, metadata)


def _blanked_metadata(reader: Reader, start: int, stop: int, body: str) -> tuple[tuple[tuple[str, str], ...], str]:
    """(column, part) of each `METADATA FROM 'part'` of the list between two tokens, and `body` with blanks there."""
    found = []
    for begin, end in _items(reader, start, stop):
        for at in range(begin + 1, end - 2):
            words = [reader.spelled(at).upper(), reader.spelled(at + 1).upper()]
            if words == ["METADATA", "FROM"] and reader.tokens[at + 2].name == "SCONST":
                reader.at = begin
                found.append((reader.identifier(), reader.grammar.string(reader.spelled(at + 2))))
                low, high = reader.tokens[at].start, reader.tokens[at + 2].end
                body = body[:low] + " " * (high - low) + body[high:]
    reader.at = stop
    return tuple(found), body


def blanked_watermarks(reader: Reader, start: int, stop: int, body: str) -> tuple[str, tuple[Watermark, ...]]:
    """`body` with blanks for the WATERMARK clauses of the list between two tokens, and what they say."""
    cut, watermarks = _cut_watermarks(reader, start, stop)
    reader.at = stop
    left = list(body)
    for low, high in cut:
        left[low:high] = " " * (high - low)
    return "".join(left), watermarks


def _cut_watermarks(reader: Reader, start: int, stop: int) -> tuple[list[tuple[int, int]], tuple[Watermark, ...]]:
    """The character ranges of WATERMARK items, with a comma each, and what they say."""
    tokens = reader.tokens
    cut, watermarks = [], []
    for begin, end in _items(reader, start, stop):
        reader.at = begin
        if not reader.accept("WATERMARK", "FOR"):
            continue
        watermarks.append(_watermark(reader, begin, end))
        low, high = tokens[begin].start, tokens[end - 1].end
        if begin - 1 > start:
            low = tokens[begin - 1].start
        elif end < stop - 1:
            high = tokens[end].end
        cut.append((low, high))
    return cut, tuple(watermarks)


def _items(reader: Reader, start: int, stop: int) -> list[tuple[int, int]]:
    """The token ranges between the commas of the group that `start` opens."""
    items: list[tuple[int, int]] = []
    depth, begin = 0, start + 1
    for i in range(start, stop):
        spelled = reader.spelled(i)
        depth += {"(": 1, ")": -1}.get(spelled, 0)
        if (depth == 1 and spelled == ",") or depth == 0:
            items.append((begin, i))
            begin = i + 1
    return items


def _watermark(reader: Reader, begin: int, end: int) -> Watermark:
    place = reader.position()
    column = reader.identifier()
    expression = None
    if reader.at < end:
        reader.expect("AS")
        if reader.at >= end:
            reader.fail()
        first, last = reader.tokens[reader.at].start, reader.tokens[end - 1].end
        # In parentheses no word after the expression is taken for its alias.
        query = "SELECT".ljust(first - 1) + f"({reader.text[first:last]})"
        expression = reader.grammar.statement(query).targetList[0].val
    return Watermark(column, expression, reader.tokens[begin].start, place)
