"""LIKE, ILIKE and regular expressions.

PostgreSQL's advanced regular expressions are translated to Python's `re`, and where RE2 can do it to Arrow's kernels.
Alternatives are tried from left to right; PostgreSQL prefers the longest.
"""

import re
from collections.abc import Callable
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.errors import (
    InvalidEscapeSequence,
    InvalidParameterValue,
    InvalidRegularExpression,
    InvalidUseOfEscapeCharacter,
)
from pgstream.functions.calling import Value, as_column
from pgstream.functions.registry import function

_CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r"\s",
    "blank": r" \t",
    "punct": r"!-/:-@\[-`{-~",
    "xdigit": "0-9A-Fa-f",
    "cntrl": r"\x00-\x1f\x7f",
    "print": r"\x20-\x7e",
    "graph": r"\x21-\x7e",
    "word": r"\w",
}
_ESCAPES = {"m": r"\b(?=\w)", "M": r"\b(?<=\w)", "y": r"\b", "Y": r"\B", "A": r"\A", "Z": r"\Z"}


def python_pattern(pattern: str) -> str:
    """A regular expression of PostgreSQL in Python's syntax."""
    if pattern.startswith("***="):
        return re.escape(pattern[4:])
    made, at = [], 4 if pattern.startswith("***:") else 0
    while at < len(pattern):
        letter = pattern[at]
        if letter == "\\" and at + 1 < len(pattern):
            made.append(_ESCAPES.get(pattern[at + 1], pattern[at : at + 2]))
            at += 2
        elif letter == "[":
            text, at = _bracket(pattern, at)
            made.append(text)
        else:
            made.append(r"\Z" if letter == "$" else letter)
            at += 1
    return "".join(made)


def _bracket(pattern: str, start: int) -> tuple[str, int]:
    """A bracket expression that opens at `start`, and where it ends."""
    for word, meaning in (("[[:<:]]", _ESCAPES["m"]), ("[[:>:]]", _ESCAPES["M"])):
        if pattern.startswith(word, start):
            return meaning, start + len(word)
    at, made = start + 1, ["["]
    if pattern[at : at + 1] == "^":
        made.append("^")
        at += 1
    first = True
    while at < len(pattern) and (pattern[at] != "]" or first):
        found = re.compile(r"\[:(\w+):\]").match(pattern, at)
        if found:
            if found[1] not in _CLASSES:
                raise InvalidRegularExpression("invalid regular expression: invalid character class")
            made.append(_CLASSES[found[1]])
            at = found.end()
        elif pattern[at] == "\\" and at + 1 < len(pattern):
            made.append(pattern[at : at + 2])
            at += 2
        else:
            made.append("\\" + pattern[at] if pattern[at] in "[]&~|" else pattern[at])
            at += 1
        first = False
    if at >= len(pattern):
        raise InvalidRegularExpression("invalid regular expression: brackets [] not balanced")
    return "".join(made) + "]", at + 1


_REASONS = (
    ("unterminated subpattern", "parentheses () not balanced"),
    ("unbalanced parenthesis", "parentheses () not balanced"),
    ("nothing to repeat", "quantifier operand invalid"),
    ("multiple repeat", "quantifier operand invalid"),
    ("bad escape", "invalid escape \\ sequence"),
    ("invalid group reference", "invalid backreference number"),
    ("bad character range", "invalid character range"),
    ("min repeat greater", "invalid repetition count(s)"),
)


@lru_cache(512)
def compiled(pattern: str, flags: str = "") -> re.Pattern[str]:
    """`pattern` with PostgreSQL's flag letters (other than g)."""
    options = re.DOTALL | re.ASCII
    for flag in flags:
        if flag == "i":
            options |= re.IGNORECASE
        elif flag == "c":
            options &= ~re.IGNORECASE
        elif flag in "nm":
            options = options & ~re.DOTALL | re.MULTILINE
        elif flag == "s":
            options = options & ~re.MULTILINE | re.DOTALL
        elif flag == "p":
            options = options & ~re.DOTALL
        elif flag == "w":
            options |= re.MULTILINE
        elif flag == "x":
            options |= re.VERBOSE
        elif flag == "q":
            pattern = "***=" + pattern
        elif flag not in "eb":
            raise InvalidParameterValue(f'invalid regular expression option: "{flag}"')
    text = python_pattern(pattern)
    if options & re.MULTILINE:
        text = text.replace(r"\Z", "$") if r"\Z" not in pattern else text
    try:
        return re.compile(text, options)
    except re.error as error:
        reason = next((told for word, told in _REASONS if word in str(error)), str(error))
        raise InvalidRegularExpression(f"invalid regular expression: {reason}") from None


