"""`SHOW SOURCES | SINKS | TABLES | VIEWS | MATERIALIZED VIEWS | CONNECTIONS | SECRETS`."""

from dataclasses import dataclass

from pgstream.sql.streaming.reader import Reader

PLURALS = ("sources", "sinks", "tables", "views", "materialized views", "connections", "secrets")


@dataclass(frozen=True, slots=True, eq=False)
class ShowObjectsStmt:
    """SHOW SOURCES and its siblings: `kind` is the plural, lower case."""

    kind: str
    position: int


def parse_show(reader: Reader) -> ShowObjectsStmt:
    """What follows SHOW."""
    position = reader.position()
    return ShowObjectsStmt(" ".join(reader.text[position : reader.tokens[-1].end].lower().split()), position)
