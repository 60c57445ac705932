"""Whether a table of a Flink script is read or written, which Flink tells by what the script does with it.

    CREATE TABLE out (…) WITH ('connector' = 'kafka', …);  INSERT INTO out SELECT …      a sink

Here a table with a connector that can do both says it: `'type' = 'sink'`.
"""

import re

_CREATES = re.compile(r"\s*CREATE\s+(?:TEMPORARY\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?[`\"]?(\w+)", re.IGNORECASE)
_CONNECTOR = re.compile(r"'connector'\s*=\s*'(?:upsert-kafka|kafka|filesystem)'", re.IGNORECASE)
_TYPED = re.compile(r"'type'\s*=", re.IGNORECASE)


def with_role(statement: str, script: str) -> str:
    """`statement` of `script`; where it makes a table that is only inserted into, one that makes a sink."""
    made = _CREATES.match(statement)
    whole = statement.rstrip()
    if made is None or not whole.endswith(")") or not _CONNECTOR.search(statement) or _TYPED.search(statement):
        return statement
    name = rf"\s+[`\"]?{re.escape(made[1])}\b"
    writes = re.search(rf"\bINSERT\s+INTO{name}", script, re.IGNORECASE)
    reads = re.search(rf"\b(?:FROM|JOIN|TABLE\s*(?=[^(]*,\s*DESCRIPTOR)){name}", script, re.IGNORECASE)
    return f"{whole[:-1]}, 'type' = 'sink')" if writes and not reads else statement