_SIMPLE = re.compile(
    r"(?:[\w \-,;:/@#%&=<>!~\"']|\.|\*|\+|\?(?!\?)|\||\^|\$|\((?!\?)|\)|\[[\w^\- .@]+\]|\\[dws.])*\Z", re.ASCII
)
"""Patterns that mean the same to RE2."""


def matches(text: Value, pattern: Value, ignore_case: bool) -> Column:
    """Where `pattern` matches somewhere in `text`."""
    flags = "i" if ignore_case else ""
    if isinstance(pattern, pa.Scalar):
        expression = compiled(pattern.as_py(), flags)
        if _SIMPLE.match(pattern.as_py()):
            return pc.match_substring_regex(text, "(?s)" + pattern.as_py(), ignore_case=ignore_case)
        encoded = text.dictionary_encode()
        known = [expression.search(word) is not None for word in encoded.dictionary.to_pylist()]
        return pa.array(known, pa.bool_()).take(encoded.indices)
    words = as_column(text, len(pattern)).to_pylist()
    pairs = zip(words, pattern.to_pylist(), strict=True)
    return pa.array([compiled(some, flags).search(word) is not None for word, some in pairs], pa.bool_())


@lru_cache(512)
def like_expression(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    """A LIKE pattern as a regular expression."""
    made, at = [], 0
    while at < len(pattern):
        letter = pattern[at]
        if letter == "\\":
            at += 1
            if at == len(pattern):
                raise InvalidEscapeSequence("LIKE pattern must not end with escape character")
            made.append(re.escape(pattern[at]))
        else:
            made.append(".*" if letter == "%" else "." if letter == "_" else re.escape(letter))
        at += 1
    return re.compile("".join(made), re.DOTALL | (re.IGNORECASE | re.ASCII if ignore_case else 0))


def like(text: Value, pattern: Value, ignore_case: bool) -> Column:
    """Where the whole of `text` is described by LIKE's `pattern`."""
    if isinstance(pattern, pa.Scalar):
        like_expression(pattern.as_py(), ignore_case)
        return pc.match_like(text, pattern.as_py(), ignore_case=ignore_case)
    words = as_column(text, len(pattern)).to_pylist()
    pairs = zip(words, pattern.to_pylist(), strict=True)
    found = [like_expression(some, ignore_case).fullmatch(word) is not None for word, some in pairs]
    return pa.array(found, pa.bool_())


def _tested(test: Callable[[Value, Value, bool], Column], ignore_case: bool, negated: bool) -> Callable[..., Column]:
    def kernel(text: Value, pattern: Value) -> Column:
        made = test(text, pattern, ignore_case)
        return pc.invert(made) if negated else made

    return kernel


for _test, _names in (
    (
        matches,
        (
            ("~", "regexeq", False, False),
            ("~*", "icregexeq", True, False),
            ("!~", "regexne", False, True),
            ("!~*", "icregexne", True, True),
        ),
    ),
    (
        like,
        (
            ("~~", "like", False, False),
            ("~~*", "iclike", True, False),
            ("!~~", "notlike", False, True),
            ("!~~*", "icnlike", True, True),
        ),
    ),
):
    for _operator, _name, _ignore, _negated in _names:
        for _type in ("text", "name", "bpchar"):
            _pattern = "T.*a" if _test is matches else "T%a_"
            _yes = (not _negated) if _ignore else _negated
            function(
                f"{'text' if _type == 'text' else _type}{_name}({_type}, text) -> bool"
                if _type != "text"
                else f"text{_name}(text, text) -> bool",
                operator=_operator,
                scalars=True,
                doc=f"text {_operator} pattern.",
                examples={f"'thomas'::{_type} {_operator} '{_pattern}'": "t" if _yes else "f"},
            )(_tested(_test, _ignore, _negated))


@function(
    "like_escape(text, text) -> text",
    rowwise=True,
    examples={"like_escape('a#%b', '#')": "a\\%b", "like_escape('a\\b', '')": "a\\\\b"},
)
def like_escape(pattern: str, escape: str) -> str:
    """A LIKE pattern whose escape character is `escape`, as one whose escape character is the backslash."""
    if len(escape) > 1:
        raise InvalidEscapeSequence("invalid escape string", hint="Escape string must be empty or one character.")
    if escape == "\\":
        return pattern
    made, at = [], 0
    while at < len(pattern):
        if escape and pattern[at] == escape:
            made.append("\\" + pattern[at + 1 : at + 2])
            at += 2
            continue
        made.append("\\\\" if pattern[at] == "\\" else pattern[at])
        at += 1
    return "".join(made)


_SIMILAR = {"%": ".*", "_": ".", "(": "(?:", "\\": "\\\\", ".": "\\.", "^": "\\^", "$": "\\$"}
"""What SIMILAR TO writes otherwise than a regular expression does."""


@function(
    "similar_to_escape(text, text) -> text",
    rowwise=True,
    examples={
        "similar_to_escape('a#%(b|c)_', '#')": "^(?:a\\%(?:b|c).)$",
        "similar_to_escape('[a%]+', '')": "^(?:[a%]+)$",
    },
)
def similar_to_escape(pattern: str, escape: str) -> str:
    """SIMILAR TO's pattern as a regular expression."""
    if len(escape) > 1:
        raise InvalidEscapeSequence("invalid escape string", hint="Escape string must be empty or one character.")
    made, escaped, in_class = [], False, False
    for letter in pattern:
        if escaped:
            made.append("\\" + letter)
            escaped = False
        elif letter == escape:
            escaped = True
        elif in_class:
            made.append("\\\\" if letter == "\\" else letter)
            in_class = letter != "]"
        else:
            made.append(_SIMILAR.get(letter, letter))
            in_class = letter == "["
    return f"^(?:{''.join(made)})$"


function(
    "similar_to_escape(text) -> text",
    rowwise=True,
    doc="SIMILAR TO's pattern, whose escape character is the backslash, as a regular expression.",
    examples={"similar_to_escape('a%')": "^(?:a.*)$"},
)(lambda pattern: similar_to_escape(pattern, "\\"))


@function(
    "substring(text, text, text) -> text",
    rowwise=True,
    examples={
        "substring('foobar' SIMILAR '%#\"o_b#\"%' ESCAPE '#')": "oob",
        "substring('foobar' SIMILAR '#\"o_b#\"%' ESCAPE '#')": "NULL",
        "substring('abcdefg' SIMILAR '%#\"b%' ESCAPE '#')": "bcdefg",
        "substring('aXbXc' SIMILAR '%#\"X%#\"%' ESCAPE '#')": "XbXc",
        "substring('abc', 'abc', '#')": "abc",
    },
)
def substring_similar(text: str, pattern: str, escape: str) -> str | None:
    """The part of the text that SIMILAR TO's pattern has between two escaped double quotes."""
    parts = _separated(pattern, escape) if len(escape) == 1 else [pattern]
    if len(parts) > 3:
        raise InvalidUseOfEscapeCharacter(
            "SQL regular expression may not contain more than two escape-double-quote separators"
        )
    before, middle, after = (["", *parts] if len(parts) == 1 else parts) + [""] * (2 - max(len(parts) - 1, 1))
    first, wanted, last = (compiled(similar_to_escape(part, escape)) for part in (before, middle, after))
    for start in range(len(text) + 1):
        if first.search(text[:start]):
            for end in range(len(text), start - 1, -1):
                if wanted.search(text[start:end]) and last.search(text[end:]):
                    return text[start:end]
    return None


def _separated(pattern: str, escape: str) -> list[str]:
    """The parts between escaped double quotes."""
    parts, at = [""], 0
    while at < len(pattern):
        escaped = pattern[at] == escape and at + 1 < len(pattern)
        if escaped and pattern[at + 1] == '"':
            parts.append("")
        else:
            parts[-1] += pattern[at : at + 1 + escaped]
        at += 1 + escaped
    return parts
