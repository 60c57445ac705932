"""The text form of maps: `{a:1,"b c":{2,3}}`. What stands in brackets or quotes may hold anything."""

import re

from pgstream.errors import InvalidTextRepresentation

SPACES = " \t\n\v\f\r"
_OPENING, _CLOSING = "{([", "})]"
_QUOTED = re.compile(r'"(?:[^"\\]|\\.|"")*"', re.DOTALL)
_BARE_KEY = re.compile(r'[^"\\{}()\[\],:\s]+')


def malformed(text: str, detail: str) -> InvalidTextRepresentation:
    """The error for a map's text that breaks the syntax."""
    return InvalidTextRepresentation(f'malformed map literal: "{text}"', detail=detail)


def map_text(entries: list[tuple[str, str | None]]) -> str:
    """The text of a map with these keys and values."""
    return "{" + ",".join(f"{_shown_key(key)}:{_shown(value)}" for key, value in entries) + "}"


def _shown_key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) and key.lower() != "null" else _in_quotes(key)


def _shown(value: str | None) -> str:
    if value is None:
        return "NULL"
    bare = value.strip(SPACES) == value and value != "" and value.lower() != "null" and _end(value, 0) == len(value)
    return value if bare and not value.startswith('"') else _in_quotes(value)


def _in_quotes(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def entry_texts(text: str) -> list[tuple[str, str | None]]:
    """The keys and values of a map's text; None for NULL. Raises InvalidTextRepresentation."""
    whole = text.strip(SPACES)
    if not whole.startswith("{") or not whole.endswith("}") or len(whole) == 1:
        raise malformed(text, 'A map begins with "{" and ends with "}".')
    inside = whole[1:-1]
    entries: list[tuple[str, str | None]] = []
    at = 0
    while inside.strip(SPACES):
        colon = _end(inside, at, ":")
        if inside[colon : colon + 1] != ":":
            raise malformed(text, "A key is followed by a colon.")
        end = _end(inside, colon + 1)
        key, value = _read(inside[at:colon]), _read(inside[colon + 1 : end])
        if key is None or (value == "" and not inside[colon + 1 : end].strip(SPACES)):
            raise malformed(text, "A map's keys are not NULL, and each has a value.")
        entries.append((key, value))
        if end >= len(inside):
            break
        if inside[end] != ",":
            raise malformed(text, f'Unexpected "{inside[end]}" character.')
        at = end + 1
    return entries


def _end(text: str, at: int, also: str = "") -> int:
    """The first comma from `at` on that stands in no bracket or quotes, or closing bracket too many; or the end."""
    depth = 0
    while at < len(text):
        char = text[at]
        if char == '"':
            found = _QUOTED.match(text, at)
            if found is None:
                return at
            at = found.end()
            continue
        if depth == 0 and (char == "," or char in _CLOSING or (char in also and also)):
            return at
        depth += (char in _OPENING) - (char in _CLOSING)
        at += 1
    return at if not depth else at - 1


def _read(part: str) -> str | None:
    """A key or value without its quotes; None for NULL."""
    part = part.strip(SPACES)
    if part.lower() == "null":
        return None
    if not (_QUOTED.match(part) and _QUOTED.fullmatch(part)):
        return part
    return re.sub(r'\\(.)|""', lambda found: found[1] or '"', part[1:-1], flags=re.DOTALL)
