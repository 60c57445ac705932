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
        _Foreign(r"CREATE\s+OR\s+REPLACE\s+MATERIALIZED\s+VIEW\b", "CREATE OR REPLACE MATERIALIZED VIEW",
                 "Make a view under another name, then swap them with ALTER MATERIALIZED VIEW … RENAME TO."),
        _Foreign(r"CREATE\s+CLUSTER\b", "CREATE CLUSTER", "There is one process; leave the statement out."),
        _Foreign(r"DECLARE\s+RECURSIVE\s+VIEW\b", "DECLARE RECURSIVE VIEW",
                 "Write WITH RECURSIVE in the view's query."),
        _Foreign(r"LATENESS\b", "LATENESS", "Write WATERMARK FOR column AS column - INTERVAL '…' in CREATE TABLE."),
        _Foreign(r"FLUSH\b", "FLUSH", "Leave it out: every SELECT sees what was written before it."),
        _Foreign(r"SHOW\s+CREATE\b", "SHOW CREATE", "Ask pg_get_viewdef('name'), pg_views or pg_matviews."),
        _Foreign(r"(?:DESCRIBE|DESC)\b", "DESCRIBE", "Ask information_schema.columns, or psql's \\d."),
        _Foreign(rf"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}\s*\([^;]*\bLATENESS\s+INTERVAL\b", "LATENESS",
                 "Write WATERMARK FOR column AS column - INTERVAL '…' as a line of its own."),
        _Foreign(r"WITH\s+MUTUALLY\s+RECURSIVE\b", "WITH MUTUALLY RECURSIVE", "Write WITH RECURSIVE."),
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
