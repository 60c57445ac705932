"""The text forms of ranges and multiranges: `[1,5)`, `{[1,3),[5,8)}`."""

import re
from typing import NamedTuple

from pgstream.errors import InvalidTextRepresentation

SPACES = " \t\n\v\f\r"
NEEDS_QUOTES = re.compile(r'["\\()\[\],\s]|^$', re.ASCII)


class Ends(NamedTuple):
    """A range with its bounds as texts; None: without end."""

    lower: str | None
    upper: str | None
    lower_inc: bool
    upper_inc: bool
    empty: bool = False


def malformed(text: str, detail: str, what: str = "range") -> InvalidTextRepresentation:
    """The error for a text that breaks the syntax."""
    return InvalidTextRepresentation(f'malformed {what} literal: "{text}"', detail=detail)


def ends_of(text: str) -> Ends:
    """The bounds that a range's text names."""
    bare = text.lstrip(SPACES)
    if bare[:5].lower() == "empty":
        if bare[5:].strip(SPACES):
            raise malformed(text, 'Junk after "empty" key word.')
        return Ends(None, None, False, False, True)
    at = len(text) - len(bare)
    if bare[:1] not in ("[", "("):
        raise malformed(text, "Missing left parenthesis or bracket.")
    lower, comma = bound(text, at + 1)
    if text[comma] != ",":
        raise malformed(text, "Missing comma after lower bound.")
    upper, end = bound(text, comma + 1)
    if text[end] == ",":
        raise malformed(text, "Too many commas.")
    if text[end + 1 :].strip(SPACES):
        raise malformed(text, "Junk after right parenthesis or bracket.")
    return Ends(lower, upper, bare[0] == "[", text[end] == "]")


def bound(text: str, at: int) -> tuple[str | None, int]:
    """The bound that begins at `at`, and where its delimiter stands."""
    if text[at : at + 1] and text[at] in ",)]":
        return None, at
    shown, quoted = "", False
    while True:
        if at >= len(text):
            raise malformed(text, "Unexpected end of input.")
        sign = text[at]
        if not quoted and sign in ",)]":
            return shown, at
        at += 1
        if sign == "\\":
            if at >= len(text):
                raise malformed(text, "Unexpected end of input.")
            shown += text[at]
            at += 1
        elif sign == '"' and quoted and text[at : at + 1] == '"':
            shown += '"'
            at += 1
        elif sign == '"':
            quoted = not quoted
        else:
            shown += sign


def range_text(ends: Ends) -> str:
    """The text of a range."""
    if ends.empty:
        return "empty"
    opening, closing = "[" if ends.lower_inc else "(", "]" if ends.upper_inc else ")"
    return f"{opening}{shown_bound(ends.lower)},{shown_bound(ends.upper)}{closing}"


def shown_bound(text: str | None) -> str:
    """A bound as a range's text shows it."""
    if text is None:
        return ""
    if NEEDS_QUOTES.search(text) is None:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '""') + '"'


def ranges_of(text: str) -> list[str]:
    """The texts of the ranges in a multirange's."""

    def wrong(detail: str) -> InvalidTextRepresentation:
        return malformed(text, detail, "multirange")

    at, found = skipped(text, 0), list[str]()
    if text[at : at + 1] != "{":
        raise wrong("Missing left brace.")
    at = skipped(text, at + 1)
    if text[at : at + 1] == "}":
        at += 1
    else:
        while True:
            end = range_end(text, at)
            if end == at:
                raise wrong("Expected range start." if at < len(text) else "Unexpected end of input.")
            if end < 0:
                raise wrong("Unexpected end of input.")
            found.append(text[at:end])
            at = skipped(text, end) + 1
            delimiter = text[at - 1 : at]
            if delimiter == "}":
                break
            if delimiter != ",":
                raise wrong("Expected comma or end of multirange." if delimiter else "Unexpected end of input.")
            at = skipped(text, at)
    if text[at:].strip(SPACES):
        raise wrong("Junk after closing right brace.")
    return found


def skipped(text: str, at: int) -> int:
    """The first place from `at` on that is no white space."""
    while at < len(text) and text[at] in SPACES:
        at += 1
    return at


def range_end(text: str, at: int) -> int:
    """Where the range ends that begins at `at`; `at` where none does, -1 where it has no end."""
    if text[at : at + 5].lower() == "empty":
        return at + 5
    if text[at : at + 1] not in ("[", "("):
        return at
    quoted = False
    while at < len(text):
        sign = text[at]
        if sign == "\\":
            at += 1
        elif sign == '"':
            quoted = not quoted
        elif sign in ")]" and not quoted:
            return at + 1
        at += 1
    return -1
