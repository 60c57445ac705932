"""What a session's statements tell of secrets to others: nothing."""

import re

_SPEAKS = re.compile(r"\bsecret\b", re.IGNORECASE)
_LITERALS = re.compile(r"'.*'?|\$.*", re.DOTALL)


def without_secrets(text: str) -> str:
    """A statement's text as pg_stat_activity shows it: one that speaks of secrets without its literals."""
    return _LITERALS.sub("'…'", text) if _SPEAKS.search(text) else text
