"""The text form of one-dimensional arrays: `{1,NULL,"a b"}`."""

import re

from pgstream.errors import FeatureNotSupported, InvalidTextRepresentation

SPACES = " \t\n\v\f\r"
BOUNDS = re.compile(r"\s*((?:\[[+-]?\d+(?::[+-]?\d+)?\]\s*)+)=", re.ASCII)
NEEDS_QUOTES = re.compile(r'["\\{},\s]|^$|^null$', re.IGNORECASE | re.ASCII)


def malformed(text: str, detail: str) -> InvalidTextRepresentation:
    """The error for an array's text that breaks the syntax."""
    return InvalidTextRepresentation(f'malformed array literal: "{text}"', detail=detail)


def element_texts(text: str) -> list[str | None]:
    """The elements' texts in an array's text, None for NULL."""
    bounds = BOUNDS.match(text)
    if bounds is not None and not re.fullmatch(r"\[(1:)?\d+\]\s*", bounds[1]):
        raise FeatureNotSupported("arrays of several dimensions or with a lower bound other than 1 are not supported")
    at = bounds.end() if bounds else 0
    while at < len(text) and text[at] in SPACES:
        at += 1
    if at == len(text) or text[at] != "{":
        raise malformed(text, 'Array value must start with "{" or dimension information.')
    elements, end = ElementReader(text, at + 1).elements()
    if text[end:].strip(SPACES):
        raise malformed(text, "Junk after closing right brace.")
    return elements


class ElementReader:
    """Reads elements up to the closing brace of `text` from index `at` on."""

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at

    def peek(self) -> str:
        """The next character that is not white space."""
        while self.at < len(self.text) and self.text[self.at] in SPACES:
            self.at += 1
        if self.at >= len(self.text):
            raise malformed(self.text, "Unexpected end of input.")
        return self.text[self.at]

    def elements(self) -> tuple[list[str | None], int]:
        """All elements, and the index after the closing brace."""
        elements: list[str | None] = []
        if self.peek() == "}":
            return elements, self.at + 1
        while True:
            elements.append(self.element())
            delimiter = self.peek()
            if delimiter not in ",}":
                raise malformed(self.text, "Unexpected array element.")
            self.at += 1
            if delimiter == "}":
                return elements, self.at

    def element(self) -> str | None:
        """One element, quoted or bare."""
        first = self.peek()
        if first == "{":
            if self.text[: self.at].strip(SPACES).endswith("{"):
                raise FeatureNotSupported("arrays of several dimensions are not supported")
            raise malformed(self.text, 'Unexpected "{" character.')
        if first in ",}":
            raise malformed(self.text, f'Unexpected "{first}" character.')
        return self.quoted() if first == '"' else self.bare()

    def quoted(self) -> str:
        """An element in double quotes; a backslash takes the next character as it is."""
        found = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL).match(self.text, self.at)
        if found is None:
            raise malformed(self.text, "Unexpected end of input.")
        self.at = found.end()
        return re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL)

    def bare(self) -> str | None:
        """An element without quotes: up to a delimiter, without spaces around it."""
        found = re.compile(r'(?:[^"\\{},]|\\.)*', re.DOTALL).match(self.text, self.at)
        assert found is not None
        self.at = found.end()
        if self.at >= len(self.text) or self.text[self.at] == "\\":
            raise malformed(self.text, "Unexpected end of input.")
        if self.text[self.at] == '"':
            raise malformed(self.text, "Unexpected array element.")
        if self.text[self.at] == "{":
            raise malformed(self.text, 'Unexpected "{" character.')
        raw = found[0]
        escaped_space = re.search(r"\\.(\s*)$", raw, re.DOTALL)
        raw = raw[: escaped_space.start(1)] if escaped_space else raw.rstrip(SPACES)
        if raw.lower() == "null":
            return None
        return re.sub(r"\\(.)", r"\1", raw, flags=re.DOTALL)


def array_text(elements: list[str | None]) -> str:
    """The text of an array of `elements`' texts."""
    return "{" + ",".join(map(quoted_element, elements)) + "}"


def quoted_element(element: str | None) -> str:
    """One element as an array's text shows it."""
    if element is None:
        return "NULL"
    if NEEDS_QUOTES.search(element) is None:
        return element
    return '"' + element.replace("\\", "\\\\").replace('"', '\\"') + '"'
