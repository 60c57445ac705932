"""What SHOW and DESCRIBE tell of objects, in the words of Flink, MySQL, RisingWave and Materialize.

SHOW [ALL | FULL | TERSE | USER] kinds [FROM | IN schema] [[NOT] LIKE | ILIKE 'pattern']
SHOW COLUMNS | INDEXES FROM relation [[NOT] LIKE 'pattern']
SHOW CREATE kind name
SHOW CURRENT CATALOG | DATABASE | SCHEMA
DESCRIBE | DESC [EXTENDED | TABLE | kind] relation
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pgstream.sql.streaming.reader import Node, Reader

KINDS = (
    "catalogs", "clusters", "columns", "connections", "databases", "functions", "indexes", "jobs", "objects", "roles",
    "schemas", "secrets", "sinks", "sources", "subscriptions", "tables", "views", "materialized views",
)  # fmt: skip
"""What SHOW lists, by its plural."""

_SAME = {"indices": "indexes", "keys": "indexes", "connectors": "sources", "users": "roles"}
_QUALIFIERS = ("ALL", "FULL", "TERSE", "USER", "EXTENDED")
_CREATED = ("TABLE", "SOURCE", "SINK", "VIEW", "INDEX", "MATERIALIZED", "SUBSCRIPTION")
_OF_RELATION = ("columns", "indexes")


@dataclass(frozen=True, slots=True, eq=False)
class ShowObjectsStmt:
    """A list of objects. `place` is the schema after FROM, or the relation whose columns or indexes are asked for."""

    kind: str
    place: Node
    pattern: str | None
    negated: bool
    any_case: bool


@dataclass(frozen=True, slots=True, eq=False)
class ShowCreateStmt:
    """SHOW CREATE: `kind` is upper case."""

    kind: str
    relation: Node


@dataclass(frozen=True, slots=True, eq=False)
class DescribeStmt:
    """DESCRIBE of a relation."""

    relation: Node


@dataclass(frozen=True, slots=True, eq=False)
class ShowCurrentStmt:
    """SHOW CURRENT CATALOG, DATABASE or SCHEMA: `kind` is lower case."""

    kind: str


def is_show(words: Sequence[str]) -> bool:
    """Whether the words of a statement, in upper case, are for `parse_show`, not for Postgres' SHOW of a setting."""
    match words:
        case ["SHOW", "CREATE" | "CURRENT", *_] | ["DESCRIBE" | "DESC", *_]:
            return True
        case ["SHOW", *rest]:
            while rest and rest[0] in _QUALIFIERS:
                rest = rest[1:]
            return _kind(rest) != ""
    return False


def _kind(words: Sequence[str]) -> str:
    """The plural with which `words` begin, as KINDS has it."""
    named = " ".join(words[:2] if words[:1] == ["MATERIALIZED"] else words[:1]).lower()
    named = _SAME.get(named, named)
    return named if named in KINDS else ""


def parse_show(reader: Reader) -> Node:
    """SHOW or DESCRIBE."""
    if reader.accept("DESCRIBE") or reader.accept("DESC"):
        return _described(reader)
    reader.expect("SHOW")
    if reader.accept("CREATE"):
        return _created(reader)
    if reader.accept("CURRENT"):
        kind = reader.identifier()
        reader.end()
        return ShowCurrentStmt(kind)
    while reader.word() in _QUALIFIERS:
        reader.at += 1
    kind = _kind([reader.word(), reader.word(1)])
    reader.at += len(kind.split())
    place = None
    if kind in _OF_RELATION and reader.word() in ("FROM", "IN", "ON"):
        reader.at += 1
        place = reader.relation()
    elif reader.accept("FROM") or reader.accept("IN"):
        place = reader.relation()
    elif kind == "columns":
        reader.fail()
    negated = reader.accept("NOT")
    pattern = None
    any_case = reader.word() == "ILIKE"
    if any_case or negated or reader.word() == "LIKE":
        reader.at += 1
        pattern = _pattern(reader)
    reader.end()
    return ShowObjectsStmt(kind, place, pattern, negated, any_case)


def _pattern(reader: Reader) -> str:
    """A string; RisingWave takes one in double quotes too."""
    token = reader.tokens[reader.at] if reader.at < len(reader.tokens) else None
    if token is not None and token.name == "IDENT" and reader.spelled(reader.at).startswith('"'):
        return reader.identifier()
    if token is None or token.name != "SCONST":
        reader.fail()
    reader.at += 1
    return reader.grammar.string(reader.spelled(reader.at - 1))


def _described(reader: Reader) -> DescribeStmt:
    for kind in ("EXTENDED", "FORMATTED", "TABLE", "SOURCE", "SINK", "VIEW"):
        if reader.word(1):
            reader.accept(kind)
    if reader.word(2):
        reader.accept("MATERIALIZED", "VIEW")
    relation = reader.relation()
    reader.end()
    return DescribeStmt(relation)


def _created(reader: Reader) -> ShowCreateStmt:
    kind = reader.word()
    if kind not in _CREATED:
        reader.fail()
    reader.at += 1
    if kind == "MATERIALIZED":
        reader.expect("VIEW")
        kind = "MATERIALIZED VIEW"
    relation = reader.relation()
    reader.end()
    return ShowCreateStmt(kind, relation)
