"""Statements that change what stands for the outside:

ALTER SOURCE | SINK name SET (key = value, …) | SET key TO value | CONNECTOR WITH (key = value, …) | PAUSE | RESUME
ALTER SOURCE | SINK name RESET (key, …)
ALTER CONNECTION name SET (key = value, …) | RESET (key, …) | DROP (key, …) | CONNECTOR WITH (key = value, …)
ALTER SOURCE | SINK | CONNECTION | SECRET name RENAME TO name
"""

from dataclasses import dataclass

from pgstream.sql.streaming.options import Option, parse_options, parse_phrases
from pgstream.sql.streaming.reader import Node, Reader


@dataclass(frozen=True, slots=True, eq=False)
class AlterOutsideStmt:
    """ALTER of a `kind`, in lower case: the options that it sets, and those that are as if they had not been given."""

    kind: str
    relation: Node
    options: tuple[Option, ...]
    reset: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class RenameOutsideStmt:
    """ALTER … RENAME TO."""

    kind: str
    relation: Node
    name: str


def parse_alter(reader: Reader, kind: str) -> AlterOutsideStmt | RenameOutsideStmt:
    """What follows ALTER and the kind."""
    relation = reader.relation()
    position = reader.position()
    if reader.accept("RENAME", "TO"):
        name = reader.identifier()
        reader.end()
        return RenameOutsideStmt(kind, relation, name)
    reset: tuple[Option, ...] = ()
    options: tuple[Option, ...] = ()
    if kind != "connection" and (reader.accept("PAUSE") or reader.accept("RESUME")):
        paused = "true" if reader.spelled(reader.at - 1).upper() == "PAUSE" else "false"
        options = (Option("paused", paused, position),)
    elif reader.accept("RESET") or (kind == "connection" and reader.accept("DROP")):
        reset = _names(reader)
    elif reader.accept("CONNECTOR", "WITH"):
        options = parse_options(reader)
    else:
        reader.expect("SET")
        options = _settings(reader, kind, position)
    reader.end()
    return AlterOutsideStmt(kind, relation, options, reset)


def _settings(reader: Reader, kind: str, position: int) -> tuple[Option, ...]:
    if reader.word() == "(":
        return parse_phrases(reader) if kind == "connection" else parse_options(reader)
    name = reader.identifier()
    if not reader.accept("TO"):
        reader.expect("=")
    value = reader.spelled(reader.at) if reader.at < len(reader.tokens) else reader.fail()
    reader.at += 1
    return (Option(name, value.strip("'"), position),)


def _names(reader: Reader) -> tuple[Option, ...]:
    """`(a.b, KEY WORDS, …)`."""
    reader.expect("(")
    found = []
    while True:
        position = reader.position()
        name = reader.identifier()
        while reader.word() not in (",", ")"):
            name += "." + reader.identifier() if reader.accept(".") else " " + reader.identifier()
        found.append(Option(name, "", position))
        if reader.accept(")"):
            return tuple(found)
        reader.expect(",")
