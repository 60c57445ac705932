"""`DROP SOURCE | SINK [IF EXISTS] name, … [CASCADE | RESTRICT]`."""

from dataclasses import dataclass

from pgstream.sql.streaming.reader import Node, Reader


@dataclass(frozen=True, slots=True, eq=False)
class DropStreamStmt:
    """DROP SOURCE or DROP SINK: `kind` is SOURCE or SINK, `relations` are RangeVars."""

    kind: str
    relations: tuple[Node, ...]
    missing_ok: bool
    cascade: bool


def parse_drop(reader: Reader) -> DropStreamStmt:
    """What follows DROP."""
    kind = "SOURCE" if reader.accept("SOURCE") else "SINK"
    reader.accept("SINK")
    missing_ok = reader.accept("IF", "EXISTS")
    relations = [reader.relation()]
    while reader.accept(","):
        relations.append(reader.relation())
    cascade = reader.accept("CASCADE")
    reader.accept("RESTRICT")
    reader.end()
    return DropStreamStmt(kind, tuple(relations), missing_ok, cascade)
