"""Literals of maps, `MAP {k: v, …}` and `MAP[k, v, …]`, made into calls in as many characters: `map (k, v, …)`."""

from collections.abc import Sequence

from pgstream.sql.streaming.reader import Token

_BRACKETS = {"ASCII_123": "ASCII_125", "ASCII_91": "ASCII_93"}
_BRACES = {"{": "ASCII_123", "}": "ASCII_125"}
"""Names of characters that are no tokens to Postgres' scanner."""

_OPENING = frozenset(("ASCII_40", *_BRACKETS))
_CLOSING = frozenset(("ASCII_41", *_BRACKETS.values()))


def spelled_maps(text: str, tokens: Sequence[Token], made: list[str]) -> list[Token]:
    """Puts calls in place of the literals of `text` in `made`, its characters; the tokens as they are then."""
    found = [token._replace(name=_BRACES.get(text[token.start : token.end], token.name)) for token in tokens]
    for at in range(len(found) - 1):
        word = text[found[at].start : found[at].end].lower()
        if word == "map" and found[at + 1].name in _BRACKETS:
            _spell(found, at + 1, made)
    return found


def _spell(tokens: list[Token], opening: int, made: list[str]) -> None:
    """The literal whose bracket is at `opening`; a subscript, which has no comma, stays."""
    depth, separators, end = 0, list[int](), -1
    for at in range(opening, len(tokens)):
        name = tokens[at].name
        depth += (name in _OPENING) - (name in _CLOSING)
        if not depth:
            end = at
            break
        if depth == 1 and name in ("ASCII_58", "ASCII_44"):
            separators.append(at)
    braces = tokens[opening].name == "ASCII_123"
    if end < 0 or not separators or tokens[end].name != _BRACKETS[tokens[opening].name]:
        return
    for at, name, char in ((opening, "ASCII_40", "("), (end, "ASCII_41", ")")):
        made[tokens[at].start] = char
        tokens[at] = tokens[at]._replace(name=name)
    for at in separators if braces else ():
        made[tokens[at].start] = ","
        tokens[at] = tokens[at]._replace(name="ASCII_44")
