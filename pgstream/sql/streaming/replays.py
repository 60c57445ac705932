"""`CALL pgstream.replay('source' [, where => condition] [, raw => bytes])`."""

from dataclasses import dataclass

from pgstream.sql.streaming.reader import Node, Reader


@dataclass(frozen=True, slots=True, eq=False)
class ReplayStmt:
    """CALL pgstream.replay. `where` and `raw` are expressions over the source's errors relation: which records, and
    what they should have been."""

    relation: Node
    where: Node | None
    raw: Node | None
    position: int


def parse_replay(reader: Reader) -> ReplayStmt:
    """What follows CALL."""
    position = reader.position()
    reader.expect("PGSTREAM", ".", "REPLAY", "(")
    if reader.at >= len(reader.tokens) or reader.tokens[reader.at].name != "SCONST":
        reader.fail()
    named = reader.grammar.string(reader.spelled(reader.at))
    relation = reader.grammar.statement(f"TABLE {named}").fromClause[0]
    relation.location = reader.position()
    reader.at += 1
    given: dict[str, Node] = {}
    while reader.accept(","):
        name = reader.word()
        if name not in ("WHERE", "RAW") or name in given:
            reader.fail()
        reader.at += 1
        if not reader.accept("=>"):
            reader.expect(":=")
        given[name] = _expression(reader)
    reader.expect(")")
    reader.end()
    return ReplayStmt(relation, given.get("WHERE"), given.get("RAW"), position)


def _expression(reader: Reader) -> Node:
    """The expression up to the comma or parenthesis that ends it."""
    start, depth = reader.at, 0
    while depth or reader.word() not in (",", ")"):
        if reader.at >= len(reader.tokens):
            reader.fail()
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(reader.word(), 0)
        reader.at += 1
    if start == reader.at:
        reader.fail()
    first, last = reader.tokens[start].start, reader.tokens[reader.at - 1].end
    query = "SELECT".ljust(first - 1) + f"({reader.text[first:last]})"
    return reader.grammar.statement(query).targetList[0]
