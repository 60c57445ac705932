"""`DROP SOURCE | SINK | SECRET | CONNECTION [IF EXISTS] name, … [CASCADE | RESTRICT]`."""

from dataclasses import dataclass

from pgstream.sql.streaming.reader import Node, Reader

DROPPED = ("SOURCE", "SINK", "SECRET", "CONNECTION")


@dataclass(frozen=True, slots=True, eq=False)
class DropStreamStmt:
    """DROP of something outside: `kind` is one of DROPPED, `relations` are RangeVars."""

    kind: str
    relations: tuple[Node, ...]
    missing_ok: bool
    cascade: bool


def parse_drop(reader: Reader) -> DropStreamStmt:
    """What follows DROP."""
    kind = next(word for word in DROPPED if reader.accept(word))
    missing_ok = reader.accept("IF", "EXISTS")
    relations = [reader.relation()]
    while reader.accept(","):
        relations.append(reader.relation())
    cascade = reader.accept("CASCADE")
    reader.accept("RESTRICT")
    reader.end()
    return DropStreamStmt(kind, tuple(relations), missing_ok, cascade)
