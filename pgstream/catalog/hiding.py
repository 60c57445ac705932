"""Options as anybody may see them: a password that is no secret but stands there as it is, is left out."""

import re

HIDDEN = "[hidden]"
_SENSITIVE = re.compile(r"password|secret|key\.pem|token", re.IGNORECASE)


def shown(name: str, value: str) -> str:
    """The value of an option, unless its name says that nobody is to see it."""
    return HIDDEN if _SENSITIVE.search(name) else value
