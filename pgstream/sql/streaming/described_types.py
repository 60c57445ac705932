"""Types that hold types: STRUCT<a int, b ROW<…>>, ARRAY<t>, LIST<t> and MAP<k, v>.

Each becomes, in the same number of characters, a type name of one letter whose modifier is the text between the
brackets; `sql/bind/described_types.py` reads that.
"""

import re

FIELDS, ELEMENTS, ENTRIES = "s", "a", "m"
"""The type names under which the insides of STRUCT, ARRAY and MAP are handed on."""

_NAMES = {"struct": FIELDS, "row": FIELDS, "array": ELEMENTS, "list": ELEMENTS, "map": ENTRIES}
_BEGINS = re.compile(r"\b(struct|row|array|list|map)(\s*)([<(])", re.IGNORECASE)
_TYPED = re.compile(r"(?:::|\bAS|\b(?!AS\b|IN\b)\w+|\")\s*$", re.IGNORECASE)
"""What stands before `MAP(k, v)` where that is a type: the name of a column, or a cast."""

_WORDS = r'\s*(?:"(?:[^"]|"")*"|\w+)'
_ITEM = {
    FIELDS: re.compile(rf"{_WORDS}\s*:?{_WORDS}[\w\s\"<>(),\[\]:.]*\Z"),
    ELEMENTS: re.compile(r"\s*[^\W\d][\w\s\"<>(),\[\]:.]*\Z"),
}
_CLOSING = {"<": ">", "(": ")"}


def spelled_types(text: str, made: list[str]) -> list[tuple[int, int]]:
    """Puts names of one letter in place of the types of `text` in `made`, its characters; where these stood."""
    found: list[tuple[int, int]] = []
    for match in _BEGINS.finditer(text):
        start, name = match.start(), _NAMES[match[1].lower()]
        if found and start < found[-1][1]:
            continue
        if match[3] == "(" and not (name == ENTRIES and _TYPED.search(text[:start])):
            continue
        end = _closing(text, match.end() - 1)
        inside = text[match.end() : end - 1] if end else ""
        if not end or not _is_type(name, inside):
            continue
        made[start:end] = f"{name}('{inside}')".ljust(end - start)
        found.append((start, end))
    return found


def _closing(text: str, at: int) -> int:
    """The place after the bracket that closes the one at `at`; 0 where there is none."""
    depth, inside = 0, False
    for place in range(at, len(text)):
        char = text[place]
        inside ^= char == '"'
        if inside or char in "';":
            if char in "';":
                return 0
            continue
        depth += (char in "<(") - (char in ">)")
        if not depth:
            return place + 1 if char == _CLOSING[text[at]] else 0
    return 0


def _is_type(name: str, inside: str) -> bool:
    """Whether what stands between brackets can be what a type holds."""
    pattern = _ITEM[FIELDS if name == FIELDS else ELEMENTS]
    return pattern.match(inside) is not None and re.search(r"\b(and|or|not)\b", inside, re.IGNORECASE) is None
