"""Dotted names in texts: what an input function of a reg* type reads."""

from pgstream.errors import InvalidName


def split_identifiers(text: str) -> list[str]:
    """The parts of a dotted name, unquoted or folded to lower case. Raises InvalidName."""
    parts: list[str] = []
    rest = text.strip()
    while True:
        if rest.startswith('"'):
            end = 1
            while end < len(rest) and (rest[end] != '"' or rest[end + 1 : end + 2] == '"'):
                end += 2 if rest[end] == '"' else 1
            part, rest = rest[1:end].replace('""', '"'), rest[end + 1 :].lstrip()
        else:
            part, dot, tail = rest.partition(".")
            rest = dot + tail
            part = part.strip().lower()
        if not part:
            raise InvalidName("invalid name syntax")
        parts.append(part)
        if not rest:
            return parts
        if not rest.startswith("."):
            raise InvalidName("invalid name syntax")
        rest = rest[1:].lstrip()
