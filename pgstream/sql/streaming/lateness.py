"""`LATENESS relation.column INTERVAL 1 DAY`: Feldera's statement, a watermark of what is there already."""

from dataclasses import dataclass

from pgstream.sql.streaming.columns import Watermark, behind
from pgstream.sql.streaming.reader import Node, Reader


@dataclass(frozen=True, slots=True, eq=False)
class LatenessStmt:
    """LATENESS: the relation, and the watermark that it is to have."""

    relation: Node
    watermark: Watermark


def parse_lateness(reader: Reader) -> LatenessStmt:
    """A LATENESS statement."""
    start = reader.position()
    reader.expect("LATENESS")
    places, names = [reader.position()], [reader.identifier()]
    while reader.accept("."):
        places.append(reader.position())
        names.append(reader.identifier())
    if not 2 <= len(names) <= 3 or reader.word() != "INTERVAL":
        reader.fail()
    expression = behind(reader, names[-1], reader.at, len(reader.tokens))
    relation = reader.grammar.name(names[0] if len(names) == 3 else None, names[-2], places[-2])
    return LatenessStmt(relation, Watermark(names[-1], expression, start, places[-1]))
