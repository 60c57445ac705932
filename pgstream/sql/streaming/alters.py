"""`ALTER SOURCE name SET (rate_limit = n) | SET SOURCE_RATE_LIMIT TO n | PAUSE | RESUME`."""

from dataclasses import dataclass

from pgstream.sql.streaming.options import Option, parse_options
from pgstream.sql.streaming.reader import Node, Reader


@dataclass(frozen=True, slots=True, eq=False)
class AlterSourceStmt:
    """ALTER SOURCE: the options that it sets."""

    relation: Node
    options: tuple[Option, ...]


def parse_alter_source(reader: Reader) -> AlterSourceStmt:
    """What follows ALTER SOURCE."""
    relation = reader.relation()
    position = reader.position()
    if reader.accept("PAUSE") or reader.accept("RESUME"):
        paused = "true" if reader.spelled(reader.at - 1).upper() == "PAUSE" else "false"
        options: tuple[Option, ...] = (Option("paused", paused, position),)
    else:
        reader.expect("SET")
        if reader.word() == "(":
            options = parse_options(reader)
        else:
            name = reader.identifier()
            if not reader.accept("TO"):
                reader.expect("=")
            value = reader.spelled(reader.at) if reader.at < len(reader.tokens) else reader.fail()
            reader.at += 1
            options = (Option(name, value.strip("'"), position),)
    reader.end()
    return AlterSourceStmt(relation, options)
