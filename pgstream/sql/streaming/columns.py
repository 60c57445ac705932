"""Column lists of streaming tables: Postgres' columns and constraints, and `WATERMARK FOR column [AS expression]`."""

from dataclasses import dataclass

from pgstream.sql.streaming.reader import Node, Reader

UNITS = ("MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK")


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
    body, computed = blanked_computed(reader, start, stop, body)
    body, watermarks = blanked_watermarks(reader, start, stop, body)
    # `CREATE SINK x(` is one character shorter: the one text whose positions are off, by that one.
    head = "CREATE TABLE x"
    statement = reader.grammar.statement(head + body[min(first, len(head)) :])
    compute(reader, statement, computed)
    return ColumnList(tuple(statement.tableElts or ()), watermarks, metadata)


def _blanked_metadata(reader: Reader, start: int, stop: int, body: str) -> tuple[tuple[tuple[str, str], ...], str]:
    """(column, part) of each `METADATA FROM 'part'` of the list between two tokens, and `body` with blanks there."""
    found = []
    for begin, end in _items(reader, start, stop):
        for at in range(begin + 1, end):
            if reader.spelled(at).upper() != "METADATA" or reader.spelled(begin).upper() == "WATERMARK":
                continue
            reader.at = begin
            name = part = reader.identifier()
            last = at
            if at + 2 < end and reader.spelled(at + 1).upper() == "FROM" and reader.tokens[at + 2].name == "SCONST":
                part, last = reader.grammar.string(reader.spelled(at + 2)), at + 2
            if last + 1 < end and reader.spelled(last + 1).upper() == "VIRTUAL":
                last += 1
            found.append((name, part))
            low, high = reader.tokens[at].start, reader.tokens[last].end
            body = body[:low] + " " * (high - low) + body[high:]
            break
    reader.at = stop
    return tuple(found), body


@dataclass(frozen=True, slots=True)
class Computed:
    """`column [type] AS expression` of a column list."""

    column: str
    expression: Node
    typed: bool


def is_computed(reader: Reader, begin: int, end: int) -> int:
    """Where AS stands in `column [type] AS expression` between two tokens; 0 where they are something else."""
    depth = 0
    if reader.spelled(begin).upper() in _NO_COLUMNS:
        return 0
    for at in range(begin, end):
        spelled = reader.spelled(at).upper()
        depth += {"(": 1, ")": -1}.get(spelled, 0)
        if depth == 0 and at > begin and spelled == "AS":
            return 0 if reader.spelled(at - 1).upper() in ("ALWAYS", "DEFAULT") or at + 1 >= end else at
    return 0


_NO_COLUMNS = frozenset({"WATERMARK", "CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "LIKE", "EXCLUDE"})


def has_computed(reader: Reader, start: int, stop: int) -> bool:
    """Whether the list between two tokens has such a column."""
    return any(is_computed(reader, begin, end) for begin, end in _items(reader, start, stop) if begin < end)


def blanked_computed(reader: Reader, start: int, stop: int, body: str) -> tuple[str, tuple[Computed, ...]]:
    """`body` without the expressions of such columns, which become those of some type, and what they say."""
    found = []
    for begin, end in _items(reader, start, stop):
        at = is_computed(reader, begin, end) if begin < end else 0
        if not at:
            continue
        if end - at > 3 and reader.spelled(end - 2).upper() == "COMMENT":
            end -= 2
        reader.at = begin
        name = reader.identifier()
        found.append(Computed(name, _expression(reader, at + 1, end), at > begin + 1))
        low, high = reader.tokens[at].start, reader.tokens[end - 1].end
        body = body[:low] + ("" if found[-1].typed else "text").ljust(high - low) + body[high:]
    reader.at = stop
    return body, tuple(found)


def compute(reader: Reader, statement: Node, computed: tuple[Computed, ...]) -> None:
    """Gives the columns of a CREATE TABLE statement the expressions that they are computed as."""
    for one in computed:
        generated = reader.grammar.statement("CREATE TABLE x (c text GENERATED ALWAYS AS (1) STORED)")
        (constraint,) = generated.tableElts[0].constraints
        constraint.raw_expr = one.expression
        for element in statement.tableElts:
            if getattr(element, "colname", None) == one.column:
                element.constraints = (*(element.constraints or ()), constraint)
                if not one.typed:
                    element.typeName = None


def _expression(reader: Reader, begin: int, end: int) -> Node:
    """The expression between two tokens. In parentheses no word after it is taken for its alias."""
    first, last = reader.tokens[begin].start, reader.tokens[end - 1].end
    query = "SELECT".ljust(first - 1) + f"({reader.text[first:last]})"
    return reader.grammar.statement(query).targetList[0].val


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
            for at in range(begin + 2, end):
                if is_lateness(reader, at):
                    found, stop_at = _lateness(reader, begin, at, end)
                    watermarks.append(found)
                    cut.append((tokens[at].start, tokens[stop_at - 1].end))
                    break
            continue
        watermarks.append(_watermark(reader, begin, end))
        low, high = tokens[begin].start, tokens[end - 1].end
        if begin - 1 > start:
            low = tokens[begin - 1].start
        elif end < stop - 1:
            high = tokens[end].end
        cut.append((low, high))
    return cut, tuple(watermarks)


def is_lateness(reader: Reader, at: int) -> bool:
    """Whether token `at` begins Feldera's `LATENESS INTERVAL …`."""
    words = [reader.spelled(i).upper() for i in range(at, min(at + 2, len(reader.tokens)))]
    return words == ["LATENESS", "INTERVAL"]


def _lateness(reader: Reader, begin: int, at: int, end: int) -> tuple[Watermark, int]:
    """The watermark that LATENESS of a column is, and the token behind the clause."""
    reader.at = begin
    place = reader.position()
    name = reader.identifier()
    stop = min(at + 3, end)
    if stop < end and reader.spelled(stop).upper().removesuffix("S") in UNITS:
        stop += 1
    return Watermark(name, behind(reader, name, at + 1, stop), reader.tokens[at].start, place), stop


def behind(reader: Reader, column: str, begin: int, end: int) -> Node:
    """The expression of a column less the interval that tokens spell."""
    if begin + 1 >= end:
        reader.at = end
        reader.fail()
    first, last = reader.tokens[begin].start, reader.tokens[end - 1].end
    named = '"' + column.replace('"', '""') + '"'
    statement = reader.grammar.statement(f"SELECT {named} - ".rjust(first) + reader.text[first:last])
    return statement.targetList[0].val


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
        expression = _expression(reader, reader.at, end)
    return Watermark(column, expression, reader.tokens[begin].start, place)
