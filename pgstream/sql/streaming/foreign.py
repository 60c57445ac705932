"""Statements of other streaming systems that are not understood here: what to write in their place."""

import re
from typing import NamedTuple

from pgstream.errors import FeatureNotSupported


class _Foreign(NamedTuple):
    pattern: str
    name: str
    hint: str


_NAME = r'(?:"[^"]*"|[\w.]+)'
_FOREIGN = tuple(
    (re.compile(rf"(?:\A|;)\s*({each.pattern})", re.IGNORECASE), each)
    for each in (
        _Foreign(r"DECLARE\s+RECURSIVE\s+VIEW\b", "DECLARE RECURSIVE VIEW",
                 "Write WITH RECURSIVE in the view's query."),
        _Foreign(r"LATENESS\b", "LATENESS", "Write WATERMARK FOR column AS column - INTERVAL '…' in CREATE TABLE."),
        _Foreign(rf"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}\s*\([^;]*\bLATENESS\s+INTERVAL\b", "LATENESS",
                 "Write WATERMARK FOR column AS column - INTERVAL '…' as a line of its own."),
        _Foreign(r"(?:CREATE|DROP|ALTER)\s+CATALOG\b", "CATALOG",
                 "Name where the rows are in the WITH clause of each source and sink."),
        _Foreign(r"USE\b", "USE", "Connect to the database instead, or write SET search_path = schema."),
        _Foreign(r"(?:UN)?LOAD\s+MODULE\b", "LOAD MODULE", "Leave it out: there is one set of functions."),
        _Foreign(r"(?:ADD|REMOVE)\s+JAR\b", "ADD JAR", "Functions are written in SQL: CREATE FUNCTION … LANGUAGE sql."),
        _Foreign(r"(?:CREATE|DROP)\s+TEMPORARY\s+(?:SYSTEM\s+)?FUNCTION\b", "CREATE TEMPORARY FUNCTION",
                 "Functions are written in SQL: CREATE FUNCTION … LANGUAGE sql."),
        _Foreign(rf"CREATE\s+(?:OR\s+REPLACE\s+)?FUNCTION\s+(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}\s+(?:RETURNS\s+\w+\s+)?"
                 r"(?:LANGUAGE\s+\w+\s+)?AS\s*'", "CREATE FUNCTION of a class",
                 "Functions are written in SQL: CREATE FUNCTION … LANGUAGE sql."),
        _Foreign(r"CREATE\s+FUNCTION\b[^;]*\bUSING\s+(?:LINK|JAR)\b", "CREATE FUNCTION of a server or a file",
                 "Functions are written in SQL: CREATE FUNCTION … LANGUAGE sql."),
        _Foreign(r"CREATE\s+(?:LINEAR\s+)?AGGREGATE\b", "CREATE AGGREGATE",
                 "The built-in aggregates are listed in pg_proc, where prokind is 'a'."),
        _Foreign(r"CREATE\s+(?:OR\s+ALTER\s+)?MATERIALIZED\s+TABLE\b", "CREATE MATERIALIZED TABLE",
                 "Write CREATE MATERIALIZED VIEW: it is always fresh."),
        _Foreign(r"CREATE\s+MODEL\b", "CREATE MODEL", "There are no models here."),
        _Foreign(r"(?:CREATE|DROP|ALTER)\s+NETWORK\s+POLICY\b", "NETWORK POLICY",
                 "Bind the server to an address with --listen."),
        _Foreign(r"CREATE\s+DEFAULT\s+INDEX\b", "CREATE DEFAULT INDEX",
                 "Name the columns: CREATE INDEX ON view (column)."),
        _Foreign(r"CREATE\s+OR\s+REPLACE\s+TABLE\b", "CREATE OR REPLACE TABLE",
                 "Write DROP TABLE IF EXISTS before CREATE TABLE."),
        _Foreign(r"INSERT\s+OVERWRITE\b", "INSERT OVERWRITE", "Write TRUNCATE, then INSERT INTO, in one transaction."),
        _Foreign(r"(?:CANCEL|STOP)\s+JOBS?\b", "CANCEL JOB", "Cancel the statement, or DROP the view or the sink."),
        _Foreign(r"CREATE\s+TYPE\b[^;]*\bAS\s+(?:MAP|LIST)\s*\(", "CREATE TYPE AS LIST or MAP",
                 "Use an array or jsonb."),
        _Foreign(r"SHOW\s+(?:JARS|(?:FULL\s+)?MODULES|PARTITIONS|PROCEDURES|SUBSOURCES|TYPES|PRIVILEGES)\b", "SHOW",
                 "Ask pg_catalog."),
        _Foreign(r"(?s:[^;]*)\bMATCH_RECOGNIZE\b", "MATCH_RECOGNIZE",
                 "Compare rows with lag() and lead() OVER (PARTITION BY … ORDER BY …)."),
        _Foreign(r"(?:ALTER|CREATE)\b[^;]*\bRETAIN\s+HISTORY\b", "RETAIN HISTORY",
                 "CREATE SUBSCRIPTION … WITH (retention = '1 hour') remembers changes."),
        _Foreign(r"CREATE\b[^;]*\bREFRESH\s+(?:EVERY|AT|ON)\b", "REFRESH",
                 "Leave it out: a materialized view is always fresh."),
        _Foreign(r"ALTER\s+(?:TABLE|SOURCE|SINK|MATERIALIZED\s+VIEW|VIEW)\b[^;]*\bSWAP\s+WITH\b", "SWAP WITH",
                 "Write three ALTER … RENAME TO in one transaction."),
    )
)  # fmt: skip


def refuse_foreign(text: str) -> None:
    """Raises FeatureNotSupported where a text that is no Postgres has one of these statements."""
    for pattern, foreign in _FOREIGN:
        found = pattern.search(text)
        if found is not None:
            raise FeatureNotSupported(
                f"{foreign.name} is not supported yet", position=found.start(1), hint=foreign.hint
            )
