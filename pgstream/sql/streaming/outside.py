"""Statements about machinery that other systems have and pgstream has not: they are taken, and change nothing.

FLUSH, WAIT                                      every answer already sees what was written before
SET 'key' = 'value', SET a-b.c = v, RESET 'key'  Flink's configuration
CREATE | ALTER | DROP CLUSTER …, ALTER SYSTEM    there is one process
ALTER kind name SET PARALLELISM = n, …           it uses the cores that there are
ANALYZE TABLE t COMPUTE STATISTICS …             nothing is estimated from them
USE CATALOG default_catalog, USE default_database
BEGIN STATEMENT SET                              its statements follow, up to END
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pgstream.sql.streaming.reader import Token

_KINDS = ("TABLE", "SOURCE", "SINK", "INDEX", "MATERIALIZED", "SUBSCRIPTION", "CONNECTION", "FRAGMENT", "DATABASE")
_IGNORED_PARTS = (
    "PARALLELISM", "BACKFILL_PARALLELISM", "STREAMING_RATE_LIMIT", "BACKFILL_RATE_LIMIT", "SINK_RATE_LIMIT",
    "DML_RATE_LIMIT", "RESOURCE_GROUP", "BACKFILL_ORDER", "CONFIG",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class OutsideStmt:
    """A statement that is accepted: its command tag, and what to tell about it."""

    tag: str
    notice: str | None = None


def outside(text: str, tokens: Sequence[Token]) -> OutsideStmt | None:
    """What the statement of these tokens is, if it is such a one."""
    words = [text[token.start : token.end].upper() for token in tokens]
    match words:
        case ["FLUSH"] | ["WAIT"]:
            return OutsideStmt(words[0])
        case ["SET" | "RESET" as verb, key, *_] if _is_configuration(tokens, words):
            end = next((i for i, word in enumerate(words) if word == "="), len(words))
            name = text[tokens[1].start : tokens[end - 1].end].strip("'") if end > 1 else key
            return OutsideStmt(verb, f'"{name}" is a setting of another system and changes nothing')
        case ["CREATE" | "ALTER" | "DROP" as verb, "CLUSTER", *_]:
            return OutsideStmt(f"{verb} CLUSTER", "there is one process: clusters change nothing")
        case ["ALTER", kind, *_] if kind in _KINDS:
            part = _ignored_part(words)
            if part is not None:
                tag = "ALTER MATERIALIZED VIEW" if kind == "MATERIALIZED" else f"ALTER {kind}"
                return OutsideStmt(tag, f"{part} changes nothing")
        case ["ANALYZE", "TABLE", *_, "STATISTICS"] | ["ANALYZE", "TABLE", *_, "COLUMNS"]:
            return OutsideStmt("ANALYZE")
        case ["USE", "CATALOG", "DEFAULT_CATALOG" | "`DEFAULT_CATALOG`"] | ["USE", "DEFAULT_DATABASE"]:
            return OutsideStmt("USE")
        case ["BEGIN", "STATEMENT", "SET"]:
            return OutsideStmt("BEGIN STATEMENT SET")
    return None


def _is_configuration(tokens: Sequence[Token], words: Sequence[str]) -> bool:
    """Whether SET or RESET names a key as a string, or one with dashes or more than Postgres' dots."""
    if tokens[1].name == "SCONST":
        return len(tokens) == 2 or words[2] == "="
    key = words[1 : words.index("=")] if "=" in words else words[1:]
    return "-" in key and "." in key and key[0] not in ("SESSION", "LOCAL", "TIME")


def _ignored_part(words: Sequence[str]) -> str | None:
    """The setting of an object that has no counterpart here."""
    for at, word in enumerate(words[:-1]):
        if word == "SET" and words[at + 1] in _IGNORED_PARTS:
            return words[at + 1]
    return None
